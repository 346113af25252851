"""Counts the basic blocks that an emulated program executes, layer by layer."""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import unicorn
from numpy.typing import NDArray

from lilliput.errors import MeasureError
from lilliput.measure import hooks

_EDGES = 1 << 17
_NO_BLOCK = 0xFFFFFFFF

NOTHING, OUTSIDE, FIRST_LAYER = 0, 1, 2
"""What begins at a halfword of code: nothing, code of no layer, or layer number (value - FIRST_LAYER)."""


@dataclass(frozen=True)
class Edge:
    """`count` times control went from the block at `previous` to that at `current`, in `layer` or in none."""

    previous: int
    current: int
    size_bytes: int
    layer: int | None
    count: int


class _State(ctypes.Structure):
    """Mirror of lp_profile in block_hook.c."""

    _fields_ = (
        ("entries", ctypes.c_void_p),
        ("edges", ctypes.c_void_p),
        ("unaligned", ctypes.c_uint64),
        ("entry_count", ctypes.c_uint32),
        ("edge_mask", ctypes.c_uint32),
        ("used", ctypes.c_uint32),
        ("previous", ctypes.c_uint32),
        ("layer", ctypes.c_uint32),
        ("full", ctypes.c_uint32),
    )


_EDGE = np.dtype(
    [("previous", "u4"), ("current", "u4"), ("size_bytes", "u4"), ("layer", "u4"), ("count", "u8")],
    align=True,
)


class Recorder:
    """Counts blocks while an emulator runs.

    Args:
        emulator: the unicorn machine.
        entries: for every halfword of code from address 0 on: `NOTHING`, `OUTSIDE` or `FIRST_LAYER` + number.
        watch_alignment: also count accesses that are not aligned to their size (a core without the Armv6-M
            restriction must leave this off: unicorn's memory hook breaks on conditional accesses).
    """

    def __init__(self, emulator: Any, entries: NDArray[np.uint16], watch_alignment: bool = False) -> None:
        self._emulator = emulator
        self._entries = entries
        self._watch_alignment = watch_alignment
        self._handles: list[int] = []
        self._library = hooks.native_hooks() if hasattr(emulator, "_uch") else None
        self._table = np.zeros(_EDGES if self._library else 0, _EDGE)
        self._state = _State(
            entries=entries.ctypes.data,
            edges=self._table.ctypes.data,
            entry_count=len(entries),
            edge_mask=_EDGES - 1,
            previous=_NO_BLOCK,
        )
        self._counts: Counter[tuple[int, int, int, int]] = Counter()
        self._unaligned = 0

    def __enter__(self) -> Recorder:
        if self._library:
            self._add_native(unicorn.UC_HOOK_BLOCK, self._library.lp_block_hook)
            if self._watch_alignment:
                kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
                self._add_native(kinds, self._library.lp_memory_hook)
        else:
            self._handles.append(self._emulator.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block))
            if self._watch_alignment:
                kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
                self._handles.append(self._emulator.hook_add(kinds, self._on_access))
        # Blocks that were translated before the hook existed would not report.
        self._emulator.ctl_flush_tb()
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            if self._library:
                hooks.remove_hook(self._emulator, handle)
            else:
                self._emulator.hook_del(handle)
        self._emulator.ctl_flush_tb()

    def _add_native(self, kind: int, function: Any) -> None:
        self._handles.append(hooks.add_hook(self._emulator, kind, function, self._state))

    def _on_block(self, _emulator: Any, address: int, size_bytes: int, _user: object) -> None:
        state = self._state
        if address // 2 < len(self._entries) and self._entries[address // 2]:
            state.layer = int(self._entries[address // 2]) - 1
        self._counts[state.previous, address, size_bytes, state.layer] += 1
        state.previous = address

    def _on_access(
        self, _emulator: Any, _type: int, address: int, size: int, _value: int, _user: object
    ) -> None:
        self._unaligned += address % size != 0

    @property
    def unaligned(self) -> int:
        """Accesses that were not aligned to their size."""
        return int(self._state.unaligned) + self._unaligned

    def edges(self) -> list[Edge]:
        """What was counted.

        Raises:
            MeasureError: the program has more different edges than the counter has room for.
        """
        if self._state.full:
            raise MeasureError(
                "the program has too many basic blocks to count", f"more than {_EDGES // 2}", ""
            )
        for previous, current, size_bytes, layer, count in self._table[self._table["count"] > 0].tolist():
            self._counts[previous, current, size_bytes, layer] += count
        self._table["count"] = 0
        return [
            Edge(previous, current, size_bytes, layer - 1 if layer else None, count)
            for (previous, current, size_bytes, layer), count in self._counts.items()
        ]
