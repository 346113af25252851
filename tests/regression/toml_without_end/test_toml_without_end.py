"""A configuration or board file whose values never seem to end, or that names no possible path, is told.

Python's TOML reader raises RecursionError for deep nesting and a plain ValueError for whole numbers of many
digits; `~nobody` and a zero byte in a path raise when the path is resolved.  All of these were tracebacks.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lilliput.config import read
from lilliput.errors import ConfigError
from lilliput.targets import board

ENDLESS = {
    "lists": "a = " + "[" * 50_000,
    "tables": "a = " + "[{b = " * 20_000,
    "digits": f"a = {'9' * 100_000}",
}
CONFIGURATION = 'board = "{board}"\n[data]\nname = "npz"\npath = "{path}"\n[budget]\nerror = 0.1\n'


@pytest.mark.parametrize("kind", ENDLESS)
def test_values_without_end_are_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "endless.toml"
    path.write_text(ENDLESS[kind])
    with pytest.raises(ConfigError, match="is not TOML"):
        read(path)
    with pytest.raises(ConfigError, match="is not a TOML file"):
        board(path)


@pytest.mark.parametrize("wrong", ["~no-such-user/x.toml", r"a\u0000b.toml"])
def test_impossible_paths_are_told(wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(CONFIGURATION.format(board="generic-m4", path=wrong))
    with pytest.raises(ConfigError, match=r"data\.path is wrong"):
        read(path)
    path.write_text(CONFIGURATION.format(board=wrong, path="x"))
    with pytest.raises(ConfigError, match="board is wrong"):
        read(path)
