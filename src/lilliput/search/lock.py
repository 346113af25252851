"""One process at a time: a lock that the system releases however its holder ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from lilliput.errors import StorageError, StudyError


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` while the block runs.  The file stays; it is the lock on it that counts.

    Raises:
        StudyError: another process holds it.
        StorageError: the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(f"cannot write {path}", str(error), "give a folder that can be written") from error
    try:
        if not _lock(handle):
            holder = os.pread(handle, 64, 0).decode("ascii", "replace").strip()
            raise StudyError(
                f"another process is running the study in {path.parent}",
                f"it holds the lock {path.name}" + (f" (process {holder})" if holder.isdigit() else ""),
                "wait until it is done, or end it first; a study that was killed holds no lock",
            )
        # Who holds it is a courtesy to the reader of the message: a full disk does not matter here.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; SQLite's own locking still keeps the file whole there.
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
