"""What counts of loops are made of."""

from __future__ import annotations

from collections.abc import Iterator

from lilliput.net.fixedpoint import activation_range
from lilliput.net.graph import Net
from lilliput.net.ops import Activation, Conv2D, DepthwiseConv2D

Counts = dict[str, float]


def split_up(length: int, sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Size and number of the steps that take `length`: as many of the first size as fit, and so on to 1."""
    for size in (*sizes, 1):
        yield size, length // size
        length %= size


def is_limited(op: Conv2D | DepthwiseConv2D, net: Net) -> bool:
    """Whether outputs keep a range smaller than int8."""
    return is_cut(op, net) or net.tensors[op.outputs[0]].dtype.narrow


def is_cut(op: Conv2D | DepthwiseConv2D, net: Net) -> bool:
    """Whether outputs keep a range smaller than their type's: as if what a ReLU makes began at its least.

    Before a training, what a ReLU6 makes is taken to reach six.
    """
    output = net.tensors[op.outputs[0]]
    if op.activation is not Activation.RELU6 or output.quant is None:
        return op.activation is Activation.RELU6
    return activation_range(op, net)[1] < output.dtype.range[1]
