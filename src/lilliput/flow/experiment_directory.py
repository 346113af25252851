"""The folder of an experiment: what lies where, and which steps are done.

config.toml                         the experiment as it was given
settings.json                       the same with every default filled in
MODEL/RUN/float.safetensors         a trained network; float.json tells how it scores
MODEL/RUN/FORMAT/net.safetensors    the same network in a format; scores.json tells how its C scores
MODEL/RUN/FORMAT/BOARD/             compiled for a board, with firmware.elf and measurement.json
results.json, report.html

A step is done when its JSON file is there, which is written last; the file keeps the settings that the step
depended on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lilliput.config import ExperimentSettings
from lilliput.errors import ConfigError
from lilliput.flow.files import read_json, write_atomically, write_json
from lilliput.flow.run_directory import holds_experiment


@dataclass(frozen=True)
class ExperimentDirectory:
    """Paths in the folder of an experiment."""

    path: Path

    @property
    def settings(self) -> Path:
        """Every setting, defaults included."""
        return self.path / "settings.json"

    @property
    def results(self) -> Path:
        """What `lilliput run --json` prints."""
        return self.path / "results.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def training(self, model: str, run: int) -> Path:
        """The folder of one training of a model."""
        return self.path / model / str(run)

    def format(self, model: str, run: int, title: str) -> Path:
        """The folder of a trained network in a format."""
        return self.training(model, run) / title

    def deployed(self, model: str, run: int, title: str, board: str) -> Path:
        """The folder of a network compiled for a board."""
        return self.format(model, run, title) / board


def begin(path: Path, settings: ExperimentSettings, text: str, resume: bool) -> ExperimentDirectory:
    """The folder for an experiment, made if it is not there.

    Raises:
        ConfigError: the folder holds other things, or an experiment although `resume` is false, or none
            although it is true.
        StorageError: it cannot be written.
    """
    found = ExperimentDirectory(path)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file", "a folder for the results is needed", "choose another with -o")
    begun = found.settings.is_file()
    if path.is_dir() and any(path.iterdir()) and not begun:
        raise ConfigError(
            f"{path} holds files that are not an experiment",
            "there is no settings.json",
            "choose another with -o",
        )
    if begun and not holds_experiment(found.settings):
        raise ConfigError(
            f"{path} holds a search, not an experiment", "lilliput search made it", "choose another with -o"
        )
    if begun and not resume:
        raise ConfigError(f"{path} holds an experiment already", "", "go on with --resume, or choose another")
    if resume and not begun:
        raise ConfigError(f"there is no experiment in {path}", "", "leave --resume out to start one")
    write_atomically(path / "config.toml", text)
    write_json(found.settings, settings.to_json())
    return found


def done(record: Path, depends: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a finished step wrote into its JSON file; None if it is not done.

    Args:
        record: the file.
        depends: the settings that the step depends on, in JSON values.

    Raises:
        ConfigError: the step was done with other settings, or the file is damaged.
    """
    if not record.is_file():
        return None
    found = read_json(record)
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        raise ConfigError(f"{record} is damaged", "it holds no record of a step", "remove it")
    before = found.pop("settings")
    differing = list(_differing(before, depends))
    if differing:
        raise ConfigError(
            f"{record.parent} was made with other settings",
            ", ".join(differing),
            "give the settings that it was made with, remove that folder, or choose another with -o",
        )
    return found


def _differing(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """What changed, setting by setting."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for inner in sorted({*before, *now}):
            name = f"{key}.{inner}" if key else _TITLES.get(inner, inner)
            yield from _differing(before.get(inner), now.get(inner), name)
    elif before != now:
        yield f"{key} was {json.dumps(before)} and is now {json.dumps(now)}"


_TITLES = {"format": "postprocessing", "vectors": "deploy.vectors"}
"""What the file calls the settings that records call otherwise."""


def finish(record: Path, depends: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """Marks a step as done; returns its result.

    Raises:
        StorageError: the file cannot be written.
    """
    write_json(record, {"settings": dict(depends), **result})
    return dict(result)
