"""What the kernels for cores with Helium, vectors of 128 bits, can do, and the memory that they take."""

from __future__ import annotations

import math
from typing import NamedTuple

from lilliput.net.fixedpoint import WeightedOp, conv_requant
from lilliput.net.fixedpoint_tflm import conv_factors
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Conv2D, DepthwiseConv2D, Profile
from lilliput.targets.kernel import to_four

HEADER = "lp_helium.h"
"""Where the kernels are declared."""
LANES = 16
"""Bytes of a vector of Helium."""
WINDOWS_BYTES = 512
"""Scratch memory up to which `lp_conv2d_mve_s8` holds more windows than it has to; twice as much if it takes
them from lines that it holds, too."""
SMALL_WINDOWS = (8, 16, 32)
"""Bytes that windows are filled to whose weights it holds in registers."""
SMALL_WINDOWS_BYTES = 1024
"""Scratch memory up to which it holds those."""
FEWEST_WINDOWS, MOST_WINDOWS = 4, 16
"""Windows that it holds."""
SHORT_ROW, MEDIUM_ROW = 8, 24
"""Bytes of a row of a window, or of a column if those are apart, up to which windows are gathered of rows
that are held for that; up to the latter where they take no more than `LINES_BYTES`."""
LINES_BYTES, MOST_LINES_BYTES = 512, 2048
"""Scratch memory up to which it holds more rows than it has to for that, and any at all."""
PLACE_BYTES = 2
"""Of an element of a window that is gathered."""
BEHIND_WINDOWS = 16
"""Bytes that it may write behind the last window."""
STRIP_BYTES = 1024
"""Scratch memory up to which `lp_depthwise_conv2d_mve_s8` holds more rows than it has to."""
MOST_LINES = 254
"""Those that its parameters hold, in twos."""
FEWEST_LINES = {1: 4, 2: 2}
"""Steps → lines of outputs that it makes at once, at least, where there are as many."""
GROUP = 8
"""Channels that it copies side by side."""
PATCH_ZEROS = 5
"""Zeros before the weights of a channel."""
TILE = 8
"""Outputs that it makes at once."""
TAPS_BYTES = 2560
"""Scratch memory up to which `lp_depthwise_conv2d_windows_mve_s8` makes more lines than one at once; twice as
much where it makes several channels of one, which it then does one by one, each a little work."""
POINTER_BYTES, OFFSET_BYTES = 4, 2
"""Of the place of a patch and of an output."""


def fits_vectors(op: WeightedOp, net: Net) -> bool:
    """Whether all factors shift right, as vectors do: by the top word of a product at least."""
    if op.profile is Profile.LILLIPUT:
        return conv_requant(op, net).shift == 32
    return all(-31 <= factor.shift <= -1 for factor in conv_factors(op, net))


def _window_elements(op: Conv2D, net: Net) -> int:
    return math.prod(net.tensors[op.inputs[1]].shape[1:])


def has_small_windows(op: Conv2D, net: Net) -> bool:
    """Whether `lp_conv2d_mve_s8` holds the weights of two channels in registers."""
    return _window_elements(op, net) <= SMALL_WINDOWS[-1]


def small_window_bytes(elements: int) -> int:
    """Bytes that it fills such a window to."""
    return next(size for size in SMALL_WINDOWS if elements <= size)


def small_weights_bytes(channels: int, elements: int) -> int:
    """Those of the weights: vectors, or halves of vectors behind zeros, which lie behind the last, too."""
    size = small_window_bytes(elements)
    return channels * size if size >= LANES else channels * LANES + LANES - size


