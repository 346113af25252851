"""Processor cores: what the compiler, the emulator and the cycle model need to know about each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lilliput.errors import ConfigError


@dataclass(frozen=True)
class Core:
    """A processor core.

    Attributes:
        name: as its maker spells it, in lower case: "cortex-m4"; "rv32imc" for any core with just that.
        arch: architecture: "armv6-m", "armv7-m", "armv7e-m", "armv8-m.main", "rv32imc".
        has_dsp: whether SMLAD, SXTB16, SMMUL and the other packed 16-bit instructions exist.
        has_mve: whether it has Helium, Arm's vectors of 128 bits.
        has_pairs: whether its kernels hold two pixels in a word: where no instruction multiplies faster.
        has_fpu: whether floats are computed in hardware.
        fpu_double: whether that hardware also has double precision.
        has_unaligned: whether words can be loaded from addresses that are no multiple of four.
        gcc: the compiler that embedded developers have for it.
        gcc_flags: what that needs to compile and link for it.
        zig_target: argument of zig's `-target`.
        zig_cpu: argument of zig's `-mcpu`.
        emulator_cpu: name of unicorn's processor model, None where unicorn has none.
        qemu_machine: what qemu-system-arm calls a board with this core, where that has to emulate it.
        timing: name of the instruction timing table, None where none is published.
    """

    name: str
    arch: str
    has_dsp: bool
    has_mve: bool
    has_pairs: bool
    has_fpu: bool
    fpu_double: bool
    has_unaligned: bool
    gcc: str
    gcc_flags: tuple[str, ...]
    zig_target: str
    zig_cpu: str
    emulator_cpu: str | None
    timing: str | None
    qemu_machine: str | None = None

    @property
    def portable(self) -> Core:
        """The same core as if it had no instructions that kernels are written for."""
        return replace(self, has_dsp=False, has_mve=False, has_pairs=False)


ARM_GCC, RISCV_GCC = "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc"


def _gcc(cpu: str, fpu: str | None = None) -> tuple[str, ...]:
    floats = ("-mfloat-abi=hard", f"-mfpu={fpu}") if fpu else ("-mfloat-abi=soft",)
    return (f"-mcpu={cpu}", "-mthumb", *floats)


CORES: tuple[Core, ...] = (
    Core(
        name="cortex-m0plus",
        arch="armv6-m",
        has_dsp=False,
        has_mve=False,
        has_pairs=True,
        has_fpu=False,
        fpu_double=False,
        has_unaligned=False,
        gcc=ARM_GCC,
        gcc_flags=_gcc("cortex-m0plus"),
        zig_target="thumb-freestanding-eabi",
        zig_cpu="cortex_m0plus",
        emulator_cpu="CORTEX_M0",
        timing="cortex-m0plus",
    ),
    Core(
        name="cortex-m3",
        arch="armv7-m",
        has_dsp=False,
        has_mve=False,
        has_pairs=False,
        has_fpu=False,
        fpu_double=False,
        has_unaligned=True,
        gcc=ARM_GCC,
        gcc_flags=_gcc("cortex-m3"),
        zig_target="thumb-freestanding-eabi",
        zig_cpu="cortex_m3",
        emulator_cpu="CORTEX_M3",
        timing="cortex-m3",
    ),
    Core(
        name="cortex-m4",
        arch="armv7e-m",
        has_dsp=True,
        has_mve=False,
        has_pairs=False,
        has_fpu=True,
        fpu_double=False,
        has_unaligned=True,
        gcc=ARM_GCC,
        gcc_flags=_gcc("cortex-m4", "fpv4-sp-d16"),
        zig_target="thumb-freestanding-eabihf",
        zig_cpu="cortex_m4+vfp4d16sp",
        emulator_cpu="CORTEX_M4",
        timing="cortex-m4",
    ),
    Core(
        name="cortex-m7",
        arch="armv7e-m",
        has_dsp=True,
        has_mve=False,
        has_pairs=False,
        has_fpu=True,
        fpu_double=True,
        has_unaligned=True,
        gcc=ARM_GCC,
        gcc_flags=_gcc("cortex-m7", "fpv5-d16"),
        zig_target="thumb-freestanding-eabihf",
        zig_cpu="cortex_m7+fp_armv8d16",
        emulator_cpu="CORTEX_M7",
        timing="cortex-m7",
    ),
    Core(
        name="cortex-m33",
        arch="armv8-m.main",
        has_dsp=True,
        has_mve=False,
        has_pairs=False,
        has_fpu=True,
        fpu_double=False,
        has_unaligned=True,
        gcc=ARM_GCC,
        gcc_flags=_gcc("cortex-m33", "fpv5-sp-d16"),
        zig_target="thumb-freestanding-eabihf",
        zig_cpu="cortex_m33+fp_armv8d16sp",
        emulator_cpu="CORTEX_M33",
        timing="cortex-m33",
    ),
    Core(
        name="cortex-m55",
        arch="armv8.1-m.main",
        has_dsp=True,
        has_mve=True,
        has_pairs=False,
        has_fpu=True,
        fpu_double=True,
        has_unaligned=True,
        gcc=ARM_GCC,
        gcc_flags=(*_gcc("cortex-m55", "auto"), "-DLP_BENCH_SEMIHOSTING"),
        zig_target="thumb-freestanding-eabihf",
        zig_cpu="cortex_m55",
        emulator_cpu=None,
        timing=None,
        qemu_machine="mps3-an547",
    ),
    Core(
        name="rv32imc",
        arch="rv32imc",
        has_dsp=False,
        has_mve=False,
        has_pairs=True,
        has_fpu=False,
        fpu_double=False,
        has_unaligned=False,
        gcc=RISCV_GCC,
        # Debian ships this compiler without a C library: alone, it has the headers that it needs.
        gcc_flags=("-march=rv32imc", "-mabi=ilp32", "-ffreestanding", "-fbuiltin"),
        zig_target="riscv32-freestanding-none",
        zig_cpu="generic_rv32+m+c",
        emulator_cpu="ANY",
        timing=None,
    ),
)
"""Every core that code can be built for."""


def core(name: str) -> Core:
    """The core called `name`.

    Raises:
        ConfigError: there is none of that name.
    """
    for known in CORES:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in CORES)
    raise ConfigError(f"there is no core '{name}'", f"known cores: {names}", "choose one of them")
