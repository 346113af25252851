"""The parts of the TensorFlow Lite schema that Lilliput reads: field indices, enumerations, tensor types.

Source: the schema of TensorFlow Lite, version 3 (`schema.fbs`); names are the schema's.
"""

from __future__ import annotations

from enum import IntEnum

from lilliput.net import Activation, DType

IDENTIFIER = b"TFL3"


class Builtin(IntEnum):
    """Operator codes."""

    ADD = 0
    AVERAGE_POOL_2D = 1
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEQUANTIZE = 6
    FULLY_CONNECTED = 9
    LOGISTIC = 14
    MAX_POOL_2D = 17
    MUL = 18
    RELU = 19
    RELU6 = 21
    RESHAPE = 22
    SOFTMAX = 25
    PAD = 34
    TRANSPOSE = 39
    MEAN = 40
    SUB = 41
    SQUEEZE = 43
    STRIDED_SLICE = 45
    SPLIT = 49
    EXPAND_DIMS = 70
    RESIZE_NEAREST_NEIGHBOR = 97
    QUANTIZE = 114
    HARD_SWISH = 117


TYPES: dict[int, DType] = {0: DType.FLOAT32, 2: DType.INT32, 3: DType.UINT8, 7: DType.INT16, 9: DType.INT8}
"""Tensor types that a `Net` knows, by the schema's number."""

ACTIVATIONS: dict[int, Activation] = {0: Activation.NONE, 1: Activation.RELU, 3: Activation.RELU6}
"""Fused activations that a `Net` knows, by the schema's number."""


class Model(IntEnum):
    """Fields of the root table."""

    OPERATOR_CODES = 1
    SUBGRAPHS = 2
    BUFFERS = 4


class OperatorCode(IntEnum):
    """Fields of an operator code; codes below 127 stand in the old field."""

    OLD_CODE = 0
    CUSTOM = 1
    CODE = 3


class SubGraph(IntEnum):
    """Fields of a subgraph."""

    TENSORS = 0
    INPUTS = 1
    OUTPUTS = 2
    OPERATORS = 3


class TensorField(IntEnum):
    """Fields of a tensor."""

    SHAPE = 0
    TYPE = 1
    BUFFER = 2
    NAME = 3
    QUANTIZATION = 4


class Quantization(IntEnum):
    """Fields of a tensor's quantization."""

    SCALE = 2
    ZERO_POINT = 3
    DIMENSION = 6


class Operator(IntEnum):
    """Fields of an operator."""

    CODE_INDEX = 0
    INPUTS = 1
    OUTPUTS = 2
    OPTIONS = 4
