"""Strategies are functions of history and generator, and do what the papers say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from tests.search import cheap

from lilliput.results import Trial
from lilliput.search import aging_evolution, random_search, tournament
from lilliput.search.cnn import CnnSpace
from lilliput.search.scalarize import random_weights, scalarize

SPACE = CnnSpace()
SETTINGS = cheap.settings(population=6, sample=3, bounds={"error": 0.1, "macs": 1000.0})


def history(count: int, state: str = "complete") -> list[Trial]:
    """Trials of which the later ones are worse in everything."""
    rng = np.random.default_rng(count)
    return [
        Trial(
            number,
            state,
            SPACE.encode(SPACE.sample(rng)),
            {"error": 0.01 * (number + 1), "ram_bytes": 1.0, "flash_bytes": 1.0, "macs": 10.0 * (number + 1)},
            {"sparsity": 0.5, "rung_errors": []},
        )
        for number in range(count)
    ]


def proposals(trials: list[Trial], count: int = 200, **changes: object) -> list[aging_evolution.Proposal]:
    rng = np.random.default_rng(0)
    return [aging_evolution.propose(trials, SPACE, replace(SETTINGS, **changes), rng) for _ in range(count)]


@pytest.mark.parametrize("propose", [random_search.propose, aging_evolution.propose, tournament.propose])
def test_a_proposal_depends_on_history_and_generator_only(propose: aging_evolution.propose) -> None:
    trials = history(20)
    first = [propose(trials, SPACE, SETTINGS, np.random.default_rng([5, k])) for k in range(20)]
    again = [
        propose(tuple(trials), SPACE, SETTINGS, np.random.default_rng([5, k])) for k in reversed(range(20))
    ]
    assert first == again[::-1]


def test_random_search_knows_no_parents() -> None:
    found = random_search.propose(history(20), SPACE, SETTINGS, np.random.default_rng(0))
    assert (found.parent, found.morphism) == (None, None)


def test_evolution_starts_at_random_until_the_population_is_full() -> None:
    assert {found.parent for found in proposals(history(5))} == {None}
    assert {found.parent for found in proposals([*history(5), *history(9, "failed")])} == {None}
    assert None not in {found.parent for found in proposals(history(6))}


def test_only_the_newest_are_parents_and_the_oldest_die() -> None:
    assert {found.parent for found in proposals(history(20), sample=1)} == set(range(14, 20))


def test_the_best_of_the_sample_is_the_parent() -> None:
    # 14 dominates: it wins whenever it is among three drawn with replacement from six.
    parents = Counter(found.parent for found in proposals(history(20), count=600))
    assert abs(parents[14] / 600 - (1 - (5 / 6) ** 3)) < 0.07
    assert parents[19] / 600 < 0.03


def test_a_child_is_one_morphism_from_its_parent() -> None:
    trials = history(6)
    for found in proposals(trials, count=30):
        assert found.parent is not None
        assert found.morphism is not None
        assert SPACE.encode(found.architecture) != trials[found.parent].architecture


def test_stopped_trials_are_parents_and_failed_ones_are_not() -> None:
    trials = [
        *history(3),
        *(replace(trial, number=trial.number + 3, state="stopped") for trial in history(3)),
    ]
    trials.append(replace(history(1, "failed")[0], number=6, values={}))
    assert {found.parent for found in proposals(trials, sample=1)} == set(range(6))


def test_sparsity_moves_in_small_steps_within_its_range() -> None:
    steps = [found.sparsity for found in proposals(history(6), count=400)]
    assert abs(np.std([step - 0.5 for step in steps]) - 0.05) < 0.01
    narrow = [found.sparsity for found in proposals(history(6), sparsity=(0.48, 0.52))]
    assert min(narrow) == 0.48
    assert max(narrow) == 0.52
    assert {found.sparsity for found in proposals(history(6), sparsity=None)} == {None}
    first = [found.sparsity for found in proposals([], count=400)]
    assert stats.kstest(first, stats.uniform(0.1, 0.7).cdf).pvalue > 0.01


def test_weights_are_reciprocals_of_uniform_numbers_up_to_the_bound() -> None:
    rng = np.random.default_rng(0)
    drawn = [random_weights({"macs": 500.0, "error": 0.1}, rng) for _ in range(4000)]
    for name, bound in (("error", 0.1), ("macs", 500.0)):
        reciprocals = [1.0 / weights[name] for weights in drawn]
        assert min(reciprocals) > 0.0
        assert max(reciprocals) <= bound * (1 + 1e-12)
        assert stats.kstest(reciprocals, stats.uniform(0.0, bound).cdf).pvalue > 0.01


def test_weights_do_not_depend_on_the_order_of_the_bounds() -> None:
    one = random_weights({"error": 0.1, "macs": 9.0}, np.random.default_rng(1))
    other = random_weights({"macs": 9.0, "error": 0.1}, np.random.default_rng(1))
    assert one == other


def test_the_scalar_is_the_largest_weighted_objective() -> None:
    values = {"error": 0.2, "macs": 100.0, "ram_bytes": 1e9}
    assert scalarize(values, {"error": 10.0, "macs": 0.01}) == 2.0
    assert scalarize(values, {"error": 1.0, "macs": 0.01}) == 1.0


def tournament_parents(trials: list[Trial], count: int = 300, **changes: object) -> Counter[int | None]:
    rng = np.random.default_rng(0)
    wanted = replace(SETTINGS, offspring=3, **changes)
    return Counter(tournament.propose(trials, SPACE, wanted, rng).parent for _ in range(count))


def test_a_tournament_starts_at_random_until_the_population_is_full() -> None:
    assert set(tournament_parents(history(5))) == {None}
    assert set(tournament_parents([*history(5), *history(9, "failed")])) == {None}
    assert None not in tournament_parents(history(6))


def test_the_children_of_a_generation_come_from_one_population() -> None:
    # Errors fall with the number: each trial is better than all before it.
    trials = [replace(trial, values={"error": 1.0 - 0.01 * trial.number}) for trial in history(12)]
    for count, population in (
        (6, range(6)),
        (7, range(6)),
        (8, range(6)),
        (9, range(3, 9)),
        (12, range(6, 12)),
    ):
        found = tournament.survivors(trials[:count], replace(SETTINGS, offspring=3))
        assert {trial.number for trial in found} == set(population)
        assert set(tournament_parents(trials[:count])) <= set(population)


def test_the_worst_of_a_generation_leave() -> None:
    trials = history(12)  # each is worse than all before it
    assert set(tournament_parents(trials)) <= set(range(6))


def test_the_best_of_a_sample_wins() -> None:
    # The best k of 6 win samples of 3 with 10/20, 6/20, 3/20 and 1/20; the two worst never do.
    found = tournament_parents(history(6), count=4000)
    shares = [found[number] / 4000 for number in range(6)]
    assert np.allclose(shares, [0.5, 0.3, 0.15, 0.05, 0.0, 0.0], atol=0.03)
    assert set(tournament_parents(history(6), sample=99)) == {0}
