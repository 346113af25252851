"""Rows of an image under the windows of some output rows, as `runtime/lp_band.h` keeps them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D

T = TypeVar("T", bound=np.generic)

KERNEL_WIDTH = 3
"""Columns of the kernels that take bands."""


def fits_band(op: WeightedOp, net: Net, pixels: int = 2) -> bool:
    """Whether the windows of `op` are such that rows are expanded once for all of them.

    Args:
        pixels: least columns of outputs.
    """
    if not isinstance(op, Conv2D) or op.dilation != (1, 1) or op.strides[1] != 1:
        return False
    _, _, kernel_width, depth = net.tensors[op.inputs[1]].shape
    return kernel_width == KERNEL_WIDTH and depth % 4 == 0 and net.tensors[op.outputs[0]].shape[1] >= pixels


def band_bytes(op: WeightedOp, net: Net, output_rows: int, *, sums: bool) -> int:
    """Bytes of the rows under `output_rows` rows of outputs.

    Args:
        sums: whether each column of a row also has a sum of its inputs.
    """
    assert isinstance(op, Conv2D)
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    columns = net.tensors[op.outputs[0]].shape[1] + kernel_width - 1
    rows = (output_rows - 1) * op.strides[0] + kernel_height
    return rows * columns * (2 * depth + 4 * sums)


def by_planes(weights: NDArray[T]) -> NDArray[T]:
    """A row for each output channel, (kernel height, channels / 4, kernel width, four channels)."""
    channels, height, width, depth = weights.shape
    planes = weights.reshape(channels, height, width, depth // 4, 4).transpose(0, 1, 3, 2, 4)
    return planes.reshape(channels, -1)
