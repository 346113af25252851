"""What must be placed in an arena: blocks, how far apart they must lie, and what is needed at each time.

A block is what shares one offset: one buffer, or several that take each other's place in turn.  Two blocks
that are needed at one time lie apart, which is a least distance between their offsets: the size of the lower
one, or less where one may lie over the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Buffer(NamedTuple):
    """A stretch of memory that is needed from time `first` to time `last`, both included."""

    first: int
    last: int
    size: int


class Pair(NamedTuple):
    """How far buffer B may lie over buffer A.

    Attributes:
        a_below: the least offset of B, seen from that of A, if A is the lower one.
        b_below: the least offset of A, seen from that of B, if B is the lower one.
        same: whether both may begin at the same offset in any case.
    """

    a_below: int
    b_below: int
    same: bool = False

    def saved_bytes(self, a_size: int, b_size: int) -> int:
        """How much less than the sum of their sizes both take at the best."""
        together = min(max(a_size, self.a_below + b_size), max(b_size, self.b_below + a_size))
        if self.same:
            together = max(a_size, b_size)
        return max(a_size + b_size - together, 0)


class Time(NamedTuple):
    """What is needed at one time.

    Attributes:
        sizes: block → bytes.
        saved: block → (another block, by how much less than their sum both take).
    """

    sizes: Mapping[int, int]
    saved: Mapping[int, tuple[tuple[int, int], ...]]

    def least_bytes(self) -> int:
        """What they take at least; a block lies over one other at the most."""
        spared = sum(max(size for _, size in others) for others in self.saved.values())
        return sum(self.sizes.values()) - spared


class Problem:
    """Buffers with their lifetimes, joined to blocks.

    Args:
        buffers: sizes are multiples of the alignment, so that all offsets are.
        block_of: for each buffer, the number of its block; default: every buffer is a block of its own.
        pairs: (A, B) → how far buffer B may lie over buffer A, whose last time is B's first; distances are
            multiples of the alignment.

    Attributes:
        parts: the buffers of each block.
        sizes: of each block, its largest buffer.
        apart: for each block: another one → the least distance between their offsets if that lies above.
        same: for each block, those that may begin at its offset although they are not far enough apart.
        paired: for each block, whether it may lie over another or another over it.
        areas: of each block, its size times how long it is needed.
        times: what is needed at every time that matters.
        moments: for each block, the indices of the times at which it is.
        lower_bound: no arena is smaller.
    """

    def __init__(
        self,
        buffers: Sequence[Buffer],
        block_of: Sequence[int] | None = None,
        pairs: Mapping[tuple[int, int], Pair] | None = None,
    ) -> None:
        self._buffers, self._pairs = buffers, pairs or {}
        self._block_of = range(len(buffers)) if block_of is None else block_of
        self.parts: list[list[Buffer]] = [[] for _ in range(max(self._block_of, default=-1) + 1)]
        for buffer, block in zip(buffers, self._block_of, strict=True):
            self.parts[block].append(buffer)
        self.sizes = [max(buffer.size for buffer in parts) for parts in self.parts]
        self.paired = [False] * len(self.parts)
        for index in (index for pair in self._pairs for index in pair):
            self.paired[self._block_of[index]] = True
        self._pairs_at: dict[int, list[tuple[int, int]]] = {}
        for one, other in self._pairs:
            self._pairs_at.setdefault(buffers[other].first, []).append((one, other))
        self.apart: list[dict[int, int]] = [{} for _ in self.parts]
        self.same: list[set[int]] = [set() for _ in self.parts]
        self.times: list[Time] = []
        self._sweep()
        self.areas = [
            (parts[-1].last - parts[0].first + 1) * size
            for parts, size in zip(self.parts, self.sizes, strict=True)
        ]
        self.moments: list[list[int]] = [[] for _ in self.parts]
        for moment, time in enumerate(self.times):
            for block in time.sizes:
                self.moments[block].append(moment)
        self.lower_bound = max((time.least_bytes() for time in self.times), default=0)

    @property
    def key(self) -> object:
        """The same for problems that are the same."""
        return (*self._buffers, *self._block_of, *self._pairs.items())

    def _sweep(self) -> None:
        """Goes through time once; whoever is there together must lie apart."""
        buffers, block_of = self._buffers, self._block_of
        now: list[int] = []
        order = sorted(range(len(buffers)), key=lambda i: buffers[i].first)
        for position, index in enumerate(order):
            moment = buffers[index].first
            now = [other for other in now if buffers[other].last >= moment]
            for other in now:
                if block_of[other] != block_of[index]:
                    self._lay_apart(other, index)
            now.append(index)
            if position + 1 < len(order) and buffers[order[position + 1]].first == moment:
                continue
            # Where all stay until the next begin, that time needs all that this one does.
            if position + 1 < len(order):
                following = buffers[order[position + 1]].first
                if all(buffers[i].last >= following for i in now):
                    continue
            self.times.append(self._time(now, moment))
        for block, above in enumerate(self.apart):
            for other in [other for other, distance in above.items() if not distance]:
                if not self.apart[other][block]:
                    del above[other], self.apart[other][block]

    def _lay_apart(self, one: int, other: int) -> None:
        pair = self._pairs.get((one, other))
        a, b = self._block_of[one], self._block_of[other]
        above, below = self.apart[a], self.apart[b]
        a_below, b_below = (pair or (self._buffers[one].size, self._buffers[other].size))[:2]
        # Blocks of several buffers may only begin together if each two that meet may.
        if pair and pair.same:
            if b not in above:
                self.same[a].add(b)
                self.same[b].add(a)
        elif b in self.same[a]:
            self.same[a].remove(b)
            self.same[b].remove(a)
        above[b], below[a] = max(above.get(b, 0), a_below), max(below.get(a, 0), b_below)

    def _time(self, now: Sequence[int], moment: int) -> Time:
        sizes: dict[int, int] = {}
        for index in now:
            block = self._block_of[index]
            sizes[block] = max(sizes.get(block, 0), self._buffers[index].size)
        saved: dict[int, list[tuple[int, int]]] = {}
        for one, other in self._pairs_at.get(moment, ()):
            spared = self._pairs[one, other].saved_bytes(self._buffers[one].size, self._buffers[other].size)
            saved.setdefault(self._block_of[other], []).append((self._block_of[one], spared))
        return Time(sizes, {block: tuple(found) for block, found in saved.items()})
