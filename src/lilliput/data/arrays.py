"""NPZ files and Python functions: arrays by name.

Keys: `x_train`, `y_train`, and optionally `x_validation`, `y_validation`, `x_test`, `y_test`; or just `x`,
`y`.  `labels` may hold the class names.
"""

from __future__ import annotations

import importlib
import math
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.data.archives import DAMAGE, reason
from lilliput.data.dataset import (
    SPLITS,
    Dataset,
    Split,
    as_images,
    checked_examples,
    class_indices,
    indices_within,
)
from lilliput.errors import DataError

MAX_BYTES = 8 << 30
"""Arrays larger than this are refused: they would not fit a training in memory."""

_KEYS = "use the keys x_train, y_train, x_test, y_test (and x_validation, y_validation, labels), or x and y"


def load_npz(path: Path, shape: Sequence[int] | None = None) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Splits by name and the class names of an NPZ file.

    Raises:
        DataError: missing or damaged file, unknown keys, pickled objects, or arrays that do not fit together.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist", "there is no such file", "set 'path' to an .npz file")
    try:
        _check_claims(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except DAMAGE as error:
        raise DataError(
            f"{path}: not a readable NPZ file", reason(error), "save it with numpy.savez, without objects"
        ) from error
    return splits_of(arrays, str(path), shape)


def call(reference: str, options: Mapping[str, Any]) -> Dataset | dict[str, Any]:
    """What the function `module:function` returns: a `Dataset`, or arrays by name.

    The module is looked for in the current folder first.

    Raises:
        DataError: no such module or function, it failed, or it returned something else.
    """
    module_name, _, function_name = reference.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise DataError(
            f"data function '{reference}' was not found", str(error), "name it module:function"
        ) from error
    finally:
        sys.path.remove(here)
    try:
        found = function(**options)
    except DataError:
        raise
    except (Exception, SystemExit) as error:
        raise DataError(
            f"data function '{reference}' failed", f"{type(error).__name__}: {error}", "repair it"
        ) from error
    if isinstance(found, Dataset):
        return found
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise DataError(
            f"data function '{reference}' returned {type(found).__name__}",
            "arrays are found by their names",
            f"return a dict: {_KEYS}",
        )
    return dict(found)


def splits_of(
    arrays: Mapping[str, Any], source: str, shape: Sequence[int] | None = None
) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Splits by name and class names from arrays by name.

    Raises:
        DataError: keys are unknown or missing, or the arrays break a rule of `checked_examples`.
    """
    given = {
        ("train" if key in ("x", "y") else key[2:], key[0]): np.asarray(arrays[key])
        for key in arrays
        if key != "labels"
    }
    # Training comes first: it tells how many classes there are.
    names = sorted({name for name, _ in given}, key=lambda name: (name != "train", name))
    wrong = [name for name in names if name not in SPLITS]
    if wrong or any((name, kind) not in given for name in ("train", *names) for kind in "xy"):
        raise DataError(f"{source}: the arrays are not named as expected", f"found {sorted(arrays)}", _KEYS)
    y_train = given["train", "y"]
    titles = np.asarray(arrays["labels"]) if "labels" in arrays else None
    if y_train.dtype.kind in "US":
        kinds = np.unique(y_train)
        for name in names:
            given[name, "y"] = _indices_of_names(given[name, "y"], kinds, f"{source} y_{name}")
        titles = kinds
    if titles is not None and (titles.ndim != 1 or titles.dtype.kind not in "US"):
        raise DataError(
            f"{source}: 'labels' is not a list of names", f"{titles.dtype} {titles.shape}", "store strings"
        )
    if titles is not None and len(set(titles.tolist())) < len(titles):
        raise DataError(f"{source}: two 'labels' are the same", f"{titles.tolist()}", "name each class apart")
    classes = None if titles is None else len(titles)
    splits = {}
    for name in names:
        x, y = given[name, "x"], given[name, "y"]
        where = f"{source} x_{name}"
        if name == "train":
            y = class_indices(y, f"{source} y_{name}", classes)
            classes = int(y.max()) + 1 if len(y) else 0
        else:
            y = indices_within(y, f"{source} y_{name}", classes or 0)
        if x.dtype.kind in "iufb" and x.ndim >= 2 and len(x) and shape is not None:
            x = as_images(x, where, shape)
        splits[name] = checked_examples(x, y, where)
    texts = (
        [str(index) for index in range(classes or 0)]
        if titles is None
        else [_text(title) for title in titles]
    )
    return splits, tuple(texts)


def _indices_of_names(y: NDArray[Any], kinds: NDArray[Any], source: str) -> NDArray[np.int64]:
    places = np.searchsorted(kinds, y)
    found = kinds[np.minimum(places, len(kinds) - 1)] == y
    if not bool(np.all(found)):
        raise DataError(
            f"{source}: label {y[~found][0]!r} does not occur in training", "", "check the labels"
        )
    return places.astype(np.int64)


def _text(title: Any) -> str:
    return title.decode("utf-8", "replace") if isinstance(title, bytes) else str(title)


def _check_claims(path: Path) -> None:
    """Refuses members whose header claims other than what the archive holds, before numpy allocates it."""
    with zipfile.ZipFile(path) as archive:
        total = sum(member.file_size for member in archive.infolist())
        if total > MAX_BYTES:
            raise ValueError(f"it unpacks to {total} bytes, more than {MAX_BYTES}")
        for member in archive.infolist():
            with archive.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                read = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = read(stream)
            if dtype.hasobject:
                raise ValueError(f"'{member.filename}' holds Python objects")
            if math.prod(shape) * dtype.itemsize > member.file_size:
                raise ValueError(
                    f"'{member.filename}' claims {shape} {dtype}, but holds {member.file_size} bytes"
                )
