"""The flash that each function of the runtime takes, as the compiler makes it for a core."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from samples import roomy

import lilliput
from lilliput.measure.toolchain import find_toolchain
from lilliput.targets.cores import Core

RUNTIME = Path(lilliput.__file__).parent / "runtime"
ALIGNMENT = 4
UNWINDING = (".ARM.", ".eh_frame")
"""Names of sections that linking leaves out begin so."""


def function_sizes(core: Core, only: Collection[str] = ()) -> dict[str, int]:
    """Function → bytes of code and constants of its file.

    A fit could not tell functions that always come together.

    Args:
        only: functions that are wanted; all of the runtime if empty.
    """
    toolchain = find_toolchain(roomy(core))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "part.o"
        for source in sorted(RUNTIME.glob("lp_*.c")):
            if not only or source.stem in only:
                toolchain.compile(source, made, include=(RUNTIME,))
                found[source.stem] = _kept_bytes(made)
    return found


def _kept_bytes(path: Path) -> int:
    with path.open("rb") as file:
        return sum(
            -(-section["sh_size"] // ALIGNMENT) * ALIGNMENT
            for section in ELFFile(file).iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC
            and not section["sh_flags"] & SH_FLAGS.SHF_WRITE
            and not section.name.startswith(UNWINDING)
        )
