"""Human activities: `uci-har`, `watch-activity` and `basic-motions`, as series of height 1."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.data.archives import DAMAGE, Archive, opened
from lilliput.data.dataset import Split, checked_examples, class_indices, indices_within
from lilliput.data.places import Source, download, given, local
from lilliput.data.recordings import by_subjects, numbers_of, windows
from lilliput.data.stored_objects import objects_in
from lilliput.errors import DataError

Splits = dict[str, Split]

HAR_CHANNELS = tuple(
    f"{signal}_{axis}" for signal in ("total_acc", "body_gyro", "body_acc") for axis in ("x", "y", "z")
)
"""The 9 channels of UCI-HAR in the order that the networks see them (MicroAI §6.1.1)."""

_HAR = Source(
    "UCI HAR Dataset.zip",
    "https://archive.ics.uci.edu/static/public/240/human+activity+recognition+using+smartphones.zip",
    None,
)
_SEGLEARN = Source(
    "seglearn-1.2.5-py3-none-any.whl",
    "https://files.pythonhosted.org/packages/py3/s/seglearn/seglearn-1.2.5-py3-none-any.whl",
    "sha256:ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd",
)
_AEON = Source(
    "aeon-1.6.0-py3-none-any.whl",
    "https://files.pythonhosted.org/packages/py3/a/aeon/aeon-1.6.0-py3-none-any.whl",
    "sha256:d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
)


def load_uci_har(
    path: str | Path | None, validation_share: float, seed: int
) -> tuple[Splits, tuple[str, ...], str]:
    """UCI-HAR, raw windows of 128 samples with 9 channels; validation is taken from whole subjects.

    Args:
        path: the archive, or the folder "UCI HAR Dataset"; None looks in the usual places, then downloads.
        validation_share: share of the training windows.
        seed: of the choice of subjects.

    Returns:
        Splits by name, class names, and where they come from.

    Raises:
        DataError: missing or damaged.
    """
    name = "uci-har"
    place = given(name, path) if path is not None else local(name, ("UCI HAR Dataset", _HAR.file))
    if place is None:
        place = download(name, _HAR, "get the archive from archive.ics.uci.edu and set 'path' under [data]")
    with opened(place) as archive:
        inner = archive.inner("UCI HAR Dataset.zip") or archive
        names = [line.split() for line in inner.text("activity_labels.txt").splitlines() if line.strip()]
        labels = tuple(words[-1].lower().replace("_", " ") for words in names)
        splits, subjects = {}, {}
        for part in ("train", "test"):
            splits[part], subjects[part] = _har_part(inner, part, len(labels), str(place))
    chosen, rest = by_subjects(
        splits["train"], subjects["train"], validation_share, seed, "validation", str(place)
    )
    train = splits["train"]
    splits = {"train": train.take(rest), "validation": train.take(chosen), "test": splits["test"]}
    return splits, labels, str(place)


def _har_part(archive: Archive, part: str, classes: int, source: str) -> tuple[Split, NDArray[np.int64]]:
    channels = [_table(archive, "Inertial Signals", f"{name}_{part}.txt") for name in HAR_CHANNELS]
    y = _column(archive, part, f"y_{part}.txt") - 1
    subjects = _column(archive, part, f"subject_{part}.txt")
    if len({len(table) for table in (*channels, y, subjects)}) != 1:
        raise DataError(f"{source}: the files of {part} differ in length", "", "get the archive again")
    x = np.stack(channels, axis=-1)[:, None]
    where = f"{source} {part}"
    indices = (class_indices if part == "train" else indices_within)(y, where, classes)
    return checked_examples(x, indices, where), subjects


def _column(archive: Archive, *parts: str) -> NDArray[np.int64]:
    """A file with one whole number a line."""
    found = _table(archive, *parts)[:, 0]
    wrong = np.flatnonzero(~(np.abs(found) < 1e6) | (found != np.rint(found)))
    if len(wrong):
        raise DataError(
            f"{archive.path}: {parts[-1]} is damaged",
            f"line {int(wrong[0]) + 1} holds {found[wrong[0]]:g}, where a small whole number belongs",
            "get the archive again",
        )
    return found.astype(np.int64)


def _table(archive: Archive, *parts: str) -> NDArray[np.float64]:
    rows = numbers_of(archive.text(*parts).splitlines(), f"{archive.path} {parts[-1]}")
    if not rows or len({len(row) for row in rows}) != 1 or not len(rows[0]):
        raise DataError(
            f"{archive.path}: {parts[-1]} is no table", f"{len(rows)} lines", "get the archive again"
        )
    return np.stack(rows)


def load_watch_activity(
    path: str | Path | None,
    validation_share: float,
    test_share: float,
    seed: int,
    options: Mapping[str, Any],
) -> tuple[Splits, tuple[str, ...], str]:
    """Seven shoulder exercises worn on the wrist, 6 channels at 50 Hz (Burns et al. 2018, in seglearn).

    Test and validation come from whole subjects.

    Args:
        path: seglearn's wheel or watch_dataset.npy; None looks for the installed package and in the usual
            places, then downloads the wheel.
        validation_share, test_share: shares of the windows.
        seed: of the choice of subjects.
        options: "window" and "step" in samples; 128 and 64 unless given, as UCI-HAR is cut.

    Raises:
        DataError: missing or damaged, or an option that is not known.
    """
    name = "watch-activity"
    length, step = _lengths(name, options)
    place = given(name, path) if path is not None else _installed("seglearn", "data/watch_dataset.npy")
    place = place or local(name, ("watch_dataset.npy", "seglearn-*.whl"))
    if place is None:
        place = download(name, _SEGLEARN, "pip install seglearn, or set 'path' under [data] to its wheel")
    found = objects_in(_member(place, "watch_dataset.npy"), str(place))
    x, y, subjects = [], [], []
    try:
        labels = tuple(str(label).lower() for label in found["y_labels"])
        recordings = list(zip(found["X"], found["y"].tolist(), found["subject"].tolist(), strict=True))
        for series, label, subject in recordings:
            cut = windows(series, length, step)
            x.append(cut)
            y += [int(label)] * len(cut)
            subjects += [int(subject)] * len(cut)
        examples = np.concatenate(x)
    except DAMAGE as error:
        raise DataError(
            f"{place}: not the recordings that were expected",
            f"{type(error).__name__}: {error}",
            "get it again",
        ) from error
    everything = checked_examples(examples, class_indices(np.array(y), str(place), len(labels)), str(place))
    who = np.array(subjects)
    test, rest = by_subjects(everything, who, test_share, seed, "test", str(place))
    left = everything.take(rest)
    validation, train = by_subjects(left, who[rest], validation_share, seed, "validation", str(place))
    splits = {
        "train": left.take(train),
        "validation": left.take(validation),
        "test": everything.take(test),
    }
    return splits, labels, str(place)


def _lengths(name: str, options: Mapping[str, Any]) -> tuple[int, int]:
    known = {"window": 128, "step": 64}
    wrong = [
        key
        for key, value in options.items()
        if key not in known or not isinstance(value, int) or isinstance(value, bool) or value < 1
    ]
    if wrong:
        raise DataError(
            f"data set '{name}': option '{wrong[0]}' is wrong",
            f"{options[wrong[0]]!r}; known are window and step, in samples",
            "correct data.options",
        )
    return options.get("window", known["window"]), options.get("step", known["step"])


def load_basic_motions(path: str | Path | None) -> tuple[Splits, tuple[str, ...], str]:
    """Standing, running, walking, badminton: 100 samples of 6 channels at 10 Hz (UEA archive, in aeon).

    Args:
        path: aeon's wheel, or the folder with the two .ts files; None looks for the installed package and in
            the usual places, then downloads the wheel.

    Raises:
        DataError: missing or damaged.
    """
    name = "basic-motions"
    place = given(name, path) if path is not None else _installed("aeon", "datasets/data/BasicMotions")
    place = place or local(name, ("BasicMotions", "aeon-*.whl"))
    if place is None:
        place = download(name, _AEON, "pip install aeon, or set 'path' under [data] to its wheel")
    with opened(place) as archive:
        texts = {part: archive.text(f"BasicMotions_{part.upper()}.ts") for part in ("train", "test")}
    splits: Splits = {}
    labels: tuple[str, ...] = ()
    for part, text in texts.items():
        where = f"{place} {part}"
        x, words, classes = _time_series(text, where)
        labels = labels or classes
        strangers = sorted(set(words) - set(labels))
        if strangers:
            raise DataError(f"{where}: class {strangers[0]} is not declared", f"{labels}", "get it again")
        splits[part] = checked_examples(x, np.array([labels.index(word) for word in words]), where)
    return splits, tuple(label.lower() for label in labels), str(place)


def _time_series(text: str, source: str) -> tuple[NDArray[np.float64], list[str], tuple[str, ...]]:
    """(n, 1, samples, channels), class names of the examples, and declared classes of a .ts file.

    A line holds the channels with ":" between them and the class at its end.
    """
    classes: tuple[str, ...] = ()
    examples, words = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lower().startswith("@classlabel"):
            classes = tuple(line.split()[2:])
        elif line.strip() and not line.startswith(("#", "@")):
            *channels, word = line.strip().split(":")
            rows = numbers_of(channels, source, number)
            if not rows or len({len(row) for row in rows}) != 1:
                raise DataError(
                    f"{source}: line {number} has channels of different length",
                    f"{sorted({len(row) for row in rows})} numbers",
                    "get the file again",
                )
            examples.append(np.stack(rows, axis=-1))
            words.append(word)
    if not examples or len({example.shape for example in examples}) != 1:
        raise DataError(f"{source}: no series of one length", f"{len(examples)} series", "get it again")
    return np.stack(examples)[:, None], words, classes


def _member(place: Path, file: str) -> bytes:
    """A file on its own, or inside a folder or an archive."""
    if place.suffix == ".npy":
        try:
            return place.read_bytes()
        except OSError as error:
            raise DataError(f"{place} cannot be read", str(error), "check 'path' under [data]") from error
    with opened(place) as archive:
        name = archive.ending(file)
        if name is None:
            raise DataError(f"{place} lacks {file}", "", "get the package again")
        return archive.read(name)


def _installed(package: str, inside: str) -> Path | None:
    """A file of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent / inside
    return place if place.exists() else None
