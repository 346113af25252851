"""What passes between a search and whoever evaluates for it: the search itself costs and trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from lilliput.results import Trial
from lilliput.search.draw import Violation
from lilliput.search.judge import Judge
from lilliput.search.proposal import A


@dataclass(frozen=True)
class Job:
    """One architecture to evaluate.

    Attributes:
        number: of the trial; names its weights.
        architecture: the space's JSON encoding.
        sparsity: share of channels and units to prune away, None for no pruning.
        seed: for everything random in the evaluation.
        judge: the rungs of the training.
        parent: number of the trial that the architecture was mutated from, None for a random one.
    """

    number: int
    architecture: Mapping[str, Any]
    sparsity: float | None
    seed: int
    judge: Judge = field(default_factory=Judge)
    parent: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What an evaluation found.

    Attributes:
        values: objective → finite value, for every objective of the study.
        info: what else is worth keeping, JSON values only.
        rung_errors: validation error at each rung that was reached, for the judges of later trials.
        stopped: the judge stopped the training, so that the error is not the network's last word.
    """

    values: Mapping[str, float]
    info: Mapping[str, Any] = field(default_factory=dict)
    rung_errors: tuple[float, ...] = ()
    stopped: bool = False


Evaluate = Callable[[Job], Outcome]
"""Raises `TrainingError` if this architecture cannot be trained: then the trial fails and the search goes on.
Anything else that it raises ends the search."""


@dataclass(frozen=True)
class Progress:
    """Where a search stands after a trial.

    Attributes:
        trial: the one that has just ended.
        done, total: trials that have ended, and that there will be.
        front: the Pareto front so far, sorted by the objectives.
        hypervolume: share of the box below the bounds that the front dominates; None if an objective has
            none.
        dropped: proposals of the whole study that were dropped before training because they broke a hard
            limit.
        seconds_left: estimated from the trials of this run.
    """

    trial: Trial
    done: int
    total: int
    front: tuple[Trial, ...]
    hypervolume: float | None
    dropped: int
    seconds_left: float


def _no_violations(architecture: object, sparsity: float | None) -> Sequence[Violation]:
    return ()


def _nothing_predicted(architecture: object, sparsity: float | None) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True)
class Callbacks(Generic[A]):
    """What a study asks others.  All but `evaluate` are called in the main process.

    Attributes:
        evaluate: trains and measures one architecture.  With several workers it runs in other processes: a
            function of a module, or an object of a module's class.
        feasible: the hard limits that an architecture breaks after losing the given share of its channels and
            units (None if the search does not prune); none if it fits.  Asked before any training.
        predict: what that network costs, by objective; rungs compare trials by it.
        identity: equal for architectures that need not be evaluated twice; the JSON encoding if None.
        on_progress: called after every trial.
        keep: called after every trial if only the front's weights are kept, with the numbers of the trials
            whose weights are still wanted, those in flight included.
    """

    evaluate: Evaluate
    feasible: Callable[[A, float | None], Sequence[Violation]] = _no_violations
    predict: Callable[[A, float | None], Mapping[str, float]] = _nothing_predicted
    identity: Callable[[A], str] | None = None
    on_progress: Callable[[Progress], None] | None = None
    keep: Callable[[frozenset[int]], None] | None = None
