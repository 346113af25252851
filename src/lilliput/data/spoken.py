"""Spoken digits: `spoken-mnist`, the set that MicroAI calls SMNIST."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.data.archives import DAMAGE, reason
from lilliput.data.dataset import Split, checked_examples, class_indices
from lilliput.data.places import Source, download, given, local
from lilliput.errors import DataError


def load_spoken_mnist(path: str | Path | None) -> tuple[dict[str, Split], tuple[str, ...], str]:
    """Spoken digits as 39 frames of 12 MFCC and an energy (Khacef et al. 2019, zenodo 3515935).

    Args:
        path: the folder with data_sp_train.npy, labels_train.npy, data_sp_test.npy and labels_test.npy; None
            looks in the usual places, then downloads.

    Raises:
        DataError: missing or damaged.
    """
    name = "spoken-mnist"
    files = {part: (f"data_sp_{part}.npy", f"labels_{part}.npy") for part in ("train", "test")}
    if path is not None:
        folder: Path | None = _whole(given(name, path), [file for pair in files.values() for file in pair])
    else:
        folder = _holding(name, files["train"][0])
    splits: dict[str, Split] = {}
    for part, (data, classes) in files.items():
        x_file, y_file = (
            folder / file
            if folder is not None
            else download(
                name,
                Source(file, f"https://zenodo.org/record/3515935/files/{file}", None),
                "put the .npy files of zenodo record 3515935 into a folder and set 'path' under [data] to it",
            )
            for file in (data, classes)
        )
        x = _frames(_array(x_file), str(x_file))
        y = class_indices(_array(y_file).reshape(-1), str(y_file), 10)
        splits[part] = checked_examples(x, y, str(x_file))
    return splits, tuple(map(str, range(10))), str(folder or "zenodo.org/record/3515935")


def _whole(folder: Path, files: Sequence[str]) -> Path:
    """A folder that the user gave, if it holds all files."""
    lacking = [file for file in files if not (folder / file).is_file()]
    if lacking:
        raise DataError(
            f"data set 'spoken-mnist': {folder} lacks {', '.join(lacking)}"
            if folder.is_dir()
            else f"data set 'spoken-mnist': {folder} is a file",
            "it is read from a folder with the four .npy files of zenodo record 3515935",
            f"set 'path' under [data] to a folder that holds {', '.join(files)}",
        )
    return folder


def _frames(x: NDArray[Any], source: str) -> NDArray[Any]:
    if x.ndim >= 2 and len(x) == 0:
        raise DataError(f"{source}: there are no examples", f"the array has shape {x.shape}", "get it again")
    if x.ndim < 2 or math.prod(x.shape[1:]) != 39 * 13:
        raise DataError(
            f"{source}: not 39 frames of 13 coefficients",
            f"an example has shape {x.shape[1:]}",
            "get it again",
        )
    return x.reshape(len(x), 1, 39, 13)


def _array(file: Path) -> NDArray[Any]:
    try:
        # Not numpy.load, which takes archives, too, and gives something else than an array then.
        found: NDArray[Any] = np.lib.format.read_array(io.BytesIO(file.read_bytes()), allow_pickle=False)
    except DAMAGE as error:
        raise DataError(f"{file}: not a readable .npy file", reason(error), "get it again") from error
    return found


def _holding(name: str, file: str) -> Path | None:
    found = local(name, (file,))
    return None if found is None else found.parent
