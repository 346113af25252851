"""Networks of a few layers, with weights of 2 to 8 bits, that predictions are fitted on.

Each kernel that multiplies by weights occurs in many shapes, with short sums and with long ones: with so few
layers as random networks bring of some, their cycles could not be told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count as from_zero

import numpy as np
from fit_networks import PROFILES, RAW
from networks import observed, quantized

from lilliput.errors import NetError
from lilliput.net import (
    Activation,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    Net,
    Op,
    Padding,
    Tensor,
)
from lilliput.net.formats import FORMATS, Formats
from lilliput.net.macs import net_macs
from lilliput.net.ops import same_padding
from lilliput.passes import quantize
from lilliput.targets.cores import Core
from lilliput.targets.kernels import kernel_for

WEIGHT_BITS = (2, 2, 4, 4, 3, 5, 6, 7)
INPUT_BITS = (8, 8, 8, 4, 2, 6, 5, 3, 7)
KERNELS = ((3, 3), (3, 3), (3, 3), (1, 1), (1, 1), (5, 5), (1, 3), (3, 1), (2, 2), (5, 3), (1, 5), (3, 4))
FEW_CHANNELS = (1, 2, 3, 3, 3, 5)
"""Of images, which few-channel kernels take."""
MOST_MACS = 1_500_000
MOST_LAYERS = 20
LEAST_LAYERS = 24
"""So many layers of each kernel, where they can be found."""


def few_bit_layers(count: int, seed: int) -> list[Net]:
    """Networks of some convolutions and matrix products, each layer with bits of its own."""
    found: list[Net] = []
    for index in from_zero():
        if len(found) == count:
            return found
        rng = np.random.default_rng([seed, index, 3])
        net = _drawn(rng)
        bits = {op.name: (int(rng.choice(WEIGHT_BITS)), int(rng.choice(INPUT_BITS))) for op in net.ops}
        formats = Formats(ops={name: FORMATS[f"w{w}a{a}"] for name, (w, a) in bits.items()})
        try:
            found.append(quantize(net, observed(net, index), formats))
        except NetError:
            continue
    raise AssertionError("there are always more")


def byte_layers(count: int, seed: int) -> list[Net]:
    """The same of int8, in both profiles by turns."""
    nets = [_drawn(np.random.default_rng([seed, index, 4])) for index in range(count)]
    return [quantized(net, PROFILES[index % len(PROFILES)], index) for index, net in enumerate(nets)]


def enough_layers(nets: Sequence[Net], core: Core, least: int = LEAST_LAYERS) -> list[Net]:
    """Those of the networks, in their order, that bring a kernel with weights which is seen too seldom.

    In networks with weights of few bits, kernels for those alone count.
    """
    seen: Counter[str] = Counter()
    taken: dict[int, Counter[str]] = {}
    packed = [[op for op in net.ops if _is_packed(op, net)] or net.ops for net in nets]
    kernels = [
        Counter(kernel_for(op, net, core).function for op in ops)
        for net, ops in zip(nets, packed, strict=True)
    ]
    # First those that bring several such layers.
    for many in range(MOST_LAYERS, 0, -1):
        for index, brought in enumerate(kernels):
            wanted = sum(number for name, number in brought.items() if seen[name] < least)
            if index not in taken and wanted >= many:
                taken[index] = brought
                seen += brought
    return [nets[index] for index in sorted(taken)]


def _is_packed(op: Op, net: Net) -> bool:
    weighted = isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected)
    return weighted and net.tensors[op.inputs[1]].dtype.narrow


def _drawn(rng: np.random.Generator) -> Net:
    while True:
        net = _layers(rng)
        if net_macs(net) <= MOST_MACS:
            return net


def _layers(rng: np.random.Generator) -> Net:
    draw = rng.integers
    shape: tuple[int, ...] = (*(int(side) for side in draw(1, 25, 2)), _channels(rng))
    if rng.random() < 0.2:
        shape = (1, int(draw(8, 129)), shape[2])
    tensors, ops, newest = {"input": Tensor("input", shape)}, list[Op](), "input"

    def constant(values: np.ndarray) -> str:
        name = f"c{len(tensors)}"
        tensors[name] = Tensor(name, values.shape, constant=True, data=values.astype(np.float32))
        return name

    def add(kind: type[Op], *weights: np.ndarray, **attributes: object) -> None:
        nonlocal newest, shape
        inputs = (newest, *map(constant, weights))
        op = kind(name=f"op{len(ops)}", inputs=inputs, outputs=(f"t{len(ops)}",), **attributes)
        shape, newest = op.output_shape([tensors[name].shape for name in inputs]), op.outputs[0]
        ops.append(op)
        tensors[newest] = Tensor(newest, shape)

    def scaled(*sizes: int) -> np.ndarray:
        """Some weights are many times the others, or none is: so sums are short or long."""
        values = rng.normal(0, 1, sizes) if rng.random() < 0.5 else rng.uniform(-1, 1, sizes)
        return values * (rng.random(sizes) < rng.choice((1.0, 1.0, 0.3))) / np.sqrt(np.prod(sizes[1:]))

    for _ in range(int(draw(5, MOST_LAYERS - 3))):
        kernel = KERNELS[int(draw(len(KERNELS)))]
        kernel = (min(kernel[0], shape[0]), min(kernel[1], shape[1]))
        step = 2 if rng.random() < 0.1 else 1
        padding = same_padding(shape[:2], kernel, (step, step)) if rng.random() < 0.8 else Padding()
        settings = {"strides": (step, step), "padding": padding, "activation": list(Activation)[int(draw(3))]}
        if rng.random() < 0.25:
            add(DepthwiseConv2D, scaled(*kernel, shape[2]), rng.normal(0, 0.3, shape[2]), **settings)
        else:
            channels = _channels(rng)
            weights = scaled(channels, *kernel, shape[2])
            add(Conv2D, weights, rng.normal(0, 0.3, channels), **settings)
    add(GlobalAveragePool2D)
    for _ in range(int(draw(1, 4))):
        units = int(np.exp(rng.uniform(0, np.log(200))))
        add(FullyConnected, scaled(units, shape[0]), rng.normal(0, 0.3, units))
    return Net("net", tuple(ops), tensors, ("input",), (newest,), normalization=RAW)


def _channels(rng: np.random.Generator) -> int:
    """Any number of channels, most of them fours, or few."""
    if rng.random() < 0.25:
        return int(rng.choice(FEW_CHANNELS))
    found = int(np.exp(rng.uniform(0, np.log(100))))
    return found if rng.random() < 0.35 else 4 * -(-found // 4)
