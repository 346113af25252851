"""Random search: the baseline that every other strategy has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lilliput.results import Trial
from lilliput.search.proposal import A, Proposal, random_proposal
from lilliput.search.settings import StudySettings
from lilliput.search.space import Space


def propose(
    history: Sequence[Trial], space: Space[A], settings: StudySettings, rng: np.random.Generator
) -> Proposal[A]:
    """A random architecture, whatever happened before."""
    return random_proposal(space, settings, rng)
