"""Weights of few bits, several in a word: how many products fit one long multiplication.

`runtime/lp_slots.h` describes the words.  Slot n of an accumulator is a sum of products, which keeps to its
bits as long as it is never negative, by what the accumulator begins at, and below 2**bits.  How far it goes
to both sides follows from the weights of each channel; so it does for the accumulator as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lilliput.net.fixedpoint import WeightedOp, quant
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, Profile
from lilliput.net.tensor import DType
from lilliput.targets.kernel import to_four

SLOT_BITS = {2: 16, 3: 13, 4: 8}
"""Slots of a word → bits of each."""
ROW_WORDS = frozenset({(2, 2), (2, 3), (3, 2), (4, 2)})
"""Slots of a word and words of a row of the kernel that there is code for where lines are rows."""
COLUMN_HEIGHT = 3
"""Rows of the kernel where lines are columns."""
WEIGHT_BITS = {2: 7, 3: 4, 4: 2}
"""Slots of a word → bits that a weight has at most, so that fields are brought to their slots together."""
LEAST_KERNEL_WIDTH = 2
MOST_SEGMENTS = 16
MOST_BAND_BYTES = 8192
"""Scratch memory up to which more rows of inputs are held than one row of outputs needs."""
LARGEST_SUM = (1 << 16) - 1
"""Of all segments of an output, with what accumulators begin at."""
_STEP_CYCLES = {2: (20, 15), 3: (16, 21)}
"""Words of a step → its cycles with a rest of accumulators and with three of them."""


class Slots(NamedTuple):
    """How a convolution is computed.

    Attributes:
        slots: inputs and weights of a word.
        by_columns: whether lines of accumulators are columns, not rows.
        segment_steps: steps that are summed at a time.
        segments: so many times.
        offset: what each slot of an accumulator begins at.
        cycles: an estimate.
    """

    slots: int
    by_columns: bool
    segment_steps: int
    segments: int
    offset: int
    cycles: int

    @property
    def begin(self) -> int:
        """What accumulators begin at, 64 bits."""
        return self.offset * _unit(self.slots)


def slots_of(op: WeightedOp, net: Net) -> Slots | None:
    """The fastest way to compute `op` with several weights in a word; None if there is none."""
    if not isinstance(op, Conv2D) or op.strides != (1, 1) or op.dilation != (1, 1):
        return None
    if op.profile is not Profile.LILLIPUT or net.optimize is not Optimize.SPEED:
        return None
    return min(_ways(op, net), key=lambda way: way.cycles, default=None)


def _ways(op: Conv2D, net: Net) -> Iterator[Slots]:
    weights, source = net.tensors[op.inputs[1]], net.tensors[op.inputs[0]]
    _, kernel_height, kernel_width, _ = weights.shape
    if kernel_width < LEAST_KERNEL_WIDTH or not (source.dtype.narrow or source.dtype is DType.INT8):
        return
    zero_point = quant(op.inputs[0], net).zero_point
    low, high = min(source.dtype.range[0], zero_point), max(source.dtype.range[1], zero_point)
    for slots in SLOT_BITS:
        by_columns = kernel_height == COLUMN_HEIGHT
        if not by_columns and (slots, -(-kernel_width // slots)) not in ROW_WORDS:
            continue
        steps = in_steps(_weights(op, net), slots, by_columns)
        if weights.dtype.bits > WEIGHT_BITS[slots] or not fits_words(steps, low, high, slots):
            continue
        found = longest_segment(steps, low, high, slots)
        if found is not None:
            way = Slots(slots, by_columns, *found, 0)
            yield way._replace(cycles=_cycles(op, net, way))


def in_steps(weights: NDArray[np.generic], slots: int, by_columns: bool) -> NDArray[np.int64]:
    """Weights as accumulators take them: (output channels, steps, words of a step, slots).

    Rows of the kernel begin with their last column and are filled up with zeros.
    """
    channels, height, width, depth = weights.shape
    filled = np.pad(weights[:, :, ::-1].astype(np.int64), ((0, 0), (0, 0), (0, -width % slots), (0, 0)))
    words = filled.reshape(channels, height, -1, slots, depth)
    if by_columns:
        found = words[:, ::-1, ::-1].transpose(0, 2, 4, 1, 3)  # word, input channel; row
        return found.reshape(channels, -1, height, slots)
    found = words.transpose(0, 1, 4, 2, 3)  # row, input channel; word
    return found.reshape(channels, height * depth, -1, slots)


def in_flash(weights: NDArray[np.generic], slots: int, by_columns: bool) -> NDArray[np.int64]:
    """Weights in the order in which `lp_unpack_slots.h` reads them."""
    channels, _, width, _ = weights.shape
    taken = weights[:, :, ::-1].astype(np.int64)
    parts = [taken[:, :, first : first + slots] for first in range(0, width, slots)]
    if by_columns:
        ordered = [part[:, ::-1].transpose(0, 3, 1, 2) for part in parts[::-1]]
    else:
        ordered = [part.transpose(0, 1, 3, 2) for part in parts]
    return np.concatenate([part.reshape(channels, -1) for part in ordered], axis=1).reshape(-1)


def slots_weights_bytes(op: WeightedOp, net: Net) -> int:
    """Bytes of the weights in flash, with those that are read behind the last of them."""
    return to_four(net.tensors[op.inputs[1]].storage_bytes + 3)


def fits_words(steps: NDArray[np.int64], low: int, high: int, slots: int) -> bool:
    """Whether words of inputs between `low` and `high` and words of weights fit int32."""
    most = max(int(steps.max(initial=0)), -int(steps.min(initial=0)), -low, high)
    return most * _unit(slots) < 1 << 31


def longest_segment(steps: NDArray[np.int64], low: int, high: int, slots: int) -> tuple[int, int, int] | None:
    """Steps of a segment, how many segments there are, and what slots begin at; None if there is no way.

    The first segment has the steps that remain.

    Args:
        steps: as `in_steps` has them.
        low: the least input, not above 0.
        high: the largest one, not below 0.
    """
    count, bits = steps.shape[1], SLOT_BITS[slots]
    # Every part of a sum is between these, too, since an input of 0 adds nothing.
    least = np.minimum(steps * low, steps * high).sum(axis=(2, 3))
    largest = np.maximum(steps * low, steps * high).sum(axis=(2, 3))
    words = (np.abs(steps) @ (1 << bits * np.arange(slots))).sum(axis=2)
    for segments in range(1, min(count, MOST_SEGMENTS) + 1):
        segment = -(-count // segments)
        if (segments - 1) * segment >= count:
            continue
        starts = np.array([0, *range(count - (segments - 1) * segment, count, segment)])
        offset = -int(np.add.reduceat(least, starts, axis=1).min(initial=0))
        top = offset + int(np.add.reduceat(largest, starts, axis=1).max(initial=0))
        products = int(np.add.reduceat(words, starts, axis=1).max(initial=0)) * max(-low, high)
        total = segments * offset + int(largest.sum(axis=1).max(initial=0))
        # What the accumulator before adds is less than what there can be already.
        if top < 1 << bits and 2 * (products + offset) * _unit(slots) < 1 << 63 and total <= LARGEST_SUM:
            return segment, segments, offset
    return None


def slots_across(op: Conv2D, net: Net, slots: int) -> tuple[int, int]:
    """Words of inputs of a row, and the first of them whose accumulator takes part in an output."""
    _, kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    columns = net.tensors[op.outputs[0]].shape[1]
    first = max(kernel_width // slots - 1, 0)
    across = max(-(-(columns + kernel_width - 1) // slots), first + 2)
    in_fours = kernel_height != COLUMN_HEIGHT and -(-kernel_width // slots) == 2
    return across + (in_fours and (across - first) % 3 == 2), first


class Lines(NamedTuple):
    """Lines of accumulators of an output channel.

    Attributes:
        count: of lines.
        threes: blocks of three accumulators of a line.
        rests: blocks of two of them, or where lines are rows and steps have two words, of four.
        steps: of each accumulator.
        step_words: words of weights of a step.
    """

    count: int
    threes: int
    rests: int
    steps: int
    step_words: int


def slots_lines(op: Conv2D, net: Net, way: Slots) -> Lines:
    """How accumulators are computed; the last rows of a band of columns are taken as like all others."""
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    height = net.tensors[op.outputs[0]].shape[0]
    across, first = slots_across(op, net, way.slots)
    words = -(-kernel_width // way.slots)
    if way.by_columns:
        rows = slots_rows(op, net, way.slots)
        bands, beside = -(-height // rows), max(rows, 2)
        twos = -beside % 3
        return Lines(bands * (across - first), (beside - 2 * twos) // 3, twos, depth * words, kernel_height)
    count = across - first
    rest, rests = (4, count % 3) if words == 2 else (2, -count % 3)
    return Lines(height, (count - rest * rests) // 3, rests, depth * kernel_height, words)


def slots_rows(op: Conv2D, net: Net, slots: int) -> int:
    """Rows of outputs that are made of one unpacking of weights."""
    _, kernel_height, _, depth = net.tensors[op.inputs[1]].shape
    row_bytes = 4 * depth * slots_across(op, net, slots)[0] + 2 * net.tensors[op.outputs[0]].shape[1]
    height = net.tensors[op.outputs[0]].shape[0]
    most = max(MOST_BAND_BYTES // row_bytes - kernel_height + 1, 1)
    return -(-height // -(-height // most))


def slots_bytes(op: Conv2D, net: Net, way: Slots) -> int:
    """Scratch memory, as `lp_conv2d_slots_dsp_s8` lays it out."""
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    across, first = slots_across(op, net, way.slots)
    rows = slots_rows(op, net, way.slots)
    words = -(-kernel_width // way.slots)
    held = (rows - 1 + kernel_height) * depth
    outside = (words - 1 - first) * (held if way.by_columns else 1)
    above = max(rows, 2) * way.by_columns
    sums = to_four(max(rows, 2) * 2 * way.slots * (across - first))
    row = to_four(across * way.slots * depth)
    return row + 4 * (outside + held * across + kernel_height * depth * words + above) + sums


def _unit(slots: int) -> int:
    """A one in each slot."""
    return sum(1 << SLOT_BITS[slots] * i for i in range(slots))


def _weights(op: Conv2D, net: Net) -> NDArray[np.generic]:
    """The weights, or others of half their range where there are none yet."""
    weights = net.tensors[op.inputs[1]]
    if weights.data is not None:
        return weights.data
    signs = np.resize([1, -1], weights.elements).reshape(weights.shape)
    return signs * ((weights.dtype.range[1] + 1) // 2)


def _cycles(op: Conv2D, net: Net, way: Slots) -> int:
    channels, kernel_height, _, depth = net.tensors[op.inputs[1]].shape
    height, columns, _ = net.tensors[op.outputs[0]].shape
    lines = slots_lines(op, net, way)
    rest, three = _STEP_CYCLES[lines.step_words]
    line = lines.steps * (lines.rests * (rest + 1) + lines.threes * (three + 1))
    line += way.segments * (50 * lines.rests + 60 * lines.threes + 30)
    bands = -(-height // slots_rows(op, net, way.slots))
    unpacked = bands * (lines.steps * lines.step_words * 18 + way.segments * 100)
    taken = (height + kernel_height - 1) * depth * slots_across(op, net, way.slots)[0] * way.slots * 4
    return channels * (lines.count * line + unpacked + height * (8 * columns + 20)) + taken
