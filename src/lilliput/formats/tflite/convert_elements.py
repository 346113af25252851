"""Operators without weights that make new numbers: pools, sums, activations, changes of scale."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lilliput.formats.tflite.context import Call
from lilliput.formats.tflite.convert_shapes import net_axis, whole_numbers
from lilliput.formats.tflite.convert_weighted import image_padding, positive
from lilliput.formats.tflite.problems import Unsupported
from lilliput.formats.tflite.schema import ElementWiseOptions, LeakyReluOptions, PoolOptions, SoftmaxOptions
from lilliput.net import (
    AveragePool2D,
    DType,
    GlobalAveragePool2D,
    LeakyReLU,
    MaxPool2D,
    Net,
    Op,
    Profile,
    Quant,
    Requantize,
    Reshape,
    ResizeNearest,
    Softmax,
    Tensor,
    Transpose,
)
from lilliput.net.ops import PairwiseOp
from lilliput.net.reference import run

Converter = Callable[[Call], None]


def pool(kind: type[MaxPool2D] | type[AveragePool2D]) -> Converter:
    """MAX_POOL_2D or AVERAGE_POOL_2D."""

    def convert(call: Call) -> None:
        call.expect(1)
        options, image = PoolOptions, call.image()
        strides = positive((call.whole(options.STRIDE_H, 1), call.whole(options.STRIDE_W, 1)), "strides")
        window = positive((call.whole(options.FILTER_H, 1), call.whole(options.FILTER_W, 1)), "windows")
        call.finish(
            kind,
            image.name,
            pool=window,
            strides=strides,
            padding=image_padding(call.choice(options.PADDING), image.shape, window, strides),
            activation=call.fused(options.ACTIVATION),
        )

    return convert


def mean(call: Call) -> None:
    """MEAN over any axes: those are brought to the front, where a global average takes them."""
    call.expect(2)
    source, shape = call.activation(), call.activation().shape
    dropped = len(call.file_shape()) - len(shape)
    rank = dropped + len(shape)
    axes = {axis % rank if -rank <= axis < rank else axis for axis in whole_numbers(call, 1)}
    # The batch is 1: a mean over it changes nothing.
    over = sorted(net_axis(call, axis) for axis in axes - set(range(dropped)))
    kept = [axis for axis in range(len(shape)) if axis not in over]
    name = source.name
    if len(shape) != 3 or over != [0, 1]:
        order = (*over, *kept)
        if [axis for axis in order if shape[axis] > 1] != [a for a in range(len(shape)) if shape[a] > 1]:
            name = call.step(Transpose, name, permutation=order)
        sizes = math.prod(shape[axis] for axis in over), math.prod(shape[axis] for axis in kept)
        name = call.reshaped(name, (sizes[0], 1, sizes[1]))
    call.finish(GlobalAveragePool2D, name)


def pairwise(kind: type[PairwiseOp]) -> Converter:
    """ADD, SUB or MUL; one of both may be a constant."""

    def convert(call: Call) -> None:
        call.expect(2)
        activation = call.fused(ElementWiseOptions.ACTIVATION)
        names = [_operand(call, place) for place in (0, 1)]
        tensors = [call.context.tensors[name] for name in names]
        try:
            whole = np.broadcast_shapes(*(tensor.shape for tensor in tensors))
        except ValueError:
            whole = ()  # the op says what is wrong
        if whole and all(tensor.elements < math.prod(whole) for tensor in tensors):
            flowing = 1 if tensors[0].constant else 0
            names[flowing] = _spread_out(call, names[flowing], whole)
        call.finish(kind, *names, activation=activation)

    return convert


def _spread_out(call: Call, name: str, whole: tuple[int, ...]) -> str:
    """An activation repeated until it has the shape `whole`: an op repeats one operand, not both."""
    shape = call.context.tensors[name].shape
    shape = (1,) * (len(whole) - len(shape)) + shape
    for axis, size in enumerate(whole):
        if shape[axis] < size:
            rows, pixel = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
            name = call.step(ResizeNearest, call.reshaped(name, (rows, 1, pixel)), size=(rows, size))
            shape = (*shape[:axis], size, *shape[axis + 1 :])
    return call.reshaped(name, shape)


def _operand(call: Call, place: int) -> str:
    source = call.context.file_tensor(call.source(place))
    if source.data is None:
        return call.activation(place).name
    if source.dtype is not DType.INT8 or source.quant is None or source.quant.axis is not None:
        raise Unsupported(f"its constant '{source.name}' is not int8 with one scale")
    if 0 in source.shape:
        raise Unsupported(f"'{source.name}' of shape {source.shape} holds nothing")
    lead = next((axis for axis, size in enumerate(source.shape) if size > 1), len(source.shape) - 1)
    data = source.data.reshape(source.shape[max(lead, 0) :] or (1,))
    return call.context.constant(f"{call.name}_operand_{place}", data, DType.INT8, source.quant, source.name)


def element_wise(kind: type[Op]) -> Converter:
    """An operator with one input, one output and no options."""

    def convert(call: Call) -> None:
        call.expect(1)
        call.finish(kind, call.activation().name)

    return convert


def softmax(call: Call) -> None:
    """SOFTMAX."""
    call.expect(1)
    call.finish(Softmax, call.activation().name, beta=call.real(SoftmaxOptions.BETA, 1.0))


def leaky_relu(call: Call) -> None:
    """LEAKY_RELU."""
    call.expect(1)
    call.finish(LeakyReLU, call.activation().name, alpha=call.real(LeakyReluOptions.ALPHA, 0.0))


def quantize(call: Call) -> None:
    """QUANTIZE: a change of scale, the float input's end, or the end of floats inside."""
    call.expect(1)
    context, source = call.context, call.source()
    if source in context.graph.inputs and context.file_tensor(source).dtype is DType.FLOAT32:
        context.alias(source, call.target())
    elif source in context.floats:
        _rescale_through_floats(call, context.floats[source])
    else:
        call.finish(Requantize, call.activation().name)


