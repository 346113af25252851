"""Runs firmware on an emulated core: outputs, stack, instructions, and cycles layer by layer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import unicorn
from numpy.typing import NDArray

from lilliput.errors import MeasureError
from lilliput.measure.cycles import CycleModel
from lilliput.measure.elf import Image
from lilliput.measure.machines import compressed_instructions, machine_for
from lilliput.measure.memory import Waits, count_waits
from lilliput.measure.profile import FIRST_LAYER, OUTSIDE, Edge, Recorder
from lilliput.targets import Board

TIMEOUT_S = 300  # for one inference

_PAGE_BYTES = 4096
_RETURN = 0x1FFFF000  # where a called function returns to: code is allowed there, but none is executed
_SYSTEM_CONTROL = 0xE000E000
_RAM_ORIGIN = 0x20000000
# The stack lies by itself, so that one that is too deep spoils nothing and can be told to the byte.
_STACK_TOP, _STACK_BYTES = 0x3FFFF000, 1 << 18
_PAINT = np.frombuffer(b"\xa5\x3c\x96\x5a", np.uint8)

_FAULTS = {
    unicorn.UC_ERR_READ_UNMAPPED: "it read where there is no memory",
    unicorn.UC_ERR_WRITE_UNMAPPED: "it wrote where there is no memory",
    unicorn.UC_ERR_FETCH_UNMAPPED: "it jumped to where there is no memory",
    unicorn.UC_ERR_WRITE_PROT: "it wrote to flash",
    unicorn.UC_ERR_FETCH_PROT: "it jumped into RAM",
    unicorn.UC_ERR_INSN_INVALID: "it met an instruction that the core does not have",
    unicorn.UC_ERR_EXCEPTION: "it raised an exception that nobody handles",
}


@dataclass(frozen=True)
class Profile:
    """What one inference took.

    Attributes:
        output: its output bytes.
        instructions: executed.
        cycles: estimated, with memory that never waits; None where no timings are known for the core.
        stack_bytes: greatest depth of the stack, `lp_bench_run`'s own frame included.
        cycles_with_flash: the same with what flash and unaligned accesses make the core wait for; None where
            the board's wait states are unknown.
        layer_cycles, layer_cycles_with_flash, layer_instructions: layer number → its share of them.
        unknown_instructions: that the disassembler could not read, each taken for one cycle.
    """

    output: bytes
    instructions: int
    cycles: int | None
    stack_bytes: int
    cycles_with_flash: int | None = None
    layer_cycles: dict[int, int] = field(default_factory=dict)
    layer_cycles_with_flash: dict[int, int] = field(default_factory=dict)
    layer_instructions: dict[int, int] = field(default_factory=dict)
    unknown_instructions: int = 0


class Emulator:
    """A core with one firmware in its flash, initialised and ready to run.

    Args:
        image: the firmware, as `build_firmware` makes it.
        name: of the network in it.
        board: for its core and the size of its RAM.

    Raises:
        MeasureError: the core cannot be emulated, or the firmware faulted.
    """

    def __init__(self, image: Image, name: str, board: Board) -> None:
        self._machine = machine_for(board.core)
        self.image, self._name, self._board = image, name, board
        self._uc = self._machine.start(board.core)
        self._map_memory()
        self._call("lp_bench_init")
        self.input_bytes = self._word("lp_bench_input_bytes")
        self.output_bytes = self._word("lp_bench_output_bytes")
        self._input = self._word("lp_bench_input")
        self._output = self._word("lp_bench_output")

    def run(self, x: bytes) -> bytes:
        """Output bytes for the input bytes `x`.

        Raises:
            MeasureError: the firmware faulted, did not end, or returned an error code.
        """
        if len(x) != self.input_bytes:
            raise MeasureError(f"the firmware takes {self.input_bytes} input bytes", f"got {len(x)}", "")
        self._uc.mem_write(self._input, x)
        status = self._call("lp_bench_run")
        if status:
            raise MeasureError(f"{self._name}_run returned {status}", "", "see the error codes in its header")
        return bytes(self._uc.mem_read(self._output, self.output_bytes))

    def profile(self, x: bytes) -> Profile:
        """One inference, observed.

        Raises:
            MeasureError: as `run`; or variables and stack together need more RAM than the board has, or the
                core would refuse an access or an instruction that the emulator lets pass.
        """
        self._paint_stack()
        entries = layer_entries(self.image, self._name)
        with Recorder(self._uc, entries, not self._board.core.has_unaligned) as recorder:
            output = self.run(x)
        if recorder.unaligned:
            raise MeasureError(
                f"the firmware made {recorder.unaligned} unaligned accesses",
                f"{self._board.core.name} faults on them",
                "report it as a bug",
            )
        stack_bytes = self._stack_depth()
        edges = recorder.edges()
        if self._board.core.timing is None:
            return self._count(edges, output, stack_bytes)
        waits = self._waits(x, edges, entries)
        return self._price(edges, waits, output, stack_bytes)

    def _map_memory(self) -> None:
        pages: set[int] = set()
        for address, data in self.image.segments:
            pages |= set(range(address // _PAGE_BYTES, (address + len(data) - 1) // _PAGE_BYTES + 1))
        for page in sorted(pages):
            self._uc.mem_map(page * _PAGE_BYTES, _PAGE_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        for address, data in self.image.segments:
            self._uc.mem_write(address, data)
        data = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        ram_bytes = -(-self._board.ram_bytes // _PAGE_BYTES) * _PAGE_BYTES
        self._uc.mem_map(_RAM_ORIGIN, ram_bytes, data)
        self._uc.mem_map(
            _STACK_TOP - _STACK_BYTES, _STACK_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        )
        self._uc.mem_map(_RETURN, _PAGE_BYTES)
        self._uc.mem_map(_SYSTEM_CONTROL, _PAGE_BYTES)

    def _word(self, symbol: str) -> int:
        return int.from_bytes(self._uc.mem_read(self.image.address(symbol), 4), "little")

    def _call(self, function: str) -> int:
        uc, machine = self._uc, self._machine
        uc.reg_write(machine.stack, _STACK_TOP)
        uc.reg_write(machine.link, _RETURN | machine.address_bit)
        try:
            start = self.image.address(function) | machine.address_bit
            uc.emu_start(start, _RETURN, int(TIMEOUT_S * 1e6))
        except unicorn.UcError as error:
            at = uc.reg_read(machine.counter)
            raise MeasureError(
                f"the firmware of '{self._name}' faulted in {self.image.function_at(at)} at {at:#x}",
                _FAULTS.get(error.errno, str(error)),
                "report it as a bug, with the model",
            ) from error
        at = uc.reg_read(machine.counter) & ~1
        if at != _RETURN:
            raise MeasureError(
                f"{function} of '{self._name}' did not return in {TIMEOUT_S} s",
                f"it was in {self.image.function_at(at)}",
                "",
            )
        return int(uc.reg_read(machine.result))

    def _paint_stack(self) -> None:
        self._uc.mem_write(_STACK_TOP - _STACK_BYTES, bytes(np.tile(_PAINT, _STACK_BYTES // 4)))

    def _stack_depth(self) -> int:
        found = np.frombuffer(self._uc.mem_read(_STACK_TOP - _STACK_BYTES, _STACK_BYTES), np.uint8)
        touched = np.flatnonzero(found != np.tile(_PAINT, _STACK_BYTES // 4))
        depth = -(-(_STACK_BYTES - int(touched[0])) // 4) * 4 if len(touched) else 0  # it holds words
        variables, room = self.image.ram_bytes, self._board.ram_bytes
        if variables + depth > room:
            raise MeasureError(
                f"the firmware with '{self._name}' does not fit the RAM of {self._board.name}",
                f"variables need {variables} bytes and the stack {depth}, the board has {room}",
                "search with a smaller ram_bytes, or choose a larger board",
            )
        return depth

    def _waits(
        self, x: bytes, edges: list[Edge], entries: NDArray[np.uint16]
    ) -> dict[int | None, Waits] | None:
        """What another run on `x` waits for, layer by layer; None where nobody knows."""
        if self._board.flash_wait_states is None:
            return None
        blocks = {edge.current: self._read_code(edge.current, edge.size_bytes) for edge in edges}
        return count_waits(self._uc, lambda: self.run(x), blocks, entries, self._board, _RAM_ORIGIN)

    def _count(self, edges: list[Edge], output: bytes, stack_bytes: int) -> Profile:
        """Instructions alone, for a core without timings."""
        blocks = {edge.current: self._read_code(edge.current, edge.size_bytes) for edge in edges}
        executed = {address: compressed_instructions(code) for address, code in blocks.items()}
        instructions: Counter[int | None] = Counter()
        for edge in edges:
            instructions[edge.layer] += executed[edge.current] * edge.count
        return Profile(
            output=output,
            instructions=sum(instructions.values()),
            cycles=None,
            stack_bytes=stack_bytes,
            layer_instructions=_of_layers(instructions),
        )

    def _price(
        self, edges: list[Edge], waits: dict[int | None, Waits] | None, output: bytes, stack_bytes: int
    ) -> Profile:
        model = CycleModel(self._board.core, self._read_code)
        blocks = {edge.current: model.block(edge.current, edge.size_bytes) for edge in edges}
        instructions: Counter[int | None] = Counter()
        cycles: Counter[int | None] = Counter()
        for edge in edges:
            block = blocks[edge.current]
            taken = block.cycles
            if edge.previous in blocks:
                taken += model.refill(blocks[edge.previous], edge.current)
            instructions[edge.layer] += block.instructions * edge.count
            cycles[edge.layer] += taken * edge.count
        waited = None
        if waits is not None:
            board, split_access = self._board, model.split_access
            waited = {
                layer: taken + round(waits[layer].cycles(board, split_access))
                for layer, taken in cycles.items()
            }
        return Profile(
            output=output,
            instructions=sum(instructions.values()),
            cycles=sum(cycles.values()),
            stack_bytes=stack_bytes,
            cycles_with_flash=None if waited is None else sum(waited.values()),
            layer_cycles=_of_layers(cycles),
            layer_cycles_with_flash=_of_layers(waited or {}),
            layer_instructions=_of_layers(instructions),
            unknown_instructions=model.unknown,
        )

    def _read_code(self, address: int, size_bytes: int) -> bytes:
        return bytes(self._uc.mem_read(address, size_bytes))


def layer_entries(image: Image, name: str) -> NDArray[np.uint16]:
    """For every halfword of code of the network `name`: does a layer begin here, or its caller go on?"""
    code_end = max(address + len(data) for address, data in image.segments if address < _RAM_ORIGIN)
    entries = np.zeros(code_end // 2 + 1, np.uint16)
    # The compiler may clone a layer and call the clone "…_layer_03.isra.0".
    pattern = re.compile(rf"{re.escape(name)}_layer_(\d+)(\..*)?")
    for symbol in image.symbols.values():
        start = (symbol.address & ~1) // 2
        matched = pattern.fullmatch(symbol.name)
        if symbol.is_function and matched:
            entries[start] = FIRST_LAYER + int(matched.group(1))
        elif symbol.is_function and symbol.name == f"{name}_run":
            entries[start : start + (symbol.size_bytes + 1) // 2] = OUTSIDE
    return entries


def _of_layers(shares: Mapping[int | None, int]) -> dict[int, int]:
    return {layer: shares[layer] for layer in sorted(one for one in shares if one is not None)}
