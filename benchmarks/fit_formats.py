"""Networks that predictions of other number formats than int8 are fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count as from_zero

import numpy as np
from fit_networks import float_network
from networks import OBSERVED_EXAMPLES, observed, random_convolutions

from lilliput.errors import NetError
from lilliput.net import FullyConnected, Net, Optimize, Tensor
from lilliput.net.formats import FORMATS, Formats
from lilliput.net.macs import net_macs
from lilliput.net.reference import run_all
from lilliput.passes import fold_batch_norm, fuse_activations, quantize

MOST_MACS = 300_000
"""Portable kernels take ten times the cycles of those for int8 on cores with DSP instructions."""
FEW_BITS = ("w2a2", "w4a4", "w2a8", "w3a3", "w2a4")
FAMILIES = ("packed", "packed", "int16x8", "qmn16", "float32")
UNPACKED = ("packed",)
"""What networks are fitted on whose weights are unpacked before they are multiplied."""
SINGLE_BITS = ("w1a1",)
"""What networks are fitted on that count bits."""


def format_networks(count: int, seed: int, families: Sequence[str] = FAMILIES) -> list[Net]:
    """Networks with weights of 2 to 7 bits, of 16-bit integers and of floats, or of other families, in turn.

    They have the shapes of those of `fit_networks`; what a family has no kernel for is left out.  Networks of
    floats come again for little code, after the others.
    """
    found: list[Net] = []
    for index in from_zero():
        if len(found) == count:
            reals = [net for net in found if not net.quantized]
            return found + [replace(net, optimize=Optimize.FLASH) for net in reals]
        net = fuse_activations(fold_batch_norm(float_network(seed, index)))
        if net_macs(net) > MOST_MACS:
            continue
        try:
            found.append(_in_family(net, families[len(found) % len(families)], index))
        except NetError:
            continue
    raise AssertionError("there are always more")


def few_bit_networks(count: int, seed: int) -> list[Net]:
    """Convolutions with weights of 2 to 4 bits, of images and of activations of few bits."""
    found = []
    for index in range(count):
        net = fuse_activations(random_convolutions(seed * count + index))
        names = Formats(FORMATS[FEW_BITS[index % len(FEW_BITS)]], {net.ops[-1].name: FORMATS["int8"]})
        try:
            found.append(quantize(net, observed(net, index), names))
        except NetError:
            continue
    return found


def _in_family(net: Net, family: str, index: int) -> Net:
    if family == "float32":
        return net
    rng = np.random.default_rng([index, 1])
    x = rng.normal(0, 1, (OBSERVED_EXAMPLES, *net.input.shape)).astype(np.float32)
    ranges = {name: (float(y.min()), float(y.max())) for name, y in run_all(net, x).items()}
    if family in SINGLE_BITS:
        return quantize(net, ranges, Formats(FORMATS[family], {net.ops[0].name: FORMATS["w8a1"]}))
    if family != "packed":
        return quantize(net, ranges, FORMATS[family])
    bits = {op.name: rng.integers((2, 4), (8, 9)) for op in net.ops}
    return quantize(net, ranges, Formats(ops={name: FORMATS[f"w{w}a{a}"] for name, (w, a) in bits.items()}))


def long_products(count: int, seed: int) -> list[Net]:
    """Matrix products of 4-bit weights over many inputs; few weights are not zero, so that sums fit."""
    found = []
    for index in range(count):
        rng = np.random.default_rng([seed, index, 2])
        inputs = int(rng.integers(1025, 6000))
        shape = (int(rng.integers(1, MOST_MACS // inputs)) // 4 * 4 or 1, inputs)
        weights = rng.normal(0, 1, shape) * (rng.random(shape) < 1000 / inputs)
        tensors = [
            Tensor("x", (inputs,)),
            Tensor("weights", shape, constant=True, data=weights.astype(np.float32)),
            Tensor("bias", shape[:1], constant=True, data=rng.normal(0, 1, shape[0]).astype(np.float32)),
            Tensor("y", shape[:1]),
        ]
        op = FullyConnected(name="product", inputs=("x", "weights", "bias"), outputs=("y",))
        net = Net(f"long{index}", (op,), {tensor.name: tensor for tensor in tensors}, ("x",), ("y",))
        found.append(quantize(net, {"x": (-2.0, 2.0), "y": (-90.0, 90.0)}, FORMATS["w4a8"]))
    return found
