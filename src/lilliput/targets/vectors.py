"""What the kernels for cores with Helium, vectors of 128 bits, can do, and the memory that they take."""

from __future__ import annotations

import math

from lilliput.net.fixedpoint import WeightedOp, conv_requant
from lilliput.net.fixedpoint_tflm import conv_factors
from lilliput.net.graph import Net
from lilliput.net.ops import DepthwiseConv2D, Profile
from lilliput.targets.kernel import to_four

LANES = 16
"""Bytes of a vector of Helium."""
WINDOWS_BYTES = 512
"""Scratch memory up to which `lp_conv2d_mve_s8` holds more windows than it has to."""
FEWEST_WINDOWS, MOST_WINDOWS = 4, 16
"""Windows that it holds."""
TILE = (2, 4)
"""Lines of outputs that `lp_depthwise_conv2d_mve_s8` makes at once, and outputs of a line."""
RUN_BYTES = 12
"""What it notes of the tiles of a line."""


def fits_vectors(op: WeightedOp, net: Net) -> bool:
    """Whether all factors shift right, as vectors do: by the top word of a product at least."""
    if op.profile is Profile.LILLIPUT:
        return conv_requant(op, net).shift == 32
    return all(-31 <= factor.shift <= -1 for factor in conv_factors(op, net))


def windows_bytes(elements: int) -> int:
    """Scratch memory of `lp_conv2d_mve_s8`: windows of so many elements, filled to vectors, in pairs."""
    window_bytes = -(-elements // LANES) * LANES
    fitting = WINDOWS_BYTES // window_bytes // 2 * 2
    return min(max(fitting, FEWEST_WINDOWS), MOST_WINDOWS) * window_bytes


def _is_upright(op: DepthwiseConv2D, net: Net) -> bool:
    """Whether tiles of `lp_depthwise_conv2d_mve_s8` are long downwards: where that takes fewer."""
    height, width, _ = net.tensors[op.outputs[0]].shape
    return -(-height // TILE[1]) * -(-width // TILE[0]) < -(-width // TILE[1]) * -(-height // TILE[0])


def _plane(op: DepthwiseConv2D, net: Net) -> tuple[int, int]:
    """Rows and columns of a channel as `lp_depthwise_conv2d_mve_s8` copies it, with the padding."""
    least = TILE[:: -1 if _is_upright(op, net) else 1]
    rows, columns = (
        (max(length, least_length) - 1) * op.strides[0] + 3
        for length, least_length in zip(net.tensors[op.outputs[0]].shape, least, strict=False)
    )
    return rows, max(columns, op.padding.left + net.tensors[op.inputs[0]].shape[1])


def fits_patches(op: DepthwiseConv2D, net: Net) -> bool:
    """Whether `lp_depthwise_conv2d_mve_s8` has the window, and reaches what it gathers and scatters."""
    if net.tensors[op.inputs[1]].shape[:2] != (3, 3) or op.dilation != (1, 1):
        return False
    if op.strides not in ((1, 1), (2, 2)) or not fits_vectors(op, net):
        return False
    _, columns = _plane(op, net)
    _, width, channels = net.tensors[op.outputs[0]].shape
    upright = _is_upright(op, net)
    patch_rows, patch_columns = (4, 4) if op.strides == (1, 1) else (5, 3) if upright else (3, 5)
    rows_below, columns_beside = (3, 1) if upright else (1, 3)
    furthest = (patch_rows - 1) * columns + patch_columns - 1
    return furthest < 1 << 8 and (rows_below * width + columns_beside) * channels < 1 << 16


def patches_bytes(op: DepthwiseConv2D, net: Net) -> int:
    """Scratch memory of `lp_depthwise_conv2d_mve_s8`: a channel, and runs of tiles with one that is none."""
    height, width, _ = net.tensors[op.outputs[0]].shape
    length, lines = (height, width) if _is_upright(op, net) else (width, height)
    runs = -(-lines // TILE[0]) * ((length >= TILE[1]) + (length % TILE[1] > 0))
    return to_four(math.prod(_plane(op, net))) + RUN_BYTES * (runs + 1)
