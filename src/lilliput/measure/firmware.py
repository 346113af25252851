"""Builds the firmware that is measured, and the same firmware without the network.

Flash lies at 0 and RAM at 0x20000000 whatever the board, so that an emulator need not know the chip; sizes
are the board's.  The image shows `lp_bench_init`, `lp_bench_run`, `lp_bench_input`, `lp_bench_output`, their
byte counts and `_estack` to whoever drives it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lilliput.errors import MeasureError, StorageError
from lilliput.measure.elf import Image, read_image
from lilliput.measure.toolchain import Toolchain
from lilliput.results import FlashBytes
from lilliput.targets import Board

FLASH_ORIGIN = 0x00000000
RAM_ORIGIN = 0x20000000
FIRMWARE = "firmware.elf"

_SOURCES = Path(__file__).parent / "firmware"

# The linker gets more room than any board has, so that what does not fit can be told to the byte.
_LINK_BYTES = 0x08000000

# Smallest stack that leaves room for an exception frame with floating-point registers and a few calls.
_LEAST_STACK_BYTES = 256


@dataclass(frozen=True)
class Firmware:
    """A linked firmware and what the network adds to it.

    Attributes:
        path: the ELF file.
        image: what it holds.
        flash_bytes: growth over the same firmware without the network.
        variable_bytes: RAM of variables that the network adds, its arena included.
    """

    path: Path
    image: Image
    flash_bytes: FlashBytes
    variable_bytes: int


def build_firmware(
    files: Mapping[str, str],
    name: str,
    target: Board,
    toolchain: Toolchain,
    output: Path,
    options: Sequence[str] = ("-O2",),
    on_chip: bool = False,
) -> Firmware:
    """Build network `name`, whose C is `files`, for the board `target` into the ELF file `output`.

    Args:
        files: file name → text, as `lilliput.codegen.generate` returns them.
        options: how to optimize.
        on_chip: put flash and RAM where the board has them, not where the emulator does.

    Raises:
        ToolchainError: the compiler failed.
        MeasureError: the firmware needs more flash or RAM than the board has.
        StorageError: `output` cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
        here = Path(folder)
        sources = write_sources(files, name, here)
        origins = (target.flash_origin, target.ram_origin) if on_chip else (FLASH_ORIGIN, RAM_ORIGIN)
        script = linker_script(target.ram_bytes, *origins)
        _link(toolchain, [*sources, _SOURCES / "bench.c"], script, tuple(options), here)
        image = read_image(here / FIRMWARE)
        _check_fits(image, target, name)
        empty_flash_bytes, empty_variable_bytes = _empty(toolchain, tuple(options))
        _move(here / FIRMWARE, output)
    grown = image.flash_bytes - empty_flash_bytes
    weights = image.constant_bytes(f"{name}_")
    return Firmware(
        path=output,
        image=image,
        flash_bytes=FlashBytes(weights=weights, code=grown - weights, total=grown),
        variable_bytes=image.ram_bytes - empty_variable_bytes,
    )


def write_sources(files: Mapping[str, str], name: str, folder: Path) -> list[Path]:
    """Write a network's C and the header that names it into `folder`; returns the paths of the C files."""
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    header = (_SOURCES / "lp_bench_network.h.in").read_text(encoding="utf-8")
    (folder / "lp_bench_network.h").write_text(
        header.replace("@name@", name).replace("@NAME@", name.upper()), encoding="utf-8"
    )
    return [folder / file for file in sorted(files) if file.endswith(".c")]


def linker_script(ram_bytes: int, flash_origin: int = FLASH_ORIGIN, ram_origin: int = RAM_ORIGIN) -> str:
    """The linker script for a board with `ram_bytes` of RAM; the stack begins at its end."""
    text = (_SOURCES / "memory.ld").read_text(encoding="utf-8")
    values = {
        "FLASH_ORIGIN": flash_origin,
        "FLASH_BYTES": _LINK_BYTES,
        "RAM_ORIGIN": ram_origin,
        "RAM_BYTES": _LINK_BYTES,
        "STACK_TOP": (ram_origin + ram_bytes) & ~7,
    }
    for word, value in values.items():
        text = text.replace(f"@{word}@", f"0x{value:08x}")
    return text


@cache
def _empty(toolchain: Toolchain, options: tuple[str, ...]) -> tuple[int, int]:
    """Flash and variable bytes of the firmware without a network."""
    with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
        here = Path(folder)
        _link(toolchain, [_SOURCES / "bench_empty.c"], linker_script(_LINK_BYTES), options, here)
        image = read_image(here / FIRMWARE)
    return image.flash_bytes, image.ram_bytes


def _link(
    toolchain: Toolchain, sources: list[Path], script: str, options: tuple[str, ...], folder: Path
) -> None:
    path = folder / "memory.ld"
    path.write_text(script, encoding="utf-8")
    include = (folder, _SOURCES)
    sources = [_SOURCES / "startup.c", _SOURCES / "semihosting.c", *sources]
    toolchain.link(sources, folder / FIRMWARE, include=include, script=path, options=options)


def _check_fits(image: Image, target: Board, name: str) -> None:
    if image.flash_bytes > target.flash_bytes:
        raise MeasureError(
            f"the firmware with '{name}' does not fit the flash of {target.name}",
            f"it needs {image.flash_bytes} bytes, the board has {target.flash_bytes}",
            "search with a smaller flash_bytes, or choose a larger board",
        )
    if image.ram_bytes + _LEAST_STACK_BYTES > target.ram_bytes:
        raise MeasureError(
            f"the firmware with '{name}' does not fit the RAM of {target.name}",
            f"variables need {image.ram_bytes} bytes and the stack at least {_LEAST_STACK_BYTES}, "
            f"the board has {target.ram_bytes}",
            "search with a smaller ram_bytes, or choose a larger board",
        )


def _move(built: Path, output: Path) -> None:
    """Put a finished file in its place at once, so that nobody finds half of it."""
    part = output.with_name(output.name + ".part")
    try:
        part.write_bytes(built.read_bytes())
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {output}", error.strerror or str(error), "free some space"
        ) from error
