"""The network while it is being made from a file's records, and one operator of the file seen from there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.formats.tflite.graph import FileGraph, FileOperator, FileTensor
from lilliput.formats.tflite.problems import INTEGERS, Unsupported
from lilliput.formats.tflite.schema import ACTIVATIONS
from lilliput.net import Activation, DType, Op, Profile, Quant, Reshape, Tensor

LARGEST_ACTIVATION = 1 << 25
"""No microcontroller has that much RAM, and planning takes a multiple of it here."""
_MOST_CONSTANT_BYTES = 1 << 28
"""Of all operators together, which may share what the file holds once."""


class Context:
    """The network while it is being made: tensors and ops so far, and which file tensor stands for which.

    Attributes:
        names: what the file calls the tensors.
        floats: the file's float tensors inside the network, and the integers that they were made of.
    """

    def __init__(self, graph: FileGraph) -> None:
        self.graph = graph
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}
        self.names: dict[str, str] = {}
        self.floats: dict[int, int] = {}
        self._aliases: dict[int, int] = {}
        self._constant_bytes = 0

    def file_tensor(self, index: int) -> FileTensor:
        """The file's tensor, after float ends have been cut off."""
        return self.graph.tensors[self._aliases.get(index, index)]

    def alias(self, index: int, stands_for: int) -> None:
        """From here on the file's tensor `index` is the same as `stands_for`."""
        if index in self._aliases:
            raise Unsupported(f"'{self.graph.tensors[index].name}' is quantized in two ways")
        self._aliases[index] = self._aliases.get(stands_for, stands_for)

    def name(self, index: int) -> str:
        """What the network calls an activation, by its index in the file."""
        return f"t{self.file_tensor(index).index}"

    def activation(self, index: int) -> Tensor:
        """An activation by its index in the file: integers with one scale, without the batch."""
        source, key = self.file_tensor(index), self.name(index)
        self.names[key] = source.name
        if key in self.tensors:
            return self.tensors[key]
        if source.data is not None:
            raise Unsupported(f"'{source.name}' is a constant where an activation is expected")
        if source.dtype not in (DType.INT8, DType.UINT8):
            raise Unsupported(
                f"'{source.name}' is {source.dtype or 'of an unknown type'}, not int8", INTEGERS
            )
        if source.quant is None or source.quant.axis is not None:
            raise Unsupported(f"'{source.name}' has no per-tensor quantization", INTEGERS)
        if 0 in source.shape:
            raise Unsupported(f"'{source.name}' of shape {source.shape} holds nothing")
        if math.prod(source.shape) > LARGEST_ACTIVATION:
            raise Unsupported(f"'{source.name}' of shape {source.shape} is larger than any memory")
        tensor = Tensor(key, without_batch(source.shape), source.dtype, source.quant)
        self.tensors[key] = tensor
        return tensor

    def constant(
        self, key: str, data: NDArray[np.generic], dtype: DType, quant: Quant | None, source: str
    ) -> str:
        """Add a constant, which the file calls `source`; its name."""
        self.names[key] = source
        self._constant_bytes += data.nbytes
        if self._constant_bytes > _MOST_CONSTANT_BYTES:
            raise Unsupported(f"constants take more than {_MOST_CONSTANT_BYTES} bytes")
        self.tensors[key] = Tensor(
            key, data.shape, dtype, quant, constant=True, data=np.ascontiguousarray(data)
        )
        return key


