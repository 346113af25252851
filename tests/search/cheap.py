"""A search that is over in seconds: the whole machinery with an evaluation that only computes a hash."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy

from lilliput.errors import TrainingError
from lilliput.results import Trial
from lilliput.search.cnn import CnnSpace
from lilliput.search.cnn_architecture import CnnArchitecture
from lilliput.search.evaluation import Callbacks, Job, Outcome
from lilliput.search.settings import StudySettings
from lilliput.search.study import Study, open_study


@sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "connect")
def do_not_wait_for_the_disk(connection: object, record: object) -> None:
    """What a killed process has written, the system keeps; only a power cut is not tested here."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


BOUNDS = {"error": 0.1, "ram_bytes": 30_000.0, "flash_bytes": 60_000.0, "macs": 1e6}


def settings(**changes: Any) -> StudySettings:
    """Settings in which every feature of a search is at work."""
    common: dict[str, Any] = {
        "trials": 20,
        "population": 6,
        "sample": 3,
        "bounds": BOUNDS,
        "sparsity": (0.1, 0.8),
        "rungs": (3, 9),
        "rung_after": 3,
        "fill": 0.3,
    }
    return StudySettings(**{**common, **changes})


def number_from(architecture: Mapping[str, Any], salt: str) -> int:
    """A whole number that only the architecture and `salt` decide."""
    text = json.dumps(architecture, sort_keys=True) + salt
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


@dataclass(frozen=True)
class Limit:
    """A broken limit."""

    name: str
    value: float
    limit: float


def size(architecture: CnnArchitecture) -> int:
    """A cost that grows with the architecture."""
    layers = [layer for block in architecture.blocks for layer in block.layers]
    return sum((layer.channels or 8) * layer.kernel**2 for layer in layers) + sum(architecture.units)


def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
    """About every second random architecture is too large."""
    found = size(architecture)
    return (Limit("flash_bytes", found, 12_000),) if found > 12_000 else ()


def predict(architecture: CnnArchitecture, sparsity: float | None) -> dict[str, float]:
    """The cost before training."""
    return {"flash_bytes": float(size(architecture))}


@dataclass(frozen=True)
class Evaluate:
    """Costs nothing but `seconds`; one architecture in eleven fails."""

    seconds: float = 0.0

    def __call__(self, job: Job) -> Outcome:
        time.sleep(self.seconds)
        if number_from(job.architecture, "fate") % 11 == 0:
            raise TrainingError(f"trial {job.number} diverged", "its loss is not finite", "")
        errors: list[float] = []
        stopped = False
        for rung, epochs in enumerate(job.judge.epochs):
            errors.append(number_from(job.architecture, f"rung {epochs}") % 1000 / 1000)
            if not job.judge.goes_on(rung, errors[-1]):
                stopped = True
                break
        error = (
            errors[-1]
            if stopped
            else number_from(job.architecture, f"error {job.sparsity} {job.seed}") % 1000 / 1000
        )
        values = {
            "error": error,
            "ram_bytes": number_from(job.architecture, "ram") % 60_000,
            "flash_bytes": number_from(job.architecture, "flash") % 120_000,
            "macs": number_from(job.architecture, "macs") % 2_000_000,
        }
        return Outcome(values, {"process": os.getpid()}, tuple(errors), stopped)


class DieOn:
    """Ends its own process the first `times` times that it sees a trial."""

    def __init__(self, number: int, folder: Path, times: int) -> None:
        self.number, self.folder, self.times = number, folder, times

    def __call__(self, job: Job) -> Outcome:
        marks = len(list(self.folder.glob("death*")))
        if job.number == self.number and marks < self.times:
            (self.folder / f"death{marks}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Evaluate()(job)


def callbacks(seconds: float = 0.0, **changes: Any) -> Callbacks[CnnArchitecture]:
    """The callbacks of a cheap search."""
    common: dict[str, Any] = {"evaluate": Evaluate(seconds), "feasible": feasible, "predict": predict}
    return Callbacks(**{**common, **changes})


def run(
    folder: Path, wanted: StudySettings | None = None, seconds: float = 0.0, **changes: Any
) -> tuple[Trial, ...]:
    """Runs a study in `folder` to its end, a new one or one that goes on; returns its trials."""
    with open_study(folder, CnnSpace(), wanted or settings()) as study:
        study.run(callbacks(seconds, **changes))
        return study.trials


def outcome(trials: tuple[Trial, ...]) -> list[dict[str, Any]]:
    """What has to be the same whenever the same study is run: all but times and processes."""
    own = {"seconds", "process"}
    return [
        {
            "number": trial.number,
            "state": trial.state,
            "architecture": trial.architecture,
            "values": dict(trial.values),
            "info": {name: value for name, value in trial.info.items() if name not in own},
        }
        for trial in trials
    ]


__all__ = ["Study", "callbacks", "outcome", "run", "settings"]
