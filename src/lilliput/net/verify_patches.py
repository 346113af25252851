"""Proof that patches are right: each takes its part of an input that is still there, all make the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

from lilliput.net.arena import Arena, overlap
from lilliput.net.graph import Net, Patches
from lilliput.net.ops import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Op
from lilliput.net.patches import patch_net, patch_ops, runs_in_patches

Verify = Callable[[Net], None]


def check_patches(arena: Arena) -> Patches | None:
    """The patches of a plan.

    Raises:
        NetError: they are not of consecutive ops each of which alone reads what the one before it wrote.
    """
    net, patches = arena.net, arena.plan.patches
    if patches is None:
        return None
    what = f"patches of {list(patches.ops)}"
    ops = patch_ops(patches, net)
    names = [op.name for op in net.ops]
    begin = names.index(ops[0].name) if ops else 0
    if tuple(names[begin : begin + len(ops)]) != patches.ops or not ops or min(patches.tile) < 1:
        raise arena.wrong(what, f"not ops in execution order, in tiles of {patches.tile}")
    for op, after in pairwise(ops):
        alone = [reader.name for reader in net.consumers(op.outputs[0])] == [after.name]
        if not alone or op.outputs[0] in net.outputs or after.inputs[0] != op.outputs[0]:
            raise arena.wrong(what, f"'{op.outputs[0]}' is used outside")
    for op in ops:
        if not runs_in_patches(op, net):
            raise arena.wrong(what, f"op '{op.name}' does not run on parts of images")
    return patches


def run_patches(arena: Arena, patches: Patches, verify: Verify) -> None:
    """Runs all patches, one after the other.

    Args:
        arena: of the whole plan.
        patches: of it.
        verify: checks the plan of the network that a patch is.

    Raises:
        NetError: a part is too small, is not there when it is taken, or memory overlaps.
    """
    net, ops = arena.net, patch_ops(patches, arena.net)
    source, target = ops[0].inputs[0], ops[-1].outputs[0]
    small = patch_net(ops, net, patches.tile)
    verify(replace(small, plan=patches.plan))
    memory = arena.stretch("memory of patches", patches.start, patches.plan.arena_bytes)
    for name in (source, target):
        if overlap(memory, arena.tensor(name)):
            raise arena.wrong("memory of patches", f"overlaps '{name}'")
    for op in ops[:-1]:
        (name,) = op.outputs
        if arena.plan.addresses[name] != patches.start + patches.plan.addresses[name]:
            raise arena.wrong(f"tensor '{name}'", "is not where the patches have it")
    height, width, _ = net.tensors[target].shape
    for top in range(0, height, patches.tile[0]):
        for left in range(0, width, patches.tile[1]):
            tile = (top, left)
            _must_fit(arena, ops, small, tile)
            rows, columns = (
                _needed(ops, net, side, tile[side], tile[side] + patches.tile[side])[source]
                for side in (0, 1)
            )
            for begin, stretch in _segments(arena, source, rows, columns):
                arena.must_hold(source, stretch, f"the patch at {tile} takes it", begin)
            arena.spoil(memory)
            ends = (min(top + patches.tile[0], height), min(left + patches.tile[1], width))
            for begin, stretch in _segments(arena, target, (top, ends[0]), (left, ends[1])):
                arena.write(target, stretch, begin)


def _needed(ops: list[Op], net: Net, side: int, begin: int, end: int) -> dict[str, tuple[int, int]]:
    """For each image: which of its rows (side 0) or columns (1) a part of the last output is made of."""
    (target,) = ops[-1].outputs
    found = {target: (begin, min(end, net.tensors[target].shape[side]))}
    for op in reversed(ops):
        begin, end = found[op.outputs[0]]
        if isinstance(op, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D):
            taps, dilation = _taps(op, net)[side], getattr(op, "dilation", (1, 1))[side]
            before = (op.padding.top, op.padding.left)[side]
            begin, end = (
                begin * op.strides[side] - before,
                (end - 1) * op.strides[side] - before + (taps - 1) * dilation + 1,
            )
        length = net.tensors[op.inputs[0]].shape[side]
        found[op.inputs[0]] = min(max(begin, 0), length), min(max(end, 0), length)
    return found


def _taps(op: Op, net: Net) -> tuple[int, ...]:
    if isinstance(op, MaxPool2D | AveragePool2D):
        return op.pool
    shape = net.tensors[op.inputs[1]].shape
    return shape[1:3] if isinstance(op, Conv2D) else shape[:2]


def _must_fit(arena: Arena, ops: list[Op], small: Net, tile: tuple[int, int]) -> None:
    """Refuses parts of images that are smaller than what the last output's part is made of."""
    height, width, _ = small.tensors[ops[-1].outputs[0]].shape
    for side, length in ((0, height), (1, width)):
        for name, (begin, end) in _needed(ops, arena.net, side, tile[side], tile[side] + length).items():
            if end - begin > small.tensors[name].shape[side]:
                raise arena.wrong(f"the part of '{name}' for the patch at {tile}", f"needs {end - begin}")


def _segments(
    arena: Arena, name: str, rows: tuple[int, int], columns: tuple[int, int]
) -> Iterator[tuple[int, slice]]:
    """Each row of a part of an image: where in the image it begins, in bytes, and where it lies."""
    whole = arena.tensor(name)
    _, width, channels = arena.net.tensors[name].shape
    for row in range(*rows):
        begin = (row * width + columns[0]) * channels
        size = (columns[1] - columns[0]) * channels
        yield begin, slice(whole.start + begin, whole.start + begin + size)
