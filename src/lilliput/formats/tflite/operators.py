"""What each TensorFlow Lite operator becomes: one small function an operator, in the table `CONVERTERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lilliput.formats.tflite import convert_elements as elements
from lilliput.formats.tflite import convert_shapes as shapes
from lilliput.formats.tflite import convert_weighted as weighted
from lilliput.formats.tflite.context import Call
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import AveragePool2D, MaxPool2D, ReLU, ReLU6

CONVERTERS: Mapping[Builtin, Callable[[Call], None]] = {
    Builtin.ADD: elements.add,
    Builtin.AVERAGE_POOL_2D: elements.pool(AveragePool2D),
    Builtin.CONCATENATION: shapes.concat,
    Builtin.CONV_2D: weighted.conv,
    Builtin.DEPTHWISE_CONV_2D: weighted.depthwise,
    Builtin.DEQUANTIZE: elements.dequantize,
    Builtin.EXPAND_DIMS: shapes.reshape,
    Builtin.FULLY_CONNECTED: weighted.fully_connected,
    Builtin.MAX_POOL_2D: elements.pool(MaxPool2D),
    Builtin.MEAN: elements.mean,
    Builtin.PAD: shapes.pad,
    Builtin.QUANTIZE: elements.quantize,
    Builtin.RELU: elements.element_wise(ReLU),
    Builtin.RELU6: elements.element_wise(ReLU6),
    Builtin.RESHAPE: shapes.reshape,
    Builtin.SOFTMAX: elements.softmax,
    Builtin.SQUEEZE: shapes.reshape,
}
"""One entry for each operator that can be imported."""
