"""Kernels for least flash give the reference's bytes: at the edges of their sizes, and in random networks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.test_random_networks import NETWORKS, TFLM_NETWORKS
from tests.codegen.tflm_cases import ALL_CASES

from lilliput.errors import ToolchainError
from lilliput.net import Conv2D, FullyConnected, MaxPool2D, Net, Optimize
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for

TARGET = board("generic-m4")
ROWS = 3
NETWORKS_OF_A_BUILD = 4
WITH_PROFILES = ("conv2d", "depthwise_conv2d", "average_pool2d", "add")


def smallest(net: Net, name: str) -> Net:
    """Planned anew for least flash: outputs lie over inputs as far as kernels promise."""
    return plan_for(replace(net, name=name, optimize=Optimize.FLASH, plan=None), TARGET.core)


@cache
def nets() -> dict[str, Net]:
    made = {case: make(TARGET.core.name, "net") for case, make in ALL_CASES.items()}
    return {case: smallest(net, f"net{index:03d}") for index, (case, net) in enumerate(made.items())}


@cache
def inputs() -> Arrays:
    return {case: random_input(net, ROWS) for case, net in nets().items()}


def _differing(found: Arrays) -> list[str]:
    return [case for case, net in nets().items() if not np.array_equal(found[case], run(net, inputs()[case]))]


def test_host_c_gives_the_bytes_of_the_reference() -> None:
    assert not _differing(run_on_host(nets(), TARGET, inputs()))


@pytest.mark.parametrize(
    ("target", "option"),
    [("generic-m4", "-O2"), ("generic-m4", "-O0"), ("nucleo-h743zi", "-O2"), ("nucleo-u575zi-q", "-O2")],
)
def test_emulated_c_gives_the_bytes_of_the_reference(target: str, option: str) -> None:
    try:
        found = run_on_chip(nets(), board(target), inputs(), option)
    except ToolchainError as error:
        pytest.skip(str(error))
    assert not _differing(found)


def test_all_compact_kernels_run() -> None:
    used = {kernel_for(op, net, TARGET.core).function for net in nets().values() for op in net.ops}
    profiles = ("", "_tflm")
    assert {f"lp_{what}_compact{profile}_s8" for what in WITH_PROFILES for profile in profiles} <= used
    assert "lp_max_pool2d_compact_s8" in used


def test_most_layers_take_them_without_scratch_memory() -> None:
    taken = [
        kernel_for(op, net, TARGET.core)
        for net in nets().values()
        for op in net.ops
        if isinstance(op, Conv2D | FullyConnected | MaxPool2D)
    ]
    compact = [kernel for kernel in taken if "compact" in kernel.function]
    assert len(compact) > 0.8 * len(taken)
    assert not any(kernel.scratch_bytes for kernel in compact)


@pytest.mark.exact
@settings(max_examples=max(1, settings.default.max_examples // NETWORKS_OF_A_BUILD))
@given(drawn=st.lists(NETWORKS | TFLM_NETWORKS, min_size=NETWORKS_OF_A_BUILD, max_size=NETWORKS_OF_A_BUILD))
def test_random_networks_agree(drawn: list[Net]) -> None:
    made = {
        str(index): smallest(net, f"net{index}")
        for index, net in enumerate(drawn)
        if net.outputs[0] != net.inputs[0]
    }
    if not made:
        return
    rows = {key: random_input(net, ROWS) for key, net in made.items()}
    host = run_on_host(made, TARGET, rows)
    try:
        chip = run_on_chip(made, TARGET, rows)
    except ToolchainError:
        chip = host
    for key, net in made.items():
        expected = run(net, rows[key])
        np.testing.assert_array_equal(host[key], expected)
        np.testing.assert_array_equal(chip[key], expected)
