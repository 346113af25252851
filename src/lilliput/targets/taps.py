"""Which depthwise convolutions are multiplied as they lie, for cores with DSP instructions.

`lp_depthwise_conv2d_taps_dsp_s8` takes four channels of each element of a window.  The other kernels copy
their input to where several outputs share what is unpacked; that pays where there are many outputs, and where
windows are 3x3.  About how many cycles each takes follows from shapes, as measured on a Cortex-M4.
"""

from __future__ import annotations

from collections import Counter

from lilliput.net.access import Access
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import DepthwiseConv2D
from lilliput.targets.cores import Core
from lilliput.targets.kernel import Kernel, Layout, in_profile, to_four
from lilliput.targets.weighted import (
    STRIP_ROWS,
    depthwise_in_strips,
    fits_dsp,
    takes_columns,
)

LEAST_CHANNELS = 4
"""It takes four at a time."""
LEAST_GAIN = 1.4
"""So many times its cycles another kernel for 3x3 windows, which most networks have already, has to take: the
code of one more is 1 kB."""
MOST_FOR_MEMORY = 3
"""Where memory counts most, so many times the cycles are given for outputs in place of inputs."""


def depthwise(op: DepthwiseConv2D, net: Net, core: Core) -> Kernel:
    """The kernel of a depthwise convolution."""
    found = depthwise_in_strips(op, net, core)
    if core.has_mve or not core.has_dsp or net.optimize is Optimize.FLASH or not fits_taps(op, net):
        return found
    if found.layout is not Layout.PLAIN:
        saves_memory = net.optimize is Optimize.RAM and found.access is Access.CHANNELS
        is_usual = found.layout is Layout.TAP_BY_TAP
        copying = _fours_cycles(op, net) if is_usual else _channel_cycles(op, net)
        most = MOST_FOR_MEMORY if saves_memory else LEAST_GAIN if is_usual else 1
        if copying <= taps_cycles(op, net) * most:
            return found
    return Kernel(
        in_profile("lp_depthwise_conv2d_taps_dsp", op), layout=Layout.TAP_BY_TAP, access=Access.WINDOWS
    )


def fits_taps(op: DepthwiseConv2D, net: Net) -> bool:
    """Whether the kernel holds the factors of `op`, which makes one output of each of enough channels."""
    channels = net.tensors[op.outputs[0]].shape[2]
    keeps_channels = net.tensors[op.inputs[0]].shape[2] == channels
    return keeps_channels and channels >= LEAST_CHANNELS and fits_dsp(op, net)


def elements_inside(
    length: int, outputs: int, window: int, stride: int, dilation: int, before: int
) -> tuple[int, ...]:
    """For each position of a window along one side: how many of its elements lie inside the image."""
    starts = (position * stride - before for position in range(outputs))
    return tuple(sum(0 <= start + k * dilation < length for k in range(window)) for start in starts)


def taps_cycles(op: DepthwiseConv2D, net: Net) -> float:
    """About what multiplying elements where they lie takes: runs of them, two elements at a time."""
    height, width, _ = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    taps_y = elements_inside(height, rows, kernel_height, op.strides[0], op.dilation[0], op.padding.top)
    taps_x = elements_inside(width, columns, kernel_width, op.strides[1], op.dilation[1], op.padding.left)
    whole = taps_x.count(kernel_width)
    inside = 0.0
    for tall, down in Counter(taps_y).items():
        for wide, across in Counter(taps_x).items():
            pairs, odd = divmod(max(tall, wide), 2)
            inside += down * across * min(tall, wide) * (12 + 14 * odd + 27 * pairs)
    around = rows * (60 + 135 * (columns - whole + (whole > 0))) + rows * columns * 15
    return around + -(-channels // 4) * (rows * columns * 88 + inside)


def _fours_cycles(op: DepthwiseConv2D, net: Net) -> float:
    """About what `lp_depthwise_conv2d_fours_dsp_s8` takes: two by two outputs, or two of an odd column."""
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    pairs = -(-rows // 2)
    row, block, single = (30, 81, 50) if op.strides == (1, 1) else (67, 123, 75)
    outputs = pairs * (row + columns // 2 * block + columns % 2 * single)
    return 200 + channels * (115 + outputs)


def _channel_cycles(op: DepthwiseConv2D, net: Net) -> float:
    """About what `lp_depthwise_conv2d_dsp_s8` takes: strips of rows or columns, outputs four by four."""
    sides = [net.tensors[name].shape[:2] for name in (op.inputs[0], op.outputs[0], op.inputs[1])]
    _, (rows, columns), (tall, wide) = [side[::-1] for side in sides] if takes_columns(op, net) else sides
    width = sides[0][0] if takes_columns(op, net) else sides[0][1]
    stride, across = op.strides[::-1] if takes_columns(op, net) else op.strides
    strips, blocks, quads = -(-rows // STRIP_ROWS), rows * -(-columns // 4), to_four(wide) // 4
    taken = ((rows - 1) * stride + tall) * (15 + 3.3 * width)
    if (tall, wide) == (3, 3) and across <= 2 and columns >= 4:
        outputs = strips * (220 + 70 * across) + rows * 32 + blocks * (34 + 50 * across)
    else:
        outputs = strips * (210 + tall * (21 + 68 * quads)) + rows * 21
        outputs += blocks * (72 + tall * (11 + 31 * quads)) + rows * columns * 17
    return 180 + net.tensors[op.outputs[0]].shape[2] * (38 + taken + outputs)
