"""How often the loops of a kernel run, from shapes alone: what predicted cycles are a weighted sum of.

The names of counts are keys of `cycles.json`.  One list serves all kernels of an op, portable ones and those
for cores with DSP instructions, which compute 4 pixels by 2 channels at a time; the fit leaves out what does
not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    Softmax,
)

Counts = dict[str, float]

_STRIP_ROWS = 8
_POOL_BLOCK_CHANNELS = 16


def counts(op: Op, net: Net) -> Counts:
    """Count → how often, for the layer of `op`."""
    return {"once": 1.0, **COUNTS[type(op)](op, net)}


def _inside(length: int, outputs: int, window: int, stride: int, dilation: int, before: int) -> list[int]:
    """For each position of a window along one side: how many of its elements lie inside the image."""
    found = []
    for position in range(outputs):
        start = position * stride - before
        found.append(sum(0 <= start + k * dilation < length for k in range(window)))
    return found


def _conv2d(op: Op, net: Net) -> Counts:
    assert isinstance(op, Conv2D)
    height, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    _, kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    taps_y = _inside(height, rows, kernel_height, op.strides[0], op.dilation[0], op.padding.top)
    taps_x = _inside(width, columns, kernel_width, op.strides[1], op.dilation[1], op.padding.left)
    pixels, elements = rows * columns, kernel_height * kernel_width * depth
    long_runs = op.dilation[1] == 1
    whole_x = taps_x.count(kernel_width)
    whole = taps_y.count(kernel_height) * whole_x if long_runs else 0
    run = kernel_width * depth if long_runs else depth
    border_rows = (pixels - whole) * kernel_height
    # Rows of a border window that need no element by element care.
    easy_rows = (sum(taps_y) - taps_y.count(kernel_height) * kernel_height * long_runs) * whole_x
    blocks, pairs, odd = -(-pixels // 4), elements // 2, elements % 2
    return {
        "rows": rows,
        "pixels": pixels,
        "blocks": blocks,
        "whole_windows": whole,
        "whole_rows": whole * kernel_height,
        "whole_fours": whole * kernel_height * (run // 4),
        "whole_rest": whole * kernel_height * (run % 4),
        "border_rows": border_rows,
        "border_runs": border_rows * (1 if long_runs else kernel_width),
        "border_elements": border_rows * kernel_width * depth,
        "easy_rows": easy_rows,
        "easy_elements": easy_rows * kernel_width * depth,
        "hard_rows": border_rows - easy_rows,
        "hard_fours": (border_rows - easy_rows) * (1 if long_runs else kernel_width) * (run // 4),
        "hard_rest": (border_rows - easy_rows) * (1 if long_runs else kernel_width) * (run % 4),
        "depth_fours": pixels * (depth // 4),
        "depth_rest": pixels * (depth % 4),
        "block_channel_pairs": blocks * (channels // 2),
        "block_pairs": blocks * (channels // 2) * pairs,
        "block_pair_remainders": blocks * (channels // 2) * (pairs % 4),
        "block_odd_elements": blocks * (channels // 2) * odd,
        "block_odd_channels": blocks * (channels % 2),
        "block_odd_channel_pairs": blocks * (channels % 2) * pairs,
        "block_odd_channel_remainders": blocks * (channels % 2) * (pairs % 2 * 2 + odd),
        "outputs": pixels * channels,
        "output_rows": channels * columns * sum(1 for taps in taps_y for _ in range(taps)),
        "products": channels * sum(taps_y) * sum(taps_x) * depth,
        "padding_rows": channels * columns * (rows * kernel_height - sum(taps_y)),
        "padding_products": channels
        * (pixels * kernel_height * kernel_width - sum(taps_y) * sum(taps_x))
        * depth,
        "crossing_rows": channels * sum(taps_y) * (columns - whole_x),
    }


def _depthwise(op: Op, net: Net) -> Counts:
    assert isinstance(op, DepthwiseConv2D)
    height, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    taps_y = _inside(height, rows, kernel_height, op.strides[0], op.dilation[0], op.padding.top)
    taps_x = _inside(width, columns, kernel_width, op.strides[1], op.dilation[1], op.padding.left)
    strips, fours = -(-rows // _STRIP_ROWS), -(-columns // 4)
    kept = (strips - 1) * max(kernel_height - op.strides[0], 0)
    taken = sum(
        (min(rows - strip * _STRIP_ROWS, _STRIP_ROWS) - 1) * op.strides[0] + kernel_height
        for strip in range(strips)
    )
    pixels, taps = rows * columns, sum(taps_y) * sum(taps_x)
    if (kernel_height, kernel_width) == (3, 3) and op.strides[1] in (1, 2):
        windows, quads = f"nine_{op.strides[1]}", 0
    else:
        windows, quads = f"any_{min(op.strides[1], 2)}", -(-kernel_width // 4)
    return {
        "rows": rows,
        "pixels": pixels,
        "channels": channels,
        "input_channels": depth,
        "strips": depth * strips,
        "output_strips": channels * strips,
        "taken_rows": depth * (taken - kept),
        "taken_bytes": depth * (taken - kept) * width,
        "kept_bytes": depth * kept * width,
        "kernel_rows": channels * strips * kernel_height,
        "kernel_taps": channels * strips * kernel_height * kernel_width,
        f"{windows}_rows": channels * rows,
        f"{windows}_fours": channels * rows * fours,
        f"{windows}_four_rows": channels * rows * fours * kernel_height * bool(quads),
        f"{windows}_four_quads": channels * rows * fours * kernel_height * quads,
        f"{windows}_outputs": channels * pixels,
        "outputs": channels * pixels,
        "pixel_blocks": pixels * -(-channels // _POOL_BLOCK_CHANNELS),
        "window_rows": channels * columns * sum(taps_y),
        "block_window_rows": columns * sum(taps_y) * -(-channels // _POOL_BLOCK_CHANNELS),
        "block_window_taps": taps * -(-channels // _POOL_BLOCK_CHANNELS),
        "products": channels * taps,
    }


def _fully_connected(op: Op, net: Net) -> Counts:
    outputs, inputs = net.tensors[op.inputs[1]].shape
    fours, rest = divmod(inputs, 4)
    return {
        "input_fours": fours,
        "input_rest": rest,
        "blocks": outputs // 4,
        "block_fours": outputs // 4 * fours,
        "block_rest": outputs // 4 * rest,
        "rows": outputs % 4,
        "row_fours": outputs % 4 * fours,
        "row_rest": outputs % 4 * rest,
        "outputs": outputs,
        "products": outputs * inputs,
    }


def _pool(op: Op, net: Net) -> Counts:
    height, width, depth = net.tensors[op.inputs[0]].shape
    if isinstance(op, GlobalAveragePool2D):
        rows, columns, taps_y, taps_x = 1, 1, [height], [width]
    else:
        assert isinstance(op, MaxPool2D | AveragePool2D)
        rows, columns, _ = net.tensors[op.outputs[0]].shape
        taps_y = _inside(height, rows, op.pool[0], op.strides[0], 1, op.padding.top)
        taps_x = _inside(width, columns, op.pool[1], op.strides[1], 1, op.padding.left)
    pixels, taps, window_rows = rows * columns, sum(taps_y) * sum(taps_x), columns * sum(taps_y)
    fours, rest = divmod(depth, 4)
    small = [y * x < 256 for y in taps_y for x in taps_x]
    found: Counts = {
        "rows": rows,
        "pixels": pixels,
        "blocks": pixels * -(-depth // _POOL_BLOCK_CHANNELS),
        "outputs": pixels * depth,
        "pixels_with_rest": pixels * bool(rest),
        "rest_outputs": pixels * rest,
        "rest_rows": window_rows * bool(rest),
        "rest_taps": taps * bool(rest),
        "rest_products": taps * rest,
        "products": taps * depth,
    }
    if all(small) or isinstance(op, MaxPool2D):
        # Larger averages do not fit int16 and are summed channel by channel.
        found |= {
            "fours": pixels * fours,
            "four_rows": window_rows * fours,
            "four_taps": taps * fours,
        }
    else:
        found |= {
            "wide_products": taps * depth,
            "wide_taps": taps * -(-depth // _POOL_BLOCK_CHANNELS),
        }
    return found


def _element_wise(op: Op, net: Net) -> Counts:
    fours, rest = divmod(net.tensors[op.outputs[0]].elements, 4)
    return {"fours": fours, "rest": rest}


def _concat(op: Op, net: Net) -> Counts:
    assert isinstance(op, Concat)
    shapes = [net.tensors[name].shape for name in op.inputs]
    runs = [math.prod(shape[: op.axis]) for shape in shapes]
    return {"calls": len(shapes), "runs": sum(runs), "bytes": net.tensors[op.outputs[0]].elements}


def _reshape(op: Op, net: Net) -> Counts:
    return {"calls": 1, "runs": 1, "bytes": net.tensors[op.outputs[0]].elements}


def _pad(op: Op, net: Net) -> Counts:
    copied = net.tensors[op.inputs[0]].elements
    height = net.tensors[op.inputs[0]].shape[0]
    return {"rows": height, "bytes": copied, "padding_bytes": net.tensors[op.outputs[0]].elements - copied}


def _softmax(op: Op, net: Net) -> Counts:
    shape = net.tensors[op.inputs[0]].shape
    return {"rows": math.prod(shape[:-1]), "outputs": math.prod(shape)}


def _none(op: Op, net: Net) -> Counts:
    return {}


COUNTS: Mapping[type[Op], Callable[[Op, Net], Counts]] = {
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    FullyConnected: _fully_connected,
    MaxPool2D: _pool,
    AveragePool2D: _pool,
    GlobalAveragePool2D: _pool,
    Add: _element_wise,
    ReLU: _element_wise,
    ReLU6: _element_wise,
    Requantize: _element_wise,
    Concat: _concat,
    Reshape: _reshape,
    Pad: _pad,
    Softmax: _softmax,
    BatchNorm: _none,
}
"""How each op is counted."""
