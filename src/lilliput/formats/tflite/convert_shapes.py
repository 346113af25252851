"""Operators that move numbers without changing them."""

from __future__ import annotations

import math

from lilliput.formats.tflite.context import Call, without_batch
from lilliput.formats.tflite.problems import Unsupported
from lilliput.formats.tflite.schema import ConcatenationOptions, ResizeOptions, StridedSliceOptions
from lilliput.net import Activation, Concat, DType, Pad, Padding, Reshape, ResizeNearest, Slice, Transpose

_ONE_AT_A_TIME = "leave the batch as it is: a network takes one example at a time"


_FORWARDS = "take steps of 1 and more; reverse the data, or the weights that read them, before the export"


def net_axis(call: Call, axis: int, place: int = 0) -> int:
    """The axis of a `Net`'s tensor for an axis of the file's, which may count from the end.

    Raises:
        Unsupported: it is the batch, or there is no such axis.
    """
    shape = call.file_shape(place)
    if not -len(shape) <= axis < len(shape):
        raise Unsupported(f"a tensor of shape {shape} has no axis {axis}")
    found = axis % len(shape) - (len(shape) - len(without_batch(shape)))
    if found < 0:
        raise Unsupported("it works along the batch, the first axis", _ONE_AT_A_TIME)
    return found


def whole_numbers(call: Call, place: int) -> list[int]:
    """A constant input that is a list of whole numbers."""
    found = call.integers(place)
    if any(not isinstance(value, int) for value in found):
        raise Unsupported(f"input {place} is {found}, not a list of whole numbers")
    return found


def concat(call: Call) -> None:
    """CONCATENATION; some of its parts may be constants."""
    call.expect(1, 64)
    parts = [_part(call, place) for place in range(call.inputs)]
    if call.fused(ConcatenationOptions.ACTIVATION) is not Activation.NONE:
        raise Unsupported("a fused activation is not supported here")
    axis = net_axis(call, call.whole(ConcatenationOptions.AXIS))
    call.finish(Concat, *parts, axis=axis)


def _part(call: Call, place: int) -> str:
    part = call.context.file_tensor(call.source(place))
    if part.data is None:
        return call.activation(place).name
    if (
        part.dtype is not DType.INT8
        or part.quant is None
        or part.quant.axis is not None
        or not part.data.size
    ):
        raise Unsupported(f"its constant '{part.name}' is not int8 with one scale")
    data = part.data.reshape(without_batch(part.shape))
    return call.context.constant(f"{call.name}_part_{place}", data, DType.INT8, part.quant, part.name)


def pad(call: Call) -> None:
    """PAD and PADV2, along any axis but the batch."""
    call.expect(2, 3)
    source, rows = call.activation(), call.integers(1)
    dropped = len(call.file_shape()) - len(source.shape)
    if len(rows) != len(source.shape) + dropped or any(
        not isinstance(row, list) or len(row) != 2 or min(row) < 0 for row in rows
    ):
        raise Unsupported(f"its padding is {rows}")
    if any(max(row) > 0 for row in rows[:dropped]):
        raise Unsupported("it works along the batch, the first axis", _ONE_AT_A_TIME)
    value = _border(call) if call.has(2) else 0.0
    views = _views(source.shape, [(row[0], row[1]) for row in rows[dropped:]])
    name = source.name
    for shape, padding in views[:-1]:
        name = call.step(Pad, call.reshaped(name, shape), padding=padding, value=value)
    shape, padding = views[-1]
    call.finish(Pad, call.reshaped(name, shape), padding=padding, value=value)


def _border(call: Call) -> float:
    """The real value of a border, which the file has in the quantization of what it surrounds."""
    constant, known = call.constant(2), call.activation().quant
    data = constant.data
    assert data is not None
    assert known is not None
    if constant.dtype is not DType.INT8 or data.size != 1 or constant.quant != known:
        raise Unsupported("its border is not one int8 in the quantization of the input")
    return (int(data.reshape(-1)[0]) - known.zero_point) * known.scale


def _views(shape: tuple[int, ...], rows: list[tuple[int, int]]) -> list[tuple[tuple[int, ...], Padding]]:
    """Images, and what is added to their rows and columns, that one after the other pad every axis."""
    if len(shape) == 3 and not any(rows[2]):
        return [(shape, Padding(*rows[0], *rows[1]))]
    views: list[tuple[tuple[int, ...], Padding]] = []
    sizes = list(shape)
    for axis, (before, after) in enumerate(rows):
        if before or after or (axis == len(rows) - 1 and not views):
            image = (math.prod(sizes[:axis]), sizes[axis], math.prod(sizes[axis + 1 :]))
            views.append((image, Padding(0, 0, before, after)))
            sizes[axis] += before + after
    return views


def reshape(call: Call) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the file tells the output's shape."""
    call.expect(1, 2)
    source, shape = call.activation(), call.output().shape
    if math.prod(shape) != source.elements:
        raise Unsupported(f"{source.shape} cannot become {shape}")
    call.finish(Reshape, source.name, shape=shape)


