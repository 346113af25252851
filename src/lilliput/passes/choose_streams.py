"""Which ops take turns row by row, so that the arena becomes small.

A stream replaces images by windows of a few rows, at some cost: kernels are called for every few rows, and
rows are moved.  In one order of the ops, what lives before and behind a stretch of them does not depend on
whether it is a stream, so dynamic programming over where streams begin and end finds the smallest peak, and
among the choices with that peak the one with the fewest ops in streams.  Only stretches that can lower the
peak are looked at.  A step then makes as many rows as cost no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lilliput.net.access import AccessOf
from lilliput.net.graph import Optimize
from lilliput.passes.liveness import Liveness, ScratchBytes
from lilliput.passes.masks import ops_of
from lilliput.passes.stream import Streamed, Streamer, Tail

LONGEST = 12
"""Ops of the longest stream that is tried."""
MOST_ROWS = 16
"""Rows of a step that are tried at the most."""


class Terms(NamedTuple):
    """What a stream must bring.

    Attributes:
        share: of the peak without streams; theirs must not exceed it.
        room: of that peak; steps grow up to it, since few large ones take fewer cycles than many small ones.
        least_pixels: of the last op's output that a step makes: kernels compute several side by side.
    """

    share: float
    room: float
    least_pixels: int


TERMS: Mapping[Optimize, Terms] = {Optimize.SPEED: Terms(0.75, 0.75, 16), Optimize.RAM: Terms(1.0, 0.0, 4)}
"""What streams must bring, by what a network is compiled for; where nothing stands there are none."""


class _Stretch(NamedTuple):
    """Ops that follow each other in the order, from place `begin` to place `end`, and what they take."""

    begin: int
    end: int
    live_bytes: int
    stream: Streamed | None


class _Way(NamedTuple):
    """A way to run the ops up to some place: its peak, its ops in streams, its last stretch."""

    peak: int
    streamed_ops: int
    last: _Stretch | None

    def followed_by(self, stretch: _Stretch) -> _Way:
        """The way that goes on with a stretch."""
        streamed_ops = self.streamed_ops + (len(stretch.stream.ops) if stretch.stream else 0)
        return _Way(max(self.peak, stretch.live_bytes), streamed_ops, stretch)


def choose_streams(
    liveness: Liveness, order: list[int], scratch_bytes: ScratchBytes, access: AccessOf
) -> tuple[Streamed, ...]:
    """The streams with which the most that is ever live is least; none where they do not bring enough.

    Args:
        liveness: of a network without streams.
        order: in which its ops run.
        scratch_bytes: scratch memory of an op.
        access: what the kernel of an op promises about its reads and writes.
    """
    terms = TERMS.get(liveness.net.optimize)
    if terms is None:
        return ()
    search = _Search(liveness, order, scratch_bytes, access, terms)
    while search.looks_at_more():
        pass
    peak, before = search.ways(limit=0)[-1].peak, search.peak_without_streams
    if peak > terms.share * before:
        return ()
    limit = max(peak, int(terms.room * before))
    return tuple(search.with_more_rows(stretch, limit) for stretch in search.chosen(peak) if stretch.stream)


class _Search:
    """A network's ops in one order, and what stretches of them take."""

    def __init__(
        self,
        liveness: Liveness,
        order: list[int],
        scratch_bytes: ScratchBytes,
        access: AccessOf,
        terms: Terms,
    ) -> None:
        self._liveness, self._order, self._terms = liveness, order, terms
        net = self._net = liveness.net
        self._streamer = Streamer(net, scratch_bytes, access)
        self._place = {index: place for place, index in enumerate(order)}
        self._done, self._live = [0], [liveness.start_bytes]
        self._ending: list[list[_Stretch]] = []
        for place, index in enumerate(order):
            during, live = liveness.step(self._done[-1], self._live[-1], index)
            self._ending.append([_Stretch(place, place + 1, during, None)])
            self._done.append(self._done[-1] | 1 << index)
            self._live.append(live)
        self._single = [stretches[0].live_bytes for stretches in self._ending]
        self._windows = [self._streamer.window(net.ops[index]) for index in order]
        self._looked_at: set[int] = set()
        self.peak_without_streams = max(self._single, default=0)
        self._enough = int(terms.share * self.peak_without_streams)

    def ways(self, limit: int) -> list[_Way]:
        """For each place the best way to get there; peaks below `limit` are as good as that."""
        found = [_Way(limit, 0, None)]
        for ending in self._ending:
            ways = [found[stretch.begin].followed_by(stretch) for stretch in ending]
            found.append(ways[0] if len(ways) == 1 else min(ways, key=lambda way: way[:2]))
        return found

    def chosen(self, limit: int) -> list[_Stretch]:
        """The stretches of the best way, in turn; peaks below `limit` are as good as that."""
        ways, place = self.ways(limit), len(self._order)
        found: list[_Stretch] = []
        while place:
            last = ways[place].last
            assert last is not None
            found.append(last)
            place = last.begin
        return found[::-1]

    def looks_at_more(self) -> bool:
        """Looks at the streams that may lower the peak of the best way so far; False if there is no hope."""
        stretches = self.chosen(0)
        peak = max((stretch.live_bytes for stretch in stretches), default=0)
        for stretch in stretches:
            if stretch.live_bytes < peak:
                continue
            places = [place for place in range(stretch.begin, stretch.end) if self._single[place] >= peak]
            new = [place for place in places if place not in self._looked_at]
            if not new:
                return False
            return all(self._look_at(place) for place in new)
        return False

    def _look_at(self, place: int) -> bool:
        """Looks at the streams that hold the op at `place`; whether one takes little enough."""
        self._looked_at.add(place)
        limit = min(self._single[place] - 1, self._enough)
        known = {(stretch.begin, stretch.end): stretch for ending in self._ending for stretch in ending}
        helps = False
        for end in range(place + 1, min(place + LONGEST, len(self._order)) + 1):
            if not self._windows[end - 1]:
                break
            if self._live[end] > limit:
                continue
            for begin, tail in self._tails(end):
                if tail.windows_bytes > limit:
                    break
                if begin > place:
                    continue
                found = known.get((begin, end))
                if found is None and tail.fits(self._room(begin, end, limit)):
                    found = self._stretch(begin, end, self._least_rows(end))
                    if found.live_bytes <= limit:
                        self._ending[end - 1].append(found)
                helps = helps or (found is not None and found.live_bytes <= limit)
        return helps

    def _tails(self, end: int) -> Iterator[tuple[int, Tail]]:
        """The streams that end before place `end`, longer and longer: where they begin, what they take."""
        tail = Tail(self._streamer, self._net.ops[self._order[end - 1]], self._least_rows(end))
        last_use = end - 1
        for begin in range(end - 2, max(end - 1 - LONGEST, -1), -1):
            readers = self._liveness.readers[self._output(begin)]
            if not self._windows[begin] or not readers or self._output(begin) in self._net.outputs:
                return
            last_use = max(last_use, *(self._place[i] for i in ops_of(readers)))
            if last_use > end - 1:
                return
            tail.put_before(self._net.ops[self._order[begin]])
            yield begin, tail

    def _output(self, place: int) -> str:
        return self._net.ops[self._order[place]].outputs[0]

    def _least_rows(self, end: int) -> int:
        """Rows of the last op's output that a step makes at the least."""
        height, width, _ = self._net.tensors[self._output(end - 1)].shape
        return min(height, -(-self._terms.least_pixels // width))

    def _room(self, begin: int, end: int, limit: int) -> int:
        """What a stream may take beside inputs and output so that at most `limit` bytes live."""
        sizes, readers, done = self._liveness.sizes, self._liveness.readers, self._done[end]
        written = sizes[self._output(end - 1)]
        names = {name for index in self._order[begin:end] for name in self._net.ops[index].inputs}
        dying = [sizes[name] for name in names if name in sizes and not readers[name] & ~done]
        return limit - self._live[begin] - written + min(written, max(dying, default=0))

    def _stretch(self, begin: int, end: int, rows: int) -> _Stretch:
        liveness, net = self._liveness, self._net
        stream = self._streamer.stream([net.ops[index] for index in self._order[begin:end]], rows)
        written = liveness.sizes[stream.outputs[0]]
        spared = [
            liveness.sizes[name] + written - how.union_bytes(liveness.sizes[name], written)
            for name, how in stream.overlaps.items()
            if name in liveness.sizes
            and not liveness.readers[name] & ~self._done[end]
            and name not in net.outputs
        ]
        during = self._live[begin] + written + stream.memory_bytes - max(spared, default=0)
        return _Stretch(begin, end, during, stream)

    def with_more_rows(self, stretch: _Stretch, limit: int) -> Streamed:
        """The stream of a stretch with as many rows a step as `limit` allows."""
        best = stretch.stream
        assert best is not None
        height = self._net.tensors[best.outputs[0]].shape[0]
        while 2 * best.rows <= min(MOST_ROWS, height):
            wider = self._stretch(stretch.begin, stretch.end, 2 * best.rows)
            if wider.live_bytes > limit or wider.stream is None:
                break
            best = wider.stream
        return best
