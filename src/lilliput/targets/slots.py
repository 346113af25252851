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

from lilliput.net.fixedpoint import WeightedOp
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, Profile
from lilliput.net.tensor import DType
from lilliput.targets.kernel import to_four


class Form(NamedTuple):
    """How inputs and weights share words.

    Attributes:
        slots: inputs of a word; words of a row of the kernel follow each other at so many columns.
        taps: slots of a word of weights; where there are more than `slots`, only the first word of a row has
            weights in all of them.
        bits: of a slot.
        weight_bits: of a weight at most, so that fields are brought to their slots together.
    """

    slots: int
    taps: int
    bits: int
    weight_bits: int

    @property
    def name(self) -> str:
        """As functions are called."""
        return f"{self.slots}{self.taps}"

    @property
    def unit(self) -> int:
        """A one in each slot of a word of inputs."""
        return sum(1 << self.bits * i for i in range(self.slots))

    def words(self, kernel_width: int) -> int:
        """Words of a row of the kernel."""
        return 1 + max(-(-(kernel_width - self.taps) // self.slots), 0)

    def first(self, kernel_width: int) -> int:
        """The first word of inputs whose accumulator takes part in an output."""
        return max(kernel_width - self.taps, 0) // self.slots

    def places(self, kernel_width: int) -> list[tuple[int, int, int]]:
        """First weight, end, and slot of the first one, of each word of a row of the kernel."""
        later = range(self.taps, kernel_width, self.slots)
        rest = [(first, min(first + self.slots, kernel_width), self.taps - self.slots) for first in later]
        return [(0, min(self.taps, kernel_width), 0), *rest]


FORMS = (Form(2, 2, 16, 7), Form(2, 3, 13, 4), Form(3, 3, 13, 4), Form(4, 4, 8, 2))
ROW_WORDS = {"22": (2, 3), "23": (2,), "33": (2,), "44": (2,)}
"""Form → words of a row of the kernel that there is code for where lines are rows."""
COLUMN_HEIGHT = 3
"""Rows of the kernel where lines are columns."""
FOURS_WORDS = 2
"""Words of a row of the kernel where rests of lines are of four accumulators, not of two."""
LEAST_KERNEL_WIDTH = 2
MOST_SEGMENTS = 16
MOST_BAND_BYTES = 8192
"""Scratch memory up to which more rows of inputs are held than one row of outputs needs."""
LARGEST_SUM = (1 << 16) - 1
"""Of all segments of an output, with what accumulators begin at."""
USUAL_SEGMENTS = 0.8
"""Times the segments of weights of half their range, those of usual ones of more than two bits."""
_STEP_CYCLES = {2: (20, 15), 3: (16, 21)}
"""Words of a step → its cycles with a rest of accumulators and with three of them."""


class Slots(NamedTuple):
    """How a convolution is computed.

    Attributes:
        form: of its words.
        by_columns: whether lines of accumulators are columns, not rows.
        segment_steps: steps that are summed at a time.
        segments: so many times.
        offset: what each slot of an accumulator begins at.
        cycles: an estimate.
    """

    form: Form
    by_columns: bool
    segment_steps: int
    segments: int
    offset: int
    cycles: int

    @property
    def begin(self) -> int:
        """What accumulators begin at, 64 bits."""
        return self.offset * self.form.unit


def slots_of(op: WeightedOp, net: Net) -> Slots | None:
    """The way to compute `op` with several weights in a word; None if there is none.

    Which way does not depend on the weights, so that memory is known before they are; how many segments it
    takes does.
    """
    assumed = assumed_slots(op, net)
    weights = net.tensors[op.inputs[1]].data
    if assumed is None or weights is None:
        return assumed
    low, high = net.tensors[op.inputs[0]].dtype.range
    found = _segments(weights, low, high, assumed.form, assumed.by_columns)
    return assumed._replace(segment_steps=found[0], segments=found[1], offset=found[2]) if found else None


def assumed_slots(op: WeightedOp, net: Net) -> Slots | None:
    """The fastest way with weights of half their range, of either sign; None if there is none."""
    if not isinstance(op, Conv2D) or op.strides != (1, 1) or op.dilation != (1, 1):
        return None
    if op.profile is not Profile.LILLIPUT or net.optimize is not Optimize.SPEED:
        return None
    return min(_ways(op, net), key=lambda way: way.cycles, default=None)


def _ways(op: Conv2D, net: Net) -> Iterator[Slots]:
    weights, source = net.tensors[op.inputs[1]], net.tensors[op.inputs[0]].dtype
    _, kernel_height, kernel_width, _ = weights.shape
    if kernel_width < LEAST_KERNEL_WIDTH or not (source.narrow or source is DType.INT8):
        return
    if weights.dtype is DType.SIGN:
        return
    signs = np.resize([1, -1], weights.elements).reshape(weights.shape)
    assumed = signs * ((weights.dtype.range[1] + 1) // 2)
    by_columns = kernel_height == COLUMN_HEIGHT
    for form in FORMS:
        if weights.dtype.bits > form.weight_bits:
            continue
        if not by_columns and form.words(kernel_width) not in ROW_WORDS[form.name]:
            continue
        found = _segments(assumed, *source.range, form, by_columns)
        if found is not None:
            way = Slots(form, by_columns, *found, 0)
            yield way._replace(cycles=_cycles(op, net, way))


def _segments(
    weights: NDArray[np.generic], low: int, high: int, form: Form, by_columns: bool
) -> tuple[int, int, int] | None:
    steps = in_steps(weights, form, by_columns)
    return longest_segment(steps, low, high, form) if fits_words(steps, low, high, form) else None


def in_steps(weights: NDArray[np.generic], form: Form, by_columns: bool) -> NDArray[np.int64]:
    """Weights as accumulators take them: (output channels, steps, words of a step, slots).

    Rows of the kernel begin with their last column; slots without a weight are zeros.
    """
    channels, height, width, depth = weights.shape
    words = np.zeros((channels, height, form.words(width), form.taps, depth), np.int64)
    for word, (first, end, slot) in enumerate(form.places(width)):
        words[:, :, word, slot : slot + end - first] = weights[:, :, ::-1][:, :, first:end]
    if by_columns:
        found = words[:, ::-1, ::-1].transpose(0, 2, 4, 1, 3)  # word, input channel; row
        return found.reshape(channels, -1, height, form.taps)
    found = words.transpose(0, 1, 4, 2, 3)  # row, input channel; word
    return found.reshape(channels, height * depth, -1, form.taps)


def in_flash(weights: NDArray[np.generic], form: Form, by_columns: bool) -> NDArray[np.int64]:
    """Weights in the order in which `lp_unpack_slots.h` reads them."""
    channels, _, width, _ = weights.shape
    taken = weights[:, :, ::-1].astype(np.int64)
    parts = [taken[:, :, first:end] for first, end, _ in form.places(width)]
    if by_columns:
        ordered = [part[:, ::-1].transpose(0, 3, 1, 2) for part in parts[::-1]]
    else:
        ordered = [part.transpose(0, 1, 3, 2) for part in parts]
    return np.concatenate([part.reshape(channels, -1) for part in ordered], axis=1).reshape(-1)


def slots_weights_bytes(op: WeightedOp, net: Net) -> int:
    """Bytes of the weights in flash, with those that are read behind the last of them."""
    return to_four(net.tensors[op.inputs[1]].storage_bytes + 3)


def fits_words(steps: NDArray[np.int64], low: int, high: int, form: Form) -> bool:
    """Whether words of inputs between `low` and `high` and words of weights fit int32."""
    words = np.abs(steps) @ (1 << form.bits * np.arange(form.taps))
    return max(int(words.max(initial=0)), max(-low, high) * form.unit) < 1 << 31


def longest_segment(steps: NDArray[np.int64], low: int, high: int, form: Form) -> tuple[int, int, int] | None:
    """Steps of a segment, how many segments there are, and what slots begin at; None if there is no way.

    The first segment has the steps that remain.

    Args:
        steps: as `in_steps` has them.
        low: the least input, not above 0.
        high: the largest one, not below 0.
        form: of the words.
    """
    count = steps.shape[1]
    # Every part of a sum is between these, too, since an input of 0 adds nothing.
    least = np.minimum(steps * low, steps * high).sum(axis=(2, 3))
    largest = np.maximum(steps * low, steps * high).sum(axis=(2, 3))
    words = (np.abs(steps) @ (1 << form.bits * np.arange(form.taps))).sum(axis=2)
    for segments in range(1, min(count, MOST_SEGMENTS) + 1):
        segment = -(-count // segments)
        if (segments - 1) * segment >= count:
            continue
        starts = np.array([0, *range(count - (segments - 1) * segment, count, segment)])
        offset = -int(np.add.reduceat(least, starts, axis=1).min(initial=0))
        top = offset + int(np.add.reduceat(largest, starts, axis=1).max(initial=0))
        products = int(np.add.reduceat(words, starts, axis=1).max(initial=0)) * max(-low, high)
        total = segments * offset + int(largest.sum(axis=1).max(initial=0))
        # The accumulator before adds what it has above its lower slots.
        whole = (products + offset) * form.unit + (1 << 63 - form.slots * form.bits)
        if top < 1 << form.bits and whole < 1 << 63 and total <= LARGEST_SUM:
            return segment, segments, offset
    return None


def slots_across(op: Conv2D, net: Net, form: Form) -> tuple[int, int]:
    """Words of inputs of a row, and the first of them whose accumulator takes part in an output."""
    _, kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    columns = net.tensors[op.outputs[0]].shape[1]
    first = form.first(kernel_width)
    across = max(-(-(columns + kernel_width - 1) // form.slots), first + 2)
    in_fours = kernel_height != COLUMN_HEIGHT and form.words(kernel_width) == FOURS_WORDS
    return across + (in_fours and (across - first) % 3 == 2), first


class Lines(NamedTuple):
    """Lines of accumulators of an output channel.

    Attributes:
        lines: so many.
        threes: blocks of three accumulators of a line.
        rests: blocks of two of them, or where lines are rows and steps have two words, of four.
        beside: accumulators of a line.
        steps: of each accumulator.
        step_words: words of weights of a step.
    """

    lines: int
    threes: int
    rests: int
    beside: int
    steps: int
    step_words: int


def slots_lines(op: Conv2D, net: Net, way: Slots) -> Lines:
    """How accumulators are computed; the last rows of a band of columns are taken as like all others."""
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    height = net.tensors[op.outputs[0]].shape[0]
    across, first = slots_across(op, net, way.form)
    beside, words = across - first, way.form.words(kernel_width)
    if way.by_columns:
        rows = slots_rows(op, net, way.form)
        lines, beside = -(-height // rows) * beside, max(rows, 2)
        rests = -beside % 3
        return Lines(lines, (beside - 2 * rests) // 3, rests, beside, depth * words, kernel_height)
    rest, rests = (4, beside % 3) if words == FOURS_WORDS else (2, -beside % 3)
    return Lines(height, (beside - rest * rests) // 3, rests, beside, depth * kernel_height, words)


def slots_rows(op: Conv2D, net: Net, form: Form) -> int:
    """Rows of outputs that are made of one unpacking of weights."""
    _, kernel_height, _, depth = net.tensors[op.inputs[1]].shape
    row_bytes = 4 * depth * slots_across(op, net, form)[0] + 2 * net.tensors[op.outputs[0]].shape[1]
    height = net.tensors[op.outputs[0]].shape[0]
    most = max(MOST_BAND_BYTES // row_bytes - kernel_height + 1, 1)
    return -(-height // -(-height // most))


def slots_bytes(op: Conv2D, net: Net, way: Slots) -> int:
    """Scratch memory, as `lp_conv2d_slots_dsp_s8` lays it out."""
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    across, first = slots_across(op, net, way.form)
    rows, words = slots_rows(op, net, way.form), way.form.words(kernel_width)
    row = to_four(across * way.form.slots * depth)
    held = (rows - 1 + kernel_height) * depth
    outside = (words - 1 - first) * (held if way.by_columns else 1)
    above = max(rows, 2) * way.by_columns
    sums = to_four(max(rows, 2) * 2 * way.form.slots * (across - first))
    return row + 4 * (outside + held * across + kernel_height * depth * words + above) + sums


def _cycles(op: Conv2D, net: Net, way: Slots) -> int:
    channels, kernel_height, _, depth = net.tensors[op.inputs[1]].shape
    height, columns, _ = net.tensors[op.outputs[0]].shape
    lines = slots_lines(op, net, way)
    rest, three = _STEP_CYCLES[lines.step_words]
    line: float = lines.steps * (lines.rests * rest + lines.threes * three)
    segments = way.segments * (USUAL_SEGMENTS if net.tensors[op.inputs[1]].dtype.bits > 2 else 1)
    line += segments * (21 * lines.beside + 50)
    bands = -(-height // slots_rows(op, net, way.form))
    unpacked = bands * (lines.steps * lines.step_words * 15 + segments * 300)
    taken = (height + kernel_height - 1) * depth * slots_across(op, net, way.form)[0] * way.form.slots * 8
    return round(channels * (lines.lines * line + unpacked + height * (8 * columns + 95)) + taken)
