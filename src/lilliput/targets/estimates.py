"""About how many cycles the ways to convolve with weights of few bits take, so that the fastest is chosen.

An estimate is a sum over products, outputs, pixels, inputs that are expanded and weights that are unpacked,
at rates that were measured on a Cortex-M4.  It follows from shapes and types, and from whether sums must be
doubled before they are scaled.  `targets/slots.py` and `targets/lanes.py` have some of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D
from lilliput.net.tensor import DType
from lilliput.targets.kernel import LANE_LAYOUTS, Kernel, Layout, to_four
from lilliput.targets.lanes import NIBBLE_CHANNELS, fours_of, lane_cycles
from lilliput.targets.planes import chunk_channels
from lilliput.targets.slots import slots_of
from lilliput.targets.strip import strip_fours

NIBBLE_PIXELS = 2
"""Output pixels that a pass over nibbles takes."""
LIMIT_CYCLES = 1.8
"""Of an output that keeps a range smaller than int8, where that takes a pass of its own."""
SLOTS_DOUBLED, LANES_DOUBLED = 12, 30
"""What an output takes more whose sum is doubled."""
COPIED = 1.6
"""Times what expanding an input takes where rows of a window are no multiple of four, so copied first."""


class Rates(NamedTuple):
    """Cycles of a kernel.

    Attributes:
        product: of a product.
        output: of an output.
        single: of one that is made by itself, of nibbles.
        pixel: of a pixel.
        taken: of an input that is expanded.
        weight: of a weight that is unpacked.
    """

    product: float
    output: float
    single: float = 0
    pixel: float = 0
    taken: float = 0
    weight: float = 0


UNPACKED = 1.4
RATES: Mapping[str, Rates] = {
    "lp_conv2d_1x1_dsp_planes_s8": Rates(1.02, 10, pixel=65, weight=UNPACKED),
    "lp_conv2d_rows_dsp_planes_s8": Rates(1.06, 10.5, pixel=40, taken=2.6, weight=UNPACKED),
    "lp_conv2d_colour_dsp_planes_s8": Rates(1.03, 10.5, pixel=100, taken=400, weight=UNPACKED),
    "lp_conv2d_strip_dsp_planes_s8": Rates(1.03, 10.5, pixel=80, taken=6, weight=UNPACKED),
    "lp_conv2d_dsp_planes_s8": Rates(0.98, 10.5, pixel=200, taken=3.9, weight=UNPACKED),
    "lp_depthwise_conv2d_dsp_planes_s8": Rates(0, 22, taken=0.6, weight=UNPACKED),
    "lp_conv2d_nibbles_rows_dsp_s8": Rates(1.01, 11, 33, pixel=160, taken=9.7),
    "lp_conv2d_nibbles_dsp_s8": Rates(0.97, 13, 35, pixel=185, taken=4.8),
}
"""Kernel → what it takes."""


def cycles(op: Conv2D, net: Net, kernel: Kernel, doubled: bool) -> float:
    """About how many cycles `kernel` takes for `op`, whose sums must be doubled or not."""
    if kernel.layout is Layout.SLOTS:
        way = slots_of(op, net)
        assert way is not None
        return way.cycles + doubled * SLOTS_DOUBLED * net.tensors[op.outputs[0]].elements
    if kernel.layout in LANE_LAYOUTS:
        return lane_cycles(op, net) + doubled * LANES_DOUBLED * net.tensors[op.outputs[0]].elements
    rates = RATES[kernel.function]
    channels = net.tensors[op.inputs[1]].shape[0]
    elements = 4 * (strip_fours(op, net) if _in_strip(kernel) else fours_of(op, net))
    pixels = _pixels(op, net, kernel)
    found = pixels * rates.pixel + _taken(op, net, kernel) * rates.taken
    if kernel.in_planes:
        is_limited = net.tensors[op.outputs[0]].dtype is not DType.INT8
        outputs = channels * (rates.output + LIMIT_CYCLES * is_limited)
        found += channels * elements * rates.weight
    else:
        quick = 0 if doubled else channels // NIBBLE_CHANNELS * NIBBLE_CHANNELS
        outputs = quick * rates.output + (channels - quick) * rates.single
        channels = to_four(channels)
    return found + pixels * (outputs + channels * elements * rates.product)


def _in_strip(kernel: Kernel) -> bool:
    return kernel.layout is Layout.SPLIT_STRIP


def _pixels(op: Conv2D, net: Net, kernel: Kernel) -> int:
    """Output pixels, with those that fill blocks."""
    rows, columns, _ = net.tensors[op.outputs[0]].shape
    match kernel.layout:
        case Layout.NIBBLES_ROWS:
            return rows * -(-columns // NIBBLE_PIXELS) * NIBBLE_PIXELS
        case Layout.NIBBLES:
            return -(-rows * columns // NIBBLE_PIXELS) * NIBBLE_PIXELS
        case Layout.SPLIT_ROWS | Layout.SPLIT_STRIP:
            return rows * to_four(columns)
        case _:
            return to_four(rows * columns)


def _taken(op: Conv2D, net: Net, kernel: Kernel) -> float:
    """Inputs that are expanded, of rows, a strip, or each window; of colour images windows on the border."""
    rows, columns, _ = net.tensors[op.outputs[0]].shape
    channels, height, width, depth = net.tensors[op.inputs[1]].shape
    if kernel.layout in (Layout.SPLIT_ROWS, Layout.NIBBLES_ROWS):
        return ((rows - 1) * op.strides[0] + height) * (columns * op.strides[1] + 2) * depth
    if kernel.layout is Layout.SPLIT_COLOUR:
        sides = (op.padding.top, op.padding.bottom), (op.padding.left, op.padding.right)
        tall, wide = rows - sum(side > 0 for side in sides[0]), columns - sum(side > 0 for side in sides[1])
        return rows * columns - max(tall, 0) * max(wide, 0)
    if _in_strip(kernel):
        return rows * height * (columns * op.strides[1] + width) * depth
    is_cut = kernel.layout is Layout.SPLIT_PAIRS
    times = -(-channels // chunk_channels(op, net, kernel.layout)) if is_cut else 1
    return rows * columns * height * width * depth * times * (COPIED if width * depth % 4 else 1)
