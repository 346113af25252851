"""Layers whose sums of products are too large for the fast kernels take small ones, not the portable ones."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.quantized_builder import Builder
from tests.codegen.tflm_form import in_tflm

from lilliput.cost import cost
from lilliput.errors import ToolchainError
from lilliput.net import Activation, Net, Optimize, Padding, Profile
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board, core
from lilliput.targets.kernels import kernel_for

TARGET = board("nucleo-l4r5zi")
ROWS = 3
DSP_CORES = ("cortex-m4", "cortex-m7", "cortex-m33")
KERNELS = {"conv": (3, 3), "pointwise": (1, 1)}


def wide(name: str, profile: Profile) -> Net:
    """A layer of 2,304 products an output, weights of normal distribution; without a plan."""
    kernel = KERNELS[name]
    builder = Builder((3, 3, 2304 // (kernel[0] * kernel[1])), 1)
    padding = Padding(*(length // 2 for length in kernel for _ in range(2)))
    output = builder.conv("x", 10, kernel, padding=padding, activation=Activation.RELU)
    weights = builder.tensors["w0"]
    values = np.clip(np.round(builder.random.normal(0, 40, weights.shape)), -127, 127).astype(np.int8)
    builder.tensors["w0"] = replace(weights, data=values)
    net = builder.net(output, name=f"{name}_{profile.value}")
    return replace(in_tflm(net) if profile is Profile.TFLM else net, plan=None)


@cache
def nets() -> dict[str, Net]:
    made = [wide(name, profile) for name in KERNELS for profile in Profile]
    return {net.name: plan_for(net, TARGET.core) for net in made}


@cache
def inputs() -> Arrays:
    return {name: random_input(net, ROWS) for name, net in nets().items()}


def _differing(found: Arrays) -> list[str]:
    return [name for name, net in nets().items() if not np.array_equal(found[name], run(net, inputs()[name]))]


@pytest.mark.parametrize("profile", Profile, ids=str)
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("core_name", DSP_CORES)
@pytest.mark.parametrize("way", Optimize, ids=str)
def test_they_take_no_portable_kernel(way: Optimize, core_name: str, name: str, profile: Profile) -> None:
    target = core(core_name)
    net = plan_for(replace(wide(name, profile), optimize=way), target)
    assert "compact" in kernel_for(net.ops[0], net, target).function


def test_predicted_cycles_are_few() -> None:
    for net in nets().values():
        found = cost(net, TARGET)
        assert found.cycles
        assert found.cycles < 4 * found.macs


def test_host_c_gives_the_bytes_of_the_reference() -> None:
    assert not _differing(run_on_host(nets(), TARGET, inputs()))


def test_emulated_c_gives_the_bytes_of_the_reference() -> None:
    try:
        found = run_on_chip(nets(), TARGET, inputs())
    except ToolchainError as error:
        pytest.skip(str(error))
    assert not _differing(found)
