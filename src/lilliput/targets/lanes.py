"""Weights of 2 or 4 bits, two output channels to a halfword: how far that goes before a sum leaves its bits.

`runtime/lp_lanes.h` describes the lanes.  A sum of products of a lane by inputs x is 2**k * B + A with
A = sum(a * x), k = 16 - bits.  It is taken apart right as long as A, which counts modulo 2**k, lies in
[-2**(k - 1), 2**(k - 1)), and 2**k * B + A fits int32.  Inputs of m bits are -2**(m - 1) at least, so both
follow from the sums of absolute weights.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, FullyConnected
from lilliput.targets.band import KERNEL_WIDTH as BAND_WIDTH
from lilliput.targets.band import band_bytes, by_planes, fits_band
from lilliput.targets.kernel import to_four
from lilliput.targets.strip import by_columns, fits_strip, strip_columns, strip_ends, strip_fours

LANE_BITS = frozenset({2, 4})
"""Bits of the weights that lanes hold."""
LANE_CHANNELS = 4
"""Output channels whose lanes lie together."""
BLOCK_PIXELS = 4
"""Output pixels that are computed side by side."""
BAND_ROWS = 4
"""Rows of outputs that are made of one unpacking of weights where windows share expanded rows."""
FEW_BAND_ROWS = 2
"""The same where more would take much memory."""
MOST_BAND_BYTES = 8192
"""Up to so many bytes of expanded rows, there are more."""
MOST_BLOCKS, FEW_BLOCKS = 8, 4
"""Blocks of pixels that one unpacking of weights serves at most, and where speed does not count most."""
MOST_INPUT_BYTES, FEW_INPUT_BYTES = 6400, 4608
"""Up to so many bytes of expanded windows, it serves more than one block, and the same."""
MOST_LANE_STRIP_BYTES = 8192
"""Scratch memory up to which windows that lanes multiply lie in a strip."""
LANE_FOUR_BYTES = 16
"""Lanes of four channels for four inputs."""
MOST_HELD_BYTES = 2048
"""Up to so many bytes of lanes, those of all channels are unpacked once beside a strip."""
USUAL_WEIGHT = {2: 0.6, 4: 2.8}
"""Bits → what weights are in the mean, signs aside."""
SPLIT_CYCLES = 65
"""Of taking the sums of a block apart once more."""
NIBBLE_BITS = 4
"""Bits of the weights of which four share a halfword."""
NIBBLE_CHANNELS = 4
"""Output channels that share a halfword; only sums of the last one have little room."""
LARGEST_NIBBLE_SUM = ((1 << 31) - 1) // (4096 * 128)
"""What absolute weights may sum up to where 4096 times their sum with inputs of 8 bits must fit int32."""
MOST_LANE_INPUT_BITS = 5
"""Up to so many bits of inputs, lanes are faster than nibbles."""
SMALL_FOURS = 8
"""Up to so many fours of inputs may be multiplied without a loop, in one segment."""
SEGMENT_STEP = 4
"""Segments are multiples of so many fours, as far as the loops are unrolled."""
BAND_SEGMENT_STEP = 6
"""The same where windows share expanded rows: two planes of three columns."""


def fits_lanes(op: WeightedOp, net: Net) -> bool:
    """Whether the weights of `op` can share halfwords; none are taken to be such that they can."""
    weights = net.tensors[op.inputs[1]]
    if weights.dtype.bits not in LANE_BITS:
        return False
    return weights.data is None or segment_fours(op, net) > 0


def has_lanes(op: WeightedOp, net: Net) -> bool:
    """Whether two channels share a halfword wherever their sums let them."""
    bits = net.tensors[op.inputs[1]].dtype.bits
    return bits == 2 or (bits == 4 and net.tensors[op.inputs[0]].dtype.bits <= MOST_LANE_INPUT_BITS)


def prefers_nibbles(op: WeightedOp, net: Net) -> bool:
    """Whether four channels of 4-bit weights share a halfword, not two.

    With inputs of more bits, sums of lanes would have to be taken apart too often.
    """
    if net.tensors[op.inputs[1]].dtype.bits != NIBBLE_BITS:
        return False
    return net.tensors[op.inputs[0]].dtype.bits > MOST_LANE_INPUT_BITS or not fits_lanes(op, net)


def nibble_segment(op: WeightedOp, net: Net) -> int:
    """So many fours of inputs, in a band so many planes of three, may be summed at a time; never 0."""
    weights = net.tensors[op.inputs[1]].data
    assert weights is not None
    in_rows = fits_band(op, net)
    all_rows = by_planes(weights) if in_rows else weights.reshape(len(weights), -1)
    rows = np.abs(all_rows[NIBBLE_CHANNELS - 1 :: NIBBLE_CHANNELS].astype(np.int64))
    unit = 4 * BAND_WIDTH if in_rows else 4
    filled = np.pad(rows, ((0, 0), (0, -rows.shape[1] % unit)))
    units = filled.reshape(len(rows), filled.shape[1] // unit, unit).sum(axis=2)
    return longest_segment(units[:, ::-1], LARGEST_NIBBLE_SUM, 1)  # the last has what remains


def shares_strip(op: WeightedOp, net: Net) -> bool:
    """Whether the windows of a row of outputs are expanded once, as `lp_strip.h` does."""
    is_fast = has_lanes(op, net) and net.optimize is Optimize.SPEED
    return is_fast and fits_strip(op, net, MOST_LANE_STRIP_BYTES, any_rest=True)


def held_groups(op: WeightedOp, net: Net) -> int:
    """Groups of four channels whose lanes are there at a time beside a strip: all, or one."""
    groups = to_four(net.tensors[op.outputs[0]].shape[-1]) // LANE_CHANNELS
    return groups if groups * LANE_FOUR_BYTES * strip_fours(op, net) <= MOST_HELD_BYTES else 1


def is_small(op: WeightedOp, net: Net, fours: int) -> bool:
    """Whether so many fours of inputs are few, and one segment whatever the weights are."""
    weights, source = net.tensors[op.inputs[1]].dtype, net.tensors[op.inputs[0]].dtype
    limit = min(lane_limits(weights.bits, 1 << (source.bits - 1)))
    return fours <= SMALL_FOURS and 4 * SMALL_FOURS * weights.range[1] <= limit


def fours_of(op: WeightedOp, net: Net) -> int:
    """Fours of inputs of an output."""
    _, *window = net.tensors[op.inputs[1]].shape
    return to_four(math.prod(window)) // 4


def most_segments(op: WeightedOp, net: Net) -> int:
    """So many segments have the inputs of an output at most, whatever its weights."""
    return to_four(fours_of(op, net)) // SEGMENT_STEP


def segment_fours(op: WeightedOp, net: Net) -> int:
    """So many fours of inputs may be summed at a time for every channel, whatever they are; 0 if none."""
    return _segments(op, net)[0]


def pass_segments(op: WeightedOp, net: Net) -> int:
    """So many of those segments may follow each other before the upper channels' sums are put aside."""
    return _segments(op, net)[1]


