"""Blocks put into the smallest arena: dynamic storage allocation, with blocks that may overlap a little.

The problem is NP-hard in general and small here.  No arena is smaller than what the buffers of one time take;
the networks of a search nearly always reach that bound or one a little above it, which a branch and bound
proves, up to a node limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lilliput.passes.blocks import Problem
from lilliput.passes.fit import Fit

NODE_LIMIT = 200
"""Decisions that the branch and bound takes for one arena size."""
_UNDECIDED_LIMIT = 2
"""Arena sizes that may remain undecided before the best placement so far is taken."""


class Packing(NamedTuple):
    """Where the blocks lie.

    Attributes:
        offsets: of each block, by its number.
        height: size of the arena.
        lower_bound: no placement is smaller; equal to `height` where the placement is proven best.
    """

    offsets: tuple[int, ...]
    height: int
    lower_bound: int


def pack(problem: Problem, node_limit: int = NODE_LIMIT) -> Packing:
    """The lowest placement found; deterministic, and proven best where `height == lower_bound`.

    Args:
        problem: blocks and the distances between them.
        node_limit: effort of the exact part, in decisions for one arena size; 0 leaves it out.
    """
    best = _greedy(problem)
    low, high = problem.lower_bound, _height(problem, best)
    if low == high or not node_limit:
        return Packing(tuple(best), high, low)
    fit, unit = Fit(problem), _unit(problem)
    low = start = target = _least_possible(fit, low, high, unit)
    undecided = 0
    while start < high and undecided < _UNDECIDED_LIMIT:
        found, complete = fit.offsets(target, node_limit)
        if found:
            best, high = found, _height(problem, found)
        else:
            start = target + unit
            low = start if complete else low
            undecided += not complete
        target = start + (high - start) // 2 // unit * unit
    return Packing(tuple(best), high, low)


def _least_possible(fit: Fit, low: int, high: int, unit: int) -> int:
    """The least height that is not refuted at once; `high` is possible."""
    while low < high:
        middle = low + (high - low) // 2 // unit * unit
        if fit.is_refuted(middle):
            low = middle + unit
        else:
            high = middle
    return low


def _unit(problem: Problem) -> int:
    """A step that every possible height is a multiple of: offsets are sums of distances."""
    distances = (distance for above in problem.apart for distance in above.values())
    return math.gcd(*problem.sizes, *distances) or 1


def _height(problem: Problem, offsets: Sequence[int]) -> int:
    return max((offset + size for offset, size in zip(offsets, problem.sizes, strict=True)), default=0)


def _greedy(problem: Problem) -> list[int]:
    """The best of a few greedy placements; ends as soon as the lower bound is reached."""
    sizes = problem.sizes
    first = [parts[0].first for parts in problem.parts]
    last = [parts[-1].last for parts in problem.parts]
    least_bytes = [time.least_bytes() for time in problem.times]
    tight = [max(least_bytes[moment] for moment in moments) for moments in problem.moments]
    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-tight[i], not problem.paired[i], -first[i]),
        lambda i: (-tight[i], -last[i]),
        lambda i: (-sizes[i], first[i]),
        lambda i: (first[i] - last[i], -sizes[i]),
    )
    best: list[int] = []
    least = -1
    for key in keys:
        offsets = _place_in_turn(problem, sorted(range(len(sizes)), key=key))
        height = _height(problem, offsets)
        if least < 0 or height < least:
            best, least = offsets, height
        if least == problem.lower_bound:
            break
    return best


def _place_in_turn(problem: Problem, sequence: Sequence[int]) -> list[int]:
    """Puts each block where one lies that it may replace, or into the tightest gap between its neighbours."""
    apart = problem.apart
    offsets = [-1] * len(problem.sizes)
    for index in sequence:
        # Each placed neighbour forbids the offsets strictly between two.
        taken = {
            other: (offsets[other] - above, offsets[other] + apart[other][index])
            for other, above in apart[index].items()
            if offsets[other] >= 0
        }
        bottom, chosen, tightest = 0, _place_of_another(problem, offsets, index, taken), -1
        for start, end in sorted(taken.values()) if chosen < 0 else ():
            gap = start - bottom
            if gap >= 0 and (chosen < 0 or gap < tightest):
                chosen, tightest = bottom, gap
            bottom = max(bottom, end)
        offsets[index] = bottom if chosen < 0 else chosen
    return offsets


def _place_of_another(
    problem: Problem, offsets: Sequence[int], index: int, taken: Mapping[int, tuple[int, int]]
) -> int:
    """The offset of a placed block that block `index` may replace and where no other is in its way, or -1."""
    for other in sorted(problem.same[index]):
        at = offsets[other]
        if at >= 0 and not any(start < at < end for i, (start, end) in taken.items() if i != other):
            return at
    return -1
