"""Kernels are compiled once a process, and anew when anything that they are made of differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lilliput.measure.objects import objects_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lp_inner.h").write_text("#define INNER 1\n")
    (tmp_path / "lp_outer.h").write_text('#include "lp_inner.h"\n')
    (tmp_path / "lp_one.c").write_text(f'#include "lp_outer.h"\n// {tmp_path}\n')
    return tmp_path


def _compiled(folder: Path, *options: str) -> tuple[list[Path], list[Path]]:
    """The objects, and what was compiled for them."""
    compiled: list[Path] = []

    def compile_to(source: Path, made: Path) -> None:
        compiled.append(source)
        made.write_text(source.read_text())

    return objects_of([folder / "lp_one.c"], [folder], ("cc", *options), compile_to), compiled


def test_a_file_is_compiled_once(folder: Path) -> None:
    first, compiled = _compiled(folder)
    again, compiled_again = _compiled(folder)
    assert first == again
    assert compiled == [folder / "lp_one.c"]
    assert compiled_again == []
    assert first[0].read_text() == (folder / "lp_one.c").read_text()


@pytest.mark.parametrize("file", ["lp_one.c", "lp_outer.h", "lp_inner.h"])
def test_another_text_is_another_object(folder: Path, file: str) -> None:
    before, _ = _compiled(folder)
    (folder / file).write_text((folder / file).read_text() + "// changed\n")
    after, compiled = _compiled(folder)
    assert before != after
    assert compiled == [folder / "lp_one.c"]


def test_other_options_are_another_object(folder: Path) -> None:
    before, _ = _compiled(folder, "-O2")
    after, compiled = _compiled(folder, "-Os")
    assert before != after
    assert compiled == [folder / "lp_one.c"]


def test_an_object_that_is_gone_is_made_again(folder: Path) -> None:
    (made,), _ = _compiled(folder)
    made.unlink()
    (again,), compiled = _compiled(folder)
    assert again.exists()
    assert compiled == [folder / "lp_one.c"]


def test_a_compiler_that_fails_leaves_no_object(folder: Path) -> None:
    def fail(source: Path, made: Path) -> None:
        made.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        objects_of([folder / "lp_one.c"], [folder], ("cc", "broken"), fail)
    _, compiled = _compiled(folder, "broken")
    assert compiled == [folder / "lp_one.c"]
