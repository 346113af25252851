"""How far sums of weights that share halfwords go."""

from __future__ import annotations

import numpy as np
import pytest

from lilliput.codegen.lanes import lane_fields, packed_lanes
from lilliput.targets.lanes import SMALL_FOURS, lane_limits, longest_segment


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("input_bits", range(2, 9))
def test_the_limit_is_the_last_sum_that_is_taken_apart_right(bits: int, input_bits: int) -> None:
    largest, shift = 1 << (input_bits - 1), 16 - bits
    low, high = lane_limits(bits, largest)

    def taken_apart(a: int, b: int) -> tuple[int, int]:
        total = (b << shift) + a
        assert -(1 << 31) <= total < 1 << 31
        lower = (total + (1 << (shift - 1))) % (1 << shift) - (1 << (shift - 1))
        return lower, (total - lower) >> shift

    for sign in (1, -1):
        for other in (1, -1):
            a, b = sign * low * largest, other * high * largest
            assert taken_apart(a, b) == (a, b)
    beyond = (low + 1) * largest
    assert taken_apart(beyond, 0) != (beyond, 0)


def test_few_inputs_never_leave_their_lanes() -> None:
    """What `is_small` takes for granted: 2 bits with inputs of 8, 4 bits with inputs of 4 but not of 5."""
    count = 4 * SMALL_FOURS
    assert count <= min(lane_limits(2, 128)) < 2 * count
    assert 7 * count <= min(lane_limits(4, 8)) < 8 * count
    assert min(lane_limits(4, 16)) < 7 * count


def test_a_segment_ends_where_one_more_step_would_exceed_the_limit() -> None:
    rows = np.full((3, 22), 5)
    assert longest_segment(rows, 110, 4) == 22
    assert longest_segment(rows, 109, 4) == 20
    assert longest_segment(rows, 40, 4) == 8
    assert longest_segment(rows, 39, 4) == 4
    assert longest_segment(rows, 19, 4) == 0


@pytest.mark.parametrize("bits", [2, 4])
def test_lanes_are_the_weights_of_two_channels(bits: int) -> None:
    rng = np.random.default_rng(bits)
    most = (1 << (bits - 1)) - 1
    rows = rng.integers(-most, most + 1, (5, 11))
    mask, added = {2: (0xC003C003, 0x00010001), 4: (0xF00FF00F, 0x00070007)}[bits]
    fields = lane_fields(rows, bits)
    assert not (fields & ~np.uint32(mask)).any()
    turns = {2: (0, 4, 8, 12), 4: (0, 8)}[bits]
    words = [int(word) for word in packed_lanes(rows, bits)]
    fields = [(word >> turn | word << (32 - turn)) & mask for word in words for turn in turns]
    # Halves are subtracted one by one: nothing is borrowed from the upper one.
    lanes = [(field - added & 0xFFFF) | ((field >> 16) - (added >> 16) & 0xFFFF) << 16 for field in fields]
    filled = np.zeros((8, 12), np.int64)
    filled[:5, :11] = rows
    expected = [
        sum(
            (int(filled[c + 1, x]) * (1 << (16 - bits)) + int(filled[c, x]) & 0xFFFF) << 16 * half
            for half, x in enumerate((four + odd, four + odd + 2))
        )
        for group in (0, 4)
        for four in range(0, 12, 4)
        for odd in (0, 1)
        for c in (group, group + 2)
    ]
    assert lanes == expected
    assert len(words) * 32 == filled.size * bits
