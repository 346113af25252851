"""Firmware on emulated cores: the bytes, the layers, and what goes wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.measure.small import ZIG, code, needs_chip_compiler, needs_gcc, needs_zig, network, toolchain

from lilliput.errors import MeasureError
from lilliput.measure import emulator as emulator_module
from lilliput.measure import hooks
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import FIRMWARE, build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.net.reference import run as run_reference
from lilliput.targets import board, core

pytestmark = needs_chip_compiler
M4 = board("generic-m4")
X = random_vectors(network(), 3)[2].tobytes()


def start(folder, target=M4, cc=None, **changes) -> Emulator:
    files = code(target.name) | changes
    return Emulator(
        build_firmware(files, "small", target, toolchain(target, cc), folder / FIRMWARE).image,
        "small",
        target,
    )


def changed(statement: str, target=M4) -> dict[str, str]:
    """The network's C with a statement at the end of its run."""
    text = code(target.name)["small.c"].replace("return SMALL_OK;", f"{statement} return SMALL_OK;")
    return {"small.c": text}


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> Emulator:
    return start(tmp_path_factory.mktemp("emulator"))


@pytest.mark.parametrize("name", ["generic-m4", "rp2040", "nucleo-h743zi", "generic-rv32imc"])
def test_every_byte_is_the_references(tmp_path, name) -> None:
    target = board(name)
    net, found = network(target.core.name), start(tmp_path, target)
    for x, y in zip(random_vectors(net, 6), run_reference(net, random_vectors(net, 6)), strict=True):
        assert found.run(x.tobytes()) == y.tobytes()


@needs_gcc
@pytest.mark.parametrize("name", ["cortex-m3", "cortex-m33"])
def test_cores_without_a_board_run_too(tmp_path, name) -> None:
    target = dataclasses.replace(M4, name=name, core=core(name))
    files = code("rp2040" if name == "cortex-m3" else "generic-m4")
    net = network("cortex-m0plus" if name == "cortex-m3" else "cortex-m4")
    firmware = build_firmware(files, "small", target, toolchain(target), tmp_path / FIRMWARE)
    profile = Emulator(firmware.image, "small", target).profile(X)
    expected = run_reference(net, np.frombuffer(X, np.int8).reshape(1, *net.input.shape))
    assert profile.output == expected.tobytes()
    assert profile.cycles > 0


@needs_zig
@pytest.mark.slow
@pytest.mark.parametrize("name", ["generic-m4", "rp2040", "nucleo-h743zi", "generic-rv32imc"])
def test_zigs_firmware_agrees(tmp_path, name) -> None:
    target = board(name)
    net, found = network(target.core.name), start(tmp_path, target, ZIG)
    for x, y in zip(random_vectors(net, 4), run_reference(net, random_vectors(net, 4)), strict=True):
        assert found.run(x.tobytes()) == y.tobytes()


def test_cycles_go_to_the_layers_that_took_them(machine) -> None:
    found = machine.profile(X)
    assert set(found.layer_cycles) == {0, 1, 2, 4} | ({3} & set(found.layer_cycles))
    outside = found.cycles - sum(found.layer_cycles.values())
    assert 0 < outside < 200
    assert found.instructions < found.cycles
    assert found.unknown_instructions == 0


def test_profiles_repeat(machine) -> None:
    assert machine.profile(X) == machine.profile(X)
    assert machine.profile(X).output == machine.run(X)


def test_without_a_host_compiler_python_counts_the_same(machine, monkeypatch) -> None:
    expected = dataclasses.replace(machine.profile(X), cycles_with_flash=None, layer_cycles_with_flash={})
    monkeypatch.setattr(hooks, "native_hooks", lambda: None)
    assert machine.profile(X) == expected


def test_a_deeper_stack_is_seen(tmp_path, machine) -> None:
    deep = "volatile char room[2000]; for (int i = 0; i < 2000; i++) room[i] = 1;"
    grown = start(tmp_path, **changed(deep)).profile(X).stack_bytes
    assert 1900 < grown - machine.profile(X).stack_bytes < 2100


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("*(volatile int32_t *)0x60000000 = 1;", "wrote where there is no memory"),
        ("(void)*(volatile int32_t *)0x60000000;", "read where there is no memory"),
        ("*(volatile int32_t *)64 = 1;", "wrote to flash"),
        ("((void (*)(void))0x60000001)();", "jumped to where there is no memory"),
        ('__asm__ volatile("udf #0");', "faulted in"),
        ("return 9;", "returned 9"),
    ],
)
def test_a_fault_is_told_in_words(tmp_path, statement, message) -> None:
    found = start(tmp_path, **changed(statement))
    with pytest.raises(MeasureError, match=message) as caught:
        found.run(X)
    assert "small" in caught.value.what


def test_an_endless_loop_is_ended(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(emulator_module, "TIMEOUT_S", 0.3)
    found = start(tmp_path, **changed("for (volatile int i = 0;; i++) {}"))
    with pytest.raises(MeasureError, match="did not return"):
        found.run(X)


def test_a_stack_that_would_reach_the_variables_is_told_in_bytes(tmp_path, machine) -> None:
    stack = machine.profile(X).stack_bytes
    image = start(tmp_path).image
    just = dataclasses.replace(M4, ram_bytes=image.ram_bytes + stack)
    assert Emulator(image, "small", just).profile(X).stack_bytes == stack
    small = dataclasses.replace(just, ram_bytes=just.ram_bytes - 1)
    with pytest.raises(MeasureError, match=f"the stack {stack}, the board has {small.ram_bytes}"):
        Emulator(image, "small", small).profile(X)


def test_a_stack_without_end_is_a_fault(tmp_path) -> None:
    deep = "volatile char r[1 << 19]; for (int i = 0; i < 1 << 19; i++) r[(1 << 19) - 1 - i] = 1;"
    with pytest.raises(MeasureError, match="wrote where there is no memory"):
        start(tmp_path, **changed(deep)).run(X)


@pytest.mark.parametrize("native", [True, False])
def test_an_unaligned_access_is_refused_where_the_core_would(tmp_path, native, monkeypatch) -> None:
    if not native:
        monkeypatch.setattr(hooks, "native_hooks", lambda: None)
    target = board("rp2040")
    unaligned = "uint32_t at = (uint32_t)arena + 1u; (void)*(volatile uint32_t *)at;"
    found = start(tmp_path, target, **changed(unaligned, target))
    with pytest.raises(MeasureError, match="unaligned"):
        found.profile(X)


def test_a_wrong_number_of_input_bytes_is_refused(machine) -> None:
    with pytest.raises(MeasureError, match="192"):
        machine.run(X[:-1])


def test_a_core_that_nobody_emulates_is_refused(machine) -> None:
    other = dataclasses.replace(M4.core, emulator_cpu=None, name="cortex-m55")
    with pytest.raises(MeasureError, match="cortex-m55"):
        Emulator(machine.image, "small", dataclasses.replace(M4, core=other))
