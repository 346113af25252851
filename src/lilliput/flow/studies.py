"""study.json: the study for people and other programs, and for the verbs that only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lilliput.config import Settings
from lilliput.errors import ConfigError, StudyError
from lilliput.flow.files import read_json, write_atomically
from lilliput.flow.run_directory import RunDirectory
from lilliput.results import Trial
from lilliput.search.export import study_json


@dataclass(frozen=True)
class StoredStudy:
    """What study.json holds.

    Attributes:
        trials: ended ones, by number.
        about: what else the trials depend on.
    """

    trials: tuple[Trial, ...]
    about: Mapping[str, Any]


def write_study(
    run: RunDirectory, trials: Sequence[Trial], settings: Settings, space: str, about: Mapping[str, Any]
) -> None:
    """Writes study.json, whole or not at all.

    Raises:
        StorageError: it could not be written.
    """
    write_atomically(run.study_json, study_json(trials, settings.study(), space, about))


def read_study(run: RunDirectory, settings: Settings) -> StoredStudy:
    """The study of a run; it may still be running.

    Raises:
        StudyError: no trial has ended yet, or the file is damaged.
    """
    if not run.study_json.exists():
        raise StudyError(f"the search in {run.path} has no finished trial yet", "", "wait for the first one")
    try:
        raw = read_json(run.study_json)
        trials = tuple(_trial(entry, settings.objectives) for entry in raw["trials"])
        about = dict(raw["about"])
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        why = error.why if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
        raise StudyError(
            f"{run.study_json} is damaged", why, "lilliput search … --resume writes it anew from study.db"
        ) from error
    return StoredStudy(trials, about)


def _trial(raw: Mapping[str, Any], objectives: Sequence[str]) -> Trial:
    values = {str(name): float(value) for name, value in raw["values"].items()}
    if values and set(values) != set(objectives):
        raise ValueError(f"trial {raw['number']} has the values {sorted(values)}")
    return Trial(int(raw["number"]), str(raw["state"]), dict(raw["architecture"]), values, dict(raw["info"]))
