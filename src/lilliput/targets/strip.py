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


def fits_strip(op: Op, net: Net, most_bytes: int = MOST_STRIP_BYTES, *, any_rest: bool = False) -> bool:
    """Whether windows of `op` overlap, depth is no multiple of four, and pixels come in fours.

    Args:
        most_bytes: of a strip.
        any_rest: whether three pixels may be left over: where not, the last of them would be written over by
            the fourth of its block.
    """
    if not isinstance(op, Conv2D) or op.dilation != (1, 1):
        return False
    _, _, kernel_width, depth = net.tensors[op.inputs[1]].shape
    uneven = depth % 4 != 0 and kernel_width > op.strides[1]
    columns = net.tensors[op.outputs[0]].shape[1]
    in_fours = to_four(columns) <= MOST_WASTE * columns and (any_rest or columns % STRIP_PIXELS != 3)
    return uneven and in_fours and strip_bytes(op, net) <= most_bytes


def strip_fours(op: Op, net: Net) -> int:
    """Fours of inputs of a window."""
    strip = _strip(op, net)
    return strip.across * strip.height + strip.ends


def strip_columns(op: Op, net: Net) -> int:
    """Columns of a strip, each a four of every row of the kernel."""
    strip = _strip(op, net)
    groups = _groups(op, net)
    return groups * strip.across if strip.is_apart else (groups - 1) * strip.stride + strip.across


def strip_runs(op: Op, net: Net) -> int:
    """Runs of columns that lie side by side: one, or one for each four windows that share none."""
    return _groups(op, net) if _strip(op, net).is_apart else 1


def strip_ends(op: Op, net: Net) -> int:
    """Fours of last elements of a row of outputs, each of four pixels."""
    return _groups(op, net) * _strip(op, net).ends


def strip_bytes(op: Op, net: Net) -> int:
    """Scratch memory of a strip, with copies of the rows that it is made of."""
    strip = _strip(op, net)
    fours = strip_columns(op, net) * strip.height + strip_ends(op, net)
    return _FOUR_BYTES * fours + strip.height * 4 * (_groups(op, net) * strip.stride + strip.across)


def by_columns(weights: NDArray[T], stride: int) -> NDArray[T]:
    """A row for each output channel: (four elements of a kernel's row by four, kernel height, four).

    Where rows have an element more than fours: without those, then (last elements), filled to a four.

    Args:
        weights: (channels, kernel height, kernel width, depth).
        stride: elements from window to window.
    """
    channels, height = weights.shape[:2]
    rows = weights.reshape(channels, height, -1)
    ends = rows[:, :, :0].reshape(channels, 0)
    if _has_ends(rows.shape[2], stride):
        ends = np.pad(rows[:, :, -1], ((0, 0), (0, -height % 4)))
        rows = rows[:, :, :-1]
    rows = np.pad(rows, ((0, 0), (0, 0), (0, -rows.shape[2] % 4)))
    columns = rows.reshape(channels, height, -1, 4).transpose(0, 2, 1, 3).reshape(channels, -1)
    return np.concatenate([columns, ends], axis=1)


class _Strip(NamedTuple):
    """Rows of a window, elements from window to window, columns of a window, fours of last elements."""

    height: int
    stride: int
    across: int
    ends: int

    @property
    def is_apart(self) -> bool:
        """Whether windows of neighbouring fours of pixels share no columns."""
        return self.across <= self.stride


def _strip(op: Op, net: Net) -> _Strip:
    assert isinstance(op, Conv2D)
    _, height, width, depth = net.tensors[op.inputs[1]].shape
    stride = op.strides[1] * depth
    if _has_ends(width * depth, stride):
        return _Strip(height, stride, width * depth // 4, to_four(height) // 4)
    return _Strip(height, stride, to_four(width * depth) // 4, 0)


def _groups(op: Op, net: Net) -> int:
    return to_four(net.tensors[op.outputs[0]].shape[1]) // STRIP_PIXELS


def _has_ends(length: int, stride: int) -> bool:
    return length % 4 == 1 and length // 4 <= stride
