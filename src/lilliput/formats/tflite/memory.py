"""What TensorFlow Lite Micro will need for a .tflite file: its arena, predicted without running it.

The head of the arena holds activations: its greedy planner is repeated here step by step, so that this is
exact.  The tail holds the interpreter's structures for tensors, operators and their parameters, many of which
are pointers; their sizes were measured with the package tflite-micro where a pointer has 64 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lilliput.errors import FormatError
from lilliput.formats.tflite.graph import FileGraph, FileOperator, parse_graph
from lilliput.formats.tflite.schema import Builtin

ALIGNMENT = 16
"""Addresses of all buffers are multiples of this."""

_FIXED = 720
"""Allocator, graph, and the tensors that stand for input and output."""
_EVAL_TENSOR, _NODE = 24, 64
_STRUCTURES: dict[Builtin, tuple[int, int]] = {
    Builtin.CONV_2D: (80, 28),
    Builtin.DEPTHWISE_CONV_2D: (80, 28),
    Builtin.FULLY_CONNECTED: (80, 32),
    Builtin.MAX_POOL_2D: (32, 40),
    Builtin.AVERAGE_POOL_2D: (32, 40),
    Builtin.ADD: (64, 8),
    Builtin.PAD: (64, 0),
    Builtin.QUANTIZE: (32, 0),
    Builtin.RESHAPE: (0, 32),
    Builtin.SOFTMAX: (48, 4),
}
"""Bytes of an operator's prepared data, and of its options in the file as the interpreter keeps them."""


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
    structures = sum(_structure(graph, operator) for operator in graph.operators)
    return _FIXED + _EVAL_TENSOR * len(graph.tensors) + _NODE * len(graph.operators) + structures


def _structure(graph: FileGraph, operator: FileOperator) -> int:
    assert operator.builtin is not None
    found = sum(_STRUCTURES[operator.builtin])
    return found + 2 * _aligned(4 * _channels(graph, operator))


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


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
