"""Thumb instructions as the cycle models see them: what unit they use, what they read and what they write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import capstone
from capstone import arm

_LOADS = frozenset(
    getattr(arm, f"ARM_INS_LDR{suffix}")
    for suffix in ("", "B", "H", "SB", "SH", "T", "BT", "HT", "SBT", "SHT")
)
_STORES = frozenset(getattr(arm, f"ARM_INS_STR{suffix}") for suffix in ("", "B", "H", "T", "BT", "HT"))
_LOAD_MULTIPLES = frozenset({arm.ARM_INS_LDM, arm.ARM_INS_LDMDB, arm.ARM_INS_POP})
_STORE_MULTIPLES = frozenset({arm.ARM_INS_STM, arm.ARM_INS_STMDB, arm.ARM_INS_PUSH})
_BRANCHES = frozenset({arm.ARM_INS_B, arm.ARM_INS_BL, arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ})
_REGISTER_BRANCHES = frozenset({arm.ARM_INS_BX, arm.ARM_INS_BLX, arm.ARM_INS_BXJ})
_TABLE_BRANCHES = frozenset({arm.ARM_INS_TBB, arm.ARM_INS_TBH})
_DIVISIONS = frozenset({arm.ARM_INS_SDIV, arm.ARM_INS_UDIV})
_BARRIERS = frozenset({arm.ARM_INS_DMB, arm.ARM_INS_DSB, arm.ARM_INS_ISB})
_SYSTEM = frozenset({arm.ARM_INS_MRS, arm.ARM_INS_MSR})
_POINTERS = frozenset({arm.ARM_INS_PUSH, arm.ARM_INS_POP, arm.ARM_INS_VPUSH, arm.ARM_INS_VPOP})

# Families that capstone numbers one by one; their names are the architecture's, so a prefix tells the family.
_LONG_MULTIPLY = ("umull", "smull", "umlal", "smlal", "umaal")
_MULTIPLY = ("mul", "mla", "mls", "smul", "smla", "smls", "smua", "smus", "smml", "smmu")
_FLOAT_MULTIPLY_ADD = ("vmla", "vmls", "vnmla", "vnmls", "vfma", "vfms", "vfnma", "vfnms")
_FLOAT_DIVIDE = ("vdiv", "vsqrt")
_PACKED = (
    *("smla", "smls", "smua", "smus", "smml", "smmu", "smulb", "smult", "smulw", "umaal"),
    *("sadd", "ssub", "qadd", "qsub", "qdadd", "qdsub", "shadd", "shsub", "uadd", "usub", "uqadd", "uqsub"),
    *("uhadd", "uhsub", "sxtb16", "uxtb16", "sxtab", "uxtab", "sxtah", "uxtah", "pkh", "ssat16", "usat16"),
    *("usad", "sel", "sasx", "ssax", "qasx", "qsax", "uasx", "usax", "shasx", "shsax"),
)


class Kind(Enum):
    """What an instruction occupies."""

    ALU = auto()
    MULTIPLY = auto()
    LONG_MULTIPLY = auto()
    DIVIDE = auto()
    LOAD = auto()
    STORE = auto()
    LOAD_MULTIPLE = auto()
    STORE_MULTIPLE = auto()
    BRANCH = auto()
    TABLE_BRANCH = auto()
    CONDITION = auto()
    SYSTEM = auto()
    BARRIER = auto()
    FLOAT = auto()
    FLOAT_MULTIPLY_ADD = auto()
    FLOAT_DIVIDE = auto()
    FLOAT_LOAD = auto()
    FLOAT_STORE = auto()


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        address: where it lies.
        size_bytes: 2 or 4.
        kind: what it occupies.
        words: how many words a load or store moves.
        pointers: registers that form its memory address.
        index_register: whether a second register takes part in that address.
        write_back: whether the address goes back into its register.
        reads, writes: all registers, flags included.
        jumps: None for no jump, False if the target is in the instruction, True if in a register or memory.
        links: whether it is a call.
        packed: whether it belongs to the DSP extension.
        known: False for what the disassembler cannot read.
    """

    address: int
    size_bytes: int
    kind: Kind
    words: int = 1
    pointers: frozenset[int] = frozenset()
    index_register: bool = False
    write_back: bool = False
    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    jumps: bool | None = None
    links: bool = False
    packed: bool = False
    known: bool = True


def disassembler(arch: str) -> Any:
    """Capstone for `arch`, with operand details."""
    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
    if arch.startswith("armv8"):
        mode |= capstone.CS_MODE_V8
    found = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    found.detail = True
    return found


def is_wide(halfword: int) -> bool:
    """Whether an instruction that begins with `halfword` has 32 bits (Armv7-M ARM, A5.1)."""
    return halfword >> 11 in (0b11101, 0b11110, 0b11111)


