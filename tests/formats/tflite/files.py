"""Small .tflite files made by hand, right or wrong, and what TensorFlow Lite Micro makes of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lilliput.formats.flatbuffer_writing import Fields, Number, to_flatbuffer
from lilliput.formats.tflite import schema
from lilliput.formats.tflite.graph import parse_graph
from lilliput.formats.tflite.schema import Builtin
from lilliput.net import DType, Net

FLOAT32, INT32, UINT8, INT64, INT8 = 0, 2, 3, 4, 9

Array = np.ndarray[Any, Any]


class File:
    """A model that grows tensor by tensor and operator by operator; nothing is checked."""

    def __init__(self) -> None:
        self.tensors: list[dict[int, Any]] = []
        self.buffers: list[dict[int, Any]] = [{}]
        self.codes: list[Fields] = []
        self.operators: list[dict[int, Any]] = []
        self.inputs: Sequence[int] = ()
        self.outputs: Sequence[int] = ()
        self.subgraphs = 1

    def tensor(
        self,
        shape: Sequence[int],
        kind: int = INT8,
        scale: float | Sequence[float] | None = 0.05,
        zero_point: int = 3,
        name: str | None = None,
        axis: int = 0,
        data: Array | None = None,
    ) -> int:
        """Index of a new tensor; a constant where there are `data`."""
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append({0: np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)})
        fields: dict[int, Any] = {
            schema.TensorField.SHAPE: np.asarray(shape, np.int32),
            schema.TensorField.TYPE: Number("b", kind),
            schema.TensorField.BUFFER: Number("I", buffer),
            schema.TensorField.NAME: f"tensor{len(self.tensors)}" if name is None else name,
        }
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            fields[schema.TensorField.QUANTIZATION] = {
                schema.Quantization.SCALE: scales,
                schema.Quantization.ZERO_POINT: np.full(len(scales), zero_point, np.int64),
                schema.Quantization.DIMENSION: Number("i", axis),
            }
        self.tensors.append(fields)
        return len(self.tensors) - 1

    def constant(self, data: Array, scale: float | Sequence[float] | None = 0.01, axis: int = 0) -> int:
        """Index of a new symmetric constant; whole numbers have no scale."""
        kind = {"int8": INT8, "int32": INT32, "int64": INT64, "uint8": UINT8, "float32": FLOAT32}
        known = None if data.dtype == np.int32 else scale
        return self.tensor(data.shape, kind[data.dtype.name], known, 0, None, axis, data)

    def integers(self, *values: Any) -> int:
        """Index of a new constant of int32."""
        return self.constant(np.array(values, np.int32))

    def operator(
        self, code: int, inputs: Sequence[int], outputs: Sequence[int], options: Fields | None = None
    ) -> None:
        """Append an operator."""
        self.codes.append(
            {
                schema.OperatorCode.OLD_CODE: Number("b", min(code, 127)),
                schema.OperatorCode.VERSION: Number("i", 1),
                schema.OperatorCode.CODE: Number("i", code),
            }
        )
        fields: dict[int, Any] = {
            schema.Operator.CODE_INDEX: Number("I", len(self.codes) - 1),
            schema.Operator.INPUTS: np.asarray(inputs, np.int32),
            schema.Operator.OUTPUTS: np.asarray(outputs, np.int32),
        }
        if options is not None:
            # TensorFlow Lite Micro reads options by their type; Lilliput by the operator's code.
            fields[schema.Operator.OPTIONS_TYPE] = Number("B", OPTIONS_TYPES.get(code, 0))
            fields[schema.Operator.OPTIONS] = options
        self.operators.append(fields)

    def graph(self) -> dict[int, Any]:
        """The subgraph."""
        return {
            schema.SubGraph.TENSORS: self.tensors,
            schema.SubGraph.INPUTS: np.asarray(self.inputs, np.int32),
            schema.SubGraph.OUTPUTS: np.asarray(self.outputs, np.int32),
            schema.SubGraph.OPERATORS: self.operators,
        }

    def data(self) -> bytes:
        """The file's content."""
        model: Fields = {
            schema.Model.VERSION: Number("I", 3),
            schema.Model.OPERATOR_CODES: self.codes,
            schema.Model.SUBGRAPHS: [self.graph()] * self.subgraphs,
            schema.Model.BUFFERS: self.buffers,
        }
        return to_flatbuffer(model, b"TFL3")


