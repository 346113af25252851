"""The directory that `lilliput compile` leaves: C files, the planned network, and a manifest that names them.

The manifest `lilliput.json` says what `lilliput measure` needs to know and cannot see in the C:

    {"lilliput": "0.1.0", "name": "gesture", "board": "nucleo-l4r5zi",
     "files": ["gesture.c", "gesture.h", …], "model": "model.safetensors"}

`board` is a name, or the whole board as an object where it came from the user's own TOML file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lilliput.errors import ConfigError, FormatError
from lilliput.targets import Board, board, board_from_dict

MANIFEST = "lilliput.json"
MODEL = "model.safetensors"

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_KEYS = {"lilliput", "name", "board", "files", "model"}


@dataclass(frozen=True)
class Artifact:
    """A compiled network on disk.

    Attributes:
        directory: where it lies.
        name: of the network, a C identifier.
        board: what it was compiled for.
        files: names of the C sources and headers in `directory`.
        model: name of the planned network's file in `directory`.
        version: of the Lilliput that wrote it.
    """

    directory: Path
    name: str
    board: Board
    files: tuple[str, ...]
    model: str = MODEL
    version: str = ""

    @property
    def model_path(self) -> Path:
        """Path of the planned network."""
        return self.directory / self.model

    def texts(self) -> dict[str, str]:
        """The C sources and headers: file name → text.

        Raises:
            FormatError: a file is missing or unreadable.
        """
        found = {}
        for name in self.files:
            try:
                found[name] = (self.directory / name).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise _damaged(self.directory / name, str(error)) from error
        return found


def manifest_text(name: str, target: Board, files: Iterable[str], version: str, model: str = MODEL) -> str:
    """The text of `lilliput.json` for a network `name` compiled for `target` into `files`."""
    values = {
        "lilliput": version,
        "name": name,
        "board": target.name if _ships_as(target) else target.to_dict(),
        "files": sorted(files),
        "model": model,
    }
    return json.dumps(values, indent=2) + "\n"


def read_artifact(directory: str | Path) -> Artifact:
    """The artifact in `directory`.

    Raises:
        FormatError: there is no manifest, it is damaged, or a file that it names is missing.
        ConfigError: its board is unknown to this Lilliput.
    """
    directory = Path(directory)
    path = directory / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FormatError(
            f"{directory} holds no compiled network",
            f"there is no {MANIFEST} in it",
            "make it with `lilliput compile MODEL --board BOARD -o DIR`",
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    return _parse(directory, path, values)


def _parse(directory: Path, path: Path, values: Any) -> Artifact:
    if not isinstance(values, dict) or not set(values) >= _KEYS:
        raise _damaged(path, f"it must be an object with the keys {', '.join(sorted(_KEYS))}")
    name, files, model = values["name"], values["files"], values["model"]
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise _damaged(path, f"name = {name!r} is no C identifier in lower case")
    if not isinstance(files, list) or not files:
        raise _damaged(path, "files must be a list of names")
    for file in (*files, model):
        if not isinstance(file, str) or not _FILE_NAME.fullmatch(file):
            raise _damaged(path, f"{file!r} is no plain file name")
        if not (directory / file).is_file():
            raise _damaged(directory / file, f"{MANIFEST} names it, but it is missing")
    if isinstance(values["board"], str):
        target = board(values["board"])
    elif isinstance(values["board"], dict):
        target = board_from_dict(values["board"], f"{path}, board")
    else:
        raise _damaged(path, "board must be a name or an object")
    return Artifact(directory, name, target, tuple(files), model, str(values["lilliput"]))


def _ships_as(target: Board) -> bool:
    try:
        return board(target.name) == target
    except ConfigError:
        return False


def _damaged(path: Path, why: str) -> FormatError:
    return FormatError(f"{path} is damaged", why, "compile the network again with `lilliput compile`")
