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
from lilliput.targets.kernel import to_four

SLOT_BITS = {2: 16, 3: 13, 4: 8}
"""Slots of a word → bits of each."""
WIDTHS = {(2, 2), (2, 3), (3, 1), (3, 2), (4, 1), (4, 2)}
"""Slots of a word and words of a row of the kernel that there is code for."""
LEAST_KERNEL_WIDTH = 3
MOST_SEGMENTS = 16
MOST_BAND_BYTES = 8192
"""Scratch memory up to which more rows of inputs are held than one row of outputs needs."""
LARGEST_SUM = (1 << 16) - 1
"""Of all segments of an output, with what accumulators begin at."""
_STEP_CYCLES = {1: (7, 9), 2: (12, 15), 3: (16, 21)}
"""Words of a row of the kernel → cycles of a step of two and of three accumulators."""


class Slots(NamedTuple):
    """How a convolution is computed.

    Attributes:
        slots: inputs and weights of a word.
        segment_steps: rows of the kernel, one of each input channel, that are summed at a time.
        segments: so many times.
        offset: what each slot of an accumulator begins at.
        cycles: an estimate.
    """

    slots: int
    segment_steps: int
    segments: int
    offset: int
    cycles: int

    @property
    def bits(self) -> int:
        """Of a slot."""
        return SLOT_BITS[self.slots]

    @property
    def begin(self) -> int:
        """What accumulators begin at, 64 bits."""
        return self.offset * sum(1 << self.bits * i for i in range(self.slots))


def slots_of(op: WeightedOp, net: Net) -> Slots | None:
    """The fastest way to compute `op` with several weights in a word; None if there is none."""
    if not isinstance(op, Conv2D) or op.strides != (1, 1) or op.dilation != (1, 1):
        return None
    if op.profile is not Profile.LILLIPUT or net.optimize is not Optimize.SPEED:
        return None
    return min(_ways(op, net), key=lambda way: way.cycles, default=None)


