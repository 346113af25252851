"""Convolutions and matrix products of 16-bit integers on cores with packed 16-bit arithmetic.

`runtime/lp_wide_conv2d_dsp.h` and `lp_wide_depthwise_conv2d_dsp.h` describe the kernels.  They multiply sums
by M * 2**(32 - n), where others
multiply by M and shift by n, and take the upper word: the same as long as the product fits 64 bits, which is
as long as outputs fit int32 before they are cut.
"""

from __future__ import annotations

import math

import numpy as np

from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp, conv_requant
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D
from lilliput.net.tensor import DType
from lilliput.targets.kernel import to_four

CHANNELS = 4
"""Output channels that are computed side by side."""
LARGEST_INPUT = 1 << 15
"""Of absolute inputs."""
MOST_COLUMNS = 255
"""Of windows that are read where they lie."""


def wide_multipliers(op: WeightedOp, net: Net) -> tuple[int, ...]:
    """The factors of the sums, as fractions of 2**32: one for each channel, or a single one."""
    requant = conv_requant(op, net)
    return tuple(multiplier << (32 - requant.shift) for multiplier in requant.multipliers)


def fits_wide_dsp(op: WeightedOp, net: Net) -> bool:
    """Whether the kernel holds factors and sums of `op`, of which those of 8-bit weights must fit 32 bits.

    Weights that are not known are taken to be such that it does.
    """
    multipliers = wide_multipliers(op, net)
    weights = net.tensors[op.inputs[1]]
    if max(multipliers) >= 1 << 31:
        return False
    if weights.data is None:
        return True
    axis = 2 if isinstance(op, DepthwiseConv2D) else 0
    rows = np.moveaxis(np.abs(weights.data.astype(np.int64)), axis, 0).reshape(weights.shape[axis], -1)
    largest = LARGEST_INPUT * rows.sum(axis=1)
    if len(op.inputs) == 3 and (bias := net.tensors[op.inputs[2]].data) is not None:
        largest = largest + np.abs(bias.astype(np.int64))
    if weights.dtype is not DType.INT16:
        return int(largest.max()) < 1 << 31
    return int(largest.max()) * max(multipliers) < (1 << 63) - (1 << 31)


def fits_channel_fours(op: DepthwiseConv2D, net: Net) -> bool:
    """Whether a depthwise convolution has four channels at least, and rows of windows without gaps."""
    channels = net.tensors[op.outputs[0]].shape[2]
    return net.tensors[op.inputs[0]].shape[2] == channels >= CHANNELS and op.dilation[1] == 1


def window_fours(op: WeightedOp, net: Net) -> int:
    """Fours of inputs of an output."""
    return to_four(math.prod(_window(op, net))) // 4


def run_length(op: WeightedOp, net: Net) -> int:
    """A window from whose first column on a row of the image has so many is read where it lies; 0 if none is.

    That takes windows of one row without gaps.  What they are filled up with is then the next column's, and
    meets weights of zero.
    """
    *kernel, depth = _window(op, net)
    if isinstance(op, Conv2D) and (kernel[0] > 1 or (kernel[1] > 1 and op.dilation[1] > 1)):
        return 0
    length = -(-to_four(kernel[1] * depth) // depth)
    return length if length <= MOST_COLUMNS else 0


def window_bytes(op: WeightedOp, net: Net) -> int:
    """Scratch memory for one window; none where all are read where they lie."""
    is_inside = not isinstance(op, Conv2D) or not any(op.padding)
    reads_all = is_inside and run_length(op, net) == _window(op, net)[1]
    return 0 if reads_all else 8 * window_fours(op, net)


def window_access(op: WeightedOp, net: Net) -> Access:
    """Windows are gathered before anything is made of them, or read where they lie, all of them or some."""
    if isinstance(op, Conv2D):
        return Access.WINDOWS if run_length(op, net) else Access.PIXELS
    return Access.INPUTS_FIRST if window_bytes(op, net) else Access.SEPARATE


def wide_weights_bytes(op: WeightedOp, net: Net) -> int:
    """Bytes of weights, channels and inputs filled up to fours."""
    weights = net.tensors[op.inputs[1]]
    return to_four(weights.shape[0]) * 4 * window_fours(op, net) * weights.element_bytes


def wide_channels_bytes(op: WeightedOp, net: Net) -> int:
    """Bytes of biases, filled up to fours, and of their multipliers, so filled too, or of one."""
    channels = net.tensors[op.inputs[1]].shape[0]
    factors = len(conv_requant(op, net).multipliers)
    return 4 * (to_four(channels) + (1 if factors == 1 else to_four(channels)))


def _window(op: WeightedOp, net: Net) -> tuple[int, int, int]:
    """Rows, columns and channels under a window; the inputs of a matrix product are channels."""
    height, width, depth = (1, 1, *net.tensors[op.inputs[1]].shape[1:])[-3:]
    return height, width, depth
