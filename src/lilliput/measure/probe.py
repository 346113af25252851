"""Runs firmware on a board, driven through its debug probe with pyocd.

Nothing is needed on the board but the firmware: inputs and outputs go through the probe, a function is
called by setting the core's registers, and the core's cycle counter is read before and after.  The chip keeps
the clock that it has after reset, which is slower than the full clock and so waits less for its flash;
cycles are what was counted there, and no latency is derived from them.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import MeasureError, ToolchainError
from lilliput.measure.elf import Image
from lilliput.net.graph import Net
from lilliput.targets import Board

TIMEOUT_S = 300  # for one inference

_PAINT = 0xA5
_DEMCR, _TRACE_ENABLE = 0xE000EDFC, 1 << 24
_DWT_CONTROL, _DWT_CYCLES, _COUNT_ENABLE, _NO_COUNTER = 0xE0001000, 0xE0001004, 1, 1 << 25


@dataclass(frozen=True)
class BoardRun:
    """What the board reports.

    Attributes:
        stack_bytes: greatest depth of the stack.
        cycles: of the last inference at the clock after reset; None where the core cannot count.
    """

    stack_bytes: int
    cycles: int | None


def run_on_board(
    image: Image, path: Path, net: Net, board: Board, vectors: NDArray[np.generic]
) -> tuple[NDArray[np.generic], BoardRun]:
    """Flash `path` and run `vectors` on the board that is connected.

    Args:
        image: the firmware, linked for the chip's own addresses.
        path: its ELF file.
        net: for the output's shape and type.
        board: whose chip is to be there.
        vectors: inputs, (n, *input shape).

    Returns:
        The outputs, (n, *output shape), and what they took.

    Raises:
        ToolchainError: pyocd is missing, or finds no probe or another chip.
        MeasureError: the firmware faulted, did not end, or returned an error code.
    """
    helpers, programmer, errors = _pyocd()
    if board.pyocd_target is None:
        raise ToolchainError(
            f"{board.name} cannot be measured through a probe",
            "its file has no pyocd_target",
            "use --on emulator",
        )
    options = {"target_override": board.pyocd_target}
    try:
        session = helpers.ConnectHelper.session_with_chosen_probe(
            blocking=False, return_first=True, options=options
        )
        if session is None:
            raise ToolchainError("there is no debug probe", "pyocd found none", "connect the board by USB")
        with session:
            programmer.FileProgrammer(session).program(str(path), file_format="elf")
            return _Driver(session.board.target, image, net).run(vectors)
    except errors.Error as error:
        raise ToolchainError(
            f"pyocd could not drive {board.name}",
            str(error),
            f"try `pyocd pack install {board.pyocd_target}`, or `pyocd list` to see what is connected",
        ) from error


def _pyocd() -> tuple[Any, Any, Any]:
    try:
        return (
            importlib.import_module("pyocd.core.helpers"),
            importlib.import_module("pyocd.flash.file_programmer"),
            importlib.import_module("pyocd.core.exceptions"),
        )
    except ImportError as error:
        raise ToolchainError(
            "a board cannot be measured without pyocd",
            "it is not installed",
            "pip install pyocd, or use --on emulator",
        ) from error


class _Driver:
    """Calls functions of the firmware on a halted core."""

    def __init__(self, target: Any, image: Image, net: Net) -> None:
        self._target, self._image, self._net = target, image, net
        # Both lie in flash and are never reached by a call that goes well.
        self._back = image.address("Reset")
        self._fault = image.address("lp_bench_fault")

    def run(self, vectors: NDArray[np.generic]) -> tuple[NDArray[np.generic], BoardRun]:
        target, output = self._target, self._net.output
        target.reset_and_halt()
        target.set_breakpoint(self._back)
        target.set_breakpoint(self._fault)
        self._call("lp_bench_init")
        bottom, top = self._paint_stack()
        counts = self._start_counter()
        at_input, at_output = self._word("lp_bench_input"), self._word("lp_bench_output")
        outputs = np.empty((len(vectors), *output.shape), output.dtype.numpy)
        cycles = None
        for row, x in zip(outputs, vectors, strict=True):
            target.write_memory_block8(at_input, list(x.tobytes()))
            if counts:
                target.write32(_DWT_CYCLES, 0)
            status = self._call("lp_bench_run")
            if status:
                raise MeasureError(
                    f"{self._net.name}_run returned {status}", "on the board", "see its header"
                )
            if counts:
                cycles = int(target.read32(_DWT_CYCLES))
            found = bytes(target.read_memory_block8(at_output, output.storage_bytes))
            row[...] = np.frombuffer(found, row.dtype).reshape(row.shape)
        target.remove_breakpoint(self._back)
        target.remove_breakpoint(self._fault)
        return outputs, BoardRun(self._stack_depth(bottom, top), cycles)

    def _word(self, symbol: str) -> int:
        return int(self._target.read32(self._image.address(symbol)))

    def _call(self, function: str) -> int:
        target = self._target
        target.write_core_register("sp", self._image.address("_estack"))
        target.write_core_register("lr", self._back | 1)
        target.write_core_register("pc", self._image.address(function))
        target.write_core_register("xpsr", 1 << 24)  # Thumb state, no exception active
        target.resume()
        end = time.monotonic() + TIMEOUT_S
        while target.get_state().name != "HALTED":
            if time.monotonic() > end:
                target.halt()
                raise MeasureError(f"{function} did not return in {TIMEOUT_S} s", "on the board", "")
            time.sleep(0.001)
        if int(target.read_core_register("pc")) & ~1 != self._back:
            raise MeasureError(
                f"{function} of '{self._net.name}' faulted", "on the board", "use --on emulator to see where"
            )
        return int(target.read_core_register("r0"))

    def _start_counter(self) -> bool:
        """Start the cycle counter; False on cores without one, such as the Cortex-M0+."""
        target = self._target
        target.write32(_DEMCR, target.read32(_DEMCR) | _TRACE_ENABLE)
        control = target.read32(_DWT_CONTROL)
        if control == 0 or control & _NO_COUNTER:
            return False
        target.write32(_DWT_CONTROL, control | _COUNT_ENABLE)
        return True

    def _paint_stack(self) -> tuple[int, int]:
        top = self._image.address("_estack")
        ends = [part.address + part.size_bytes for part in self._image.sections if part.writable]
        bottom = max(max(ends), top - (16 << 10))  # painting through a probe is slow
        self._target.write_memory_block8(bottom, [_PAINT] * (top - bottom))
        return bottom, top

    def _stack_depth(self, bottom: int, top: int) -> int:
        found = self._target.read_memory_block8(bottom, top - bottom)
        untouched = next((index for index, value in enumerate(found) if value != _PAINT), len(found))
        return len(found) - untouched
