"""The manifest that lies beside compiled C."""

import dataclasses
import json

import pytest

from lilliput.errors import ConfigError, FormatError
from lilliput.measure.artifact import MANIFEST, MODEL, manifest_text, read_artifact
from lilliput.targets import board


def write(folder, **changes) -> None:
    for name in ("small.c", "small.h", MODEL):
        (folder / name).write_text(f"/* {name} */")
    values = json.loads(manifest_text("small", board("rp2040"), ["small.c", "small.h"], "0.1.0"))
    (folder / MANIFEST).write_text(json.dumps({**values, **changes}))


def test_a_manifest_reads_back(tmp_path) -> None:
    write(tmp_path)
    found = read_artifact(tmp_path)
    assert (found.name, found.board, found.files, found.version) == (
        "small",
        board("rp2040"),
        ("small.c", "small.h"),
        "0.1.0",
    )
    assert found.texts() == {"small.c": "/* small.c */", "small.h": "/* small.h */"}
    assert found.model_path == tmp_path / MODEL


def test_a_shipped_board_is_named_and_another_one_is_written_out() -> None:
    shipped = board("rp2040")
    changed = dataclasses.replace(shipped, ram_bytes=1024)
    own = dataclasses.replace(shipped, name="mine")
    assert json.loads(manifest_text("small", shipped, [], "1"))["board"] == "rp2040"
    for other in (changed, own):
        assert json.loads(manifest_text("small", other, [], "1"))["board"]["ram_bytes"] == other.ram_bytes


def test_an_own_board_reads_back(tmp_path) -> None:
    own = dataclasses.replace(board("nucleo-l4r5zi"), name="mine", clock_hz=1)
    write(tmp_path, board=own.to_dict())
    assert read_artifact(tmp_path).board == own


def test_an_empty_directory_is_refused_with_the_command_that_fills_it(tmp_path) -> None:
    with pytest.raises(FormatError, match="lilliput compile"):
        read_artifact(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Small"},
        {"name": 3},
        {"files": []},
        {"files": "small.c"},
        {"files": ["../small.c"]},
        {"files": ["/etc/passwd"]},
        {"files": ["missing.c"]},
        {"files": [3]},
        {"model": "../model.safetensors"},
        {"model": None},
        {"board": 3},
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path, changes) -> None:
    write(tmp_path, **changes)
    with pytest.raises(FormatError):
        read_artifact(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"name": "small"}', "[" * 100000, "\udcff"])
def test_what_is_no_manifest_is_refused(tmp_path, text) -> None:
    (tmp_path / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FormatError):
        read_artifact(tmp_path)


def test_an_unknown_board_is_named(tmp_path) -> None:
    write(tmp_path, board="nucleo-x")
    with pytest.raises(ConfigError, match="nucleo-x"):
        read_artifact(tmp_path)


def test_a_file_that_went_away_is_named(tmp_path) -> None:
    write(tmp_path)
    found = read_artifact(tmp_path)
    (tmp_path / "small.c").unlink()
    with pytest.raises(FormatError, match=r"small\.c"):
        found.texts()
