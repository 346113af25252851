"""How often the loops of kernels run that walk over windows where they lie; see `cycle_counts.py`.

All of them take the rows of the window in the image for each row of outputs, and the columns of it for each
column of outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lilliput.cost.loops import Counts, split_up
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D
from lilliput.targets.strip import strip_columns, strip_ends, strip_runs
from lilliput.targets.weighted import STRIP_ROWS

ASSEMBLY_WIDTH = 3
"""Columns of the windows that there is assembly for."""


def in_pixel_pairs(op: Conv2D, net: Net, taps_x: Sequence[int]) -> Counts:
    """Counts of a kernel that gathers windows of two pixels, a run of inputs of both after the other.

    Args:
        taps_x: columns of the window in the image, for each column of outputs.
    """
    _, kernel_height, kernel_width, depth = net.tensors[op.inputs[1]].shape
    rows = net.tensors[op.outputs[0]].shape[0]
    are_whole = np.tile([taps == kernel_width and op.dilation[1] == 1 for taps in taps_x], rows)
    # The last pixel stands for those that are missing to fours.
    pairs = np.pad(are_whole, (0, -len(are_whole) % 4), mode="edge").reshape(-1, 2)
    whole = int(pairs.all(axis=1).sum())
    runs, columns = whole * kernel_height, (len(pairs) - whole) * kernel_height * kernel_width
    return {
        "pixel_pairs": len(pairs),
        "pair_rows": len(pairs) * kernel_height,
        "pair_runs": runs + columns,
        "pair_twos": runs * (kernel_width * depth // 2) + columns * (depth // 2),
        "pair_ones": runs * (kernel_width * depth % 2) + columns * (depth % 2),
    }


def in_places(
    taps_y: Sequence[int], taps_x: Sequence[int], kernel: tuple[int, int], depth: int, channels: int
) -> Counts:
    """Counts of a kernel that looks at each place of a window, channel by channel.

    Args:
        kernel: height and width of a window.
        depth, channels: of the image and of the outputs.
    """
    outputs, inside = channels * len(taps_y) * len(taps_x), channels * sum(taps_y) * sum(taps_x)
    return {
        "rows": len(taps_y),
        "pixels": len(taps_y) * len(taps_x),
        "outputs": outputs,
        "window_rows": outputs * kernel[0],
        "places": outputs * kernel[0] * kernel[1],
        "places_in_rows": channels * sum(taps_y) * len(taps_x) * kernel[1],
        "places_inside": inside,
        "products": inside * depth,
    }


def in_runs(
    taps_y: Sequence[int],
    taps_x: Sequence[int],
    kernel_height: int,
    pieces: int,
    depth: int,
    channels: tuple[int, int],
) -> Counts:
    """Counts of a kernel that multiplies runs of columns that lie side by side, some channels at a time.

    Args:
        pieces: runs of a row of the window: 1, or one for each column where columns lie apart.
        depth: of the image.
        channels: of the outputs, and how many are taken at a time.
    """
    pixels, groups = len(taps_y) * len(taps_x), -(-channels[0] // channels[1])
    runs = sum(taps_y) * (len(taps_x) if pieces == 1 else sum(taps_x))
    return {
        "rows": len(taps_y),
        "pixels": pixels,
        "outputs": pixels * channels[0],
        "window_rows": pixels * kernel_height,
        "pieces": pixels * kernel_height * pieces,
        "pieces_in_rows": sum(taps_y) * len(taps_x) * pieces,
        "runs": runs,
        "group_runs": groups * runs,
        "group_products": groups * sum(taps_y) * sum(taps_x) * depth,
    }


def in_pairs(op: DepthwiseConv2D, net: Net) -> Counts:
    """Counts of a kernel that makes two outputs of a row of a channel at a time, strip by strip of rows."""
    height, width, _ = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    (stride, step), pairs = op.strides, -(-columns // 2)
    words, overlap = (2 * pairs - 1) * step + kernel_width, max(kernel_height - stride, 0)
    strips = taken = inside = 0
    for first in range(0, rows, STRIP_ROWS):
        top = first * stride - op.padding.top
        bottom = top + (min(rows - first, STRIP_ROWS) - 1) * stride + kernel_height
        top += overlap * (first > 0)
        strips, taken = strips + 1, taken + bottom - top
        inside += max(min(bottom, height) - max(top, 0), 0)
    like = "three" if kernel_width == ASSEMBLY_WIDTH else "any"
    filled = inside * min(width, max(words - op.padding.left, 0))
    return {
        "channels": channels,
        "taps": channels * kernel_height * kernel_width,
        "strips": channels * strips,
        "kept_words": channels * (strips - 1) * overlap * words,
        "taken_rows": channels * taken,
        "taken_inputs": channels * filled,
        "taken_words": channels * taken * words,
        "padding_words": channels * (taken * words - filled),
        f"{like}_rows": channels * rows,
        f"{like}_pairs": channels * rows * pairs,
        f"{like}_window_rows": channels * rows * pairs * kernel_height,
        f"{like}_taps": channels * rows * pairs * kernel_height * kernel_width,
        "outputs": channels * rows * columns,
    }


def in_channels(taps_y: Sequence[int], taps_x: Sequence[int], channels: tuple[int, int]) -> Counts:
    """Counts of a kernel that multiplies some channels of each element of a window at a time.

    Args:
        channels: of the outputs, and how many are taken at a time.
    """
    pixels, rows, taps = len(taps_y) * len(taps_x), sum(taps_y) * len(taps_x), sum(taps_y) * sum(taps_x)
    found: Counts = {"rows": len(taps_y), "pixels": pixels, "outputs": pixels * channels[0]}
    for size, blocks in split_up(channels[0], channels[1:]):
        found |= {
            f"channel_{size}s": pixels * blocks,
            f"tap_rows_{size}s": rows * blocks,
            f"taps_{size}s": taps * blocks,
        }
    return found


def in_taps(taps_y: Sequence[int], taps_x: Sequence[int], kernel_width: int, channels: int) -> Counts:
    """Counts of a kernel that multiplies four channels of one element of a window after the other.

    Elements of a window come in runs of rows or columns, whichever are longer; two of a run at a time.
    """
    pixels, groups, rest = len(taps_y) * len(taps_x), -(-channels // 4), channels % 4
    whole = taps_x.count(kernel_width)
    found: Counts = {
        "rows": len(taps_y),
        "calls": len(taps_y) * (len(taps_x) - whole + (whole > 0)),
        "pixels": pixels,
        "groups": pixels * groups,
        "rest_pixels": pixels * (rest > 0),
        "rest_outputs": pixels * rest,
        "group_runs": 0.0,
        "group_odd_runs": 0.0,
        "group_pairs": 0.0,
        "crossing_elements": 0.0,
    }
    for rows, times in Counter(taps_y).items():
        for columns, across in Counter(taps_x).items():
            runs, (pairs, odd) = times * across * groups * min(rows, columns), divmod(max(rows, columns), 2)
            found["group_runs"] += runs
            found["group_odd_runs"] += runs * odd
            found["group_pairs"] += runs * pairs
            found["crossing_elements"] += runs * (2 * pairs + odd) * (rest > 0)
    return found


def in_strips(op: Conv2D, net: Net) -> Counts:
    """Counts of the strips of `runtime/lp_strip.h`, row by row of outputs."""
    _, width, depth = net.tensors[op.inputs[0]].shape
    rows = net.tensors[op.outputs[0]].shape[0]
    kernel_height, across = net.tensors[op.inputs[1]].shape[1], strip_columns(op, net)
    reached = (rows - 1) * min(op.strides[0], kernel_height) + kernel_height
    copied = reached * (op.padding.left + op.padding.right > 0)
    return {
        "rows": rows,
        "strip_rows": rows * kernel_height,
        "strip_runs": rows * kernel_height * strip_runs(op, net),
        "strip_fours": rows * across * kernel_height,
        "end_fours": rows * strip_ends(op, net),
        "copied_rows": copied,
        "copied_elements": copied * width * depth,
    }
