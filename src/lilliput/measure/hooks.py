"""Hooks of the emulator that are written in C: Python ones would take ten times as long as the emulation."""

from __future__ import annotations

import ctypes
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import unicorn

from lilliput.errors import LilliputError, MeasureError
from lilliput.measure.toolchain import find_host_compiler, run_compiler

_SOURCES = Path(__file__).parent / "native"


@cache
def native_hooks() -> Any:
    """The hooks in C, None where they cannot be built or unicorn's library is elsewhere than expected."""
    try:
        unicorn_library()
        with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
            built = Path(folder) / "hooks.so"
            sources = [str(path) for path in sorted(_SOURCES.glob("*.c"))]
            options = ("-std=c99", "-O2", "-fPIC", "-shared")
            run_compiler([*find_host_compiler(), *options, *sources, "-o", str(built)])
            return ctypes.CDLL(str(built))
    except (LilliputError, ImportError, AttributeError, OSError):
        return None


def unicorn_library() -> Any:
    """unicorn's own library as ctypes sees it: its Python interface takes Python callbacks only."""
    from unicorn.unicorn_py3.unicorn import uclib

    return uclib


def add_hook(emulator: Any, kind: int, function: Any, state: ctypes.Structure) -> int:
    """Let the emulator call a C function, which gets `state`; returns what `remove_hook` takes.

    Raises:
        MeasureError: the emulator refused.
    """
    handle = ctypes.c_size_t()
    status = unicorn_library().uc_hook_add(
        emulator._uch,
        ctypes.byref(handle),
        ctypes.c_int(kind),
        ctypes.cast(function, ctypes.c_void_p),
        ctypes.cast(ctypes.pointer(state), ctypes.c_void_p),
        ctypes.c_uint64(1),
        ctypes.c_uint64(0),
    )
    if status != unicorn.UC_ERR_OK:
        raise MeasureError("the emulator refused a hook", unicorn.UcError(status).__str__(), "")
    return handle.value


def remove_hook(emulator: Any, handle: int) -> None:
    """Take a hook away that `add_hook` added."""
    unicorn_library().uc_hook_del(emulator._uch, ctypes.c_size_t(handle))
