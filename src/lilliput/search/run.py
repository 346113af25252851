"""One run of a study: the loop from proposal to stored result."""

from __future__ import annotations

import json
import math
import statistics
import time
from bisect import insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic

import numpy as np

from lilliput.errors import LilliputError, StudyError, TrainingError
from lilliput.results import Trial
from lilliput.search import aging_evolution, pool, random_search, tournament
from lilliput.search.book import Book, Entry
from lilliput.search.draw import draw, filled
from lilliput.search.evaluation import Callbacks, Job, Outcome, Progress
from lilliput.search.front import Front
from lilliput.search.judge import Judge, judge_for
from lilliput.search.proposal import A, Proposal, Strategy
from lilliput.search.settings import StudySettings
from lilliput.search.space import Space

STRATEGIES: Mapping[str, Strategy] = {
    "random": random_search.propose,
    "aging-evolution": aging_evolution.propose,
    "tournament": tournament.propose,
}
"""Every strategy by its name in the settings."""

FAILURES_IN_A_ROW = 10
"""So many failed trials in a row end the search: something else than the architectures is wrong."""


class Run(Generic[A]):
    """From the trials so far to as many as the settings ask for.

    Args:
        space, settings, callbacks: of the search.
        book: where trials are written.
        front, trials: those of the study by now; both grow with every trial that ends.
    """

    def __init__(
        self,
        space: Space[A],
        settings: StudySettings,
        callbacks: Callbacks[A],
        book: Book,
        front: Front,
        trials: list[Trial],
    ) -> None:
        self._space, self._settings, self._callbacks = space, settings, callbacks
        self._book, self._front, self._trials = book, front, trials
        self._identity: Callable[[A], str] = callbacks.identity or self._encoding
        self._seen: set[str] = set()
        self._next_number = 0
        self._dropped = 0
        self._in_flight: dict[int, tuple[Entry, float]] = {}
        self._lost: set[int] = set()
        self._seconds: deque[float] = deque(maxlen=50)
        self._failures = 0
        self._ends = math.inf if settings.minutes is None else time.monotonic() + 60 * settings.minutes

    def until_done(self, again: Sequence[Trial]) -> None:
        """Evaluates `again`, proposals whose evaluation was interrupted, then proposes what is missing."""
        waiting = deque(again)
        for trial in (*self._trials, *again):
            self._seen.add(self._identity(self._space.decode(trial.architecture)))
            self._next_number = max(self._next_number, trial.number + 1)
            self._dropped += int(trial.info.get("dropped", 0))
        if not waiting and self._next_number >= self._settings.trials:
            return
        workers = pool.start(self._callbacks.evaluate, self._settings.workers)
        try:
            self._work(workers, waiting)
        except BaseException:
            workers.close()
            for entry, _ in self._in_flight.values():
                # Where the storage is what failed, the trials stay running there, which means the same.
                with suppress(LilliputError):
                    self._book.interrupt(entry)
            raise
        workers.close()

    def _work(self, workers: pool.Pool[Job, Outcome], waiting: deque[Trial]) -> None:
        while True:
            while workers.idle and (trial := self._next_trial(waiting)) is not None:
                workers.submit(self._begin(trial))
            if not self._in_flight:
                return
            job, result = workers.wait()
            if isinstance(result, pool.WorkerLostError) and job.number not in self._lost:
                # Once may be chance; an architecture that ends its worker twice has failed.
                self._lost.add(job.number)
                workers.submit(job)
            else:
                self._end(job, result)

    def _next_trial(self, waiting: deque[Trial]) -> Trial | None:
        if waiting:
            return waiting.popleft()
        if self._next_number >= self._settings.trials or time.monotonic() >= self._ends:
            return None
        trial = self._propose(self._next_number)
        self._next_number += 1
        return trial

    def _propose(self, number: int) -> Trial:
        settings = self._settings
        strategy = STRATEGIES[settings.strategy]

        def proposed(rng: np.random.Generator) -> Proposal[A]:
            proposal = strategy(self._trials, self._space, settings, rng)
            if rng.random() >= settings.fill:
                return proposal
            feasible = self._callbacks.feasible
            wide = filled(proposal.architecture, proposal.sparsity, self._space, feasible, rng)
            return replace(proposal, architecture=wide)

        drawn = draw(
            proposed,
            self._space,
            self._identity,
            self._seen,
            self._callbacks.feasible,
            np.random.default_rng([settings.seed, number]),
            settings.max_draws,
            None if settings.sparsity is None else settings.sparsity[1],
        )
        proposal = drawn.proposal
        self._seen.add(drawn.identity)
        self._dropped += drawn.misses
        info = {
            "parent": proposal.parent,
            "morphism": proposal.morphism,
            "sparsity": proposal.sparsity,
            "seed": int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0]),
            "dropped": drawn.misses,
            "dropped_by": drawn.dropped,
            "duplicates": drawn.duplicates,
            "steps": drawn.steps,
            "predicted": dict(self._callbacks.predict(proposal.architecture, proposal.sparsity)),
        }
        return Trial(number, "running", self._space.encode(proposal.architecture), {}, info)

    def _begin(self, trial: Trial) -> Job:
        entry = self._book.begin(trial)
        self._in_flight[trial.number] = (entry, time.monotonic())
        judge = Judge()
        if self._settings.rungs:
            history = [earlier for earlier in self._trials if earlier.number < trial.number]
            judge = judge_for(history, self._settings, trial.info["predicted"])
        info = trial.info
        return Job(trial.number, trial.architecture, info["sparsity"], info["seed"], judge, info["parent"])

    def _end(self, job: Job, result: Outcome | Exception) -> None:
        entry, began = self._in_flight[job.number]
        seconds = time.monotonic() - began
        if isinstance(result, Outcome):
            state, values, found = self._judged(job, result)
        elif isinstance(result, TrainingError | pool.WorkerLostError):
            state, values, found = "failed", {}, {"reason": str(result)}
        else:
            raise result
        trial = self._book.end(entry, state, values, {**found, "seconds": round(seconds, 3)})
        del self._in_flight[job.number]
        insort(self._trials, trial, key=lambda one: one.number)
        self._front.add(trial)
        self._seconds.append(seconds)
        self._tell(trial)

    def _judged(self, job: Job, outcome: Outcome) -> tuple[str, dict[str, float], dict[str, Any]]:
        """State, values and information of a trial from what its evaluation returned."""
        objectives = self._settings.objectives
        missing = [name for name in objectives if name not in outcome.values]
        if missing:
            raise StudyError(
                f"the evaluation of trial {job.number} gave no {missing[0]}",
                f"the objectives are {', '.join(objectives)}",
                "return a value for each of them",
            )
        values = {name: float(outcome.values[name]) for name in objectives}
        found = dict(outcome.info)
        if outcome.rung_errors:
            found["rung_errors"] = [float(error) for error in outcome.rung_errors]
        unusable = [name for name, value in values.items() if not math.isfinite(value)]
        if unusable:
            return "failed", {}, {**found, "reason": f"{unusable[0]} is {values[unusable[0]]}"}
        return "stopped" if outcome.stopped else "complete", values, found

    def _tell(self, trial: Trial) -> None:
        callbacks = self._callbacks
        if callbacks.keep is not None and self._settings.keep_weights == "front":
            callbacks.keep(frozenset({*(kept.number for kept in self._front.trials), *self._in_flight}))
        if callbacks.on_progress is not None:
            callbacks.on_progress(self._progress(trial))
        self._failures = self._failures + 1 if trial.state == "failed" else 0
        if self._failures >= FAILURES_IN_A_ROW:
            raise StudyError(
                f"{self._failures} trials failed one after the other",
                f"the last one: {trial.info.get('reason')}",
                "remove the cause, then resume the study",
            )

    def _progress(self, trial: Trial) -> Progress:
        done = len(self._trials)
        total = max(self._settings.trials, done + len(self._in_flight))
        left = (total - done) * statistics.fmean(self._seconds) / self._settings.workers
        left = min(left, max(self._ends - time.monotonic(), 0.0))
        return Progress(trial, done, total, self._front.trials, self._front.hypervolume, self._dropped, left)

    def _encoding(self, architecture: A) -> str:
        return json.dumps(self._space.encode(architecture), sort_keys=True, separators=(",", ":"))
