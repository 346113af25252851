"""How far sums of inputs, or weights, that share words go on cores without DSP instructions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.small_nets import Sketch

from lilliput.codegen.lanes import packed_row_pairs
from lilliput.net import Net
from lilliput.net.formats import formats_named
from lilliput.net.graph import Optimize, Plan
from lilliput.passes import quantize
from lilliput.targets import board
from lilliput.targets.kernel import Layout
from lilliput.targets.kernels import kernel_for
from lilliput.targets.pixels import EIGHT, lane_limit, parts_of, pixel_lanes, segment_eights, sum_limit
from lilliput.targets.planes import chunk_channels


@pytest.mark.parametrize("lanes", [2, 4])
@pytest.mark.parametrize("input_bits", range(2, 9))
def test_the_limit_is_the_last_sum_that_lanes_hold(lanes: int, input_bits: int) -> None:
    bits, largest = 32 // lanes, (1 << input_bits) - 1
    limit, half = lane_limit(bits, input_bits), 1 << (bits - 1)

    def taken_apart(sums: list[int]) -> list[int]:
        word = sum((half + one) << bits * lane for lane, one in enumerate(sums)) % (1 << 32)
        return [(word >> bits * lane) % (1 << bits) - half for lane in range(lanes)]

    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        reached = [sign * limit * largest for sign in signs * (lanes // 2)]
        assert taken_apart(reached) == reached
    beyond = [(limit + 1) * largest, *[0] * (lanes - 1)]
    assert taken_apart(beyond) != beyond


@pytest.mark.parametrize("bits", range(1, 5))
@pytest.mark.parametrize("input_bits", range(1, 9))
def test_halves_hold_so_many_products(bits: int, input_bits: int) -> None:
    largest = ((1 << bits) - 1) * ((1 << input_bits) - 1)
    assert sum_limit(input_bits, bits) * largest < 1 << 16 <= (sum_limit(input_bits, bits) + 1) * largest
    assert sum_limit(input_bits, bits) >= 8 << bits % 2  # what the loops take


@pytest.mark.parametrize(("lower", "times"), [(1, 15), (2, 5), (3, 2)])
@pytest.mark.parametrize("input_bits", range(1, 9))
def test_lower_parts_hold_so_many_times_what_upper_ones_do(lower: int, times: int, input_bits: int) -> None:
    """As `lp_fully_connected_packed_pairs_s8` takes it."""
    assert sum_limit(input_bits, 4) // EIGHT * times <= sum_limit(input_bits, lower) // EIGHT


def _net(formats: str, weights: np.ndarray) -> Net:
    """A 1x1 convolution of a 4x4 image whose input has the format's bits, planned for nothing yet."""
    sketch = Sketch((4, 4, weights.shape[1]))
    first = sketch.conv("x", weights.shape[1], size=1)
    net = sketch.net(sketch.conv(first, len(weights), size=1))
    data = weights.astype(np.float32).reshape(len(weights), 1, 1, -1)
    used = net.ops[1].inputs[1]
    net = replace(net, tensors={**net.tensors, used: replace(net.tensors[used], data=data)})
    ranges = {name: (-1.0, 1.0) for name, tensor in net.tensors.items() if not tensor.constant}
    return quantize(net, ranges, formats_named(formats))


def test_four_pixels_share_a_word_as_long_as_sums_are_seldom_taken_apart() -> None:
    eight_of_one_sign = np.tile([1, 1, -1, -1, 1, 0, 0, -1] * 2, (3, 8))  # 4 of each sign in 16
    net = _net("w2a2", eight_of_one_sign)
    assert segment_eights(net.ops[1], net, 4) == lane_limit(8, 2) // 3
    assert pixel_lanes(net.ops[1], net)[0] == 4
    net = _net("w2a4", eight_of_one_sign)
    assert (segment_eights(net.ops[1], net, 4), pixel_lanes(net.ops[1], net)) == (2, (2, 16))


def test_the_rest_of_a_sum_is_summed_last() -> None:
    sums = np.array([4, 6, 6, 6, 4])  # of five eights
    weights = np.concatenate([np.pad(np.ones(one), (0, 8 - one)) for one in sums])[None]
    net = _net("w2a3", weights)
    assert lane_limit(8, 3) == 18
    assert segment_eights(net.ops[1], net, 4) == 3  # 16 and 10; 4 + 6 and 16 would do as well
    sums = np.array([6, 6, 6, 6, 4])
    weights = np.concatenate([np.pad(np.ones(one), (0, 8 - one)) for one in sums])[None]
    weights[0, 6:8] = 1
    net = _net("w2a3", weights)
    assert segment_eights(net.ops[1], net, 4) == 2  # 8 + 6 + 6 first


