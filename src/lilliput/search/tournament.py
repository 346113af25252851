"""Tournament selection in generations (Nieuwenhuis, "Exploring the Implementation of NAS for TinyML
Applications", University of Twente, 2022, §4.3.2, Listing 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lilliput.results import Trial
from lilliput.search.proposal import A, Proposal, mutated_sparsity, random_proposal
from lilliput.search.settings import StudySettings
from lilliput.search.space import Space


def propose(
    history: Sequence[Trial], space: Space[A], settings: StudySettings, rng: np.random.Generator
) -> Proposal[A]:
    """A child of the most accurate of a random sample of the population.

    The population is what the generations before have left: `settings.population` trials with the smallest
    error.  A generation makes `settings.offspring` children, all from the same population; then the worst
    leave.  Until the population is full, proposals are random.  The sample is drawn without replacement.

    Args:
        history: earlier trials by number.
        space: where to search.
        settings: of the search.
        rng: the only source of chance.
    """
    population = survivors(history, settings)
    if len(population) < settings.population:
        return random_proposal(space, settings, rng)
    drawn = rng.choice(len(population), size=min(settings.sample, len(population)), replace=False)
    parent = population[int(drawn.min())]
    child, morphism = space.mutate(space.decode(parent.architecture), rng)
    return Proposal(child, parent.number, morphism, mutated_sparsity(parent, settings, rng))


def survivors(history: Sequence[Trial], settings: StudySettings) -> tuple[Trial, ...]:
    """The population at the start of the present generation, the most accurate first.

    Of all trials of earlier generations those with the smallest error are left, since whoever was worse than
    so many has been removed at some time.
    """
    generations = max(0, len(history) - settings.population) // settings.offspring
    ended = history[: settings.population + generations * settings.offspring]
    scored = [trial for trial in ended if trial.state == "complete"]
    scored.sort(key=lambda trial: (trial.values["error"], trial.number))
    return tuple(scored[: settings.population])
