"""Weight inheritance: layers that a mutation has not touched keep what the parent has learned."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields, replace

from lilliput.net.graph import Net
from lilliput.net.ops import BatchNorm, Conv2D, DepthwiseConv2D, FullyConnected

_NAMES = frozenset({"name", "inputs", "outputs"})


@dataclass(frozen=True)
class _Layer:
    """A layer with weights and the batch normalization behind it: what it is, and its constants' names."""

    kind: Hashable
    constants: tuple[str, ...]


def inherit(child: Net, parent: Net) -> tuple[Net, int]:
    """The child with the parent's constants wherever layers correspond, and how many layers do.

    Layers correspond if they have the same attributes and constants of the same shapes, and stand in the same
    order: of all ways to pair them the one with most pairs is taken.  Which tensor they read does not matter,
    so that a chain keeps its layers on both sides of a pooling that was inserted.

    Args:
        child: float, without weights.
        parent: float, with weights.
    """
    ours, theirs = _layers(child), _layers(parent)
    pairs = _paired([layer.kind for layer in ours], [layer.kind for layer in theirs])
    data = {
        name: parent.tensors[other].data
        for first, second in pairs
        for name, other in zip(ours[first].constants, theirs[second].constants, strict=True)
    }
    tensors = [
        replace(tensor, data=data[tensor.name]) if tensor.name in data else tensor
        for tensor in child.tensors.values()
    ]
    return child.with_ops(child.ops, tensors), len(pairs)


def _layers(net: Net) -> list[_Layer]:
    found = []
    for op in net.ops:
        if not isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
            continue
        group = [op, *(after for after in net.consumers(op.outputs[0]) if isinstance(after, BatchNorm))]
        constants = tuple(name for one in group for name in one.inputs[1:])
        attributes = tuple(
            (
                type(one).__name__,
                *(getattr(one, field.name) for field in fields(one) if field.name not in _NAMES),
            )
            for one in group
        )
        shapes = tuple(net.tensors[name].shape for name in constants)
        found.append(_Layer((attributes, shapes), constants))
    return found


def _paired(first: list[Hashable], second: list[Hashable]) -> list[tuple[int, int]]:
    """A longest common subsequence, as pairs of places."""
    length = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in reversed(range(len(first))):
        for j in reversed(range(len(second))):
            skipped = max(length[i + 1][j], length[i][j + 1])
            length[i][j] = max(skipped, length[i + 1][j + 1] + 1) if first[i] == second[j] else skipped
    pairs, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if first[i] == second[j] and length[i][j] == length[i + 1][j + 1] + 1:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
