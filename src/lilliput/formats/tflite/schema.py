"""The parts of the TensorFlow Lite schema that Lilliput reads and writes: field indices and enumerations.

Source: the schema of TensorFlow Lite, version 3 (`schema.fbs`); names are the schema's.
"""

from __future__ import annotations

from enum import IntEnum

from lilliput.net import Activation, DType

IDENTIFIER = b"TFL3"
VERSION = 3


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
    TANH = 28
    PAD = 34
    TRANSPOSE = 39
    MEAN = 40
    SUB = 41
    SQUEEZE = 43
    STRIDED_SLICE = 45
    SPLIT = 49
    PADV2 = 60
    SLICE = 65
    EXPAND_DIMS = 70
    SHAPE = 77
    PACK = 83
    RESIZE_NEAREST_NEIGHBOR = 97
    LEAKY_RELU = 98
    SPLIT_V = 102
    QUANTIZE = 114
    HARD_SWISH = 117


OTHER_OPERATORS: dict[int, str] = {
    5: "DEPTH_TO_SPACE",
    7: "EMBEDDING_LOOKUP",
    8: "FLOOR",
    11: "L2_NORMALIZATION",
    12: "L2_POOL_2D",
    16: "LSTM",
    20: "RELU_N1_TO_1",
    23: "RESIZE_BILINEAR",
    24: "RNN",
    26: "SPACE_TO_DEPTH",
    27: "SVDF",
    36: "GATHER",
    37: "BATCH_TO_SPACE_ND",
    38: "SPACE_TO_BATCH_ND",
    42: "DIV",
    44: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    47: "EXP",
    50: "LOG_SOFTMAX",
    53: "CAST",
    54: "PRELU",
    55: "MAXIMUM",
    56: "ARG_MAX",
    57: "MINIMUM",
    59: "NEG",
    67: "TRANSPOSE_CONV",
    69: "TILE",
    73: "LOG",
    74: "SUM",
    75: "SQRT",
    76: "RSQRT",
    78: "POW",
    82: "REDUCE_MAX",
    88: "UNPACK",
    89: "REDUCE_MIN",
    92: "SQUARE",
    94: "FILL",
    99: "SQUARED_DIFFERENCE",
    100: "MIRROR_PAD",
    101: "ABS",
    105: "REVERSE_V2",
    106: "ADD_N",
    107: "GATHER_ND",
    111: "ELU",
    118: "IF",
    119: "WHILE",
    123: "SELECT_V2",
    126: "BATCH_MATMUL",
    128: "CUMSUM",
    129: "CALL_ONCE",
    130: "BROADCAST_TO",
    142: "VAR_HANDLE",
    143: "READ_VARIABLE",
    144: "ASSIGN_VARIABLE",
    150: "GELU",
    152: "RELU_0_TO_1",
}
"""Names of operators that cannot be imported, for messages."""

LARGEST_OLD_CODE = 127
"""What the old field of an operator code says where the code does not fit it."""


OPERATOR_VERSIONS: dict[Builtin, int] = {
    Builtin.ADD: 2,
    Builtin.AVERAGE_POOL_2D: 2,
    Builtin.CONCATENATION: 2,
    Builtin.CONV_2D: 3,
    Builtin.DEPTHWISE_CONV_2D: 3,
    Builtin.FULLY_CONNECTED: 4,
    Builtin.LEAKY_RELU: 2,
    Builtin.LOGISTIC: 2,
    Builtin.MAX_POOL_2D: 2,
    Builtin.MEAN: 2,
    Builtin.MUL: 2,
    Builtin.PAD: 2,
    Builtin.PADV2: 2,
    Builtin.QUANTIZE: 2,
    Builtin.RELU: 2,
    Builtin.RELU6: 2,
    Builtin.RESIZE_NEAREST_NEIGHBOR: 3,
    Builtin.SOFTMAX: 2,
    Builtin.STRIDED_SLICE: 2,
    Builtin.SUB: 2,
    Builtin.TANH: 2,
    Builtin.TRANSPOSE: 2,
}
"""The first version of an operator that takes int8, where it is not 1."""


