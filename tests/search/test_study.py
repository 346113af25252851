"""A study writes every trial down and goes on where it was, whatever ended it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from tests.search import cheap

from lilliput.errors import BudgetError, ConfigError, LilliputError, StudyError
from lilliput.search.cnn import CnnSpace
from lilliput.search.evaluation import Job, Outcome, Progress
from lilliput.search.front import pareto_front
from lilliput.search.space import structure
from lilliput.search.study import StudyInterrupted, open_study

SPACE = CnnSpace()


def stored(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name="lilliput", storage=f"sqlite:///{folder}/study.db")


def test_the_same_settings_give_the_same_trials(tmp_path: Path) -> None:
    first = cheap.run(tmp_path / "one")
    assert cheap.outcome(first) == cheap.outcome(cheap.run(tmp_path / "two"))
    assert cheap.outcome(first) != cheap.outcome(cheap.run(tmp_path / "three", cheap.settings(seed=1)))
    assert [trial.number for trial in first] == list(range(20))
    assert {trial.state for trial in first} == {"complete", "stopped", "failed"}


def test_optuna_reads_the_study_as_it_is(tmp_path: Path) -> None:
    trials = cheap.run(tmp_path)
    study = stored(tmp_path)
    assert study.metric_names == ["error", "ram_bytes", "flash_bytes", "macs"]
    assert all(direction.name == "MINIMIZE" for direction in study.directions)
    assert [trial.user_attrs["architecture"] for trial in study.trials] == [
        trial.architecture for trial in trials
    ]
    states = {"complete": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}
    assert [trial.state.name for trial in study.trials] == [states[trial.state] for trial in trials]
    for ours, theirs in zip(trials, study.trials, strict=True):
        assert list(ours.values.values()) == (theirs.values or [])
    assert {trial.user_attrs["proposal"] for trial in study.best_trials} == {
        trial.number for trial in pareto_front(trials, study.metric_names)
    }


def test_a_trial_tells_where_it_comes_from(tmp_path: Path) -> None:
    trials = cheap.run(tmp_path)
    children = [trial for trial in trials if trial.info["parent"] is not None]
    assert children
    for child in children:
        parent = trials[child.info["parent"]]
        assert parent.state != "failed"
        assert parent.number < child.number
        assert isinstance(child.info["morphism"], str)
    assert all(0.1 <= trial.info["sparsity"] <= 0.8 for trial in trials)
    assert len({trial.info["seed"] for trial in trials}) == len(trials)
    assert sum(trial.info["dropped"] for trial in trials) > 0
    assert all(trial.info["dropped_by"].keys() <= {"flash_bytes"} for trial in trials)
    assert all(cheap.size(SPACE.decode(trial.architecture)) <= 12_000 for trial in trials)


def test_a_finished_study_only_opens(tmp_path: Path) -> None:
    before = cheap.run(tmp_path)

    def never(job: Job) -> Outcome:
        raise AssertionError

    assert cheap.run(tmp_path, evaluate=never) == before


def test_a_study_can_be_made_longer(tmp_path: Path) -> None:
    cheap.run(tmp_path / "grown", cheap.settings(trials=9))
    grown = cheap.run(tmp_path / "grown", cheap.settings(trials=14))
    assert cheap.outcome(grown) == cheap.outcome(cheap.run(tmp_path / "whole", cheap.settings(trials=14)))


def test_ctrl_c_keeps_what_was_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    def interrupted(job: Job) -> Outcome:
        if job.number == 7:
            raise KeyboardInterrupt
        return cheap.Evaluate()(job)

    with open_study(tmp_path / "one", SPACE, cheap.settings()) as study:
        with pytest.raises(StudyInterrupted, match=r"after 7 of 20 trials(.|\n)*--resume"):
            study.run(cheap.callbacks(evaluate=interrupted))
        assert len(study.trials) == 7
    trial = stored(tmp_path / "one").trials[7]
    assert trial.state.name == "FAIL"
    assert trial.user_attrs["outcome"] == {"reason": "interrupted"}
    resumed = cheap.run(tmp_path / "one")
    assert cheap.outcome(resumed) == cheap.outcome(cheap.run(tmp_path / "two"))


def test_one_object_can_run_again_after_an_interruption(tmp_path: Path) -> None:
    calls = []

    def interrupted(job: Job) -> Outcome:
        calls.append(job.number)
        if len(calls) in (3, 5):
            raise KeyboardInterrupt
        return cheap.Evaluate()(job)

    with open_study(tmp_path / "one", SPACE, cheap.settings(trials=9)) as study:
        for _ in range(2):
            with pytest.raises(StudyInterrupted):
                study.run(cheap.callbacks(evaluate=interrupted))
        study.run(cheap.callbacks(evaluate=interrupted))
        trials = study.trials
    assert cheap.outcome(trials) == cheap.outcome(cheap.run(tmp_path / "two", cheap.settings(trials=9)))


def test_an_unexpected_error_ends_the_search_and_leaves_it_resumable(tmp_path: Path) -> None:
    def broken(job: Job) -> Outcome:
        if job.number == 4:
            raise ZeroDivisionError("a bug")
        return cheap.Evaluate()(job)

    with pytest.raises(ZeroDivisionError):
        cheap.run(tmp_path / "one", evaluate=broken)
    assert cheap.outcome(cheap.run(tmp_path / "one")) == cheap.outcome(cheap.run(tmp_path / "two"))


def test_a_failed_training_is_recorded_and_not_repeated(tmp_path: Path) -> None:
    failed = [trial for trial in cheap.run(tmp_path) if trial.state == "failed"]
    assert failed
    assert all("its loss is not finite" in trial.info["reason"] for trial in failed)
    assert all(not trial.values for trial in failed)


def test_a_value_that_is_no_number_fails_the_trial(tmp_path: Path) -> None:
    def nan(job: Job) -> Outcome:
        return Outcome({**dict.fromkeys(cheap.BOUNDS, 1.0), "error": float("nan") if job.number else 0.5})

    first, second = cheap.run(tmp_path, cheap.settings(trials=2), evaluate=nan)
    assert (first.state, second.state) == ("complete", "failed")
    assert second.info["reason"] == "error is nan"


def test_an_objective_without_value_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="gave no macs"):
        cheap.run(
            tmp_path, evaluate=lambda job: Outcome({"error": 1.0, "ram_bytes": 1.0, "flash_bytes": 1.0})
        )


def test_failures_without_end_end_the_search(tmp_path: Path) -> None:
    def nan(job: Job) -> Outcome:
        return Outcome(dict.fromkeys(cheap.BOUNDS, float("inf")))

    with pytest.raises(StudyError, match=r"10 trials failed one after the other(.|\n)*error is inf"):
        cheap.run(tmp_path, evaluate=nan)


def test_nothing_is_trained_when_nothing_fits(tmp_path: Path) -> None:
    def too_large(architecture: Any, sparsity: float | None) -> tuple[cheap.Limit, ...]:
        return (cheap.Limit("ram_bytes", 400.0 + len(architecture.blocks), 100.0),)

    def never(job: Job) -> Outcome:
        raise AssertionError

    with pytest.raises(BudgetError, match=r"ram_bytes at most 100(.|\n)*set ram_bytes = 401 or more"):
        cheap.run(tmp_path, cheap.settings(max_draws=400), evaluate=never, feasible=too_large)


def test_no_architecture_is_evaluated_twice(tmp_path: Path) -> None:
    trials = cheap.run(tmp_path, cheap.settings(trials=24))
    encoded = [json.dumps(trial.architecture, sort_keys=True) for trial in trials]
    assert len(set(encoded)) == len(encoded)


def test_architectures_with_one_identity_are_evaluated_once(tmp_path: Path) -> None:
    def identity(architecture: Any) -> str:
        return structure(SPACE.to_net(architecture, (2, 2, 1), 2, "candidate"))

    def small(architecture: Any, sparsity: float | None) -> tuple[cheap.Limit, ...]:
        blocks = len(architecture.blocks)
        return (cheap.Limit("macs", blocks, 2),) if blocks > 2 else ()

    trials = cheap.run(tmp_path, cheap.settings(trials=24), identity=identity, feasible=small)
    identities = [identity(SPACE.decode(trial.architecture)) for trial in trials]
    assert len(set(identities)) == len(identities)
    assert sum(trial.info["duplicates"] for trial in trials) > 0


def test_progress_tells_the_front_so_far_and_the_time_left(tmp_path: Path) -> None:
    seen: list[Progress] = []
    trials = cheap.run(tmp_path, on_progress=seen.append, seconds=0.002)
    assert [progress.done for progress in seen] == list(range(1, 21))
    assert all(progress.total == 20 for progress in seen)
    objectives = cheap.settings().objectives
    for progress in seen:
        assert progress.front == pareto_front(trials[: progress.done], objectives)
    covered = [progress.hypervolume for progress in seen]
    assert covered == sorted(covered, key=lambda share: share or 0.0)
    assert seen[0].seconds_left > seen[-1].seconds_left == 0.0
    assert seen[-1].dropped == sum(trial.info["dropped"] for trial in trials)


def test_keep_is_told_which_weights_the_front_needs(tmp_path: Path) -> None:
    kept: list[frozenset[int]] = []
    trials = cheap.run(tmp_path / "front", cheap.settings(keep_weights="front"), keep=kept.append)
    for done, numbers in enumerate(kept, start=1):
        front = pareto_front(trials[:done], cheap.settings().objectives)
        assert numbers == {trial.number for trial in front}
    cheap.run(
        tmp_path / "all", cheap.settings(keep_weights="all"), keep=lambda numbers: pytest.fail("keeps all")
    )


def test_time_that_is_over_ends_the_proposals(tmp_path: Path) -> None:
    trials = cheap.run(tmp_path, cheap.settings(trials=10_000, minutes=0.005), seconds=0.01)
    assert len(trials) < 40


def test_rungs_stop_trials_by_what_came_before(tmp_path: Path) -> None:
    trials = cheap.run(tmp_path, cheap.settings(trials=24))
    reached = [len(trial.info["rung_errors"]) for trial in trials if trial.state != "failed"]
    assert {1, 2} == set(reached)
    assert all(len(trial.info["rung_errors"]) == 2 for trial in trials if trial.state == "complete")
    free = cheap.run(tmp_path / "free", cheap.settings(rungs=(), trials=8))
    assert all(trial.state != "stopped" and "rung_errors" not in trial.info for trial in free)


def test_resuming_with_other_settings_lists_what_differs(tmp_path: Path) -> None:
    about = {"board": "nucleo-f446re", "data": {"name": "digits", "seed": 0}}
    few = cheap.settings(trials=3)
    with open_study(tmp_path, SPACE, few, about) as study:
        study.run(cheap.callbacks())
    other = {"board": "rp2040", "data": {"name": "digits", "seed": 0}}
    with (
        pytest.raises(StudyError) as caught,
        open_study(tmp_path, SPACE, replace(few, population=9), other, resume=True),
    ):
        pass
    assert caught.value.why == 'board was "nucleo-f446re", is "rp2040"; search.population was 6, is 9'
    longer = replace(few, trials=5, workers=2, minutes=9.0, keep_weights="front", max_draws=9)
    with open_study(tmp_path, SPACE, longer, about, resume=True) as study:
        assert len(study.trials) == 3


def test_starting_over_an_existing_study_is_refused(tmp_path: Path) -> None:
    cheap.run(tmp_path, cheap.settings(trials=2))
    with (
        pytest.raises(StudyError, match="holds a study already"),
        open_study(tmp_path, SPACE, cheap.settings(), resume=False),
    ):
        pass


def test_resuming_nothing_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(StudyError, match="there is no study"),
        open_study(tmp_path / "run", SPACE, cheap.settings(), resume=True),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_study_without_trials_starts_anew_with_any_settings(tmp_path: Path) -> None:
    with open_study(tmp_path, SPACE, cheap.settings(objectives=("error",), bounds={"error": 0.1})):
        pass
    with open_study(tmp_path, SPACE, cheap.settings(trials=2), resume=False) as study:
        study.run(cheap.callbacks())
        assert len(study.trials) == 2


def test_two_processes_cannot_run_one_study(tmp_path: Path) -> None:
    with (
        open_study(tmp_path, SPACE, cheap.settings()),
        pytest.raises(StudyError, match="another process is running the study"),
        open_study(tmp_path, SPACE, cheap.settings()),
    ):
        pass
    with open_study(tmp_path, SPACE, cheap.settings()):
        pass


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"trials": 0}, "trials"),
        ({"strategy": "annealing"}, "strategy"),
        ({"bounds": {}}, "bounds"),
        ({"bounds": {"cycles": 1e6}}, "cycles"),
        ({"bounds": {"error": float("nan")}}, "error"),
        ({"objectives": ("ram_bytes",)}, "objectives"),
        ({"objectives": ("error", "beauty")}, "objectives"),
        ({"sparsity": (0.9, 0.1)}, "sparsity"),
        ({"rungs": (9, 3)}, "rungs"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    with (
        pytest.raises(ConfigError, match=named),
        open_study(tmp_path / "run", SPACE, cheap.settings(**changes)),
    ):
        pass
    assert not (tmp_path / "run").exists()


def test_every_error_says_what_to_do_next(tmp_path: Path) -> None:
    cheap.run(tmp_path, cheap.settings(trials=2))
    for changes, resume in (({"seed": 3}, True), ({}, False)):
        with (
            pytest.raises(LilliputError) as caught,
            open_study(tmp_path, SPACE, cheap.settings(**changes), resume=resume),
        ):
            pass
        assert caught.value.hint
