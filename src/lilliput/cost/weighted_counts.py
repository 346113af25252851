"""How often the loops of convolutions and matrix products run; see `cycle_counts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lilliput.cost.few_bit_counts import in_halfwords, in_pixels, in_row_pairs, of_channels, stored
from lilliput.cost.loops import Counts, is_limited, split_up
from lilliput.cost.slot_counts import in_slots
from lilliput.cost.window_counts import (
    in_channels,
    in_pairs,
    in_pixel_pairs,
    in_places,
    in_runs,
    in_strips,
    in_taps,
)
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected, Op
from lilliput.net.tensor import DType
from lilliput.targets.blocking import Blocking, Packing
from lilliput.targets.dense import SPARSE_ROWS, SPARSE_SHARE
from lilliput.targets.kernel import Layout, to_four
from lilliput.targets.planes import chunk_channels
from lilliput.targets.strip import strip_fours
from lilliput.targets.taps import elements_inside
from lilliput.targets.weighted import comes_in_fours, fours_strip, takes_columns


def conv2d(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, Conv2D)
    height, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    _, kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    taps_y = elements_inside(height, rows, kernel_height, op.strides[0], op.dilation[0], op.padding.top)
    taps_x = elements_inside(width, columns, kernel_width, op.strides[1], op.dilation[1], op.padding.left)
    if blocking.spans:
        return _spans(taps_y, taps_x, depth, channels, blocking)
    if blocking.places:
        return in_places(taps_y, taps_x, (kernel_height, kernel_width), depth, channels)
    if blocking.runs:
        pieces = 1 if op.dilation[1] == 1 else kernel_width
        return in_runs(taps_y, taps_x, kernel_height, pieces, depth, (channels, blocking.channels))
    if blocking.strip:
        return _in_strip(op, net, blocking)
    if blocking.chunks:
        return _in_chunks(op, net, replace(blocking, chunks=False))
    if blocking.slots:
        return in_slots(op, net)
    if blocking.packing is Packing.PIXELS:
        return in_pixels(op, net)
    if blocking.packing.shares:
        return in_halfwords(op, net, blocking.packing)
    pixels, elements = rows * columns, kernel_height * kernel_width * depth
    long_runs = op.dilation[1] == 1
    whole_x = taps_x.count(kernel_width)
    whole = taps_y.count(kernel_height) * whole_x if long_runs else 0
    run = kernel_width * depth if long_runs else depth
    # The last pixel of a block stands for those that are missing.
    missing = -pixels % blocking.pixels
    if long_runs and taps_y[-1] == kernel_height and taps_x[-1] == kernel_width:
        whole += missing
    border_rows = (pixels + missing - whole) * kernel_height
    # Rows of a border window that need no element by element care.
    easy_rows = (sum(taps_y) - taps_y.count(kernel_height) * kernel_height * long_runs) * whole_x
    hard_rows = border_rows - easy_rows
    hard_runs = hard_rows * (1 if long_runs else kernel_width)
    inside = sum(taps_y) * sum(taps_x)
    runs = sum(taps_y) * (columns if long_runs else sum(taps_x))
    groups = -(-channels // blocking.channels)
    found: Counts = {
        "rows": rows,
        "pixels": pixels,
        "segments": -(-pixels // blocking.pixels) * groups,
        "whole_windows": whole,
        "whole_rows": whole * kernel_height,
        "border_rows": border_rows,
        "border_runs": border_rows * (1 if long_runs else kernel_width),
        "border_elements": border_rows * kernel_width * depth,
        "easy_rows": easy_rows,
        "easy_elements": easy_rows * kernel_width * depth,
        "hard_rows": hard_rows,
        "missing_pixels": missing,
        "missing_depth": missing * depth,
        "outputs": pixels * channels,
        "limited_outputs": pixels * channels * is_limited(op, net),
        "limited_blocks": -(-pixels // blocking.pixels) * is_limited(op, net),
        "output_rows": channels * columns * sum(taps_y),
        "products": channels * inside * depth,
        "padding_rows": channels * columns * (rows * kernel_height - sum(taps_y)),
        "padding_products": channels * (pixels * kernel_height * kernel_width - inside) * depth,
        "runs": runs,
        "group_runs": groups * runs,
        "group_products": groups * inside * depth,
        **stored(op, net, channels * -(-elements // 4), blocking.packing),
        "crossing_rows": channels * sum(taps_y) * (columns - whole_x),
    }
    found["gathered_taps"] = -(-pixels // blocking.pixels) * kernel_height * kernel_width
    found["gathered_elements"] = found["gathered_taps"] * depth
    for size, steps in split_up(run, blocking.gathered):
        found[f"whole_{size}s"] = whole * kernel_height * steps
        found[f"whole_rows_with_{size}s"] = whole * kernel_height * (steps > 0)
        found[f"hard_{size}s"] = hard_runs * steps
    for size, steps in split_up(depth, blocking.gathered):
        found[f"depth_{size}s"] = pixels * steps
        found[f"pixels_with_{size}s"] = pixels * (steps > 0)
    if depth % 4:
        for size, steps in split_up(to_four(elements), blocking.gathered):
            found[f"copied_{size}s"] = (pixels + missing) * steps
            found[f"copied_with_{size}s"] = (pixels + missing) * (steps > 0)
        found["copied_windows"] = whole
        found["copied_border_windows"] = pixels + missing - whole
    else:
        found |= _ring(op, net, blocking)
    rest = pixels % blocking.pixels
    few = rest if rest <= blocking.few_pixels else 0
    found |= _products(-(-(pixels - few) // blocking.pixels), channels, elements, blocking)
    odd = -(-pixels // blocking.pixels) * (channels % blocking.channels)
    found |= {"odd_blocks": odd, "odd_fours": odd * -(-elements // 4)}
    if elements == depth:
        found |= _pointwise(op, pixels, depth, channels, blocking)
    if few:
        pairs = few * (channels // blocking.channels)
        found["few_pixels"], found["few_pairs"] = few, pairs
        found["few_eights"] = pairs * -(-elements // 8)
    if blocking.gathers_pairs:
        found |= in_pixel_pairs(op, net, taps_x)
    # Only a kernel for integers takes the channels one by one.
    by_channel = depth == 1 and net.tensors[op.inputs[0]].dtype is not DType.FLOAT32
    return found | (_by_channel(op, net, (kernel_height, kernel_width), blocking) if by_channel else {})


def _in_chunks(op: Conv2D, net: Net, blocking: Blocking) -> Counts:
    """Counts of a kernel that computes some channels after others, from windows that are gathered anew."""
    layout = Layout.FOURS_FIRST if blocking.channels == 1 else Layout.SPLIT_PAIRS
    channels, chunk = net.tensors[op.outputs[0]].shape[2], chunk_channels(op, net, layout)
    whole, rest = divmod(channels, chunk)
    found: Counts = {}
    for times, part in ((whole, chunk), (1, rest)):
        for name, count in conv2d(op, of_channels(op, net, part), blocking).items() if part else ():
            found[name] = found.get(name, 0.0) + times * count
    return found


def _in_strip(op: Conv2D, net: Net, blocking: Blocking) -> Counts:
    """Counts of a kernel whose windows lie in a strip, row by row of outputs."""
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    fours = strip_fours(op, net)
    rest = columns % blocking.pixels
    few = rest if rest <= blocking.few_pixels else 0
    blocks = rows * -(-(columns - few) // blocking.pixels)
    odd = rows * -(-columns // blocking.pixels) * (channels % blocking.channels)
    pairs = rows * few * (channels // blocking.channels)
    return {
        **_products(blocks, channels, 4 * fours, blocking),
        **in_strips(op, net),
        "outputs": rows * columns * channels,
        "limited_outputs": rows * columns * channels * is_limited(op, net),
        "limited_blocks": (blocks + rows * few) * is_limited(op, net),
        "odd_blocks": odd,
        "odd_fours": odd * fours,
        **stored(op, net, channels * fours, blocking.packing),
        "few_pixels": rows * few,
        "few_pairs": pairs,
        "few_eights": pairs * -(-fours // 2),
    }


def _pointwise(op: Conv2D, pixels: int, depth: int, channels: int, blocking: Blocking) -> Counts:
    """Counts of a kernel that takes pixels side by side as they lie, blocks in one call; others singly."""
    fours, blocks = -(-depth // 4), -(-pixels // blocking.pixels)
    is_plain = depth % 4 == 0 and op.strides == (1, 1)
    is_run = is_plain and channels % blocking.channels == 0
    taken = 0 if is_plain else blocks * blocking.pixels
    return {
        "plain_fours": blocks * fours * is_plain,
        "single_pixels": taken,
        "single_fours": taken * fours,
        "block_calls": 1 if is_run else blocks,
    }


def _spans(
    taps_y: Sequence[int], taps_x: Sequence[int], depth: int, channels: int, blocking: Blocking
) -> Counts:
    """Counts of a kernel that multiplies rows of windows where they lie.

    Args:
        taps_y: rows of the window in the image, for each row of outputs.
        taps_x: columns of it, for each column of outputs.
    """
    pixels, rows = len(taps_y) * len(taps_x), sum(taps_y)
    found: Counts = {"rows": len(taps_y), "pixels": pixels, "outputs": pixels * channels}
    blocks = channels // blocking.channels + channels % blocking.channels
    found |= {"channel_blocks": pixels * blocks, "span_rows": rows * len(taps_x) * blocks}
    for taps in taps_x:
        for size, steps in split_up(taps * depth, blocking.elements):
            found[f"span_{size}s"] = found.get(f"span_{size}s", 0) + rows * steps * blocks
    return found


def _ring(op: Conv2D, net: Net, blocking: Blocking) -> Counts:
    """Counts of a kernel that keeps the rows under its windows in a ring, planes of four channels each."""
    _, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    kernel_height = net.tensors[op.inputs[1]].shape[1]
    planes = depth // 4
    taken = planes * (kernel_height + (rows - 1) * min(op.strides[0], kernel_height))
    blocks = rows * -(-columns // blocking.pixels)
    whole, odd = divmod(channels, blocking.channels)
    stride = op.strides[1]
    # A window's rows begin in the ring's first slot, or go on there.
    starts = [row * min(op.strides[0], kernel_height) % kernel_height for row in range(rows)]
    across = blocks // rows * sum(start > 0 for start in starts)
    return {
        "ring_planes": taken,
        "ring_fours": taken * (width // 4),
        "ring_rest": taken * (width % 4),
        "ring_bytes": depth * kernel_height * columns * stride,
        "ring_rows": rows,
        "ring_blocks": blocks,
        "ring_channel_blocks": blocks * whole,
        "ring_wraps": across * whole,
        f"ring_{stride}_planes": blocks * whole * kernel_height * planes,
        "ring_odd_channels": blocks * odd,
        "ring_odd_planes": blocks * odd * kernel_height * planes,
    }


def _products(blocks: int, channels: int, elements: int, blocking: Blocking) -> Counts:
    """Counts of loops that multiply blocks of inputs by blocks of channels."""
    whole, odd = divmod(channels, blocking.channels)
    groups = blocks * -(-channels // blocking.channels)
    found: Counts = {"blocks": blocks, "channel_blocks": blocks * whole, "odd_channels": blocks * odd}
    found["groups"] = groups
    elements = -(-elements // blocking.filled) * blocking.filled
    for size, steps in split_up(elements, blocking.elements):
        found[f"group_{size}s"] = groups * steps
        found[f"block_{size}s"] = blocks * whole * steps
        found[f"blocks_with_{size}s"] = blocks * whole * (steps > 0)
        found[f"odd_{size}s"] = blocks * odd * steps
        found[f"odd_with_{size}s"] = blocks * odd * (steps > 0)
    return found


def depthwise(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, DepthwiseConv2D)
    height, width, _ = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    taps_y = elements_inside(height, rows, kernel_height, op.strides[0], op.dilation[0], op.padding.top)
    taps_x = elements_inside(width, columns, kernel_width, op.strides[1], op.dilation[1], op.padding.left)
    if blocking.spans:
        return in_channels(taps_y, taps_x, (channels, blocking.channels))
    weights = stored(op, net, -(-kernel_height * kernel_width * channels // 4), blocking.packing)
    if blocking.taps:
        return in_taps(taps_y, taps_x, kernel_width, channels) | weights
    if blocking.pairs:
        return in_pairs(op, net) | weights
    blocks = -(-channels // blocking.channels)
    return {
        **_by_channel(op, net, (kernel_height, kernel_width), blocking),
        **(_by_fours(op, net) if comes_in_fours(op, net) else {}),
        **weights,
        "rows": rows,
        "pixels": rows * columns,
        "outputs": channels * rows * columns,
        "pixel_blocks": rows * columns * blocks,
        "window_rows": channels * columns * sum(taps_y),
        "block_window_rows": columns * sum(taps_y) * blocks,
        "block_window_taps": sum(taps_y) * sum(taps_x) * blocks,
        "products": channels * sum(taps_y) * sum(taps_x),
    }


def _by_fours(op: DepthwiseConv2D, net: Net) -> Counts:
    """Counts of a kernel that takes pairs of rows of four channels, and makes outputs two by two."""
    width = net.tensors[op.inputs[0]].shape[1]
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    stride, groups, row_pairs = op.strides[0], channels // 4, (rows + 1) // 2
    strip, words = fours_strip(op, net)
    strips, taken_columns = -(-row_pairs // strip), min(width, words - op.padding.left)
    taken = groups * (stride * row_pairs + 1)
    return {
        "fours_groups": groups,
        "fours_strips": groups * strips,
        "fours_pairs": taken,
        "fours_columns": taken * taken_columns,
        "fours_kept": groups * (strips - 1) * words * (strip > 1),
        "fours_filled": (stride * strip + 1) * (words - taken_columns),
        "fours_channel_strips": channels * strips,
        "fours_row_pairs": channels * row_pairs,
        "fours_single_rows": channels * (rows % 2),
        f"fours_{stride}_blocks": channels * row_pairs * (columns // 2),
        f"fours_{stride}_columns": channels * row_pairs * (columns % 2),
        "fours_limited": groups * rows * columns * is_limited(op, net),
    }


def _by_channel(
    op: Conv2D | DepthwiseConv2D, net: Net, kernel: tuple[int, int], blocking: Blocking
) -> Counts:
    """Counts of a kernel that takes strips of rows, or of columns, of one channel after the other."""
    height, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    (stride_y, stride_x), (top_padding, left_padding) = op.strides, (op.padding.top, op.padding.left)
    if blocking.turns and takes_columns(op, net):
        height, width, rows, columns, kernel = width, height, columns, rows, kernel[::-1]
        stride_y, stride_x, top_padding, left_padding = stride_x, stride_y, left_padding, top_padding
    strip_rows = min(rows, blocking.strip_rows)
    row_bytes = (to_four(columns) - 1) * stride_x + to_four(kernel[1])
    taken_columns = max(min(width, to_four(row_bytes) - left_padding), 0)
    strips = taken = filled = kept = 0
    for first in range(0, rows, strip_rows):
        top = first * stride_y - top_padding
        bottom = top + (min(rows - first, strip_rows) - 1) * stride_y + kernel[0]
        if strips:
            overlap = max(kernel[0] - stride_y, 0)
            top, kept = top + overlap, kept + overlap
        inside = max(min(bottom, height) - max(top, 0), 0)
        strips, taken, filled = strips + 1, taken + inside, filled + bottom - top - inside
    found: Counts = {
        "scratch_bytes": ((strip_rows - 1) * stride_y + kernel[0]) * to_four(row_bytes),
        "input_channels": depth,
        "strips": depth * strips,
        "output_strips": channels * strips,
        "kept_strips": depth * (strips - 1) * (kept > 0),
        "kept_fours": depth * kept * to_four(row_bytes) // 4,
        "taken_rows": depth * taken,
        "taken_fours": depth * taken * (taken_columns // 4),
        "taken_rest": depth * taken * (taken_columns % 4),
        "filled_rows": depth * filled,
        "filled_fours": depth * filled * (taken_columns // 4),
        "filled_rest": depth * filled * (taken_columns % 4),
    }
    whole, rest = divmod(columns, blocking.pixels)
    if kernel == (3, 3) and stride_x <= 2 and whole:
        return found | {
            f"nine_{stride_x}_strips": channels * strips,
            f"nine_{stride_x}_rows": channels * rows,
            f"nine_{stride_x}_blocks": channels * rows * (whole + bool(rest)),
            f"nine_{stride_x}_rows_with_rest": channels * rows * bool(rest),
            "limited_outputs": channels * rows * columns * is_limited(op, net),
        }
    quads, blocks = -(-kernel[1] // 4), whole + bool(rest)
    return found | {
        "any_strips": channels * strips,
        "any_kernel_rows": channels * strips * kernel[0],
        "any_kernel_taps": channels * strips * kernel[0] * quads * 4,
        "any_rows": channels * rows,
        "any_blocks": channels * rows * blocks,
        "any_window_rows": channels * rows * blocks * kernel[0],
        "any_window_quads": channels * rows * blocks * kernel[0] * quads,
        "any_window_taps": channels * rows * blocks * kernel[0] * kernel[1],
        "any_outputs": channels * rows * columns,
    }


def fully_connected(op: Op, net: Net, blocking: Blocking) -> Counts:
    outputs, inputs = net.tensors[op.inputs[1]].shape
    if blocking.spans:
        return _spans([1], [1], inputs, outputs, blocking)
    assert isinstance(op, FullyConnected)
    if blocking.packing.shares:
        return in_halfwords(op, net, blocking.packing)
    if blocking.lanes:
        return in_row_pairs(op, net)
    weights = net.tensors[op.inputs[1]].dtype
    passes = -(-inputs // blocking.pass_elements)
    found: Counts = {
        **_products(1, outputs, inputs, blocking),
        "passes": outputs // blocking.channels * passes,
        "odd_passes": outputs % blocking.channels * passes,
        **stored(op, net, outputs * -(-inputs // 4), blocking.packing),
        "outputs": outputs,
        "products": outputs * inputs,
        "inputs": inputs,
        "listed_blocks": outputs // SPARSE_ROWS,
        "listed_products": outputs * inputs * SPARSE_SHARE,
    }
    if weights.narrow:  # what fills no loop is taken out of each plane by itself
        found["rest_parts"] = outputs * -(-(inputs % 32) // 4) * weights.bits.bit_count()
    for size, steps in split_up(-(-inputs // blocking.filled) * blocking.filled, blocking.elements):
        found[f"input_{size}s"] = steps
        found[f"has_{size}s"] = steps > 0
    return found
