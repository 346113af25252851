"""The C kernels that ship in the wheel, one function a file, and how to read their text."""

from __future__ import annotations

from importlib.resources import files


def runtime_text(file: str) -> str:
    """The text of `lp.h`, `lp_internal.h` or `lp_<kernel>.c`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return files(__package__).joinpath(file).read_text(encoding="utf-8")


def runtime_files() -> tuple[str, ...]:
    """Names of all C files and headers."""
    return tuple(
        sorted(file.name for file in files(__package__).iterdir() if file.name.endswith((".c", ".h")))
    )
