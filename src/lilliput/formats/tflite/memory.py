"""What TensorFlow Lite Micro will need for a .tflite file: its arena, predicted without running it.

The head of the arena holds activations and scratch memory: its greedy planner is repeated here step by step.
The tail holds the interpreter's structures for tensors, operators and their parameters, many of which are
pointers: one allocation after another is repeated, each at a multiple of its alignment.  Sizes were measured
with the package tflite-micro where a pointer has 64 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from lilliput.errors import FormatError
from lilliput.formats.tflite.graph import FileGraph, FileOperator, parse_graph
from lilliput.formats.tflite.schema import Builtin

ALIGNMENT = 16
"""Addresses of all buffers are multiples of this."""

_FIXED_BEGIN, _FIXED_END = 488, 192
"""Allocator and graph; the tensors that stand for input and output."""
_POINTERS = (8, 8)
"""To these tensors."""
_EVAL_TENSOR, _NODE, _SCRATCH_HANDLE = 24, 64, 8


class _Structure(NamedTuple):
    """Bytes of an operator's prepared data, and of its options as the interpreter keeps them, aligned."""

    prepared: int = 0
    options: int = 0
    alignment: int = 4


_STRUCTURES: dict[Builtin, _Structure] = {
    Builtin.ADD: _Structure(60, 8),
    Builtin.AVERAGE_POOL_2D: _Structure(32, 40),
    Builtin.CONCATENATION: _Structure(80, 8),
    Builtin.CONV_2D: _Structure(80, 28),
    Builtin.DEPTHWISE_CONV_2D: _Structure(80, 28),
    Builtin.FULLY_CONNECTED: _Structure(72, 32, 8),
    Builtin.HARD_SWISH: _Structure(20),
    Builtin.LEAKY_RELU: _Structure(24, 4),
    Builtin.LOGISTIC: _Structure(16),
    Builtin.MAX_POOL_2D: _Structure(32, 40),
    Builtin.MEAN: _Structure(44, 1, 1),
    Builtin.MUL: _Structure(36, 4),
    Builtin.PAD: _Structure(56),
    Builtin.PADV2: _Structure(56),
    Builtin.QUANTIZE: _Structure(32),
    Builtin.RELU: _Structure(28),
    Builtin.RELU6: _Structure(8),
    Builtin.RESHAPE: _Structure(0, 36),
    Builtin.RESIZE_NEAREST_NEIGHBOR: _Structure(0, 2, 1),
    Builtin.SOFTMAX: _Structure(80, 4),
    Builtin.STRIDED_SLICE: _Structure(84, 24),
    Builtin.SUB: _Structure(52, 8),
    Builtin.TANH: _Structure(16),
    Builtin.TRANSPOSE: _Structure(),
}


@dataclass(frozen=True)
class TflmMemory:
    """What TensorFlow Lite Micro needs for a model, bytes.

    Attributes:
        storage: of the .tflite file in flash, without the runtime's code.
        head: activations, as its planner lays them out; exact.
        tail: structures of the interpreter, with 64-bit pointers.
    """

    storage: int
    head: int
    tail: int

    @property
    def arena(self) -> int:
        """The smallest arena that will do."""
        return self.head + self.tail


def tflm_memory(data: bytes, source: str = "the model") -> TflmMemory:
    """What TensorFlow Lite Micro needs for a .tflite file.

    Args:
        data: the file.
        source: its name in messages.

    Raises:
        FormatError: the file is damaged, or holds operators whose structures were not measured.
    """
    graph = parse_graph(data, source)
    strange = sorted({operator.title for operator in graph.operators if operator.builtin not in _STRUCTURES})
    if strange:
        raise FormatError(
            f"the memory of {source} in TensorFlow Lite Micro cannot be predicted",
            f"what it keeps for {', '.join(strange)} was not measured",
            "ask tflite-micro itself",
        )
    return TflmMemory(len(data), _head(graph), _tail(graph))


def _tail(graph: FileGraph) -> int:
    used = _FIXED_BEGIN + _EVAL_TENSOR * len(graph.tensors) + _NODE * len(graph.operators)
    for structure in map(_structure, graph.operators):
        used = _aligned(used + structure.options, structure.alignment if structure.options else 1)
    for operator in graph.operators:
        channels_bytes = 4 * _channels(graph, operator)
        for size in (_structure(operator).prepared, channels_bytes, channels_bytes):
            used = _aligned(used + size) if size else used
    handles = _SCRATCH_HANDLE * sum(len(_scratch(graph, operator)) for operator in graph.operators)
    used = _aligned(used + handles, 8) if handles else used
    for size in _POINTERS:
        used = _aligned(used + size)
    return used + _FIXED_END


def _structure(operator: FileOperator) -> _Structure:
    assert operator.builtin is not None
    return _STRUCTURES[operator.builtin]


def _scratch(graph: FileGraph, operator: FileOperator) -> tuple[int, ...]:
    """Bytes of the buffers in the head that an operator uses while it runs: sums, and two lists of axes."""
    if operator.builtin is not Builtin.MEAN:
        return ()
    read, axes = (graph.tensors[index].shape for index in operator.inputs)
    written = graph.tensors[operator.outputs[0]].shape
    return 4 * len(read), 4 * math.prod(axes), 4 * math.prod(written)


def _channels(graph: FileGraph, operator: FileOperator) -> int:
    """For how many channels an operator keeps a multiplier and a shift, four bytes each."""
    if operator.builtin in (Builtin.CONV_2D, Builtin.DEPTHWISE_CONV_2D):
        return graph.tensors[operator.outputs[0]].shape[-1]
    if operator.builtin is not Builtin.FULLY_CONNECTED:
        return 0
    quant = graph.tensors[operator.inputs[1]].quant
    scales = 1 if quant is None else len(quant.scales)
    return scales if scales > 1 else 0  # weights with one scale have these two in the operator's own data


def _head(graph: FileGraph) -> int:
    """Bytes that the greedy planner takes: the largest buffer first, each into the first gap that holds it.

    Of buffers of one size the one with the highest number comes first.  A buffer lives from the operator that
    writes it to the last one that reads it; inputs from the start, outputs to the end.
    """
    first = dict.fromkeys(graph.inputs, 0)
    last = dict(first)
    for place, operator in enumerate(graph.operators, start=1):
        for index in operator.outputs:
            first.setdefault(index, place)
            last.setdefault(index, place)
        for index in operator.inputs:
            if index in first:
                last[index] = place
    last |= dict.fromkeys(graph.outputs, len(graph.operators) + 1)
    sizes = {index: _aligned(_bytes(graph, index)) for index in first}
    for place, operator in enumerate(graph.operators, start=1):
        for index, size in enumerate(_scratch(graph, operator), start=max(*first, len(graph.tensors)) + 1):
            first[index] = last[index] = place
            sizes[index] = _aligned(size)
    placed: list[tuple[int, int]] = []  # address, tensor
    for index in sorted(first, key=lambda index: (-sizes[index], -index)):
        address = 0
        for start, other in sorted(placed):
            if first[other] <= last[index] and first[index] <= last[other]:
                if start - address >= sizes[index]:
                    break
                address = max(address, start + sizes[other])
        placed.append((address, index))
    return max((address + sizes[index] for address, index in placed), default=0)


def _bytes(graph: FileGraph, index: int) -> int:
    tensor = graph.tensors[index]
    return math.prod(tensor.shape) * (1 if tensor.dtype is None else tensor.dtype.numpy.itemsize)


def _aligned(size: int, alignment: int = ALIGNMENT) -> int:
    return -(-size // alignment) * alignment
