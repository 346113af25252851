"""The order of ops that needs the least memory: the exact minimum over all topological orders.

µNAS §3.4.1 enumerates all orders; Liberis and Lane (arXiv:1910.05110) do so by dynamic programming over sets
of tensors. Here the states are the sets of executed ops, which determine the live tensors.  The least peak is
then the shortest path from the empty set to the full one where the length of a path is its largest step,
found best first.  Four facts keep it small and lose no optimum:

- At an op that is an ancestor or descendant of every other op, everything before it has run and nothing
  behind it: the network falls into segments whose peaks are independent.
- A segment cannot do with less than what is surely live while each of its ops runs.  A path that meets this
  bound ends the search; the given order often does.
- Along a chain of tensors beside the op that takes most, from one that is there before this op to one that is
  read after it, one is always live.  So it has company whose size is known, and so has each op that may run
  before or after it: to run that one first may cost too much, which the search then knows at once.
- If a run of ops, each reading the one before, ends with no more live bytes than it began with and stays
  below the peak that is reached anyway, it may as well run at once: removing tensors early never hurts what
  follows.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lilliput.errors import NetError
from lilliput.net.access import AccessOf, in_place_only
from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.passes.company import NO_COMPANY, Company, company_of
from lilliput.passes.liveness import Liveness, ScratchBytes, no_scratch
from lilliput.passes.masks import ops_of
from lilliput.passes.steps import Step, Steps
from lilliput.targets.overlap import ALIGNMENT_BYTES

NODE_LIMIT = 30_000
"""States that the exact search may look at in one segment before it settles for the best order known."""
_FEW_NODES = 2_000
"""So many of them before it pays to work out the company of the largest op."""

_BEAM_WIDTH = 12
_WIDE_BEAM_WIDTH = 96


@dataclass(frozen=True)
class Peak:
    """Memory over time of one order.

    Attributes:
        bytes: the most that is ever live.
        op: name of the op during which it is, or "" if it is before the first op.
        live_bytes: what is live while each op runs, in the given order.
    """

    bytes: int
    op: str
    live_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """An order of ops and its peak.

    Attributes:
        ops: all ops of the network, each after those that it reads from.
        peak_bytes: the most that is ever live.
        exact: whether no topological order has a smaller peak; False only where the node limit ended the
            search.
        lower_bound_bytes: no order has a smaller peak than this; equal to `peak_bytes` where `exact`.
    """

    ops: tuple[Op, ...]
    peak_bytes: int
    exact: bool
    lower_bound_bytes: int


def order(net: Net, scratch_bytes: ScratchBytes = no_scratch, access: AccessOf = in_place_only) -> Net:
    """The network with its ops in the order of the smallest peak; the given order where that is as good."""
    return net.with_ops(best_order(net, scratch_bytes, access=access).ops)


def peak(
    net: Net,
    ops: Sequence[Op] | None = None,
    scratch_bytes: ScratchBytes = no_scratch,
    count_input: bool = True,
    alignment_bytes: int = ALIGNMENT_BYTES,
    access: AccessOf = in_place_only,
) -> Peak:
    """Memory over time when the ops run in the order of `ops` (default: the network's).

    Raises:
        NetError: `ops` does not hold the network's ops, or not in an order in which they can run.
    """
    if ops is not None:
        if len(ops) != len(net.ops) or {op.name for op in ops} != {op.name for op in net.ops}:
            raise NetError(
                f"the order given for '{net.name}' does not hold its ops, each once", "", "list every op"
            )
        net = replace(net, ops=tuple(ops), plan=None)
    liveness = Liveness(net, scratch_bytes, count_input, alignment_bytes, access)
    live = liveness.walk(list(range(liveness.count)))
    most = max([liveness.input_bytes, liveness.end_bytes(), *live])
    where = net.ops[live.index(most)].name if most in live else ""
    return Peak(most, where, tuple(live))


def best_order(
    net: Net,
    scratch_bytes: ScratchBytes = no_scratch,
    count_input: bool = True,
    alignment_bytes: int = ALIGNMENT_BYTES,
    node_limit: int = NODE_LIMIT,
    variant: int = 0,
    access: AccessOf = in_place_only,
) -> Order:
    """The order whose peak is the smallest of all topological orders.

    Segments that exceed `node_limit` states fall back on a beam search and the given order, whichever is
    better; `exact` then tells.  The result depends on nothing but the arguments.

    Args:
        net: ops in some order in which they can run; weights are not needed.
        scratch_bytes: scratch memory of an op; it counts while the op runs.
        count_input: False if the inputs are held elsewhere (see `Liveness`).
        alignment_bytes: sizes are rounded up to a multiple of this; 1 to compare with papers.
        node_limit: states to look at, in each segment.
        variant: any other number than 0 gives another order of the same peak, where there is one, for a
            placement that did not succeed with the first.
        access: what the kernel of an op promises about its reads and writes.
    """
    liveness = Liveness(net, scratch_bytes, count_input, alignment_bytes, access)
    found = Orders(liveness, node_limit).best(variant)
    return Order(
        tuple(net.ops[i] for i in found.indices), found.peak_bytes, found.exact, found.lower_bound_bytes
    )


@dataclass(frozen=True)
class Indices:
    """`Order` in indices of `net.ops`."""

    indices: list[int]
    peak_bytes: int
    exact: bool
    lower_bound_bytes: int


class Orders:
    """The orders of the smallest peak, for callers that hold the liveness: one search for all of them.

    Args:
        liveness: of the network whose ops are ordered.
        node_limit: as for `best_order`.

    Attributes:
        lower_bound_bytes: no order has a smaller peak, as far as is known without any search.
    """

    def __init__(self, liveness: Liveness, node_limit: int = NODE_LIMIT) -> None:
        self.liveness, self._node_limit = liveness, node_limit
        ancestors, descendants = _reach(liveness)
        steps = Steps(liveness)
        floor = max(liveness.input_bytes, liveness.end_bytes())
        self._segments: list[_Segment] = []
        done, live = 0, liveness.start_bytes
        backbone = [
            i for i in range(liveness.count) if ancestors[i] | descendants[i] | 1 << i == liveness.everything
        ]
        for index in [*backbone, -1]:
            inside = (ancestors[index] if index >= 0 else liveness.everything) & ~done
            if inside:
                segment = _Segment(liveness, steps, done, live, inside, ancestors, descendants)
                self._segments.append(segment)
                done, live = segment.goal, segment.live_at_goal
            if index >= 0:
                during, live = liveness.step(done, live, index)
                done |= 1 << index
                floor = max(floor, during)
                self._segments.append(_Segment.of_one(liveness, index))
        self.lower_bound_bytes = max([floor, *(segment.bound for segment in self._segments)])

    @cached_property
    def _floor(self) -> int:
        """The least peak that is proven, once all segments are solved."""
        floor = self.lower_bound_bytes
        # What stays below the peak of another segment anyway need not be searched for its own least.
        for segment in sorted(self._segments, key=lambda segment: -segment.bound):
            if segment.peak > floor:
                segment.solve(floor, self._node_limit)
                floor = max(floor, segment.peak if segment.exact else 0)
        return floor

    def best(self, variant: int = 0) -> Indices:
        """The order that `best_order` gives; `variant` as there."""
        floor = self._floor
        paths = [segment.varied(floor, variant) for segment in self._segments]
        peak_bytes = max([floor, *(peak for _, peak in paths)])
        return Indices([index for path, _ in paths for index in path], peak_bytes, peak_bytes == floor, floor)


def _reach(liveness: Liveness) -> tuple[list[int], list[int]]:
    """For each op, the masks of all ops that must run before it and after it."""
    ancestors: list[int] = []
    descendants = [0] * liveness.count
    for before in liveness.before:
        found = before
        for index in ops_of(before):
            found |= ancestors[index]
        ancestors.append(found)
    for index in reversed(range(liveness.count)):
        behind = descendants[index] | 1 << index
        for source in ops_of(liveness.before[index]):
            descendants[source] |= behind
    return ancestors, descendants


class _Segment:
    """Ops between two that are comparable with all others; `path` is the best order known so far."""

    def __init__(
        self,
        liveness: Liveness,
        steps: Steps,
        done: int,
        live: int,
        inside: int,
        ancestors: list[int],
        descendants: list[int],
    ) -> None:
        self.liveness, self.steps, self.start, self.live = liveness, steps, done, live
        self.goal = done | inside
        self.members = list(ops_of(inside))
        self.ready = sum(1 << i for i in self.members if not liveness.before[i] & ~done)
        self.path = self.members
        self.peak, self.live_at_goal = self._walk(self.members)
        self._ancestors, self._descendants = ancestors, descendants
        self._surely_live = {i: self._surely_live_during(i) for i in self.members}
        self.bound = max(self._surely_live.values())
        self.exact = self.peak == self.bound

    @classmethod
    def of_one(cls, liveness: Liveness, index: int) -> _Segment:
        """An op that every order runs at this point; its memory is counted by the caller."""
        segment = cls.__new__(cls)
        segment.liveness, segment.members, segment.path = liveness, [index], [index]
        segment.peak = segment.bound = 0
        segment.exact = True
        return segment

    def solve(self, floor: int, node_limit: int) -> None:
        """Finds an order whose peak is at most `floor`, or the least above it; `exact` tells if it is."""
        self._keep(*_beam(self, self.members, _BEAM_WIDTH, floor))
        if self.peak > floor:
            path, peak, self.exact = _best_first(self, floor, min(node_limit, _FEW_NODES))
            if not self.exact:
                company = self._company_of_the_largest()
                self.bound = max(self.bound, company.least_peak_bytes)
                path, peak, self.exact = _best_first(self, max(floor, self.bound), node_limit, company)
            if path:
                self._keep(path, peak)
            if not self.exact:
                self._keep(*_beam(self, self.members, _WIDE_BEAM_WIDTH, floor))

    def _company_of_the_largest(self) -> Company:
        largest = max(self._surely_live, key=self._surely_live.__getitem__)
        ancestors, descendants = self._ancestors[largest], self._descendants[largest]
        others = self.goal & ~self.start & ~(ancestors | descendants | 1 << largest)
        live_bytes = self._surely_live[largest]
        return company_of(largest, live_bytes, others, ancestors, descendants, self.liveness)

    def varied(self, floor: int, variant: int) -> tuple[list[int], int]:
        """A path and its peak: the best one, or another whose peak does not matter beside `floor`."""
        if variant and len(self.members) > 1:
            shuffled = random.Random(variant).sample(self.members, len(self.members))
            path, peak = _beam(self, shuffled, _BEAM_WIDTH, floor)
            if peak <= max(floor, self.peak):
                return path, peak
        return self.path, self.peak

    def _keep(self, path: list[int], peak: int) -> None:
        if peak < self.peak:
            self.path, self.peak = path, peak

    def _walk(self, path: list[int]) -> tuple[int, int]:
        done, live, most = self.start, self.live, 0
        for index in path:
            during, live = self.liveness.step(done, live, index)
            done |= 1 << index
            most = max(most, during)
        return most, live

    def _surely_live_during(self, index: int) -> int:
        """Bytes live while op `index` runs in every order: no more than its ancestors need have run before
        it, and nothing that a descendant reads can be gone."""
        ancestors, descendants = self._ancestors[index], self._descendants[index]
        sizes, later = self.liveness.sizes, descendants | 1 << index
        net, readers = self.liveness.net, self.liveness.readers
        stays, live = set(net.outputs), 0
        for name in net.inputs:
            if name in sizes and (readers[name] & later or name in stays):
                live += sizes[name]
        for source in ops_of(ancestors):
            for name in net.ops[source].outputs:
                if name in sizes and (readers[name] & later or name in stays):
                    live += sizes[name]
        return self.liveness.step(self.liveness.everything & ~descendants, live, index)[0]


def _best_first(
    segment: _Segment, floor: int, node_limit: int, company: Company = NO_COMPANY
) -> tuple[list[int], int, bool]:
    """The path with the least peak, if that is below the segment's best so far; else an empty path.

    Returns:
        path, its peak (at least `floor`), and whether the search was complete.
    """
    steps, goal, limit = segment.steps, segment.goal, segment.peak
    came: dict[int, tuple[int, tuple[int, ...]]] = {}
    least: dict[int, int] = {segment.start: floor}
    queue = [(floor, 0, segment.live, segment.start, segment.ready)]
    nodes = 0
    while queue:
        peak, _, live, done, ready = heapq.heappop(queue)
        if done == goal:
            return _trace(came, segment.start, goal), peak, True
        if least[done] < peak:
            continue
        nodes += 1
        if nodes > node_limit:
            return [], 0, False
        for step in _worth_trying(steps, done, ready, peak - live):
            reached, cost = done | step.mask, max(peak, live + step.rise_bytes)
            if not done & company.largest:
                cost = max(cost, company.peaks_before.get(step.ops[-1], 0))
            if cost < limit and cost < least.get(reached, limit):
                least[reached] = cost
                came[reached] = (done, step.ops)
                waiting = (ready | step.enabled) & goal & ~reached
                after = live + step.change_bytes
                heapq.heappush(queue, (cost, -reached.bit_count(), after, reached, waiting))
    return [], 0, True


def _worth_trying(steps: Steps, done: int, ready: int, room: int) -> list[Step]:
    """What may go first in a best order that has `room` bytes to spare: a run alone if there is a free one.

    A run of ops, each reading the one before, is free if it stays within that room and ends with no more
    bytes live than at its start.  Every state of a best order can then be exchanged for one in which the
    whole run is done already: fewer bytes live, and more inputs at their last reader.
    """
    waiting = ops_of(ready)
    for index in waiting:
        run = steps.free_run(done, index)
        if run is not None and run.rise_bytes <= room:
            return [run]
    return [steps.step(done, index) for index in waiting]


def _trace(came: dict[int, tuple[int, tuple[int, ...]]], start: int, goal: int) -> list[int]:
    runs: list[tuple[int, ...]] = []
    while goal != start:
        goal, run = came[goal]
        runs.append(run)
    return [index for run in reversed(runs) for index in run]


def _beam(segment: _Segment, members: list[int], width: int, floor: int = 0) -> tuple[list[int], int]:
    """A good path: op by op, the `width` sets with the smallest peak and then the fewest live bytes go on.

    Peaks below `floor` count as `floor`.
    """
    steps, goal = segment.steps, segment.goal
    rank = {index: position for position, index in enumerate(members)}
    is_shuffled = members != segment.members
    start = (max(floor, segment.bound), segment.live, (), segment.ready)
    states: dict[int, tuple[int, int, tuple[int, ...], int]] = {segment.start: start}
    for _ in members:
        reached: dict[int, tuple[int, int, tuple[int, ...], int]] = {}
        for done, (peak, live, path, ready) in states.items():
            waiting = ops_of(ready)
            for index in sorted(waiting, key=rank.__getitem__) if is_shuffled else waiting:
                step = steps.step(done, index)
                state, cost = done | step.mask, live + step.rise_bytes
                cost = cost if cost > peak else peak
                known = reached.get(state)
                if known is None or cost < known[0]:
                    then_ready = (ready | step.enabled) & goal & ~state
                    reached[state] = (cost, live + step.change_bytes, (*path, index), then_ready)
        best = sorted(reached.items(), key=lambda item: item[1][:2])
        states = dict(best[:width])
    ((peak, _, path, _),) = states.values()
    return list(path), peak
