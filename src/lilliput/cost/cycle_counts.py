"""How often the loops of a kernel run, from shapes and blocks: what predicted cycles are a weighted sum of.

The names of counts are keys of `cycles.json`.  One list serves all kernels of an op, with the blocks that
`targets/blocking.py` states for each; the fit leaves out what does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

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
    HardSwish,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
    repetition,
)
from lilliput.targets.blocking import Blocking
from lilliput.targets.moving import runs_of

Counts = dict[str, float]

_MOST_SUMMED_IN_PAIRS = 255


def counts(op: Op, net: Net, blocking: Blocking) -> Counts:
    """Count → how often, for the layer of `op` by a kernel with these blocks."""
    return {"once": 1.0, **COUNTS[type(op)](op, net, blocking)}


def _steps(length: int, sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Size and number of the steps that take `length`: as many of the first size as fit, and so on to 1."""
    for size in (*sizes, 1):
        yield size, length // size
        length %= size


def _inside(length: int, outputs: int, window: int, stride: int, dilation: int, before: int) -> list[int]:
    """For each position of a window along one side: how many of its elements lie inside the image."""
    found = []
    for position in range(outputs):
        start = position * stride - before
        found.append(sum(0 <= start + k * dilation < length for k in range(window)))
    return found


def _conv2d(op: Op, net: Net, blocking: Blocking) -> Counts:
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
    found: Counts = {
        "rows": rows,
        "pixels": pixels,
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
        "output_rows": channels * columns * sum(1 for taps in taps_y for _ in range(taps)),
        "products": channels * inside * depth,
        "padding_rows": channels * columns * (rows * kernel_height - sum(taps_y)),
        "padding_products": channels * (pixels * kernel_height * kernel_width - inside) * depth,
        "crossing_rows": channels * sum(taps_y) * (columns - whole_x),
    }
    for size, steps in _steps(run, blocking.gathered):
        found[f"whole_{size}s"] = whole * kernel_height * steps
        found[f"whole_rows_with_{size}s"] = whole * kernel_height * (steps > 0)
        found[f"hard_{size}s"] = hard_runs * steps
    for size, steps in _steps(depth, blocking.gathered):
        found[f"depth_{size}s"] = pixels * steps
        found[f"pixels_with_{size}s"] = pixels * (steps > 0)
    found |= _products(-(-pixels // blocking.pixels), channels, elements, blocking)
    return found | (_by_channel(op, net, (kernel_height, kernel_width), blocking) if depth == 1 else {})


def _products(blocks: int, channels: int, elements: int, blocking: Blocking) -> Counts:
    """Counts of loops that multiply blocks of inputs by blocks of channels."""
    whole, odd = divmod(channels, blocking.channels)
    found: Counts = {"blocks": blocks, "channel_blocks": blocks * whole, "odd_channels": blocks * odd}
    for size, steps in _steps(elements, blocking.elements):
        found[f"block_{size}s"] = blocks * whole * steps
        found[f"blocks_with_{size}s"] = blocks * whole * (steps > 0)
        found[f"odd_{size}s"] = blocks * odd * steps
        found[f"odd_with_{size}s"] = blocks * odd * (steps > 0)
    return found


def _depthwise(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, DepthwiseConv2D)
    height, width, _ = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    kernel_height, kernel_width, _ = net.tensors[op.inputs[1]].shape
    taps_y = _inside(height, rows, kernel_height, op.strides[0], op.dilation[0], op.padding.top)
    taps_x = _inside(width, columns, kernel_width, op.strides[1], op.dilation[1], op.padding.left)
    blocks = -(-channels // blocking.channels)
    return {
        **_by_channel(op, net, (kernel_height, kernel_width), blocking),
        "rows": rows,
        "pixels": rows * columns,
        "outputs": channels * rows * columns,
        "pixel_blocks": rows * columns * blocks,
        "window_rows": channels * columns * sum(taps_y),
        "block_window_rows": columns * sum(taps_y) * blocks,
        "block_window_taps": sum(taps_y) * sum(taps_x) * blocks,
        "products": channels * sum(taps_y) * sum(taps_x),
    }


def _by_channel(
    op: Conv2D | DepthwiseConv2D, net: Net, kernel: tuple[int, int], blocking: Blocking
) -> Counts:
    """Counts of a kernel that takes strips of rows of one channel after the other."""
    height, width, depth = net.tensors[op.inputs[0]].shape
    rows, columns, channels = net.tensors[op.outputs[0]].shape
    stride_y, stride_x = op.strides
    strip_rows = min(rows, blocking.strip_rows)
    row_bytes = (_to_four(columns) - 1) * stride_x + _to_four(kernel[1])
    taken_columns = max(min(width, _to_four(row_bytes) - op.padding.left), 0)
    strips = taken = filled = kept = 0
    for first in range(0, rows, strip_rows):
        top = first * stride_y - op.padding.top
        bottom = top + (min(rows - first, strip_rows) - 1) * stride_y + kernel[0]
        if strips:
            overlap = max(kernel[0] - stride_y, 0)
            top, kept = top + overlap, kept + overlap
        inside = max(min(bottom, height) - max(top, 0), 0)
        strips, taken, filled = strips + 1, taken + inside, filled + bottom - top - inside
    found: Counts = {
        "scratch_bytes": ((strip_rows - 1) * stride_y + kernel[0]) * _to_four(row_bytes),
        "input_channels": depth,
        "strips": depth * strips,
        "output_strips": channels * strips,
        "kept_strips": depth * (strips - 1) * (kept > 0),
        "kept_fours": depth * kept * _to_four(row_bytes) // 4,
        "taken_rows": depth * taken,
        "taken_fours": depth * taken * (taken_columns // 4),
        "taken_rest": depth * taken * (taken_columns % 4),
        "filled_rows": depth * filled,
        "filled_bytes": depth * filled * taken_columns,
    }
    whole, rest = divmod(columns, blocking.pixels)
    if kernel == (3, 3) and stride_x <= 2:
        return found | {
            f"nine_{stride_x}_strips": channels * strips,
            f"nine_{stride_x}_rows": channels * rows,
            f"nine_{stride_x}_blocks": channels * rows * whole,
            f"nine_{stride_x}_rows_with_rest": channels * rows * bool(rest),
            f"nine_{stride_x}_rest": channels * rows * rest,
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
        "any_outputs": channels * rows * columns,
    }


def _to_four(length: int) -> int:
    """The next multiple of four."""
    return -(-length // 4) * 4


def _fully_connected(op: Op, net: Net, blocking: Blocking) -> Counts:
    outputs, inputs = net.tensors[op.inputs[1]].shape
    passes = -(-inputs // blocking.pass_elements)
    found: Counts = {
        **_products(1, outputs, inputs, blocking),
        "passes": outputs // blocking.channels * passes,
        "odd_passes": outputs % blocking.channels * passes,
        "outputs": outputs,
        "products": outputs * inputs,
    }
    for size, steps in _steps(inputs, blocking.elements):
        found[f"input_{size}s"] = steps
        found[f"has_{size}s"] = steps > 0
    return found


def _pool(op: Op, net: Net, blocking: Blocking) -> Counts:
    height, width, depth = net.tensors[op.inputs[0]].shape
    if isinstance(op, GlobalAveragePool2D):
        rows, columns, taps_y, taps_x = 1, 1, [height], [width]
    else:
        assert isinstance(op, MaxPool2D | AveragePool2D)
        rows, columns, _ = net.tensors[op.outputs[0]].shape
        taps_y = _inside(height, rows, op.pool[0], op.strides[0], 1, op.padding.top)
        taps_x = _inside(width, columns, op.pool[1], op.strides[1], 1, op.padding.left)
    pixels, taps, window_rows = rows * columns, sum(taps_y) * sum(taps_x), columns * sum(taps_y)
    steps, rest = divmod(depth, blocking.elements[0])
    blocks = -(-depth // blocking.channels)
    blocks_with_rest = int(rest > 0)
    if not isinstance(op, MaxPool2D) and max(taps_y) * max(taps_x) > _MOST_SUMMED_IN_PAIRS:
        # Sums that do not fit int16 are taken channel by channel.
        steps, rest, blocks_with_rest = 0, depth, blocks
    return {
        "rows": rows,
        "pixels": pixels,
        "outputs": pixels * depth,
        "products": taps * depth,
        "blocks": pixels * blocks,
        "block_rows": window_rows * blocks,
        "block_taps": taps * blocks,
        "steps": pixels * steps,
        "step_rows": window_rows * steps,
        "step_taps": taps * steps,
        "rest_blocks": pixels * blocks_with_rest,
        "rest_rows": window_rows * blocks_with_rest,
        "rest_taps": taps * blocks_with_rest,
        "rest_outputs": pixels * rest,
        "rest_products": taps * rest,
    }


def _element_wise(op: Op, net: Net, blocking: Blocking) -> Counts:
    found: Counts = {}
    for size, steps in _steps(net.tensors[op.outputs[0]].elements, blocking.elements):
        found |= {f"{size}s": steps, f"has_{size}s": steps > 0}
    return found


def _pairs(op: Op, net: Net, blocking: Blocking) -> Counts:
    output = net.tensors[op.outputs[0]]
    smaller = min((net.tensors[name] for name in op.inputs), key=lambda tensor: tensor.elements)
    spread = repetition(smaller.shape, output.shape)
    assert spread is not None
    rounds = output.elements // math.prod(spread)
    return {"rounds": rounds, "places": output.elements // spread[0], **_element_wise(op, net, blocking)}


def _gather(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, Slice | Transpose)
    elements = net.tensors[op.outputs[0]].elements
    run = runs_of(op, net.tensors[op.inputs[0]].shape).run_bytes
    return {"bytes": elements, "runs": elements // run}


def _resize(op: Op, net: Net, blocking: Blocking) -> Counts:
    height, width, depth = net.tensors[op.outputs[0]].shape
    return {"rows": height, "pixels": height * width, "bytes": height * width * depth}


def _concat(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, Concat)
    found: Counts = {"calls": 0.0, **_copied(0, 0, blocking)}
    for name in op.inputs:
        shape = net.tensors[name].shape
        runs = math.prod(shape[: op.axis])
        for count, value in _copied(runs, math.prod(shape[op.axis :]), blocking).items():
            found[count] += value
        found["calls"] += 1
    return found


def _reshape(op: Op, net: Net, blocking: Blocking) -> Counts:
    return {"calls": 1, **_copied(1, net.tensors[op.outputs[0]].elements, blocking)}


def _copied(runs: int, length: int, blocking: Blocking) -> Counts:
    found: Counts = {"runs": runs}
    for size, steps in _steps(length, blocking.elements):
        found |= {f"{size}s": runs * steps, f"runs_with_{size}s": runs * (steps > 0)}
    return found


def _pad(op: Op, net: Net, blocking: Blocking) -> Counts:
    height, width, depth = net.tensors[op.inputs[0]].shape
    copied = height * width * depth
    padding = net.tensors[op.outputs[0]].elements - copied
    return {"padding_bytes": padding, "bytes": copied, **_copied(height, width * depth, blocking)}


def _softmax(op: Op, net: Net, blocking: Blocking) -> Counts:
    shape = net.tensors[op.inputs[0]].shape
    return {"rows": math.prod(shape[:-1]), "outputs": math.prod(shape)}


def _none(op: Op, net: Net, blocking: Blocking) -> Counts:
    return {}


COUNTS: Mapping[type[Op], Callable[[Op, Net, Blocking], Counts]] = {
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    FullyConnected: _fully_connected,
    MaxPool2D: _pool,
    AveragePool2D: _pool,
    GlobalAveragePool2D: _pool,
    Add: _pairs,
    Sub: _pairs,
    Mul: _pairs,
    Slice: _gather,
    Transpose: _gather,
    ResizeNearest: _resize,
    Logistic: _element_wise,
    Tanh: _element_wise,
    HardSwish: _element_wise,
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
