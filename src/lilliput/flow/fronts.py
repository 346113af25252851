"""`front`: the Pareto front of a search, with everything that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lilliput.config import Settings
from lilliput.flow.evaluation import Limits
from lilliput.flow.files import read_json
from lilliput.flow.final import MEASUREMENT, RECORD
from lilliput.flow.run_directory import RunDirectory, opened
from lilliput.flow.studies import read_study
from lilliput.results import Cost, Trial
from lilliput.search.front import pareto_front
from lilliput.targets import board


def front(run: str | Path) -> list[dict[str, Any]]:
    """The front of a search, the most accurate first: one object a network.

    Keys: `trial state architecture sparsity accuracy accuracy_of within_budget ram_bytes
    ram_bytes_without_input weights_bytes code_bytes macs cycles cycles_with_flash directory measurement`.
    `accuracy` is that of the generated C: on the test split where the final stage has measured the network,
    else on the validation split (`accuracy_of` says which).  `within_budget` tells whether all bounds but
    the error's are kept.  `measurement` is what `measure --json` prints, null where there is none.

    Raises:
        ConfigError: there is no search in this folder.
        StudyError: its study is damaged.
    """
    directory, settings = opened(run)
    study = read_study(directory, settings)
    return rows(directory, study.trials, settings)


def rows(run: RunDirectory, trials: Sequence[Trial], settings: Settings) -> list[dict[str, Any]]:
    """The front of these trials as `front` gives it."""
    measured = run.measured()
    of_front = {trial.number: trial for trial in pareto_front(trials, settings.objectives)}
    of_front |= {trial.number: trial for trial in trials if trial.number in measured}
    limits = Limits(settings.budget, board(settings.board))
    found = [_row(run, trial, trial.number in measured, limits) for trial in of_front.values()]
    # Test accuracies come first: they are not to be compared with those of short trainings.
    return sorted(found, key=lambda row: (row["accuracy_of"] != "test", -row["accuracy"], row["trial"]))


def _row(run: RunDirectory, trial: Trial, measured: bool, limits: Limits) -> dict[str, Any]:
    info = dict(trial.info)
    measurement = None
    accuracy, of = 1.0 - trial.values["error"], "validation"
    if measured:
        measurement = read_json(run.front(trial.number) / MEASUREMENT)
        info |= read_json(run.front(trial.number) / RECORD)
        accuracy, of = measurement["accuracy"], "test"
    return {
        "trial": trial.number,
        "state": trial.state,
        "architecture": dict(trial.architecture),
        "sparsity": info.get("sparsity"),
        "accuracy": accuracy,
        "accuracy_of": of,
        "within_budget": not limits.broken(_cost(info)),
        "ram_bytes": info["arena_bytes"],
        "ram_bytes_without_input": info["arena_without_input_bytes"],
        "weights_bytes": info["weights_bytes"],
        "code_bytes": info["code_bytes"],
        "macs": info["macs"],
        "cycles": info.get("cycles"),
        "cycles_with_flash": info.get("cycles_with_flash"),
        "directory": str(run.front(trial.number)) if measured else None,
        "measurement": measurement,
    }


def _cost(info: Mapping[str, Any]) -> Cost:
    """The cost that `lilliput.flow.evaluation.facts` wrote down."""
    return Cost(
        arena_bytes=info["arena_bytes"],
        arena_without_input_bytes=info["arena_without_input_bytes"],
        weights_bytes=info["weights_bytes"],
        code_bytes=info["code_bytes"],
        macs=info["macs"],
        cycles=info.get("cycles"),
        cycles_with_flash=info.get("cycles_with_flash"),
    )
