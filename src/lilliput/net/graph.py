"""`Net`: the one type that flows from the search to the chip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any

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


class Optimize(StrEnum):
    """What a network is compiled for where one thing costs another.

    SPEED: few cycles; memory is saved where that costs none.
    RAM: a small arena, at a few more cycles.
    FLASH: little code.
    """

    SPEED = "speed"
    RAM = "ram"
    FLASH = "flash"


@dataclass(frozen=True)
class Stream:
    """Consecutive ops that take turns row by row, so that the images between them never exist whole.

    In every step the last op makes `rows` rows of its output; before that each of the others makes the rows
    that are missing for it, in the order of the ops.  Of an image that only these ops use, the arena holds a
    window of rows: before rows are added to it, those that nobody needs any more are dropped, and the others
    move to the window's begin.

    Attributes:
        ops: their names, in execution order.
        rows: of the last op's output that a step makes; the last step may make fewer.
        heights: image → rows that its window holds at the most.
    """

    ops: tuple[str, ...]
    rows: int
    heights: Mapping[str, int]


@dataclass(frozen=True)
class Patches:
    """The first ops, which run on one part of their images after the other.

    A patch takes its part of the network's input, runs all of these ops on it, and puts what comes out into
    the last one's output.  Images in between exist in parts only.  `lilliput.net.patches` says which parts.

    Attributes:
        ops: their names, in execution order; each reads the output of the one before it.
        tile: rows and columns of the last one's output that a patch makes.
        start: where the memory of a patch begins in the arena.
        plan: of one patch, in addresses of that memory; the parts of input and output have one there, too.
    """

    ops: tuple[str, ...]
    tile: tuple[int, int]
    start: int
    plan: Plan


@dataclass(frozen=True)
class Plan:
    """Where every activation lives in the arena.

    Attributes:
        addresses: tensor name → byte offset in the arena; every activation has one.  That of an image with a
            window is the window's, that of one that patches make in parts is that of the parts.
        scratch: op name → (byte offset, bytes) of its scratch memory.
        arena_bytes: size of the arena; it must be aligned to 4 bytes.
        lower_bound_bytes: no placement of this order can be smaller.
        streams: ops that run row by row.
        patches: ops that run patch by patch, None if there are none.
    """

    addresses: Mapping[str, int]
    scratch: Mapping[str, tuple[int, int]]
    arena_bytes: int
    lower_bound_bytes: int
    streams: tuple[Stream, ...] = ()
    patches: Patches | None = None


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
        optimize: what its kernels and its plan are chosen for.
        patches: its first ops run in so many rows and columns of patches; 0 if they do not.
        plan: addresses, once planned.
    """

    name: str
    ops: tuple[Op, ...]
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    labels: tuple[str, ...] = ()
    normalization: Normalization | None = None
    optimize: Optimize = Optimize.SPEED
    patches: int = 0
    plan: Plan | None = None

    def __post_init__(self) -> None:
        known = self.tensors
        tensors = known.copy() if isinstance(known, MappingProxyType) else dict(known)
        object.__setattr__(self, "tensors", MappingProxyType(tensors))

    def __reduce__(self) -> tuple[type[Net], tuple[object, ...]]:
        """How other processes get it: a view of a mapping cannot be sent, the mapping can."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        return Net, tuple({**known, "tensors": dict(self.tensors)}.values())

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

    @cached_property
    def known(self) -> dict[object, Any]:
        """What has been worked out about its ops, such as their kernels, so that nobody does it twice."""
        return {}

    @cached_property
    def _producers(self) -> dict[str, Op]:
        return {name: op for op in self.ops for name in op.outputs}

    @cached_property
    def _consumers(self) -> dict[str, tuple[Op, ...]]:
        found: dict[str, tuple[Op, ...]] = {}
        for op in self.ops:
            for name in dict.fromkeys(op.inputs):
                found[name] = (*found.get(name, ()), op)
        return found

    def producer(self, tensor: str) -> Op | None:
        """The op that writes `tensor`, None for inputs and constants."""
        return self._producers.get(tensor)

    def consumers(self, tensor: str) -> tuple[Op, ...]:
        """The ops that read `tensor`, in execution order."""
        return self._consumers.get(tensor, ())

    def activations(self, op: Op) -> tuple[Tensor, ...]:
        """Inputs of `op` that live in RAM."""
        return tuple(self.tensors[name] for name in op.inputs if not self.tensors[name].constant)

    def constants(self, op: Op) -> tuple[Tensor, ...]:
        """Inputs of `op` that live in flash."""
        return tuple(self.tensors[name] for name in op.inputs if self.tensors[name].constant)

    def rearranged(self, ops: Iterable[Op], plan: Plan | None) -> Net:
        """The network with its own ops in another order, and with another plan.

        What is known about the ops stays known, unless it is the plan that kernels are chosen for.
        """
        found = replace(self, ops=tuple(ops), plan=plan)
        plans = (known for known in (self.plan, plan) if known is not None)
        if self.optimize is not Optimize.RAM and not any(known.streams or known.patches for known in plans):
            vars(found)["known"] = self.known
        return found

    def with_ops(self, ops: Iterable[Op], tensors: Iterable[Tensor] = ()) -> Net:
        """The network with other ops and no plan; `tensors` are added or replaced, unused ones dropped."""
        ops = tuple(ops)
        known = {**self.tensors, **{tensor.name: tensor for tensor in tensors}}
        used = {name for op in ops for name in (*op.inputs, *op.outputs)} | {*self.inputs, *self.outputs}
        return replace(
            self, ops=ops, tensors={name: known[name] for name in known if name in used}, plan=None
        )
