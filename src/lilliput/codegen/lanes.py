"""Weights of few bits in lanes: two channels share a halfword, or two rows a word.

How far sums of such halfwords go is derived in `lilliput.targets.lanes`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lilliput.targets.lanes import LANE_CHANNELS
from lilliput.targets.pixels import EIGHT, parts_of

_TURNS = {2: (0, 4, 8, 12), 4: (0, 8)}
"""By how many bits a word is turned right to give two lanes after the other; bits of a weight → turns."""


def packed_lanes(rows: NDArray[np.int64], bits: int) -> NDArray[np.uint32]:
    """Words of lanes, for four channels at a time.

    Args:
        rows: weights of each channel in the order in which they meet inputs.
        bits: 2 or 4.
    """
    words = lane_fields(rows, bits)
    turns = _TURNS[bits]
    turned = [_turned_left(words[:, index :: len(turns)], turn) for index, turn in enumerate(turns)]
    found: NDArray[np.uint32] = np.bitwise_or.reduce(turned, axis=0).reshape(-1)
    return found


def lane_fields(rows: NDArray[np.int64], bits: int) -> NDArray[np.uint32]:
    """Masked words, (groups of four channels, 4 * fours): inputs 0, 2 of channels 0, 1, the same of channels
    2, 3, then inputs 1, 3.
    """
    filled = np.pad(rows, ((0, -len(rows) % LANE_CHANNELS), (0, -rows.shape[1] % 4)))
    # group, channel pair, channel of it, four, odd, half
    parts = filled.reshape(-1, 2, 2, filled.shape[1] // 4, 2, 2).swapaxes(4, 5)
    low, high = parts[:, :, 0], parts[:, :, 1]
    offset = (1 << (bits - 1)) - 1
    halves = ((high & ((1 << bits) - 1)) << (16 - bits)) | (low + offset)
    words = (halves[..., 1] << 16 | halves[..., 0]).astype(np.uint32)  # group, channel pair, four, odd
    return words.transpose(0, 2, 3, 1).reshape(len(words), -1)


def packed_nibbles(rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Words of weights of 4 bits as `lp_nibbles.h` has them.

    Inputs come in the order of lanes; all four channels of a group are in each half.
    """
    filled = np.pad(rows, ((0, -len(rows) % LANE_CHANNELS), (0, -rows.shape[1] % 4)))
    fields = filled.reshape(-1, LANE_CHANNELS, filled.shape[1] // 4, 2, 2).swapaxes(3, 4)
    halves = ((fields[:, 3] & 15) << 12) | sum((fields[:, i] + 8) << 4 * i for i in range(3))
    words: NDArray[np.uint32] = (halves[..., 1] << 16 | halves[..., 0]).astype(np.uint32).reshape(-1)
    return words


def packed_row_pairs(rows: NDArray[np.int64], bits: int) -> NDArray[np.uint32]:
    """Words of two outputs' weights of 1 to 7 bits as `lp_row_lanes.h` has them."""
    raised = rows + (1 << (bits - 1)) >> (bits == 1)
    filled = np.pad(raised, ((0, -len(rows) % 2), (0, -rows.shape[1] % (EIGHT << (bits & 1)))))
    used = -(-rows.shape[1] // EIGHT) * EIGHT
    words, above = [], bits
    for part in parts_of(bits):
        above -= part
        values = (filled[:, : None if part % 2 else used] >> above) & ((1 << part) - 1)
        halves = _thirds(values) if part == 3 else _halves(values, part)
        halves = halves.reshape(len(filled) // 2, 2, -1)
        words.append(halves[:, 1] << 16 | halves[:, 0])
    found: NDArray[np.uint32] = np.concatenate(words, axis=1).astype(np.uint32).reshape(-1)
    return found


def _halves(values: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Rows of halfwords of as many numbers as fit, from bit 0 on."""
    fields = values.reshape(len(values), -1, 16 // bits) << bits * np.arange(16 // bits)
    found: NDArray[np.int64] = fields.sum(axis=2)
    return found


def _thirds(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of halfwords of five numbers of three bits from bit 1 on; bits 0 of three are a sixteenth."""
    sixteens = values.reshape(len(values), -1, 16)
    fields = sixteens[:, :, :15].reshape(*sixteens.shape[:2], 3, 5) << 1 + 3 * np.arange(5)
    halves: NDArray[np.int64] = fields.sum(axis=3) | (sixteens[:, :, 15:] >> np.arange(3) & 1)
    return halves.reshape(len(values), -1)


def _turned_left(words: NDArray[np.uint32], turn: int) -> NDArray[np.uint32]:
    return ((words << turn) | (words >> (32 - turn))).astype(np.uint32) if turn else words
