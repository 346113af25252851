"""Outputs of floats and 16-bit integers are the reference's, as near to inputs as kernels promise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.strategies import random_batch

from lilliput.errors import ToolchainError
from lilliput.measure.agreement import differing
from lilliput.net import (
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Net,
    Op,
    Optimize,
    Padding,
    Tensor,
)
from lilliput.net.formats import formats_named
from lilliput.net.reference import run, run_all
from lilliput.passes import plan_floats_for, plan_for, quantize
from lilliput.targets import board
from lilliput.targets.kernels import kernel_for

TARGETS = ("generic-m4", "rp2040")
FORMATS = ("float32", "float32 for flash", "qmn16", "int16x8")
ROWS = 2
NAMES = {"name": "op", "inputs": ("x", "w"), "outputs": ("y",)}
POOL = {"name": "op", "inputs": ("x",), "outputs": ("y",)}
SAME = Padding(1, 1, 1, 1)
CASES: dict[str, tuple[Op, tuple[int, ...], tuple[int, ...]]] = {
    "3x3": (Conv2D(padding=SAME, **NAMES), (6, 7, 4), (5, 3, 3, 4)),
    "3x3, more channels, strides": (Conv2D(strides=(1, 2), padding=SAME, **NAMES), (6, 7, 3), (9, 3, 3, 3)),
    "1x1, fewer channels": (Conv2D(**NAMES), (5, 6, 8), (3, 1, 1, 8)),
    "1x1, odd": (Conv2D(**NAMES), (5, 6, 5), (5, 1, 1, 5)),
    "a series": (Conv2D(padding=Padding(0, 0, 1, 1), **NAMES), (1, 19, 6), (6, 1, 3, 6)),
    "dilated": (Conv2D(dilation=(2, 2), **NAMES), (8, 9, 4), (4, 3, 3, 4)),
    "depthwise": (DepthwiseConv2D(padding=SAME, **NAMES), (6, 7, 4), (3, 3, 4)),
    "depthwise, doubled": (DepthwiseConv2D(**NAMES), (6, 7, 3), (3, 3, 6)),
    "dense": (FullyConnected(**NAMES), (35,), (20, 35)),
    "dense in fours": (FullyConnected(**NAMES), (36,), (20, 36)),
    "largest": (MaxPool2D(pool=(2, 2), strides=(2, 2), **POOL), (6, 8, 3), ()),
    "largest, overlapping": (MaxPool2D(pool=(3, 3), strides=(1, 1), padding=SAME, **POOL), (6, 7, 5), ()),
    "mean": (AveragePool2D(pool=(3, 2), strides=(1, 2), padding=Padding(1, 1, 0, 0), **POOL), (6, 8, 3), ()),
    "mean of all": (GlobalAveragePool2D(**POOL), (6, 7, 5), ()),
}
"""What → op, shape of its input, shape of its weights."""


def _net(case: str, formats: str, target: str) -> Net:
    op, shape, weights_shape = CASES[case]
    rng = np.random.default_rng([*case.encode()])
    weights = rng.normal(0, 0.5, weights_shape).astype(np.float32)
    tensors = [Tensor("x", shape), Tensor("y", op.output_shape([shape, weights_shape][: len(op.inputs)]))]
    if weights_shape:
        tensors.append(Tensor("w", weights_shape, constant=True, data=weights))
    net = Net("one", (op,), {tensor.name: tensor for tensor in tensors}, ("x",), ("y",))
    core = board(target).core
    if formats == "float32 for flash":
        net = replace(net, optimize=Optimize.FLASH)
    if formats.startswith("float32"):
        return plan_floats_for(net, core)
    x = rng.uniform(-2, 2, (9, *shape)).astype(np.float32)
    ranges = {name: (float(y.min()), float(y.max())) for name, y in run_all(net, x).items()}
    return plan_for(quantize(net, ranges, formats_named(formats)), core)


@cache
def nets(target: str) -> dict[str, Net]:
    return {
        f"net{number}_{index}": replace(_net(case, formats, target), name=f"net{number}_{index}")
        for number, formats in enumerate(FORMATS)
        for index, case in enumerate(CASES)
    }


@cache
def inputs(target: str) -> Arrays:
    rng = np.random.default_rng(5)
    return {key: random_batch(net, rng, ROWS) for key, net in nets(target).items()}


def _wrong(target: str, found: Arrays) -> list[str]:
    known, given = nets(target), inputs(target)
    return [key for key, net in known.items() if differing(net, found[key], run(net, given[key])).any()]


@pytest.mark.parametrize("target", TARGETS)
def test_host_c_under_sanitizers(target: str) -> None:
    assert not _wrong(target, run_on_host(nets(target), board(target), inputs(target)))


@pytest.mark.parametrize("target", TARGETS)
def test_emulated_c(target: str) -> None:
    try:
        found = run_on_chip(nets(target), board(target), inputs(target))
    except ToolchainError as error:
        pytest.skip(str(error))
    assert not _wrong(target, found)


def test_floats_have_kernels_of_little_code() -> None:
    used = {
        kernel_for(net.ops[0], net, board("generic-m4").core).function for net in nets("generic-m4").values()
    }
    assert {"lp_conv2d_f32", "lp_conv2d_compact_f32", "lp_max_pool2d_compact_f32"} <= used


@pytest.mark.parametrize("target", TARGETS)
def test_outputs_lie_over_inputs(target: str) -> None:
    def overlaps(net: Net) -> bool:
        assert net.plan is not None
        (x, y) = (
            range(net.plan.addresses[name], net.plan.addresses[name] + net.tensors[name].storage_bytes)
            for name in (net.inputs[0], net.outputs[0])
        )
        return max(x.start, y.start) < min(x.stop, y.stop)

    for number, formats in enumerate(FORMATS):
        apart = {
            case for index, case in enumerate(CASES) if not overlaps(nets(target)[f"net{number}_{index}"])
        }
        # One window is the whole image, and so are the inputs of a matrix product.
        assert apart <= {"dense", "dense in fours", "mean of all"}, formats
