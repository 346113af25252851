"""`load`: a data set by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lilliput.data.arrays import call, load_npz, splits_of
from lilliput.data.dataset import Dataset, Split
from lilliput.data.splits import TEST_SHARE, VALIDATION_SHARE, assemble
from lilliput.errors import DataError

NAMES = (
    "digits",
    "fashion-mnist",
    "mnist",
    "uci-har",
    "spoken-mnist",
    "gtsrb",
    "watch-activity",
    "basic-motions",
    "images",
    "npz",
    "csv",
)
"""Data sets that `load` knows by name; `module:function` is one more way."""


def load(
    name: str,
    *,
    path: str | Path | None = None,
    validation_share: float = VALIDATION_SHARE,
    test_share: float = TEST_SHARE,
    seed: int = 0,
    subset: int | None = None,
    size: Sequence[int] | None = None,
    color: str = "auto",
    shape: Sequence[int] | None = None,
    label: str | int = -1,
    header: bool | None = None,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """A data set in fixed splits: the same arguments give the same examples.

    Args:
        name: one of `NAMES`, `module:function`, or simply the path of a folder, .npz or .csv file.
        path: folder or file of the data; sets that are known by name are also looked for in the usual places.
        validation_share: share of the training data that becomes the validation split where there is none.
        test_share: share of all data that becomes the test split where there is none.
        seed: of the splits.
        subset: keep that many training examples, and as many for validation in proportion.
        size: (height, width) that uint8 images are scaled to.
        color: `images` only: "auto", "gray" or "rgb".
        shape: `npz`, `csv` and functions: (height, width, channels) of an example.
        label, header: `csv` only: the class column, and whether the first line names columns.
        options: keyword arguments of `module:function`; of `watch-activity`, `window` and `step` in samples.

    Raises:
        DataError: missing, damaged or useless data; names the file and the reason.
    """
    name, path = _resolved(name, path)
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise DataError(f"size is {list(size)}", "images have rows and columns", "give [height, width]")
    if options and name != "watch-activity" and ":" not in name:
        raise DataError(
            f"data set '{name}' takes no options",
            f"it was given {', '.join(options)}",
            "remove options: they are for watch-activity and module:function",
        )
    splits: dict[str, Split]
    labels: tuple[str, ...]
    if name == "digits":
        splits, labels, source = {"train": _digits()}, tuple(map(str, range(10))), "digits"
    elif name in ("mnist", "fashion-mnist"):
        from lilliput.data.mnist import LABELS, load_mnist

        train, test = load_mnist(name, path)
        splits, labels, source = {"train": train, "test": test}, LABELS[name], name
    elif name in ("uci-har", "watch-activity", "basic-motions"):
        from lilliput.data import activities

        if name == "uci-har":
            splits, labels, source = activities.load_uci_har(path, validation_share, seed)
        elif name == "watch-activity":
            splits, labels, source = activities.load_watch_activity(
                path, validation_share, test_share, seed, dict(options or {})
            )
        else:
            splits, labels, source = activities.load_basic_motions(path)
    elif name == "spoken-mnist":
        from lilliput.data.spoken import load_spoken_mnist

        splits, labels, source = load_spoken_mnist(path)
    elif name == "gtsrb":
        from lilliput.data.signs import load_gtsrb

        splits, labels, source = load_gtsrb(path, size, validation_share, seed)
    elif ":" in name:
        found = call(name, dict(options or {}))
        if isinstance(found, Dataset):
            return replace(found, name=name)
        splits, labels = splits_of(found, name, shape)
        source = name
    else:
        file = _needed(name, path)
        source = str(file)
        if name == "images":
            from lilliput.data.images import load_images

            splits, labels = load_images(file, size, color)
        elif name == "npz":
            splits, labels = load_npz(file, shape)
        else:
            from lilliput.data.table import load_csv

            only, labels = load_csv(file, label, header, shape)
            splits = {"train": only}
    if size is not None and name not in ("images", "gtsrb"):
        splits = {key: _scaled(split, size, source) for key, split in splits.items()}
    return assemble(
        name,
        splits["train"],
        labels,
        source=source,
        validation=splits.get("validation"),
        test=splits.get("test"),
        validation_share=validation_share,
        test_share=test_share,
        seed=seed,
        subset=subset,
    )


def _resolved(name: str, path: str | Path | None) -> tuple[str, str | Path | None]:
    if name in NAMES:
        return name, path
    place = Path(name).expanduser()
    if path is None:
        for suffix, kind in ((".npz", "npz"), (".csv", "csv")):
            if place.suffix.lower() == suffix:
                return kind, place
        if place.is_dir():
            return "images", place
    if ":" in name:
        return name, path
    close = difflib.get_close_matches(name, NAMES, 1)
    raise DataError(
        f"there is no data set '{name}'",
        f"known: {', '.join(NAMES)}, module:function, or a path",
        f"did you mean '{close[0]}'?" if close else "check the name",
    )


def _needed(name: str, path: str | Path | None) -> Path:
    if path is None:
        raise DataError(f"data set '{name}' needs a path", "", "set 'path' under [data]")
    return Path(path).expanduser()


def _digits() -> Split:
    from sklearn.datasets import load_digits  # late: slow to import

    found = load_digits()
    # The set counts 0 … 16 pixels of a 4 x 4 block; a sensor would give 0 … 255.
    x = np.rint(np.asarray(found.images) * (255 / 16)).astype(np.uint8)
    return Split(x[..., None], np.asarray(found.target, dtype=np.int64))


def _scaled(split: Split, size: Sequence[int], source: str) -> Split:
    from lilliput.data.images import resized

    if split.x.dtype != np.uint8:
        raise DataError(
            f"{source}: 'size' needs uint8 images", f"the examples are {split.x.dtype}", "remove 'size'"
        )
    return Split(resized(split.x, size), split.y)
