"""The processors that unicorn emulates: how each is started, called, and asked for a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import unicorn
from unicorn import arm_const, riscv_const

from lilliput.errors import MeasureError
from lilliput.targets import Core


@dataclass(frozen=True)
class Machine:
    """A family of processors.

    Attributes:
        arch, mode: as unicorn names them.
        names: the module that holds the names of processors and registers.
        prefix: of the names of processors.
        stack, link, counter, result: registers: stack pointer, return address, program counter, a function's
            first word of result.
        address_bit: what is added to the address of a function to call it: the Thumb bit.
    """

    arch: int
    mode: int
    names: ModuleType
    prefix: str
    stack: int
    link: int
    counter: int
    result: int
    address_bit: int

    def start(self, core: Core) -> Any:
        """A unicorn machine with `core`, its floating-point unit switched on."""
        emulator = unicorn.Uc(self.arch, self.mode)
        emulator.ctl_set_cpu_model(getattr(self.names, f"{self.prefix}_{core.emulator_cpu}"))
        if core.has_fpu:
            # M-profile unicorn reads the coprocessor access register from this pseudo register alone.
            emulator.reg_write(arm_const.UC_ARM_REG_C1_C0_2, 0xF << 20)
            emulator.reg_write(arm_const.UC_ARM_REG_FPEXC, 0x40000000)
        return emulator


_CORTEX_M = Machine(
    arch=unicorn.UC_ARCH_ARM,
    mode=unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS,
    names=arm_const,
    prefix="UC_CPU_ARM",
    stack=arm_const.UC_ARM_REG_SP,
    link=arm_const.UC_ARM_REG_LR,
    counter=arm_const.UC_ARM_REG_PC,
    result=arm_const.UC_ARM_REG_R0,
    address_bit=1,
)
_RISCV = Machine(
    arch=unicorn.UC_ARCH_RISCV,
    mode=unicorn.UC_MODE_RISCV32,
    names=riscv_const,
    prefix="UC_CPU_RISCV32",
    stack=riscv_const.UC_RISCV_REG_SP,
    link=riscv_const.UC_RISCV_REG_RA,
    counter=riscv_const.UC_RISCV_REG_PC,
    result=riscv_const.UC_RISCV_REG_A0,
    address_bit=0,
)

MACHINES: Mapping[str, Machine] = {
    "armv6-m": _CORTEX_M,
    "armv7-m": _CORTEX_M,
    "armv7e-m": _CORTEX_M,
    "armv8-m.main": _CORTEX_M,
    "rv32imc": _RISCV,
}
"""Architecture → what emulates it."""


def machine_for(core: Core) -> Machine:
    """What emulates `core`.

    Raises:
        MeasureError: nothing does.
    """
    if core.emulator_cpu is None or core.arch not in MACHINES:
        raise MeasureError(f"no emulator runs a {core.name}", "unicorn does not know it", "")
    return MACHINES[core.arch]


def compressed_instructions(code: bytes) -> int:
    """How many instructions a run of RISC-V code holds, some of 16 and some of 32 bits."""
    count = position = 0
    while position < len(code):
        position += 4 if code[position] & 3 == 3 else 2
        count += 1
    return count
