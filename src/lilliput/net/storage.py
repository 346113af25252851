"""A network as one file: safetensors with the constants, and everything else as JSON in its metadata.

Nothing in a file is ever executed, and what is read is checked like any other network before it is handed on.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from lilliput.errors import FormatError, NetError, StorageError
from lilliput.net.check import check, stage_of
from lilliput.net.graph import Net
from lilliput.net.json_form import from_json, to_json

FORMAT_VERSION = 1
# One key only: safetensors writes several in an order that changes from run to run.
_KEY = "lilliput"
_LONGEST_JSON = 1 << 26


def save(net: Net, path: str | os.PathLike[str]) -> None:
    """Writes a network; the file is there whole or not at all.

    Raises:
        NetError: the network breaks a rule of its stage.
        StorageError: the file cannot be written.
    """
    check(net, stage_of(net))
    constants = {
        name: np.ascontiguousarray(tensor.data)
        for name, tensor in net.tensors.items()
        if tensor.data is not None
    }
    described = {"version": FORMAT_VERSION, "net": to_json(net)}
    text = json.dumps(described, separators=(",", ":"), allow_nan=False)
    content = to_bytes(constants, metadata={_KEY: text})
    write_atomically(Path(path), content)


def load(path: str | os.PathLike[str]) -> Net:
    """Reads a network.

    Raises:
        FormatError: the file is missing, damaged, not a network, or breaks a rule.
    """
    path = Path(path)
    text, constants = _read(path)
    try:
        net = from_json(_described(json.loads(text, parse_constant=_no_constant), path), constants)
        check(net, stage_of(net))
    except NetError as error:
        raise FormatError(
            f"{path} does not hold a valid network", error.why or error.what, error.hint
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its description cannot be read: {error}") from error
    return net


def write_atomically(path: Path, content: bytes) -> None:
    """Writes `content` beside `path` and renames it, so that nobody ever sees half a file.

    Raises:
        StorageError: disk full, no permission, or no such directory.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path} could not be written", error.strerror or str(error), "make room, or choose another place"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> tuple[str, dict[str, NDArray[np.generic]]]:
    """The description and the constants, neither yet trusted."""
    try:
        path.stat()
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if _KEY not in metadata:
                raise FormatError(
                    f"{path} holds no Lilliput network",
                    "its metadata lack the description",
                    "give a file that Lilliput has written",
                )
            if len(metadata[_KEY]) > _LONGEST_JSON:
                raise _damaged(path, "its description is too long")
            return metadata[_KEY], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise FormatError(
            f"{path} cannot be read", error.strerror or str(error), "check the path and its permissions"
        ) from error
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise _damaged(path, str(error)) from error


def _described(value: Any, path: Path) -> Any:
    """The network's description, if it is in a form that this version reads."""
    if not isinstance(value, dict) or set(value) != {"version", "net"}:
        raise ValueError("expected an object with the keys version, net")
    if value["version"] != FORMAT_VERSION:
        raise FormatError(
            f"{path} is in format {str(value['version'])[:20]}",
            f"this version of Lilliput reads format {FORMAT_VERSION}",
            "use the version of Lilliput that wrote it",
        )
    return value["net"]


def _damaged(path: Path, why: str) -> FormatError:
    return FormatError(f"{path} is damaged or no safetensors file", why[:200], "write or fetch it again")


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not allowed")
