"""Networks that predictions of other number formats than int8 are fitted on."""

from __future__ import annotations

from itertools import count as from_zero

import numpy as np
from fit_networks import float_network
from networks import OBSERVED_EXAMPLES

from lilliput.errors import NetError
from lilliput.net import FullyConnected, Net, Tensor
from lilliput.net.formats import FORMATS, Formats
from lilliput.net.macs import net_macs
from lilliput.net.reference import run_all
from lilliput.passes import fold_batch_norm, fuse_activations, quantize

MOST_MACS = 300_000
"""Portable kernels take ten times the cycles of those for int8 on cores with DSP instructions."""
FAMILIES = ("packed", "packed", "int16x8", "qmn16", "float32")


def format_networks(count: int, seed: int) -> list[Net]:
    """Networks with weights of 2 to 7 bits, of 16-bit integers and of floats, in turn.

    They have the shapes of those of `fit_networks`; what a family has no kernel for is left out.
    """
    found: list[Net] = []
    for index in from_zero():
        if len(found) == count:
            return found
        net = fuse_activations(fold_batch_norm(float_network(seed, index)))
        if net_macs(net) > MOST_MACS:
            continue
        try:
            found.append(_in_family(net, FAMILIES[len(found) % len(FAMILIES)], index))
        except NetError:
            continue
    raise AssertionError("there are always more")


def _in_family(net: Net, family: str, index: int) -> Net:
    if family == "float32":
        return net
    rng = np.random.default_rng([index, 1])
    x = rng.normal(0, 1, (OBSERVED_EXAMPLES, *net.input.shape)).astype(np.float32)
    ranges = {name: (float(y.min()), float(y.max())) for name, y in run_all(net, x).items()}
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
