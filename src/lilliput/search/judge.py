"""Rising fidelity: which trials are worth training on.

A trial is trained to the first rung, a small number of epochs, and goes on to the next only if it does well
there (asynchronous successive halving, Li et al., 2020).  Small networks always lose against large ones on
error alone, so a
trial is compared with those only that cost no more than it does in any respect: a network on its way to the
    Pareto front
is never stopped for being small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lilliput.results import Trial
from lilliput.search.settings import StudySettings


@dataclass(frozen=True)
class Judge:
    """The rungs of one trial.  It is made before the trial starts and does not change while others finish.

    Attributes:
        epochs: epochs of each rung; empty means training to the end at once.
        limits: the largest validation error with which a trial climbs on from each rung; None where every one
            does.
    """

    epochs: tuple[int, ...] = ()
    limits: tuple[float | None, ...] = ()

    def goes_on(self, rung: int, error: float) -> bool:
        """Whether a trial with this validation error after `epochs[rung]` is trained on."""
        limit = self.limits[rung]
        return limit is None or error <= limit


def judge_for(history: Sequence[Trial], settings: StudySettings, predicted: Mapping[str, float]) -> Judge:
    """The judge of a new trial.

    Args:
        history: earlier trials; `info["rung_errors"]` holds their validation error at each rung that they
            reached, `info["predicted"]` what their untrained network costs.
        settings: `rungs`, `rung_share` and `rung_after` count.
        predicted: what the new trial's untrained network costs, by objective.  A trial that lacks one of
            these figures is not compared with.
    """
    if not settings.rungs:
        return Judge()
    peers = [
        trial.info["rung_errors"]
        for trial in history
        if trial.info.get("rung_errors") and _costs_no_more(trial.info.get("predicted", {}), predicted)
    ]
    limits = tuple(
        _limit([errors[rung] for errors in peers if len(errors) > rung], settings)
        for rung in range(len(settings.rungs))
    )
    return Judge(settings.rungs, limits)


def _costs_no_more(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(one.get(name, math.inf) <= value for name, value in other.items())


def _limit(errors: list[float], settings: StudySettings) -> float | None:
    """The worst error with which a newcomer is still within the best share of itself and `errors`."""
    climbing = math.ceil(settings.rung_share * (len(errors) + 1))
    if len(errors) < settings.rung_after or climbing > len(errors):
        return None
    return sorted(errors)[climbing - 1]
