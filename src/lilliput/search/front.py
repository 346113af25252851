"""The Pareto front of a study, and how much of the wanted region it covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lilliput.results import Trial

Points = NDArray[np.float64]


class Front:
    """The trials that no other trial dominates, kept up to date as trials come in.

    Only complete trials count: the error of a stopped one is not what its network can reach.  Of trials with
    the same values the first one stays.

    Args:
        objectives: names of the values that are minimized.
        bounds: objective → upper bound, for the hypervolume.
    """

    def __init__(self, objectives: Sequence[str], bounds: Mapping[str, float] | None = None) -> None:
        self._objectives = tuple(objectives)
        limits = [(bounds or {}).get(name) for name in self._objectives]
        self._scale = None if None in limits else np.array(limits, dtype=np.float64)
        self._trials: list[Trial] = []
        self._points: Points = np.empty((0, len(self._objectives)))
        self._hypervolume = 0.0

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The front, sorted by the objectives in their order."""
        order = sorted(range(len(self._trials)), key=lambda index: tuple(self._points[index]))
        return tuple(self._trials[index] for index in order)

    @property
    def hypervolume(self) -> float | None:
        """Share of the box from zero to the bounds that the front dominates; None if a bound is missing."""
        return None if self._scale is None else self._hypervolume

    def add(self, trial: Trial) -> bool:
        """Takes a trial in; returns whether it is on the front."""
        if trial.state != "complete":
            return False
        point = np.array([trial.values[name] for name in self._objectives], dtype=np.float64)
        if (self._points <= point).all(axis=1).any():
            return False
        if self._scale is not None:
            self._hypervolume += exclusive_volume(point / self._scale, self._points / self._scale)
        stays: NDArray[np.bool_] = np.logical_not((point <= self._points).all(axis=1))
        self._trials = [old for index, old in enumerate(self._trials) if stays[index]] + [trial]
        self._points = np.vstack([self._points[stays], point])
        return True


def pareto_front(trials: Iterable[Trial], objectives: Sequence[str]) -> tuple[Trial, ...]:
    """The complete trials that no other one dominates, sorted by the objectives in their order."""
    front = Front(objectives)
    for trial in sorted(trials, key=lambda trial: trial.number):
        front.add(trial)
    return front.trials


def hypervolume(points: Points) -> float:
    """Volume of the unit cube above at least one of the points, whose shape is (points, objectives).

    Exact, after the WFG algorithm (While, Bradstreet and Barone, 2012).
    """
    points = _minimal(points[(points < 1.0).all(axis=1)])
    points = points[np.argsort(points[:, 0])] if len(points) else points
    return sum(exclusive_volume(point, points[index + 1 :]) for index, point in enumerate(points))


def exclusive_volume(point: Points, others: Points) -> float:
    """Volume of the unit cube above `point`, of shape (objectives,), and above none of the others."""
    if (point >= 1.0).any():
        return 0.0
    own = float(np.prod(1.0 - point))
    shared = np.maximum(others, point)
    return own - (hypervolume(shared) if len(shared) else 0.0)


def _minimal(points: Points) -> Points:
    """The points that no other one dominates, each once."""
    points = np.unique(points, axis=0)
    if len(points) < 2:
        return points
    dominated = np.zeros(len(points), dtype=bool)
    for index, point in enumerate(points):
        below = (points <= point).all(axis=1)
        below[index] = False
        dominated[index] = below.any()
    return points[~dominated]
