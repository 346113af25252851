"""What each TensorFlow Lite operator becomes: one small function an operator, in the table `CONVERTERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lilliput.formats.tflite import convert_elements as elements
from lilliput.formats.tflite import convert_shapes as shapes
from lilliput.formats.tflite import convert_weighted as weighted
from lilliput.formats.tflite.context import Call
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import Add, AveragePool2D, HardSwish, Logistic, MaxPool2D, Mul, ReLU, ReLU6, Sub, Tanh

CONVERTERS: Mapping[Builtin, Callable[[Call], None]] = {
    Builtin.ADD: elements.pairwise(Add),
    Builtin.AVERAGE_POOL_2D: elements.pool(AveragePool2D),
    Builtin.CONCATENATION: shapes.concat,
    Builtin.CONV_2D: weighted.conv,
    Builtin.DEPTHWISE_CONV_2D: weighted.depthwise,
    Builtin.DEQUANTIZE: elements.dequantize,
    Builtin.EXPAND_DIMS: shapes.reshape,
    Builtin.FULLY_CONNECTED: weighted.fully_connected,
    Builtin.HARD_SWISH: elements.element_wise(HardSwish),
    Builtin.LEAKY_RELU: elements.leaky_relu,
    Builtin.LOGISTIC: elements.element_wise(Logistic),
    Builtin.MAX_POOL_2D: elements.pool(MaxPool2D),
    Builtin.MEAN: elements.mean,
    Builtin.MUL: elements.pairwise(Mul),
    Builtin.PAD: shapes.pad,
    Builtin.PADV2: shapes.pad,
    Builtin.QUANTIZE: elements.quantize,
    Builtin.RELU: elements.element_wise(ReLU),
    Builtin.RELU6: elements.element_wise(ReLU6),
    Builtin.RESHAPE: shapes.reshape,
    Builtin.RESIZE_NEAREST_NEIGHBOR: shapes.resize,
    Builtin.SLICE: shapes.slice_,
    Builtin.SOFTMAX: elements.softmax,
    Builtin.SPLIT: shapes.split,
    Builtin.SPLIT_V: shapes.split_v,
    Builtin.SQUEEZE: shapes.reshape,
    Builtin.STRIDED_SLICE: shapes.strided_slice,
    Builtin.SUB: elements.pairwise(Sub),
    Builtin.TANH: elements.element_wise(Tanh),
    Builtin.TRANSPOSE: shapes.transpose,
}
"""One entry for each operator that can be imported."""

ON_SHAPES: frozenset[Builtin] = frozenset(
    {
        Builtin.ADD,
        Builtin.CONCATENATION,
        Builtin.EXPAND_DIMS,
        Builtin.MUL,
        Builtin.PACK,
        Builtin.RESHAPE,
        Builtin.SHAPE,
        Builtin.SLICE,
        Builtin.SQUEEZE,
        Builtin.STRIDED_SLICE,
        Builtin.SUB,
    }
)
"""Operators that compute shapes where they give int32; they are left out, since a file tells all shapes."""
