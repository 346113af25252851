"""The orders in which kernels read weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected
from lilliput.targets.kernels import Layout

Weights = NDArray[np.generic]

SPLIT_CHUNK_INPUTS = 512
"""Inputs that `lp_fully_connected_dsp_s8` sums before it divides by 256."""


def laid_out(weights: Weights, op: WeightedOp, layout: Layout) -> Weights:
    """The weights of `op` as one row of int8 in the order of `layout`; none is added or left out."""
    match layout:
        case Layout.PLAIN:
            return weights.reshape(-1)
        case Layout.PAIRED if isinstance(op, Conv2D):
            return _paired(weights.reshape(len(weights), -1)[:, _gather_order(weights, op)])
        case Layout.SPLIT if isinstance(op, FullyConnected):
            return _split(weights)
        case Layout.CHANNELS_FIRST if isinstance(op, Conv2D):
            return weights.reshape(-1)
        case Layout.CHANNELS_FIRST if isinstance(op, DepthwiseConv2D):
            return weights.reshape(-1, weights.shape[-1]).T.reshape(-1)
        case _:
            raise NetError(
                f"op '{op.name}' has no weights in layout '{layout}'", "", "this is a bug: report it"
            )


def split_corrections(weights: Weights) -> NDArray[np.int64]:
    """What `lp_fully_connected_dsp_s8` adds to the sum of every row beside the products.

    Inputs carry 127 too much against the odd weights, which each chunk divides by 256, rounding down.
    """
    rows = weights.astype(np.int64)
    odd = rows[:, : rows.shape[1] // 4 * 4].reshape(len(rows), -1, 2)[:, :, 1]
    chunks = range(0, odd.shape[1], SPLIT_CHUNK_INPUTS // 2)
    found = np.zeros(len(rows), np.int64)
    for start in chunks:
        found += 127 * odd[:, start : start + SPLIT_CHUNK_INPUTS // 2].sum(axis=1) // 256
    return found


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


def _split(rows: Weights) -> Weights:
    """Two weights as a halfword, 256 times the first plus the second; rows four by four, word beside word."""
    units, inputs = rows.shape
    fours = inputs // 4 * 4
    wide = rows[:, :fours].astype(np.int16)
    words = (256 * wide[:, 0::2] + wide[:, 1::2]).astype("<i2").view(np.int8).reshape(units, -1, 4)
    rest = rows[:, fours:]
    blocks = units // 4 * 4
    parts = []
    for unit in range(0, blocks, 4):
        parts += [words[unit : unit + 4].transpose(1, 0, 2), rest[unit : unit + 4].T]
    for unit in range(blocks, units):
        parts += [words[unit], rest[unit]]
    return np.concatenate([part.reshape(-1) for part in parts])
