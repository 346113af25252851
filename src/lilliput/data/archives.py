"""Files inside a folder or a .zip archive, read alike; nothing is unpacked to the disk."""

from __future__ import annotations

import io
import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from lilliput.errors import DataError

MEMBER_BYTES = 2 << 30
"""A file in an archive that claims to be larger is refused."""
DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(MemoryError, RuntimeError),  # among them NotImplementedError: a kind of archive that Python lacks
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(SyntaxError, tokenize.TokenError),  # numpy parses the headers of .npy files as Python
)
"""What Python's, numpy's and Pillow's readers raise on files that are damaged."""


class Archive:
    """A folder or an archive.

    Args:
        path: a folder, or a .zip or .whl file.

    Raises:
        DataError: it is neither.
    """

    def __init__(self, path: Path, zipped: zipfile.ZipFile | None = None) -> None:
        self.path = path
        self._zip = zipped
        if zipped is None and not path.is_dir():
            try:
                self._zip = zipfile.ZipFile(path)
            except DAMAGE as error:
                raise DataError(f"{path}: not a readable archive", reason(error), "get it again") from error
        self.names = tuple(sorted(self._zip.namelist() if self._zip else _below(path)))
        self._by_file: dict[str, list[str]] = {}
        for name in self.names:
            self._by_file.setdefault(PurePosixPath(name).name, []).append(name)

    def read(self, name: str) -> bytes:
        """The content of one file.

        Raises:
            DataError: damaged or too large.
        """
        try:
            if self._zip is None:
                return (self.path / name).read_bytes()
            if self._zip.getinfo(name).file_size > MEMBER_BYTES:
                raise ValueError(f"it unpacks to more than {MEMBER_BYTES} bytes")
            return self._zip.read(name)
        except DAMAGE as error:
            raise DataError(f"{self.path}: {name} cannot be read", reason(error), "get it again") from error

    def ending(self, *parts: str) -> str | None:
        """The first file whose path ends in these parts, None if there is none."""
        for name in self._by_file.get(parts[-1], ()):
            if PurePosixPath(name).parts[-len(parts) :] == parts:
                return name
        return None

    def text(self, *parts: str) -> str:
        """The text of the file whose path ends in these parts.

        Raises:
            DataError: there is none, or it is damaged.
        """
        name = self.ending(*parts)
        if name is None:
            raise DataError(
                f"{self.path} lacks {'/'.join(parts)}", "the archive is not what was expected", "get it again"
            )
        return self.read(name).decode("utf-8", "replace")

    def inner(self, suffix: str) -> Archive | None:
        """The first archive inside whose name ends in `suffix`, None if there is none.

        Raises:
            DataError: it is damaged.
        """
        for name in self.names:
            if name.endswith(suffix):
                try:
                    inside = zipfile.ZipFile(io.BytesIO(self.read(name)))
                except DAMAGE as error:
                    raise DataError(
                        f"{self.path}: {name} is damaged", reason(error), "get it again"
                    ) from error
                return Archive(self.path, inside)
        return None

    def close(self) -> None:
        """Closes the file."""
        if self._zip is not None:
            self._zip.close()


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """An archive that is closed at the end of the block."""
    archive = Archive(path)
    try:
        yield archive
    finally:
        archive.close()


def reason(error: Exception) -> str:
    """What a reader says of a damaged file, or the kind of error where it says nothing."""
    return str(error) or type(error).__name__


def _below(path: Path) -> list[str]:
    return [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
