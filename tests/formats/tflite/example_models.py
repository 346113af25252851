"""Files with the operators and shapes of well-known small models; nobody trained them.

The first four are those of TensorFlow Lite Micro's examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.formats.tflite.files import FLOAT32, INT8, UINT8
from tests.formats.tflite.random_files import RandomFile, Shape

from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite import schema
from lilliput.formats.tflite.schema import Builtin, PaddingScheme

NONE, RELU, RELU6 = 0, 1, 3


def zero_point(activation: int) -> int:
    """The least integer where nothing lies below zero."""
    return 0 if activation == NONE else -128


class Layers(RandomFile):
    """A file that grows layer by layer, with random weights."""

    def __init__(self, shape: Shape, kind: int = INT8) -> None:
        super().__init__([0], shape, kind)

    def looseness(self) -> float:
        """Enough that something is left at the end of many layers."""
        return 1.0

    def convolution(
        self, channels: int, kernel: Shape, stride: int = 1, activation: int = RELU, same: bool = True
    ) -> int:
        """CONV_2D."""
        depth = self.shape[3]
        constants, scale = self.weights((channels, *kernel, depth), 0, math.prod(kernel) * depth)
        fields = schema.ConvOptions
        options = self._window(fields, kernel, stride, activation, same)
        output = self.tensor((1, *self._made(kernel, stride, same), channels), scale, zero_point(activation))
        self.put(Builtin.CONV_2D, (self.newest, *constants), output, options)
        return output

    def depthwise(self, kernel: Shape, stride: int = 1, activation: int = RELU, multiplier: int = 1) -> int:
        """DEPTHWISE_CONV_2D."""
        channels = self.shape[3] * multiplier
        constants, scale = self.weights((1, *kernel, channels), 3, math.prod(kernel))
        fields = schema.DepthwiseOptions
        options = self._window(fields, kernel, stride, activation, True)
        options[fields.MULTIPLIER] = Number("i", multiplier)
        output = self.tensor((1, *self._made(kernel, stride, True), channels), scale, zero_point(activation))
        self.put(Builtin.DEPTHWISE_CONV_2D, (self.newest, *constants), output, options)
        return output

    def pool(self, code: int, kernel: Shape, strides: Shape) -> None:
        """AVERAGE_POOL_2D or MAX_POOL_2D inside the image."""
        fields = schema.PoolOptions
        made = [
            (size - taps) // step + 1
            for size, taps, step in zip(self.shape[1:3], kernel, strides, strict=True)
        ]
        options = {
            fields.PADDING: Number("b", PaddingScheme.VALID),
            fields.STRIDE_H: Number("i", strides[0]),
            fields.STRIDE_W: Number("i", strides[1]),
            fields.FILTER_H: Number("i", kernel[0]),
            fields.FILTER_W: Number("i", kernel[1]),
        }
        self.put(code, (self.newest,), self.alike((1, *made, self.shape[3])), options)

    def dense(self, units: int, activation: int = NONE) -> int:
        """FULLY_CONNECTED."""
        features = math.prod(self.shape)
        constants, scale = self.weights((units, features), 0, features)
        options = {schema.FullyConnectedOptions.ACTIVATION: Number("b", activation)}
        output = self.tensor((1, units), scale, zero_point(activation))
        self.put(Builtin.FULLY_CONNECTED, (self.newest, *constants), output, options)
        return output

    def reshape(self, *shape: int) -> None:
        """RESHAPE."""
        self.put(Builtin.RESHAPE, (self.newest, self.file.integers(*shape)), self.alike(shape))

    def softmax(self) -> None:
        """SOFTMAX, so flat that what nobody trained is not all or nothing."""
        beta = {schema.SoftmaxOptions.BETA: Number("f", 0.05 / self.scale)}
        self.put(Builtin.SOFTMAX, (self.newest,), self.tensor(self.shape, 1 / 256, -128), beta)

    def joined(self, code: int, left: int, right: int, activation: int = NONE) -> int:
        """ADD or MUL; the larger operand gives the shape."""
        shape = max(self.shapes[left], self.shapes[right], key=math.prod)
        output = self.tensor(shape, self.quants[left][0] * 1.3)
        self.put(code, (left, right), output, {0: Number("b", activation)})
        return output

    def _made(self, kernel: Shape, stride: int, same: bool) -> list[int]:
        return [
            -(-size // stride) if same else (size - taps) // stride + 1
            for size, taps in zip(self.shape[1:3], kernel, strict=True)
        ]

    def _window(
        self,
        fields: type[schema.ConvOptions] | type[schema.DepthwiseOptions],
        kernel: Shape,
        stride: int,
        activation: int,
        same: bool,
    ) -> dict[int, Number]:
        return {
            fields.PADDING: Number("b", PaddingScheme.SAME if same else PaddingScheme.VALID),
            fields.STRIDE_H: Number("i", stride),
            fields.STRIDE_W: Number("i", stride),
            fields.ACTIVATION: Number("b", activation),
            fields.DILATION_H: Number("i", 1),
            fields.DILATION_W: Number("i", 1),
        }


def hello_world() -> bytes:
    """A sine from one number."""
    net = Layers((1, 1))
    net.dense(16, RELU)
    net.dense(16, RELU)
    net.dense(1)
    return net.finished()


def micro_speech() -> bytes:
    """Two words from a spectrogram, by one layer whose depth multiplier is 8."""
    net = Layers((1, 1960))
    net.reshape(1, 49, 40, 1)
    net.depthwise((10, 8), 2, RELU, multiplier=8)
    net.reshape(1, 4000)
    net.dense(4)
    net.softmax()
    return net.finished()


def person_detection() -> bytes:
    """MobileNetV1 0.25 on grey images of 96x96, its first layer a depthwise one."""
    net = Layers((1, 96, 96, 1))
    net.depthwise((3, 3), 2, RELU6, multiplier=8)
    blocks = ((1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (2, 128), *((1, 128),) * 5, (2, 256), (1, 256))
    for stride, channels in blocks:
        net.depthwise((3, 3), stride, RELU6)
        net.convolution(channels, (1, 1), 1, RELU6)
    net.pool(Builtin.AVERAGE_POOL_2D, (3, 3), (2, 2))
    net.convolution(2, (1, 1), 1, NONE)
    net.reshape(1, 2)
    net.softmax()
    return net.finished()


def magic_wand() -> bytes:
    """Gestures from 128 samples of three axes, told and answered in floats."""
    net = Layers((1, 128, 3, 1), FLOAT32)
    net.convolution(8, (4, 3))
    net.pool(Builtin.MAX_POOL_2D, (3, 3), (3, 3))
    net.convolution(16, (4, 1))
    net.pool(Builtin.MAX_POOL_2D, (3, 1), (3, 1))
    net.reshape(1, math.prod(net.shape))
    net.dense(16, RELU)
    net.dense(4)
    net.softmax()
    return net.finished(FLOAT32)


def streaming_keywords() -> bytes:
    """Frames of a sound in one dimension: parts of time are cut out and joined again."""
    net = Layers((1, 20, 1, 40))
    net.convolution(32, (3, 1), 1, RELU, same=False)
    whole = net.newest
    parts = []
    for begin, end in ((0, 9), (9, 18), (4, 13)):
        net.newest = whole
        bounds = ((0, begin, 0, 0), (1, end, 1, 32), (1, 1, 1, 1))
        inputs = (whole, *(net.file.integers(*values) for values in bounds))
        masks = {field: Number("i", 0) for field in schema.StridedSliceOptions}
        net.put(Builtin.STRIDED_SLICE, inputs, net.alike((1, end - begin, 1, 32)), masks)
        parts.append(net.newest)
    axis = {schema.ConcatenationOptions.AXIS: Number("i", 3)}
    net.put(Builtin.CONCATENATION, parts, net.alike((1, 9, 1, 96)), axis)
    net.depthwise((5, 1))
    net.convolution(24, (1, 1))
    net.put(
        Builtin.MEAN,
        (net.newest, net.file.integers(1, 2)),
        net.tensor((1, 24), net.scale * 0.5),
        {schema.ReducerOptions.KEEP_DIMS: Number("?", False)},
    )
    net.dense(12)
    net.softmax()
    return net.finished()


def mobilenet_v2() -> bytes:
    """Inverted residuals as MCUNet has them, on uint8 images; the answer is uint8 as well."""
    net = Layers((1, 40, 40, 3), UINT8)
    net.convolution(8, (3, 3), 2, RELU6)
    for expansion, kernel, stride, channels in (
        (3, 3, 2, 12),
        (4, 5, 1, 12),
        (4, 7, 1, 12),
        (5, 3, 2, 20),
        (3, 3, 1, 20),
    ):
        before = net.newest
        net.convolution(net.shape[3] * expansion, (1, 1), 1, RELU6)
        net.depthwise((kernel, kernel), stride, RELU6)
        after = net.convolution(channels, (1, 1), 1, NONE)
        if net.shapes[before] == net.shapes[after]:
            net.joined(Builtin.ADD, before, after)
    net.pool(Builtin.AVERAGE_POOL_2D, (5, 5), (5, 5))
    net.reshape(1, 20)
    net.dense(10)
    return net.finished(UINT8)


def mobilenet_v3() -> bytes:
    """Hard swishes, and a gate of one number a channel."""
    net = Layers((1, 24, 24, 3))
    net.convolution(8, (3, 3), 2, NONE)
    net.put(Builtin.HARD_SWISH, (net.newest,), net.tensor(net.shape, net.scale * 0.8))
    net.convolution(24, (1, 1), 1, NONE)
    image = net.depthwise((5, 5), 1, RELU)
    net.put(
        Builtin.MEAN,
        (net.newest, net.file.integers(1, 2)),
        net.tensor((1, 1, 1, 24), net.scale * 0.6),
        {schema.ReducerOptions.KEEP_DIMS: Number("?", True)},
    )
    net.convolution(8, (1, 1), 1, RELU)
    net.convolution(24, (1, 1), 1, NONE)
    net.put(Builtin.LOGISTIC, (net.newest,), net.tensor(net.shape, 1 / 256, -128))
    net.joined(Builtin.MUL, image, net.newest)
    net.convolution(6, (1, 1), 2, NONE)
    return net.finished()


def upsampling() -> bytes:
    """A small U: what was made smaller is enlarged again and joined with what it was made of."""
    net = Layers((1, 16, 12, 1))
    fine = net.convolution(8, (3, 3))
    net.pool(Builtin.MAX_POOL_2D, (2, 2), (2, 2))
    net.convolution(8, (3, 3))
    net.put(
        Builtin.RESIZE_NEAREST_NEIGHBOR,
        (net.newest, net.file.integers(16, 12)),
        net.alike((1, 16, 12, 8)),
        {field: Number("?", False) for field in schema.ResizeOptions},
    )
    large = net.newest
    same = net.tensor((1, 16, 12, 8), *net.quants[fine])
    net.put(Builtin.QUANTIZE, (large,), same)
    axis = {schema.ConcatenationOptions.AXIS: Number("i", -1)}
    net.put(Builtin.CONCATENATION, (fine, same), net.alike((1, 16, 12, 16)), axis)
    net.convolution(1, (3, 3), 1, NONE)
    net.put(Builtin.LOGISTIC, (net.newest,), net.tensor(net.shape, 1 / 256, -128))
    return net.finished()


EXAMPLES: dict[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (
        *(hello_world, micro_speech, person_detection, magic_wand),
        *(streaming_keywords, mobilenet_v2, mobilenet_v3, upsampling),
    )
}
"""Name → maker of the file."""
