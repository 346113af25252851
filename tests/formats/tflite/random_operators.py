"""Operators of random .tflite files: every one that can be imported, in every form that files have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from tests.formats.tflite.files import FLOAT32, INT8
from tests.formats.tflite.random_files import RandomFile, Shape

from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import schema
from lilliput.formats.tflite.schema import Builtin

MOST_ELEMENTS = 2500


def window(one: RandomFile, code: int, kernel: Shape, multiplier: int = 0) -> tuple[Shape, dict[int, Any]]:
    """Rows and columns of what a window makes, and the operator's options."""
    fields: Any = {
        Builtin.CONV_2D: schema.ConvOptions,
        Builtin.DEPTHWISE_CONV_2D: schema.DepthwiseOptions,
    }.get(Builtin(code), schema.PoolOptions)
    strides = (one.whole(1, 3), one.whole(1, 3)) if one.chance(2) else (1, 1)
    dilation = (1, 1)
    if fields is not schema.PoolOptions and strides == (1, 1) and one.chance(4):
        dilation = (one.whole(1, 2), one.whole(1, 2))
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    image = one.shape[1:3]
    same = one.chance(2) or any(size < taps for size, taps in zip(image, reach, strict=True))
    made = tuple(
        -(-size // step) if same else (size - taps) // step + 1
        for size, taps, step in zip(image, reach, strides, strict=True)
    )
    options = {
        fields.PADDING: Number("b", schema.PaddingScheme.SAME if same else schema.PaddingScheme.VALID),
        fields.STRIDE_H: Number("i", strides[0]),
        fields.STRIDE_W: Number("i", strides[1]),
        fields.ACTIVATION: one.activation(),
    }
    if fields is schema.PoolOptions:
        return made, {
            **options,
            fields.FILTER_H: Number("i", kernel[0]),
            fields.FILTER_W: Number("i", kernel[1]),
        }
    options |= {fields.DILATION_H: Number("i", dilation[0]), fields.DILATION_W: Number("i", dilation[1])}
    if multiplier:
        options[fields.MULTIPLIER] = Number("i", multiplier)
    return made, options


def conv(one: RandomFile) -> None:
    kernel = one.pick(((1, 1), (3, 3), (one.whole(1, 5), one.whole(1, 5))))
    channels, depth = one.whole(1, 9), one.shape[3]
    constants, scale = one.weights((channels, *kernel, depth), 0, math.prod(kernel) * depth)
    made, options = window(one, Builtin.CONV_2D, kernel)
    one.put(Builtin.CONV_2D, (one.newest, *constants), one.tensor((1, *made, channels), scale), options)


def depthwise(one: RandomFile) -> None:
    kernel = one.pick(((3, 3), (5, 5), (one.whole(1, 5), one.whole(1, 5))))
    multiplier = one.whole(1, 8) if one.shape[3] == 1 else one.pick((1, 1, 1, 2, 3))
    channels = one.shape[3] * multiplier
    constants, scale = one.weights((1, *kernel, channels), 3, math.prod(kernel))
    made, options = window(one, Builtin.DEPTHWISE_CONV_2D, kernel, multiplier)
    inputs = (one.newest, *constants)
    one.put(Builtin.DEPTHWISE_CONV_2D, inputs, one.tensor((1, *made, channels), scale), options)


def pool(one: RandomFile) -> None:
    code = one.pick((Builtin.AVERAGE_POOL_2D, Builtin.MAX_POOL_2D))
    made, options = window(one, code, (one.whole(1, 4), one.whole(1, 4)))
    one.put(code, (one.newest,), one.alike((1, *made, one.shape[3])), options)


def fully_connected(one: RandomFile) -> None:
    units, features = one.whole(1, 12), one.shape[-1]
    rows = one.shape[:-1]
    if len(one.shape) > 2 and one.chance(2):
        features, rows = math.prod(one.shape), (1,)
    constants, scale = one.weights((units, features), 0, features)
    options = {schema.FullyConnectedOptions.ACTIVATION: one.activation(), 2: Number("?", len(rows) > 1)}
    output = one.tensor((*rows, units), scale)
    one.put(Builtin.FULLY_CONNECTED, (one.newest, *constants), output, options)


def pairwise_operator(one: RandomFile) -> None:
    code = one.pick((Builtin.ADD, Builtin.SUB, Builtin.MUL))
    twins = [index for index, shape in one.shapes.items() if shape == one.shape]
    other, scale = one.pick(twins), one.scale * one.pick((0.7, 1.0, 1.6))
    if one.chance(2):
        strips = (*one.shape[:-2], 1, one.shape[-1])
        shape = one.pick(((), (one.shape[-1],), one.shape, (*one.shape[:-1], 1), strips))
        values = one.rng.integers(-128, 128, shape).astype(np.int8)
        other = one.file.tensor(shape, INT8, one.scale * 0.6, one.whole(-128, 127), data=np.asarray(values))
    if code is Builtin.MUL:
        scale = one.scale * one.rng.uniform(0.2, 1.5)
    inputs = (one.newest, other)[:: one.pick((1, -1))]
    one.put(code, inputs, one.tensor(one.shape, scale), {0: one.activation()})


def concatenation(one: RandomFile) -> None:
    axis = one.whole(1, len(one.shape) - 1)

    def rest(shape: Shape) -> Shape:
        return (*shape[:axis], 0, *shape[axis + 1 :])

    fitting = [
        index
        for index, shape in one.shapes.items()
        if len(shape) == len(one.shape)
        and rest(shape) == rest(one.shape)
        and one.quants[index] == one.quants[one.newest]
    ]
    parts = [one.newest, *(one.pick(fitting) for _ in range(one.whole(1, 2)))]
    length = sum(one.shapes[part][axis] for part in parts)
    if one.chance(3):
        constant = (*one.shape[:axis], one.whole(1, 3), *one.shape[axis + 1 :])
        values = one.rng.integers(-128, 128, constant).astype(np.int8)
        parts.append(one.file.tensor(constant, INT8, *one.quants[one.newest], data=values))
        length += constant[axis]
    shape = (*one.shape[:axis], length, *one.shape[axis + 1 :])
    if math.prod(shape) > MOST_ELEMENTS:
        return relu(one)
    told = one.pick((axis, axis - len(one.shape)))
    options = {schema.ConcatenationOptions.AXIS: Number("i", told)}
    one.put(Builtin.CONCATENATION, parts, one.alike(shape), options)


def relu(one: RandomFile) -> None:
    code = one.pick((Builtin.RELU, Builtin.RELU6))
    # TensorFlow Lite Micro's ReLU6 cuts integers, whatever the output's scale.
    keeps = code is Builtin.RELU6 and one.chance(2)
    output = one.alike(one.shape) if keeps else one.tensor(one.shape, one.scale * 0.8)
    one.put(code, (one.newest,), output)


def function(one: RandomFile) -> None:
    code = one.pick((Builtin.LOGISTIC, Builtin.TANH, Builtin.HARD_SWISH, Builtin.LEAKY_RELU))
    fixed = {Builtin.LOGISTIC: (1 / 256, -128), Builtin.TANH: (1 / 128, 0)}
    options = {}
    if code is Builtin.LEAKY_RELU:
        options = {schema.LeakyReluOptions.ALPHA: Number("f", one.pick((0.0, 0.01, 0.3)))}
    output = one.tensor(one.shape, *fixed.get(code, (one.scale * 0.8, None)))
    one.put(code, (one.newest,), output, options)


def requantize(one: RandomFile) -> None:
    one.put(Builtin.QUANTIZE, (one.newest,), one.tensor(one.shape, one.scale * one.rng.uniform(0.3, 3)))


def softmax(one: RandomFile) -> None:
    beta = {schema.SoftmaxOptions.BETA: Number("f", one.pick((1.0, 0.5, 2.0)))}
    one.put(Builtin.SOFTMAX, (one.newest,), one.tensor(one.shape, 1 / 256, -128), beta)


def pad(one: RandomFile) -> None:
    rows = [(0, 0), *((one.whole(0, 2), one.whole(0, 2)) for _ in one.shape[1:])]
    shape = [size + sum(row) for size, row in zip(one.shape, rows, strict=True)]
    if math.prod(shape) > MOST_ELEMENTS:
        return relu(one)
    inputs, code = [one.newest, one.file.integers(*rows)], Builtin.PAD
    if one.chance(2):
        value, (scale, zero_point) = np.array([one.whole(-128, 127)], np.int8), one.quants[one.newest]
        inputs.append(one.file.tensor((1,), INT8, scale, zero_point, data=value))
        code = Builtin.PADV2
    one.put(code, inputs, one.alike(shape))


def mean(one: RandomFile) -> None:
    rank, keep = len(one.shape), one.chance(2)
    axes = one.pick([(1,), (rank - 1,), tuple(range(1, rank)), (1, 2) if rank == 4 else (1,)])
    kept = [1 if axis in axes else size for axis, size in enumerate(one.shape)]
    shape = kept if keep else [size for axis, size in enumerate(one.shape) if axis not in axes]
    told = [one.pick((axis, axis - rank)) for axis in axes]
    options = {schema.ReducerOptions.KEEP_DIMS: Number("?", keep)}
    output = one.tensor(shape if len(shape) > 1 else [1, *shape[1:]], one.scale * one.rng.uniform(0.3, 1.2))
    if len(shape) < 2:
        return relu(one)
    one.put(Builtin.MEAN, (one.newest, one.file.integers(*told)), output, options)


def reshape(one: RandomFile) -> None:
    total = math.prod(one.shape)
    divisors = [size for size in range(1, total + 1) if total % size == 0]
    rows = one.pick(divisors)
    columns = one.pick([size for size in divisors if (total // rows) % size == 0])
    shape = one.pick(((1, rows, columns, total // rows // columns), (1, total), (1, rows, total // rows)))
    one.put(Builtin.RESHAPE, (one.newest, one.file.integers(*shape)), one.alike(shape))


def ones(one: RandomFile) -> None:
    """An axis of size 1 comes or goes."""
    singles = [axis for axis, size in enumerate(one.shape) if size == 1 and axis > 0]
    if len(one.shape) > 2 and singles:
        axis = one.pick(singles)
        axes = {0: np.array([axis], np.int32)}
        one.put(Builtin.SQUEEZE, (one.newest,), one.alike([*one.shape[:axis], *one.shape[axis + 1 :]]), axes)
    elif len(one.shape) < 4:
        axis = one.whole(1, len(one.shape))
        inputs = (one.newest, one.file.integers(axis))
        one.put(Builtin.EXPAND_DIMS, inputs, one.alike([*one.shape[:axis], 1, *one.shape[axis:]]))
    else:
        reshape(one)


def strided_slice(one: RandomFile) -> None:
    begins = [one.whole(0, size - 1) for size in one.shape]
    ends = [one.whole(begin + 1, size) for begin, size in zip(begins, one.shape, strict=True)]
    steps = [1, *(one.whole(1, 3) for _ in one.shape[1:])]
    masks, shape = [0] * 5, []
    for axis, size in enumerate(one.shape):
        if one.chance(3):
            begins[axis], masks[0] = 0, masks[0] | 1 << axis
        if one.chance(3):
            ends[axis], masks[1] = size, masks[1] | 1 << axis
        shape.append(-(-(ends[axis] - begins[axis]) // steps[axis]))
    if len(one.shape) > 2 and one.chance(3):
        axis = one.whole(1, len(one.shape) - 1)
        masks[4], shape = 1 << axis, [size for place, size in enumerate(shape) if place != axis]
        steps[axis] = 1
    # A bound may count from the end, and says nothing where its mask is set.
    told = [
        [
            value - size if one.chance(3) and value < size else value
            for value, size in zip(found, one.shape, strict=True)
        ]
        for found in (begins, ends)
    ]
    inputs = (one.newest, *(one.file.integers(*values) for values in (*told, steps)))
    options = {
        field: Number("i", mask) for field, mask in zip(schema.StridedSliceOptions, masks, strict=True)
    }
    one.put(Builtin.STRIDED_SLICE, inputs, one.alike(shape), options)


def slice_(one: RandomFile) -> None:
    begins = [one.whole(0, size - 1) for size in one.shape]
    sizes = [one.whole(1, size - begin) for begin, size in zip(begins, one.shape, strict=True)]
    told = [
        -1 if begin + size == whole and one.chance(2) else size
        for begin, size, whole in zip(begins, sizes, one.shape, strict=True)
    ]
    inputs = (one.newest, one.file.integers(*begins), one.file.integers(*told))
    one.put(Builtin.SLICE, inputs, one.alike(sizes))


def split(one: RandomFile) -> None:
    """Parts of which one or two go on."""
    axis = one.whole(1, len(one.shape) - 1)
    size, told = one.shape[axis], one.pick((axis, axis - len(one.shape)))
    if size < 2:
        return relu(one)
    cuts = sorted({one.whole(1, size - 1), one.whole(1, size - 1)})
    sizes = [end - begin for begin, end in pairwise((0, *cuts, size))]
    parts_in = [count for count in range(2, 5) if size % count == 0]
    even = bool(parts_in) and one.chance(2)
    if even:
        count = one.pick(parts_in)
        sizes = [size // count] * count
    parts = [one.alike([*one.shape[:axis], length, *one.shape[axis + 1 :]]) for length in sizes]
    options = {0: Number("i", len(parts))}
    if even:
        one.file.operator(Builtin.SPLIT, (one.file.integers(told), one.newest), parts, options)
    else:
        lengths = one.file.integers(*sizes[:-1], one.pick((-1, sizes[-1])))
        one.file.operator(Builtin.SPLIT_V, (one.newest, lengths, one.file.integers(told)), parts, options)
    one.newest = one.pick(parts)


def resize(one: RandomFile) -> None:
    size = (one.whole(1, 9), one.whole(1, 9))
    inputs = (one.newest, one.file.integers(*size))
    modes = one.pick(((False, False), (True, False), (False, True)))
    options = {field: Number("?", mode) for field, mode in zip(schema.ResizeOptions, modes, strict=True)}
    one.put(Builtin.RESIZE_NEAREST_NEIGHBOR, inputs, one.alike((1, *size, one.shape[3])), options)


def transpose(one: RandomFile) -> None:
    order = [0, *(1 + one.rng.permutation(len(one.shape) - 1)).tolist()]
    shape = [one.shape[axis] for axis in order]
    one.put(Builtin.TRANSPOSE, (one.newest, one.file.integers(*order)), one.alike(shape))


def through_floats(one: RandomFile) -> None:
    """Floats that nobody computes with."""
    middle = one.file.tensor(one.shape, FLOAT32, None)
    one.file.operator(Builtin.DEQUANTIZE, (one.newest,), (middle,), {})
    one.put(Builtin.QUANTIZE, (middle,), one.alike(one.shape))


ANY = (
    *(fully_connected, pairwise_operator, concatenation, relu, function, requantize, softmax, pad, mean),
    *(reshape, ones, strided_slice, slice_, split, transpose, through_floats),
)
IMAGE_OPERATORS = (*(conv,) * 8, *(depthwise,) * 6, *(pool,) * 4, pairwise_operator, resize, *ANY)
VECTOR_OPERATORS = (*(fully_connected,) * 4, pairwise_operator, *ANY)


def random_file(seed: Sequence[int], most_operators: int = 9) -> bytes:
    """The content of a file of some operators at random."""
    one = RandomFile(seed)
    for _ in range(one.whole(1, most_operators)):
        one.pick(IMAGE_OPERATORS if len(one.shape) == 4 else VECTOR_OPERATORS)(one)
    return one.finished(one.end_kind())
