"""Draws proposals until one fits the budget, before anything is trained."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol

import numpy as np

from lilliput.errors import BudgetError, StudyError
from lilliput.search.proposal import A, A_co, Proposal
from lilliput.search.space import Space

WALK_AFTER = 200
"""Draws that miss before the nearest of them is walked towards the budget."""
NARROW_AFTER = 1000
"""Draws that miss before all layers of what is walked are made as narrow as they can be."""
STALLED = 300
"""Steps of that walk that bring nothing nearer before another one begins."""

WIDEST = 128.0
"""The factor by which `filled` widens at most, and its inverse by which it narrows at most."""
BISECTIONS = 8
"""Steps in which `filled` finds that factor: to 128 ** (2 / 2 ** 8), 4 %."""


class Violation(Protocol):
    """A hard limit that an architecture breaks."""

    @property
    def name(self) -> str:
        """The bound, one of `lilliput.results.OBJECTIVES`."""
        ...

    @property
    def value(self) -> float:
        """What the architecture needs."""
        ...

    @property
    def limit(self) -> float:
        """What there is."""
        ...


@dataclass(frozen=True)
class Drawn(Generic[A_co]):
    """A proposal that fits, and what it took.

    Attributes:
        proposal: fits every hard limit and was not seen before.
        identity: by which the same architecture is recognised later.
        dropped: bound → proposals that broke it; one that broke two counts for both.
        misses: proposals that were dropped because of the budget.
        duplicates: proposals that were dropped because they were seen before.
        steps: morphisms that led from the nearest draw to this proposal, 0 where a draw fitted by itself.
    """

    proposal: Proposal[A_co]
    identity: str
    dropped: dict[str, int]
    misses: int
    duplicates: int
    steps: int


def draw(
    propose: Callable[[np.random.Generator], Proposal[A]],
    space: Space[A],
    identity: Callable[[A], str],
    seen: Container[str],
    feasible: Callable[[A, float | None], Sequence[Violation]],
    rng: np.random.Generator,
    max_draws: int,
    sparsest: float | None = None,
) -> Drawn[A]:
    """The first proposal that is new and fits.

    Where budgets are tiny, hardly any random architecture fits.  After `WALK_AFTER` misses the draw that
    exceeded its limits least is changed by morphisms instead, each kept if the excess does not grow, until it
    fits.  After `NARROW_AFTER` all layers are as narrow as they can be and as sparse as `sparsest` says, so
    that the walk is among depths, kernels and steps alone; where it comes no nearer for `STALLED` steps,
    another begins.

    Raises:
        BudgetError: nothing fitted in `max_draws` draws; names the bounds and the smallest values that were
        found. StudyError: everything that was drawn had been seen before.
    """
    search = _Draw[A](identity, seen, feasible)
    for _ in range(max_draws):
        start = search.start
        if start is None or search.misses < WALK_AFTER:
            proposal, steps = propose(rng), 0
        else:
            child, _ = space.mutate(start.proposal.architecture, rng)
            proposal, steps = replace(start.proposal, architecture=child), start.steps + 1
        if search.misses >= NARROW_AFTER:
            proposal = _narrowest(proposal, space, sparsest)
        found = search.consider(proposal, steps)
        if found is not None:
            return found
    raise search.give_up(max_draws)


def _narrowest(proposal: Proposal[A], space: Space[A], sparsest: float | None) -> Proposal[A]:
    widths = space.widths(proposal.architecture)
    narrow = space.with_widths(proposal.architecture, [1] * len(widths))
    return replace(proposal, architecture=narrow, sparsity=sparsest)


def filled(
    architecture: A,
    sparsity: float | None,
    space: Space[A],
    feasible: Callable[[A, float | None], Sequence[Violation]],
    rng: np.random.Generator,
) -> A:
    """The architecture with widths that use up its limits.

    First one factor for all widths, found by bisection, which also narrows what does not fit.  Then, since
    one limit stops them all (RAM, say, that only the first layers need), each width by itself, in random
    order, by a tenth at a time until none grows any more.  What does not even fit at its narrowest comes back
    as it is.
    """
    start = space.widths(architecture)
    best, low, high = architecture, -1.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        changed = space.with_widths(architecture, [round(width * WIDEST**middle) for width in start])
        if feasible(changed, sparsity):
            high = middle
        else:
            best, low = changed, middle
    if low == -1.0:
        return best
    growing = list(range(len(start)))
    while growing:
        place = growing[int(rng.integers(len(growing)))]
        widths = list(space.widths(best))
        widths[place] = max(widths[place] + 1, round(1.1 * widths[place]))
        changed = space.with_widths(best, widths)
        if changed == best or feasible(changed, sparsity):
            growing.remove(place)
        else:
            best = changed
    return best


@dataclass(frozen=True)
class _Miss(Generic[A_co]):
    proposal: Proposal[A_co]
    steps: int
    excess: float
    broken: tuple[tuple[str, float, float], ...]


class _Draw(Generic[A]):
    """The state of one search for a proposal that fits."""

    def __init__(
        self,
        identity: Callable[[A], str],
        seen: Container[str],
        feasible: Callable[[A, float | None], Sequence[Violation]],
    ) -> None:
        self._identity, self._seen, self._feasible = identity, seen, feasible
        self.nearest: _Miss[A] | None = None
        self.start: _Miss[A] | None = None
        self.misses = self.duplicates = self._stalled = 0
        self._dropped: Counter[str] = Counter()
        self._smallest: dict[str, tuple[float, float]] = {}

    def consider(self, proposal: Proposal[A], steps: int) -> Drawn[A] | None:
        """The proposal if it fits and is new; otherwise notes by how much it missed."""
        violations = self._feasible(proposal.architecture, proposal.sparsity)
        broken = tuple((one.name, float(one.value), float(one.limit)) for one in violations)
        if not broken:
            identity = self._identity(proposal.architecture)
            if identity not in self._seen:
                return Drawn(proposal, identity, dict(self._dropped), self.misses, self.duplicates, steps)
            self.duplicates += 1
            return None
        self.misses += 1
        self._dropped.update(name for name, _, _ in broken)
        for name, value, limit in broken:
            self._smallest[name] = min(self._smallest.get(name, (math.inf, limit)), (value, limit))
        excess = sum(math.log((value + 1.0) / (limit + 1.0)) for _, value, limit in broken)
        miss = _Miss(proposal, steps, excess, broken)
        if self.nearest is None or excess <= self.nearest.excess:
            self.nearest = miss
        is_nearer = self.start is None or excess < self.start.excess
        self._stalled = 0 if is_nearer or self.misses <= NARROW_AFTER else self._stalled + 1
        if self.start is None or excess <= self.start.excess:
            self.start = miss
        if self._stalled == STALLED:
            self.start, self._stalled = None, 0
        return None

    def give_up(self, draws: int) -> BudgetError | StudyError:
        """The error that says why nothing was found."""
        if self.nearest is None or self.duplicates > self.misses:
            return StudyError(
                f"no new architecture was found in {draws} draws",
                f"{self.duplicates} of them were evaluated before",
                "the space within this budget seems exhausted: end the search, or raise search.max_draws",
            )
        # A bound that every draw broke is impossible by itself; else they cannot be kept together.
        alone = [
            name for name, count in self._dropped.items() if count == self.misses and not self.duplicates
        ]
        bounds = [(name, *self._smallest[name]) for name in alone] or list(self.nearest.broken)
        named = ", ".join(f"{name} at most {number(limit)}" for name, _, limit in bounds)
        enough = " and ".join(f"{name} = {number(value)}" for name, value, _ in bounds)
        return BudgetError(
            f"nothing fits the budget: {named}",
            f"in {draws} draws the smallest that was found needs {enough}",
            f"set {enough} or more",
        )


def number(value: float) -> str:
    """A value as messages and configuration files have it, rounded up, so that it is enough as a bound."""
    if value == int(value):
        return str(int(value))
    text = f"{value:.6g}"
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 5)
    return text if float(text) >= value else f"{(math.floor(value / unit) + 1) * unit:.6g}"