def dequantize(call: Call) -> None:
    """DEQUANTIZE: the float output's end, or the beginning of floats inside."""
    call.expect(1)
    call.activation()
    if call.target() in call.context.graph.outputs:
        call.context.alias(call.target(), call.source())
    else:
        call.context.floats[call.target()] = call.source()


def _rescale_through_floats(call: Call, source: int) -> None:
    """DEQUANTIZE and QUANTIZE at once: for every integer the same as a change of scale, or refused."""
    before, after = call.context.activation(source), call.output()
    assert before.quant is not None
    assert after.quant is not None
    if (before.dtype, before.quant) == (after.dtype, after.quant):
        call.finish(Reshape, before.name, shape=after.shape)
        return
    low, high = before.dtype.range
    every = np.arange(low, high + 1).astype(before.dtype.numpy)
    op = Requantize(name="rescale", inputs=("x",), outputs=("y",), profile=Profile.TFLM)
    tensors = {
        "x": Tensor("x", (1,), before.dtype, before.quant),
        "y": Tensor("y", (1,), after.dtype, after.quant),
    }
    found = run(Net("rescale", (op,), tensors, ("x",), ("y",)), every[:, None])[:, 0]
    if (found != _through_floats(every, before.quant, after)).any():
        raise Unsupported("floats inside the network round differently from a change of scale")
    call.finish(Requantize, before.name)


def _through_floats(x: NDArray[np.generic], source: Quant, after: Tensor) -> NDArray[np.generic]:
    """What TensorFlow Lite Micro makes of integers by way of float32."""
    assert after.quant is not None
    reals = (source.scale * (x.astype(np.float64) - source.zero_point)).astype(np.float32)
    steps = (reals / np.float32(after.quant.scale)).astype(np.float64)
    whole = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + after.quant.zero_point
    found: NDArray[np.generic] = np.clip(whole, *after.dtype.range).astype(after.dtype.numpy)
    return found
