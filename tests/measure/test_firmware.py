"""What the linked firmware holds, and what does not fit."""

from __future__ import annotations

import dataclasses

import pytest
from tests.measure.small import ZIG, code, needs_chip_compiler, needs_gcc, needs_zig, network, toolchain

from lilliput.errors import MeasureError, StorageError, ToolchainError
from lilliput.measure.elf import read_image
from lilliput.measure.firmware import FIRMWARE, build_firmware, linker_script
from lilliput.targets import board, boards

M4 = board("generic-m4")
SYMBOLS = (
    "lp_bench_init",
    "lp_bench_run",
    "lp_bench_input",
    "lp_bench_input_bytes",
    "lp_bench_output",
    "lp_bench_output_bytes",
    "_estack",
)

COMPILERS = [
    pytest.param(None, id="gcc", marks=needs_gcc),
    pytest.param(ZIG, id="zig", marks=needs_zig),
]


def build(folder, target=M4, cc=None, **changes):
    return build_firmware(
        code(target.name) | changes, "small", target, toolchain(target, cc), folder / FIRMWARE
    )


@pytest.mark.parametrize("cc", COMPILERS)
def test_the_image_shows_what_a_debugger_needs(tmp_path, cc) -> None:
    image = build(tmp_path, cc=cc).image
    assert image == read_image(tmp_path / FIRMWARE)
    for symbol in SYMBOLS:
        assert image.address(symbol) >= 0
    assert image.address("_estack") == 0x20000000 + M4.ram_bytes
    vectors = next(section for section in image.sections if section.name == ".vectors")
    assert vectors.address == 0


@pytest.mark.parametrize("cc", COMPILERS)
def test_flash_growth_is_weights_and_code(tmp_path, cc) -> None:
    found = build(tmp_path, cc=cc).flash_bytes
    net = network()
    constants = sum(
        tensor.storage_bytes for tensor in net.tensors.values() if tensor.constant and tensor.dtype == "int8"
    )
    assert constants <= found.weights <= constants + 2000
    assert found.weights + found.code == found.total
    assert 500 < found.code < 20_000


@needs_chip_compiler
def test_variables_are_the_arena(tmp_path) -> None:
    arena = network().plan.arena_bytes
    assert build(tmp_path).variable_bytes == -(-arena // 4) * 4


@needs_chip_compiler
def test_variables_of_the_network_itself_are_counted(tmp_path) -> None:
    text = code("generic-m4")["small.c"]
    more = text.replace("return SMALL_OK;", "counter += 1; return SMALL_OK;") + "\n"
    more = more.replace('#include "lp.h"', '#include "lp.h"\nvolatile int32_t counter = 7;')
    plain, counting = build(tmp_path), build(tmp_path, **{"small.c": more})
    assert counting.variable_bytes == plain.variable_bytes + 4
    assert counting.flash_bytes.total >= plain.flash_bytes.total + 4


@needs_gcc
@pytest.mark.parametrize("target", boards(), ids=lambda target: target.name)
def test_every_board_can_be_built_for(tmp_path, target) -> None:
    assert build(tmp_path, target).flash_bytes.total > 0


@needs_zig
@pytest.mark.slow
@pytest.mark.parametrize("name", ["rp2040", "nucleo-h743zi"])
def test_zig_builds_for_the_other_cores(tmp_path, name) -> None:
    assert build(tmp_path, board(name), ZIG).flash_bytes.total > 0


@needs_chip_compiler
def test_the_same_source_gives_the_same_bytes(tmp_path) -> None:
    assert build(tmp_path).image == build(tmp_path).image


@needs_chip_compiler
def test_too_little_flash_is_told_in_bytes(tmp_path) -> None:
    needed = build(tmp_path).image.flash_bytes
    (tmp_path / FIRMWARE).unlink()
    small = dataclasses.replace(M4, flash_bytes=needed - 1)
    with pytest.raises(MeasureError, match=f"needs {needed} bytes, the board has {needed - 1}"):
        build_firmware(code(M4.name), "small", small, toolchain(small), tmp_path / FIRMWARE)
    assert not list(tmp_path.iterdir())


@needs_chip_compiler
def test_too_little_ram_is_told_in_bytes(tmp_path) -> None:
    small = dataclasses.replace(M4, ram_bytes=network().plan.arena_bytes)
    with pytest.raises(MeasureError, match=f"the board has {small.ram_bytes}"):
        build_firmware(code(M4.name), "small", small, toolchain(small), tmp_path / FIRMWARE)


@needs_chip_compiler
def test_a_folder_that_cannot_be_written_is_named(tmp_path) -> None:
    with pytest.raises(StorageError, match="missing"):
        build_firmware(code(M4.name), "small", M4, toolchain(M4), tmp_path / "missing" / FIRMWARE)


@needs_chip_compiler
def test_an_unresolved_function_is_named(tmp_path) -> None:
    text = code("generic-m4")["small.c"].replace("return SMALL_OK;", "return absent();")
    text = text.replace('#include "lp.h"', '#include "lp.h"\nint absent(void);')
    with pytest.raises(ToolchainError, match="absent"):
        build(tmp_path, **{"small.c": text})


def test_the_linker_script_takes_the_chips_own_addresses() -> None:
    text = linker_script(0x5000, 0x08000000, 0x24000000)
    assert "ORIGIN = 0x08000000" in text
    assert "_estack = 0x24005000;" in text
    assert "@" not in text


def test_what_is_no_elf_file_is_refused(tmp_path) -> None:
    path = tmp_path / "x.elf"
    for content in (b"", b"\x7fELF", b"hello" * 100):
        path.write_bytes(content)
        with pytest.raises(ToolchainError, match=r"x\.elf"):
            read_image(path)
