"""A .tflite file while it is being written: tensors, constants and operators, then the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput import __version__
from lilliput.errors import FormatError
from lilliput.formats.flatbuffer_writing import Fields, Number, Value, to_flatbuffer
from lilliput.formats.tflite import schema
from lilliput.net import DepthwiseConv2D, DType, Net, Quant, Tensor

_TYPE_NUMBERS = {dtype: number for number, dtype in schema.TYPES.items()}


class Draft:
    """The file for a network; every tensor of it is written once it is asked for."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self._indices: dict[str, int] = {}
        self._tensors: list[Fields] = []
        self._buffers: list[Fields] = [{}]
        self._codes: dict[schema.Builtin, int] = {}
        self._operators: list[Fields] = []

    def index(self, name: str) -> int:
        """Index of one of the network's tensors."""
        if name not in self._indices:
            tensor = self.net.tensors[name]
            shape = tensor.shape if tensor.constant else (1, *tensor.shape)
            self._indices[name] = self._tensor(name, shape, tensor.dtype, tensor.quant, self._data(tensor))
        return self._indices[name]

    def weights(self, op: DepthwiseConv2D) -> int:
        """Index of depthwise weights, which the format wants with a leading 1."""
        tensor = self.net.tensors[op.inputs[1]]
        quant = tensor.quant
        if quant is not None and quant.axis is not None:
            quant = Quant(quant.scales, quant.zero_points, quant.axis + 1)
        return self._tensor(tensor.name, (1, *tensor.shape), tensor.dtype, quant, self._data(tensor))

    def part(self, name: str) -> int:
        """Index of one of the tensors that are joined, which all have the batch."""
        tensor = self.net.tensors[name]
        if not tensor.constant:
            return self.index(name)
        return self._tensor(name, (1, *tensor.shape), tensor.dtype, tensor.quant, self._data(tensor))

    def between(self, name: str, shape: tuple[int, ...], like: Tensor) -> int:
        """Index of a new activation with the type and quantization of another."""
        return self._tensor(name, (1, *shape), like.dtype, like.quant, None)

    def integers(self, name: str, values: Sequence[object]) -> int:
        """Index of a new int32 constant."""
        data = np.asarray(values, np.int32)
        return self._tensor(name, data.shape, DType.INT32, None, data)

    def numbers(self, name: str, data: NDArray[np.generic], like: Tensor) -> int:
        """Index of a new constant with the type and quantization of an activation."""
        return self._tensor(name, data.shape, like.dtype, like.quant, data)

    def operator(
        self,
        code: schema.Builtin,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: tuple[schema.OptionsType, Fields] = (schema.OptionsType.NONE, {}),
    ) -> None:
        """Append an operator."""
        kind, content = options
        fields: dict[Any, Value] = {
            schema.Operator.CODE_INDEX: Number("I", self._codes.setdefault(code, len(self._codes))),
            schema.Operator.INPUTS: np.asarray(inputs, np.int32),
            schema.Operator.OUTPUTS: np.asarray(outputs, np.int32),
        }
        if kind is not schema.OptionsType.NONE:
            fields[schema.Operator.OPTIONS_TYPE] = Number("B", kind)
            fields[schema.Operator.OPTIONS] = content
        self._operators.append(fields)

    def finish(self) -> bytes:
        """The bytes of the file."""
        graph: Fields = {
            schema.SubGraph.INPUTS: np.asarray([self.index(name) for name in self.net.inputs], np.int32),
            schema.SubGraph.OUTPUTS: np.asarray([self.index(name) for name in self.net.outputs], np.int32),
            schema.SubGraph.TENSORS: self._tensors,
            schema.SubGraph.OPERATORS: self._operators,
            schema.SubGraph.NAME: self.net.name,
        }
        model: Fields = {
            schema.Model.VERSION: Number("I", schema.VERSION),
            schema.Model.DESCRIPTION: f"network '{self.net.name}', exported by Lilliput {__version__}",
            schema.Model.OPERATOR_CODES: [_code(code) for code in self._codes],
            schema.Model.SUBGRAPHS: [graph],
            schema.Model.BUFFERS: self._buffers,
        }
        return to_flatbuffer(model, schema.IDENTIFIER)

    def _data(self, tensor: Tensor) -> NDArray[np.generic] | None:
        if tensor.constant and tensor.data is None:
            raise FormatError(
                f"network '{self.net.name}' cannot be exported",
                f"constant '{tensor.name}' has no data",
                "train it first, or load one that is trained",
            )
        return tensor.data

    def _tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DType,
        quant: Quant | None,
        data: NDArray[np.generic] | None,
    ) -> int:
        buffer = 0
        if data is not None:
            buffer = len(self._buffers)
            little = data.astype(dtype.numpy.newbyteorder("<"), copy=False)
            self._buffers.append({schema.BufferField.DATA: np.frombuffer(little.tobytes(), np.uint8)})
        fields: dict[Any, Value] = {
            schema.TensorField.SHAPE: np.asarray(shape, np.int32),
            schema.TensorField.TYPE: Number("b", _TYPE_NUMBERS[dtype]),
            schema.TensorField.BUFFER: Number("I", buffer),
            schema.TensorField.NAME: name,
        }
        if quant is not None:
            fields[schema.TensorField.QUANTIZATION] = _quantization(quant)
        self._tensors.append(fields)
        return len(self._tensors) - 1


def _quantization(quant: Quant) -> Fields:
    return {
        schema.Quantization.SCALE: np.asarray(quant.scales, np.float32),
        schema.Quantization.ZERO_POINT: np.asarray(quant.zero_points, np.int64),
        schema.Quantization.DIMENSION: Number("i", quant.axis or 0),
    }


def _code(code: schema.Builtin) -> Fields:
    return {
        schema.OperatorCode.OLD_CODE: Number("b", min(code, schema.LARGEST_OLD_CODE)),
        schema.OperatorCode.VERSION: Number("i", schema.OPERATOR_VERSIONS.get(code, 1)),
        schema.OperatorCode.CODE: Number("i", code),
    }
