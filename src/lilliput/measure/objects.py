"""Compiled kernels that later builds of the same process use again.

Networks share most of their C: the kernels and the frame of the firmware.  What a file is compiled to follows
from the compiler, its options, and the text of the file and of all headers that it includes, so a hash of
these names the object.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)

Compile = Callable[[Path, Path], None]
"""Compiles a C file to an object."""


def objects_of(
    sources: Sequence[Path], include: Sequence[Path], compiled_by: Sequence[str], compile_to: Compile
) -> list[Path]:
    """An object for each of `sources`; those that are not there yet are compiled.

    Args:
        sources: C files.
        include: folders in which headers are looked for after the file's own.
        compiled_by: the compiler and all its options.
        compile_to: called with each file that is missing.
    """
    objects = []
    for source in sources:
        made = _folder() / f"{_name(source, include, compiled_by)}.o"
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=_folder()) as folder:
                part = Path(folder) / "part.o"
                compile_to(source, part)
                part.replace(made)
        objects.append(made)
    return objects


def _name(source: Path, include: Sequence[Path], compiled_by: Sequence[str]) -> str:
    digest = hashlib.sha256("\0".join((source.name, *compiled_by)).encode())
    for text in _texts(source, include, set()):
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()


def _texts(path: Path, include: Sequence[Path], seen: set[Path]) -> Iterator[str]:
    """The text of a file and of all that it includes; headers of the system belong to the compiler."""
    if path in seen:
        return
    seen.add(path)
    text = path.read_text(encoding="utf-8")
    yield text
    for name in _INCLUDE.findall(text):
        for folder in (path.parent, *include):
            if (folder / name).exists():
                yield from _texts(folder / name, include, seen)
                break


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    """Lives as long as the process."""
    return tempfile.TemporaryDirectory(prefix="lilliput-objects-")


def _folder() -> Path:
    folder = Path(_kept().name)
    folder.mkdir(mode=0o700, exist_ok=True)  # something may have tidied up
    return folder
