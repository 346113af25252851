"""A trial climbs by comparison with those that cost no more than it does."""

from __future__ import annotations

from tests.search import cheap

from lilliput.results import Trial
from lilliput.search.judge import Judge, judge_for

SETTINGS = cheap.settings(rungs=(3, 9), rung_share=0.5, rung_after=3)


def trial(number: int, errors: list[float], macs: float = 10.0, state: str = "complete") -> Trial:
    return Trial(
        number, state, {}, {}, {"rung_errors": errors, "predicted": {"macs": macs, "ram_bytes": 5.0}}
    )


def judge(history: list[Trial], macs: float = 10.0, share: float = 0.5) -> Judge:
    settings = cheap.settings(rungs=(3, 9), rung_share=share, rung_after=3)
    return judge_for(history, settings, {"macs": macs, "ram_bytes": 5.0})


def test_without_rungs_there_is_nothing_to_judge() -> None:
    assert judge_for([trial(0, [0.5])], cheap.settings(rungs=()), {}) == Judge()


def test_the_first_trials_climb_without_comparison() -> None:
    assert judge([trial(0, [0.1, 0.1]), trial(1, [0.1, 0.1])]).limits == (None, None)


def test_the_best_share_climbs() -> None:
    history = [trial(number, [error, error / 2]) for number, error in enumerate((0.4, 0.1, 0.3, 0.2, 0.5))]
    found = judge(history)
    # Of six with the newcomer three climb: it has to be as good as the third of the five.
    assert found.limits == (0.3, 0.15)
    assert found.goes_on(0, 0.3)
    assert not found.goes_on(0, 0.31)
    assert judge(history, share=1.0).limits == (None, None)
    assert judge(history, share=0.1).limits == (0.1, 0.05)


def test_only_what_costs_no_more_in_any_respect_is_compared_with() -> None:
    cheap_ones = [trial(number, [0.5], macs=8.0) for number in range(3)]
    dear_ones = [trial(number, [0.1], macs=20.0) for number in range(3, 9)]
    assert judge([*cheap_ones, *dear_ones], macs=10.0).limits == (0.5, None)
    assert judge([*cheap_ones, *dear_ones], macs=20.0).limits == (0.1, None)
    assert judge([*cheap_ones, *dear_ones], macs=7.0).limits == (None, None)


def test_each_rung_counts_those_that_reached_it() -> None:
    history = [trial(number, [0.1 * number]) for number in range(4)]
    history += [trial(number, [0.9, 0.2], state="stopped") for number in range(4, 7)]
    found = judge(history)
    assert found.limits[0] is not None
    assert found.limits[1] == 0.2


def test_trials_that_failed_before_a_rung_do_not_count() -> None:
    failed = [
        Trial(number, "failed", {}, {}, {"predicted": {"macs": 1.0, "ram_bytes": 1.0}}) for number in range(9)
    ]
    assert judge(failed).limits == (None, None)
