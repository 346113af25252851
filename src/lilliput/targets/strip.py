"""The windows of a row of outputs, expanded once, as `runtime/lp_strip.h` lays them out.

Gathering windows one by one takes several cycles a byte where the rows of a window are no multiple of four
elements, as in images of one channel; a strip holds what neighbouring windows share once.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, Op
from lilliput.targets.kernel import to_four

T = TypeVar("T", bound=np.generic)

STRIP_PIXELS = 4
"""Output pixels whose windows lie side by side."""
MOST_WASTE = 1.2
"""Up to so many pixels are computed for each that is wanted."""
MOST_STRIP_BYTES = 4096
"""Scratch memory up to which windows lie in a strip."""
_FOUR_BYTES = 32
"""Of four inputs of four pixels, expanded to int16."""


def fits_strip(op: Op, net: Net) -> bool:
    """Whether windows of `op` overlap, depth is no multiple of four, and pixels come in fours."""
    if not isinstance(op, Conv2D) or op.dilation != (1, 1):
        return False
    _, _, kernel_width, depth = net.tensors[op.inputs[1]].shape
    uneven = depth % 4 != 0 and kernel_width > op.strides[1]
    columns = net.tensors[op.outputs[0]].shape[1]
    # Of three pixels that are left over, the last would be written over by the fourth of its block.
    in_fours = to_four(columns) <= MOST_WASTE * columns and columns % STRIP_PIXELS != 3
    return uneven and in_fours and strip_bytes(op, net) <= MOST_STRIP_BYTES


def strip_fours(op: Op, net: Net) -> int:
    """Fours of inputs of a window."""
    strip = _strip(op, net)
    return strip.across * strip.height + strip.ends


def strip_columns(op: Op, net: Net) -> int:
    """Columns of a strip, each a four of every row of the kernel."""
    strip = _strip(op, net)
    return (net.tensors[op.outputs[0]].shape[1] - 1) // STRIP_PIXELS * strip.stride + strip.across


def strip_ends(op: Op, net: Net) -> int:
    """Fours of fifth elements behind a column."""
    return _strip(op, net).ends


def strip_bytes(op: Op, net: Net) -> int:
    """Scratch memory of a strip, with copies of the rows that it is made of."""
    height, stride, _, ends = _strip(op, net)
    columns = strip_columns(op, net)
    return _FOUR_BYTES * columns * (height + ends) + height * 4 * (columns + stride)


def by_columns(weights: NDArray[T], stride: int) -> NDArray[T]:
    """A row for each output channel: (four elements of a kernel's row by four, kernel height, four).

    Where rows have five elements: (kernel height, four), then the fifth elements, filled to a four.

    Args:
        weights: (channels, kernel height, kernel width, depth).
        stride: elements from window to window.
    """
    channels, height = weights.shape[:2]
    rows = weights.reshape(channels, height, -1)
    if _has_ends(rows.shape[2], stride):
        ends = np.pad(rows[:, :, 4], ((0, 0), (0, -height % 4)))
        return np.concatenate([rows[:, :, :4].reshape(channels, -1), ends], axis=1)
    rows = np.pad(rows, ((0, 0), (0, 0), (0, -rows.shape[2] % 4)))
    return rows.reshape(channels, height, -1, 4).transpose(0, 2, 1, 3).reshape(channels, -1)


class _Strip(NamedTuple):
    """Rows of a window, elements from window to window, columns of a window, fours of fifth elements."""

    height: int
    stride: int
    across: int
    ends: int


def _strip(op: Op, net: Net) -> _Strip:
    assert isinstance(op, Conv2D)
    _, height, width, depth = net.tensors[op.inputs[1]].shape
    stride = op.strides[1] * depth
    if _has_ends(width * depth, stride):
        return _Strip(height, stride, 1, to_four(height) // 4)
    return _Strip(height, stride, to_four(width * depth) // 4, 0)


def _has_ends(length: int, stride: int) -> bool:
    return length == 5 and stride == 1
