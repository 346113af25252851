"""Random branched networks, ordered and placed with all sharing: reference, host C and emulated C agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import run_on_chip, run_on_host
from tests.codegen.quantized_builder import Builder
from tests.codegen.tflm_form import in_tflm
from tests.strategies import quantized_nets

from lilliput.errors import NetError, ToolchainError
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Concat,
    DType,
    GlobalAveragePool2D,
    MaxPool2D,
    Net,
    Pad,
    Padding,
    ReLU,
    ReLU6,
    Requantize,
    Softmax,
)
from lilliput.net.check import Stage, check
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board

NETWORKS_OF_A_BUILD = 4
ACTIVATIONS = st.sampled_from(list(Activation))


@st.composite
def builders(draw: st.DrawFn) -> tuple[Builder, str]:
    """A few image ops with branches, then perhaps a classifier."""
    side = st.integers(1, 9)
    raw = draw(st.booleans())
    shape = (draw(side), draw(side), draw(st.integers(1, 6)))
    builder = Builder(shape, draw(st.integers(0, 2**31)), DType.UINT8 if raw else DType.INT8)
    images = [builder.add(Requantize, "x")] if raw else ["x"]
    for _ in range(draw(st.integers(1, 5))):
        images.append(_image_op(draw, builder, images))
    if not draw(st.booleans()):
        return builder, images[-1]
    vector = builder.add(GlobalAveragePool2D, images[-1]) if draw(st.booleans()) else builder.flat(images[-1])
    for _ in range(draw(st.integers(0, 2))):
        vector = builder.dense(vector, draw(st.integers(1, 11)), activation=draw(ACTIVATIONS))
    return builder, builder.add(Softmax, vector) if draw(st.booleans()) else vector


def _image_op(draw: st.DrawFn, builder: Builder, images: list[str]) -> str:
    x = images[draw(st.integers(max(0, len(images) - 2), len(images) - 1))]
    height, width, _ = builder.shape(x)
    kernel = (draw(st.integers(1, min(5, height + 1))), draw(st.integers(1, min(5, width + 1))))
    padding = Padding(*(draw(st.integers(0, k - 1)) for k in (kernel[0], kernel[0], kernel[1], kernel[1])))
    if height + padding.top + padding.bottom < kernel[0] or width + padding.left + padding.right < kernel[1]:
        padding = Padding(kernel[0] - 1, kernel[0] - 1, kernel[1] - 1, kernel[1] - 1)
    window = {"strides": (draw(st.integers(1, 3)), draw(st.integers(1, 3))), "padding": padding}
    twins = [name for name in images if builder.shape(name) == builder.shape(x)]
    alike = [name for name in twins if builder.tensors[name].quant == builder.tensors[x].quant]
    match draw(st.integers(0, 9)):
        case 0 | 1:
            channels = draw(st.integers(1, 9))
            return builder.conv(x, channels, kernel, activation=draw(ACTIVATIONS), **window)
        case 2:
            return builder.conv(x, draw(st.integers(1, 9)), (1, 1), activation=draw(ACTIVATIONS))
        case 3:
            multiplier = draw(st.integers(1, 2))
            return builder.depthwise(x, kernel, multiplier, activation=draw(ACTIVATIONS), **window)
        case 4:
            kind = draw(st.sampled_from([MaxPool2D, AveragePool2D]))
            return builder.add(kind, x, pool=kernel, activation=draw(ACTIVATIONS), **window)
        case 5 | 6:
            return builder.add(Add, x, draw(st.sampled_from(twins)), activation=draw(ACTIVATIONS))
        case 7:
            return builder.add(Concat, x, draw(st.sampled_from(alike)), axis=2)
        case 8:
            return builder.add(draw(st.sampled_from([ReLU, ReLU6, Requantize])), x)
        case _:
            return builder.add(Pad, x, padding=Padding(*(draw(st.integers(0, 2)) for _ in range(4))))


def built(builder: Builder, output: str) -> Net:
    """Only what the output needs."""
    needed, ops = {output}, []
    for op in reversed(builder.ops):
        if needed & set(op.outputs):
            needed |= set(op.inputs)
            ops.append(op)
    names = {*needed, *(name for op in ops for name in op.outputs)}
    tensors = {name: tensor for name, tensor in builder.tensors.items() if name in names}
    return Net("random", tuple(reversed(ops)), tensors, ("x",), (output,))


def holds(net: Net) -> bool:
    """Whether `net` obeys all rules: scales at random may want shifts that int32 does not hold."""
    try:
        check(net, Stage.QUANTIZED)
    except NetError:
        return False
    return True


NETWORKS = st.one_of(builders().map(lambda found: built(*found)), quantized_nets())
TFLM_NETWORKS = NETWORKS.map(in_tflm).filter(holds)


@pytest.mark.exact
@settings(max_examples=max(1, settings.default.max_examples // NETWORKS_OF_A_BUILD))
@given(drawn=st.lists(NETWORKS | TFLM_NETWORKS, min_size=NETWORKS_OF_A_BUILD, max_size=NETWORKS_OF_A_BUILD))
def test_reference_host_and_emulated_c_agree(drawn: list[Net]) -> None:
    target = board("generic-m4")
    nets = {
        str(index): plan_for(replace(net, name=f"net{index}"), target.core)
        for index, net in enumerate(drawn)
        if net.outputs[0] != net.inputs[0]
    }
    if not nets:
        return
    inputs = {key: random_input(net, 3) for key, net in nets.items()}
    host = run_on_host(nets, target, inputs)
    try:
        chip = run_on_chip(nets, target, inputs)
    except ToolchainError:
        chip = host
    for key, net in nets.items():
        expected = run(net, inputs[key])
        np.testing.assert_array_equal(host[key], expected)
        np.testing.assert_array_equal(chip[key], expected)
