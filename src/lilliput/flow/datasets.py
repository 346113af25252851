"""NAME[:SPLIT] on the command line: a data set, or the one of a configuration file."""

from __future__ import annotations

from pathlib import Path

from lilliput.config import read_data
from lilliput.data import SPLITS, Dataset, load
from lilliput.errors import DataError
from lilliput.flow.evaluation import load_data
from lilliput.flow.run_directory import RunDirectory, data_settings


def named_data(text: str) -> tuple[Dataset, str]:
    """The data set and the name of the split; `test` if none is named.

    Args:
        text: NAME or NAME:SPLIT; NAME as in `lilliput.data.load`, or a configuration file or the folder of a
            search or an experiment, whose [data] counts.

    Raises:
        DataError: missing, damaged or useless data, or no such data set.
        ConfigError: the configuration file is wrong.
    """
    name, colon, split = text.rpartition(":")
    if not colon or split not in SPLITS:
        if colon and (Path(name).is_file() or RunDirectory(Path(name)).settings.is_file()):
            raise DataError(f"{name} has no split '{split}'", "", f"name one of {', '.join(SPLITS)}")
        name, split = text, "test"
    if Path(name).suffix == ".toml":
        return load_data(read_data(name)), split
    settings = RunDirectory(Path(name)).settings
    if settings.is_file():
        return load_data(data_settings(settings)), split
    return load(name), split
