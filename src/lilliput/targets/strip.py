"""The windows of a row of outputs, expanded once, as `runtime/lp_strip.h` lays them out.

Gathering windows one by one takes several cycles a byte where the rows of a window are no multiple of four
elements, as in images of one channel; a strip holds what neighbouring windows share once.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, Op
from lilliput.targets.kernel import to_four

T = TypeVar("T", bound=np.generic)

STRIP_PIXELS = 4
"""Output pixels whose windows lie side by side."""
MOST_STRIP_BYTES = 4096
"""Scratch memory up to which windows lie in a strip."""
_FOUR_BYTES = 32
"""Of four inputs of four pixels, expanded to int16."""


def fits_strip(op: Op, net: Net) -> bool:
    """Whether windows of `op` overlap, and their rows are no multiple of four elements."""
    if not isinstance(op, Conv2D) or op.dilation != (1, 1):
        return False
    _, _, kernel_width, depth = net.tensors[op.inputs[1]].shape
    uneven = depth % 4 != 0 and kernel_width > op.strides[1]
    columns = net.tensors[op.outputs[0]].shape[1]
    return uneven and columns >= STRIP_PIXELS and strip_bytes(op, net) <= MOST_STRIP_BYTES


def strip_fours(op: Op, net: Net) -> int:
    """Fours of inputs of a window."""
    return _fours(*_steps(op, net)[:2])


def strip_bytes(op: Op, net: Net) -> int:
    """Scratch memory of a strip, with the copied rows that it is made of."""
    height, steps, stride = _steps(op, net)
    blocks = -(-net.tensors[op.outputs[0]].shape[1] // STRIP_PIXELS)
    steps_all = steps + 2 * (blocks - 1) * stride
    row_bytes = to_four(2 * steps_all + 3 * stride + 2)
    return _FOUR_BYTES * _fours(height, steps_all) + height * row_bytes


def by_steps(weights: NDArray[T]) -> NDArray[T]:
    """A row for each output channel, (two elements of a kernel's row by two, kernel height, two), to a four."""
    channels, height = weights.shape[:2]
    rows = weights.reshape(channels, height, -1)
    rows = np.pad(rows, ((0, 0), (0, 0), (0, rows.shape[2] % 2)))
    steps = rows.reshape(channels, height, -1, 2).transpose(0, 2, 1, 3).reshape(channels, -1)
    return np.pad(steps, ((0, 0), (0, -steps.shape[1] % 4)))


def _steps(op: Op, net: Net) -> tuple[int, int, int]:
    """Rows of a window, steps of each, and elements from window to window."""
    assert isinstance(op, Conv2D)
    _, height, width, depth = net.tensors[op.inputs[1]].shape
    return height, -(-width * depth // 2), op.strides[1] * depth


def _fours(height: int, steps: int) -> int:
    return -(-height * steps // 2)