def conv_bytes(op: Conv2D, net: Net) -> int:
    """Scratch memory of `lp_conv2d_mve_s8`: windows, and the lines and places that they are gathered by."""
    lines = conv_lines(op, net)
    if not lines:
        return _windows_bytes(op, net)
    elements = _window_elements(op, net)
    small = has_small_windows(op, net)
    window_bytes = small_window_bytes(elements) if small else -(-elements // LANES) * LANES
    places = PLACE_BYTES * max(window_bytes, LANES)
    return _windows_bytes(op, net) + BEHIND_WINDOWS + to_four(_lines_bytes(op, net, lines)) + places


def conv_lines(op: Conv2D, net: Net) -> int:
    """Lines of outputs whose rows it holds, if it gathers windows of them: those of short rows."""
    _, tall, wide, depth = net.tensors[op.inputs[1]].shape
    piece = depth if op.dilation[1] > 1 else wide * depth
    most_bytes = MOST_LINES_BYTES if piece <= SHORT_ROW else LINES_BYTES
    is_whole = tall * wide == 1 and depth >= SHORT_ROW
    is_short = piece <= MEDIUM_ROW and _lines_bytes(op, net, 1) <= most_bytes
    if is_whole or not is_short or net.optimize is Optimize.RAM:
        return 0
    height = min(net.tensors[op.outputs[0]].shape[0], MOST_LINES)
    return max((n for n in range(1, height + 1) if _lines_bytes(op, net, n) <= LINES_BYTES), default=1)


def _lines_bytes(op: Conv2D, net: Net, lines: int) -> int:
    """Rows under some lines of outputs, with the columns that windows reach."""
    _, tall, wide, depth = net.tensors[op.inputs[1]].shape
    columns = (net.tensors[op.outputs[0]].shape[1] - 1) * op.strides[1] + (wide - 1) * op.dilation[1] + 1
    return ((lines - 1) * op.strides[0] + (tall - 1) * op.dilation[0] + 1) * columns * depth


def _windows_bytes(op: Conv2D, net: Net) -> int:
    """Windows filled to vectors, in pairs; small ones in fours."""
    elements = _window_elements(op, net)
    if has_small_windows(op, net):
        size = small_window_bytes(elements)
        pixels = math.prod(net.tensors[op.outputs[0]].shape[:2])
        return size * min(to_four(pixels), SMALL_WINDOWS_BYTES // size)
    window_bytes = -(-elements // LANES) * LANES
    most_bytes = 2 * WINDOWS_BYTES if conv_lines(op, net) else WINDOWS_BYTES
    fitting = most_bytes // window_bytes // 2 * 2
    return min(max(fitting, FEWEST_WINDOWS), MOST_WINDOWS) * window_bytes


def strip(op: DepthwiseConv2D, net: Net) -> tuple[int, int]:
    """Lines of outputs that `lp_depthwise_conv2d_mve_s8` makes of what it holds; bytes of a row of that."""
    height, width, _ = net.tensors[op.outputs[0]].shape
    stride = op.strides[0]
    unit = 3 - stride
    row_bytes = ((-(-width // 2) if stride == 1 else width) + 1) * 2 * GROUP
    fitting = (STRIP_BYTES // row_bytes - unit) // stride // unit * unit
    lines = FEWEST_LINES[stride]
    if net.optimize is not Optimize.RAM:
        lines = min(max(fitting, lines), MOST_LINES)
    return min(lines, -(-height // unit) * unit), row_bytes


def fits_strips(op: DepthwiseConv2D, net: Net) -> bool:
    """Whether `lp_depthwise_conv2d_mve_s8` has the window, and reaches what it gathers and scatters."""
    if net.tensors[op.inputs[1]].shape[:2] != (3, 3) or op.dilation != (1, 1):
        return False
    if op.strides not in ((1, 1), (2, 2)) or not fits_vectors(op, net):
        return False
    lines, row_bytes = strip(op, net)
    _, width, channels = net.tensors[op.outputs[0]].shape
    return 4 * row_bytes < 1 << 16 and (lines * width + TILE) * channels < 1 << 16


def patches_bytes(channels: int) -> int:
    """Weights of `lp_depthwise_conv2d_mve_s8`: a vector for each channel, and the zeros behind the last."""
    return channels * LANES + PATCH_ZEROS


def strips_bytes(op: DepthwiseConv2D, net: Net) -> int:
    """Scratch memory of `lp_depthwise_conv2d_mve_s8`: rows, and tiles of a whole and of a last strip.

    It is enough for every part of the output, too, whose last strips may have other lines and columns.
    """
    height, width, _ = net.tensors[op.outputs[0]].shape
    lines, row_bytes = strip(op, net)
    rows = lines + 2 if op.strides[0] == 1 else 2 * lines + 1
    tiles = [_tiles_bytes(op, count, width) for count in (min(lines, height), lines - 1)]
    return rows * row_bytes + sum(tiles[: 1 + (height > lines)])


def _tiles_bytes(op: DepthwiseConv2D, lines: int, width: int) -> int:
    """What it notes of the tiles of so many lines, in steps of one also of a last column by itself."""
    half, offsets_bytes = TILE // 2, TILE * OFFSET_BYTES
    if op.strides[0] == 2:
        return -(-lines * width // TILE) * (TILE * POINTER_BYTES + offsets_bytes)
    patches = -(-lines // 2) * (width // 2)
    tiles_bytes = -(-patches // 2) * (2 * POINTER_BYTES + offsets_bytes)
    return tiles_bytes + -(-lines // half) * (half * POINTER_BYTES + offsets_bytes)


class TapStrip(NamedTuple):
    """How `lp_depthwise_conv2d_windows_mve_s8` holds what lies under some lines of outputs.

    Attributes:
        transposed: whether it takes columns as rows.
        lines: of outputs that it makes at once.
        rows: of the output, or columns that are taken as such.
        vectors: that hold a window in pairs of taps.
        scratch_bytes: memory for rows and tiles; enough for every part of the output, too.
        fits: whether it reaches what it gathers and scatters.
    """

    transposed: bool
    lines: int
    rows: int
    vectors: int
    scratch_bytes: int
    fits: bool

    @property
    def strips(self) -> int:
        """How many there are."""
        return -(-self.rows // self.lines)


def tap_vectors(kernel: tuple[int, ...]) -> int:
    """Vectors that hold a window of rows and columns, two columns side by side."""
    tall, wide = kernel
    return -(-tall * -(-wide // 2) * 2 // LANES)


def tap_strip(op: DepthwiseConv2D, net: Net) -> TapStrip:
    """The strip within reach of which the fewest vectors hold a window, then the one with the fewest rows.

    Outputs take the place of inputs only if columns are no rows or all of them are read first: that counts
    most in a small arena.
    """
    strips = [_tap_strip(op, net, transposed) for transposed in (False, True)]
    saves_memory = net.optimize is Optimize.RAM

    def order(found: TapStrip) -> tuple[int, ...]:
        moves = found.transposed and found.strips > 1
        merits = (moves, found.vectors) if saves_memory else (found.vectors, moves)
        return (not found.fits, *merits, found.strips, found.rows)

    return min(strips, key=order)


def _tap_strip(op: DepthwiseConv2D, net: Net, transposed: bool) -> TapStrip:
    depth = net.tensors[op.inputs[0]].shape[2]
    output_height, output_width, channels = net.tensors[op.outputs[0]].shape
    tall, wide = kernel = _turned(net.tensors[op.inputs[1]].shape[:2], transposed)
    height, width = _turned((output_height, output_width), transposed)
    step_y, step_x = _turned(op.strides, transposed)
    apart_y, apart_x = _turned(op.dilation, transposed)
    columns = (width - 1) * step_x + (wide - 1) * apart_x + 1
    pair_bytes = 2 * min(depth, GROUP)
    row_bytes = -(-columns // (2 - step_x % 2)) * pair_bytes
    shared = (tall - 1) * apart_y + 1
    vectors = tap_vectors(kernel)

    def held_bytes(lines: int) -> int:
        tiles = [-(-count * width // TILE) for count in (lines, lines - 1)]
        tile_bytes = sum(tiles[: 1 + (height > lines)]) * TILE * (POINTER_BYTES + OFFSET_BYTES)
        rows_bytes = to_four(((lines - 1) * step_y + shared) * row_bytes)
        return to_four(apart_x * pair_bytes) + rows_bytes + vectors * LANES + tile_bytes

    most_bytes = TAPS_BYTES if depth == channels or vectors > 1 else 2 * TAPS_BYTES
    most_lines = 1 if net.optimize is Optimize.RAM else min(height, MOST_LINES)
    lines = max((n for n in range(1, most_lines + 1) if held_bytes(n) <= most_bytes), default=1)
    output_row, output_column = _turned((output_width, 1), transposed)
    scattered = ((lines - 1) * output_row + (width - 1) * output_column) * channels
    fits = max(shared * row_bytes, scattered) + LANES < 1 << 16
    return TapStrip(transposed, lines, height, vectors, held_bytes(lines), fits)


def _turned(sides: tuple[int, ...], transposed: bool) -> tuple[int, int]:
    """Rows and columns, the other way round if columns are taken as rows."""
    rows, columns = sides
    return (columns, rows) if transposed else (rows, columns)
