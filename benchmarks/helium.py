"""Instructions of convolutions on emulated cores: a Cortex-M55 with Helium, and a Cortex-M4."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from comparison import Comparison
from networks import MLPERF_TINY, quantized

from lilliput.codegen import generate
from lilliput.measure.emulator import Profile as Run
from lilliput.measure.firmware import FIRMWARE, build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.qemu import emulator_for
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Conv2D, DepthwiseConv2D, Net, Op, Profile
from lilliput.passes import plan_for
from lilliput.targets import board

BOARDS = ("generic-m55", "generic-m4")
TASKS = ("ic", "kws", "vww")


def run(seed: int) -> Iterator[Comparison]:
    """Every convolution of the networks of MLPerf Tiny that have some, then each whole network."""
    for profile in (Profile.LILLIPUT, Profile.TFLM):
        for task in TASKS:
            yield from compared(quantized(MLPERF_TINY[task](seed), profile, seed), profile)


def compared(net: Net, profile: Profile) -> Iterator[Comparison]:
    """The convolutions of an int8 network, then the network."""
    vector, plain = (profiled(net, name) for name in BOARDS)
    where = f"{net.name}, {profile.value}"
    for layer, op in enumerate(net.ops):
        if isinstance(op, Conv2D | DepthwiseConv2D):
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


def _title(op: Op, net: Net) -> str:
    """What the layer is: kernel, channels, steps, and the image that it writes."""
    shape = "×".join(str(length) for length in net.tensors[op.outputs[0]].shape)
    kernel = net.tensors[op.inputs[1]].shape
    if isinstance(op, DepthwiseConv2D):
        what = f"{kernel[0]}×{kernel[1]} depthwise"
    else:
        what = f"{kernel[1]}×{kernel[2]} of {kernel[3]}"
    step = "" if op.strides == (1, 1) else " by 2"
    return f"{what}{step} → {shape}"


def _line(what: str, vector: int, plain: int) -> Comparison:
    return Comparison(what, "instructions", ("M55", vector), ("M4", plain))
