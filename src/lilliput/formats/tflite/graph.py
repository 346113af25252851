"""The contents of a .tflite file as plain records, every index checked; no op is interpreted here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import FormatError
from lilliput.formats.flatbuffer import Table
from lilliput.formats.tflite import schema
from lilliput.net import DType, Quant

LARGEST_FILE_BYTES = 1 << 28
"""No microcontroller has this much flash."""
LARGEST_RANK = 8


@dataclass(frozen=True)
class FileTensor:
    """A tensor as the file has it: with the batch, and with data if it is a constant.

    Attributes:
        dtype: None for types that a `Net` does not know.
        quant: None also where the file's makes no sense.
    """

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
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            raise FormatError(
                f"{path} is too large",
                f"it has {size} bytes, Lilliput reads {LARGEST_FILE_BYTES}",
                "quantize it",
            )
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read {path}", error.strerror or str(error), "check the path") from None
    return parse_graph(data, str(path))


def parse_graph(data: bytes, source: str) -> FileGraph:
    """The contents of a .tflite file; `source` names it in messages.

    Raises:
        FormatError: the data are damaged, or have no subgraph or several.
    """
    root = Table.root(data, schema.IDENTIFIER, source)
    subgraphs = root.tables(schema.Model.SUBGRAPHS)
    if len(subgraphs) != 1:
        raise FormatError(
            f"{source} cannot be imported",
            f"it has {len(subgraphs)} subgraphs",
            "export a model without control flow",
        )
    reader = _Reader(source, root)
    graph = subgraphs[0]
    tensors = tuple(reader.tensor(k, table) for k, table in enumerate(graph.tables(schema.SubGraph.TENSORS)))
    operators = tuple(reader.operator(table) for table in graph.tables(schema.SubGraph.OPERATORS))
    inputs, outputs = _indices(graph, schema.SubGraph.INPUTS), _indices(graph, schema.SubGraph.OUTPUTS)
    used = [*inputs, *outputs, *(k for operator in operators for k in (*operator.inputs, *operator.outputs))]
    ends = [*inputs, *outputs, *(k for operator in operators for k in operator.outputs)]
    if any(not -1 <= k < len(tensors) for k in used) or -1 in ends:
        raise reader.damaged("an operator names a tensor that is not there")
    return FileGraph(source, tensors, operators, inputs, outputs)


class _Reader:
    """What tensors and operators refer to."""

    def __init__(self, source: str, root: Table) -> None:
        self.source = source
        self.buffers = [
            table.array(schema.BufferField.DATA, "u1") for table in root.tables(schema.Model.BUFFERS)
        ]
        self.codes = [_code(table) for table in root.tables(schema.Model.OPERATOR_CODES)]

    def damaged(self, why: str) -> FormatError:
        return FormatError(f"{self.source} is damaged", why, "export it again")

    def operator(self, table: Table) -> FileOperator:
        index = table.number(schema.Operator.CODE_INDEX, "I")
        if index >= len(self.codes):
            raise self.damaged(f"operator code {index} of {len(self.codes)}")
        builtin, title = self.codes[index]
        return FileOperator(
            builtin,
            title,
            _indices(table, schema.Operator.INPUTS),
            _indices(table, schema.Operator.OUTPUTS),
            table.table(schema.Operator.OPTIONS),
        )

    def tensor(self, index: int, table: Table) -> FileTensor:
        name = _shown(table.text(schema.TensorField.NAME)) or f"tensor_{index}"
        shape = _indices(table, schema.TensorField.SHAPE)
        dtype = schema.TYPES.get(table.number(schema.TensorField.TYPE, "b"))
        if any(size < 0 for size in shape) or len(shape) > LARGEST_RANK:
            raise FormatError(
                f"{self.source} cannot be imported",
                f"tensor '{name}' has shape {shape[: LARGEST_RANK + 1]}",
                f"export fixed shapes of at most {LARGEST_RANK} axes",
            )
        number = table.number(schema.TensorField.BUFFER, "I")
        if number >= max(len(self.buffers), 1):
            raise self.damaged(f"tensor '{name}' names buffer {number} of {len(self.buffers)}")
        raw = self.buffers[number] if self.buffers else np.zeros(0, np.uint8)
        data = self._values(raw, shape, dtype, name) if raw.size and dtype is not None else None
        quant = _quant(table.table(schema.TensorField.QUANTIZATION), shape)
        return FileTensor(index, name, shape, dtype, quant, data)

    def _values(
        self, raw: NDArray[np.generic], shape: Sequence[int], dtype: DType, name: str
    ) -> NDArray[np.generic]:
        """The data of a constant, which share the file's memory."""
        kind = dtype.numpy.newbyteorder("<")
        if math.prod(shape) * kind.itemsize != raw.size:
            raise self.damaged(f"'{name}' of shape {tuple(shape)} has {raw.size} bytes of data")
        return raw.view(kind).astype(dtype.numpy, copy=False).reshape(shape)


def _shown(name: str) -> str:
    """A name as messages show it: nothing in it moves the cursor or colours a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in name[:200])


def _indices(table: Table, field: int) -> tuple[int, ...]:
    return tuple(table.array(field, "i4").tolist())


def _code(table: Table) -> tuple[schema.Builtin | None, str]:
    custom = _shown(table.text(schema.OperatorCode.CUSTOM))
    number = max(table.number(schema.OperatorCode.OLD_CODE, "b"), table.number(schema.OperatorCode.CODE, "i"))
    if number in set(schema.Builtin):
        return schema.Builtin(number), schema.Builtin(number).name
    name = schema.OTHER_OPERATORS.get(number, f"operator code {number}")
    return None, f"custom operator '{custom}'" if custom else name


def _quant(table: Table | None, shape: tuple[int, ...]) -> Quant | None:
    if table is None:
        return None
    with np.errstate(invalid="ignore"):
        scales = table.array(schema.Quantization.SCALE, "f4").astype(np.float64)
    zero_points = table.array(schema.Quantization.ZERO_POINT, "i8").astype(np.int64)
    if not scales.size or zero_points.size not in (0, 1, scales.size):
        return None
    if zero_points.size != scales.size:
        zero_points = np.full(scales.size, zero_points[0] if zero_points.size else 0)
    axis = table.number(schema.Quantization.DIMENSION, "i")
    wrong = not np.isfinite(scales).all() or (scales <= 0).any() or np.abs(zero_points).max() > 2**31
    if wrong or (scales.size > 1 and (not 0 <= axis < len(shape) or shape[axis] != scales.size)):
        return None
    return Quant(tuple(scales.tolist()), tuple(zero_points.tolist()), axis if scales.size > 1 else None)
