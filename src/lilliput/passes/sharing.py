"""Activations that must have one quantization, since an op moves their integers as they are."""

from __future__ import annotations

from lilliput.net.graph import Net
from lilliput.net.ops import Concat, MaxPool2D, Pad, Reshape, ResizeNearest, Slice, Transpose

_SHARING = (MaxPool2D, Concat, Pad, Reshape, Slice, Transpose, ResizeNearest)
"""Ops that move integers without changing what they stand for."""


def groups(net: Net) -> dict[str, str]:
    """Which activations must have one quantization: tensor name → name of the group's first tensor."""
    first = {name: name for name, tensor in net.tensors.items() if not tensor.constant}

    def find(name: str) -> str:
        while first[name] != name:
            name = first[name]
        return name

    for op in net.ops:
        if isinstance(op, _SHARING):
            for name in op.inputs:
                first[find(op.outputs[0])] = find(name)
    return {name: find(name) for name in first}


def sources(net: Net) -> tuple[str, ...]:
    """Activations that are not merely moved: only their ranges decide a group's scale."""
    made = (op.outputs[0] for op in net.ops if not isinstance(op, _SHARING))
    return (*net.inputs, *made)
