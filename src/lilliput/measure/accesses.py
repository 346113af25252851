"""What Thumb instructions load and store: which bytes, told from registers before they execute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from capstone import arm
from unicorn import arm_const

from lilliput.measure.instructions import read

WORD_BYTES = 4

_SIZES = {
    **{getattr(arm, f"ARM_INS_{name}"): 1 for name in ("LDRB", "LDRSB", "STRB", "LDRBT", "LDRSBT", "STRBT")},
    **{getattr(arm, f"ARM_INS_{name}"): 2 for name in ("LDRH", "LDRSH", "STRH", "LDRHT", "LDRSHT", "STRHT")},
    **{getattr(arm, f"ARM_INS_{name}"): 4 for name in ("LDR", "STR", "LDRT", "STRT", "VLDR", "VSTR")},
    **{getattr(arm, f"ARM_INS_{name}"): 4 for name in ("LDRD", "STRD", "LDREX", "STREX")},
}
_ON_STACK = ("push", "pop", "vpush", "vpop")
_MULTIPLE = (*_ON_STACK, "ldm", "stm", "vldm", "vstm")
_DOWNWARD = ("push", "vpush", "ldmdb", "stmdb", "vldmdb", "vstmdb")


@dataclass(frozen=True)
class Access:
    """The memory that an instruction touches: `count` elements from one address on.

    The address is `offset` plus the base register plus the index register shifted left.

    Attributes:
        loads: whether it reads.
        size_bytes: of one element.
        count: elements.
        base, index: unicorn's numbers of the registers; None where there is none.
        shift: of the index.
        offset: what is added; the whole address of what lies relative to the program counter.
    """

    loads: bool
    size_bytes: int
    count: int
    base: int | None
    index: int | None
    shift: int
    offset: int


def accesses(reader: Any, code: bytes, address: int) -> Iterator[tuple[int, Access]]:
    """Address and access of each instruction in `code` that touches memory, read with `disassembler(…)`."""
    for place, _, raw in read(reader, code, address):
        access = None if raw is None else access_of(raw)
        if access is not None:
            yield place, access


def access_of(raw: Any) -> Access | None:
    """What capstone's instruction `raw` touches; None where it touches nothing.

    Jump tables are not among it, and double registers of a multiple transfer count as single ones.
    """
    name = raw.mnemonic.split(".")[0]
    if name.startswith(_MULTIPLE):
        return _multiple(raw, name)
    size_bytes = _SIZES.get(raw.id)
    operand = next((one for one in raw.operands if one.type == arm.ARM_OP_MEM), None)
    if size_bytes is None or operand is None:
        return None
    memory = operand.mem
    doubled = raw.id in (arm.ARM_INS_LDRD, arm.ARM_INS_STRD)
    doubled = doubled or (name.startswith("v") and raw.reg_name(raw.operands[0].reg).startswith("d"))
    # A post-indexed access names the step as an operand behind the address, which is the base alone.
    offset = memory.disp if raw.operands[-1].type == arm.ARM_OP_MEM else 0
    relative = memory.base == arm.ARM_REG_PC
    return Access(
        loads=name.startswith(("ld", "vld")),
        size_bytes=size_bytes,
        count=2 if doubled else 1,
        base=None if relative else _register(raw, memory.base),
        index=_register(raw, memory.index) if memory.index else None,
        shift=operand.shift.value if operand.shift.type else memory.lshift,
        offset=((raw.address + 4) & ~3) + offset if relative else offset,
    )


def _multiple(raw: Any, name: str) -> Access:
    on_stack = name.startswith(_ON_STACK)
    count = len(raw.operands) - (0 if on_stack else 1)
    return Access(
        loads=name.startswith(("ld", "vld", "pop", "vpop")),
        size_bytes=WORD_BYTES,
        count=count,
        base=arm_const.UC_ARM_REG_SP if on_stack else _register(raw, raw.operands[0].reg),
        index=None,
        shift=0,
        offset=-WORD_BYTES * count if name.startswith(_DOWNWARD) else 0,
    )


def _register(raw: Any, number: int) -> int:
    return int(getattr(arm_const, f"UC_ARM_REG_{raw.reg_name(number).upper()}"))
