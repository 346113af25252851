"""Kernels for cores with Helium give the bytes of the reference in the smallest arenas."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.quantized_builder import Builder
from tests.codegen.tflm_form import in_tflm
from tests.measure.small import needs_gcc

from lilliput.measure import qemu
from lilliput.net import Activation, Net, Optimize, Padding, Profile
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for

TARGET = board("generic-m55")
LAYERS = 54
"""Of each kind."""
ROWS = 3
DEPTHS = (1, 3, 7, 8, 9, 16, 20, 24, 90, 248, 250, 260)
WINDOWS = (
    (1, 1, 8),
    (1, 1, 5),
    (1, 1, 16),
    (3, 3, 3),
    (2, 2, 3),
    (3, 3, 1),
    (5, 1, 6),
    (1, 1, 40),
    (3, 3, 5),
)

SLIDING = (
    ((1, 9), (1, 1), (1, 1), 1),
    ((9, 1), (1, 1), (1, 1), 1),
    ((5, 5), (1, 1), (1, 1), 1),
    ((5, 5), (2, 2), (1, 1), 1),
    ((3, 3), (1, 1), (2, 2), 1),
    ((3, 3), (1, 2), (1, 1), 1),
    ((3, 3), (2, 2), (2, 2), 2),
    ((3, 3), (1, 1), (1, 1), 2),
    ((10, 8), (2, 2), (1, 1), 8),
    ((1, 4), (1, 3), (1, 3), 1),
    ((5, 1), (2, 1), (3, 1), 3),
    ((7, 7), (1, 1), (1, 1), 1),
    ((2, 3), (3, 4), (1, 2), 1),
    ((4, 2), (2, 3), (2, 1), 2),
    ((1, 1), (1, 1), (1, 1), 1),
    ((1, 1), (2, 1), (1, 1), 4),
    ((6, 5), (3, 2), (1, 3), 1),
)
"""Kernel, steps, dilations and channels made of one."""
GATHERED = (
    ((10, 8), (2, 2), (1, 1), (1,)),
    ((3, 3), (1, 1), (1, 1), (1, 2, 4, 8)),
    ((3, 3), (1, 1), (2, 2), (1, 3, 8, 9, 40)),
    ((3, 3), (1, 1), (1, 3), (12,)),
    ((5, 1), (1, 1), (2, 1), (3, 30)),
    ((1, 9), (1, 2), (1, 2), (3, 30)),
    ((4, 1), (1, 1), (1, 1), (1, 8)),
    ((4, 3), (1, 1), (1, 1), (1,)),
    ((1, 2), (1, 1), (1, 1), (1, 2, 3, 4)),
    ((1, 2), (3, 2), (1, 5), (2,)),
    ((1, 1), (2, 3), (1, 1), (1, 4, 7, 24)),
    ((5, 5), (2, 1), (1, 1), (1, 3)),
    ((7, 7), (3, 2), (1, 1), (3,)),
)
"""Kernel, steps, dilations and numbers of channels."""


def _padding(random: np.random.Generator, tall: int, wide: int) -> Padding:
    return Padding(*(int(random.integers(0, min(size, 3))) for size in (tall, tall, wide, wide)))


def _depthwise(seed: int) -> tuple[Builder, str]:
    random = np.random.default_rng(seed)
    depth = int(random.choice(DEPTHS))
    longest = 6 if depth > 24 else 20
    height, width = (int(length) for length in random.integers(3, longest + 1, 2))
    stride = int(random.integers(1, 3))
    builder = Builder((height, width, depth), seed)
    activation = random.choice([Activation.NONE, Activation.RELU, Activation.RELU6])
    return builder, builder.depthwise(
        "x", strides=(stride, stride), padding=_padding(random, 3, 3), activation=Activation(activation)
    )


def _any_depthwise(seed: int) -> tuple[Builder, str]:
    """Windows, steps, dilations and multipliers that the kernels for 3x3 do not take."""
    random = np.random.default_rng(seed)
    kernel, stride, dilation, multiplier = SLIDING[seed % len(SLIDING)]
    depth = int(random.choice((1, 3, 8, 12, 17))) if multiplier < 8 else int(random.integers(1, 3))
    spans = [(size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True)]
    padding = Padding(*(int(random.integers(0, min(span, 6))) for span in spans for _ in range(2)))
    height, width = (max(int(random.integers(1, 24)), span) for span in spans)
    builder = Builder((height, width, depth), seed)
    activation = random.choice([Activation.NONE, Activation.RELU, Activation.RELU6])
    return builder, builder.depthwise(
        "x",
        kernel,
        multiplier,
        strides=stride,
        dilation=dilation,
        padding=padding,
        activation=Activation(activation),
    )


def _any_convolution(seed: int) -> tuple[Builder, str]:
    """Windows of few channels, of columns that are apart, and of images of one row or column."""
    random = np.random.default_rng(seed)
    kernel, stride, dilation, depths = GATHERED[seed % len(GATHERED)]
    depth = int(random.choice(depths))
    spans = [(size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True)]
    padding = Padding(*(int(random.integers(0, min(span, 6))) for span in spans for _ in range(2)))
    height, width = (span if span == 1 else max(int(random.integers(1, 24)), span) for span in spans)
    builder = Builder((height, width, depth), seed)
    activation = random.choice([Activation.NONE, Activation.RELU, Activation.RELU6])
    return builder, builder.conv(
        "x",
        int(random.integers(1, 10)),
        kernel,
        strides=stride,
        dilation=dilation,
        padding=padding,
        activation=Activation(activation),
    )


def _convolution(seed: int) -> tuple[Builder, str]:
    random = np.random.default_rng(seed)
    *kernel, depth = WINDOWS[seed % len(WINDOWS)]
    height, width = (int(length) for length in random.integers(5, 16, 2))
    stride = int(random.integers(1, 3))
    builder = Builder((height, width, depth), seed)
    activation = random.choice([Activation.NONE, Activation.RELU, Activation.RELU6])
    return builder, builder.conv(
        "x",
        int(random.integers(1, 10)),
        (kernel[0], kernel[1]),
        strides=(stride, stride),
        padding=_padding(random, kernel[0], kernel[1]),
        activation=Activation(activation),
    )


def _dense(seed: int) -> tuple[Builder, str]:
    random = np.random.default_rng(seed)
    builder = Builder((int(random.choice((1, 7, 15, 16, 17, 64, 100))),), seed)
    activation = random.choice([Activation.NONE, Activation.RELU, Activation.RELU6])
    return builder, builder.dense("x", int(random.integers(1, 20)), activation=Activation(activation))


def _in_parts(seed: int) -> tuple[Builder, str]:
    """A network whose layers take turns row by row, or on parts of the image."""
    builder = Builder((40, 40, 1 + 2 * (seed % 2)), seed)
    relu, two = Activation.RELU, Padding(2, 2, 2, 2)
    x = builder.conv("x", 8, (5, 5), padding=two, activation=relu)
    x = builder.depthwise(x, (5, 5), padding=two, activation=relu)
    x = builder.conv(x, 16, (1, 1), activation=relu)
    x = builder.depthwise(x, (5, 3), strides=(2, 2), padding=Padding(2, 2, 1, 1), activation=relu)
    x = builder.depthwise(x, (3, 3), 2, padding=Padding(1, 1, 1, 1), activation=Activation.RELU6)
    return builder, builder.conv(x, 12, dilation=(2, 2))


KINDS = {
    "depthwise": _depthwise,
    "any_depthwise": _any_depthwise,
    "convolution": _convolution,
    "any_convolution": _any_convolution,
    "dense": _dense,
}


@cache
def nets(profile: Profile) -> dict[str, Net]:
    found = {}
    for seed in range(LAYERS):
        for kind, make in KINDS.items():
            builder, output = make(seed)
            name = f"{kind}_{seed}"
            net = builder.net(output, TARGET.core, name=name)
            net = replace(net, plan=None, optimize=(Optimize.SPEED, Optimize.RAM)[seed % 2])
            found[name] = plan_for(in_tflm(net) if profile is Profile.TFLM else net, TARGET.core)
    return found


@cache
def inputs(profile: Profile) -> Arrays:
    return {name: random_input(net, ROWS) for name, net in nets(profile).items()}


def _differing(found: Arrays, profile: Profile) -> list[str]:
    expected = ((name, run(nets(profile)[name], inputs(profile)[name])) for name in found)
    return [name for name, outputs in expected if not np.array_equal(found[name], outputs)]


@pytest.mark.parametrize("profile", [Profile.LILLIPUT, Profile.TFLM])
def test_most_take_the_kernels_for_helium(profile: Profile) -> None:
    functions = [kernel_for(net.ops[0], net, TARGET.core).function for net in nets(profile).values()]
    assert sum("_mve" in function for function in functions) > 0.9 * len(functions)


@pytest.mark.parametrize("profile", [Profile.LILLIPUT, Profile.TFLM])
def test_host_c_gives_the_bytes_of_the_reference(profile: Profile) -> None:
    assert not _differing(run_on_host(nets(profile), TARGET, inputs(profile)), profile)


@cache
def nets_in_parts(profile: Profile) -> dict[str, Net]:
    found = {}
    for seed, (optimize, patches) in enumerate(itertools.product(("speed", "ram"), (0, 2))):
        builder, output = _in_parts(seed)
        net = replace(builder.net(output, TARGET.core, name=f"parts_{seed}"), plan=None)
        net = replace(net, optimize=Optimize(optimize), patches=patches)
        found[net.name] = plan_for(in_tflm(net) if profile is Profile.TFLM else net, TARGET.core)
    return found


@needs_gcc
@pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")
@pytest.mark.parametrize("profile", [Profile.LILLIPUT, Profile.TFLM])
def test_emulated_c_in_streams_and_patches_gives_the_bytes_of_the_reference(profile: Profile) -> None:
    some = nets_in_parts(profile)
    assert all(net.plan and (net.plan.streams or net.plan.patches) for net in some.values())
    rows = {name: random_input(net, ROWS) for name, net in some.items()}
    found = run_on_chip(some, TARGET, rows)
    for name, net in some.items():
        assert np.array_equal(found[name], run(net, rows[name])), name


@needs_gcc
@pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("profile", [Profile.LILLIPUT, Profile.TFLM])
def test_emulated_c_gives_the_bytes_of_the_reference(profile: Profile, kind: str) -> None:
    names = [f"{kind}_{seed}" for seed in range(LAYERS)]  # as many as the emulated board holds
    some, rows = ({name: found[name] for name in names} for found in (nets(profile), inputs(profile)))
    assert not _differing(run_on_chip(some, TARGET, rows), profile)
