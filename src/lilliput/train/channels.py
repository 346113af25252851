"""Which channels hang together in a network, and the network without some of them.

Every channel of every activation gets a number; channels that can only go together (those an Add joins,
those a depthwise convolution or a reshape carries on) share one.  Such a set of channels is called a group
here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net import (
    Add,
    BatchNorm,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Logistic,
    Mul,
    Net,
    Op,
    Pad,
    Reshape,
    Slice,
    Softmax,
    Sub,
    Tensor,
    Transpose,
)

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """The channels of a network.

    Attributes:
        of: activation name → group number of each index of its last axis.
        prunable: numbers of the groups that may go: neither the border of the network nor an op needs them
            all.
        makers: weights of a convolution or fully connected layer → group number of each output channel or
            unit.
    """

    of: dict[str, Numbers]
    prunable: tuple[int, ...]
    makers: dict[str, Numbers]

    def removable(self, ranked: Collection[int], count: int) -> frozenset[int]:
        """The first `count` of `ranked` that can go while every tensor keeps at least one channel."""
        left = {name: len(numbers) for name, numbers in self.of.items()}
        places: dict[int, list[tuple[str, int]]] = {}
        for name, numbers in self.of.items():
            for number, times in zip(*np.unique(numbers, return_counts=True), strict=True):
                places.setdefault(int(number), []).append((name, int(times)))
        gone: set[int] = set()
        for number in ranked:
            if len(gone) >= count:
                break
            if all(left[name] > times for name, times in places[number]):
                gone.add(number)
                for name, times in places[number]:
                    left[name] -= times
        return frozenset(gone)


class _Union:
    """Sets of numbers that merge (union-find)."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._frozen: set[int] = set()

    def fresh(self, count: int) -> Numbers:
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count, dtype=np.int64)

    def root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def join(self, first: Numbers, second: Numbers) -> None:
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            self._parents[self.root(b)] = self.root(a)

    def freeze(self, numbers: Numbers) -> None:
        self._frozen.update(numbers.tolist())

    def frozen_roots(self) -> set[int]:
        return {self.root(number) for number in self._frozen}

    def roots(self, numbers: Numbers) -> Numbers:
        return np.array([self.root(number) for number in numbers.tolist()], dtype=np.int64)


def find_groups(net: Net) -> Groups:
    """The groups of a float network; weights are not needed."""
    union = _Union()
    of: dict[str, Numbers] = {}
    for name in net.inputs:
        of[name] = union.fresh(net.tensors[name].shape[-1])
        union.freeze(of[name])
    for op in net.ops:
        of[op.outputs[0]] = _numbers_after(op, net, of, union)
    for name in net.outputs:
        union.freeze(of[name])
    of = {name: union.roots(numbers) for name, numbers in of.items()}
    frozen = union.frozen_roots()
    makers = {op.inputs[1]: of[op.outputs[0]] for op in net.ops if isinstance(op, (Conv2D, FullyConnected))}
    made = {int(number) for numbers in makers.values() for number in numbers}
    return Groups(of, tuple(sorted(made - frozen)), makers)


def _numbers_after(op: Op, net: Net, of: dict[str, Numbers], union: _Union) -> Numbers:
    """Group numbers of the output of `op`; merges what the op ties together."""
    sources = [of[name] for name in op.inputs if name in of]
    shape = net.tensors[op.outputs[0]].shape
    match op:
        case Conv2D() | FullyConnected():
            return union.fresh(shape[-1])
        case DepthwiseConv2D():
            return np.repeat(sources[0], shape[-1] // len(sources[0]))
        case Add() | Sub() | Mul() if len(sources[0]) == len(sources[1]):
            union.join(sources[0], sources[1])
        case Add() | Sub() | Mul() | Logistic() | Slice() | Transpose():
            # What was a channel is one no longer, or is no longer zero.
            for source in sources:
                union.freeze(source)
            mixed = union.fresh(shape[-1])
            union.freeze(mixed)
            return mixed
        case Concat() if op.axis == len(shape) - 1:
            return np.concatenate(sources)
        case Concat():
            for other in sources[1:]:
                union.join(sources[0], other)
        case Reshape():
            before = net.tensors[op.inputs[0]].shape
            rows = np.broadcast_to(sources[0], before).reshape(-1, shape[-1])
            if (rows == rows[0]).all():
                return np.array(rows[0])
            union.freeze(sources[0])
            mixed = union.fresh(shape[-1])
            union.freeze(mixed)
            return mixed
        case Softmax():
            union.freeze(sources[0])
        case Pad() if op.value != 0.0:
            union.freeze(sources[0])
    return sources[0]


def remove_channels(net: Net, gone: Collection[int], groups: Groups | None = None) -> Net:
    """The network without the channels of some groups.

    Where those channels are zero whenever a convolution or a fully connected layer reads them, the outputs
    are the same.

    Args:
        net: float, with weights or without.
        gone: numbers of `find_groups(net).prunable`.
        groups: the result of `find_groups(net)`, if it is at hand.

    Raises:
        NetError: a group is not prunable, or a tensor would lose all channels.
    """
    groups = groups or find_groups(net)
    wrong = set(gone) - set(groups.prunable)
    if wrong:
        raise NetError(
            f"cannot remove channels of net '{net.name}'",
            f"groups {sorted(wrong)} cannot go: an input, an output or an op needs them",
            "choose from the prunable groups",
        )
    kept = {name: ~np.isin(numbers, list(gone)) for name, numbers in groups.of.items()}
    tensors: dict[str, Tensor] = {}
    ops: list[Op] = []
    for name, keep in kept.items():
        if not keep.any():
            raise NetError(f"tensor '{name}' would lose all its channels", "", "keep one of its groups")
        tensor = net.tensors[name]
        tensors[name] = replace(tensor, shape=(*tensor.shape[:-1], int(keep.sum())))
    for op in net.ops:
        for index, name in enumerate(op.inputs):
            if net.tensors[name].constant:
                tensors[name] = _cut(net.tensors[name], _axes(op, index, kept))
        shape = tensors[op.outputs[0]].shape
        ops.append(replace(op, shape=shape) if isinstance(op, Reshape) else op)
    return net.with_ops(ops, tensors.values())


def _axes(op: Op, index: int, kept: dict[str, NDArray[np.bool_]]) -> dict[int, NDArray[np.bool_]]:
    """Axis → what stays of it, for constant number `index` of `op`."""
    source, output = kept[op.inputs[0]], kept[op.outputs[0]]
    match op:
        case Conv2D() if index == 1:
            return {0: output, 3: source}
        case FullyConnected() if index == 1:
            return {0: output, 1: source}
        case DepthwiseConv2D() if index == 1:
            return {2: output}
        case Conv2D() | FullyConnected() | DepthwiseConv2D() | BatchNorm():
            return {0: output}
    return {}


def _cut(tensor: Tensor, axes: dict[int, NDArray[np.bool_]]) -> Tensor:
    shape = tuple(int(axes[i].sum()) if i in axes else size for i, size in enumerate(tensor.shape))
    data: NDArray[Any] | None = tensor.data
    if data is not None:
        for axis, keep in axes.items():
            data = np.compress(keep, data, axis)
    return replace(tensor, shape=shape, data=data)
