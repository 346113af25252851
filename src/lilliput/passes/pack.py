"""Buffers with known lifetimes put into the smallest arena: dynamic storage allocation.

The problem is NP-hard in general and small here.  No arena is smaller than the largest sum of sizes live at
one time; the networks of a search nearly always reach that bound with the first few greedy placements.  Where
they do not, a branch and bound decides the rest, up to a node limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

NODE_LIMIT = 4_000
"""Placements that the branch and bound tries for one arena size."""


class Buffer(NamedTuple):
    """A stretch of memory that is needed from time `first` to time `last`, both included."""

    first: int
    last: int
    size: int


class Packing(NamedTuple):
    """Where the buffers lie.

    Attributes:
        offsets: of each buffer, in their order.
        height: size of the arena.
        lower_bound: no placement is smaller; equal to `height` where the placement is proven best.
    """

    offsets: tuple[int, ...]
    height: int
    lower_bound: int


def most_live(buffers: Iterable[Buffer]) -> int:
    """The largest sum of sizes needed at one time."""
    changes: dict[int, int] = {}
    for buffer in buffers:
        changes[buffer.first] = changes.get(buffer.first, 0) + buffer.size
        changes[buffer.last + 1] = changes.get(buffer.last + 1, 0) - buffer.size
    live = most = 0
    for time in sorted(changes):
        live += changes[time]
        most = max(most, live)
    return most


def pack(buffers: Sequence[Buffer], node_limit: int = NODE_LIMIT) -> Packing:
    """The lowest placement found; deterministic, and proven best where `height == lower_bound`.

    Args:
        buffers: sizes are multiples of the alignment, so that all offsets are.
        node_limit: effort of the exact part, in placements tried for one arena size; 0 leaves it out.
    """
    lower = most_live(buffers)
    neighbours = _neighbours(buffers)
    best = _greedy(buffers, neighbours, lower)
    low, high = lower, _height(buffers, best)
    unit = _unit(buffers)
    proven = True
    target = low  # the lowest bound is usually reached, so it is asked for first
    while low < high and proven:
        found, complete = _fit(buffers, neighbours, target, node_limit)
        if found:
            best, high = found, _height(buffers, found)
        elif complete:
            low = target + unit
        else:
            proven = False
        target = (low + high - unit) // 2 // unit * unit
        target = max(target, low)
    return Packing(tuple(best), high, low)


def _unit(buffers: Sequence[Buffer]) -> int:
    """A step that every possible height is a multiple of."""
    unit = 0
    for buffer in buffers:
        a, b = unit, buffer.size
        while b:
            a, b = b, a % b
        unit = a
    return unit or 1


def _height(buffers: Sequence[Buffer], offsets: Sequence[int]) -> int:
    return max((offset + buffer.size for offset, buffer in zip(offsets, buffers, strict=True)), default=0)


def _neighbours(buffers: Sequence[Buffer]) -> list[list[int]]:
    """For each buffer, those that are needed at some time at which it is, too."""
    by_start = sorted(range(len(buffers)), key=lambda i: buffers[i].first)
    found: list[list[int]] = [[] for _ in buffers]
    open_now: list[int] = []
    for index in by_start:
        first = buffers[index].first
        open_now = [other for other in open_now if buffers[other].last >= first]
        for other in open_now:
            found[index].append(other)
            found[other].append(index)
        open_now.append(index)
    return found


def _greedy(buffers: Sequence[Buffer], neighbours: list[list[int]], lower: int) -> list[int]:
    """The best of a few greedy placements; ends as soon as `lower` is reached."""
    load = [sum(buffers[other].size for other in around) for around in neighbours]
    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-buffers[i].size, buffers[i].first),
        lambda i: (-buffers[i].size - load[i], buffers[i].first),
        lambda i: (buffers[i].first - buffers[i].last, -buffers[i].size),
        lambda i: ((buffers[i].first - buffers[i].last - 1) * buffers[i].size, buffers[i].first),
        lambda i: (buffers[i].first, -buffers[i].size),
        lambda i: (-buffers[i].last, -buffers[i].size),
    )
    best: list[int] = []
    least = -1
    for key in keys:
        sequence = sorted(range(len(buffers)), key=key)
        for two_ended in (False, True):
            offsets = _place_in_turn(buffers, neighbours, sequence, lower if two_ended else 0)
            height = _height(buffers, offsets)
            if least < 0 or height < least:
                best, least = offsets, height
            if least == lower:
                return best
    return _bubble(buffers, neighbours, best, lower)


def _bubble(buffers: Sequence[Buffer], neighbours: list[list[int]], best: list[int], lower: int) -> list[int]:
    """Places what stuck out first next time, again and again."""
    sequence = sorted(range(len(buffers)), key=lambda i: (best[i], -buffers[i].size))
    least = _height(buffers, best)
    for _ in range(2 * len(buffers)):
        offsets = _place_in_turn(buffers, neighbours, sequence, 0)
        height = _height(buffers, offsets)
        if height < least:
            best, least = offsets, height
        if least == lower:
            break
        top = max(range(len(buffers)), key=lambda i: (offsets[i] + buffers[i].size, i))
        where = sequence.index(top)
        to = 0 if where < 2 else where // 2
        sequence.insert(to, sequence.pop(where))
    return best


def _place_in_turn(
    buffers: Sequence[Buffer], neighbours: list[list[int]], sequence: Sequence[int], ceiling: int
) -> list[int]:
    """Puts each buffer into the tightest gap between its placed neighbours.

    With a `ceiling`, what would otherwise lie on top of something hangs from the ceiling if it fits there.
    """
    offsets = [-1] * len(buffers)
    for index in sequence:
        size = buffers[index].size
        taken = sorted(
            (offsets[i], offsets[i] + buffers[i].size) for i in neighbours[index] if offsets[i] >= 0
        )
        bottom, chosen, tightest = 0, -1, -1
        for start, end in taken:
            gap = start - bottom
            if gap >= size and (chosen < 0 or gap < tightest):
                chosen, tightest = bottom, gap
            bottom = max(bottom, end)
        if chosen < 0:
            chosen = ceiling - size if bottom and bottom + size <= ceiling else bottom
        offsets[index] = chosen
    return offsets


class _Level(NamedTuple):
    """A level of the search: what may be placed next, what is placed now, and the floors that it found."""

    candidates: list[int]
    placed: int
    floors: list[int]


def _fit(
    buffers: Sequence[Buffer], neighbours: list[list[int]], height: int, node_limit: int
) -> tuple[list[int], bool]:
    """A placement within `height`, if there is one; and whether the search was complete.

    Every placement can be pushed down until each buffer lies on the highest of its neighbours below, its
    floor, and none fits into a gap further down.  Only such placements are tried, by rising offset.  A branch
    ends where a buffer no longer fits, where what is left of some time no longer fits above the lowest offset
    possible then, and where a buffer would be placed so high that another fits wholly below.
    """
    count = len(buffers)
    crossing = _crossing(buffers)
    floors = [0] * count
    offsets = [-1] * count
    stack = [_Level(_candidates(buffers, crossing, floors, offsets, height, -1), -1, floors)]
    nodes = 0
    while stack:
        level = stack[-1]
        if level.placed >= 0:
            offsets[level.placed] = -1
        if not level.candidates:
            stack.pop()
            continue
        nodes += 1
        if nodes > node_limit:
            return [], False
        index = level.candidates.pop()
        offsets[index] = level.floors[index]
        stack[-1] = level._replace(placed=index)
        if len(stack) == count:
            return offsets, True
        top = offsets[index] + buffers[index].size
        floors = level.floors.copy()
        for other in neighbours[index]:
            floors[other] = max(floors[other], top)
        stack.append(_Level(_candidates(buffers, crossing, floors, offsets, height, index), -1, floors))
    return [], True


def _crossing(buffers: Sequence[Buffer]) -> list[list[int]]:
    """The sets of buffers needed at one time, without those within another."""
    found: list[list[int]] = []
    starts = sorted({buffer.first for buffer in buffers})
    for position, time in enumerate(starts):
        following = starts[position + 1] if position + 1 < len(starts) else None
        now = [i for i, buffer in enumerate(buffers) if buffer.first <= time <= buffer.last]
        # All of them are still there when the next one begins: that set contains this one.
        if following is not None and all(buffers[i].last >= following for i in now):
            continue
        found.append(now)
    return found


def _candidates(
    buffers: Sequence[Buffer],
    crossing: list[list[int]],
    floors: list[int],
    offsets: list[int],
    height: int,
    newest: int,
) -> list[int]:
    """What may be placed after `newest`, the most promising last; empty where the rest cannot fit."""
    reached = offsets[newest] if newest >= 0 else 0
    left = [i for i, offset in enumerate(offsets) if offset < 0]
    ceiling = height
    for i in left:
        if max(floors[i], reached) + buffers[i].size > height:
            return []
        ceiling = min(ceiling, floors[i] + buffers[i].size)
    for together in crossing:
        rest, lowest = 0, height
        for i in together:
            if offsets[i] < 0:
                rest += buffers[i].size
                lowest = min(lowest, floors[i])
        if max(lowest, reached) + rest > height:
            return []
    seen: set[tuple[int, Buffer]] = set()
    found = []
    for i in left:
        # Neighbours of one offset are placed by rising index, and a twin would only repeat the same subtree.
        in_turn = floors[i] > reached or (floors[i] == reached and i > newest)
        if in_turn and floors[i] < ceiling and (floors[i], buffers[i]) not in seen:
            seen.add((floors[i], buffers[i]))
            found.append(i)
    found.sort(key=lambda i: (-floors[i], (buffers[i].last - buffers[i].first + 1) * buffers[i].size))
    return found