OPTIONS_TYPES: dict[int, int] = {
    Builtin.CONV_2D: 1,
    Builtin.DEPTHWISE_CONV_2D: 2,
    Builtin.AVERAGE_POOL_2D: 5,
    Builtin.MAX_POOL_2D: 5,
    Builtin.FULLY_CONNECTED: 8,
    Builtin.SOFTMAX: 9,
    Builtin.CONCATENATION: 10,
    Builtin.ADD: 11,
    Builtin.RESHAPE: 17,
    Builtin.MUL: 21,
    Builtin.PAD: 22,
    Builtin.TRANSPOSE: 26,
    Builtin.MEAN: 27,
    Builtin.SUB: 28,
    Builtin.SQUEEZE: 30,
    Builtin.STRIDED_SLICE: 32,
    Builtin.SPLIT: 35,
    Builtin.PADV2: 43,
    Builtin.RESIZE_NEAREST_NEIGHBOR: 74,
    Builtin.LEAKY_RELU: 75,
    Builtin.QUANTIZE: 89,
    Builtin.HARD_SWISH: 91,
}


def window(strides: tuple[int, int] = (1, 1), padding: int = 0, activation: int = 0) -> dict[int, Any]:
    """Options of a convolution."""
    return {
        schema.ConvOptions.PADDING: Number("b", padding),
        schema.ConvOptions.STRIDE_W: Number("i", strides[1]),
        schema.ConvOptions.STRIDE_H: Number("i", strides[0]),
        schema.ConvOptions.ACTIVATION: Number("b", activation),
        schema.ConvOptions.DILATION_W: Number("i", 1),
        schema.ConvOptions.DILATION_H: Number("i", 1),
    }


def small_file() -> File:
    """A convolution, a fully connected layer and a softmax over an image of 4x4x1."""
    file = File()
    rng = np.random.default_rng(0)
    image = file.tensor((1, 4, 4, 1), name="image")
    weights = file.constant(rng.integers(-127, 128, (2, 2, 2, 1)).astype(np.int8), (0.01, 0.02))
    bias = file.constant(rng.integers(-99, 99, 2).astype(np.int32))
    features = file.tensor((1, 2, 2, 2), scale=0.2, name="features")
    matrix = file.constant(rng.integers(-127, 128, (3, 8)).astype(np.int8))
    scores = file.tensor((1, 3), scale=0.3, name="scores")
    shares = file.tensor((1, 3), scale=1 / 256, zero_point=-128, name="shares")
    file.operator(Builtin.CONV_2D, (image, weights, bias), (features,), window((2, 2), 0, 1))
    file.operator(Builtin.FULLY_CONNECTED, (features, matrix, -1), (scores,), {})
    file.operator(Builtin.SOFTMAX, (scores,), (shares,), {schema.SoftmaxOptions.BETA: Number("f", 1.0)})
    file.inputs, file.outputs = (image,), (shares,)
    return file


def oracle_outputs(data: bytes, x: Array, arena_bytes: int = 1 << 19) -> Array:
    """What TensorFlow Lite Micro computes from each row of `x`, in the shape that the file has.

    The test is skipped where the oracle is not installed.
    """
    runtime = pytest.importorskip(
        "tflite_micro.python.tflite_micro.runtime", reason="the pip package tflite-micro is the oracle"
    )
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)
    shape = interpreter.get_input_details(0)["shape"]
    rows = []
    for row in x:
        interpreter.set_input(row.reshape(shape), 0)
        interpreter.invoke()
        rows.append(np.array(interpreter.get_output(0)))
    return np.array(rows)


def oracle_integers(data: bytes, net: Net, x: Array) -> Array:
    """What TensorFlow Lite Micro computes where `net`, imported from the file, takes the integers `x`.

    Floats at the file's ends, which an import cuts off, are made of integers and turned back.
    """
    graph = parse_graph(data, "the file")
    given, quant = x, net.input.quant
    if graph.tensors[graph.inputs[0]].dtype is DType.FLOAT32:
        assert quant is not None
        given = ((x.astype(np.float64) - quant.zero_point) * quant.scale).astype(np.float32)
    y, quant = oracle_outputs(data, given, 1 << 21), net.output.quant
    if graph.tensors[graph.outputs[0]].dtype is DType.FLOAT32:
        assert quant is not None
        y = np.rint(y.astype(np.float64) / quant.scale + quant.zero_point).astype(net.output.dtype.numpy)
    return y.reshape(len(x), *net.output.shape)


def oracle_tensors(data: bytes, x: Array, indices: Sequence[int], arena_bytes: int = 1 << 21) -> list[Array]:
    """Some tensors of a file, by their numbers, as TensorFlow Lite Micro computes them from each row of `x`.

    The test is skipped where the oracle is not installed.
    """
    runtime = pytest.importorskip(
        "tflite_micro.python.tflite_micro.runtime", reason="the pip package tflite-micro is the oracle"
    )
    interpreter = runtime.Interpreter.from_bytes(
        data,
        arena_size=arena_bytes,
        intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
    )
    shape = interpreter.get_input_details(0)["shape"]
    rows: list[list[Array]] = [[] for _ in indices]
    for row in x:
        interpreter.set_input(row.reshape(shape), 0)
        interpreter.invoke()
        for values, index in zip(rows, indices, strict=True):
            values.append(np.array(interpreter.GetTensor(index, 0)["tensor_data"]))
    return [np.array(values) for values in rows]
