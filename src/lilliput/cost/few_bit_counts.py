"""How often the loops of kernels run whose weights share halfwords or words; see `cycle_counts.py`.

How long sums may grow before they are taken apart follows from the weights.  Before a training there are
none: they are then taken to be as trained ones mostly are.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lilliput.cost.loops import Counts, is_limited
from lilliput.cost.window_counts import in_strips
from lilliput.net.fixedpoint import WeightedOp, conv_requant
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected, Op, Profile
from lilliput.net.tensor import DType
from lilliput.targets.band import KERNEL_WIDTH as BAND_WIDTH
from lilliput.targets.band import fits_band
from lilliput.targets.blocking import Packing
from lilliput.targets.few_bit_kernels import NIBBLE_PART_FOURS
from lilliput.targets.kernel import PLAIN_SHIFT, Layout
from lilliput.targets.lanes import (
    BLOCK_PIXELS,
    LANE_CHANNELS,
    band_rows,
    blocks_of,
    fours_of,
    held_groups,
    is_small,
    nibble_segment,
    pass_segments,
    segment_fours,
)
from lilliput.targets.pixels import LANE_WORDS, eights_of, pixel_lanes, row_eights, row_words
from lilliput.targets.planes import doublings_of
from lilliput.targets.strip import strip_fours
from lilliput.targets.taps import elements_inside
from lilliput.targets.weighted import comes_by_channel

NIBBLE_PIXELS = 2
"""Output pixels that a pass over nibbles takes."""
_KEPT = Layout.TAP_BY_TAP
"""Of kernels whose weights may be doubled as they are unpacked."""


def is_shifted(op: WeightedOp, net: Net) -> bool:
    """Whether outputs take another shift than `PLAIN_SHIFT`."""
    return op.profile is Profile.LILLIPUT and conv_requant(op, net).shift != PLAIN_SHIFT


def weighted(op: WeightedOp, net: Net) -> Net:
    """The network with weights for `op`: those it has, or such that their sums are as those of most."""
    weights = net.tensors[op.inputs[1]]
    if weights.data is not None:
        return net
    high = weights.dtype.range[1]
    assumed = np.resize([high - high // 2, high // 2 - high, 0, high // 2], weights.shape)
    data = assumed.astype(weights.dtype.numpy)
    return replace(net, tensors={**net.tensors, weights.name: replace(weights, data=data)})


def in_halfwords(op: Conv2D | FullyConnected, net: Net, packing: Packing) -> Counts:
    """Counts of a kernel whose output channels share halfwords, by two or by four."""
    net = weighted(op, net)
    if isinstance(op, FullyConnected):
        return _dense_nibbles(op, net) if packing is Packing.NIBBLES else _dense_lanes(op, net)
    return _nibbles(op, net) if packing is Packing.NIBBLES else _lanes(op, net, packing)


def in_pixels(op: Conv2D, net: Net) -> Counts:
    """Counts of a kernel whose pixels share words."""
    net = weighted(op, net)
    height, width, channels = net.tensors[op.outputs[0]].shape
    lanes, segment = pixel_lanes(op, net)
    pixels, eights, bits = height * width, eights_of(op, net), net.tensors[op.inputs[1]].dtype.bits
    blocks, segments = -(-pixels // (LANE_WORDS * lanes)), -(-eights // segment)
    size, shifted = f"{8 * lanes}", is_shifted(op, net)
    windows = _border_windows(op, net)
    return {
        f"eights_of_{bits}_bits": blocks * channels * eights,
        "segments": blocks * channels * segments,
        f"block_channels_of_{lanes}": blocks * channels,
        f"pixels_of_{lanes}": pixels,
        "blocks": blocks,
        "outputs": pixels * channels,
        "shifted_outputs": pixels * channels * shifted,
        "limited_outputs": pixels * channels * is_limited(op, net),
        **{f"{name}_of_{size}": count for name, count in windows.items()},
    }


def in_row_pairs(op: FullyConnected, net: Net) -> Counts:
    """Counts of a matrix product two outputs of which share words, part after part."""
    outputs, inputs = net.tensors[op.inputs[1]].shape
    pairs, words, eights = -(-outputs // 2), row_words(op, net), row_eights(op, net)
    upper = max(words)
    segments = {part: eights * ((1 << upper) - 1) // ((1 << part) - 1) for part in words}
    return {
        "inputs": inputs,
        "pairs": pairs,
        "second_parts": pairs * (len(words) - 1),
        **{f"words_of_{part}_bits": pairs * number for part, number in words.items()},
        "segments": pairs * sum(-(-eights_of(op, net) // segment) for segment in segments.values()),
        "outputs": outputs,
        "shifted_outputs": outputs * is_shifted(op, net),
    }


def _border_windows(op: Conv2D, net: Net) -> Counts:
    """Counts of gathering each window, element by element."""
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    inside = _inside(op, net)
    whole, border = inside["whole"], inside["border"]
    length, run = kernel_width * depth, depth if op.dilation[1] > 1 else kernel_width * depth
    return {
        "whole_rows": whole * kernel_height,
        "whole_fours": whole * kernel_height * (length // 4),
        "whole_rest": whole * kernel_height * (length % 4),
        "border_windows": border,
        "filled": border * kernel_height * length,
        "border_rows": inside["border_rows"],
        "border_runs": inside["border_runs"],
        "border_elements": inside["border_taps"] * depth,
        "border_rest": inside["border_runs"] * (run % 4),
    }


def _inside(op: Conv2D, net: Net) -> dict[str, int]:
    """Windows that lie in the image as one, others, and what of these lies in it."""
    height, width, _ = net.tensors[op.inputs[0]].shape
    rows, columns, _ = net.tensors[op.outputs[0]].shape
    _, kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    taps_y = elements_inside(height, rows, kernel_height, op.strides[0], op.dilation[0], op.padding.top)
    taps_x = elements_inside(width, columns, kernel_width, op.strides[1], op.dilation[1], op.padding.left)
    is_dense = op.dilation == (1, 1)
    whole = taps_y.count(kernel_height) * taps_x.count(kernel_width) * is_dense
    rows_inside = sum(taps_y) * columns - whole * kernel_height
    taps = sum(taps_y) * sum(taps_x) - whole * kernel_height * kernel_width
    return {
        "whole": whole,
        "border": rows * columns - whole,
        "border_rows": rows_inside,
        "border_taps": taps,
        "border_runs": rows_inside if op.dilation[1] == 1 else taps,
    }


def _windows(op: Conv2D, net: Net) -> Counts:
    """Counts of gathering each window as `runtime/lp_window.h` does."""
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    inside, length, fours = _inside(op, net), kernel_width * depth, fours_of(op, net)
    whole, border = inside["whole"], inside["border"]
    plain, copied = (whole, 0) if length % 4 == 0 else (0, whole)
    row_fours = length // 4
    return {
        "windows": whole + border,
        "plain_rows": plain * kernel_height,
        "copied_rows": copied * kernel_height,
        "copied_elements": copied * kernel_height * length,
        "border_windows": border,
        "border_rows": inside["border_rows"],
        "border_runs": inside["border_runs"],
        "border_elements": inside["border_taps"] * depth,
        "filled_elements": border * kernel_height * length - inside["border_taps"] * depth,
        "expanded_16s": plain * kernel_height * (row_fours // 4) + (copied + border) * (fours // 4),
        "expanded_4s": plain * kernel_height * (row_fours % 4) + (copied + border) * (fours % 4),
    }


def _band(op: Conv2D, net: Net, output_rows: int) -> Counts:
    """Counts of the rows under some rows of outputs, as `runtime/lp_band.h` keeps them."""
    height, _, depth = net.tensors[op.inputs[0]].shape
    rows, columns, _ = net.tensors[op.outputs[0]].shape
    kernel_height = net.tensors[op.inputs[1]].shape[1]
    stride, across, planes = op.strides[0], columns + BAND_WIDTH - 1, depth // 4
    held = first = taken = outside = moved = fills = 0
    end = (rows - 1) * stride + kernel_height
    for row in range(0, rows, output_rows):
        gone = row * stride - first
        kept = max(held - gone, 0)
        moved += kept * (gone > 0)
        first += gone
        held = min((output_rows - 1) * stride + kernel_height, end - first)
        places = range(first + kept - op.padding.top, first + held - op.padding.top)
        taken, fills = taken + len(places), fills + 1
        outside += sum(not 0 <= place < height for place in places)
    return {
        "band_fills": fills,
        "band_rows": taken,
        "band_rows_outside": outside,
        "band_planes": taken * planes,
        "band_fours": taken * planes * across,
        "band_columns": taken * across,
        "moved_fours": moved * planes * across,
    }


def _lanes(op: Conv2D, net: Net, packing: Packing) -> Counts:
    """Counts of a convolution whose weights of 2 or 4 bits are unpacked to two channels a halfword."""
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    bits, groups = net.tensors[op.inputs[1]].dtype.bits, -(-channels // LANE_CHANNELS)
    fours, pixels = fours_of(op, net), rows * columns
    if packing is Packing.LANES_BAND:
        unpacked, lines = -(-rows // band_rows(op, net)), rows
        whole, rest = columns // BLOCK_PIXELS, int(columns % BLOCK_PIXELS > 0)
        written, around = BLOCK_PIXELS * (whole + rest), _band(op, net, band_rows(op, net))
    elif packing is Packing.LANES_STRIP:
        fours, unpacked, lines = strip_fours(op, net), rows if held_groups(op, net) == 1 else 1, rows
        whole, rest, written = columns // BLOCK_PIXELS, int(columns % BLOCK_PIXELS > 0), columns
        around = in_strips(op, net)
    else:
        unpacked, lines = -(-pixels // (BLOCK_PIXELS * blocks_of(op, net))), 1
        whole, rest, written = pixels // BLOCK_PIXELS, int(pixels % BLOCK_PIXELS > 0), pixels
        around = _windows(op, net)
    calls = (unpacked if lines == 1 else lines) + rest * lines
    segment, passes = segment_fours(op, net), pass_segments(op, net)
    further = (fours - 1) // segment
    is_one_pass = passes > further
    quick = (channels // LANE_CHANNELS if is_one_pass and not is_shifted(op, net) else 0) * lines
    blocks, slow = (whole + rest) * lines * groups, (whole + rest) * (lines * groups - quick)
    small = packing is not Packing.LANES_BAND and is_small(op, net, fours)
    return {
        **around,
        f"unpacked_fours_of_{bits}_bits": unpacked * groups * fours,
        "unpackings": unpacked * groups,
        "output_calls": calls * groups,
        "lane_blocks": blocks,
        "lane_fours": blocks * fours,
        "lane_rounds": 0 if small else blocks * _rounds(fours, segment, packing),
        "small_blocks": blocks * small,
        "small_calls": calls * groups * small,
        "lane_splits": blocks * further,
        "lane_passes": 0 if is_one_pass else blocks * -(-(further + 1) // passes),
        **_summed(op, net, slow, lines * written * channels - quick * LANE_CHANNELS * written),
    }


def _rounds(fours: int, segment: int, packing: Packing) -> int:
    """How often loops that take some fours at a time run, from segment to segment."""
    step = 2 * BAND_WIDTH if packing is Packing.LANES_BAND else 4
    further = (fours - 1) // segment
    return -(-(fours - further * segment) // step) + further * -(-segment // step)


def _summed(op: WeightedOp, net: Net, blocks: int, outputs: int) -> Counts:
    """Counts of outputs that come one by one from sums."""
    return {
        "summed_blocks": blocks,
        "summed_outputs": outputs,
        "shifted_outputs": outputs * is_shifted(op, net),
    }


def _nibbles(op: Conv2D, net: Net) -> Counts:
    """Counts of a convolution of four channels a halfword, two pixels at a time."""
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    groups, in_rows, segment = -(-channels // LANE_CHANNELS), fits_band(op, net), nibble_segment(op, net)
    unit = BAND_WIDTH if in_rows else 1
    units = fours_of(op, net) // unit if in_rows else fours_of(op, net)
    blocks = rows * -(-columns // NIBBLE_PIXELS) if in_rows else -(-rows * columns // NIBBLE_PIXELS)
    segments, step = -(-units // segment), 2 if in_rows else 4
    rounds = (segments - 1) * -(-segment // step) + -(-(units - (segments - 1) * segment) // step)
    quick = channels // LANE_CHANNELS if segments == 1 and not is_shifted(op, net) else 0
    pixels = NIBBLE_PIXELS * blocks if in_rows else rows * columns
    window_rows = net.tensors[op.inputs[1]].shape[1] if in_rows else 0
    return {
        **(_band(op, net, 1) if in_rows else _windows(op, net)),
        "nibble_blocks": blocks,
        "window_sums": blocks * window_rows,
        "nibble_groups": blocks * quick,
        "nibble_calls": blocks * ((quick > 0) + (groups - quick) * segments),
        "nibble_fours": blocks * groups * units * unit,
        "nibble_rounds": blocks * groups * rounds,
        "nibble_segments": blocks * groups * (segments - 1),
        **_summed(op, net, blocks * (groups - quick), pixels * (channels - LANE_CHANNELS * quick)),
    }


def _dense_nibbles(op: FullyConnected, net: Net) -> Counts:
    """The same of a matrix product, some inputs after others."""
    outputs = net.tensors[op.inputs[1]].shape[0]
    groups, fours = -(-outputs // LANE_CHANNELS), fours_of(op, net)
    part = min(nibble_segment(op, net), NIBBLE_PART_FOURS)
    parts, rest = divmod(fours, part)
    sixteens, singles = parts * (part // 4) + rest // 4, parts * (part % 4) + rest % 4
    times = -(-fours // part)
    return {
        "input_fours": fours,
        "input_rest": net.tensors[op.inputs[1]].shape[1] % 4,
        "has_rest": net.tensors[op.inputs[1]].shape[1] % 4 > 0,
        "parts": times,
        "part_groups": times * groups,
        "group_parts_with_16s": groups * (parts * (part >= 4) + (rest >= 4)),
        "group_16s": groups * sixteens,
        "group_4s": groups * singles,
        "outputs": outputs,
        "shifted_outputs": outputs * is_shifted(op, net),
    }


def _dense_lanes(op: FullyConnected, net: Net) -> Counts:
    """The same of two channels a halfword, segment by segment."""
    outputs, bits = net.tensors[op.inputs[1]].shape[0], net.tensors[op.inputs[1]].dtype.bits
    groups, fours, segment = -(-outputs // LANE_CHANNELS), fours_of(op, net), segment_fours(op, net)
    further = (fours - 1) // segment
    first = fours - further * segment
    sixteens, singles = first // 4 + further * (segment // 4), first % 4 + further * (segment % 4)
    return {
        "input_fours": fours,
        "has_rest": net.tensors[op.inputs[1]].shape[1] % 4 > 0,
        "segments": further + 1,
        "groups": groups,
        "group_segments": groups * (further + 1),
        "group_calls": groups * ((first >= 4) + further * (segment >= 4)),
        f"group_16s_of_{bits}_bits": groups * sixteens,
        f"group_4s_of_{bits}_bits": groups * singles,
        "outputs": outputs,
        "shifted_outputs": outputs * is_shifted(op, net),
    }


def stored(op: Op, net: Net, fours: int, packing: Packing) -> Counts:
    """Counts that follow from how weights are stored, and from their scales.

    Args:
        fours: of weights, or of those that fill up.
        packing: of the kernel.
    """
    assert isinstance(op, WeightedOp)
    weights, output = net.tensors[op.inputs[1]], net.tensors[op.outputs[0]]
    bits = weights.dtype.bits
    found: Counts = {"weight_fours": fours}
    found |= {f"parts_of_{plane}_bits": fours for plane in (4, 2, 1) if bits & plane}
    if packing is Packing.BITS:
        found["unpacked_weights"] = weights.elements
        found["unpacked_bytes"] = weights.elements * bits / 8
        found["channels"] = output.shape[-1]
    # Of whole bytes they would make what is predicted before training differ from what is compiled.
    wide = (DType.FLOAT32, DType.INT16)
    if weights.dtype.narrow and {net.tensors[op.inputs[0]].dtype, output.dtype}.isdisjoint(wide):
        # Weights of depthwise convolutions, and of what is computed as one, may be doubled instead.
        by_channel = isinstance(op, DepthwiseConv2D) or (isinstance(op, Conv2D) and comes_by_channel(op, net))
        doubled = is_shifted(op, net) and by_channel and doublings_of(op, weighted(op, net), _KEPT)
        found["shifted_outputs"] = math.prod(output.shape) * (is_shifted(op, net) and not doubled)
    return found


def of_channels(op: Conv2D, net: Net, channels: int) -> Net:
    """The network as if `op` had so many output channels."""
    weights, output = net.tensors[op.inputs[1]], net.tensors[op.outputs[0]]
    parts = (
        replace(weights, shape=(channels, *weights.shape[1:]), data=None),
        replace(output, shape=(*output.shape[:2], channels)),
    )
    return replace(net, tensors={**net.tensors, **{part.name: part for part in parts}})
