"""Patches of the first layers: which part of each image one of them needs, and the small network that it is.

The last of these layers makes its output in tiles of one size.  For a tile each image before it is needed in
part, neighbours included, and the parts of all tiles are equally large: what of them lies outside of an image
is filled with what the next layer takes for padding.  So every patch is the same network, whose layers have
no padding of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lilliput.net.graph import Net, Patches
from lilliput.net.ops import (
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Op,
    Padding,
    ReLU,
    ReLU6,
    Requantize,
    Tanh,
)

_ALONE = (ReLU, ReLU6, Requantize, Logistic, Tanh, HardSwish, LeakyReLU)
_WINDOWED = (Conv2D, DepthwiseConv2D, MaxPool2D, AveragePool2D)


class Span(NamedTuple):
    """Rows or columns of an image that patches need: number i needs `size` from `first + i * step` on."""

    first: int
    step: int
    size: int


class Region(NamedTuple):
    """Rows and columns of an image that patches need."""

    rows: Span
    columns: Span


def runs_in_patches(op: Op, net: Net) -> bool:
    """Whether an op can be one of those layers: what lies beyond the border is a value, or nobody asks."""
    images = [net.tensors[name] for name in (op.inputs[0], op.outputs[0])]
    if any(len(image.shape) != 3 or image.dtype.bits != 8 for image in images):
        return False
    if len(net.activations(op)) != 1 or any(tensor.dtype.narrow for tensor in net.constants(op)):
        return False
    if isinstance(op, AveragePool2D):
        return not any(op.padding)  # it leaves padding out
    return isinstance(op, (*_ALONE, *_WINDOWED))


def regions(ops: Sequence[Op], net: Net, tile: tuple[int, int]) -> dict[str, Region]:
    """For each image of a chain of ops, the part of it that a patch needs.

    Args:
        ops: each reads the output of the one before it.
        net: where they are from.
        tile: rows and columns of the last one's output that a patch makes.
    """
    region = Region(*(Span(0, length, length) for length in tile))
    found = {ops[-1].outputs[0]: region}
    for op in reversed(ops):
        if isinstance(op, _WINDOWED):
            before = (op.padding.top, op.padding.left)
            taps = _taps(op, net)
            region = Region(
                *(
                    Span(span.first * stride - pad, span.step * stride, (span.size - 1) * stride + tall)
                    for span, stride, pad, tall in zip(region, op.strides, before, taps, strict=True)
                )
            )
        found[op.inputs[0]] = region
    return found


def _taps(op: Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D, net: Net) -> tuple[int, int]:
    """Rows and columns that a window spans."""
    if isinstance(op, MaxPool2D | AveragePool2D):
        return op.pool
    shape = net.tensors[op.inputs[1]].shape
    height, width = shape[1:3] if isinstance(op, Conv2D) else shape[:2]
    return (height - 1) * op.dilation[0] + 1, (width - 1) * op.dilation[1] + 1


def patch_net(ops: Sequence[Op], net: Net, tile: tuple[int, int]) -> Net:
    """What one patch runs: the ops without padding, on parts of the images under the images' names."""
    parts = regions(ops, net, tile)
    tensors = {name: net.tensors[name] for op in ops for name in (*op.inputs, *op.outputs)}
    for name, (rows, columns) in parts.items():
        tensors[name] = replace(tensors[name], shape=(rows.size, columns.size, tensors[name].shape[2]))
    bare = tuple(replace(op, padding=Padding()) if isinstance(op, _WINDOWED) else op for op in ops)
    return Net(net.name, bare, tensors, ops[0].inputs[:1], ops[-1].outputs, optimize=net.optimize)


def padding_value(reader: Op, net: Net) -> int:
    """What `reader` takes for padding of its input."""
    tensor = net.tensors[reader.inputs[0]]
    if isinstance(reader, MaxPool2D):
        return tensor.dtype.range[0]
    assert tensor.quant is not None
    return tensor.quant.zero_point


def grid(patches: Patches, net: Net) -> tuple[int, int]:
    """Rows and columns of patches."""
    (last,) = (op for op in net.ops if op.name == patches.ops[-1])
    height, width, _ = net.tensors[last.outputs[0]].shape
    return -(-height // patches.tile[0]), -(-width // patches.tile[1])


def patches_of(op: Op, net: Net) -> Patches | None:
    """The patches that `op` runs in, by the plan of `net`."""
    found = net.plan.patches if net.plan is not None else None
    return found if found is not None and op.name in found.ops else None


def patch_ops(patches: Patches, net: Net) -> list[Op]:
    """The ops of patches."""
    return [op for op in net.ops if op.name in patches.ops]


def as_a_patch_sees(op: Op, net: Net, patches: Patches) -> tuple[Op, Net]:
    """An op without padding and the network that a patch runs, with a plan in the whole arena's addresses."""
    assert net.plan is not None
    small = patch_net(patch_ops(patches, net), net, patches.tile)
    start, inner = patches.start, patches.plan
    plan = replace(
        inner,
        addresses=moved(inner.addresses, start),
        scratch={name: (start + at, size) for name, (at, size) in inner.scratch.items()},
        arena_bytes=net.plan.arena_bytes,
    )
    (found,) = (other for other in small.ops if other.name == op.name)
    return found, replace(small, plan=plan)


def moved(addresses: Mapping[str, int], start: int) -> dict[str, int]:
    """Addresses behind `start`."""
    return {name: start + address for name, address in addresses.items()}
