"""What each TensorFlow Lite operator becomes: one small function an operator, in the table `CONVERTERS`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lilliput.formats.flatbuffer import Table
from lilliput.formats.tflite.context import Context, Unsupported
from lilliput.formats.tflite.graph import FileOperator
from lilliput.formats.tflite.schema import ACTIVATIONS, Builtin
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
    MaxPool2D,
    Op,
    Pad,
    Padding,
    Profile,
    Quant,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    Softmax,
    Tensor,
    same_padding,
)

Converter = Callable[[FileOperator, str, Context], None]


def _number(options: Table | None, index: int, form: str, default: int = 0) -> int:
    return default if options is None else options.number(index, form, default)


def _activation(options: Table | None, index: int) -> Activation:
    code = _number(options, index, "b")
    if code not in ACTIVATIONS:
        raise Unsupported(f"fused activation {code} is not supported")
    return ACTIVATIONS[code]


def _inputs(operator: FileOperator, context: Context, count: int = 1) -> list[Tensor]:
    if len(operator.inputs) < count or len(operator.outputs) != 1:
        raise Unsupported(f"{len(operator.inputs)} inputs and {len(operator.outputs)} outputs")
    return [context.activation(index) for index in operator.inputs[:count]]


def _emit(op: Op, context: Context) -> None:
    expected = op.output_shape([context.tensors[name].shape for name in op.inputs])
    found = context.tensors[op.outputs[0]].shape
    if math.prod(expected) != math.prod(found):
        raise Unsupported(f"its output has shape {found}, expected {expected}")
    if expected == found:
        context.ops.append(op)
        return
    inner = f"{op.outputs[0]}_before_reshape"
    output = context.tensors[op.outputs[0]]
    context.tensors[inner] = Tensor(inner, expected, output.dtype, output.quant)
    context.ops.append(_with_outputs(op, (inner,)))
    context.ops.append(
        Reshape(
            name=f"{op.name}_reshape", inputs=(inner,), outputs=op.outputs, shape=found, profile=Profile.TFLM
        )
    )


def _with_outputs(op: Op, outputs: tuple[str, ...]) -> Op:
    return replace(op, outputs=outputs)


def _image_padding(
    code: int, image: Sequence[int], kernel: tuple[int, int], strides: tuple[int, int]
) -> Padding:
    if code == 1:
        return Padding()
    if code == 0:
        return same_padding((image[0], image[1]), kernel, strides)
    raise Unsupported(f"padding {code} is not known")


def _image(tensor: Tensor) -> tuple[int, ...]:
    if len(tensor.shape) != 3:
        raise Unsupported(f"its input has shape {tensor.shape}, not an image")
    return tensor.shape


def _parameters(
    operator: FileOperator, name: str, context: Context, axis: int, drop: int = 0
) -> tuple[str, ...]:
    """Add weights (without `drop` leading axes of size 1) and bias; their names."""
    weights = context.graph.tensors[operator.inputs[1]]
    data = context.values(operator, 1)
    if weights.dtype is not DType.INT8 or weights.quant is None or any(weights.quant.zero_points):
        raise Unsupported("its weights are not symmetric int8")
    if any(size != 1 for size in data.shape[:drop]):
        raise Unsupported(f"its weights have shape {data.shape}")
    data = data.reshape(data.shape[drop:])
    quant = weights.quant
    if quant.axis is not None:
        if quant.axis - drop != axis:
            raise Unsupported(f"its weights are quantized along axis {quant.axis}")
        quant = Quant(quant.scales, quant.zero_points, axis)
    names = (context.constant(f"{name}_weights", data, DType.INT8, quant),)
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return names
    bias = context.values(operator, 2)
    if bias.dtype != np.int32:
        raise Unsupported(f"its bias is {bias.dtype}, not int32")
    scale = context.file_tensor(operator.inputs[0]).quant
    assert scale is not None
    scales = tuple(scale.scale * s for s in quant.scales)
    bias_quant = Quant(scales, (0,) * len(scales), 0 if len(scales) > 1 else None)
    return (*names, context.constant(f"{name}_bias", bias, DType.INT32, bias_quant))


def _conv(operator: FileOperator, name: str, context: Context) -> None:
    (image,) = _inputs(operator, context)
    options = operator.options
    strides = (_number(options, 2, "i", 1), _number(options, 1, "i", 1))
    dilation = (_number(options, 5, "i", 1), _number(options, 4, "i", 1))
    kernel = context.values(operator, 1).shape[1:3]
    if len(kernel) != 2:
        raise Unsupported("its weights are not four-dimensional")
    reach = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    _emit(
        Conv2D(
            name=name,
            inputs=(image.name, *_parameters(operator, name, context, axis=0)),
            outputs=(context.activation(operator.outputs[0]).name,),
            strides=strides,
            dilation=dilation,
            padding=_image_padding(_number(options, 0, "b"), _image(image), reach, strides),
            activation=_activation(options, 3),
            profile=Profile.TFLM,
        ),
        context,
    )


def _depthwise(operator: FileOperator, name: str, context: Context) -> None:
    (image,) = _inputs(operator, context)
    options = operator.options
    strides = (_number(options, 2, "i", 1), _number(options, 1, "i", 1))
    dilation = (_number(options, 6, "i", 1), _number(options, 5, "i", 1))
    kernel = context.values(operator, 1).shape[1:3]
    if len(kernel) != 2:
        raise Unsupported("its weights are not four-dimensional")
    reach = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    _emit(
        DepthwiseConv2D(
            name=name,
            inputs=(image.name, *_parameters(operator, name, context, axis=2, drop=1)),
            outputs=(context.activation(operator.outputs[0]).name,),
            strides=strides,
            dilation=dilation,
            padding=_image_padding(_number(options, 0, "b"), _image(image), reach, strides),
            activation=_activation(options, 4),
            profile=Profile.TFLM,
        ),
        context,
    )


def _fully_connected(operator: FileOperator, name: str, context: Context) -> None:
    (vector,) = _inputs(operator, context)
    source = vector.name
    if len(vector.shape) != 1:
        source = f"{name}_flat"
        context.tensors[source] = Tensor(source, (vector.elements,), vector.dtype, vector.quant)
        context.ops.append(
            Reshape(
                name=f"{name}_flatten",
                inputs=(vector.name,),
                outputs=(source,),
                shape=(vector.elements,),
                profile=Profile.TFLM,
            )
        )
    _emit(
        FullyConnected(
            name=name,
            inputs=(source, *_parameters(operator, name, context, axis=0)),
            outputs=(context.activation(operator.outputs[0]).name,),
            activation=_activation(operator.options, 0),
            profile=Profile.TFLM,
        ),
        context,
    )


def _pool(kind: type[MaxPool2D] | type[AveragePool2D]) -> Converter:
    def convert(operator: FileOperator, name: str, context: Context) -> None:
        (image,) = _inputs(operator, context)
        options = operator.options
        strides = (_number(options, 2, "i", 1), _number(options, 1, "i", 1))
        pool = (_number(options, 4, "i", 1), _number(options, 3, "i", 1))
        _emit(
            kind(
                name=name,
                inputs=(image.name,),
                outputs=(context.activation(operator.outputs[0]).name,),
                pool=pool,
                strides=strides,
                padding=_image_padding(_number(options, 0, "b"), _image(image), pool, strides),
                activation=_activation(options, 5),
                profile=Profile.TFLM,
            ),
            context,
        )

    return convert


def _mean(operator: FileOperator, name: str, context: Context) -> None:
    (image,) = _inputs(operator, context)
    rank = len(_image(image)) + 1
    axes = sorted(int(axis) % rank for axis in np.asarray(context.values(operator, 1)).reshape(-1).tolist())
    if axes != [1, 2]:
        raise Unsupported(f"a mean over axes {axes} is not supported, only over height and width")
    output = context.activation(operator.outputs[0]).name
    _emit(
        GlobalAveragePool2D(name=name, inputs=(image.name,), outputs=(output,), profile=Profile.TFLM), context
    )


def _add(operator: FileOperator, name: str, context: Context) -> None:
    left, right = _inputs(operator, context, 2)
    output = context.activation(operator.outputs[0]).name
    activation = _activation(operator.options, 0)
    _emit(
        Add(
            name=name,
            inputs=(left.name, right.name),
            outputs=(output,),
            activation=activation,
            profile=Profile.TFLM,
        ),
        context,
    )


def _concat(operator: FileOperator, name: str, context: Context) -> None:
    parts = _inputs(operator, context, len(operator.inputs))
    if _activation(operator.options, 1) is not Activation.NONE:
        raise Unsupported("a fused activation is not supported here")
    axis = _number(operator.options, 0, "i") % (len(parts[0].shape) + 1) - 1
    if axis < 0:
        raise Unsupported("joining along the batch is not supported")
    output = context.activation(operator.outputs[0]).name
    _emit(
        Concat(
            name=name, inputs=tuple(p.name for p in parts), outputs=(output,), axis=axis, profile=Profile.TFLM
        ),
        context,
    )


def _pad(operator: FileOperator, name: str, context: Context) -> None:
    (image,) = _inputs(operator, context)
    pads = np.asarray(context.values(operator, 1)).tolist()
    _image(image)
    if len(pads) != 4 or pads[0] != [0, 0] or pads[3] != [0, 0]:
        raise Unsupported(f"padding {pads} is not of height and width alone")
    output = context.activation(operator.outputs[0]).name
    padding = Padding(*pads[1], *pads[2])
    _emit(
        Pad(name=name, inputs=(image.name,), outputs=(output,), padding=padding, profile=Profile.TFLM),
        context,
    )


def _element_wise(kind: type[ReLU] | type[ReLU6]) -> Converter:
    def convert(operator: FileOperator, name: str, context: Context) -> None:
        (source,) = _inputs(operator, context)
        output = context.activation(operator.outputs[0]).name
        _emit(kind(name=name, inputs=(source.name,), outputs=(output,), profile=Profile.TFLM), context)

    return convert


def _reshape(operator: FileOperator, name: str, context: Context) -> None:
    (source,) = _inputs(operator, context)
    output = context.activation(operator.outputs[0])
    if math.prod(output.shape) != source.elements:
        raise Unsupported(f"{source.shape} cannot become {output.shape}")
    _emit(
        Reshape(
            name=name, inputs=(source.name,), outputs=(output.name,), shape=output.shape, profile=Profile.TFLM
        ),
        context,
    )


def _softmax(operator: FileOperator, name: str, context: Context) -> None:
    (source,) = _inputs(operator, context)
    output = context.activation(operator.outputs[0]).name
    beta = 1.0 if operator.options is None else operator.options.real(0)
    _emit(
        Softmax(name=name, inputs=(source.name,), outputs=(output,), beta=beta, profile=Profile.TFLM), context
    )


def _quantize(operator: FileOperator, name: str, context: Context) -> None:
    if len(operator.inputs) != 1 or len(operator.outputs) != 1:
        raise Unsupported(f"{len(operator.inputs)} inputs and {len(operator.outputs)} outputs")
    if (
        operator.inputs[0] in context.graph.inputs
        and context.file_tensor(operator.inputs[0]).dtype is DType.FLOAT32
    ):
        context.alias(operator.inputs[0], operator.outputs[0])
        return
    (source,) = _inputs(operator, context)
    output = context.activation(operator.outputs[0]).name
    _emit(Requantize(name=name, inputs=(source.name,), outputs=(output,), profile=Profile.TFLM), context)


def _dequantize(operator: FileOperator, name: str, context: Context) -> None:
    if len(operator.outputs) != 1 or operator.outputs[0] not in context.graph.outputs:
        raise Unsupported("floats inside the network are not supported, only at its ends")
    _inputs(operator, context)
    context.alias(operator.outputs[0], operator.inputs[0])


CONVERTERS: dict[Builtin, Converter] = {
    Builtin.ADD: _add,
    Builtin.AVERAGE_POOL_2D: _pool(AveragePool2D),
    Builtin.CONCATENATION: _concat,
    Builtin.CONV_2D: _conv,
    Builtin.DEPTHWISE_CONV_2D: _depthwise,
    Builtin.DEQUANTIZE: _dequantize,
    Builtin.EXPAND_DIMS: _reshape,
    Builtin.FULLY_CONNECTED: _fully_connected,
    Builtin.MAX_POOL_2D: _pool(MaxPool2D),
    Builtin.MEAN: _mean,
    Builtin.PAD: _pad,
    Builtin.QUANTIZE: _quantize,
    Builtin.RELU: _element_wise(ReLU),
    Builtin.RELU6: _element_wise(ReLU6),
    Builtin.RESHAPE: _reshape,
    Builtin.SOFTMAX: _softmax,
    Builtin.SQUEEZE: _reshape,
}
"""One entry for each operator that can be imported."""
