"""What is written appears whole or not at all, whatever ends the writing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lilliput.errors import StorageError
from lilliput.flow import files


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "study.json"
    files.write_atomically(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"study\.json could not be written") as caught:
        files.write_atomically(path, "new")
    assert "free some disk space" in caught.value.hint
    assert [entry.name for entry in tmp_path.iterdir()] == ["study.json"]
    assert path.read_text() == "old"


def fail_inside(target: Path) -> None:
    """Fails while the folder is being filled."""
    with files.whole_directory(target) as part:
        (part / "half").write_text("x")
        raise ZeroDivisionError


def test_a_directory_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(ZeroDivisionError):
        fail_inside(target)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_or_put_back(tmp_path: Path) -> None:
    gone = 2**22 + 1  # above the largest process number that Linux gives
    (tmp_path / f".out.{gone}.part").mkdir()
    old = tmp_path / f".out.{gone}.old.part"
    old.mkdir()
    (old / files.MANIFEST).write_text("{}")
    with pytest.raises(ZeroDivisionError):
        fail_inside(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_read_only_folder_is_an_error_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(StorageError) as caught:
        files.write_atomically(tmp_path / "new" / "file", "x")
    assert "may write to" in caught.value.hint
