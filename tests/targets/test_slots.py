"""How far sums of several products in one multiplication go."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lilliput.targets.slots import FORMS, MOST_SEGMENTS, Form, fits_words, in_flash, in_steps, longest_segment

RANGES = {"22": (-128, 127), "23": (-128, 127), "33": (-8, 7), "44": (-2, 1)}
"""Form → inputs whose sums meet its limit, not that of something else."""


def _with_sum(form: Form, total: int, sign: int = 1) -> NDArray[np.int64]:
    """Steps of one word whose absolute weights, all 1, sum up to `total`."""
    weights = np.zeros(-(-total // form.taps) * form.taps, np.int64)
    weights[:total] = sign
    return weights.reshape(1, -1, 1, form.taps)


def _convolved(steps: NDArray[np.int64], inputs: NDArray[np.int64], form: Form) -> NDArray[np.int64]:
    """What the slots of a row of accumulators should add up to: one row of inputs for each step."""
    found = np.zeros(inputs.shape[1], np.int64)
    for words, row in zip(steps[0], inputs, strict=True):
        for place, word in enumerate(words):
            for tap, weight in enumerate(word):
                shift = place * form.slots + tap
                found[shift:] += weight * row[: len(row) - shift]
    return found


def _in_slots(
    steps: NDArray[np.int64], inputs: NDArray[np.int64], form: Form, offset: int
) -> NDArray[np.int64]:
    """The same as `lp_multiply_slots.h` computes it in one segment, in 64 bits."""
    above, found = 0, []
    for m in range(inputs.shape[1] // form.slots):
        total = offset * form.unit + above
        for words, row in zip(steps[0].tolist(), inputs.tolist(), strict=True):
            for place, word in enumerate(words[: m + 1]):
                first = (m - place) * form.slots
                taken = sum(row[first + i] << form.bits * i for i in range(form.slots))
                total += taken * sum(weight << form.bits * i for i, weight in enumerate(word))
        total = (total + (1 << 63)) % (1 << 64) - (1 << 63)
        found += [(total >> form.bits * i) % (1 << form.bits) for i in range(form.slots)]
        above = total >> form.bits * form.slots
    return np.array(found) - offset


def _most(form: Form) -> int:
    """Absolute weights of one sign that fit a slot."""
    low, high = RANGES[form.name]
    return ((1 << form.bits) - 1) // (high - low)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_at_the_edge_keep_to_their_slots(form: Form, sign: int) -> None:
    low, high = RANGES[form.name]
    steps = _with_sum(form, _most(form), sign)
    found = longest_segment(steps, low, high, form)
    assert found is not None
    segment, segments, offset = found
    assert (segment, segments) == (steps.shape[1], 1)
    for first, second in ((low, low), (high, high), (low, high)):
        inputs = np.full((steps.shape[1], 8 * form.slots), first)
        inputs[:, 4 * form.slots :] = second
        assert np.array_equal(_in_slots(steps, inputs, form, offset), _convolved(steps, inputs, form))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_one_weight_more_is_too_much(form: Form) -> None:
    low, high = RANGES[form.name]
    steps = _with_sum(form, _most(form) + 1)
    found = longest_segment(steps, low, high, form)
    assert found is None or found[1] == 2
    offset = -low * (_most(form) + 1)
    inputs = np.full((steps.shape[1], 8 * form.slots), high)
    assert not np.array_equal(_in_slots(steps, inputs, form, offset), _convolved(steps, inputs, form))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_random_weights_and_inputs(form: Form) -> None:
    rng = np.random.default_rng(form.bits)
    low, high = RANGES[form.name]
    weights = rng.integers(-1, 2, (1, 5, 5, 3))
    steps = in_steps(weights, form, False)
    found = longest_segment(steps, low, high, form)
    assert found is not None
    first = steps.shape[1] - (found[1] - 1) * found[0]
    inputs = rng.integers(low, high + 1, (steps.shape[1], 12 * form.slots))
    for begin, end in [(0, first), *((at, at + found[0]) for at in range(first, steps.shape[1], found[0]))]:
        part, rows = steps[:, begin:end], inputs[begin:end]
        assert np.array_equal(_in_slots(part, rows, form, found[2]), _convolved(part, rows, form))


def test_the_accumulator_has_64_bits() -> None:
    form = Form(3, 3, 13, 4)
    # Slots hold these sums, but the upper ones of the accumulator do not: all weights are in the last tap.
    steps = np.zeros((1, 37, 1, 3), np.int64)
    steps[..., 2] = 7
    assert longest_segment(steps[:, :36], -8, 7, form) == (36, 1, 36 * 56)
    assert longest_segment(steps, -8, 7, form) == (19, 2, 19 * 56)
    inputs = np.full((37, 24), -8)
    assert not np.array_equal(_in_slots(steps, inputs, form, 37 * 56), _convolved(steps, inputs, form))


def test_words_fit_32_bits() -> None:
    form = Form(3, 3, 13, 4)
    steps = np.ones((1, 1, 1, 3), np.int64)
    assert fits_words(31 * steps, -16, 15, form)
    assert not fits_words(32 * steps, -16, 15, form)
    assert not fits_words(steps, -32, 31, form)


def test_there_are_only_so_many_segments() -> None:
    form = Form(4, 4, 8, 2)
    steps = np.ones((1, 21 * MOST_SEGMENTS, 1, 4), np.int64)
    found = longest_segment(steps, -2, 1, form)
    assert found == (21, MOST_SEGMENTS, 168)
    assert longest_segment(np.ones((1, 21 * MOST_SEGMENTS + 1, 1, 4), np.int64), -2, 1, form) is None


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("width", range(2, 8))
@pytest.mark.parametrize("by_columns", [False, True])
def test_words_hold_each_weight_once(form: Form, width: int, by_columns: bool) -> None:
    weights = np.arange(1, 1 + 2 * 3 * width * 2).reshape(2, 3, width, 2)
    steps = in_steps(weights, form, by_columns)
    flat = in_flash(weights, form, by_columns)
    places = form.places(width)
    assert sorted(flat.tolist()) == sorted(weights.reshape(-1).tolist())
    assert sorted(steps[steps > 0].tolist()) == sorted(weights.reshape(-1).tolist())
    assert len(places) == form.words(width)
    assert places[-1][1] == width
    # What flash holds in order, slot by slot of words that have their place in the order of steps.
    words = steps.reshape(2, -1, form.taps)
    order = range(words.shape[1])
    if not by_columns:
        order = [s * len(places) + place for place in range(len(places)) for s in range(6)]
    expected = [words[c, index][words[c, index] > 0] for c in range(2) for index in order]
    assert flat.tolist() == np.concatenate(expected).tolist()
