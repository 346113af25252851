"""Instructions of weighted layers on emulated cores: a Cortex-M55 with Helium, and a Cortex-M4."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from comparison import Comparison
from networks import MLPERF_TINY, one_layer, quantized

from lilliput.codegen import generate
from lilliput.measure.emulator import Profile as Run
from lilliput.measure.firmware import FIRMWARE, build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.qemu import emulator_for
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import (
    Activation,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Net,
    Padding,
    Profile,
)
from lilliput.net.fixedpoint import WeightedOp
from lilliput.passes import plan_for
from lilliput.targets import board

BOARDS = ("generic-m55", "generic-m4")
TASKS = ("ic", "kws", "vww")


class Form(NamedTuple):
    """A convolution by itself, padded so that its size changes by its steps alone.

    Attributes:
        shape: of the input.
        kernel: rows and columns.
        channels: of the output; of a depthwise convolution, those that it makes of one.
        strides: in rows and columns.
        dilation: in rows and columns.
    """

    kind: type[Conv2D | DepthwiseConv2D]
    shape: tuple[int, int, int]
    kernel: tuple[int, int]
    channels: int
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)


FORMS = (
    Form(DepthwiseConv2D, (24, 24, 16), (5, 5), 1),
    Form(DepthwiseConv2D, (24, 24, 16), (5, 5), 1, (2, 2)),
    Form(DepthwiseConv2D, (6, 6, 64), (5, 5), 1),
    Form(DepthwiseConv2D, (14, 14, 16), (7, 7), 1),
    Form(DepthwiseConv2D, (24, 24, 16), (3, 3), 1, (1, 1), (2, 2)),
    Form(DepthwiseConv2D, (24, 24, 16), (3, 3), 1, (1, 2)),
    Form(DepthwiseConv2D, (24, 24, 8), (3, 3), 2),
    Form(DepthwiseConv2D, (1, 98, 32), (1, 9), 1),
    Form(DepthwiseConv2D, (98, 1, 32), (9, 1), 1),
    Form(DepthwiseConv2D, (1, 98, 32), (1, 9), 1, (1, 1), (1, 2)),
    Form(DepthwiseConv2D, (49, 1, 64), (3, 1), 1),
    Form(DepthwiseConv2D, (49, 40, 1), (10, 8), 8, (2, 2)),
    Form(Conv2D, (49, 40, 1), (10, 8), 8, (2, 2)),
    Form(Conv2D, (128, 3, 1), (4, 3), 8),
    Form(Conv2D, (42, 1, 8), (4, 1), 16),
    Form(Conv2D, (96, 96, 1), (3, 3), 8, (2, 2)),
    Form(Conv2D, (16, 16, 3), (5, 5), 16),
    Form(Conv2D, (16, 16, 1), (5, 5), 8),
    Form(Conv2D, (32, 32, 3), (7, 7), 16, (2, 2)),
    Form(Conv2D, (16, 16, 3), (3, 3), 16, (1, 1), (2, 2)),
    Form(Conv2D, (16, 16, 16), (3, 3), 16, (1, 1), (2, 2)),
    Form(Conv2D, (1, 49, 40), (1, 5), 48, (1, 2)),
    Form(Conv2D, (49, 1, 40), (3, 1), 32),
    Form(Conv2D, (98, 1, 16), (9, 1), 32, (1, 1), (2, 1)),
)
"""What networks for sound and motion, and larger windows, bring beside those of MLPerf Tiny."""
PRODUCTS = ((128, 64), (256, 10), (640, 128), (4000, 4))
"""Inputs and outputs of matrix products."""


def run(seed: int) -> Iterator[Comparison]:
    """Every convolution of the networks of MLPerf Tiny that have some, then each whole network; then layers
    by themselves."""
    for profile in (Profile.LILLIPUT, Profile.TFLM):
        for task in TASKS:
            yield from compared(quantized(MLPERF_TINY[task](seed), profile, seed), profile)
        for net in (
            *(form_net(form, seed) for form in FORMS),
            *(product_net(*size, seed) for size in PRODUCTS),
        ):
            yield from list(compared(quantized(net, profile, seed), profile))[:1]


def form_net(form: Form, seed: int) -> Net:
    """A float network of one convolution."""
    tall, wide = ((size - 1) * apart for size, apart in zip(form.kernel, form.dilation, strict=True))
    depth = form.shape[2]
    is_depthwise = form.kind is DepthwiseConv2D
    weights = (*form.kernel, depth * form.channels) if is_depthwise else (form.channels, *form.kernel, depth)
    op = form.kind(
        name="layer",
        inputs=("input", "weights", "bias"),
        outputs=("output",),
        activation=Activation.RELU,
        strides=form.strides,
        dilation=form.dilation,
        padding=Padding(tall // 2, tall - tall // 2, wide // 2, wide - wide // 2),
    )
    return one_layer("layer", op, form.shape, weights, seed)


def product_net(inputs: int, outputs: int, seed: int) -> Net:
    """A float network of one matrix product."""
    names = ("input", "weights", "bias")
    op = FullyConnected(name="layer", inputs=names, outputs=("output",), activation=Activation.RELU)
    return one_layer("layer", op, (inputs,), (outputs, inputs), seed)


def compared(net: Net, profile: Profile) -> Iterator[Comparison]:
    """The weighted layers of an int8 network, then the network."""
    vector, plain = (profiled(net, name) for name in BOARDS)
    where = f"{net.name}, {profile.value}"
    for layer, op in enumerate(net.ops):
        if isinstance(op, WeightedOp):
            counts = vector.layer_instructions[layer], plain.layer_instructions[layer]
            yield _line(f"{where}, {_title(op, net)}", *counts)
    yield _line(where, vector.instructions, plain.instructions)


def profiled(net: Net, name: str) -> Run:
    """One inference of `net` on the board `name`."""
    target = board(name)
    planned = plan_for(net, target.core)
    with tempfile.TemporaryDirectory() as folder:
        c = generate(planned, target)
        image = build_firmware(c, net.name, target, find_toolchain(target), Path(folder) / FIRMWARE).image
    x = random_vectors(planned, 1)[0]
    return emulator_for(image, net.name, target).profile(x.tobytes())


def _title(op: WeightedOp, net: Net) -> str:
    """What the layer is: kernel, channels, steps, dilation, and the image that it writes."""
    shape = "×".join(str(length) for length in net.tensors[op.outputs[0]].shape)
    kernel = net.tensors[op.inputs[1]].shape
    if isinstance(op, FullyConnected):
        return f"{kernel[1]} → {shape}"
    if isinstance(op, DepthwiseConv2D):
        what = f"{kernel[0]}×{kernel[1]} depthwise of {net.tensors[op.inputs[0]].shape[2]}"
    else:
        what = f"{kernel[1]}×{kernel[2]} of {kernel[3]}"
    step = "" if op.strides == (1, 1) else f" by {_sides(op.strides)}"
    apart = "" if op.dilation == (1, 1) else f", {_sides(op.dilation)} apart"
    return f"{what}{step}{apart} → {shape}"


def _sides(lengths: tuple[int, int]) -> str:
    """One length if both are equal."""
    return "×".join(str(length) for length in dict.fromkeys(lengths))


def _line(what: str, vector: int, plain: int) -> Comparison:
    return Comparison(what, "instructions", ("M55", vector), ("M4", plain))
