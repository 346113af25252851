"""Files and directories that are written whole or not at all.

Everything is written under another name in the same folder and then renamed, so that a process killed at any
moment, or a full disk, leaves either the old content or the new, never a part.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lilliput.errors import ConfigError, StorageError
from lilliput.measure.artifact import MANIFEST

_PART = ".part"


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns failures to write `path` into an error that says what to do.

    Raises:
        StorageError: disk full, no permission, and the like.
    """
    try:
        yield
    except OSError as error:
        hints = {
            errno.ENOSPC: "free some disk space, then go on with --resume",
            errno.EDQUOT: "free some of your quota, then go on with --resume",
            errno.EACCES: "choose a folder that you may write to",
            errno.EROFS: "choose a folder that you may write to",
        }
        hint = hints.get(error.errno or 0, "check the path and the disk")
        raise StorageError(f"{path} could not be written", error.strerror or str(error), hint) from error


def write_with(path: Path, write: Callable[[Path], None]) -> None:
    """Has `write` fill a file beside `path`, then puts it in place of `path`.

    Raises:
        StorageError: it could not be written; `path` is as it was.
    """
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
        try:
            write(part)
            with part.open("rb+") as stream:
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes text (UTF-8) or bytes to `path`, whole or not at all.

    Raises:
        StorageError: it could not be written; `path` is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    write_with(path, lambda part: _write_bytes(part, data))


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as JSON, whole or not at all.

    Raises:
        StorageError: it could not be written.
    """
    write_atomically(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@contextmanager
def whole_directory(target: Path) -> Iterator[Path]:
    """Gives an empty folder that takes the place of `target` when the block ends without an error.

    `target` may be missing, empty, or made this way before; the block must write a `MANIFEST` into it.

    Raises:
        ConfigError: `target` is something else, which is left alone.
        StorageError: it could not be written; `target` is as it was.
    """
    refuse_stranger(target)
    with storing(target):
        target = target.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        part = target.with_name(f".{target.name}.{os.getpid()}{_PART}")
        part.mkdir()
    try:
        with storing(target):
            yield part
        with storing(target):
            _swap(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def refuse_stranger(target: Path) -> None:
    """Makes sure that replacing `target` destroys nothing but what Lilliput wrote.

    Raises:
        ConfigError: it is a file, or a folder with other things in it.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"{target} is a file", "an output folder is needed", "choose another name with -o")
    if any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise ConfigError(
            f"{target} holds files that Lilliput did not write",
            f"it has no {MANIFEST}",
            "choose another folder with -o, or empty this one",
        )


def read_json(path: Path) -> Any:
    """The JSON value in a file.

    Raises:
        ConfigError: missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist", "there is no such file", "check the path") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read", str(error), "it is damaged: make it again") from error


def _write_bytes(part: Path, data: bytes) -> None:
    part.write_bytes(data)


def _swap(part: Path, target: Path) -> None:
    if not target.exists():
        part.rename(target)
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old{_PART}")
    target.rename(old)
    try:
        part.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Removes what processes that no longer live left beside `target`."""
    for stale in sorted(target.parent.glob(f".{target.name}.*{_PART}")):
        owner, *rest = stale.name.removeprefix(f".{target.name}.").split(".")
        if not owner.isdigit() or _alive(int(owner)):
            continue
        if rest[0] == "old" and not target.exists():  # killed between the two renames of `_swap`
            stale.rename(target)
        else:
            shutil.rmtree(stale, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
