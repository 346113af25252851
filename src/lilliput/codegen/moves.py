"""The C of what moves numbers without changing them."""

from __future__ import annotations

import math

from lilliput.codegen.calls import Place, call, fields, sides, stepped
from lilliput.codegen.constants import Constant, indices_constant, operand_constant
from lilliput.codegen.pairs import Emitted
from lilliput.codegen.text import braces
from lilliput.net.fixedpoint import pad_value
from lilliput.net.ops import Concat, Pad, ResizeNearest, Slice, Transpose
from lilliput.targets.moving import around, filled, runs_of


def pad(place: Place) -> Emitted:
    """A border."""
    op: Pad = place.op
    values = [
        *sides("input", place.shape(), "height", "width"),
        ("channels", place.shape()[2]),
        *op.padding._asdict().items(),
        ("value", pad_value(op, place.net)),
    ]
    return (), call(place, "lp_pad_params", fields(place, values), place.input(), place.output)


def gather(place: Place) -> Emitted:
    """A part of a tensor, or its axes in another order."""
    op: Slice | Transpose = place.op
    runs = runs_of(op, place.shape())
    values: list[tuple[str, object]] = [
        ("extents", braces(filled(runs.loops, 0))),
        ("strides", braces(stride * place.element_bytes for stride in filled(runs.loops, 1))),
        ("run_bytes", runs.run_bytes * place.element_bytes),
    ]
    source = f"{place.input()} + {runs.offset * place.element_bytes}" if runs.offset else place.input()
    repeats, read, written = [], [], []
    left = math.prod(place.output_shape) * place.element_bytes
    for times, stride in around(runs.loops):
        left //= times
        repeats.append(times)
        read.append(stride * place.element_bytes)
        written.append(left)
    ends = stepped(source, read), stepped(place.output, written)
    return (), call(place, "lp_gather_params", fields(place, values), *ends, repeats=repeats)


def resize(place: Place) -> Emitted:
    """An image of another size."""
    op: ResizeNearest = place.op
    arrays = tuple(
        indices_constant(place.constant(name), op, axis, place.net)
        for axis, name in enumerate(("rows", "columns"))
    )
    values: list[tuple[str, object]] = [
        ("rows", arrays[0].name),
        ("columns", arrays[1].name),
        ("input_width", place.shape()[1]),
        ("channels", place.shape()[2] * place.element_bytes),
        *sides("output", place.output_shape, "height", "width"),
    ]
    return arrays, call(place, "lp_resize_nearest_params", fields(place, values), place.input(), place.output)


def concat(place: Place) -> Emitted:
    """Each input is a number of equally long runs that lie one output row apart."""
    op: Concat = place.op
    stride = math.prod(place.output_shape[op.axis :]) * place.element_bytes
    calls, arrays, offset = [], list[Constant](), place.plan.addresses[op.outputs[0]]
    for index, name in enumerate(op.inputs):
        tensor = place.net.tensors[name]
        shape = tensor.shape
        run = math.prod(shape[op.axis :]) * place.element_bytes
        if tensor.constant:
            arrays.append(operand_constant(place.constant(f"part_{index}"), name, place.net))
        source = arrays[-1].name if tensor.constant else place.address(name)
        arguments = (source, f"arena + {offset}", math.prod(shape[: op.axis]), run, stride)
        calls.append(f"    {place.kernel.function}({', '.join(str(value) for value in arguments)});\n")
        offset += run
    return tuple(arrays), "".join(calls)


def reshape(place: Place) -> Emitted:
    """Nothing where the plan left the tensor in its place."""
    if place.input() == place.output:
        return (), ""
    size = math.prod(place.output_shape) * place.element_bytes
    return (), f"    {place.kernel.function}({place.input()}, {place.output}, 1, {size}, 0);\n"
