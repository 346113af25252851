"""Cycles of executed code: basic blocks priced with the core's instruction timings.

The emulator counts how often each block was entered from which other block; a block's price is that of its
instructions in order, and an edge adds the refill of the pipeline where it was a jump.  Memory never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capstone import arm

from lilliput.errors import MeasureError
from lilliput.measure.instructions import Instruction, Kind, decode, disassembler, is_wide
from lilliput.measure.timings import TIMINGS, DualIssueTiming, Timing
from lilliput.targets import Core


@dataclass(frozen=True)
class Block:
    """A run of instructions with one entry and one exit.

    Attributes:
        end: address behind its last instruction.
        instructions: how many it has.
        cycles: what they take, without the refill behind a jump.
        last: its last instruction.
    """

    end: int
    instructions: int
    cycles: int
    last: Instruction


class CycleModel:
    """Prices the blocks of one program.

    Args:
        core: the processor.
        read: (address, bytes) → the program's code there.

    Raises:
        MeasureError: no timings are known for the core.
    """

    def __init__(self, core: Core, read: Callable[[int, int], bytes]) -> None:
        if core.timing is None or core.timing not in TIMINGS:
            raise MeasureError(f"there is no cycle model for {core.name}", "nobody published its timings", "")
        self._core = core
        self._timing = TIMINGS[core.timing]
        self._read = read
        self._reader = disassembler(core.arch)
        self._blocks: dict[tuple[int, int], Block] = {}
        self.unknown = 0  # instructions that the disassembler could not read; each is taken for one cycle

    @property
    def split_access(self) -> int:
        """Cycles of each further transfer that an unaligned access is split into."""
        return self._timing.split_access

    def block(self, address: int, size_bytes: int) -> Block:
        """The block of `size_bytes` at `address`.

        Raises:
            MeasureError: it holds an instruction that the core does not have.
        """
        key = address, size_bytes
        if key not in self._blocks:
            code = list(decode(self._reader, self._read(address, size_bytes), address))
            self.unknown += sum(not instruction.known for instruction in code)
            self._refuse_foreign(code)
            price = _dual_issue if isinstance(self._timing, DualIssueTiming) else _single_issue
            cycles = price(code, self._timing)  # type: ignore[arg-type]
            self._blocks[key] = Block(address + size_bytes, len(code), cycles, code[-1])
        return self._blocks[key]

    def refill(self, source: Block, target: int) -> int:
        """Cycles that going from the end of `source` to address `target` adds."""
        last = source.last
        if last.jumps is None or target == source.end:
            return 0  # no jump, or one that was not taken
        from_memory = last.jumps and last.kind is not Kind.BRANCH and last.kind is not Kind.ALU
        if isinstance(self._timing, DualIssueTiming):
            return self._timing.refill_memory if from_memory else self._timing.refill
        if from_memory:
            cycles = self._timing.refill_memory
        elif last.jumps:
            cycles = self._timing.refill_register
        else:
            cycles = self._timing.refill_link if last.links else self._timing.refill_direct
        return cycles + (self._timing.refill_wide if self._crosses_word(target) else 0)

    def _crosses_word(self, target: int) -> bool:
        return bool(target & 2) and is_wide(int.from_bytes(self._read(target, 2), "little"))

    def _refuse_foreign(self, code: Sequence[Instruction]) -> None:
        """The emulator runs DSP instructions on any core; the chip would fault."""
        for instruction in code:
            if instruction.packed and not self._core.has_dsp:
                raise MeasureError(
                    f"the program uses a DSP instruction at {instruction.address:#x}",
                    f"{self._core.name} has none",
                    "report it as a bug",
                )


def _single_issue(code: Sequence[Instruction], timing: Timing) -> int:
    """Sum over the instructions, each seen with the one before it."""
    cycles = 0
    before: Instruction | None = None
    for instruction in code:
        cycles += _alone(instruction, before, timing)
        if before is not None and _computes(before) and instruction.pointers & before.writes:
            cycles += timing.address_wait
        if instruction.kind is not Kind.CONDITION or before is None:
            before = instruction
        elif _computes(before):
            before = instruction  # IT separates a result from an address, but not two loads
    return cycles


def _alone(instruction: Instruction, before: Instruction | None, timing: Timing) -> int:
    kind = instruction.kind
    if kind in (Kind.LOAD, Kind.FLOAT_LOAD):
        follows = before is not None and _streams(before) and not instruction.pointers & before.writes
        cycles = timing.load_behind_load if follows and instruction.jumps is None else timing.load
        return cycles + instruction.words - 1
    if kind is Kind.STORE:
        behind_load = before is not None and _streams(before)
        return timing.store if not instruction.index_register or behind_load else timing.store_indexed
    if kind is Kind.FLOAT_STORE:
        return timing.load + instruction.words - 1
    if kind in (Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE):
        return 1 + instruction.words
    if kind is Kind.CONDITION:
        free = timing.folds and before is not None and before.size_bytes == 2
        return 0 if free else timing.condition
    if kind is Kind.MULTIPLY:
        return timing.multiply_add if len(instruction.reads) > 2 else timing.multiply
    return {
        Kind.LONG_MULTIPLY: timing.long_multiply,
        Kind.DIVIDE: timing.divide,
        Kind.SYSTEM: timing.system,
        Kind.BARRIER: timing.barrier,
        Kind.TABLE_BRANCH: timing.table_branch,
        Kind.FLOAT_MULTIPLY_ADD: timing.float_multiply_add,
        Kind.FLOAT_DIVIDE: timing.float_divide,
    }.get(kind, 1)


def _streams(instruction: Instruction) -> bool:
    """Whether a load or store directly behind this one overlaps with it."""
    plain = not instruction.write_back and instruction.jumps is None
    return instruction.kind in (Kind.LOAD, Kind.FLOAT_LOAD) and plain


def _computes(instruction: Instruction) -> bool:
    """Whether its result comes too late for the address of the next instruction."""
    return instruction.kind in (Kind.ALU, Kind.MULTIPLY, Kind.LONG_MULTIPLY, Kind.DIVIDE)


_MEMORY = (Kind.LOAD, Kind.STORE, Kind.FLOAT_LOAD, Kind.FLOAT_STORE, Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE)
_MULTIPLIES = (Kind.MULTIPLY, Kind.LONG_MULTIPLY)


def _dual_issue(code: Sequence[Instruction], timing: DualIssueTiming) -> int:
    """In order, two a cycle where neither needs the other and they do not want the same unit."""
    ready: dict[int, int] = {}
    now, partner = 0, None
    for instruction in code:
        start = max((ready.get(register, 0) for register in instruction.reads), default=0)
        if partner is not None and start <= now and not _clash(partner, instruction):
            partner = None  # the second of its pair
        else:
            now = max(now + 1, start)
            partner = instruction
        if instruction.kind in (Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE):
            now += (instruction.words + 1) // 2 - 1
            partner = None
        elif instruction.kind in (Kind.DIVIDE, Kind.FLOAT_DIVIDE):
            now += (timing.divide if instruction.kind is Kind.DIVIDE else timing.float_divide) - 1
            partner = None
        latency = _latency(instruction, timing)
        for register in instruction.writes:
            ready[register] = now + latency
    return now


def _clash(first: Instruction, second: Instruction) -> bool:
    units = (_MEMORY, _MULTIPLIES, (Kind.BRANCH, Kind.TABLE_BRANCH), (Kind.FLOAT, Kind.FLOAT_MULTIPLY_ADD))
    same_unit = any(first.kind in unit and second.kind in unit for unit in units)
    needs = first.writes & second.reads
    overwrites = (first.writes & second.writes) - {arm.ARM_REG_CPSR}  # the later flags simply win
    return same_unit or bool(needs | overwrites) or first.jumps is not None


def _latency(instruction: Instruction, timing: DualIssueTiming) -> int:
    if instruction.kind in (Kind.LOAD, Kind.LOAD_MULTIPLE, Kind.FLOAT_LOAD):
        return timing.load_latency
    if instruction.kind in _MULTIPLIES:
        return timing.multiply_latency
    if instruction.kind in (Kind.FLOAT, Kind.FLOAT_MULTIPLY_ADD):
        return timing.float_latency
    return 1
