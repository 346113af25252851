"""The book of record: a study in Optuna's storage, which `optuna-dashboard` and Optuna's plots read as it is.

A trial is written in three steps, each of them one transaction: it is created with its proposal, its outcome
is attached, its state becomes final.  Whoever is killed in between leaves a running trial, which `interrupt`
marks as failed; its proposal is then evaluated again, under a new number of Optuna's and its old number here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from lilliput.errors import StudyError
from lilliput.results import Trial
from lilliput.search.database import Database

STUDY_NAME = "lilliput"
INTERRUPTED = "interrupted"
"""The reason of trials that did not end by themselves."""

_STATES = {"complete": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
_NAMES = {stored: name for name, stored in _STATES.items()}
_ABOUT = "lilliput"  # the study's attribute that says what it is about
_PROPOSAL, _ARCHITECTURE, _INFO, _OUTCOME = "proposal", "architecture", "info", "outcome"
_COLUMNS = ("parent", "morphism", "sparsity")
"""What the dashboard shows of a proposal at once; the rest is one attribute, as each takes a millisecond."""


@dataclass(frozen=True)
class Entry:
    """A trial in the book: `trial.number` counts proposals, `key` is Optuna's."""

    trial: Trial
    key: int

    @property
    def interrupted(self) -> bool:
        """Whether the trial is to be evaluated again."""
        return self.trial.state == "running" or self.trial.info.get("reason") == INTERRUPTED


class Book:
    """One study in a database.

    Args:
        location: path of an SQLite file, or the URL of another database that SQLAlchemy can open.
        objectives: names of the values, all minimized.

    Raises:
        StudyError: the file is damaged, is no study, or was written by another version.
        StorageError: the database cannot be opened or written.
    """

    def __init__(self, location: Path | str, objectives: Sequence[str]) -> None:
        self._objectives = tuple(objectives)
        self._database = Database(location)
        with self._database.explained() as storage:
            found = {study.study_name: study._study_id for study in storage.get_all_studies()}
        self._study: int | None = found.get(STUDY_NAME)

    @property
    def engine(self) -> sqlalchemy.Engine:
        """The database connection."""
        return self._database.engine

    def about(self) -> dict[str, Any]:
        """What the study was said to be about when it was started; empty if it has no trial yet."""
        if self._study is None:
            return {}
        with self._database.explained() as storage:
            if not storage.get_n_trials(self._study):
                return {}
            about = storage.get_study_user_attrs(self._study).get(_ABOUT)
        if not isinstance(about, dict) or not about:
            raise self._database.damaged(f"the study has no attribute '{_ABOUT}'")
        return about

    def start(self, about: Mapping[str, Any]) -> None:
        """Makes the study anew, and says what it is about, in JSON values."""
        with self._database.explained() as storage:
            if self._study is not None:
                storage.delete_study(self._study)
            directions = [StudyDirection.MINIMIZE] * len(self._objectives)
            self._study = storage.create_new_study(directions, STUDY_NAME)
            # Where Optuna's own `Study.set_metric_names` puts them: plots and the dashboard show these names.
            storage.set_study_system_attr(self._study, "study:metric_names", list(self._objectives))
            storage.set_study_user_attr(self._study, _ABOUT, dict(about))

    def entries(self) -> list[Entry]:
        """Every trial, in the order in which they were begun."""
        with self._database.explained() as storage:
            stored = storage.get_all_trials(self._started, deepcopy=False)
        return [self._entry(trial) for trial in stored]

    def begin(self, trial: Trial) -> Entry:
        """Writes a running trial with its proposal."""
        attributes: dict[str, Any] = {_PROPOSAL: trial.number, _ARCHITECTURE: dict(trial.architecture)}
        attributes |= {name: trial.info[name] for name in _COLUMNS if name in trial.info}
        attributes[_INFO] = {name: value for name, value in trial.info.items() if name not in _COLUMNS}
        template = create_trial(state=TrialState.RUNNING, user_attrs=attributes)
        with self._database.explained() as storage:
            return Entry(trial, storage.create_new_trial(self._started, template))

    def end(self, entry: Entry, state: str, values: Mapping[str, float], outcome: Mapping[str, Any]) -> Trial:
        """Writes how a trial ended: "complete" or "stopped", with values, or "failed"; returns it whole."""
        trial = entry.trial
        ended = Trial(trial.number, state, trial.architecture, dict(values), {**trial.info, **outcome})
        figures = [float(values[name]) for name in self._objectives] if values else None
        with self._database.explained() as storage:
            storage.set_trial_user_attr(entry.key, _OUTCOME, dict(outcome))
            if not storage.set_trial_state_values(entry.key, _STATES[state], figures):
                raise self._database.damaged(f"trial {trial.number} was changed by another process")
        return ended

    def interrupt(self, entry: Entry) -> None:
        """Marks a running trial as failed because it was interrupted."""
        self.end(entry, "failed", {}, {"reason": INTERRUPTED})

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()

    @property
    def _started(self) -> int:
        assert self._study is not None, "the study has not been started"
        return self._study

    def _entry(self, stored: FrozenTrial) -> Entry:
        attributes = dict(stored.user_attrs)
        number = attributes.pop(_PROPOSAL, None)
        architecture = attributes.pop(_ARCHITECTURE, None)
        info = attributes.pop(_INFO, None)
        outcome = attributes.pop(_OUTCOME, {})
        state = _NAMES.get(stored.state, "running")
        self._expect(isinstance(number, int) and number >= 0, stored, _PROPOSAL)
        self._expect(isinstance(architecture, dict), stored, _ARCHITECTURE)
        self._expect(isinstance(outcome, dict), stored, _OUTCOME)
        self._expect(isinstance(info, dict), stored, _INFO)
        proposed = {**{name: attributes.get(name) for name in _COLUMNS}, **info}
        self._expect(isinstance(proposed.get("seed"), int), stored, "seed")
        self._expect(isinstance(proposed["sparsity"], int | float | None), stored, "sparsity")
        self._expect(isinstance(proposed.get("predicted"), dict), stored, "predicted")
        values: dict[str, float] = {}
        if state in ("complete", "stopped"):
            figures = stored.values or []
            self._expect(len(figures) == len(self._objectives), stored, "values")
            values = dict(zip(self._objectives, figures, strict=True))
        return Entry(Trial(number, state, architecture, values, {**proposed, **outcome}), stored._trial_id)

    def _expect(self, fact: bool, stored: FrozenTrial, what: str) -> None:
        if not fact:
            raise self.damaged(f"Optuna's trial {stored.number} lacks '{what}' or has a wrong one")

    def damaged(self, why: str) -> StudyError:
        """The error for contents that Lilliput cannot have written."""
        return self._database.damaged(why)
