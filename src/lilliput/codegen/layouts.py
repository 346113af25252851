"""The orders in which kernels read weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected
from lilliput.targets.band import by_planes
from lilliput.targets.dense import SPARSE_ROWS
from lilliput.targets.kernel import SPLIT_CONV_LAYOUTS, Layout
from lilliput.targets.pixels import EIGHT
from lilliput.targets.strip import by_columns
from lilliput.targets.vectors import LANES, PATCH_ZEROS, small_window_bytes

Weights = NDArray[np.generic]


def laid_out(weights: Weights, op: WeightedOp, layout: Layout) -> Weights:
    """The weights of `op` as one row of int8 in the order of `layout`."""
    match layout:
        case Layout.PLAIN | Layout.ROWS | Layout.WIDE_CHANNELS:
            return weights.reshape(-1)
        case _ if layout in SPLIT_CONV_LAYOUTS and isinstance(op, Conv2D):
            return _split_pairs(in_order(weights, op, layout))
        case Layout.SPLIT if isinstance(op, FullyConnected):
            return _split(filled_rows(weights))
        case Layout.SPARSE if isinstance(op, FullyConnected):
            return _sparse(weights)
        case Layout.CHANNELS_FIRST if isinstance(op, Conv2D):
            return weights.reshape(-1)
        case Layout.CHANNELS_FIRST if isinstance(op, DepthwiseConv2D):
            return weights.transpose(2, 0, 1).reshape(-1)
        case Layout.CHANNEL_BY_CHANNEL if isinstance(op, DepthwiseConv2D):
            return weights.transpose(2, 0, 1).reshape(-1)
        case Layout.TAP_BY_TAP if isinstance(op, DepthwiseConv2D):
            return weights.reshape(-1)
        case Layout.FOURS_FIRST if isinstance(op, Conv2D):
            return _fours_first(weights.reshape(len(weights), -1))
        case Layout.BIT_EIGHTS:
            rows = weights.reshape(len(weights), -1)
            return np.pad(rows, ((0, 0), (0, -rows.shape[1] % EIGHT))).reshape(-1)
        case Layout.CHANNEL_FOURS:
            return channel_fours(weights)
        case Layout.VECTORS if isinstance(op, Conv2D):
            return _vectors(weights.reshape(len(weights), -1))
        case Layout.SMALL_WINDOWS if isinstance(op, Conv2D):
            return _small_windows(weights.reshape(len(weights), -1))
        case Layout.PATCHES if isinstance(op, DepthwiseConv2D):
            return _patches(weights)
        case Layout.TAP_PAIRS if isinstance(op, DepthwiseConv2D):
            return _tap_pairs(weights.transpose(2, 0, 1))
        case Layout.TAP_PAIRS_COLUMNS if isinstance(op, DepthwiseConv2D):
            return _tap_pairs(weights.transpose(2, 1, 0))
        case Layout.COLUMNS_FIRST if isinstance(op, Conv2D):
            return weights.swapaxes(1, 2).reshape(-1)
        case Layout.COLUMNS_FIRST if isinstance(op, DepthwiseConv2D):
            return weights.transpose(2, 1, 0).reshape(-1)
        case _:
            raise NetError(
                f"op '{op.name}' has no weights in layout '{layout}'", "", "this is a bug: report it"
            )


def packed_bits(values: Weights, bits: int) -> Weights:
    """Signed integers of `bits` bits one behind the other, from bit 0 of each byte on; uint8."""
    wide = np.unpackbits(values.astype(np.int8).view(np.uint8)[:, None], axis=1, bitorder="little")
    return np.packbits(wide[:, :bits].reshape(-1), bitorder="little")


def packed_signs(rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """For each row words of bits that say which weights are negative, the first weight in bit 0."""
    filled = np.pad(rows < 0, ((0, 0), (0, -rows.shape[1] % 32)))
    words: NDArray[np.uint32] = np.packbits(filled, axis=1, bitorder="little").reshape(-1).view("<u4")
    return words


def split_corrections(rows: Weights, pass_inputs: tuple[int, ...]) -> NDArray[np.int64]:
    """What kernels that read split weights add to the sum of every row beside the products.

    Inputs carry 127 too much against the odd weights of each four, which the division of each pass by 256
    rounds down.

    Args:
        rows: weights in the order in which they meet inputs, filled to fours.
        pass_inputs: inputs that are summed before each division.
    """
    odd = rows[:, 1::2].astype(np.int64)
    starts = np.cumsum((0, *pass_inputs[:-1])) // 2
    found: NDArray[np.int64] = (127 * np.add.reduceat(odd, starts, axis=1) // 256).sum(axis=1)
    return found


def in_order(weights: Weights, op: Conv2D, layout: Layout) -> Weights:
    """A row for each output channel, in the order in which split weights meet inputs, filled to fours."""
    match layout:
        case Layout.SPLIT_ROWS:
            return by_planes(weights)
        case Layout.SPLIT_COLOUR:
            return _by_colour(weights)
        case Layout.SPLIT_STRIP:
            return by_columns(weights, op.strides[1] * weights.shape[3])
        case _:
            return filled_rows(weights)


def filled_rows(weights: Weights) -> Weights:
    """A row for each output channel, filled with zeros to a multiple of four."""
    rows = weights.reshape(len(weights), -1)
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))


def channel_fours(weights: Weights) -> Weights:
    """Words of four channels side by side as `lp_wide_conv2d_dsp.h` reads them, filled up to fours."""
    rows = filled_rows(weights)
    rows = np.pad(rows, ((0, -len(rows) % 4), (0, 0)))
    taps = 4 // rows.itemsize
    words = rows.reshape(len(rows) // 4, 4, -1, taps).swapaxes(1, 2)
    return (words if taps == 2 else words[..., [0, 2, 1, 3]]).reshape(-1)


def _by_colour(weights: Weights) -> Weights:
    """A row for each output channel of a 3x3x3 kernel: eight of each row, the ninth of each, a zero."""
    rows = weights.reshape(len(weights), 3, 9)
    eights = rows[:, :, :8].reshape(len(weights), -1)
    return np.pad(np.concatenate([eights, rows[:, :, 8]], axis=1), ((0, 0), (0, 1)))


def _halves(rows: Weights) -> Weights:
    """(rows, words, 4) bytes: halfwords of 256 times a weight plus its neighbour, two in a word."""
    wide = rows.astype(np.int16)
    return (256 * wide[:, 0::2] + wide[:, 1::2]).astype("<i2").view(np.int8).reshape(len(rows), -1, 4)


def _split_pairs(rows: Weights) -> Weights:
    """Split weights, channels two by two, word beside word; a last odd channel by itself."""
    words = _halves(rows)
    paired = len(rows) // 2 * 2
    together = words[:paired].reshape(-1, 2, *words.shape[1:]).transpose(0, 2, 1, 3)
    return np.concatenate([together.reshape(-1), words[paired:].reshape(-1)])


def _fours_first(rows: Weights) -> Weights:
    """Of each row what fills words, then of each row what remains."""
    fours = rows.shape[1] // 4 * 4
    return np.concatenate([rows[:, :fours].reshape(-1), rows[:, fours:].reshape(-1)])


def _vectors(rows: Weights) -> Weights:
    """Rows four by four, filled with zeros to sixteens, sixteen of each beside those of the next."""
    filled = np.pad(rows, ((0, -len(rows) % 4), (0, -rows.shape[1] % LANES)))
    return filled.reshape(-1, 4, filled.shape[1] // LANES, LANES).transpose(0, 2, 1, 3).reshape(-1)


def _small_windows(rows: Weights) -> Weights:
    """Rows filled with zeros to vectors; halves of vectors behind zeros, and with zeros behind the last."""
    size = small_window_bytes(rows.shape[1])
    filled = np.pad(rows, ((0, 0), (max(LANES - size, 0), size - rows.shape[1])))
    return np.pad(filled.reshape(-1), (0, max(LANES - size, 0)))


def _patches(weights: Weights) -> Weights:
    """Channel by channel 3x3 weights in rows of four, filled with zeros, behind zeros to sixteen."""
    rows = np.pad(weights.transpose(2, 0, 1), ((0, 0), (0, 0), (0, 1))).reshape(weights.shape[2], -1)[:, :-1]
    return np.pad(np.pad(rows, ((0, 0), (PATCH_ZEROS, 0))).reshape(-1), (0, PATCH_ZEROS))


def _tap_pairs(windows: Weights) -> Weights:
    """(channel, row, column): rows filled with a zero to pairs, and windows with zeros to vectors."""
    rows = np.pad(windows, ((0, 0), (0, 0), (0, windows.shape[2] % 2))).reshape(len(windows), -1)
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % LANES))).reshape(-1)


def _split(rows: Weights) -> Weights:
    """Split weights, rows four by four, word beside word; the last one to three by themselves."""
    words = _halves(rows)
    blocks = len(rows) // 4 * 4
    together = words[:blocks].reshape(-1, 4, *words.shape[1:]).transpose(0, 2, 1, 3)
    return np.concatenate([together.reshape(-1), words[blocks:].reshape(-1)])


def _sparse(rows: Weights) -> Weights:
    """Rows eight by eight, all of an input side by side; two rows share a halfword, as `_halves` has them."""
    blocks = rows.astype(np.int16).reshape(-1, SPARSE_ROWS // 2, 2, rows.shape[1])
    halves = 256 * blocks[:, :, 0] + blocks[:, :, 1]
    return halves.transpose(0, 2, 1).astype("<i2").reshape(-1).view(np.int8)
