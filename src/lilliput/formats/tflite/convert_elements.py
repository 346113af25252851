"""Operators without weights that make new numbers: pools, sums, activations, changes of scale."""

from __future__ import annotations

from collections.abc import Callable

from lilliput.formats.tflite.context import Call, Unsupported
from lilliput.formats.tflite.convert_shapes import net_axis
from lilliput.formats.tflite.convert_weighted import image_padding, positive
from lilliput.formats.tflite.schema import ElementWiseOptions, PoolOptions, SoftmaxOptions
from lilliput.net import (
    Add,
    AveragePool2D,
    DType,
    GlobalAveragePool2D,
    MaxPool2D,
    Op,
    Requantize,
    Softmax,
)

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
    """MEAN over height and width."""
    call.expect(2)
    image = call.image()
    axes = sorted({net_axis(call, axis) for axis in call.integers(1) if isinstance(axis, int)})
    if axes != [0, 1]:
        raise Unsupported("a mean is supported over height and width only")
    call.finish(GlobalAveragePool2D, image.name)


def add(call: Call) -> None:
    """ADD."""
    call.expect(2)
    left, right = call.activation(0), call.activation(1)
    call.finish(Add, left.name, right.name, activation=call.fused(ElementWiseOptions.ACTIVATION))


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


def quantize(call: Call) -> None:
    """QUANTIZE: a change of scale, or the float input's end."""
    call.expect(1)
    context = call.context
    if call.source() in context.graph.inputs and context.file_tensor(call.source()).dtype is DType.FLOAT32:
        context.alias(call.source(), call.target())
        return
    call.finish(Requantize, call.activation().name)


def dequantize(call: Call) -> None:
    """DEQUANTIZE: the float output's end."""
    call.expect(1)
    if call.target() not in call.context.graph.outputs:
        raise Unsupported("floats inside the network are not supported, only at its ends")
    call.activation()
    call.context.alias(call.target(), call.source())
