"""What an ELF file says about flash, RAM and functions."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from lilliput.errors import ToolchainError

_ALLOCATED = 0x2  # SHF_ALLOC
_WRITABLE = 0x1  # SHF_WRITE
WORD_BYTES = 4
"""What arrays of a network are aligned to."""


@dataclass(frozen=True)
class Section:
    """A section that takes memory: `stored` is False for .bss, which takes no flash."""

    name: str
    address: int
    size_bytes: int
    writable: bool
    stored: bool


@dataclass(frozen=True)
class Symbol:
    """A function or an object."""

    name: str
    address: int
    size_bytes: int
    is_function: bool


@dataclass(frozen=True)
class Image:
    """A linked program.

    Attributes:
        sections: those that take memory on the chip.
        symbols: functions, objects and linker symbols by name.
        segments: (load address, bytes) of what the flash holds.
        file: the ELF file itself.
    """

    sections: tuple[Section, ...]
    symbols: dict[str, Symbol]
    segments: tuple[tuple[int, bytes], ...]
    file: bytes = b""

    @property
    def flash_bytes(self) -> int:
        """Bytes that the program takes in flash, initial values of variables included."""
        return sum(section.size_bytes for section in self.sections if section.stored)

    @property
    def ram_bytes(self) -> int:
        """Bytes of RAM that variables take; the stack is not among them."""
        return sum(section.size_bytes for section in self.sections if section.writable)

    def address(self, symbol: str) -> int:
        """Address of `symbol`, without the Thumb bit.

        Raises:
            ToolchainError: the image has no such symbol.
        """
        if symbol not in self.symbols:
            raise ToolchainError(
                f"the firmware has no symbol '{symbol}'", "the linker dropped or renamed it", ""
            )
        return self.symbols[symbol].address & ~1

    def constant_bytes(self, prefix: str) -> int:
        """Bytes of the constant objects whose name begins with `prefix`, each as filling its last word."""
        flash = [section for section in self.sections if not section.writable]
        ranges = {
            symbol.address: symbol.size_bytes
            for symbol in self.symbols.values()
            if not symbol.is_function
            and symbol.name.startswith(prefix)
            and any(
                section.address <= symbol.address < section.address + section.size_bytes for section in flash
            )
        }
        return sum(-(-size_bytes // WORD_BYTES) * WORD_BYTES for size_bytes in ranges.values())

    @cached_property
    def _functions(self) -> tuple[list[int], list[Symbol]]:
        functions = sorted(
            (symbol for symbol in self.symbols.values() if symbol.is_function),
            key=lambda symbol: symbol.address,
        )
        return [symbol.address & ~1 for symbol in functions], functions

    def function_at(self, address: int) -> str:
        """Name of the function that holds `address`, "?" where there is none."""
        starts, functions = self._functions
        index = bisect.bisect_right(starts, address) - 1
        return functions[index].name if index >= 0 else "?"


def read_image(path: Path) -> Image:
    """The program in the ELF file `path`.

    Raises:
        ToolchainError: it is no ELF file with a symbol table.
    """
    try:
        with path.open("rb") as stream:
            return _read(ELFFile(stream))
    except (OSError, ELFError, AttributeError) as error:
        raise ToolchainError(f"{path} is not the program that the linker promised", str(error), "") from error


def _read(file: ELFFile) -> Image:
    sections = []
    for section in file.iter_sections():
        if section["sh_flags"] & _ALLOCATED and section["sh_size"]:
            stored = section["sh_type"] != "SHT_NOBITS"
            writable = bool(section["sh_flags"] & _WRITABLE)
            sections.append(Section(section.name, section["sh_addr"], section["sh_size"], writable, stored))
    symbols = {}
    for symbol in file.get_section_by_name(".symtab").iter_symbols():
        if symbol.name and symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["type"] != "STT_FILE":
            is_function = symbol["st_info"]["type"] == "STT_FUNC"
            symbols[symbol.name] = Symbol(symbol.name, symbol["st_value"], symbol["st_size"], is_function)
    segments = tuple(
        (segment["p_paddr"], segment.data())
        for segment in file.iter_segments()
        if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
    )
    file.stream.seek(0)
    return Image(tuple(sections), symbols, segments, file.stream.read())
