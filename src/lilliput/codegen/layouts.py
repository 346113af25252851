"""The orders in which kernels read weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.ops import Conv2D
from lilliput.targets.kernels import Layout

Weights = NDArray[np.generic]


def laid_out(weights: Weights, op: WeightedOp, layout: Layout) -> Weights:
    """The weights of `op` as one row of int8 in the order of `layout`; none is added or left out."""
    match layout:
        case Layout.PLAIN:
            return weights.reshape(-1)
        case Layout.PAIRED if isinstance(op, Conv2D):
            return _paired(weights.reshape(len(weights), -1)[:, _gather_order(weights, op)])
        case _:
            raise NetError(
                f"op '{op.name}' has no weights in layout '{layout}'", "", "this is a bug: report it"
            )


def _gather_order(weights: Weights, op: Conv2D) -> NDArray[np.intp]:
    """Index of every element of a window in the order in which `lp_conv2d_dsp_s8` gathers them."""
    _, height, width, depth = weights.shape
    length = width * depth if op.dilation[1] == 1 else depth
    runs = np.arange(height * width * depth).reshape(-1, length)
    fours = runs[:, : length // 4 * 4].reshape(-1, 4)[:, [0, 2, 1, 3]]
    return np.concatenate([fours.reshape(-1), runs[:, length // 4 * 4 :].reshape(-1)])


def _paired(rows: Weights) -> Weights:
    """Channels two by two, element beside element; a last odd channel has its pairs two by two."""
    channels, elements = rows.shape
    together = rows[: channels // 2 * 2].reshape(-1, 2, elements).transpose(0, 2, 1).reshape(-1)
    if channels % 2 == 0:
        return together
    fours = rows[-1, : elements // 4 * 4].reshape(-1, 4)[:, [0, 2, 1, 3]]
    return np.concatenate([together, fours.reshape(-1), rows[-1, elements // 4 * 4 :]])
