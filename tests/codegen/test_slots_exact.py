"""Convolutions with several products in one multiplication at the edges of what they do."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.test_packed_exact import SLOT_CASES, net_of

from lilliput.errors import ToolchainError
from lilliput.net import Conv2D, Net
from lilliput.net.reference import run
from lilliput.runtime import runtime_files
from lilliput.targets import board
from lilliput.targets.kernel import Layout
from lilliput.targets.kernels import kernel_for
from lilliput.targets.slots import Slots, slots_of, slots_rows

TARGET = "generic-m4"
FORMATS = ("w2a2", "w4a4", "w3a3", "w2a8", "w3a8", "w5a8")
EXTREMES = ("drawn", "alternating")
PARTS = ("lp_multiply_slots_", "lp_take_slots_", "lp_unpack_slots_")


@cache
def nets() -> dict[str, Net]:
    found = {}
    for formats in FORMATS:
        for index, case in enumerate(SLOT_CASES):
            for extreme in EXTREMES:
                key = f"{formats}_{index}_{extreme}"
                found[key] = replace(net_of(TARGET, case, formats, extreme), name=key)
    return found


@cache
def inputs() -> Arrays:
    rng = np.random.default_rng(5)
    return {key: rng.integers(0, 256, (2, *net.input.shape), np.uint8) for key, net in nets().items()}


def _compare(some: dict[str, Net], found: Arrays) -> None:
    for key, net in some.items():
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
    _compare(nets(), run_on_host(nets(), board(TARGET), inputs()))


@pytest.mark.parametrize("formats", FORMATS)
def test_emulated_c(formats: str) -> None:
    # One firmware has no room for the memory of all.
    some = {key: net for key, net in nets().items() if key.startswith(f"{formats}_")}
    try:
        found = run_on_chip(some, board(TARGET), {key: inputs()[key] for key in some})
    except ToolchainError as error:
        pytest.skip(str(error))
    _compare(some, found)


def test_all_ways_of_sharing_words_run() -> None:
    core = board(TARGET).core
    used = {part for net in nets().values() for op in net.ops for part in kernel_for(op, net, core).needs}
    files = {file.removesuffix(".c") for file in runtime_files() if file.endswith(".c")}
    expected = {file for file in files if file.startswith(PARTS)}
    assert {name for name in used if name.startswith(PARTS)} == expected


def test_sums_have_segments_and_inputs_bands() -> None:
    assert {way.by_columns for way, in_bands in _ways() if in_bands} == {True, False}
    assert any(way.segments > 1 for way, _ in _ways())
