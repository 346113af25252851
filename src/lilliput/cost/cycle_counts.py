"""How often the loops of a kernel run, from shapes and blocks: what predicted cycles are a weighted sum of.

The names of counts are keys of the tables in `cores/`.  One list serves all kernels of an op, with the blocks
that `targets/blocking.py` states for each; the fit leaves out what does not matter.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lilliput.cost.loops import Counts, split_up
from lilliput.cost.weighted_counts import conv2d, depthwise, fully_connected
from lilliput.net.graph import Net, Stream
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
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Repetition,
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
from lilliput.net.patches import as_a_patch_sees, grid, patches_of
from lilliput.net.rows import of_rows, row_bytes
from lilliput.net.schedule import Turn, stream_of, stream_schedule
from lilliput.targets.blocking import Blocking
from lilliput.targets.compact import MOST_SUMMED_IN_PAIRS
from lilliput.targets.kernels import maps_one
from lilliput.targets.moving import runs_of
from lilliput.targets.taps import elements_inside

_MANY_ROWS, _REPEATED = 8, 4  # of an operand, as `runtime/lp_pairs_dsp.h` has them


def counts(op: Op, net: Net, blocking: Blocking) -> Counts:
    """Count → how often, for the layer of `op` by a kernel with these blocks."""
    if patches := patches_of(op, net):
        times = math.prod(grid(patches, net))
        part, of_part = as_a_patch_sees(op, net, patches)
        return {name: times * count for name, count in counts(part, of_part, blocking).items()}
    stream = stream_of(op, net)
    if stream is None:
        return {"once": 1.0, **COUNTS[type(op)](op, net, blocking)}
    return _turns(op, net, stream, blocking)


def turn_counts(op: Op, net: Net) -> Counts:
    """What the turns of `op` take beside its kernel: count → how often; nothing where it runs as a whole.

    A patch is a turn of each of its ops; what it takes of the input and puts into the output is moved.
    """
    if patches := patches_of(op, net):
        times = math.prod(grid(patches, net))
        _, part = as_a_patch_sees(op, net, patches)
        ends = (part.inputs[0] in op.inputs, part.outputs[0] in op.outputs)
        sizes = (part.input.storage_bytes, part.output.storage_bytes)
        moved = sum(size for size, is_end in zip(sizes, ends, strict=True) if is_end)
        return {"turns": float(times), "moved_bytes": float(times * moved)}
    stream = stream_of(op, net)
    if stream is None:
        return {}
    turns = _turns_of(op, net, stream)
    moved = sum(turn.begin - turn.kept for turn in turns if turn.kept > 0)
    return {"turns": float(len(turns)), "moved_bytes": float(moved * row_bytes(net, op.outputs[0]))}


def _turns_of(op: Op, net: Net, stream: Stream) -> list[Turn]:
    index = stream.ops.index(op.name)
    return [turn for turn in stream_schedule(stream, net).turns if turn.op == index]


def _turns(op: Op, net: Net, stream: Stream, blocking: Blocking) -> Counts:
    """The counts of all turns of an op that makes its output some rows at a time.

    Rows at the border of the image are taken as like all others.
    """
    turns = _turns_of(op, net, stream)
    found: Counts = {}
    for rows, times in Counter(turn.end - turn.begin for turn in turns).items():
        part = of_rows(op, net, rows)
        (inner,) = part.ops
        if isinstance(inner, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D):
            inner = replace(inner, padding=inner.padding._replace(top=0, bottom=0))
        for name, count in {"once": 1.0, **COUNTS[type(op)](inner, part, blocking)}.items():
            found[name] = found.get(name, 0.0) + times * count
    return found


def _pool(op: Op, net: Net, blocking: Blocking) -> Counts:
    height, width, depth = net.tensors[op.inputs[0]].shape
    taps_y: tuple[int, ...]
    taps_x: tuple[int, ...]
    if isinstance(op, GlobalAveragePool2D):
        rows, columns, taps_y, taps_x = 1, 1, (height,), (width,)
    else:
        assert isinstance(op, MaxPool2D | AveragePool2D)
        rows, columns, _ = net.tensors[op.outputs[0]].shape
        taps_y = elements_inside(height, rows, op.pool[0], op.strides[0], 1, op.padding.top)
        taps_x = elements_inside(width, columns, op.pool[1], op.strides[1], 1, op.padding.left)
    pixels, taps, window_rows = rows * columns, sum(taps_y) * sum(taps_x), columns * sum(taps_y)
    steps, rest = divmod(depth, blocking.elements[0])
    blocks = -(-depth // blocking.channels)
    blocks_with_rest = int(rest > 0)
    if not isinstance(op, MaxPool2D) and max(taps_y) * max(taps_x) > MOST_SUMMED_IN_PAIRS:
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
        **(_maxima(op, net, taps_y, taps_x) if isinstance(op, MaxPool2D) else {}),
    }


def _maxima(op: MaxPool2D, net: Net, taps_y: Sequence[int], taps_x: Sequence[int]) -> Counts:
    """Counts of a kernel that takes channels in fours, and rows of windows of 2x2 inside the image at once.

    Args:
        taps_y: rows of the window in the image, for each row of outputs.
        taps_x: columns of it, for each column of outputs.
    """
    _, width, depth = net.tensors[op.inputs[0]].shape
    columns, fours = len(taps_x), -(-depth // 4) if depth >= 4 else 0
    reach = (columns - 1) * op.strides[1] + 2
    is_plain = fours > 0 and op.pool[1] == 2 and op.padding.left == 0 and reach <= width
    plain_rows = taps_y.count(2) if is_plain else 0
    other_rows = [taps for taps in taps_y if not (is_plain and taps == 2)]
    return {
        "plain_rows": plain_rows,
        "plain_pixels": plain_rows * columns,
        "plain_fours": plain_rows * columns * fours,
        "other_pixels": len(other_rows) * columns,
        "fours": len(other_rows) * columns * fours,
        "four_rows": sum(other_rows) * columns * fours,
        "four_taps": sum(other_rows) * sum(taps_x) * fours,
    }


def _element_wise(op: Op, net: Net, blocking: Blocking) -> Counts:
    found: Counts = {}
    for size, steps in split_up(net.tensors[op.outputs[0]].elements, blocking.elements):
        found |= {f"{size}s": steps, f"has_{size}s": steps > 0}
    return found


def _pairs(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, Add | Sub | Mul)
    if maps_one(op, net):
        return _element_wise(op, net, blocking)
    output = net.tensors[op.outputs[0]]
    smaller = min((net.tensors[name] for name in op.inputs), key=lambda tensor: tensor.elements)
    spread = repetition(smaller.shape, output.shape)
    assert spread is not None
    calls = math.prod(times for times, _ in spread.loops)
    rounds = output.elements // (spread.step * spread.period)
    found: Counts = {"calls": calls, "rounds": rounds, "places": output.elements // spread.step}
    if blocking.short_row:
        return found | _runs(spread, output.elements, calls, blocking)
    return found | _element_wise(op, net, blocking)


def _runs(spread: Repetition, elements: int, calls: int, blocking: Blocking) -> Counts:
    """Counts of a kernel that takes runs of elements; in each an operand begins anew or has one value."""
    run = spread.period if spread.step == 1 else spread.step
    of_a_call = elements // calls
    if spread.step == 1 and run <= blocking.short_row and _MANY_ROWS * run <= of_a_call:
        run *= _REPEATED
    found: Counts = {"runs": 0.0}
    for length, times in ((run, of_a_call // run), (of_a_call % run, 1)):
        if length:
            found["runs"] += calls * times
            for size, steps in split_up(length, blocking.elements):
                for name, count in ((f"{size}s", steps), (f"has_{size}s", steps > 0)):
                    found[name] = found.get(name, 0.0) + calls * times * count
    return found


def _gather(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, Slice | Transpose)
    output = net.tensors[op.outputs[0]]
    run = runs_of(op, net.tensors[op.inputs[0]].shape).run_bytes
    return {"bytes": output.storage_bytes, "runs": output.elements // run}


def _resize(op: Op, net: Net, blocking: Blocking) -> Counts:
    output = net.tensors[op.outputs[0]]
    height, width, _ = output.shape
    return {"rows": height, "pixels": height * width, "bytes": output.storage_bytes}


def _concat(op: Op, net: Net, blocking: Blocking) -> Counts:
    assert isinstance(op, Concat)
    found: Counts = {"calls": 0.0, **_copied(0, 0, blocking)}
    for name in op.inputs:
        tensor = net.tensors[name]
        runs = math.prod(tensor.shape[: op.axis])
        for count, value in _copied(runs, tensor.storage_bytes // runs, blocking).items():
            found[count] += value
        found["calls"] += 1
    return found


def _reshape(op: Op, net: Net, blocking: Blocking) -> Counts:
    return {"calls": 1, **_copied(1, net.tensors[op.outputs[0]].storage_bytes, blocking)}


def _copied(runs: int, length: int, blocking: Blocking) -> Counts:
    found: Counts = {"runs": runs}
    for size, steps in split_up(length, blocking.elements):
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
    Conv2D: conv2d,
    DepthwiseConv2D: depthwise,
    FullyConnected: fully_connected,
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
    LeakyReLU: _element_wise,
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
