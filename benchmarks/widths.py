"""Cycles of single layers on an emulated Cortex-M4 and M0+ in formats of every width, against int8."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from comparison import Comparison
from networks import SAME, observed

from lilliput.codegen import generate
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Conv2D, DepthwiseConv2D, FullyConnected, Net, Op, Padding, Reshape, Tensor
from lilliput.net.formats import formats_named
from lilliput.net.macs import op_macs
from lilliput.passes import plan_for, quantize
from lilliput.targets import Board, board
from lilliput.targets.kernels import kernel_for

NONE = Padding()
WEIGHT_BITS = range(2, 9)
ACTIVATION_BITS = (8, 4, 2)
BOARDS = ("generic-m4", "rp2040")


@dataclass(frozen=True)
class Layer:
    """A layer to measure.

    Attributes:
        shape: of its input; a matrix product takes it as a vector.
        weights: their shape.
        padding: of the image.
    """

    shape: tuple[int, int, int]
    weights: tuple[int, ...]
    padding: Padding = NONE


LAYERS: Mapping[str, Layer] = {
    "dense, 3136 → 32": Layer((7, 7, 64), (32, 3136)),
    "dense, 480 → 10": Layer((1, 1, 480), (10, 480)),
    "3×3 convolution, 3 → 16": Layer((32, 32, 3), (16, 3, 3, 3), SAME),
    "3×3 convolution, 16 → 32": Layer((12, 12, 16), (32, 3, 3, 16), SAME),
    "3×3 convolution, 224 → 16": Layer((6, 6, 224), (16, 3, 3, 224), SAME),
    "1×1 convolution, 64 → 64": Layer((8, 8, 64), (64, 1, 1, 64)),
    "5×5 convolution, 1 → 8": Layer((20, 20, 1), (8, 5, 5, 1)),
    "1×5 convolution, 12 → 12": Layer((4, 24, 12), (12, 1, 5, 12)),
    "3×3 depthwise, 32": Layer((12, 12, 32), (3, 3, 32), SAME),
}


def run(seed: int) -> Iterator[Comparison]:
    """Cycles per multiply-accumulate of each layer in each format beside int8."""
    for target, what in product(map(board, BOARDS), LAYERS):
        base, _ = measured(what, "int8", target, seed)
        for weights in WEIGHT_BITS:
            for activations in ACTIVATION_BITS:
                name = f"w{weights}a{activations}"
                found, _ = measured(what, name, target, seed)
                where = f"{what}, {name}, {target.core.name}"
                yield Comparison(where, "cycles/MAC", (name, found), ("int8", base))


def measured(what: str, name: str, target: Board, seed: int) -> tuple[float, str]:
    """Cycles per multiply-accumulate of a layer whose inputs and outputs are in a format; its kernel."""
    net = one_layer(LAYERS[what], seed)
    planned = plan_for(quantize(net, observed(net, seed), formats_named(name)), target.core)
    with tempfile.TemporaryDirectory() as folder:
        firmware = build_firmware(
            generate(planned, target), net.name, target, find_toolchain(target), Path(folder) / "firmware.elf"
        )
        emulator = Emulator(firmware.image, net.name, target)
        found = emulator.profile(random_vectors(planned, 3, seed)[2].tobytes())
    layer = planned.ops[-1]
    cycles = found.layer_cycles[len(planned.ops) - 1]
    return cycles / op_macs(layer, planned), kernel_for(layer, planned, target.core).function


def one_layer(layer: Layer, seed: int) -> Net:
    """A float network of that layer, behind one that makes inputs of its format."""
    rng = np.random.default_rng(seed)
    depth = layer.shape[-1]
    ops: list[Op] = [
        DepthwiseConv2D(name="entrance", inputs=("x", "entrance_weights", "entrance_bias"), outputs=("seen",))
    ]
    source = "seen"
    names = {"name": "layer", "outputs": ("y",)}
    if len(layer.weights) == 2:
        ops.append(Reshape(name="flat", inputs=("seen",), outputs=("vector",), shape=layer.weights[1:]))
        source = "vector"
    inputs = (source, "weights", "bias")
    match len(layer.weights):
        case 2:
            ops.append(FullyConnected(inputs=inputs, **names))
        case 3:
            ops.append(DepthwiseConv2D(inputs=inputs, padding=layer.padding, **names))
        case _:
            ops.append(Conv2D(inputs=inputs, padding=layer.padding, **names))
    tensors = {"x": Tensor("x", layer.shape)}
    channels = layer.weights[-1 if len(layer.weights) == 3 else 0]
    for name, shape in (
        ("entrance_weights", (1, 1, depth)),
        ("entrance_bias", (depth,)),
        ("weights", layer.weights),
        ("bias", (channels,)),
    ):
        data = rng.normal(0, 0.5, shape).astype(np.float32)
        tensors[name] = Tensor(name, shape, constant=True, data=data)
    for op in ops:
        shape = op.output_shape([tensors[name].shape for name in op.inputs])
        tensors[op.outputs[0]] = Tensor(op.outputs[0], shape)
    return Net("layer", tuple(ops), tensors, ("x",), ("y",))
