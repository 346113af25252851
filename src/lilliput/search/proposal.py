"""From the history of a study to the next architecture to evaluate.

A strategy is a function of the trials so far, the space, the settings and a random generator, and of nothing
else: a study that is killed and resumed goes on as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from lilliput.results import Trial
from lilliput.search.settings import StudySettings
from lilliput.search.space import Space

A = TypeVar("A", bound=Hashable)
A_co = TypeVar("A_co", bound=Hashable, covariant=True)


@dataclass(frozen=True)
class Proposal(Generic[A_co]):
    """What to evaluate next.

    Attributes:
        architecture: a point of the space.
        parent: number of the trial that it comes from, None for a random one.
        morphism: what was changed in the parent, None for a random one.
        sparsity: share of channels and units to prune away in training, None without pruning.
    """

    architecture: A_co
    parent: int | None = None
    morphism: str | None = None
    sparsity: float | None = None


class Strategy(Protocol):
    """Chooses the next proposal; see `random_search`, `aging_evolution` and `tournament`."""

    def __call__(
        self, history: Sequence[Trial], space: Space[A], settings: StudySettings, rng: np.random.Generator
    ) -> Proposal[A]: ...


def random_proposal(space: Space[A], settings: StudySettings, rng: np.random.Generator) -> Proposal[A]:
    """A random architecture, with a random sparsity where the search prunes."""
    architecture = space.sample(rng)
    sparsity = None if settings.sparsity is None else float(rng.uniform(*settings.sparsity))
    return Proposal(architecture, sparsity=sparsity)


def mutated_sparsity(parent: Trial, settings: StudySettings, rng: np.random.Generator) -> float | None:
    """A sparsity near the parent's, within the range; None where the search does not prune."""
    if settings.sparsity is None:
        return None
    low, high = settings.sparsity
    before = parent.info.get("sparsity")
    if before is None:
        return float(rng.uniform(low, high))
    return float(np.clip(before + rng.normal(0.0, settings.sparsity_step), low, high))
