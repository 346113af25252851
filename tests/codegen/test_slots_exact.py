"""Convolutions with several products in one multiplication at the edges of what they do."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.test_packed_exact import SLOT_CASES, TARGET, layer

from lilliput.errors import ToolchainError
from lilliput.net import Conv2D, Net
from lilliput.net.reference import run
from lilliput.runtime import runtime_files
from lilliput.targets import board
from lilliput.targets.kernel import Layout
from lilliput.targets.kernels import kernel_for
from lilliput.targets.slots import Slots, slots_of, slots_rows

FORMATS = ("w2a2", "w4a4", "w3a3", "w2a8", "w5a8")
EXTREMES = ("drawn", "alternating")
PARTS = ("lp_multiply_slots_", "lp_take_slots_", "lp_unpack_slots_")


@cache
def nets() -> dict[str, Net]:
    keys = [(f, c, e) for f in FORMATS for c in SLOT_CASES for e in EXTREMES]
    return {f"net{n}": replace(layer(c, f, e), name=f"net{n}") for n, (f, c, e) in enumerate(keys)}


@cache
def inputs() -> Arrays:
    rng = np.random.default_rng(5)
    return {key: rng.integers(0, 256, (2, *net.input.shape), np.uint8) for key, net in nets().items()}


def _compare(found: Arrays) -> None:
    for key, net in nets().items():
        assert np.array_equal(found[key], run(net, inputs()[key])), key


def _ways() -> list[tuple[Slots, bool]]:
    """How layers are computed, and whether in several bands."""
    core = board(TARGET).core
    return [
        (way, net.tensors[op.outputs[0]].shape[0] > slots_rows(op, net, way.form))
        for net in nets().values()
        for op in net.ops
        if isinstance(op, Conv2D) and kernel_for(op, net, core).layout is Layout.SLOTS
        if (way := slots_of(op, net))
    ]


def test_host_c_under_sanitizers() -> None:
    _compare(run_on_host(nets(), board(TARGET), inputs()))


def test_emulated_c() -> None:
    try:
        found = run_on_chip(nets(), board(TARGET), inputs())
    except ToolchainError as error:
        pytest.skip(str(error))
    _compare(found)


def test_all_ways_of_sharing_words_run() -> None:
    core = board(TARGET).core
    used = {part for net in nets().values() for op in net.ops for part in kernel_for(op, net, core).needs}
    expected = {
        file.removesuffix(".c") for file in runtime_files() if file.startswith(PARTS) and file.endswith(".c")
    }
    assert {name for name in used if name.startswith(PARTS)} == expected


def test_sums_have_segments_and_inputs_bands() -> None:
    assert {way.by_columns for way, in_bands in _ways() if in_bands} == {True, False}
    assert any(way.segments > 1 for way, _ in _ways())
