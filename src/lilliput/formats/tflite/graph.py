"""The contents of a .tflite file as plain records, every index checked; no op is interpreted here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer import Table
from lilliput.formats.tflite import schema
from lilliput.net import DType, Quant


@dataclass(frozen=True)
class FileTensor:
    """A tensor as the file has it: with the batch, and with data if it is a constant."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: DType | None
    quant: Quant | None
    data: NDArray[np.generic] | None


@dataclass(frozen=True)
class FileOperator:
    """An operator as the file has it; `builtin` is None for custom and unknown codes, which `title` names."""

    builtin: schema.Builtin | None
    title: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None


@dataclass(frozen=True)
class FileGraph:
    """The one subgraph of a model."""

    source: str
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(path: Path) -> FileGraph:
    """Read a .tflite file.

    Raises:
        FormatError: the file cannot be read, is damaged, or has no subgraph or several.
    """
    source = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read {source}", error.strerror or str(error), "check the path") from None
    root = Table.root(data, schema.IDENTIFIER, source)
    subgraphs = root.tables(schema.Model.SUBGRAPHS)
    if len(subgraphs) != 1:
        raise FormatError(
            f"{source} cannot be imported",
            f"it has {len(subgraphs)} subgraphs",
            "export a model without control flow",
        )
    buffers = root.tables(schema.Model.BUFFERS)
    codes = [_code(table) for table in root.tables(schema.Model.OPERATOR_CODES)]
    graph = subgraphs[0]
    tensors = tuple(
        _tensor(k, table, buffers, source) for k, table in enumerate(graph.tables(schema.SubGraph.TENSORS))
    )
    operators = tuple(_operator(table, codes, source) for table in graph.tables(schema.SubGraph.OPERATORS))
    inputs, outputs = _indices(graph, schema.SubGraph.INPUTS), _indices(graph, schema.SubGraph.OUTPUTS)
    used = [*inputs, *outputs, *(k for operator in operators for k in (*operator.inputs, *operator.outputs))]
    if any(not -1 <= k < len(tensors) for k in used) or -1 in (*inputs, *outputs):
        raise FormatError(
            f"{source} is damaged", "an operator names a tensor that is not there", "export it again"
        )
    return FileGraph(source, tensors, operators, inputs, outputs)


def _indices(table: Table, field: int) -> tuple[int, ...]:
    return tuple(int(k) for k in table.array(field, "i4"))


def _code(table: Table) -> tuple[schema.Builtin | None, str]:
    custom = table.text(schema.OperatorCode.CUSTOM)
    number = max(table.number(schema.OperatorCode.OLD_CODE, "b"), table.number(schema.OperatorCode.CODE, "i"))
    if number in set(schema.Builtin):
        return schema.Builtin(number), schema.Builtin(number).name
    return None, f"custom operator '{custom}'" if custom else f"operator code {number}"


def _operator(table: Table, codes: list[tuple[schema.Builtin | None, str]], source: str) -> FileOperator:
    index = table.number(schema.Operator.CODE_INDEX, "I")
    if index >= len(codes):
        raise FormatError(f"{source} is damaged", f"operator code {index} of {len(codes)}", "export it again")
    builtin, title = codes[index]
    return FileOperator(
        builtin,
        title,
        _indices(table, schema.Operator.INPUTS),
        _indices(table, schema.Operator.OUTPUTS),
        table.table(schema.Operator.OPTIONS),
    )


def _tensor(index: int, table: Table, buffers: tuple[Table, ...], source: str) -> FileTensor:
    name = table.text(schema.TensorField.NAME) or f"tensor_{index}"
    shape = _indices(table, schema.TensorField.SHAPE)
    dtype = schema.TYPES.get(table.number(schema.TensorField.TYPE, "b"))
    if any(size < 0 for size in shape):
        raise FormatError(
            f"{source} cannot be imported", f"tensor '{name}' has shape {shape}", "export fixed shapes"
        )
    number = table.number(schema.TensorField.BUFFER, "I")
    if number >= max(len(buffers), 1):
        raise FormatError(
            f"{source} is damaged",
            f"tensor '{name}' names buffer {number} of {len(buffers)}",
            "export it again",
        )
    raw = buffers[number].array(0, "u1") if buffers else np.zeros(0, np.uint8)
    data: NDArray[np.generic] | None = None
    if raw.size and dtype is not None:
        data = _values(raw.tobytes(), shape, dtype, name, source)
    return FileTensor(
        index,
        name,
        shape,
        dtype,
        _quant(table.table(schema.TensorField.QUANTIZATION), shape, name, source),
        data,
    )


def _values(raw: bytes, shape: tuple[int, ...], dtype: DType, name: str, source: str) -> NDArray[np.generic]:
    kind = dtype.numpy.newbyteorder("<")
    count = 1
    for size in shape:
        count *= size
    if count * kind.itemsize != len(raw):
        raise FormatError(
            f"{source} is damaged",
            f"'{name}' of shape {shape} has {len(raw)} bytes of data",
            "export it again",
        )
    return np.frombuffer(raw, kind).astype(dtype.numpy).reshape(shape)


def _quant(table: Table | None, shape: tuple[int, ...], name: str, source: str) -> Quant | None:
    if table is None:
        return None
    scales = table.array(schema.Quantization.SCALE, "f4").astype(np.float64)
    zero_points = table.array(schema.Quantization.ZERO_POINT, "i8").astype(np.int64)
    if not scales.size:
        return None
    if zero_points.size != scales.size:
        zero_points = (
            np.resize(zero_points, scales.size) if zero_points.size else np.zeros(scales.size, np.int64)
        )
    axis = table.number(schema.Quantization.DIMENSION, "i")
    wrong = not np.isfinite(scales).all() or (scales <= 0).any() or np.abs(zero_points).max() > 2**31
    if wrong or (scales.size > 1 and (not 0 <= axis < len(shape) or shape[axis] != scales.size)):
        raise FormatError(
            f"{source} is damaged", f"the quantization of '{name}' makes no sense", "export it again"
        )
    return Quant(
        tuple(float(s) for s in scales), tuple(int(z) for z in zero_points), axis if scales.size > 1 else None
    )
