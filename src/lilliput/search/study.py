"""A study: proposes, evaluates, writes down, and goes on after any interruption as if nothing had happened.

Proposal k depends on the settings, on `numpy.random.default_rng([seed, k])`, and on the trials before it that
have ended.  With one worker these are all of them, so that a study ends the same however often it is
killed.  With several workers the trials in flight are missing from the history; proposals that were made are
kept, and only the evaluations that were in flight are repeated.
"""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic

from lilliput.errors import LilliputError, StudyError
from lilliput.results import Trial
from lilliput.search.book import Book, Entry
from lilliput.search.evaluation import Callbacks
from lilliput.search.front import Front
from lilliput.search.lock import locked
from lilliput.search.proposal import A
from lilliput.search.run import Run
from lilliput.search.settings import FREE, StudySettings, checked
from lilliput.search.space import Space


class StudyInterrupted(LilliputError):  # noqa: N818 - it is no error that the user stopped the search
    """Ctrl-C ended a search; what was finished is stored."""

    exit_status = 1


class Study(Generic[A]):
    """The trials of one search, in memory and in the book.  Made by `open_study`.

    Attributes:
        space, settings: what it was opened with.
        folder: the run's directory.
    """

    def __init__(self, space: Space[A], settings: StudySettings, book: Book, folder: Path) -> None:
        self.space = space
        self.settings = settings
        self.folder = folder
        self._book = book
        self._load()

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials that have ended, by number."""
        return tuple(self._trials)

    @property
    def front(self) -> tuple[Trial, ...]:
        """The Pareto front, sorted by the objectives in their order."""
        return self._front.trials

    @property
    def hypervolume(self) -> float | None:
        """Share of the box below the bounds that the front dominates; None if an objective has no bound."""
        return self._front.hypervolume

    def run(self, callbacks: Callbacks[A]) -> tuple[Trial, ...]:
        """Evaluates until the study has the trials that it should have, or time is over; returns the front.

        Raises:
            StudyInterrupted: Ctrl-C; trials in flight are lost, everything else is stored.
            BudgetError: no architecture fits the hard limits.
            StudyError: trials fail one after the other, or the storage is damaged.
            StorageError: the storage cannot be written.
        """
        self._load()
        run = Run(self.space, self.settings, callbacks, self._book, self._front, self._trials)
        try:
            for entry in self._running:
                self._book.interrupt(entry)
            run.until_done(self._again)
        except KeyboardInterrupt:
            raise StudyInterrupted(
                f"the search was interrupted after {len(self._trials)} of {self.settings.trials} trials",
                "",
                f"resume it with --resume; its trials are in {self.folder}",
            ) from None
        return self.front

    def _load(self) -> None:
        """Reads the book: from here on the trials are in memory."""
        entries = self._book.entries()
        self._running = [entry for entry in entries if entry.trial.state == "running"]
        self._trials: list[Trial] = []
        self._front = Front(self.settings.objectives, self.settings.bounds)
        interrupted: dict[int, Entry] = {}
        for entry in entries:
            self.space.decode(entry.trial.architecture)
            if entry.interrupted:
                interrupted[entry.trial.number] = entry
            else:
                insort(self._trials, entry.trial, key=lambda trial: trial.number)
        numbers = [trial.number for trial in self._trials]
        if len(set(numbers)) < len(numbers):
            raise self._book.damaged("two trials have ended under one number")
        for trial in self._trials:
            self._front.add(trial)
        self._again = [
            as_proposed(interrupted[number].trial) for number in sorted(interrupted.keys() - set(numbers))
        ]


def as_proposed(trial: Trial) -> Trial:
    """The trial as it was before an evaluation that was interrupted."""
    info = {name: value for name, value in trial.info.items() if name != "reason"}
    return Trial(trial.number, "running", trial.architecture, {}, info)


@contextmanager
def open_study(
    folder: Path,
    space: Space[A],
    settings: StudySettings,
    about: Mapping[str, Any] | None = None,
    *,
    storage: str | None = None,
    resume: bool | None = None,
) -> Iterator[Study[A]]:
    """A new study, or one that goes on; nobody else can open it until the block ends.

    Args:
        folder: the run's directory; holds study.db and the lock.
        space: where to search.
        settings: of the search.
        about: what else a trial's result depends on (data, board, limits, training), in JSON values.  A
            study resumes only with the same.
        storage: URL of a database to use instead of study.db.  The lock guards against other processes that
            use the same folder.
        resume: True goes on with a study that exists, False starts one where there is none, None does either.

    Raises:
        ConfigError: a setting is wrong.
        StudyError: the study is damaged, is run by another process, exists or does not against `resume`, or
        was made
            with other settings.
        StorageError: the folder or the database cannot be written.
    """
    settings = checked(settings)
    file = folder / "study.db"
    if resume and storage is None and not file.exists():
        raise StudyError(
            f"there is no study in {folder}", "it has no study.db", "leave --resume out to start one"
        )
    fixed = {name: value for name, value in asdict(settings).items() if name not in FREE}
    if settings.activation_bits == (8, 8):
        # Studies that were begun before there was a choice know of none.
        del fixed["activation_bits"]
    described = json.loads(json.dumps({"space": space.name, "search": fixed, **(about or {})}))
    with locked(folder / "study.lock"):
        book = Book(storage or file, settings.objectives)
        try:
            before = book.about()
            if not before:
                # New, or killed before its first trial.
                book.start(described)
            elif resume is False:
                raise StudyError(
                    f"{folder} holds a study already",
                    "its trials would be mixed with those of another",
                    "go on with it by --resume, or choose another folder",
                )
            else:
                _refuse_others(folder, before, described)
            yield Study(space, settings, book, folder)
        finally:
            book.close()


def _refuse_others(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises a StudyError that lists every key of two descriptions that differs."""
    old, new = dict(_flat(before)), dict(_flat(now))
    differing = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    if differing:
        shown = [f"{key} was {_short(old.get(key))}, is {_short(new.get(key))}" for key in differing]
        raise StudyError(
            f"the study in {folder} was made with other settings",
            "; ".join(shown),
            "give the settings that it was made with, or start a new study in another folder",
        )


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _short(value: Any) -> str:
    shown = "not set" if value is None else json.dumps(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