def transpose(call: Call) -> None:
    """TRANSPOSE; axes of size 1 may be anywhere."""
    call.expect(2)
    source, shape, order = call.activation(), call.file_shape(), whole_numbers(call, 1)
    if sorted(order) != list(range(len(shape))):
        raise Unsupported(f"{order} does not order the axes of {shape}")
    long = [axis for axis in order if shape[axis] > 1]
    if long == sorted(long):
        call.finish(Reshape, source.name, shape=call.output().shape)
        return
    kept = sorted(long)
    squeezed = call.reshaped(source.name, tuple(shape[axis] for axis in kept))
    call.finish(Transpose, squeezed, permutation=tuple(kept.index(axis) for axis in long))


def resize(call: Call) -> None:
    """RESIZE_NEAREST_NEIGHBOR."""
    call.expect(2)
    size = whole_numbers(call, 1)
    if len(size) != 2 or min(size) < 1:
        raise Unsupported(f"its size is {size}")
    call.finish(
        ResizeNearest,
        call.image().name,
        size=(size[0], size[1]),
        align_corners=call.flag(ResizeOptions.ALIGN_CORNERS),
        half_pixel_centers=call.flag(ResizeOptions.HALF_PIXEL_CENTERS),
    )


def strided_slice(call: Call) -> None:
    """STRIDED_SLICE with constant bounds and positive steps."""
    call.expect(4)
    options = StridedSliceOptions
    if call.whole(options.ELLIPSIS_MASK) or call.whole(options.NEW_AXIS_MASK):
        raise Unsupported("it makes new axes")
    shape = call.file_shape()
    begins, ends, steps = (whole_numbers(call, place) for place in (1, 2, 3))
    if not len(begins) == len(ends) == len(steps) <= len(shape):
        raise Unsupported(f"its bounds {begins}, {ends}, {steps} do not fit {shape}")
    masks = {field: call.whole(field) for field in options}
    bounds = []
    for axis, size in enumerate(shape):
        bit = 1 << axis
        if axis >= len(begins):
            bounds.append((0, size, 1))
            continue
        begin = 0 if masks[options.BEGIN_MASK] & bit else _within(begins[axis], size)
        end = size if masks[options.END_MASK] & bit else _within(ends[axis], size)
        bounds.append((begin, end, steps[axis]))
        if masks[options.SHRINK_AXIS_MASK] & bit:
            bounds[-1] = (begin, begin + 1, 1)
    _slice(call, bounds)


def slice_(call: Call) -> None:
    """SLICE with constant bounds."""
    call.expect(3)
    shape = call.file_shape()
    begins, sizes = whole_numbers(call, 1), whole_numbers(call, 2)
    if not len(begins) == len(sizes) == len(shape):
        raise Unsupported(f"its bounds {begins}, {sizes} do not fit {shape}")
    _slice(
        call,
        [
            (begin, length if size == -1 else begin + size, 1)
            for begin, size, length in zip(begins, sizes, shape, strict=True)
        ],
    )


def split(call: Call) -> None:
    """SPLIT into equal parts."""
    call.expect(2, outputs=max(call.outputs, 1))
    axis, size = _split_axis(call, whole_numbers(call, 0), 1)
    if size % call.outputs:
        raise Unsupported(f"an axis of {size} does not make {call.outputs} equal parts")
    _parts(call, axis, [size // call.outputs] * call.outputs, 1)


def split_v(call: Call) -> None:
    """SPLIT_V into parts of given sizes, of which one may be told as the rest."""
    call.expect(3, outputs=max(call.outputs, 1))
    axis, size = _split_axis(call, whole_numbers(call, 2), 0)
    sizes = whole_numbers(call, 1)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = size - sum(sizes) - 1
    if len(sizes) != call.outputs or sum(sizes) != size or min(sizes) < 1:
        raise Unsupported(f"parts of {sizes} do not make an axis of {size}")
    _parts(call, axis, sizes, 0)


def _split_axis(call: Call, axes: list[int], place: int) -> tuple[int, int]:
    if len(axes) != 1:
        raise Unsupported(f"its axis is {axes}")
    axis = net_axis(call, axes[0], place)
    return axis, call.activation(place).shape[axis]


def _parts(call: Call, axis: int, sizes: list[int], place: int) -> None:
    source, start = call.activation(place), 0
    for output, size in enumerate(sizes):
        bounds = [(0, length, 1) for length in source.shape]
        bounds[axis] = (start, start + size, 1)
        start += size
        begin, end, steps = zip(*bounds, strict=True)
        call.finish(Slice, source.name, output=output, begin=begin, end=end, steps=steps)


def _slice(call: Call, bounds: list[tuple[int, int, int]]) -> None:
    """The part of the file's first input with these bounds on every axis of the file's."""
    source, shape = call.activation(), call.file_shape()
    for (first, last, step), size in zip(bounds, shape, strict=True):
        if step < 0:
            raise Unsupported(f"it goes backwards through an axis of {size}, by {step}", _FORWARDS)
        if step < 1 or not 0 <= first < last <= size:
            raise Unsupported(f"it takes {first} to {last} by {step} of an axis of {size}")
    begin, end, steps = zip(*bounds[len(shape) - len(source.shape) :], strict=True)
    call.finish(Slice, source.name, begin=begin, end=end, steps=steps)


def _within(bound: int, size: int) -> int:
    """A bound that may count from the end, cut to the axis."""
    return min(max(bound + size if bound < 0 else bound, 0), size)
