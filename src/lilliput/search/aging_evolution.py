"""Aging evolution with random scalarizations: the search of µNAS (§3.5; Real et al., 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lilliput.results import Trial
from lilliput.search.proposal import A, Proposal, mutated_sparsity, random_proposal
from lilliput.search.scalarize import random_weights, scalarize
from lilliput.search.settings import StudySettings
from lilliput.search.space import Space

PARENTS = frozenset({"complete", "stopped"})
"""States of trials that belong to the population.  A stopped one counts with the error it had reached."""


def propose(
    history: Sequence[Trial], space: Space[A], settings: StudySettings, rng: np.random.Generator
) -> Proposal[A]:
    """A child of the best of a random sample of the newest `settings.population` trials.

    What is best changes with every proposal, since the weights of the objectives are drawn anew.  The sample
    is drawn with replacement.  Until the population is full, proposals are random.

    Args:
        history: earlier trials by number, with values for every objective in `settings.bounds`.
        space: where to search.
        settings: of the search.
        rng: the only source of chance.
    """
    population = [trial for trial in history if trial.state in PARENTS][-settings.population :]
    if len(population) < settings.population:
        return random_proposal(space, settings, rng)
    weights = random_weights(settings.bounds, rng)
    drawn = [population[int(index)] for index in rng.integers(len(population), size=settings.sample)]
    parent = min(drawn, key=lambda trial: scalarize(trial.values, weights))
    child, morphism = space.mutate(space.decode(parent.architecture), rng)
    return Proposal(child, parent.number, morphism, mutated_sparsity(parent, settings, rng))
