"""The Pareto front and its hypervolume, against definitions too slow to be used."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lilliput.results import Trial
from lilliput.search.front import Front, hypervolume, pareto_front

NAMES = ("error", "ram_bytes", "macs")


def trials(points: np.ndarray, state: str = "complete") -> list[Trial]:
    return [
        Trial(number, state, {}, dict(zip(NAMES, map(float, point), strict=False)))
        for number, point in enumerate(points)
    ]


def points(most: int = 12, objectives: int = 3) -> st.SearchStrategy[np.ndarray]:
    few = st.integers(0, 5).map(float)  # ties are where fronts go wrong
    return st.integers(0, most).flatmap(lambda count: arrays(np.float64, (count, objectives), elements=few))


@given(points())
def test_the_front_is_what_nothing_dominates(found: np.ndarray) -> None:
    front = {trial.number for trial in pareto_front(trials(found), NAMES)}
    for index, point in enumerate(found):
        better = [other for other in found if (other <= point).all() and (other < point).any()]
        earlier_twin = any((found[before] == point).all() for before in range(index))
        assert (index in front) == (not better and not earlier_twin)


@given(points(), st.randoms(use_true_random=False))
def test_the_front_does_not_depend_on_the_order_of_trials(found: np.ndarray, random: object) -> None:
    first = Front(NAMES)
    for trial in trials(found):
        first.add(trial)
    second = Front(NAMES)
    shuffled = trials(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for trial in shuffled:
        second.add(trial)
    assert [trial.values for trial in first.trials] == [trial.values for trial in second.trials]


def test_only_complete_trials_are_on_the_front() -> None:
    good = trials(np.array([[0.0, 0.0, 0.0]]), "stopped")
    assert pareto_front([*good, *trials(np.ones((1, 3)))], NAMES)[0].state == "complete"
    assert pareto_front(trials(np.ones((2, 3)), "failed"), NAMES) == ()


def test_the_front_is_sorted_by_its_objectives() -> None:
    found = pareto_front(trials(np.array([[3.0, 1, 1], [1, 3, 1], [2, 2, 1], [1, 2.5, 2]])), NAMES)
    assert [trial.number for trial in found] == [3, 1, 2, 0]


def union_of_boxes(found: np.ndarray) -> float:
    """Inclusion and exclusion over all subsets."""
    inside = [np.minimum(point, 1.0) for point in found]
    return sum(
        (-1) ** (size + 1) * float(np.prod(1.0 - np.max(subset, axis=0)))
        for size in range(1, len(inside) + 1)
        for subset in itertools.combinations(inside, size)
    )


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_hypervolume_is_the_volume_of_the_union(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    for count in range(8):
        found = rng.random((count, objectives)) * 1.3
        assert hypervolume(found) == pytest.approx(union_of_boxes(found))


@given(points(objectives=3))
def test_a_front_kept_up_to_date_covers_as_much_as_one_computed_at_once(found: np.ndarray) -> None:
    bounds = dict.fromkeys(NAMES, 4.0)
    front = Front(NAMES, bounds)
    for trial in trials(found):
        front.add(trial)
    assert front.hypervolume == pytest.approx(hypervolume(found / 4.0))


def test_a_front_without_all_bounds_has_no_hypervolume() -> None:
    assert Front(NAMES, {"error": 1.0}).hypervolume is None
    assert Front(NAMES, dict.fromkeys(NAMES, 1.0)).hypervolume == 0.0