def test_weights_of_two_outputs_share_words() -> None:
    rng = np.random.default_rng(0)
    for bits in (2, 4):
        rows = rng.integers(-(1 << (bits - 1)) + 1, 1 << (bits - 1), (3, 11))
        words = packed_row_pairs(rows, bits).reshape(2, -1)
        assert words.shape[1] * 16 // bits == 16
        for output in range(3):
            for place in range(11):
                word, field = divmod(place, 16 // bits)
                found = int(words[output // 2, word]) >> (16 * (output % 2) + bits * field)
                assert found % (1 << bits) - (1 << (bits - 1)) == rows[output, place]


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("inputs", [3, 16, 21, 40])
def test_parts_of_rows_give_all_weights(bits: int, inputs: int) -> None:
    rng = np.random.default_rng(bits)
    low = -1 if bits == 1 else -(1 << (bits - 1)) + 1
    rows = rng.integers(low, (1 << (bits - 1)) + (bits == 1), (3, inputs))
    rows = np.where(rows == 0, 1, rows) if bits == 1 else rows
    eights = -(-inputs // 8)
    words = packed_row_pairs(rows, bits).reshape(2, -1)
    found, begin = np.zeros((4, inputs), np.int64), 0
    for part in parts_of(bits):
        end = begin + (eights + eights % 2 * (part % 2)) * part // 2
        halves = np.stack([words[:, begin:end] & 0xFFFF, words[:, begin:end] >> 16], axis=1).reshape(4, -1)
        for place in range(inputs):
            if part == 3:
                three = halves[:, place // 16 * 3 : place // 16 * 3 + 3].astype(np.int64)
                five, field = divmod(place % 16, 5)
                own = (three & 1) @ [1, 2, 4] if five == 3 else three[:, five] >> 1 + 3 * field & 7
            else:
                word, field = divmod(place, 16 // part)
                own = halves[:, word].astype(np.int64) >> part * field & (1 << part) - 1
            found[:, place] = (found[:, place] << part) + own
        begin = end
    raised = found[:3] * 2 if bits == 1 else found[:3]
    assert begin == words.shape[1]
    assert np.array_equal(raised - (1 << (bits - 1)), rows)


def test_weights_are_unpacked_where_sums_do_not_last() -> None:
    core = board("rp2040").core
    drawn = np.random.default_rng(0).normal(0, 1, (12, 64))
    taken = {
        name: kernel_for(net.ops[1], net, core).function
        for name in ("w3a8", "w5a8", "w6a8", "w7a8", "w6a6", "w7a5")
        for net in [_net(name, drawn)]
    }
    lanes, planes = "lp_conv2d_packed_pixels_s8", "lp_conv2d_1x1_pairs_planes_s8"
    assert taken == dict.fromkeys(("w3a8", "w5a8", "w6a6", "w7a5"), lanes) | dict.fromkeys(
        ("w6a8", "w7a8"), planes
    )
    net = _net("w7a8", np.random.default_rng(0).normal(0, 1, (40, 400)))
    op = net.ops[1]
    for optimize, channels in ((Optimize.SPEED, 10), (Optimize.RAM, 10), (Optimize.FLASH, 0)):
        seen = replace(net, optimize=optimize)
        if channels:
            assert chunk_channels(op, seen, Layout.FOURS_FIRST) == channels
        else:
            assert kernel_for(op, seen, core).function == "lp_conv2d_packed_s8"
    wide = _net("w7a8", np.random.default_rng(0).normal(0, 1, (40, 1200)))
    found = [
        chunk_channels(wide.ops[1], replace(wide, optimize=optimize), Layout.FOURS_FIRST)
        for optimize in (Optimize.SPEED, Optimize.RAM)
    ]
    assert found == [8, 4]


def test_where_memory_or_flash_counts_the_portable_kernel_stays() -> None:
    core = board("rp2040").core
    net = _net("w4a8", np.ones((4, 64)))
    op = net.ops[1]

    def taken(**changes: object) -> str:
        return kernel_for(op, replace(net, **changes), core).function

    assert taken() == "lp_conv2d_packed_pixels_s8"
    assert taken(optimize=Optimize.FLASH) == taken(optimize=Optimize.RAM) == "lp_conv2d_packed_s8"
    for room, expected in ((1023, "lp_conv2d_packed_s8"), (1024, "lp_conv2d_packed_pixels_s8")):
        plan = Plan({}, {op.name: (0, room)}, arena_bytes=0, lower_bound_bytes=0)
        assert taken(optimize=Optimize.RAM, plan=plan) == expected