def _segments(op: WeightedOp, net: Net) -> tuple[int, int]:
    weights = net.tensors[op.inputs[1]]
    assert weights.data is not None
    rows = np.abs(weights.data.astype(np.int64)).reshape(weights.shape[0], -1)
    if weights.data.min() < -weights.dtype.range[1]:
        return 0, 0
    in_rows = fits_band(op, net, BLOCK_PIXELS)
    if in_rows:
        rows = by_planes(rows.reshape(weights.shape))
    elif shares_strip(op, net):
        assert isinstance(op, Conv2D)
        rows = by_columns(rows.reshape(weights.shape), op.strides[1] * weights.shape[3])
    fours: NDArray[np.int64] = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).reshape(len(rows), -1, 4)
    rows = fours.sum(axis=2)
    largest: int = 1 << (net.tensors[op.inputs[0]].dtype.bits - 1)
    low, high = lane_limits(weights.dtype.bits, largest)
    step = BAND_SEGMENT_STEP if in_rows else SEGMENT_STEP
    lower, upper = rows[0::2], rows[1::2]
    if not isinstance(op, FullyConnected) and upper.sum(axis=1).max(initial=0) <= high:
        found = longest_segment(lower, low, step)
        return found, most_segments(op, net)
    limits = np.resize([low, high], (len(rows), 1))
    found = longest_segment(rows, limits, step)
    return found, 0 if isinstance(op, FullyConnected) or not found else longest_segment(
        _summed(upper, found)[:, ::-1], high, 1
    )


def lane_limits(bits: int, largest_input: int) -> tuple[int, int]:
    """What the absolute weights of the lower and of the upper channel of a lane may sum up to.

    |A| <= 2**(k - 1) - 1 so that its k bits tell A, and 2**k * |B| + |A| <= 2**31 - 1.
    """
    half = 1 << (15 - bits)
    return (half - 1) // largest_input, ((1 << 31) - half) // (2 * half * largest_input)


