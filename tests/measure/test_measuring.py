"""A compiled directory, measured: every figure, every mismatch, every refusal."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.measure.small import ZIG, code, needs_chip_compiler, needs_zig, network

from lilliput.cost import cost
from lilliput.errors import ConfigError, FormatError, MeasureError, NetError, ToolchainError
from lilliput.measure.artifact import MANIFEST, MODEL, manifest_text
from lilliput.measure.firmware import FIRMWARE
from lilliput.measure.measuring import (
    measure,
    measure_with_outputs,
    random_vectors,
)
from lilliput.net.reference import run as run_reference
from lilliput.net.storage import save
from lilliput.targets import board

X = random_vectors(network(), 6)
MACS = (6 * 6 * 8 * 27, 4 * 4 * 8 * 9, 4 * 4 * 12 * 8, 0, 5 * 192)


def compiled(folder: Path, name: str = "nucleo-l452re", **changes: str) -> Path:
    """What `lilliput compile` leaves."""
    target = board(name)
    files = code(name) | changes
    folder.mkdir(exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text)
    save(network(target.core.name), folder / MODEL)
    (folder / MANIFEST).write_text(manifest_text("small", target, files, "0.1.0"))
    return folder


@needs_chip_compiler
def test_every_figure_is_there(tmp_path) -> None:
    found = measure(compiled(tmp_path))
    target = board("nucleo-l452re")
    assert (found.board, found.core) == ("nucleo-l452re", "cortex-m4")
    assert found.toolchain
    assert found.vectors == 8
    assert found.mismatches == 0
    assert found.macs == sum(MACS)
    assert tuple(layer.macs for layer in found.layers) == MACS
    assert [layer.op for layer in found.layers][:2] == ["Conv2D", "DepthwiseConv2D"]
    assert found.cycles - 200 < sum(layer.cycles for layer in found.layers) < found.cycles
    layers = sum(layer.cycles_with_flash for layer in found.layers)
    assert found.cycles_with_flash - 2000 < layers < found.cycles_with_flash
    assert found.cycles < found.cycles_with_flash < 2 * found.cycles
    assert found.latency_ms == pytest.approx(found.cycles_with_flash / 80e3)
    assert found.energy_uj == pytest.approx(target.energy_uj(found.cycles_with_flash))
    ram, flash = found.ram_bytes, found.flash_bytes
    assert ram.arena == network().plan.arena_bytes
    assert ram.arena_without_input == cost(network(), target).arena_without_input_bytes
    assert ram.static == 0
    assert ram.total == ram.arena + ram.static + ram.stack
    assert flash.total == flash.weights + flash.code
    assert (tmp_path / FIRMWARE).stat().st_size > flash.total
    json.dumps(found.to_json(), allow_nan=False)


@needs_chip_compiler
def test_only_what_belongs_there_stays_in_the_directory(tmp_path) -> None:
    before = {path.name for path in compiled(tmp_path).iterdir()}
    measure(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == before | {FIRMWARE}


@needs_chip_compiler
def test_an_unknown_current_gives_no_energy(tmp_path) -> None:
    found = measure(compiled(tmp_path, "generic-m4"))
    assert found.energy_uj is None
    assert found.latency_ms > 0


@needs_chip_compiler
def test_unknown_wait_states_leave_the_latency_without_them(tmp_path) -> None:
    target = dataclasses.replace(board("nucleo-l452re"), flash_wait_states=None)
    compiled(tmp_path)
    files = code("nucleo-l452re")
    (tmp_path / MANIFEST).write_text(manifest_text("small", target, files, "0.1.0"))
    found = measure(tmp_path)
    assert found.cycles_with_flash is None
    assert {layer.cycles_with_flash for layer in found.layers} == {None}
    assert found.latency_ms == pytest.approx(found.cycles / 80e3)


@needs_chip_compiler
def test_outputs_come_from_the_emulated_core(tmp_path) -> None:
    found, y = measure_with_outputs(compiled(tmp_path, "rp2040"), vectors=X)
    assert np.array_equal(y, run_reference(network(), X))
    assert (found.core, found.vectors, found.mismatches) == ("cortex-m0plus", 6, 0)


def test_on_the_host_what_needs_a_core_is_null(tmp_path) -> None:
    found, y = measure_with_outputs(compiled(tmp_path), "host", vectors=X)
    assert np.array_equal(y, run_reference(network(), X))
    assert (found.vectors, found.mismatches) == (6, 0)
    raw = found.to_json()
    for key in ("cycles", "cycles_with_flash", "instructions", "latency_ms", "energy_uj"):
        assert raw[key] is None
    assert set(raw["flash_bytes"].values()) == {None}
    assert raw["ram_bytes"]["stack"] is None
    assert "accuracy" not in raw
    assert not (tmp_path / FIRMWARE).exists()


@pytest.mark.parametrize("on", ["host", pytest.param("emulator", marks=needs_chip_compiler)])
def test_a_mismatch_is_counted_by_vector(tmp_path, on) -> None:
    text = code("nucleo-l452re")["small.c"]
    # One vector of six has this first byte; its output is spoilt.
    spoil = (
        f"if (first == {int(X[4].flat[0])}) {{ ((int8_t *)small_output(arena))[0] ^= 1; }} return SMALL_OK;"
    )
    text = text.replace("return SMALL_OK;", spoil)
    text = text.replace(
        "    if (arena == 0)", "    const int8_t first = small_input(arena)[0];\n    if (arena == 0)"
    )
    assert sum(int(row.flat[0]) == int(X[4].flat[0]) for row in X) == 1
    assert measure(compiled(tmp_path, **{"small.c": text}), on, vectors=X).mismatches == 1


def test_accuracy_is_that_of_the_generated_c(tmp_path) -> None:
    x = random_vectors(network(), 50)
    classes = run_reference(network(), x).argmax(axis=1)
    classes[:20] = (classes[:20] + 1) % 5
    found = measure(compiled(tmp_path), "host", examples=(x, classes))
    assert (found.examples, found.accuracy) == (50, pytest.approx(0.6))


def test_examples_without_a_class_each_are_refused(tmp_path) -> None:
    for classes in (np.zeros(3, np.int64), np.zeros(0, np.int64)):
        with pytest.raises(NetError, match="cannot be scored"):
            measure(compiled(tmp_path), "host", examples=(X[: len(classes) and 2], classes))


def test_vectors_of_another_shape_are_refused(tmp_path) -> None:
    with pytest.raises(NetError, match="does not fit"):
        measure(compiled(tmp_path), "host", vectors=X[:, :4])


def test_an_unknown_place_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="moon"):
        measure(compiled(tmp_path), "moon")


def test_a_model_that_is_not_the_directorys_is_refused(tmp_path) -> None:
    save(dataclasses.replace(network(), name="other"), compiled(tmp_path) / MODEL)
    with pytest.raises(MeasureError, match="other"):
        measure(tmp_path, "host")


def test_a_damaged_model_is_refused(tmp_path) -> None:
    (compiled(tmp_path) / MODEL).write_bytes(b"nothing")
    with pytest.raises(FormatError):
        measure(tmp_path, "host")


def test_a_header_that_asks_for_another_arena_is_refused(tmp_path) -> None:
    arena = network().plan.arena_bytes
    text = code("nucleo-l452re")["small.h"].replace(f"ARENA_BYTES {arena}", f"ARENA_BYTES {arena + 4}")
    with pytest.raises(MeasureError, match=f"{arena + 4} arena bytes"):
        measure(compiled(tmp_path, **{"small.h": text}), "host")


@needs_chip_compiler
def test_without_pyocd_a_board_cannot_be_measured(tmp_path, monkeypatch) -> None:
    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ToolchainError, match="pyocd"):
        measure(compiled(tmp_path), "board")


@needs_zig
@pytest.mark.slow
def test_zig_measures_where_there_is_no_gcc(tmp_path, monkeypatch) -> None:
    cc = shutil.which("cc")
    (tmp_path / "bin").mkdir()
    for tool in ("cc", "as", "ld", "gcc"):
        if found := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(found)
    assert cc
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = measure(compiled(tmp_path / "out"))
    assert found.toolchain.startswith("zig ")
    assert found.mismatches == 0


@needs_zig
def test_a_compiler_can_be_named(tmp_path) -> None:
    found = measure(compiled(tmp_path), cc=ZIG)
    assert found.toolchain.startswith("zig ")
    assert found.mismatches == 0
    assert found.cycles > 0