def read(reader: Any, code: bytes, address: int) -> Iterator[tuple[int, int, Any]]:
    """Address, bytes and capstone's view of each instruction in `code`, which lies at `address`.

    Args:
        reader: made by `disassembler`.
    """
    position = 0
    while position < len(code):
        raw = next(reader.disasm(code[position : position + 4], address + position, 1), None)
        wide = is_wide(int.from_bytes(code[position : position + 2], "little"))
        size_bytes = (4 if wide else 2) if raw is None else raw.size
        yield address + position, size_bytes, raw
        position += size_bytes


def decode(reader: Any, code: bytes, address: int) -> Iterator[Instruction]:
    """The instructions in `code`, which lies at `address`, read with `disassembler(…)`."""
    for place, size_bytes, raw in read(reader, code, address):
        if raw is None:
            yield Instruction(place, size_bytes, Kind.ALU, known=False)
        else:
            yield _translate(raw)


def _translate(raw: Any) -> Instruction:
    reads, writes = (frozenset(registers) for registers in raw.regs_access())
    kind = _kind(raw)
    memory = next((operand.mem for operand in raw.operands if operand.type == arm.ARM_OP_MEM), None)
    pointers, indexed, write_back = frozenset[int](), False, bool(raw.writeback)
    if memory is not None:
        pointers = frozenset(register for register in (memory.base, memory.index) if register)
        indexed = bool(memory.index)
        # A post-indexed access names the step as an operand behind the address.
        write_back = write_back or raw.operands[-1].type != arm.ARM_OP_MEM
    jumps: bool | None = None
    if arm.ARM_REG_PC in writes or kind in (Kind.BRANCH, Kind.TABLE_BRANCH):
        jumps = not (kind is Kind.BRANCH and raw.id in _BRANCHES)
    return Instruction(
        address=raw.address,
        size_bytes=raw.size,
        kind=kind,
        words=_words(raw, kind),
        pointers=pointers,
        index_register=indexed,
        write_back=write_back,
        reads=reads,
        writes=writes,
        jumps=jumps,
        links=raw.id in (arm.ARM_INS_BL, arm.ARM_INS_BLX),
        packed=raw.id != arm.ARM_INS_SMLAL and raw.mnemonic.startswith(_PACKED),
    )


def _kind(raw: Any) -> Kind:
    number, name = raw.id, raw.mnemonic
    for kind, numbers in _BY_NUMBER:
        if number in numbers:
            return kind
    if number in (arm.ARM_INS_LDRD, arm.ARM_INS_STRD):
        return Kind.LOAD_MULTIPLE if number == arm.ARM_INS_LDRD else Kind.STORE_MULTIPLE
    if name.startswith("ldrex") or name.startswith("strex"):
        return Kind.LOAD if name.startswith("l") else Kind.STORE
    if name.startswith(("vldm", "vpop")):
        return Kind.LOAD_MULTIPLE
    if name.startswith(("vstm", "vpush")):
        return Kind.STORE_MULTIPLE
    if name.startswith(_LONG_MULTIPLY):
        return Kind.LONG_MULTIPLY
    if name.startswith(_MULTIPLY):
        return Kind.MULTIPLY
    if name.startswith(_FLOAT_MULTIPLY_ADD):
        return Kind.FLOAT_MULTIPLY_ADD
    if name.startswith(_FLOAT_DIVIDE):
        return Kind.FLOAT_DIVIDE
    return Kind.FLOAT if name.startswith("v") else Kind.ALU


_BY_NUMBER = (
    (Kind.LOAD, _LOADS),
    (Kind.STORE, _STORES),
    (Kind.LOAD_MULTIPLE, _LOAD_MULTIPLES),
    (Kind.STORE_MULTIPLE, _STORE_MULTIPLES),
    (Kind.BRANCH, _BRANCHES | _REGISTER_BRANCHES),
    (Kind.TABLE_BRANCH, _TABLE_BRANCHES),
    (Kind.CONDITION, frozenset({arm.ARM_INS_IT})),
    (Kind.DIVIDE, _DIVISIONS),
    (Kind.BARRIER, _BARRIERS),
    (Kind.SYSTEM, _SYSTEM),
    (Kind.FLOAT_LOAD, frozenset({arm.ARM_INS_VLDR})),
    (Kind.FLOAT_STORE, frozenset({arm.ARM_INS_VSTR})),
)


def _words(raw: Any, kind: Kind) -> int:
    registers: list[int] = [operand.reg for operand in raw.operands if operand.type == arm.ARM_OP_REG]
    doubles: int = sum(raw.reg_name(register).startswith("d") for register in registers)
    if kind in (Kind.FLOAT_LOAD, Kind.FLOAT_STORE):
        return 1 + doubles
    if kind not in (Kind.LOAD_MULTIPLE, Kind.STORE_MULTIPLE):
        return 1
    if raw.id in (arm.ARM_INS_LDRD, arm.ARM_INS_STRD):
        return 2
    return len(registers) + doubles - (0 if raw.id in _POINTERS else 1)
