"""Runs firmware in QEMU, for cores that unicorn does not know: outputs, instructions and stack.

The firmware's `semihosting.c` reads inputs from a file and writes outputs and a record to another.  QEMU's
clock goes on by the same time with every instruction, so that a timer counts them.  What each layer takes of
them is in QEMU's log: the blocks that it translates, instruction by instruction, and those that it executes.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import MeasureError, ToolchainError
from lilliput.measure.elf import Image
from lilliput.measure.emulator import Emulator, Profile, layer_entries
from lilliput.measure.profile import FIRST_LAYER, OUTSIDE
from lilliput.targets import Board

PROGRAM = "qemu-system-arm"
TIMEOUT_S = 300  # for all inputs of a call

_RECORD = struct.Struct("<iII")  # status, ticks, bytes of stack
_INSTRUCTION_NS = 32  # as -icount's shift below says
_TICK_NS = 31.25  # the timer of mps3-an547 has 32 MHz
_ICOUNT = "shift=5,align=off,sleep=off"
_FIRST_OF_TWO = 0xE800  # from here on, a halfword begins an instruction of two
_LOG = ("-d", "exec,nochain,in_asm")


class QemuEmulator:
    """A core in QEMU, with one firmware.

    Args:
        image: the firmware, as `build_firmware` makes it.
        name: of the network in it.
        board: for its core and the size of its RAM.

    Raises:
        ToolchainError: QEMU is not installed.
    """

    def __init__(self, image: Image, name: str, board: Board) -> None:
        self.image, self._name, self._board, self._program = image, name, board, _program(board)
        self.input_bytes = self._constant("lp_bench_input_bytes")
        self.output_bytes = self._constant("lp_bench_output_bytes")

    def run(self, x: bytes) -> bytes:
        """Output bytes for the input bytes `x`.

        Raises:
            MeasureError: the firmware faulted, did not end, or returned an error code.
        """
        with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
            return self._execute(Path(folder), x).output

    def profile(self, x: bytes) -> Profile:
        """One inference, observed: no cycles, since nobody publishes the core's timings.

        Raises:
            MeasureError: as `run`.
        """
        with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
            log = Path(folder) / "log.txt"
            found = self._execute(Path(folder), x, *_LOG, "-D", str(log))
            with log.open(encoding="utf-8", errors="replace") as lines:
                executed = count_logged(lines, layer_entries(self.image, self._name))
        return replace(found, layer_instructions=executed)

    def _execute(self, folder: Path, x: bytes, *options: str) -> Profile:
        if len(x) != self.input_bytes:
            raise MeasureError(f"the firmware takes {self.input_bytes} input bytes", f"got {len(x)}", "")
        program = folder / "firmware.bin.elf"
        program.write_bytes(self.image.file)
        (folder / "input.bin").write_bytes(x)
        machine = str(self._board.core.qemu_machine)
        command = [self._program, "-M", machine, "-nographic", "-kernel", str(program)]
        command += ["-semihosting-config", "enable=on,target=native", "-icount", _ICOUNT]
        command += ["-monitor", "none", "-serial", "none", *options]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MeasureError(
                f"lp_bench_run of '{self._name}' did not return in {TIMEOUT_S} s", "", ""
            ) from error
        written = folder / "output.bin"
        if done.returncode or not written.exists():
            raise MeasureError(
                f"the firmware of '{self._name}' faulted", done.stderr.strip()[-300:], "report it as a bug"
            )
        found = written.read_bytes()
        output, record = found[: self.output_bytes], found[self.output_bytes :]
        if len(record) != _RECORD.size:
            raise MeasureError(
                f"the firmware of '{self._name}' faulted", "it ended early", "report it as a bug"
            )
        status, ticks, stack_bytes = _RECORD.unpack(record)
        if status:
            raise MeasureError(f"{self._name}_run returned {status}", "", "see the error codes in its header")
        instructions = round(ticks * _TICK_NS / _INSTRUCTION_NS)
        return Profile(output, instructions, cycles=None, stack_bytes=stack_bytes)

    def _constant(self, symbol: str) -> int:
        address = self.image.address(symbol)
        for start, data in self.image.segments:
            if start <= address < start + len(data):
                return int.from_bytes(data[address - start : address - start + 4], "little")
        raise MeasureError(f"the firmware's '{symbol}' is not in its flash", "", "report it as a bug")


def count_logged(lines: Iterable[str], entries: NDArray[np.uint16]) -> dict[int, int]:
    """Layer number → instructions that QEMU's log of translated and executed blocks tells of.

    Args:
        lines: of the log.
        entries: what begins at each halfword of code, as `layer_entries` tells.
    """
    translated: dict[str, int] = {}
    executed: Counter[int] = Counter()
    layer, listed = OUTSIDE, list[str]()
    for line in lines:
        if line.startswith("0x"):
            # 0x00000978:  eef0       .byte    0xf0, 0xee
            listed += line.partition(":")[2][:11].split()
        elif line.startswith("IN:"):
            listed = []
        elif line.startswith("Trace"):
            # Trace 0: 0x7ff47c000100 [0080044a/00000148/00000150/ff020200] Reset
            _, _, block, where, *_ = line.split()
            if listed:
                translated[block], listed = _instructions(listed), []
            place = int(where.split("/")[1], 16) // 2
            layer = int(entries[place] if place < len(entries) else 0) or layer
            executed[layer] += translated[block]
    return {one - FIRST_LAYER: executed[one] for one in sorted(executed) if one >= FIRST_LAYER}


def _instructions(halfwords: Iterable[str]) -> int:
    """How many instructions are in the halfwords of some: the disassembler takes those of Helium apart."""
    found, is_second = 0, False
    for halfword in halfwords:
        is_second = not is_second and int(halfword, 16) >= _FIRST_OF_TWO
        found += not is_second
    return found


def need_emulator(board: Board) -> None:
    """Makes sure, before anything is built, that something here runs firmware for `board`.

    Raises:
        ToolchainError: QEMU would, but is not installed.
    """
    if board.core.qemu_machine:
        _program(board)


def _program(board: Board) -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise ToolchainError(
            f"no emulator runs a {board.core.name}",
            f"{PROGRAM} is not installed",
            f"apt install {PROGRAM}, or measure with --on host",
        )
    return program


def emulator_for(image: Image, name: str, board: Board) -> Emulator | QemuEmulator:
    """What runs the firmware `image` with the network `name` on the core of `board`.

    Raises:
        MeasureError: nothing does.
        ToolchainError: QEMU would, but is not installed.
    """
    kind = QemuEmulator if board.core.qemu_machine else Emulator
    return kind(image, name, board)
