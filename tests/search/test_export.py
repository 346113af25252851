"""study.json is plain JSON with stable keys."""

from __future__ import annotations

import json
from pathlib import Path

from tests.search import cheap

from lilliput.search.export import study_json
from lilliput.search.front import pareto_front


def test_the_export_holds_every_trial_and_the_front(tmp_path: Path) -> None:
    settings = cheap.settings(trials=20)
    trials = cheap.run(tmp_path, settings)
    text = study_json(trials, settings, "cnn", {"board": "generic-m4"})
    read = json.loads(text)
    assert list(read) == ["version", "space", "settings", "about", "front", "hypervolume", "trials"]
    assert read["settings"]["bounds"] == cheap.BOUNDS
    assert read["about"] == {"board": "generic-m4"}
    assert read["front"] == [trial.number for trial in pareto_front(trials, settings.objectives)]
    assert 0.0 <= read["hypervolume"] <= 1.0
    for trial, row in zip(trials, read["trials"], strict=True):
        assert list(row) == ["number", "state", "architecture", "values", "info"]
        assert row == json.loads(json.dumps(vars(trial)))
    assert len(text.splitlines()) == len(trials) + 10  # a trial a line: small changes make small differences


def test_a_study_without_trials_is_valid_too() -> None:
    assert json.loads(study_json([], cheap.settings(), "cnn"))["trials"] == []
