"""What each op of a network in the `tflm` profile becomes in a .tflite file, in the table `EMITTERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite.draft import Draft
from lilliput.formats.tflite.schema import (
    ACTIVATIONS,
    Builtin,
    ConcatenationOptions,
    ConvOptions,
    DepthwiseOptions,
    ElementWiseOptions,
    FullyConnectedOptions,
    LeakyReluOptions,
    OptionsType,
    PaddingScheme,
    PoolOptions,
    ReducerOptions,
    ReshapeOptions,
    ResizeOptions,
    SoftmaxOptions,
    StridedSliceOptions,
)
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    Padding,
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
    same_padding,
)
from lilliput.net.fixedpoint import pad_value
from lilliput.net.ops import PairwiseOp

_ACTIVATION_NUMBERS = {activation: number for number, activation in ACTIVATIONS.items()}
_Windowed = Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D


def _conv(op: Conv2D, draft: Draft) -> None:
    window = draft.net.tensors[op.inputs[1]].shape[1:3]
    image, scheme = _padded(op, draft, _reach(window, op.dilation))
    options = {
        ConvOptions.PADDING: Number("b", scheme),
        ConvOptions.STRIDE_W: Number("i", op.strides[1]),
        ConvOptions.STRIDE_H: Number("i", op.strides[0]),
        ConvOptions.ACTIVATION: _fused(op.activation),
        ConvOptions.DILATION_W: Number("i", op.dilation[1]),
        ConvOptions.DILATION_H: Number("i", op.dilation[0]),
    }
    inputs = [image, *(draft.index(name) for name in op.inputs[1:])]
    draft.operator(Builtin.CONV_2D, inputs, _outputs(op, draft), (OptionsType.CONV_2D, options))


def _depthwise(op: DepthwiseConv2D, draft: Draft) -> None:
    weights, source = (draft.net.tensors[name].shape for name in (op.inputs[1], op.inputs[0]))
    image, scheme = _padded(op, draft, _reach(weights[:2], op.dilation))
    options = {
        DepthwiseOptions.PADDING: Number("b", scheme),
        DepthwiseOptions.STRIDE_W: Number("i", op.strides[1]),
        DepthwiseOptions.STRIDE_H: Number("i", op.strides[0]),
        DepthwiseOptions.MULTIPLIER: Number("i", weights[2] // source[2]),
        DepthwiseOptions.ACTIVATION: _fused(op.activation),
        DepthwiseOptions.DILATION_W: Number("i", op.dilation[1]),
        DepthwiseOptions.DILATION_H: Number("i", op.dilation[0]),
    }
    inputs = [image, draft.weights(op), *(draft.index(name) for name in op.inputs[2:])]
    outputs = _outputs(op, draft)
    draft.operator(Builtin.DEPTHWISE_CONV_2D, inputs, outputs, (OptionsType.DEPTHWISE_CONV_2D, options))


def _fully_connected(op: FullyConnected, draft: Draft) -> None:
    options = {FullyConnectedOptions.ACTIVATION: _fused(op.activation)}
    draft.operator(
        Builtin.FULLY_CONNECTED,
        _inputs(op, draft),
        _outputs(op, draft),
        (OptionsType.FULLY_CONNECTED, options),
    )


def _pool(op: MaxPool2D | AveragePool2D, draft: Draft) -> None:
    image, scheme = _padded(op, draft, op.pool)
    options = {
        PoolOptions.PADDING: Number("b", scheme),
        PoolOptions.STRIDE_W: Number("i", op.strides[1]),
        PoolOptions.STRIDE_H: Number("i", op.strides[0]),
        PoolOptions.FILTER_W: Number("i", op.pool[1]),
        PoolOptions.FILTER_H: Number("i", op.pool[0]),
        PoolOptions.ACTIVATION: _fused(op.activation),
    }
    code = Builtin.MAX_POOL_2D if isinstance(op, MaxPool2D) else Builtin.AVERAGE_POOL_2D
    draft.operator(code, [image], _outputs(op, draft), (OptionsType.POOL_2D, options))


def _mean(op: GlobalAveragePool2D, draft: Draft) -> None:
    axes = draft.integers(f"{op.name}_axes", [1, 2])
    options = (OptionsType.REDUCER, {ReducerOptions.KEEP_DIMS: Number("?", False)})
    draft.operator(Builtin.MEAN, [*_inputs(op, draft), axes], _outputs(op, draft), options)


def _pairwise(code: Builtin, kind: OptionsType) -> Callable[[Any, Draft], None]:
    def emit(op: PairwiseOp, draft: Draft) -> None:
        options = {ElementWiseOptions.ACTIVATION: _fused(op.activation)}
        draft.operator(code, _inputs(op, draft), _outputs(op, draft), (kind, options))

    return emit


def _concat(op: Concat, draft: Draft) -> None:
    options = {
        ConcatenationOptions.AXIS: Number("i", op.axis + 1),
        ConcatenationOptions.ACTIVATION: _fused(Activation.NONE),
    }
    inputs = [draft.part(name) for name in op.inputs]
    kind = (OptionsType.CONCATENATION, options)
    draft.operator(Builtin.CONCATENATION, inputs, _outputs(op, draft), kind)


def _pad(op: Pad, draft: Draft) -> None:
    amounts = draft.integers(f"{op.name}_amounts", _amounts(op.padding))
    if op.value == 0.0:
        inputs = [*_inputs(op, draft), amounts]
        draft.operator(Builtin.PAD, inputs, _outputs(op, draft), (OptionsType.PAD, {}))
        return
    image = draft.net.tensors[op.inputs[0]]
    value = np.asarray([pad_value(op, draft.net)], image.dtype.numpy)
    inputs = [*_inputs(op, draft), amounts, draft.numbers(f"{op.name}_value", value, image)]
    draft.operator(Builtin.PADV2, inputs, _outputs(op, draft), (OptionsType.PADV2, {}))


def _slice(op: Slice, draft: Draft) -> None:
    bounds = {"begin": (0, *op.begin), "end": (1, *op.end), "steps": (1, *op.steps)}
    inputs = [draft.integers(f"{op.name}_{name}", values) for name, values in bounds.items()]
    options = {field: Number("i", 0) for field in StridedSliceOptions}
    draft.operator(
        Builtin.STRIDED_SLICE,
        [*_inputs(op, draft), *inputs],
        _outputs(op, draft),
        (OptionsType.STRIDED_SLICE, options),
    )


def _transpose(op: Transpose, draft: Draft) -> None:
    order = draft.integers(f"{op.name}_order", (0, *(axis + 1 for axis in op.permutation)))
    inputs = [*_inputs(op, draft), order]
    draft.operator(Builtin.TRANSPOSE, inputs, _outputs(op, draft), (OptionsType.TRANSPOSE, {}))


def _resize(op: ResizeNearest, draft: Draft) -> None:
    options = {
        ResizeOptions.ALIGN_CORNERS: Number("?", op.align_corners),
        ResizeOptions.HALF_PIXEL_CENTERS: Number("?", op.half_pixel_centers),
    }
    draft.operator(
        Builtin.RESIZE_NEAREST_NEIGHBOR,
        [*_inputs(op, draft), draft.integers(f"{op.name}_size", op.size)],
        _outputs(op, draft),
        (OptionsType.RESIZE_NEAREST_NEIGHBOR, options),
    )


def _reshape(op: Reshape, draft: Draft) -> None:
    shape = (1, *op.shape)
    options = (OptionsType.RESHAPE, {ReshapeOptions.NEW_SHAPE: np.asarray(shape, np.int32)})
    inputs = [*_inputs(op, draft), draft.integers(f"{op.name}_shape", shape)]
    draft.operator(Builtin.RESHAPE, inputs, _outputs(op, draft), options)


def _softmax(op: Softmax, draft: Draft) -> None:
    options = (OptionsType.SOFTMAX, {SoftmaxOptions.BETA: Number("f", op.beta)})
    draft.operator(Builtin.SOFTMAX, _inputs(op, draft), _outputs(op, draft), options)


def _leaky_relu(op: LeakyReLU, draft: Draft) -> None:
    options = (OptionsType.LEAKY_RELU, {LeakyReluOptions.ALPHA: Number("f", op.alpha)})
    draft.operator(Builtin.LEAKY_RELU, _inputs(op, draft), _outputs(op, draft), options)


def _plain(code: Builtin, kind: OptionsType = OptionsType.NONE) -> Callable[[Any, Draft], None]:
    def emit(op: Op, draft: Draft) -> None:
        draft.operator(code, _inputs(op, draft), _outputs(op, draft), (kind, {}))

    return emit


EMITTERS: Mapping[type[Op], Callable[[Any, Draft], None]] = {
    Conv2D: _conv,
    DepthwiseConv2D: _depthwise,
    FullyConnected: _fully_connected,
    MaxPool2D: _pool,
    AveragePool2D: _pool,
    GlobalAveragePool2D: _mean,
    Add: _pairwise(Builtin.ADD, OptionsType.ADD),
    Sub: _pairwise(Builtin.SUB, OptionsType.SUB),
    Mul: _pairwise(Builtin.MUL, OptionsType.MUL),
    Concat: _concat,
    Pad: _pad,
    Slice: _slice,
    Transpose: _transpose,
    ResizeNearest: _resize,
    ReLU: _plain(Builtin.RELU),
    ReLU6: _plain(Builtin.RELU6),
    Logistic: _plain(Builtin.LOGISTIC),
    Tanh: _plain(Builtin.TANH),
    HardSwish: _plain(Builtin.HARD_SWISH, OptionsType.HARD_SWISH),
    LeakyReLU: _leaky_relu,
    Reshape: _reshape,
    Softmax: _softmax,
    Requantize: _plain(Builtin.QUANTIZE, OptionsType.QUANTIZE),
}
"""One entry for each op that has integers."""


def _inputs(op: Op, draft: Draft) -> list[int]:
    return [draft.index(name) for name in op.inputs]


def _outputs(op: Op, draft: Draft) -> list[int]:
    return [draft.index(name) for name in op.outputs]


def _fused(activation: Activation) -> Number:
    return Number("b", _ACTIVATION_NUMBERS[activation])


def _amounts(padding: Padding) -> list[list[int]]:
    """How much PAD adds before and after each axis, the batch first."""
    return [[0, 0], [padding.top, padding.bottom], [padding.left, padding.right], [0, 0]]


def _reach(kernel: tuple[int, ...], dilation: tuple[int, int]) -> tuple[int, int]:
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1


def _padded(op: _Windowed, draft: Draft, window: tuple[int, int]) -> tuple[int, PaddingScheme]:
    """The image and the padding scheme that give the windows of `op`: with an operator in front if need be.

    Raises:
        FormatError: the padding of an average pool is neither of the schemes.
    """
    image, output = draft.net.tensors[op.inputs[0]], draft.net.tensors[op.outputs[0]]
    for scheme, padding in (
        (PaddingScheme.VALID, Padding()),
        (PaddingScheme.SAME, same_padding((image.shape[0], image.shape[1]), window, op.strides)),
    ):
        # What lies below and to the right of the last window does not matter.
        starts_alike = (op.padding.top, op.padding.left) == (padding.top, padding.left)
        if starts_alike and _positions(image.shape, window, op.strides, padding) == output.shape[:2]:
            return draft.index(image.name), scheme
    if isinstance(op, AveragePool2D):
        raise FormatError(
            f"op '{op.name}' (AveragePool2D) has no form in TensorFlow Lite",
            f"its {op.padding} is neither TensorFlow Lite's 'valid' nor its 'same'",
            "train the network with another padding of this pool",
        )
    border = Pad(name=op.name, inputs=(image.name,), outputs=op.outputs, padding=op.padding)
    between = draft.between(f"{op.name}_padded", border.output_shape([image.shape]), image)
    amounts = draft.integers(f"{op.name}_amounts", _amounts(op.padding))
    inputs = [draft.index(image.name), amounts]
    if isinstance(op, MaxPool2D):
        lowest = np.asarray([DType.INT8.range[0]], np.int8)
        inputs.append(draft.numbers(f"{op.name}_lowest", lowest, image))
        draft.operator(Builtin.PADV2, inputs, [between], (OptionsType.PADV2, {}))
    else:
        draft.operator(Builtin.PAD, inputs, [between], (OptionsType.PAD, {}))
    return between, PaddingScheme.VALID


def _positions(
    image: tuple[int, ...], window: tuple[int, int], strides: tuple[int, int], padding: Padding
) -> tuple[int, int]:
    rows = image[0] + padding.top + padding.bottom - window[0]
    columns = image[1] + padding.left + padding.right - window[1]
    return rows // strides[0] + 1, columns // strides[1] + 1
