"""What a stream of ops does: which op makes which rows, turn by turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from lilliput.errors import NetError
from lilliput.net.graph import Net, Stream
from lilliput.net.ops import Op
from lilliput.net.patches import as_a_patch_sees, patches_of
from lilliput.net.rows import RowWindow, of_rows, row_window


class Turn(NamedTuple):
    """One op's turn in a step: op number `op` of the stream makes rows `begin` to `end` of its output.

    Before it, the window of that image drops its rows before `kept`.
    """

    op: int
    begin: int
    end: int
    kept: int


class Schedule(NamedTuple):
    """Who makes which rows when.

    Attributes:
        turns: all turns of all steps.
        heights: image → the most rows that its window holds.
        most_rows: for each op, the rows of its largest turn.
    """

    turns: tuple[Turn, ...]
    heights: Mapping[str, int]
    most_rows: tuple[int, ...]


def schedule(ops: Sequence[Op], windows: Sequence[RowWindow], height: int, rows: int) -> Schedule:
    """The turns of ops.

    Args:
        ops: in execution order.
        windows: of each of them.
        height: of the last one's output.
        rows: that the last one makes in a step.
    """
    writer = {op.outputs[0]: index for index, op in enumerate(ops)}
    found: list[list[int]] = [[] for _ in ops]
    for index, op in enumerate(ops):
        for name in dict.fromkeys(op.inputs):
            if name in writer:
                found[writer[name]].append(index)
    readers = tuple(map(tuple, found))
    turns, held, most = _played(readers, tuple(windows), height, rows)
    return Schedule(turns, {op.outputs[0]: held[index] for index, op in enumerate(ops[:-1])}, most)


@lru_cache(maxsize=256)
def _played(
    readers: tuple[tuple[int, ...], ...], windows: tuple[RowWindow, ...], height: int, rows: int
) -> tuple[tuple[Turn, ...], tuple[int, ...], tuple[int, ...]]:
    """The turns, the most rows that each op's window holds, and the most that it makes in a turn."""
    last = len(windows) - 1
    made, most, held = [0] * len(windows), [0] * len(windows), [0] * len(windows)
    turns: list[Turn] = []
    while made[last] < height:
        ends = made.copy()
        ends[last] = min(made[last] + rows, height)
        for index in range(last - 1, -1, -1):
            for reader in readers[index]:
                ends[index] = max(ends[index], windows[reader].end(ends[reader]))
        for index, (begin, end) in enumerate(zip(made, ends, strict=True)):
            if end > begin:
                kept = begin if index < last else 0
                for reader in readers[index]:
                    kept = min(kept, windows[reader].first(made[reader]))
                turns.append(Turn(index, begin, end, kept))
                most[index] = max(most[index], end - begin)
                held[index] = max(held[index], end - kept)
                made[index] = end
    return tuple(turns), tuple(held), tuple(most)


def window_of(op: Op, net: Net) -> RowWindow:
    """How rows of the output of `op` depend on rows of its inputs.

    Raises:
        NetError: they do not.
    """
    window = row_window(op, net)
    if window is None:
        raise NetError(
            f"op '{op.name}' ({type(op).__name__}) does not run row by row",
            "its output rows are not made of rows of its inputs",
            "leave it out of the stream",
        )
    return window


def stream_of(op: Op, net: Net) -> Stream | None:
    """The stream that `op` is in, by the plan of `net`."""
    if net.plan is None:
        return None
    return next((stream for stream in net.plan.streams if op.name in stream.ops), None)


def stream_schedule(stream: Stream, net: Net) -> Schedule:
    """The turns of a stream in the plan of `net`."""
    ops = [op for op in net.ops if op.name in stream.ops]
    height = net.tensors[ops[-1].outputs[0]].shape[0]
    return schedule(ops, [window_of(op, net) for op in ops], height, stream.rows)


def as_its_kernel_sees(op: Op, net: Net) -> tuple[Op, Net]:
    """The op and its network as they are for its kernel.

    In a stream the images are as low as the largest turn, in patches they are parts without padding.
    """
    if patches := patches_of(op, net):
        return as_a_patch_sees(op, net, patches)
    stream = stream_of(op, net)
    if stream is None:
        return op, net
    rows = stream_schedule(stream, net).most_rows[stream.ops.index(op.name)]
    return op, of_rows(op, net, rows)
