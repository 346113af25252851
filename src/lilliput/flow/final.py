"""The final stage: networks of the front are trained at length, compiled and measured, each once.

A network is done when front/<trial>/ is there, which appears whole.  Trainings under way are kept after every
epoch, so that an interruption costs an epoch at most.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lilliput.config import FinalSettings, Settings
from lilliput.data import Dataset, Split
from lilliput.errors import BudgetError, MeasureError
from lilliput.flow.building import Built
from lilliput.flow.compiling import write_library
from lilliput.flow.evaluation import Evaluator, facts, load_data
from lilliput.flow.files import whole_directory, write_json, write_with
from lilliput.flow.measuring import inputs_and_classes
from lilliput.flow.progress import Watcher
from lilliput.flow.run_directory import RunDirectory
from lilliput.measure.measuring import measure
from lilliput.net import Net
from lilliput.net.storage import load as load_net
from lilliput.net.storage import save
from lilliput.results import Measurement, Trial
from lilliput.search import pool
from lilliput.search.draw import number

MEASUREMENT = "measurement.json"
RECORD = "final.json"
FLOAT_MODEL = "float.safetensors"


@dataclass(frozen=True)
class FinalJob:
    """One network of the front to train at length."""

    trial: int
    architecture: Mapping[str, Any]
    sparsity: float | None
    seed: int


def chosen(front: Sequence[Trial], settings: Settings) -> tuple[Trial, ...]:
    """The networks of the final stage: so many of those within the budget, picked as [final] says."""
    bounds = _bounds(settings)
    fitting = [trial for trial in front if not _broken(trial, bounds)]
    fitting.sort(key=lambda trial: (trial.values["error"], trial.number))
    if settings.final.pick == "spread":
        good = [trial for trial in fitting if trial.values["error"] <= (settings.budget.error or 1.0)]
        fitting = spread(good or fitting, settings.objectives)
    return tuple(fitting[: settings.final.networks])


def require_one(front: Sequence[Trial], settings: Settings, run: RunDirectory) -> None:
    """Refuses bounds that no network of a front keeps, where the final stage is asked for some.

    Raises:
        BudgetError: names the bounds and the smallest values on the front.
    """
    if not front or not settings.final.networks or chosen(front, settings):
        return
    bounds = _bounds(settings)
    broken = [_broken(trial, bounds) for trial in front]
    # A bound that every network breaks is impossible by itself; else the nearest one tells what is needed.
    alone = {
        name: min(values[name] for values in broken)
        for name in bounds
        if all(name in values for values in broken)
    }
    nearest = min(broken, key=lambda values: sum(values[name] / max(bounds[name], 1e-9) for name in values))
    needed = alone or nearest
    tables = {name: "final.budget" if name in settings.final.budget.bounds else "budget" for name in needed}
    enough = " and ".join(f"{tables[name]}.{name} = {number(value)}" for name, value in needed.items())
    named = ", ".join(f"{tables[name]}.{name} at most {number(bounds[name])}" for name in needed)
    who = f"the smallest of the {len(front)}" if alone else f"the nearest of the {len(front)}"
    raise BudgetError(
        f"no network of the front of {run.path} keeps the budget of the final stage: {named}",
        f"{who} on it needs {enough}; none was trained further, and what was found is kept",
        f"set {enough} or more, then go on with --resume",
    )


def _bounds(settings: Settings) -> dict[str, float]:
    """What networks of the final stage must keep: the limits of [final] and, but for the error, of all."""
    wanted = settings.final.budget.bounds
    bounds = {name: bound for name, bound in settings.budget.bounds.items() if name != "error"}
    return {name: min(bound, wanted.get(name, bound)) for name, bound in (*wanted.items(), *bounds.items())}


def _broken(trial: Trial, bounds: Mapping[str, float]) -> dict[str, float]:
    """What a trial needs of each bound that it exceeds."""
    return {name: trial.values[name] for name, bound in bounds.items() if trial.values.get(name, 0.0) > bound}


def spread(trials: Sequence[Trial], objectives: Sequence[str]) -> list[Trial]:
    """The trials, the first one first, then always the one that is farthest from all before it.

    The distance of two trials is that of the logarithms of their values: a factor counts the same everywhere.
    """
    places = np.log([[max(trial.values[name], 1e-4) for name in objectives] for trial in trials])
    order = [0] if len(trials) else []
    while len(order) < len(trials):
        distances = np.linalg.norm(places[:, None] - places[None, order], axis=2).min(axis=1)
        distances[order] = -1.0
        order.append(int(distances.argmax()))
    return [trials[index] for index in order]


def finish(
    trials: Sequence[Trial], settings: Settings, run: RunDirectory, workers: int, watcher: Watcher
) -> None:
    """Trains, compiles and measures what is not yet done.

    Raises:
        MeasureError: the firmware of a network differs from the reference.
        ToolchainError: there is no compiler for the board.
        LilliputError: see `Evaluator`.
    """
    done = set(run.measured())
    jobs = [
        FinalJob(trial.number, trial.architecture, trial.info.get("sparsity"), int(trial.info.get("seed", 0)))
        for trial in trials
        if trial.number not in done
    ]
    watcher.stage("final training", len(trials), len(trials) - len(jobs))
    if not jobs:
        return
    processes = min(workers, len(jobs))
    running: pool.Pool[FinalJob, str] = pool.start(Finisher(settings, run, processes), processes)
    waiting, in_flight = list(jobs), 0
    try:
        while waiting or in_flight:
            while waiting and running.idle:
                running.submit(waiting.pop(0))
                in_flight += 1
            _, result = running.wait()
            in_flight -= 1
            if isinstance(result, Exception):
                raise result
            watcher.step(result)
    finally:
        running.close()


@dataclass(frozen=True)
class Finisher:
    """Does one `FinalJob`; goes to worker processes as it is.

    Attributes:
        settings: of the search.
        run: where everything lies.
        workers: processes that share this machine's cores.
    """

    settings: Settings
    run: RunDirectory
    workers: int = 1

    @cached_property
    def evaluator(self) -> Evaluator:
        """What the search asked of an architecture."""
        return Evaluator(self.settings, self.run, self.workers)

    @cached_property
    def data(self) -> Dataset:
        """All three splits."""
        return load_data(self.settings.data)

    def __getstate__(self) -> dict[str, Any]:
        """Workers load their own data."""
        return {name: getattr(self, name) for name in ("settings", "run", "workers")}

    def __call__(self, job: FinalJob) -> str:
        """Trains, compiles, measures and writes front/<trial>/; returns a line for people."""
        start = time.monotonic()
        final = self.settings.final
        attempts = [self._attempt(job, index) for index in range(final.seeds)]
        # Without a validation split there is one attempt, and nothing to choose by.
        best = min(attempts, key=lambda attempt: attempt.error if attempt.error is not None else 0.0)
        accuracy = best.built.accuracy(self.data.test)
        with whole_directory(self.run.front(job.trial)) as part:
            artifact = write_library(part, best.built.net, self.evaluator.board)
            write_with(part / FLOAT_MODEL, lambda path: save(best.net, path))
            inputs, _ = inputs_and_classes(best.built.net, self._vectors(final))
            found = measure(part, "emulator", vectors=inputs)
            found = replace(found, examples=len(self.data.test), accuracy=accuracy)
            self._require_agreement(job, found)
            write_json(part / RECORD, self._record(job, best, time.monotonic() - start))
            write_json(part / MEASUREMENT, found.to_json())
        for index in range(final.seeds):
            self.run.checkpoint(job.trial, index).unlink(missing_ok=True)
        return f"trial {job.trial}: {100 * accuracy:.2f} % of the test split, {artifact.name} measured"

    def _attempt(self, job: FinalJob, index: int) -> _Attempt:
        from lilliput import train

        settings, final = self.settings, self.settings.final
        training = final.training or settings.training
        data = with_validation(self.data) if final.with_validation else self.data
        augment = final.augment or settings.augment
        net, sparsity = self._start(job)
        seed = int(np.random.SeedSequence([job.seed, 1, index]).generate_state(1)[0])
        path = self.run.checkpoint(job.trial, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        fitted = train.fit(
            net,
            data,
            replace(training, threads=training.threads or self.evaluator.threads),
            augment=augment,
            prune=(final.pruning or settings.pruning).over(training.epochs, sparsity),
            seed=seed,
            device=self.evaluator.device,
            checkpoint=path,
        )
        architecture = self.evaluator.space.decode(job.architecture)
        quantizer = self.evaluator.quantizer(architecture, final.qat or settings.quantization.qat, augment)
        built = quantizer.build(fitted.net, data, seed)
        error = None if final.with_validation else 1.0 - built.accuracy(data.validation)
        return _Attempt(fitted.net, built, error, seed)

    def _start(self, job: FinalJob) -> tuple[Net, float | None]:
        """The network that the training starts from, and how much of it is pruned."""
        if self.settings.final.start == "architecture":
            return self.evaluator.net(self.evaluator.space.decode(job.architecture)), job.sparsity
        net = load_net(self.run.float_net(job.trial))
        return (net if self.settings.final.start == "weights" else without_weights(net)), None

    def _vectors(self, final: FinalSettings) -> Split:
        count = min(final.vectors, len(self.data.test))
        return self.data.test.take(np.linspace(0, len(self.data.test) - 1, count).astype(np.int64))

    def _require_agreement(self, job: FinalJob, found: Measurement) -> None:
        if found.mismatches or not found.vectors:
            raise MeasureError(
                f"the firmware of trial {job.trial} does not compute what the reference does",
                f"{found.mismatches} of {found.vectors} vectors differ",
                f"report this with {self.run.integer_net(job.trial)}",
            )

    def _record(self, job: FinalJob, best: _Attempt, seconds: float) -> dict[str, Any]:
        return {
            "trial": job.trial,
            "validation_error": best.error,
            "seed": best.seed,
            "start": self.settings.final.start,
            "with_validation": self.settings.final.with_validation,
            "seconds": round(seconds, 1),
            **facts(best.built),
        }


@dataclass(frozen=True)
class _Attempt:
    net: Net
    built: Built
    error: float | None
    seed: int


def with_validation(data: Dataset) -> Dataset:
    """The data set with the validation examples in the training split, and none left to validate on."""
    x = np.concatenate([data.train.x, data.validation.x])
    y = np.concatenate([data.train.y, data.validation.y])
    return replace(data, train=Split(x, y), validation=Split(data.validation.x[:0], data.validation.y[:0]))


def without_weights(net: Net) -> Net:
    """The same structure, to be trained from scratch."""
    return net.with_ops(net.ops, [replace(tensor, data=None) for tensor in net.tensors.values()])