class OptionsType(IntEnum):
    """Which table an operator's options are."""

    NONE = 0
    CONV_2D = 1
    DEPTHWISE_CONV_2D = 2
    POOL_2D = 5
    FULLY_CONNECTED = 8
    SOFTMAX = 9
    CONCATENATION = 10
    ADD = 11
    RESHAPE = 17
    MUL = 21
    PAD = 22
    TRANSPOSE = 26
    REDUCER = 27
    SUB = 28
    STRIDED_SLICE = 32
    PADV2 = 43
    RESIZE_NEAREST_NEIGHBOR = 74
    LEAKY_RELU = 75
    QUANTIZE = 89
    HARD_SWISH = 91


TYPES: dict[int, DType] = {0: DType.FLOAT32, 2: DType.INT32, 3: DType.UINT8, 7: DType.INT16, 9: DType.INT8}
"""Tensor types that a `Net` knows, by the schema's number."""

ACTIVATIONS: dict[int, Activation] = {
    0: Activation.NONE,
    1: Activation.RELU,
    2: Activation.RELU_N1_TO_1,
    3: Activation.RELU6,
}
"""Fused activations that a `Net` knows, by the schema's number."""


class PaddingScheme(IntEnum):
    """How a window's padding is told."""

    SAME = 0
    VALID = 1


class Model(IntEnum):
    """Fields of the root table."""

    VERSION = 0
    OPERATOR_CODES = 1
    SUBGRAPHS = 2
    DESCRIPTION = 3
    BUFFERS = 4


class BufferField(IntEnum):
    """Fields of a buffer."""

    DATA = 0


class OperatorCode(IntEnum):
    """Fields of an operator code; codes below 127 stand in the old field."""

    OLD_CODE = 0
    CUSTOM = 1
    VERSION = 2
    CODE = 3


class SubGraph(IntEnum):
    """Fields of a subgraph."""

    TENSORS = 0
    INPUTS = 1
    OUTPUTS = 2
    OPERATORS = 3
    NAME = 4


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
    OPTIONS_TYPE = 3
    OPTIONS = 4


class ConvOptions(IntEnum):
    """Fields of the options of CONV_2D."""

    PADDING = 0
    STRIDE_W = 1
    STRIDE_H = 2
    ACTIVATION = 3
    DILATION_W = 4
    DILATION_H = 5


class DepthwiseOptions(IntEnum):
    """Fields of the options of DEPTHWISE_CONV_2D."""

    PADDING = 0
    STRIDE_W = 1
    STRIDE_H = 2
    MULTIPLIER = 3
    ACTIVATION = 4
    DILATION_W = 5
    DILATION_H = 6


class PoolOptions(IntEnum):
    """Fields of the options of AVERAGE_POOL_2D and MAX_POOL_2D."""

    PADDING = 0
    STRIDE_W = 1
    STRIDE_H = 2
    FILTER_W = 3
    FILTER_H = 4
    ACTIVATION = 5


class FullyConnectedOptions(IntEnum):
    """Fields of the options of FULLY_CONNECTED."""

    ACTIVATION = 0


class ElementWiseOptions(IntEnum):
    """Fields of the options of ADD, MUL and SUB."""

    ACTIVATION = 0


class ConcatenationOptions(IntEnum):
    """Fields of the options of CONCATENATION."""

    AXIS = 0
    ACTIVATION = 1


class ReshapeOptions(IntEnum):
    """Fields of the options of RESHAPE."""

    NEW_SHAPE = 0


class SoftmaxOptions(IntEnum):
    """Fields of the options of SOFTMAX."""

    BETA = 0


class LeakyReluOptions(IntEnum):
    """Fields of the options of LEAKY_RELU."""

    ALPHA = 0


class StridedSliceOptions(IntEnum):
    """Fields of the options of STRIDED_SLICE."""

    BEGIN_MASK = 0
    END_MASK = 1
    ELLIPSIS_MASK = 2
    NEW_AXIS_MASK = 3
    SHRINK_AXIS_MASK = 4


class ResizeOptions(IntEnum):
    """Fields of the options of RESIZE_NEAREST_NEIGHBOR."""

    ALIGN_CORNERS = 0
    HALF_PIXEL_CENTERS = 1


class ReducerOptions(IntEnum):
    """Fields of the options of MEAN."""

    KEEP_DIMS = 0
