"""Single layers of random shapes, whose outputs lie as near to their inputs as their kernels promise.

Scratch memory lies before them or behind them, so that what is written outside of it is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.quantized_builder import Builder
from tests.codegen.tflm_form import in_tflm

from lilliput.net import Activation, Net, Optimize, Padding, Plan
from lilliput.net.reference import run
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.lower import access_of, scratch_of
from lilliput.targets import Board, Core
from lilliput.targets.kernel import Kernel
from lilliput.targets.kernels import kernels_for
from lilliput.targets.overlap import aligned, overlap

ROWS = 2
"""Inputs of each network: of the ends of the range alone, and of all of it."""
_MOST_BYTES = 12_000
"""Of an image."""
_LONGEST = 48
"""Rows or columns."""
_MOST_CHANNELS = 70
_RAM_BYTES = 1 << 21
"""Of the emulated board, if it is not one that QEMU knows: enough for the inputs and outputs of many."""
_ACTIVATIONS = (Activation.NONE, Activation.RELU, Activation.RELU6)

Sides = tuple[int, int]


def _window(random: np.random.Generator) -> tuple[Sides, Sides, Sides]:
    """Kernel, steps and dilation."""
    side = int(random.choice((3, 3, 5, 5, 7)))
    kernel = (side, side) if random.random() < 0.5 else _two(random, 7)
    step = int(random.integers(1, 4))
    strides = (step, step) if random.random() < 0.6 else _two(random, 3)
    dilation = _two(random, 3) if random.random() < 0.25 else (1, 1)
    return kernel, strides, dilation


def _two(random: np.random.Generator, most: int) -> Sides:
    return int(random.integers(1, most + 1)), int(random.integers(1, most + 1))


def _padding(random: np.random.Generator, spans: Sequence[int]) -> Padding:
    """None, so much that images stay as large as they are, or any."""
    match random.integers(3):
        case 0:
            return Padding(0, 0, 0, 0)
        case 1:
            return Padding(*(side for span in spans for side in ((span - 1) // 2, span // 2)))
        case _:
            return Padding(*(int(random.integers(0, min(span, 6))) for span in spans for _ in range(2)))


def _image(
    random: np.random.Generator, spans: Sequence[int], padding: Padding, depth: int, macs: float
) -> Sides:
    """Height and width of an image that takes no more than `macs` for each of its pixels."""
    pixels = min(_MOST_BYTES / depth, macs)
    least = (spans[0] - padding.top - padding.bottom, spans[1] - padding.left - padding.right)
    tall, wide = (max(1, side) for side in least)
    width = int(random.integers(wide, max(wide, min(_LONGEST, pixels / tall)) + 1))
    height = int(random.integers(tall, max(tall, min(_LONGEST, pixels / width)) + 1))
    return height, width


def _attributes(random: np.random.Generator) -> dict[str, object]:
    activation = _ACTIVATIONS[random.integers(len(_ACTIVATIONS))]
    return {"activation": activation, "per_tensor": bool(random.random() < 0.2)}


def depthwise(seed: int, most_macs: int) -> tuple[Builder, str]:
    """Windows up to 7x7, in steps up to 3, of up to 70 channels; eight of one at most."""
    random = np.random.default_rng(seed)
    kernel, strides, dilation = _window(random)
    multiplier = 1 if random.random() < 0.7 else int(random.integers(1, 9))
    if random.random() < 0.25:  # those that some cores have kernels of their own for
        step = int(random.integers(1, 3))
        kernel, strides, dilation, multiplier = (3, 3), (step, step), (1, 1), 1
    depth = int(random.integers(1, _MOST_CHANNELS // multiplier + 1))
    most_windows = most_macs / (math.prod(kernel) * depth * multiplier)
    builder, attributes = _image_for(random, seed, (kernel, strides, dilation), depth, most_windows)
    return builder, builder.depthwise("x", kernel, multiplier, **attributes)


def convolution(seed: int, most_macs: int) -> tuple[Builder, str]:
    """The same windows of as many channels, fewer of them where windows are large."""
    random = np.random.default_rng(seed)
    kernel, strides, dilation = _window(random)
    if random.random() < 0.25:
        kernel = (1, 1)
    most_depth = min(_MOST_CHANNELS, 1600 // math.prod(kernel))
    depth = int(random.integers(1, (most_depth if random.random() < 0.6 else 4) + 1))
    channels = int(random.integers(1, 1 + min(_MOST_CHANNELS, max(9, 4000 // (math.prod(kernel) * depth)))))
    most_windows = most_macs / (math.prod(kernel) * depth * channels)
    builder, attributes = _image_for(random, seed, (kernel, strides, dilation), depth, most_windows)
    return builder, builder.conv("x", channels, kernel, **attributes)


def _image_for(
    random: np.random.Generator, seed: int, window: tuple[Any, Any, Any], depth: int, most_windows: float
) -> tuple[Builder, dict[str, Any]]:
    """A network's beginning that such windows fit, and the attributes of the layer.

    Args:
        window: kernel, strides and dilation.
        most_windows: in steps of one.
    """
    kernel, strides, dilation = window
    spans = [(size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True)]
    padding = _padding(random, spans)
    image = _image(random, spans, padding, depth, most_windows * math.prod(strides))
    attributes = {"strides": strides, "dilation": dilation, "padding": padding, **_attributes(random)}
    return Builder((*image, depth), seed), attributes


def dense(seed: int, most_macs: int) -> tuple[Builder, str]:
    """Up to 300 inputs and 70 outputs."""
    random = np.random.default_rng(seed)
    inputs = int(random.integers(1, 301))
    units = int(random.integers(1, min(_MOST_CHANNELS, max(1, most_macs // inputs)) + 1))
    builder = Builder((inputs,), seed)
    return builder, builder.dense("x", units, **_attributes(random))


KINDS: dict[str, Callable[[int, int], tuple[Builder, str]]] = {
    "depthwise": depthwise,
    "convolution": convolution,
    "dense": dense,
}


def sweep(core: Core, kind: str, seeds: Sequence[int], most_macs: int) -> dict[str, Net]:
    """One network for each seed: profiles, goals, kernels and places take turns."""
    found = {}
    for seed in seeds:
        builder, output = KINDS[kind](seed, most_macs)
        found[f"{kind}_{seed}"] = near(builder, output, core, f"{kind}_{seed}", seed)
    return found


def near(builder: Builder, output: str, core: Core, name: str, seed: int) -> Net:
    """The only layer of `builder`, its output near its input; `seed` tells in which profile and for what."""
    net = replace(builder.net(output, core, name), plan=None)
    net = in_tflm(net) if seed % 2 else net
    goal = (Optimize.SPEED, Optimize.SPEED, Optimize.RAM, Optimize.FLASH)[seed // 2 % 4]
    return placed_near(replace(net, optimize=goal), core, seed // 8)


def placed_near(net: Net, core: Core, seed: int = 0) -> Net:
    """A network of one op with one of its kernels, planned as near as that promises."""
    op = net.ops[0]
    kernels = list(dict.fromkeys(kernels_for(op, net, core)))
    kernel = kernels[seed // 2 % len(kernels)]
    ways = list(_ways(net, kernel))
    source, made, end = ways[seed // 2 % len(ways)]
    scratch_bytes = aligned(kernel.scratch_bytes)
    moved = scratch_bytes if seed % 2 else 0
    addresses = {net.inputs[0]: source + moved, net.outputs[0]: made + moved}
    scratch = {op.name: (0 if moved else end, scratch_bytes)} if scratch_bytes else {}
    planned = replace(net, plan=Plan(addresses, scratch, end + scratch_bytes, 0))
    verify_plan(planned, scratch_of(core), access_of(core))
    return planned


def _ways(net: Net, kernel: Kernel) -> Iterator[tuple[int, int, int]]:
    """Where an input, an output and the memory of both may begin and end."""
    near = overlap(net.ops[0], net, kernel.access, net.inputs[0])
    input_bytes, output_bytes = aligned(net.input.storage_bytes), aligned(net.output.storage_bytes)
    if near.in_place:
        yield 0, 0, max(input_bytes, output_bytes)
    if near.lead_bytes < output_bytes or not near.in_place:
        yield near.lead_bytes, 0, max(near.lead_bytes + input_bytes, output_bytes)
    if near.lag_bytes < input_bytes:
        yield 0, near.lag_bytes, max(near.lag_bytes + output_bytes, input_bytes)


def differing(nets: dict[str, Net], board: Board, *, on_chip: bool) -> list[str]:
    """Those networks whose outputs in C, on the host or on the emulated chip, are not the reference's."""
    inputs: Arrays = {name: random_input(net, ROWS + 1)[1:] for name, net in nets.items()}
    roomy = board if board.core.qemu_machine else replace(board, ram_bytes=_RAM_BYTES)
    found = run_on_chip(nets, roomy, inputs) if on_chip else run_on_host(nets, board, inputs)
    return [name for name, net in nets.items() if not np.array_equal(found[name], run(net, inputs[name]))]
