"""Weights that are signs times inputs of one bit: sums of products by counting bits.

An input q of one bit is -1 or 0, the bit b = q + 1.  With the zero point z of the input a sum of products is

    sum(w * (q - z)) = sum(w * b) - (z + 1) * sum(w),    sum(w * b) = count(b) - 2 * count(b and w < 0)

so the kernel takes b for the input, and `zero_point_of_bits` for its zero point.
"""

from __future__ import annotations

import math

from lilliput.net.fixedpoint import WeightedOp, quant
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, FullyConnected, Profile
from lilliput.net.tensor import DType

WORD_BITS = 32
BLOCK_PIXELS = 2
"""Output pixels whose windows are packed before the weights are read."""


def is_binary(op: WeightedOp, net: Net) -> bool:
    """Whether `op` multiplies signs by single bits."""
    one_bit = net.tensors[op.inputs[0]].dtype is DType.INT1 and net.tensors[op.inputs[1]].dtype is DType.SIGN
    return one_bit and isinstance(op, Conv2D | FullyConnected) and op.profile is Profile.LILLIPUT


def window_words(op: WeightedOp, net: Net) -> int:
    """Words that the bits of one window take."""
    return -(-math.prod(net.tensors[op.inputs[1]].shape[1:]) // WORD_BITS)


def windows_bytes(op: WeightedOp, net: Net) -> int:
    """Scratch memory for the windows of a block of pixels."""
    return 4 * window_words(op, net) * BLOCK_PIXELS


def zero_point_of_bits(op: WeightedOp, net: Net) -> int:
    """The bit that stands for 0.0: padding consists of it."""
    return quant(op.inputs[0], net).zero_point + 1
