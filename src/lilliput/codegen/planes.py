"""Weights of less than a byte as `runtime/lp_planes.h` reads them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lilliput.codegen.layouts import filled_rows, in_order, laid_out
from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, FullyConnected
from lilliput.net.tensor import DType
from lilliput.targets.kernel import SPLIT_CONV_LAYOUTS, Layout
from lilliput.targets.planes import GROUP_WORDS, chunk_channels

Weights = NDArray[np.generic]


def planes_of(weights: Weights, op: WeightedOp, net: Net, layout: Layout) -> NDArray[np.uint32]:
    """All words, chunk after chunk.

    Args:
        weights: those of `op`.
        layout: the order in which they are to be when they are unpacked.
    """
    dtype = net.tensors[op.inputs[1]].dtype
    if isinstance(op, Conv2D) and layout in SPLIT_CONV_LAYOUTS:
        rows = _swapped(in_order(weights, op, layout), dtype)
        chunk = chunk_channels(op, net, layout)
        chunks = [_paired(rows[first : first + chunk]) for first in range(0, len(rows), chunk)]
    elif isinstance(op, Conv2D) and layout is Layout.FOURS_FIRST:
        rows, chunk = filled_rows(weights), chunk_channels(op, net, layout)
        chunks = [rows[first : first + chunk].reshape(-1) for first in range(0, len(rows), chunk)]
    elif isinstance(op, FullyConnected):  # what fills up adds nothing
        rows = filled_rows(_raised(weights, dtype))
        return np.concatenate([packed_planes(row, dtype.bits) for row in rows])
    else:
        flat = laid_out(weights, op, layout)
        chunks = [np.pad(flat, (0, -len(flat) % 4))]
    raised = [_raised(chunk, dtype) for chunk in chunks]
    return np.concatenate([packed_planes(chunk, dtype.bits) for chunk in raised])


def packed_planes(values: NDArray[np.uint8], bits: int) -> NDArray[np.uint32]:
    """Planes of fours of numbers that are not negative."""
    words = values.reshape(-1, 4).view("<u4")[:, 0]
    groups = [words[first : first + GROUP_WORDS] for first in range(0, len(words), GROUP_WORDS)]
    return np.concatenate([_group(group, bits) for group in groups])


def _group(words: NDArray[np.uint32], bits: int) -> NDArray[np.uint32]:
    found, above = [], bits
    for plane in (4, 2, 1):
        if bits & plane:
            above -= plane
            parts = (words >> above) & ((1 << plane) - 1) * 0x01010101
            together = GROUP_WORDS // plane  # words that share one
            shifted = parts << plane * (np.arange(len(words)) % together).astype(np.uint32)
            found.append(np.bitwise_or.reduceat(shifted, np.arange(0, len(words), together)))
    return np.concatenate(found).astype(np.uint32)


def _raised(values: Weights, dtype: DType) -> NDArray[np.uint8]:
    """Weights as numbers that are not negative."""
    raised = values.astype(np.int64) + (1 << (dtype.bits - 1))
    return (raised >> 1 if dtype is DType.SIGN else raised).astype(np.uint8)


def _swapped(rows: Weights, dtype: DType) -> Weights:
    """The weights of each halfword 256 * b + a in the order a, b; b less what a negative a carries.

    Single bits have no room for that.
    """
    halves = rows.reshape(len(rows), -1, 2)[:, :, ::-1].astype(np.int64)
    if dtype is not DType.SIGN:
        halves[:, :, 1] -= halves[:, :, 0] < 0
    return halves.reshape(len(rows), -1)


def _paired(rows: Weights) -> Weights:
    """Channels two by two, word beside word; a last odd channel by itself."""
    paired = len(rows) // 2 * 2
    together = rows[:paired].reshape(-1, 2, rows.shape[1] // 4, 4).swapaxes(1, 2)
    return np.concatenate([together.reshape(-1), rows[paired:].reshape(-1)])
