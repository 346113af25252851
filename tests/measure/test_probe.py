"""Driving a board through its probe; an emulated core stands in for the silicon, behind pyocd's interface."""

from __future__ import annotations

import dataclasses
import importlib
import types
from pathlib import Path

import numpy as np
import pytest
import unicorn
from tests.measure.small import code, needs_chip_compiler, network, toolchain
from unicorn import arm_const

from lilliput.errors import MeasureError, ToolchainError
from lilliput.measure import probe
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.probe import run_on_board
from lilliput.net.reference import run as run_reference
from lilliput.targets import board

BOARD = board("nucleo-l4r5zi")
REGISTERS = {
    "sp": arm_const.UC_ARM_REG_SP,
    "lr": arm_const.UC_ARM_REG_LR,
    "pc": arm_const.UC_ARM_REG_PC,
    "r0": arm_const.UC_ARM_REG_R0,
}


class Chip:
    """The part of pyocd's target that the driver uses, with memory where the board has it."""

    def __init__(self, counter: bool = True) -> None:
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
        self.uc.mem_map(BOARD.flash_origin, 1 << 20)
        self.uc.mem_map(BOARD.ram_origin, 1 << 20)
        self.uc.mem_map(0xE0000000, 1 << 16)
        self.uc.reg_write(arm_const.UC_ARM_REG_C1_C0_2, 0xF << 20)
        self.breakpoints: list[int] = []
        self.runs = 0
        if counter:
            self.write32(0xE0001000, 0x40000000)

    def program(self, path: str, file_format: str) -> None:
        assert file_format == "elf"
        from lilliput.measure.elf import read_image

        for address, data in read_image(Path(path)).segments:
            self.uc.mem_write(address, data)

    def reset_and_halt(self) -> None:
        self.runs = 0

    def set_breakpoint(self, address: int) -> bool:
        self.breakpoints.append(address)
        return True

    def remove_breakpoint(self, address: int) -> None:
        self.breakpoints.remove(address)

    def write_core_register(self, name: str, value: int) -> None:
        if name != "xpsr":
            self.uc.reg_write(REGISTERS[name], value)

    def read_core_register(self, name: str) -> int:
        return self.uc.reg_read(REGISTERS[name])

    def resume(self) -> None:
        self.runs += 1
        try:
            self.uc.emu_start(self.uc.reg_read(arm_const.UC_ARM_REG_PC) | 1, self.breakpoints[0])
        except unicorn.UcError:
            self.uc.reg_write(arm_const.UC_ARM_REG_PC, self.breakpoints[1])  # what the vector table does
        self.write32(0xE0001004, 1000 + self.runs)

    def halt(self) -> None:
        pass

    def get_state(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(name="HALTED")

    def read32(self, address: int) -> int:
        return int.from_bytes(self.uc.mem_read(address, 4), "little")

    def write32(self, address: int, value: int) -> None:
        self.uc.mem_write(address, value.to_bytes(4, "little"))

    def read_memory_block8(self, address: int, size: int) -> list[int]:
        return list(self.uc.mem_read(address, size))

    def write_memory_block8(self, address: int, data: list[int]) -> None:
        self.uc.mem_write(address, bytes(data))


class RefusedError(Exception):
    """What pyocd raises."""


def pretend(monkeypatch, chip: Chip | None, failure: Exception | None = None) -> list[dict]:
    """Put a chip behind pyocd's modules; returns the options that sessions were opened with."""
    opened: list[dict] = []

    class Session:
        board = types.SimpleNamespace(target=chip)

        def __enter__(self):
            if failure:
                raise failure
            return self

        def __exit__(self, *_):
            return False

    def open_session(**options):
        opened.append(options)
        return Session() if chip else None

    helpers = types.SimpleNamespace(
        ConnectHelper=types.SimpleNamespace(session_with_chosen_probe=open_session)
    )
    programmer = types.SimpleNamespace(FileProgrammer=lambda session: chip)
    errors = types.SimpleNamespace(Error=RefusedError)
    monkeypatch.setattr(probe, "_pyocd", lambda: (helpers, programmer, errors))
    return opened


def firmware(folder, statement: str = ""):
    files = dict(code(BOARD.name))
    files["small.c"] = files["small.c"].replace("return SMALL_OK;", f"{statement} return SMALL_OK;")
    return build_firmware(files, "small", BOARD, toolchain(BOARD), folder / "chip.elf", on_chip=True)


@needs_chip_compiler
def test_the_boards_bytes_cycles_and_stack_come_back(tmp_path, monkeypatch) -> None:
    opened = pretend(monkeypatch, Chip())
    built, x = firmware(tmp_path), random_vectors(network(), 3)
    y, found = run_on_board(built.image, built.path, network(), BOARD, x)
    assert np.array_equal(y, run_reference(network(), x))
    assert found.cycles == 1000 + 4  # one call to initialise, then three inferences
    assert 100 < found.stack_bytes < 1000
    assert opened[0]["options"] == {"target_override": BOARD.pyocd_target}


@needs_chip_compiler
def test_the_image_lies_where_the_chip_has_its_memory(tmp_path) -> None:
    image = firmware(tmp_path).image
    assert image.address("lp_bench_vectors") == BOARD.flash_origin
    assert image.address("_estack") == BOARD.ram_origin + BOARD.ram_bytes


@needs_chip_compiler
def test_a_core_without_a_counter_gives_no_cycles(tmp_path, monkeypatch) -> None:
    pretend(monkeypatch, Chip(counter=False))
    built = firmware(tmp_path)
    assert (
        run_on_board(built.image, built.path, network(), BOARD, random_vectors(network(), 1))[1].cycles
        is None
    )


@needs_chip_compiler
@pytest.mark.parametrize(
    ("statement", "message"),
    [("*(volatile int *)0x60000000 = 1;", "faulted"), ("return 5;", "returned 5")],
)
def test_a_failure_on_the_board_is_told(tmp_path, monkeypatch, statement, message) -> None:
    pretend(monkeypatch, Chip())
    built = firmware(tmp_path, statement)
    with pytest.raises(MeasureError, match=message):
        run_on_board(built.image, built.path, network(), BOARD, random_vectors(network(), 1))


@needs_chip_compiler
def test_no_probe_is_told(tmp_path, monkeypatch) -> None:
    pretend(monkeypatch, None)
    built = firmware(tmp_path)
    with pytest.raises(ToolchainError, match="no debug probe"):
        run_on_board(built.image, built.path, network(), BOARD, random_vectors(network(), 1))


@needs_chip_compiler
def test_pyocds_own_errors_are_passed_on(tmp_path, monkeypatch) -> None:
    pretend(monkeypatch, Chip(), RefusedError("target locked"))
    built = firmware(tmp_path)
    with pytest.raises(ToolchainError, match="target locked"):
        run_on_board(built.image, built.path, network(), BOARD, random_vectors(network(), 1))


@needs_chip_compiler
def test_a_board_that_no_probe_can_start_is_refused(tmp_path, monkeypatch) -> None:
    pretend(monkeypatch, Chip())
    built, other = firmware(tmp_path), dataclasses.replace(BOARD, pyocd_target=None)
    with pytest.raises(ToolchainError, match="pyocd_target"):
        run_on_board(built.image, built.path, network(), other, random_vectors(network(), 1))


def test_without_pyocd_its_installation_is_told(monkeypatch) -> None:
    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ToolchainError) as caught:
        probe._pyocd()
    assert "pip install pyocd" in caught.value.hint
