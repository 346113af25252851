"""What the core waits for: its flash, through the cache before it, and transfers of unaligned accesses.

A cache keeps the lines that were used last.  A load that misses waits for as long as the board's file says; a
fetch that misses too, unless the flash fetches the next line ahead: then `PREFETCHED` of it is left.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import unicorn
from numpy.typing import NDArray

from lilliput.measure import hooks
from lilliput.measure.accesses import accesses
from lilliput.measure.instructions import disassembler
from lilliput.targets import Board, FlashCache

PREFETCHED = 0.6
"""Share of a wait that is left where the next line is fetched ahead.

With it, estimates for published code of other engines meet the latencies that MLPerf Tiny publishes for a
NUCLEO-L4R5ZI: 0.96 of them on average over eight builds, 0.91 to 1.03.
"""

_WITHOUT_CACHE = FlashCache(instruction_bytes=0, data_bytes=0, line_bytes=4)
_NO_LINE = 0xFFFFFFFF


@dataclass(frozen=True)
class Waits:
    """How often the core waited.

    Attributes:
        splits: transfers that unaligned accesses took beyond their first.
        data_misses: loads of words from flash that were not in the cache.
        instruction_misses: the same for lines of code.
    """

    splits: int
    data_misses: int
    instruction_misses: int

    def cycles(self, board: Board, split_access: int) -> float:
        """Cycles that they take on `board`, `split_access` for each transfer."""
        share = PREFETCHED if board.flash_cache and board.flash_cache.prefetch else 1.0
        misses = self.data_misses + share * self.instruction_misses
        return self.splits * split_access + (board.flash_wait_states or 0) * misses


class _Cache(ctypes.Structure):
    """Mirror of lp_cache in memory_hook.c."""

    _fields_ = (
        ("tags", ctypes.c_void_p),
        ("ages", ctypes.c_void_p),
        ("lines", ctypes.c_uint32),
        ("ways", ctypes.c_uint32),
        ("clock", ctypes.c_uint32),
    )


class _State(ctypes.Structure):
    """Mirror of lp_memory in memory_hook.c."""

    _fields_ = (
        ("entries", ctypes.c_void_p),
        ("accesses", ctypes.c_void_p),
        ("read_register", ctypes.c_void_p),
        ("waits", ctypes.c_void_p),
        ("instructions", _Cache),
        ("data", _Cache),
        ("entry_count", ctypes.c_uint32),
        ("flash_end", ctypes.c_uint32),
        ("line_shift", ctypes.c_uint32),
        ("unified", ctypes.c_uint32),
        ("layer", ctypes.c_uint32),
        ("line", ctypes.c_uint32),
    )


_ACCESS = np.dtype(
    [
        *((name, "u1") for name in ("loads", "size_bytes", "count", "shift")),
        *((name, "i2") for name in ("base", "index")),
        ("offset", "i4"),
    ],
    align=True,
)
_WAITS = np.dtype([("splits", "u8"), ("data_misses", "u8"), ("instruction_misses", "u8")], align=True)


def count_waits(
    emulator: Any,
    run: Callable[[], object],
    blocks: Mapping[int, bytes],
    entries: NDArray[np.uint16],
    board: Board,
    flash_end: int,
) -> dict[int | None, Waits] | None:
    """How often the core waits while `run` drives the emulator.

    Args:
        emulator: the unicorn machine.
        run: executes the program.
        blocks: address → code of every block that it executes.
        entries: as for `Recorder`.
        board: for its core and the cache before its flash.
        flash_end: address behind the flash, which begins at 0.

    Returns:
        Layer number, None for what belongs to no layer → its waits; None where the hooks cannot be built.
    """
    library = hooks.native_hooks() if hasattr(emulator, "_uch") else None
    if library is None:
        return None
    cache = board.flash_cache or _WITHOUT_CACHE
    table = _table(blocks, len(entries), board.core.arch)
    waits = np.zeros(int(entries.max()) + 1, _WAITS)
    instructions, data = (_Places(cache, size) for size in (cache.instruction_bytes, cache.data_bytes))
    state = _State(
        entries=entries.ctypes.data,
        accesses=table.ctypes.data,
        read_register=ctypes.cast(hooks.unicorn_library().uc_reg_read, ctypes.c_void_p),
        waits=waits.ctypes.data,
        instructions=instructions.state,
        data=data.state,
        entry_count=len(entries),
        flash_end=flash_end,
        line_shift=cache.line_bytes.bit_length() - 1,
        unified=cache.unified,
        line=_NO_LINE,
    )
    handle = hooks.add_hook(emulator, unicorn.UC_HOOK_CODE, library.lp_memory_model_hook, state)
    # Blocks that were translated before the hook existed would not report.
    emulator.ctl_flush_tb()
    try:
        run()
    finally:
        hooks.remove_hook(emulator, handle)
        emulator.ctl_flush_tb()
    return {layer - 1 if layer else None: Waits(*found) for layer, found in enumerate(waits.tolist())}


class _Places:
    """The memory of one cache."""

    def __init__(self, cache: FlashCache, size_bytes: int) -> None:
        lines = size_bytes // cache.line_bytes
        self._tags = np.full(max(lines, 1), _NO_LINE, np.uint32)
        self._ages = np.zeros(max(lines, 1), np.uint32)
        self.state = _Cache(
            tags=self._tags.ctypes.data,
            ages=self._ages.ctypes.data,
            lines=lines,
            ways=min(cache.ways, lines) if cache.ways else lines,
        )


def _table(blocks: Mapping[int, bytes], length: int, arch: str) -> NDArray[np.void]:
    """For every halfword of code: the access of the instruction that begins there."""
    found = np.zeros(length, _ACCESS)
    reader = disassembler(arch)
    for start, code in blocks.items():
        for address, access in accesses(reader, code, start):
            registers = (-1 if number is None else number for number in (access.base, access.index))
            loads, size_bytes, count, _, _, shift, offset = astuple(access)
            found[address // 2] = (loads, size_bytes, count, shift, *registers, offset)
    return found
