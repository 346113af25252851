"""The network while it is being made from a file's records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lilliput.formats.tflite.graph import FileGraph, FileOperator, FileTensor
from lilliput.net import DType, Op, Quant, Tensor


class Unsupported(Exception):  # noqa: N818 - not an error by itself: collected, then reported all at once
    """An operator that cannot be converted, with the reason."""


class Context:
    """The network while it is being made: tensors and ops so far, and which file tensor stands for which."""

    def __init__(self, graph: FileGraph) -> None:
        self.graph = graph
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}
        self._aliases: dict[int, int] = {}

    def file_tensor(self, index: int) -> FileTensor:
        """The file's tensor, after float ends have been cut off."""
        return self.graph.tensors[self._aliases.get(index, index)]

    def alias(self, index: int, stands_for: int) -> None:
        """From here on the file's tensor `index` is the same as `stands_for`."""
        self._aliases[index] = self._aliases.get(stands_for, stands_for)

    def border(self, index: int) -> str:
        """Name of the network's input or output for the file's tensor."""
        return self.activation(index).name

    def activation(self, index: int) -> Tensor:
        """An activation by its index in the file: integers with one scale, without the batch."""
        source = self.file_tensor(index)
        key = f"t{source.index}"
        if key in self.tensors:
            return self.tensors[key]
        if source.data is not None:
            raise Unsupported(f"'{source.name}' is a constant where an activation is expected")
        if source.dtype not in (DType.INT8, DType.UINT8):
            raise Unsupported(f"'{source.name}' is {source.dtype or 'of an unknown type'}, not int8")
        if source.quant is None or source.quant.axis is not None:
            raise Unsupported(f"'{source.name}' has no per-tensor quantization")
        if not source.shape or source.shape[0] != 1:
            raise Unsupported(f"'{source.name}' has shape {source.shape}, not a batch of 1")
        tensor = Tensor(key, source.shape[1:] or (1,), source.dtype, source.quant)
        self.tensors[key] = tensor
        return tensor

    def constant(self, key: str, data: NDArray[np.generic], dtype: DType, quant: Quant | None) -> str:
        """Add a constant; its name."""
        self.tensors[key] = Tensor(
            key, data.shape, dtype, quant, constant=True, data=np.ascontiguousarray(data)
        )
        return key

    def values(self, operator: FileOperator, place: int) -> NDArray[np.generic]:
        """Data of a constant input."""
        if place >= len(operator.inputs) or operator.inputs[place] < 0:
            raise Unsupported(f"input {place} is missing")
        data = self.graph.tensors[operator.inputs[place]].data
        if data is None:
            raise Unsupported(f"input {place} is not a constant")
        return data
