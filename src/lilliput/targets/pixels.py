"""Weights of few bits on cores without DSP instructions: what shares a word, and how far that goes.

`runtime/lp_pixel_lanes.h` describes the lanes of convolutions, the inputs of two or four pixels.  A lane of k
bits begins at 2**(k - 1), and holds that plus the sum of its products as long as this is from -2**(k - 1) to
2**(k - 1) - 1.  Inputs of m bits, counted from the least one, are 0 to 2**m - 1, so the positive weights of a
sum, and the negative ones, may each add up to (2**(k - 1) - 1) / (2**m - 1).

`runtime/lp_row_lanes.h` describes those of matrix products, the weights of two outputs in 16 bits each.
Weights are counted from the least one, too; of more than four bits the upper four are multiplied by
themselves, then the others.  So no product of a part of b bits exceeds (2**b - 1) * (2**m - 1).
"""

from __future__ import annotations

import math

import numpy as np

from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net
from lilliput.targets.lanes import longest_segment

PIXEL_BITS = frozenset(range(2, 8))
"""Bits of the weights of convolutions that these kernels take, as long as their sums fit."""
UPPER_BITS = 4
"""Bits of the upper part of weights of matrix products that have more."""
EIGHT = 8
"""Inputs that a step of the loops takes."""
LEAST_EIGHTS = 3
"""From so many eights between taking sums apart on, four pixels a word are faster than two."""
LEAST_PAIR_EIGHTS = 2
"""From so many eights between taking sums apart on, two pixels a word are faster than kernels for a byte."""
MOST_SEGMENTS = 256
"""So many sums of four pixels a word fit in the 16 bits in which they are added up."""
LANE_WORDS = 4
"""Words that an input of all pixels takes that are computed side by side."""
_USUAL_SUMS = {2: 9, 3: 17, 4: 40, 5: 86, 6: 177, 7: 360}
"""Bits → what weights of one sign seldom exceed in so many eights."""
_WORD_BYTES = 4


def eights_of(op: WeightedOp, net: Net) -> int:
    """Eights of inputs of an output, the last of which may be incomplete."""
    _, *window = net.tensors[op.inputs[1]].shape
    return -(-math.prod(window) // EIGHT)


def pixels_bytes(op: WeightedOp, net: Net) -> int:
    """Scratch memory for the windows of the pixels that are computed side by side."""
    return _WORD_BYTES * LANE_WORDS * EIGHT * eights_of(op, net)


def inputs_bytes(op: WeightedOp, net: Net) -> int:
    """Scratch memory for the inputs of a matrix product, a word each; odd bits take sixteens."""
    eights = eights_of(op, net)
    return _WORD_BYTES * EIGHT * (eights + eights % 2 * (net.tensors[op.inputs[1]].dtype.bits % 2))


def parts_of(bits: int) -> tuple[int, ...]:
    """Bits of the upper part of weights of so many bits, and of the lower one if there is any."""
    return (UPPER_BITS, bits - UPPER_BITS) if bits > UPPER_BITS else (bits,)


def row_words(op: WeightedOp, net: Net) -> dict[int, int]:
    """Bits of a part → words of it in two rows of a matrix product, inputs filled to eights or sixteens."""
    eights = eights_of(op, net)
    parts = parts_of(net.tensors[op.inputs[1]].dtype.bits)
    return {part: (eights + eights % 2 * (part % 2)) * part // 2 for part in parts}


def row_pairs_bytes(op: WeightedOp, net: Net) -> int:
    """Bytes of the weights of a matrix product, outputs two by two."""
    rows = net.tensors[op.inputs[1]].shape[0]
    return _WORD_BYTES * -(-rows // 2) * sum(row_words(op, net).values())


def row_eights(op: WeightedOp, net: Net) -> int:
    """Eights of inputs of a matrix product that may be summed at a time, of the upper part."""
    inputs, weights = (net.tensors[name].dtype.bits for name in op.inputs[:2])
    eights = eights_of(op, net)
    return min(sum_limit(inputs, parts_of(weights)[0]) // EIGHT, eights + eights % 2)


def sum_limit(input_bits: int, weight_bits: int) -> int:
    """So many products of numbers that are not negative fit in 16 bits."""
    return ((1 << 16) - 1) // (((1 << input_bits) - 1) * ((1 << weight_bits) - 1))


def fits_pixels(op: WeightedOp, net: Net) -> bool:
    """Whether two pixels share a word for sixteen inputs, or all; without weights, whether they mostly do."""
    weights = net.tensors[op.inputs[1]]
    if weights.dtype.bits not in PIXEL_BITS:
        return False
    if weights.data is None:
        usual = _USUAL_SUMS[weights.dtype.bits]
        return lane_limit(16, net.tensors[op.inputs[0]].dtype.bits) >= usual
    return segment_eights(op, net, 2) >= min(LEAST_PAIR_EIGHTS, eights_of(op, net))


def pixel_lanes(op: WeightedOp, net: Net) -> tuple[int, int]:
    """Pixels that share a word, and eights of inputs that may be summed at a time, whatever they are.

    Without weights, as usual ones have it.
    """
    eights, weights = eights_of(op, net), net.tensors[op.inputs[1]]
    if weights.data is None:
        room = lane_limit(8, net.tensors[op.inputs[0]].dtype.bits)
        return (4 if room >= _USUAL_SUMS[weights.dtype.bits] else 2), eights
    four = segment_eights(op, net, 4)
    if min(LEAST_EIGHTS, eights) <= four and eights <= four * MOST_SEGMENTS:
        return 4, four
    return 2, segment_eights(op, net, 2)


def segment_eights(op: WeightedOp, net: Net, lanes: int) -> int:
    """Eights of inputs that may be summed at a time where so many pixels share a word; 0 if none."""
    weights = net.tensors[op.inputs[1]].data
    assert weights is not None
    rows = weights.astype(np.int64).reshape(len(weights), -1)
    rows = np.concatenate([np.maximum(rows, 0), np.maximum(-rows, 0)])
    eights = np.pad(rows, ((0, 0), (0, -rows.shape[1] % EIGHT))).reshape(len(rows), -1, EIGHT).sum(axis=2)
    limit = lane_limit(32 // lanes, net.tensors[op.inputs[0]].dtype.bits)
    return longest_segment(eights[:, ::-1], limit, 1)  # the last has what remains


def lane_limit(lane_bits: int, input_bits: int) -> int:
    """What weights of one sign may sum up to in a lane."""
    return ((1 << (lane_bits - 1)) - 1) // ((1 << input_bits) - 1)
