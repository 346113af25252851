"""Firmware in QEMU: the bytes, the instructions, and what goes wrong."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from tests.measure.small import code, needs_gcc, network, toolchain

from lilliput.errors import MeasureError, ToolchainError
from lilliput.measure import qemu
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import FIRMWARE, build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.qemu import QemuEmulator, emulator_for
from lilliput.net.reference import run as run_reference
from lilliput.targets import board

pytestmark = needs_gcc
M55 = board("generic-m55")
NET = network(M55.core.name)
X = random_vectors(NET, 3)
needs_qemu = pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")


def start(folder: Path, statement: str = "") -> Emulator | QemuEmulator:
    files = dict(code(M55.name))
    files["small.c"] = files["small.c"].replace("return SMALL_OK;", f"{statement} return SMALL_OK;")
    firmware = build_firmware(files, "small", M55, toolchain(M55), folder / FIRMWARE)
    return emulator_for(firmware.image, "small", M55)


@needs_qemu
def test_every_byte_is_the_references(tmp_path: Path) -> None:
    found = start(tmp_path)
    for x, y in zip(X, run_reference(NET, X), strict=True):
        assert found.run(x.tobytes()) == y.tobytes()


@needs_qemu
def test_instructions_are_those_that_unicorn_counts(tmp_path: Path) -> None:
    m4 = board("generic-m4")
    files = code(m4.name)
    image = build_firmware(files, "small", m4, toolchain(m4), tmp_path / "m4.elf").image
    counted = Emulator(image, "small", m4).profile(X[2].tobytes()).instructions
    # The core with Helium runs the other's code, too.
    flags = (*m4.core.gcc_flags, "-DLP_BENCH_SEMIHOSTING")
    twin = dataclasses.replace(
        m4, core=dataclasses.replace(m4.core, gcc_flags=flags, qemu_machine="mps3-an547")
    )
    image = build_firmware(files, "small", twin, toolchain(twin), tmp_path / FIRMWARE).image
    found = emulator_for(image, "small", twin).profile(X[2].tobytes())
    assert abs(found.instructions - counted) < 0.01 * counted
    assert found.cycles is None


@needs_qemu
def test_a_deeper_stack_is_seen(tmp_path: Path) -> None:
    plain = start(tmp_path).profile(X[2].tobytes()).stack_bytes
    deep = "volatile char room[2000]; for (int i = 0; i < 2000; i++) room[i] = 1;"
    assert 1900 < start(tmp_path, deep).profile(X[2].tobytes()).stack_bytes - plain < 2100


@needs_qemu
@pytest.mark.parametrize(
    ("statement", "message"),
    [('__asm__ volatile("udf #0");', "faulted"), ("return 9;", "returned 9")],
)
def test_a_fault_is_told_in_words(tmp_path: Path, statement: str, message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        start(tmp_path, statement).run(X[0].tobytes())


@needs_qemu
def test_a_wrong_number_of_input_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="input bytes"):
        start(tmp_path).run(b"")


def test_without_qemu_the_hint_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "PROGRAM", "qemu-that-nobody-has")
    with pytest.raises(ToolchainError, match="apt install"):
        start(tmp_path)


@needs_qemu
def test_the_network_has_no_variables_of_its_own(tmp_path: Path) -> None:
    firmware = build_firmware(code(M55.name), "small", M55, toolchain(M55), tmp_path / FIRMWARE)
    assert NET.plan is not None
    assert firmware.variable_bytes == -(-NET.plan.arena_bytes // 4) * 4
