"""A study as one small text file, to be kept beside the results and read by anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lilliput.results import Trial
from lilliput.search.front import Front
from lilliput.search.settings import StudySettings

VERSION = 1
"""Changes when a key changes its meaning; new keys may come without."""


def study_json(
    trials: Sequence[Trial], settings: StudySettings, space: str, about: Mapping[str, Any] | None = None
) -> str:
    """The text of study.json: valid JSON with one trial a line.

    Keys: `version`, `space`, `settings`, `about`, `front` (numbers of trials, sorted by the objectives),
    `hypervolume`, and `trials`, each with `number`, `state`, `architecture`, `values`, `info`.

    Args:
        trials: of the study, ended ones.
        settings: of the search.
        space: name of the space.
        about: what else the trials depend on, in JSON values.
    """
    front = Front(settings.objectives, settings.bounds)
    for trial in trials:
        front.add(trial)
    head = {
        "version": VERSION,
        "space": space,
        "settings": asdict(settings),
        "about": dict(about or {}),
        "front": [trial.number for trial in front.trials],
        "hypervolume": front.hypervolume,
    }
    lines = [f"  {json.dumps(key)}: {_compact(value)}," for key, value in head.items()]
    rows = ",\n".join(f"    {_compact(asdict(trial))}" for trial in trials)
    return "\n".join(["{", *lines, '  "trials": [', rows, "  ]", "}", ""])


def _compact(value: Any) -> str:
    # Non-finite numbers are no JSON; a trial that has one has failed and holds it nowhere.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
