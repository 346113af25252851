"""The folder of a search: what lies where, and how the settings come back.

config.toml               the configuration file as it was given
settings.json             the same with every default filled in; what resuming is checked against
study.db                  the study in Optuna's storage
study.json                the same for people and other programs
weights/<trial>.*         the integer network of a trial, and the float network that it was made from
final/<trial>.*           trainings of the final stage that are under way
front/<trial>/            a network of the front: C files, model, firmware.elf, measurement.json, final.json
report.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lilliput.config import DataSettings, Settings, parse, parse_data
from lilliput.errors import ConfigError
from lilliput.flow.files import read_json, write_atomically, write_json


@dataclass(frozen=True)
class RunDirectory:
    """Paths in the folder of a search."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration file as it was given."""
        return self.path / "config.toml"

    @property
    def settings(self) -> Path:
        """Every setting, defaults included."""
        return self.path / "settings.json"

    @property
    def database(self) -> Path:
        """The study, its book of record."""
        return self.path / "study.db"

    @property
    def study_json(self) -> Path:
        """The study in JSON."""
        return self.path / "study.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def weights(self) -> Path:
        """Networks of the trials."""
        return self.path / "weights"

    def integer_net(self, trial: int) -> Path:
        """The planned integer network of a trial."""
        return self.weights / f"{trial}.safetensors"

    def float_net(self, trial: int) -> Path:
        """The trained float network of a trial, batch norm still in it."""
        return self.weights / f"{trial}.float.safetensors"

    def front(self, trial: int) -> Path:
        """The compiled and measured network of a trial of the front."""
        return self.path / "front" / str(trial)

    def checkpoint(self, trial: int, seed: int) -> Path:
        """A training of the final stage that is under way."""
        return self.path / "final" / f"{trial}.{seed}.safetensors"

    def measured(self) -> tuple[int, ...]:
        """Trials of the front that are compiled and measured, by number."""
        found = self.path.glob("front/*/measurement.json")
        return tuple(sorted(int(path.parent.name) for path in found if path.parent.name.isdigit()))

    def keep_weights(self, wanted: frozenset[int]) -> None:
        """Removes the networks of all other trials."""
        for path in self.weights.glob("*.safetensors"):
            number = path.name.split(".")[0]
            if number.isdigit() and int(number) not in wanted:
                path.unlink(missing_ok=True)


def begin(path: Path, settings: Settings, text: str) -> RunDirectory:
    """The folder for a search with these settings, made if it is not there.

    Args:
        path: the folder.
        settings: of the search.
        text: the configuration file.

    Raises:
        ConfigError: the folder holds other things.
        StorageError: it cannot be written.
    """
    run = RunDirectory(path)
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file", "a folder for the results is needed", "choose another with -o")
    if (
        path.is_dir()
        and any(path.iterdir())
        and not (path / "study.lock").exists()
        and not run.settings.exists()
    ):
        raise ConfigError(
            f"{path} holds files that are not a search", "there is no settings.json", "choose another with -o"
        )
    if run.settings.is_file() and holds_experiment(run.settings):
        raise ConfigError(
            f"{path} holds an experiment, not a search", "lilliput run made it", "choose another with -o"
        )
    if not run.settings.exists():
        write_atomically(run.config, text)
        write_json(run.settings, settings.to_json())
    return run


def holds_experiment(settings: Path) -> bool:
    """Whether a settings.json is that of an experiment, which alone has models.

    Raises:
        ConfigError: it is damaged.
    """
    found = read_json(settings)
    return isinstance(found, dict) and "model" in found


def data_settings(settings: Path) -> DataSettings:
    """The data set of a settings.json, of a search or of an experiment.

    Raises:
        ConfigError: it is damaged.
    """
    raw = read_json(settings)
    if not isinstance(raw, dict):
        raise ConfigError(f"{settings} is damaged", "it holds no object", "restore it from config.toml")
    return parse_data(raw, str(settings))


def opened(path: str | Path) -> tuple[RunDirectory, Settings]:
    """The folder of a search that was begun, and its settings.

    Raises:
        ConfigError: there is no search in this folder, or its settings are damaged.
    """
    run = RunDirectory(Path(path))
    if not run.settings.is_file():
        raise ConfigError(
            f"{path} holds no search",
            f"there is no {run.settings.name} in it",
            "make one with lilliput search",
        )
    raw = read_json(run.settings)
    if not isinstance(raw, dict):
        raise ConfigError(f"{run.settings} is damaged", "it holds no object", "restore it from config.toml")
    if holds_experiment(run.settings):
        raise ConfigError(
            f"{path} holds an experiment, not a search",
            "lilliput run made it",
            f"open {path}/report.html, or name one of its networks: {path}/MODEL/RUN/FORMAT/net.safetensors",
        )
    return run, parse(raw, str(run.settings))


def split_reference(text: str) -> tuple[Path, int] | None:
    """Folder and trial of "RUN#TRIAL", None if `text` is something else."""
    found = re.fullmatch(r"(.+)#(\d+)", text)
    return (Path(found[1]), int(found[2])) if found else None
