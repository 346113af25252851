"""`load`: a data set by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lilliput.data.arrays import call, load_npz, splits_of
from lilliput.data.dataset import Dataset, Split
from lilliput.data.splits import TEST_SHARE, VALIDATION_SHARE, assemble
from lilliput.errors import DataError


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
    request = _Request(
        name, path, validation_share, test_share, seed, size, color, shape, label, header, options or {}
    )
    found = _LOADERS.get(name, _from_function)(request)
    if isinstance(found, Dataset):
        return replace(found, name=name)
    splits, labels, source = found
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


@dataclass(frozen=True)
class _Request:
    """The arguments of `load`."""

    name: str
    path: str | Path | None
    validation_share: float
    test_share: float
    seed: int
    size: Sequence[int] | None
    color: str
    shape: Sequence[int] | None
    label: str | int
    header: bool | None
    options: Mapping[str, Any]

    @property
    def file(self) -> Path:
        """The path, which has to be given."""
        if self.path is None:
            raise DataError(f"data set '{self.name}' needs a path", "", "set 'path' under [data]")
        return Path(self.path).expanduser()


_Loaded = tuple[dict[str, Split], tuple[str, ...], str]
"""Splits, class names, and what messages call the source."""


# Loaders are imported late: not every data set needs what one of them needs.


def _digits(request: _Request) -> _Loaded:
    from sklearn.datasets import load_digits

    found = load_digits()
    # The set counts 0 … 16 pixels of a 4 x 4 block; a sensor would give 0 … 255.
    x = np.rint(np.asarray(found.images) * (255 / 16)).astype(np.uint8)
    train = Split(x[..., None], np.asarray(found.target, dtype=np.int64))
    return {"train": train}, tuple(map(str, range(10))), request.name


def _mnist(request: _Request) -> _Loaded:
    from lilliput.data.mnist import LABELS, load_mnist

    train, test = load_mnist(request.name, request.path)
    return {"train": train, "test": test}, LABELS[request.name], request.name


def _uci_har(request: _Request) -> _Loaded:
    from lilliput.data.activities import load_uci_har

    return load_uci_har(request.path, request.validation_share, request.seed)


def _watch_activity(request: _Request) -> _Loaded:
    from lilliput.data.activities import load_watch_activity

    shares = request.validation_share, request.test_share
    return load_watch_activity(request.path, *shares, request.seed, dict(request.options))


def _basic_motions(request: _Request) -> _Loaded:
    from lilliput.data.activities import load_basic_motions

    return load_basic_motions(request.path)


def _spoken_mnist(request: _Request) -> _Loaded:
    from lilliput.data.spoken import load_spoken_mnist

    return load_spoken_mnist(request.path)


def _gtsrb(request: _Request) -> _Loaded:
    from lilliput.data.signs import load_gtsrb

    return load_gtsrb(request.path, request.size, request.validation_share, request.seed)


def _images(request: _Request) -> _Loaded:
    from lilliput.data.images import load_images

    return *load_images(request.file, request.size, request.color), str(request.file)


def _npz(request: _Request) -> _Loaded:
    return *load_npz(request.file, request.shape), str(request.file)


def _csv(request: _Request) -> _Loaded:
    from lilliput.data.table import load_csv

    train, labels = load_csv(request.file, request.label, request.header, request.shape)
    return {"train": train}, labels, str(request.file)


def _from_function(request: _Request) -> _Loaded | Dataset:
    found = call(request.name, dict(request.options))
    return (
        found
        if isinstance(found, Dataset)
        else (*splits_of(found, request.name, request.shape), request.name)
    )


_LOADERS: Mapping[str, Callable[[_Request], _Loaded]] = {
    "digits": _digits,
    "fashion-mnist": _mnist,
    "mnist": _mnist,
    "uci-har": _uci_har,
    "spoken-mnist": _spoken_mnist,
    "gtsrb": _gtsrb,
    "watch-activity": _watch_activity,
    "basic-motions": _basic_motions,
    "images": _images,
    "npz": _npz,
    "csv": _csv,
}
NAMES = tuple(_LOADERS)
"""Data sets that `load` knows by name; `module:function` is one more way."""


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


def _scaled(split: Split, size: Sequence[int], source: str) -> Split:
    from lilliput.data.images import resized

    if split.x.dtype != np.uint8:
        raise DataError(
            f"{source}: 'size' needs uint8 images", f"the examples are {split.x.dtype}", "remove 'size'"
        )
    return Split(resized(split.x, size), split.y)
