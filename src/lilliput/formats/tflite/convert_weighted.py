"""Operators with weights: convolutions and matrix products."""

from __future__ import annotations

import numpy as np

from lilliput.formats.tflite.context import Call, pair
from lilliput.formats.tflite.problems import INTEGERS, Unsupported
from lilliput.formats.tflite.schema import (
    ConvOptions,
    DepthwiseOptions,
    FullyConnectedOptions,
    PaddingScheme,
)
from lilliput.net import (
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    Padding,
    Quant,
    same_padding,
)

SMALLEST_SCALE = float(np.finfo(np.float32).tiny)
LARGEST_SCALE = float(np.finfo(np.float32).max)
"""Scales beyond these lose digits as float32, which a bias's scale is in files."""


def image_padding(
    scheme: int, image: tuple[int, ...], window: tuple[int, int], strides: tuple[int, int]
) -> Padding:
    """The padding that an option means for a window over (height, width, channels)."""
    if scheme == PaddingScheme.VALID:
        return Padding()
    if scheme == PaddingScheme.SAME:
        return same_padding((image[0], image[1]), window, strides)
    raise Unsupported(f"padding scheme {scheme} is not known")


def positive(values: tuple[int, int], what: str) -> tuple[int, int]:
    """`values`, if both are at least 1."""
    if min(values) < 1:
        raise Unsupported(f"its {what} are {values}")
    return values


def parameters(call: Call, axis: int, drop: int = 0) -> tuple[str, ...]:
    """Add weights (without `drop` leading axes of size 1) and bias; their names."""
    weights = call.constant(1)
    data, quant = weights.data, weights.quant
    assert data is not None
    if weights.dtype is not DType.INT8 or quant is None or any(quant.zero_points):
        raise Unsupported(f"its weights '{weights.name}' are not int8 with zero point 0", INTEGERS)
    if any(size != 1 for size in data.shape[:drop]):
        raise Unsupported(f"its weights have shape {data.shape}")
    data = data.reshape(data.shape[drop:])
    if quant.axis is not None:
        if quant.axis - drop != axis:
            raise Unsupported(f"its weights are quantized along axis {quant.axis}")
        quant = Quant(quant.scales, quant.zero_points, axis)
    names = (call.context.constant(f"{call.name}_weights", data, DType.INT8, quant, weights.name),)
    if not call.has(2):
        return names
    stated = call.constant(2)
    bias = stated.data
    assert bias is not None
    if bias.dtype != np.int32:
        raise Unsupported(f"its bias is {bias.dtype}, not int32")
    source = call.activation().quant
    assert source is not None
    scales = tuple(source.scale * scale for scale in quant.scales)
    if not SMALLEST_SCALE <= min(scales) <= max(scales) <= LARGEST_SCALE:
        raise Unsupported("its bias needs a scale that float32 does not hold")
    bias_quant = Quant(scales, (0,) * len(scales), 0 if len(scales) > 1 else None)
    key = f"{call.name}_bias"
    return (*names, call.context.constant(key, bias.reshape(-1), DType.INT32, bias_quant, stated.name))


def conv(call: Call) -> None:
    """CONV_2D."""
    call.expect(2, 3)
    options, image = ConvOptions, call.image()
    strides = positive((call.whole(options.STRIDE_H, 1), call.whole(options.STRIDE_W, 1)), "strides")
    dilation = positive((call.whole(options.DILATION_H, 1), call.whole(options.DILATION_W, 1)), "dilations")
    window = _reach(pair(call.constant(1).shape[1:3]), dilation)
    call.finish(
        Conv2D,
        image.name,
        *parameters(call, axis=0),
        strides=strides,
        dilation=dilation,
        padding=image_padding(call.choice(options.PADDING), image.shape, window, strides),
        activation=call.fused(options.ACTIVATION),
    )


def depthwise(call: Call) -> None:
    """DEPTHWISE_CONV_2D."""
    call.expect(2, 3)
    options, image = DepthwiseOptions, call.image()
    strides = positive((call.whole(options.STRIDE_H, 1), call.whole(options.STRIDE_W, 1)), "strides")
    dilation = positive((call.whole(options.DILATION_H, 1), call.whole(options.DILATION_W, 1)), "dilations")
    window = _reach(pair(call.constant(1).shape[1:3]), dilation)
    call.finish(
        DepthwiseConv2D,
        image.name,
        *parameters(call, axis=2, drop=1),
        strides=strides,
        dilation=dilation,
        padding=image_padding(call.choice(options.PADDING), image.shape, window, strides),
        activation=call.fused(options.ACTIVATION),
    )


def fully_connected(call: Call) -> None:
    """FULLY_CONNECTED."""
    call.expect(2, 3)
    source, (units, features) = call.activation(), pair(call.constant(1).shape)
    activation = call.fused(FullyConnectedOptions.ACTIVATION)
    rows = source.elements // features if features else 0
    if rows * features != source.elements:
        raise Unsupported(f"weights of {units} by {features} do not fit an input of shape {source.shape}")
    names = parameters(call, axis=0)
    if rows == 1:
        call.finish(FullyConnected, call.reshaped(source.name, (features,)), *names, activation=activation)
        return
    weights = call.context.tensors[names[0]]
    assert weights.data is not None
    kernels = call.context.constant(
        names[0],
        weights.data.reshape(units, 1, 1, features),
        DType.INT8,
        weights.quant,
        call.constant(1).name,
    )
    image = call.reshaped(source.name, (rows, 1, features))
    call.finish(Conv2D, image, kernels, *names[1:], activation=activation)


def _reach(kernel: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1