def without_batch(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A file's shape as a `Net` has it: a leading 1 is the batch."""
    if len(shape) > 1 and shape[0] == 1:
        return shape[1:]
    return shape or (1,)


class Call:
    """One operator of the file: what it reads and writes, its options, and how it becomes ops.

    Attributes:
        name: of the op that it becomes.
        inputs, outputs: how many it has.
    """

    def __init__(self, operator: FileOperator, name: str, context: Context) -> None:
        self.context = context
        self.name = name
        self.inputs, self.outputs = len(operator.inputs), len(operator.outputs)
        self._operator = operator
        self._steps = 0

    def expect(self, least: int, most: int | None = None, outputs: int = 1) -> None:
        """Refuse another number of inputs or outputs."""
        if not least <= self.inputs <= (least if most is None else most) or self.outputs != outputs:
            raise Unsupported(f"it has {self.inputs} inputs and {self.outputs} outputs")

    def source(self, place: int = 0) -> int:
        """Index in the file of an input."""
        if not self.has(place):
            raise Unsupported(f"input {place} is missing")
        return self._operator.inputs[place]

    def target(self, place: int = 0) -> int:
        """Index in the file of an output."""
        return self._operator.outputs[place]

    def has(self, place: int) -> bool:
        """Whether the input is there."""
        return place < self.inputs and self._operator.inputs[place] >= 0

    def file_shape(self, place: int = 0) -> tuple[int, ...]:
        """Shape of an input as the file has it."""
        return self.context.file_tensor(self.source(place)).shape or (1,)

    def activation(self, place: int = 0) -> Tensor:
        """An input that flows."""
        return self.context.activation(self.source(place))

    def image(self, place: int = 0) -> Tensor:
        """An input that flows and is (height, width, channels)."""
        tensor = self.activation(place)
        if len(tensor.shape) != 3:
            raise Unsupported(f"its input has shape {tensor.shape}, not an image")
        return tensor

    def output(self, place: int = 0) -> Tensor:
        """An output."""
        return self.context.activation(self.target(place))

    def constant(self, place: int) -> FileTensor:
        """An input that is a constant."""
        tensor = self.context.graph.tensors[self.source(place)]
        if tensor.data is None:
            raise Unsupported(f"'{tensor.name}' is not a constant", "export it with fixed weights and bounds")
        return tensor

    def integers(self, place: int) -> list[Any]:
        """Values of a constant input of whole numbers, as nested lists; a single number as a list of one."""
        tensor = self.context.graph.tensors[self.source(place)]
        if tensor.dtype is not DType.INT32:
            kind = "of a type that is not known" if tensor.dtype is None else tensor.dtype.value
            raise Unsupported(
                f"'{tensor.name}' is {kind}, not int32", "export axes, sizes and bounds as int32"
            )
        data = self.constant(place).data
        assert data is not None
        if data.size > 64:
            raise Unsupported(f"'{tensor.name}' has shape {data.shape}, more than a few numbers")
        found: list[Any] = np.atleast_1d(data).tolist()
        return found

    def whole(self, field: int, default: int = 0) -> int:
        """An option that is an int32."""
        options = self._operator.options
        return default if options is None else options.number(field, "i", default)

    def flag(self, field: int) -> bool:
        """An option that is true or false."""
        options = self._operator.options
        return options is not None and options.flag(field)

    def choice(self, field: int) -> int:
        """An option that is an enumeration."""
        options = self._operator.options
        return 0 if options is None else options.number(field, "b")

    def real(self, field: int, default: float) -> float:
        """An option that is a float32; 0 where the file leaves it out."""
        options = self._operator.options
        return default if options is None else options.real(field)

    def fused(self, field: int) -> Activation:
        """The fused activation."""
        code = self.choice(field)
        if code not in ACTIVATIONS:
            raise Unsupported(f"fused activation {code} is not supported")
        return ACTIVATIONS[code]

    def step(self, kind: type[Op], *inputs: str, **attributes: Any) -> str:
        """An op whose output the file does not have, in the quantization of its input; the output's name."""
        self._steps += 1
        name = f"{self.name}_{kind.__name__.lower()}_{self._steps}"
        source = self.context.tensors[inputs[0]]
        op = kind(name=name, inputs=inputs, outputs=(name,), profile=Profile.TFLM, **attributes)
        self.context.tensors[name] = replace(source, name=name, shape=self._shape(op))
        self.context.names[name] = self.context.names[source.name]
        self.context.ops.append(op)
        return name

    def reshaped(self, tensor: str, shape: tuple[int, ...]) -> str:
        """The tensor in another shape; its name."""
        same = self.context.tensors[tensor].shape == shape
        return tensor if same else self.step(Reshape, tensor, shape=shape)

    def finish(self, kind: type[Op], *inputs: str, output: int = 0, **attributes: Any) -> None:
        """The op that writes output number `output`, reshaped where the file's shape is another."""
        target = self.output(output)
        name = self.name if self.outputs == 1 else f"{self.name}_{output}"
        op = kind(name=name, inputs=inputs, outputs=(target.name,), profile=Profile.TFLM, **attributes)
        shape = self._shape(op)
        if shape == target.shape:
            self.context.ops.append(op)
            return
        inner = replace(target, name=f"{target.name}_before_reshape", shape=shape)
        self.context.names[inner.name] = self.context.names[target.name]
        if inner.elements != target.elements:
            raise Unsupported(f"its output has shape {target.shape}, expected {shape}")
        self.context.tensors[inner.name] = inner
        self.context.ops.append(replace(op, outputs=(inner.name,)))
        self.context.ops.append(
            Reshape(
                name=f"{name}_reshape",
                inputs=(inner.name,),
                outputs=(target.name,),
                shape=target.shape,
                profile=Profile.TFLM,
            )
        )

    def _shape(self, op: Op) -> tuple[int, ...]:
        return op.output_shape([self.context.tensors[name].shape for name in op.inputs])


def pair(values: Sequence[int]) -> tuple[int, int]:
    """Two numbers.

    Raises:
        Unsupported: there are more or fewer.
    """
    if len(values) != 2:
        raise Unsupported(f"expected two numbers, got {tuple(values)}")
    return values[0], values[1]
