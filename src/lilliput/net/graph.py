"""`Net`: the one type that flows from the search to the chip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from lilliput.net.ops import Op
from lilliput.net.tensor import DType, Tensor


@dataclass(frozen=True)
class Normalization:
    """How raw data become what the network was trained on: real = (raw - mean) / std, channel by channel.

    Attributes:
        raw: type of the raw data.  For uint8 (sensor bytes) `mean` is one whole number and `std` one number,
            so that the input's quantization alone expresses it and the C takes the bytes as they are.
        mean, std: one number for all channels, or one for each element of the last axis; in raw units.
    """

    raw: DType
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Plan:
    """Where every activation lives in the arena.

    Attributes:
        addresses: tensor name → byte offset in the arena; every activation has one.
        scratch: op name → (byte offset, bytes) of its scratch memory.
        arena_bytes: size of the arena; it must be aligned to 4 bytes.
        lower_bound_bytes: no placement of this order can be smaller.
    """

    addresses: Mapping[str, int]
    scratch: Mapping[str, tuple[int, int]]
    arena_bytes: int
    lower_bound_bytes: int


@dataclass(frozen=True)
class Net:
    """A network: ops in execution order over named tensors.

    A pass is a function `Net → Net`; nothing is ever changed in place.  What holds at each stage: `check`.

    Attributes:
        name: a C identifier in lower case; files and symbols of the generated C carry it.
        ops: in execution order.
        tensors: every tensor by name, constants included.
        inputs, outputs: names of the tensors that cross the border.
        labels: class names by output index, or empty.
        normalization: what to do to raw data first, None if the input is taken as it is.
        plan: addresses, once planned.
    """

    name: str
    ops: tuple[Op, ...]
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    labels: tuple[str, ...] = ()
    normalization: Normalization | None = None
    plan: Plan | None = None
    _producers: Mapping[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))
        object.__setattr__(
            self, "_producers", {name: index for index, op in enumerate(self.ops) for name in op.outputs}
        )

    def __reduce__(self) -> tuple[type[Net], tuple[object, ...]]:
        """How other processes get it: a view of a mapping cannot be sent, the mapping can."""
        tensors = dict(self.tensors)
        border = (self.inputs, self.outputs, self.labels, self.normalization, self.plan)
        return Net, (self.name, self.ops, tensors, *border)

    @property
    def input(self) -> Tensor:
        """The only input."""
        (name,) = self.inputs
        return self.tensors[name]

    @property
    def output(self) -> Tensor:
        """The only output."""
        (name,) = self.outputs
        return self.tensors[name]

    @property
    def quantized(self) -> bool:
        """Whether the ops work on integers; tensors that are missing are for `check` to tell."""
        written = (self.tensors.get(name) for op in self.ops for name in op.outputs)
        return all(tensor is None or tensor.dtype is not DType.FLOAT32 for tensor in written)

    def producer(self, tensor: str) -> Op | None:
        """The op that writes `tensor`, None for inputs and constants."""
        index = self._producers.get(tensor)
        return None if index is None else self.ops[index]

    def consumers(self, tensor: str) -> tuple[Op, ...]:
        """The ops that read `tensor`, in execution order."""
        return tuple(op for op in self.ops if tensor in op.inputs)

    def activations(self, op: Op) -> tuple[Tensor, ...]:
        """Inputs of `op` that live in RAM."""
        return tuple(self.tensors[name] for name in op.inputs if not self.tensors[name].constant)

    def constants(self, op: Op) -> tuple[Tensor, ...]:
        """Inputs of `op` that live in flash."""
        return tuple(self.tensors[name] for name in op.inputs if self.tensors[name].constant)

    def with_ops(self, ops: Iterable[Op], tensors: Iterable[Tensor] = ()) -> Net:
        """The network with other ops and no plan; `tensors` are added or replaced, unused ones dropped."""
        ops = tuple(ops)
        known = {**self.tensors, **{tensor.name: tensor for tensor in tensors}}
        used = {name for op in ops for name in (*op.inputs, *op.outputs)} | {*self.inputs, *self.outputs}
        return replace(
            self, ops=ops, tensors={name: known[name] for name in known if name in used}, plan=None
        )
