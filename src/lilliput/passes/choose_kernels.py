"""Which kernels an arena is planned for, where memory counts most.

Of each op there are kernels with less and less scratch memory (`targets.kernels.kernels_for`), which are
slower, or promise less about how the output may lie over the input.  What an op takes while it runs depends
on its own kernel only, as long as the order stays and nothing runs row by row.  So plans with all ops alike
are tried, and those where each op has the fastest kernel that keeps it below a limit; then ops get faster
kernels as long as the arena stays.

Slow kernels must not make the network much slower than the fastest do, unless its arena would be larger than
it is when something else counts most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lilliput.net.access import Access
from lilliput.net.graph import Net
from lilliput.net.macs import op_macs
from lilliput.net.ops import Op
from lilliput.passes.liveness import Liveness
from lilliput.targets.cores import Core
from lilliput.targets.kernel import Kernel
from lilliput.targets.kernels import kernel_for, kernels_for, slowness, within

MOST_SLOWNESS = 1.4
"""So many times the cycles of the fastest kernels may be given for a smaller arena."""


@dataclass(frozen=True)
class Kernels:
    """What a plan must know of the kernels of a core.

    Attributes:
        core: what they run on.
        ways: op → which of its kernels it gets.
        rooms: op → the scratch memory that its kernel gets by with, where that is settled.
    """

    core: Core
    ways: Mapping[str, int] = field(default_factory=dict)
    rooms: Mapping[str, int] = field(default_factory=dict)

    def scratch_bytes(self, op: Op, net: Net) -> int:
        """Scratch memory that the kernel of an op needs."""
        return self._kernel(op, net).scratch_bytes

    def access(self, op: Op, net: Net) -> Access:
        """What it promises about its reads and writes."""
        return self._kernel(op, net).access

    def _kernel(self, op: Op, net: Net) -> Kernel:
        if op.name in self.ways:
            return kernels_for(op, net, self.core)[self.ways[op.name]]
        if op.name in self.rooms:
            return within(kernels_for(op, net, self.core), self.rooms[op.name])
        return kernel_for(op, net, self.core)


Planner = Callable[[Kernels], Net]


def with_least_memory(net: Net, core: Core, planner: Planner, most_bytes: int) -> Net:
    """The plan with the smallest arena, and the fastest kernels for it.

    Args:
        net: without a plan.
        core: what it runs on.
        planner: plans it for some kernels.
        most_bytes: the arena that it may take at any price.
    """
    choice = _Choice(net, core, planner)
    choice.look(0, MOST_SLOWNESS)
    if arena_bytes_of(choice.best) > most_bytes:
        choice.look(most_bytes, math.inf)
    return choice.best


class _Choice:
    """The best plan so far, and which kernel each op has in it."""

    def __init__(self, net: Net, core: Core, planner: Planner) -> None:
        self._core, self._planner = core, planner
        self._kernels = {op.name: kernels_for(op, net, core) for op in net.ops}
        self._number = len(slowness(core))
        self._macs = {op.name: op_macs(op, net) for op in net.ops}
        self._tried: set[tuple[Kernel, ...]] = set()
        self._ways = dict.fromkeys(self._kernels, 0)
        self._goal, self._most_work = 0, self._work(self._ways)
        self.best = planner(Kernels(core, self._ways))

    def look(self, goal: int, most_slowness: float) -> None:
        """Looks for a better plan.

        Args:
            goal: an arena of so many bytes is small enough.
            most_slowness: so many times the cycles of the fastest kernels may be taken.
        """
        fastest = self._work(dict.fromkeys(self._kernels, 0))
        self._goal, self._most_work = goal, most_slowness * fastest
        for way in range(1, self._number):
            self._try(dict.fromkeys(self._kernels, way))
        for _ in range(2):
            self._try(self._sufficient())
        for way in range(self._number - 1):
            self._hurry([name for name in self._ways if self._changes(name, way)], way)

    def _work(self, ways: Mapping[str, int]) -> float:
        """About the cycles of these kernels, in multiplications of the fastest ones."""
        factors = slowness(self._core)
        return sum(
            factors[self._kernels[name].index(self._kernels[name][way])] * self._macs[name]
            for name, way in ways.items()
        )

    def _changes(self, name: str, way: int) -> bool:
        """Whether the kernel number `way` of an op is another, faster one."""
        kernels, now = self._kernels[name], self._ways[name]
        return way < now and kernels[way] is not kernels[now]

    def _try(self, ways: dict[str, int]) -> bool:
        """Takes these kernels if the arena becomes smaller, or stays as small with fewer slow ones."""
        kernels = tuple(self._kernels[name][way] for name, way in ways.items())
        work = self._work(ways)
        if kernels in self._tried or work > self._most_work:
            return False
        self._tried.add(kernels)
        planned = self._planner(Kernels(self._core, ways))
        before = (max(arena_bytes_of(self.best), self._goal), self._work(self._ways))
        if (max(arena_bytes_of(planned), self._goal), work) >= before:
            return False
        self.best, self._ways = planned, ways
        return True

    def _sufficient(self) -> dict[str, int]:
        """For each op the fastest kernel with which it takes no more than a limit, the least that may be."""
        order = self.best.rearranged(self.best.ops, None)
        live: list[list[int]] = []
        for way in range(self._number):
            kernels = Kernels(self._core, dict.fromkeys(self._kernels, way))
            liveness = Liveness(order, kernels.scratch_bytes, access=kernels.access)
            live.append(liveness.walk(list(range(liveness.count))))
        taken = {op.name: sizes for op, *sizes in zip(order.ops, *live, strict=True)}
        least = max(self._goal, *(min(sizes) for sizes in taken.values()))
        for limit in sorted({least, *(size for sizes in live for size in sizes if size > least)}):
            ways = {
                name: next(way for way in range(self._number) if sizes[way] <= limit)
                for name, sizes in taken.items()
            }
            if self._work(ways) <= self._most_work:
                return ways
        return dict.fromkeys(self._kernels, 0)

    def _hurry(self, names: Sequence[str], way: int) -> None:
        """Gives as many of these ops as the arena allows their kernel number `way`."""
        if names and not self._try({**self._ways, **dict.fromkeys(names, way)}) and len(names) > 1:
            middle = len(names) // 2
            self._hurry(names[:middle], way)
            self._hurry(names[middle:], way)


def arena_bytes_of(planned: Net) -> int:
    """The arena of a planned network."""
    assert planned.plan is not None
    return planned.plan.arena_bytes
