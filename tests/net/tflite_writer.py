"""Writes quantized networks as .tflite files, with the schema that the pip package tflite-micro carries.

Only for tests that compare with TensorFlow Lite Micro.  Padding of convolutions becomes a PAD operator in
front, which means the same; padding of pools must be none.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import tflite_micro.tensorflow.lite.micro.python.schema_py_generated as schema

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
    Net,
    Op,
    Pad,
    Padding,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    Softmax,
    Tensor,
)

_CODE = schema.BuiltinOperator
_OPTIONS = schema.BuiltinOptions
_TYPES = {
    DType.INT8: schema.TensorType.INT8,
    DType.UINT8: schema.TensorType.UINT8,
    DType.INT32: schema.TensorType.INT32,
}
_ACTIVATIONS = {
    Activation.NONE: schema.ActivationFunctionType.NONE,
    Activation.RELU: schema.ActivationFunctionType.RELU,
    Activation.RELU6: schema.ActivationFunctionType.RELU6,
}


def write(net: Net) -> bytes:
    """The network as the bytes of a .tflite file."""
    writer = _Writer(net)
    for op in net.ops:
        writer.operator(op)
    return writer.finish()


class _Writer:
    def __init__(self, net: Net) -> None:
        self.net = net
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.index = {name: self.tensor(tensor) for name, tensor in net.tensors.items()}
        self.graph.inputs = [self.index[name] for name in net.inputs]
        self.graph.outputs = [self.index[name] for name in net.outputs]
        self.model.subgraphs = [self.graph]

    def finish(self) -> bytes:
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def tensor(self, tensor: Tensor) -> int:
        data, axis, shape = tensor.data, tensor.quant.axis if tensor.quant else None, tensor.shape
        depthwise = tensor.constant and len(shape) == 3
        if not tensor.constant or depthwise:
            shape = (1, *shape)
        found = schema.TensorT()
        found.name, found.shape, found.type = tensor.name, list(shape), _TYPES[tensor.dtype]
        found.buffer = 0 if data is None else self.buffer(data)
        if tensor.quant is not None:
            found.quantization = schema.QuantizationParametersT()
            found.quantization.scale = list(tensor.quant.scales)
            found.quantization.zeroPoint = list(tensor.quant.zero_points)
            found.quantization.quantizedDimension = (axis or 0) + depthwise
        self.graph.tensors.append(found)
        return len(self.graph.tensors) - 1

    def buffer(self, data: np.ndarray[Any, Any]) -> int:
        found = schema.BufferT()
        found.data = np.frombuffer(data.tobytes(), np.uint8)
        self.model.buffers.append(found)
        return len(self.model.buffers) - 1

    def numbers(self, values: list[Any]) -> int:
        data = np.array(values, np.int32)
        name = f"numbers{len(self.graph.tensors)}"
        index = self.tensor(Tensor(name, (max(1, data.size),), DType.INT32, constant=True, data=data))
        self.graph.tensors[index].shape = list(data.shape)
        return index

    def append(self, code: int, inputs: list[int], outputs: list[int], options: Any = None) -> None:
        found = schema.OperatorT()
        kind = schema.OperatorCodeT()
        kind.builtinCode = code
        kind.deprecatedBuiltinCode = min(code, 127)
        self.model.operatorCodes.append(kind)
        found.opcodeIndex = len(self.model.operatorCodes) - 1
        found.inputs, found.outputs = inputs, outputs
        if options is not None:
            found.builtinOptions = options
            found.builtinOptionsType = getattr(_OPTIONS, type(options).__name__[:-1])
        self.graph.operators.append(found)

    def operator(self, op: Op) -> None:
        inputs, outputs = [self.index[name] for name in op.inputs], [self.index[name] for name in op.outputs]
        match op:
            case Conv2D() | DepthwiseConv2D():
                inputs[0] = self.padded(op, inputs[0])
                options = (
                    schema.Conv2DOptionsT() if isinstance(op, Conv2D) else schema.DepthwiseConv2DOptionsT()
                )
                options.padding = schema.Padding.VALID
                options.strideH, options.strideW = op.strides
                options.dilationHFactor, options.dilationWFactor = op.dilation
                code = _CODE.CONV_2D
                if isinstance(op, DepthwiseConv2D):
                    code = _CODE.DEPTHWISE_CONV_2D
                    options.depthMultiplier = op_channels(op, self.net)
            case FullyConnected():
                code, options = _CODE.FULLY_CONNECTED, schema.FullyConnectedOptionsT()
            case MaxPool2D() | AveragePool2D():
                assert not any(op.padding)
                options = schema.Pool2DOptionsT()
                options.padding = schema.Padding.VALID
                options.strideH, options.strideW = op.strides
                options.filterHeight, options.filterWidth = op.pool
                code = _CODE.MAX_POOL_2D if isinstance(op, MaxPool2D) else _CODE.AVERAGE_POOL_2D
            case GlobalAveragePool2D():
                code, options = _CODE.MEAN, schema.ReducerOptionsT()
                options.keepDims = True
                inputs.append(self.numbers([1, 2]))
                self.graph.tensors[outputs[0]].shape = [1, 1, 1, self.net.tensors[op.outputs[0]].shape[-1]]
            case Add():
                code, options = _CODE.ADD, schema.AddOptionsT()
            case Concat():
                code, options = _CODE.CONCATENATION, schema.ConcatenationOptionsT()
                options.axis = op.axis + 1
            case Pad():
                code, options = _CODE.PAD, schema.PadOptionsT()
                inputs.append(self.numbers(_pads(op.padding)))
            case Reshape():
                code, options = _CODE.RESHAPE, schema.ReshapeOptionsT()
                options.newShape = [1, *op.shape]
                inputs.append(self.numbers([1, *op.shape]))
            case Softmax():
                code, options = _CODE.SOFTMAX, schema.SoftmaxOptionsT()
                options.beta = op.beta
            case ReLU() | ReLU6():
                code, options = (_CODE.RELU if isinstance(op, ReLU) else _CODE.RELU6), None
            case Requantize():
                code, options = _CODE.QUANTIZE, schema.QuantizeOptionsT()
            case _:
                raise AssertionError(f"{op} has no TFLite form here")
        if "activation" in vars(op):
            options.fusedActivationFunction = _ACTIVATIONS[vars(op)["activation"]]
        self.append(code, inputs, outputs, options)

    def padded(self, op: Conv2D | DepthwiseConv2D, image: int) -> int:
        """The image with a border of its zero point."""
        if not any(op.padding):
            return image
        source = self.net.tensors[op.inputs[0]]
        shape = Pad(name="p", inputs=("a",), outputs=("b",), padding=op.padding).output_shape([source.shape])
        border = self.tensor(Tensor(f"{op.name}_padded", shape, source.dtype, source.quant))
        self.append(_CODE.PAD, [image, self.numbers(_pads(op.padding))], [border], schema.PadOptionsT())
        return border


def op_channels(op: DepthwiseConv2D, net: Net) -> int:
    """The depth multiplier."""
    return net.tensors[op.inputs[1]].shape[2] // net.tensors[op.inputs[0]].shape[2]


def _pads(padding: Padding) -> list[list[int]]:
    return [[0, 0], [padding.top, padding.bottom], [padding.left, padding.right], [0, 0]]