def _ways(op: Conv2D, net: Net) -> Iterator[Slots]:
    weights, source = net.tensors[op.inputs[1]], net.tensors[op.inputs[0]]
    kernel_width = weights.shape[2]
    if kernel_width < LEAST_KERNEL_WIDTH or source.dtype.bits > 8:
        return
    steps = slot_steps(_weights(op, net))
    low, high = source.dtype.range
    zero_point = quant(op.inputs[0], net).zero_point
    low, high = min(low, zero_point), max(high, zero_point)
    for slots in SLOT_BITS:
        if (slots, -(-kernel_width // slots)) not in WIDTHS or not fits_words(steps, low, high, slots):
            continue
        found = longest_segment(steps, low, high, slots)
        if found is not None:
            segment, segments, offset = found
            yield Slots(slots, segment, segments, offset, _cycles(op, net, slots, segments))


def slot_steps(weights: NDArray[np.generic]) -> NDArray[np.int64]:
    """Weights in the order in which words hold them: (channels, steps, kernel width from its last column).

    A step is a row of the kernel of one input channel.
    """
    channels, height, width, depth = weights.shape
    return weights.transpose(0, 1, 3, 2)[..., ::-1].reshape(channels, height * depth, width).astype(np.int64)


def fits_words(steps: NDArray[np.int64], low: int, high: int, slots: int) -> bool:
    """Whether words of inputs between `low` and `high` and words of weights fit int32."""
    unit = sum(1 << SLOT_BITS[slots] * i for i in range(slots))
    most = max(int(steps.max(initial=0)), -int(steps.min(initial=0)))
    return max(most, -low, high) * unit < 1 << 31


def longest_segment(
    steps: NDArray[np.int64], low: int, high: int, slots: int
) -> tuple[int, int, int] | None:
    """Steps of a segment, how many segments there are, and what slots begin at; None if none is possible.

    The first segment has the steps that remain.
    """
    count = steps.shape[1]
    # The least and the largest of each step's part of a sum.
    least = np.minimum(steps * low, steps * high).sum(axis=2)
    largest = np.maximum(steps * low, steps * high).sum(axis=2)
    bits = SLOT_BITS[slots]
    unit = sum(1 << bits * i for i in range(slots))
    padded = np.pad(np.abs(steps), ((0, 0), (0, 0), (0, -steps.shape[2] % slots)))
    words = padded.reshape(*steps.shape[:2], -1, slots) @ (1 << bits * np.arange(slots))
    # Exact: a sum of words is below 2**40.
    products = words.sum(axis=2)
    for segments in range(1, min(count, MOST_SEGMENTS) + 1):
        segment = -(-count // segments)
        first = count - (segments - 1) * segment
        if first <= 0:
            continue
        starts = np.array([0, *range(first, count, segment)])
        offset = -int(np.add.reduceat(least, starts, axis=1).min(initial=0))
        top = offset + int(np.add.reduceat(largest, starts, axis=1).max(initial=0))
        whole = int(np.add.reduceat(products, starts, axis=1).max(initial=0)) * unit * max(-low, high)
        total = segments * offset + int(largest.sum(axis=1).max(initial=0))
        # What the accumulator before adds is less than what is there already.
        if top < 1 << bits and 2 * (whole + offset * unit) < 1 << 63 and total <= LARGEST_SUM:
            return segment, segments, offset
    return None


def slots_across(op: Conv2D, net: Net, slots: int) -> tuple[int, int]:
    """Words of inputs of a row, and the first of them whose accumulator takes part in an output."""
    kernel_width = net.tensors[op.inputs[1]].shape[2]
    columns = net.tensors[op.outputs[0]].shape[1]
    first = max(kernel_width // slots - 1, 0)
    return max(-(-(columns + kernel_width - 1) // slots), first + 2), first


def slots_rows(op: Conv2D, net: Net, slots: int) -> int:
    """Rows of outputs that are made of one unpacking of weights."""
    _, kernel_height, _, depth = net.tensors[op.inputs[1]].shape
    row_bytes = 4 * depth * slots_across(op, net, slots)[0]
    most = MOST_BAND_BYTES // row_bytes - kernel_height + 1
    return max(1, min(most, net.tensors[op.outputs[0]].shape[0]))


def slots_bytes(op: Conv2D, net: Net, slots: int) -> int:
    """Scratch memory, as `lp_conv2d_slots_dsp_s8` lays it out."""
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    across, first = slots_across(op, net, slots)
    rows = slots_rows(op, net, slots) - 1 + kernel_height
    weights = kernel_height * depth * -(-kernel_width // slots)
    sums = to_four(2 * slots * (across - first))
    return 4 * (1 + rows * depth * across + weights) + sums


def _weights(op: Conv2D, net: Net) -> NDArray[np.generic]:
    """The weights, or others of half their range where there are none yet."""
    weights = net.tensors[op.inputs[1]]
    if weights.data is not None:
        return weights.data
    signs = np.resize([1, -1], weights.elements).reshape(weights.shape)
    return signs * ((weights.dtype.range[1] + 1) // 2)


def _cycles(op: Conv2D, net: Net, slots: int, segments: int) -> int:
    channels, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    height, columns, _ = net.tensors[op.outputs[0]].shape
    across, first = slots_across(op, net, slots)
    twos = -(across - first) % 3
    threes = (across - first - 2 * twos) // 3
    two, three = _STEP_CYCLES[-(-kernel_width // slots)]
    steps, rows = kernel_height * depth, slots_rows(op, net, slots)
    row = steps * (twos * (two + 1) + threes * (three + 1)) + segments * (45 * twos + 50 * threes + 60)
    unpacked = -(-height // rows) * channels * steps * kernel_width * 8
    taken = (height + kernel_height - 1) * depth * across * slots * 5
    return height * channels * (row + 9 * columns + 30) + unpacked + taken
