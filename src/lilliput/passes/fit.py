"""Whether blocks fit into an arena of a given size: branch and bound over which of two blocks lies below.

Of two blocks that must lie apart, one is the lower one.  A decision of which moves the lowest offset of the
upper one up and the highest offset of the lower one down, which decides others in turn.  Most decisions
follow from the size of the arena alone; where none follows, the pair with the least room is decided either
way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lilliput.passes.blocks import Problem

_OPEN, _A_BELOW, _B_BELOW, _SAME = 0, 1, 2, 3


class _Pair(NamedTuple):
    """Blocks a and b; b lies at least `a_below` above a, or a `b_below` above b, or both at one offset."""

    a: int
    b: int
    a_below: int
    b_below: int
    same: bool


@dataclass(slots=True)
class _State:
    """Lowest and highest offset of each block, and what is decided of each pair."""

    lowest: list[int]
    highest: list[int]
    decided: list[int]

    def copy(self) -> _State:
        return _State(self.lowest.copy(), self.highest.copy(), self.decided.copy())


class Fit:
    """Looks for offsets within arenas of one problem."""

    def __init__(self, problem: Problem) -> None:
        self._sizes = problem.sizes
        self._pairs = [
            _Pair(a, b, distance, problem.apart[b][a], b in problem.same[a])
            for a, above in enumerate(problem.apart)
            for b, distance in above.items()
            if a < b
        ]
        self._pairs_of: list[list[int]] = [[] for _ in problem.sizes]
        for number, pair in enumerate(self._pairs):
            self._pairs_of[pair.a].append(number)
            self._pairs_of[pair.b].append(number)

    def is_refuted(self, height: int) -> bool:
        """Whether what follows from an arena of `height` alone contradicts itself."""
        return self._root(height) is None

    def offsets(self, height: int, node_limit: int) -> tuple[list[int], bool]:
        """Offsets of all blocks within `height`, if there are any; and whether the search was complete."""
        root = self._root(height)
        stack = [] if root is None else [root]
        nodes = 0
        while stack:
            state = stack.pop()
            nodes += 1
            if nodes > node_limit:
                return [], False
            tightest = self._tightest(state)
            if tightest is None:
                return state.lowest, True
            # What is pushed last is looked at first: the side with more room.
            for decision in tightest[1:]:
                branch = state.copy()
                branch.decided[tightest[0]] = decision
                if self._follow(branch, [tightest[0]]):
                    stack.append(branch)
        return [], True

    def _root(self, height: int) -> _State | None:
        state = _State(
            [0] * len(self._sizes), [height - size for size in self._sizes], [_OPEN] * len(self._pairs)
        )
        if min(state.highest, default=0) < 0:
            return None
        highest = state.highest
        tight = [
            number
            for number, (a, b, a_below, b_below, _) in enumerate(self._pairs)
            if a_below > highest[b] or b_below > highest[a]
        ]
        return state if self._follow(state, tight) else None

    def _tightest(self, state: _State) -> tuple[int, ...] | None:
        """The pair with the least room among those too close at the lowest offsets; the better ways last."""
        lowest, highest = state.lowest, state.highest
        least, found = 0, -1
        for number, (a, b, a_below, b_below, same) in enumerate(self._pairs):
            low_a, low_b = lowest[a], lowest[b]
            if state.decided[number] or low_b - low_a >= a_below or low_a - low_b >= b_below:
                continue
            if same and low_a == low_b:
                continue
            room = min(highest[b] - low_a - a_below, highest[a] - low_b - b_below)
            if found < 0 or room < least:
                least, found = room, number
        if found < 0:
            return None
        a, b, a_below, b_below, same = self._pairs[found]
        a_has_room = highest[b] - lowest[a] - a_below >= highest[a] - lowest[b] - b_below
        ways = (_B_BELOW, _A_BELOW) if a_has_room else (_A_BELOW, _B_BELOW)
        return (found, *ways, _SAME) if same else (found, *ways)

    def _follow(self, state: _State, numbers: Iterable[int]) -> bool:
        """Draws all conclusions that begin at some pairs; False if they contradict each other."""
        lowest, highest, decided = state.lowest, state.highest, state.decided
        waiting = list(numbers)
        is_waiting = set(waiting)
        while waiting:
            number = waiting.pop()
            is_waiting.discard(number)
            lower, upper, distance, b_below, same = self._pairs[number]
            decision = decided[number]
            if decision == _OPEN:
                can_a = lowest[lower] + distance <= highest[upper]
                can_b = lowest[upper] + b_below <= highest[lower]
                if can_a and can_b:
                    continue
                can_same = same and lowest[lower] <= highest[upper] and lowest[upper] <= highest[lower]
                if can_a + can_b + can_same > 1:
                    continue
                decision = _A_BELOW if can_a else _B_BELOW if can_b else _SAME if can_same else _OPEN
                if decision == _OPEN:
                    return False
                decided[number] = decision
            if decision == _B_BELOW:
                lower, upper, distance = upper, lower, b_below
            elif decision == _SAME:
                distance = 0
            changed = self._spread(state, lower, upper, distance)
            if decision == _SAME:
                changed += self._spread(state, upper, lower, 0)
            for block in changed:
                if lowest[block] > highest[block]:
                    return False
                for other in self._pairs_of[block]:
                    if other != number and other not in is_waiting:
                        is_waiting.add(other)
                        waiting.append(other)
        return True

    @staticmethod
    def _spread(state: _State, lower: int, upper: int, distance: int) -> list[int]:
        """Moves the bounds of two blocks of which one lies `distance` above the other; what moved."""
        lowest, highest, changed = state.lowest, state.highest, []
        if lowest[lower] + distance > lowest[upper]:
            lowest[upper] = lowest[lower] + distance
            changed.append(upper)
        if highest[upper] - distance < highest[lower]:
            highest[lower] = highest[upper] - distance
            changed.append(lower)
        return changed
