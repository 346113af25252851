"""A long training on disk, so that it can go on after a crash: one safetensors file, written whole or not
at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lilliput.data import Dataset
from lilliput.errors import StorageError, TrainingError
from lilliput.net import Net

_VERSION = "1"


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands.

    Attributes:
        epoch: epochs done.
        tensors: weights, optimizer, random generator.
        history: the epochs' records.
    """

    epoch: int
    tensors: Mapping[str, Tensor]
    history: tuple[dict[str, Any], ...]


def fingerprint(net: Net, dataset: Dataset, *settings: object) -> str:
    """A digest of everything that decides how a training goes."""
    digest = hashlib.sha256()
    for op in net.ops:
        digest.update(repr(op).encode())
    for name, tensor in net.tensors.items():
        digest.update(repr((name, tensor.shape, tensor.constant)).encode())
        if tensor.data is not None:
            digest.update(np.ascontiguousarray(tensor.data).tobytes())
    for split in (dataset.train, dataset.validation):
        sums = [zlib.crc32(np.ascontiguousarray(array).tobytes()) for array in (split.x, split.y)]
        digest.update(repr((split.x.shape, sums)).encode())
    digest.update(repr((net.normalization, dataset.normalization, settings)).encode())
    return digest.hexdigest()


def write(path: Path, checkpoint: Checkpoint, mark: str) -> None:
    """Replaces the file at `path`.

    Raises:
        StorageError: it cannot be written; an older file is left as it was.
    """
    metadata = {
        "version": _VERSION,
        "fingerprint": mark,
        "epoch": str(checkpoint.epoch),
        "history": json.dumps(checkpoint.history),
    }
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        data = save(
            {name: tensor.cpu().contiguous() for name, tensor in checkpoint.tensors.items()}, metadata
        )
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StorageError(
            f"cannot write the checkpoint {path}",
            error.strerror or str(error),
            "free space or name another place",
        ) from None


def read(path: Path, mark: str) -> Checkpoint:
    """The checkpoint at `path`.

    Raises:
        TrainingError: the file is damaged or belongs to another training.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        version, found = metadata["version"], metadata["fingerprint"]
        epoch, history = int(metadata["epoch"]), tuple(json.loads(metadata["history"]))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise TrainingError(
            f"the checkpoint {path} is damaged", str(error), "delete it to train anew"
        ) from None
    if version != _VERSION or found != mark:
        raise TrainingError(
            f"the checkpoint {path} belongs to another training",
            "network, data, settings or seed differ",
            "name another file, or delete this one to train anew",
        )
    return Checkpoint(epoch, tensors, history)