def longest_segment(rows: NDArray[np.int64], limit: int | NDArray[np.int64], step: int) -> int:
    """The largest n such that every row's sums of n elements each stay within `limit`, or its own; 0 if none.

    All elements together, or a multiple of `step`, where the first sum has those that remain.
    """
    length = int(rows.shape[1])
    steps: list[int] = list(range(length // step * step, 0, -step))
    for segment in (length, *steps):
        if np.all(_summed(rows, segment) <= limit):
            return segment
    return 0


def _summed(rows: NDArray[np.int64], segment: int) -> NDArray[np.int64]:
    """Sums of `segment` elements each, of those that remain first."""
    length = int(rows.shape[1])
    first = length - (length - 1) // segment * segment
    return np.add.reduceat(rows, np.array([0, *range(first, length, segment)]), axis=1)


def lane_cycles(op: Conv2D, net: Net) -> int:
    """An estimate of what a convolution takes whose channels share halfwords by two."""
    height, kernel_height = net.tensors[op.outputs[0]].shape[0], net.tensors[op.inputs[1]].shape[1]
    pixels, channels = height * net.tensors[op.outputs[0]].shape[1], net.tensors[op.outputs[0]].shape[2]
    groups, rest = divmod(channels, LANE_CHANNELS)
    fours, four, around = fours_of(op, net), 33.0, 180.0
    lines, unpackings = height, height
    if fits_band(op, net, BLOCK_PIXELS):
        four, around, unpackings = 34.0, 215.0, -(-height // band_rows(op, net))
        inputs = 18.0 * math.prod(net.tensors[op.inputs[0]].shape) / 4
    elif shares_strip(op, net):
        fours, unpackings = strip_fours(op, net), height if held_groups(op, net) == 1 else 1
        four = 33.0 if is_small(op, net, fours) else 35.0
        taken = 36 * strip_columns(op, net) * kernel_height + 90 * strip_ends(op, net)
        inputs = height * (taken + 150.0 * op.strides[0])
    else:
        lines = unpackings = -(-pixels // (BLOCK_PIXELS * blocks_of(op, net)))
        inputs = pixels * (15.0 * kernel_height + 30 * fours)
    if is_small(op, net, fours):
        around = 150.0
    weights, source = net.tensors[op.inputs[1]].dtype, net.tensors[op.inputs[0]].dtype
    limit, _ = lane_limits(weights.bits, 1 << (source.bits - 1))
    around += SPLIT_CYCLES * (4 * fours * USUAL_WEIGHT[weights.bits] // limit)
    blocks = lines * -(-pixels // lines // BLOCK_PIXELS)
    whole = blocks * groups * (four * fours + around)
    apart = (blocks * (four * fours + 200) + pixels * rest * 36) * (rest > 0)
    calls = (groups + (rest > 0)) * (130 * lines + 21 * fours * unpackings)
    return round(inputs + whole + apart + calls)


def band_rows(op: WeightedOp, net: Net) -> int:
    """Rows of outputs that are made of one unpacking of weights where windows share expanded rows."""
    fits = band_bytes(op, net, BAND_ROWS, sums=False) <= MOST_BAND_BYTES
    return BAND_ROWS if fits and net.optimize is Optimize.SPEED else FEW_BAND_ROWS


def blocks_of(op: WeightedOp, net: Net) -> int:
    """Blocks of pixels that are made of one unpacking of weights."""
    pixels = math.prod(net.tensors[op.outputs[0]].shape[:-1])
    is_fast = net.optimize is Optimize.SPEED
    most_bytes, most_blocks = (MOST_INPUT_BYTES, MOST_BLOCKS) if is_fast else (FEW_INPUT_BYTES, FEW_BLOCKS)
    fitting = most_bytes // (8 * BLOCK_PIXELS * fours_of(op, net))
    return max(1, min(fitting, most_blocks, to_four(pixels) // BLOCK_PIXELS))


def lane_bytes(op: WeightedOp, net: Net, fours: int) -> int:
    """Bytes of weights that share halfwords, channels filled to four, and inputs to so many fours."""
    weights = net.tensors[op.inputs[1]]
    return to_four(weights.shape[0]) * fours * 4 * weights.dtype.bits // 8
