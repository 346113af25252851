"""Windows cut from recordings, and splits by recordings or by the subjects that made them.

Windows and frames of one recording resemble each other: a split that mixes them flatters every network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.data.dataset import Split
from lilliput.errors import DataError


def windows(series: NDArray[Any], length: int, step: int) -> NDArray[np.float32]:
    """All whole windows of a series.

    Args:
        series: (samples, channels).
        length: samples of a window.
        step: samples from the start of one window to that of the next.

    Returns:
        (windows, 1, length, channels), none if the series is shorter than a window.
    """
    starts = np.arange(0, len(series) - length + 1, step)
    cut = np.stack([series[start : start + length] for start in starts]) if len(starts) else series[:0, None]
    whole = cut.reshape(len(starts), 1, length, series.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):  # checked_examples tells what is infinite
        return np.ascontiguousarray(whole, dtype=np.float32)


def by_subjects(
    data: Split, subjects: NDArray[np.int64], share: float, seed: int, purpose: str, source: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of whole subjects with about `share` of the examples, and of the rest; both ascending.

    Args:
        data: the examples.
        subjects: (n,) who made each.
        share: in (0, 1).
        seed: of the draw.
        purpose: what is drawn; part of the seed.
        source: for messages.

    Raises:
        DataError: fewer than two subjects, or a class that would be missing on the larger side.
    """
    known = np.unique(subjects)
    if len(known) < 2:
        raise DataError(
            f"{source}: there is only one subject",
            f"{purpose} examples come from subjects that training does not see",
            "give recordings of at least two subjects",
        )
    drawn: list[int] = []
    for subject in np.random.default_rng([seed, *purpose.encode()]).permutation(known)[:-1]:
        if drawn and np.isin(subjects, drawn).sum() >= share * len(data):
            break
        drawn.append(int(subject))
    chosen = np.isin(subjects, drawn)
    missing = np.setdiff1d(data.y, data.y[~chosen])
    if len(missing):
        raise DataError(
            f"{source}: class {int(missing[0])} was recorded by subjects {drawn} only",
            f"they were drawn for the {purpose} split",
            "choose another seed",
        )
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def by_recordings(
    y: NDArray[np.int64], recordings: NDArray[Any], share: float, seed: int, purpose: str, source: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of whole recordings with about `share` of each class's examples, and of the rest; ascending.

    Args:
        y: (n,) class indices.
        recordings: (n,) which recording of its class each example is from.
        share: in (0, 1).
        seed: of the draw.
        purpose: what is drawn; part of the seed.
        source: for messages.

    Raises:
        DataError: a class has one recording only.
    """
    rng = np.random.default_rng([seed, *purpose.encode()])
    chosen = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        of_class = y == label
        known, sizes = np.unique(recordings[of_class], return_counts=True)
        if len(known) < 2:
            raise DataError(
                f"{source}: class {label} has one recording only",
                f"{purpose} examples come from recordings that training does not see",
                "give at least two of each class",
            )
        order = rng.permutation(len(known))
        before = np.cumsum(sizes[order]) - sizes[order]
        drawn = order[:-1][before[:-1] < share * of_class.sum()]
        chosen |= of_class & np.isin(recordings, known[drawn])
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def numbers_of(lines: Sequence[str], source: str, line: int | None = None) -> list[NDArray[np.float64]]:
    """Lines of numbers with blanks or commas between them.

    Args:
        lines: the texts.
        source: for messages.
        line: number of the line that they all come from; None counts them from 1 on.

    Raises:
        DataError: something is not a number; names the line.
    """
    found = []
    for place, text in enumerate(lines, start=1):
        try:
            found.append(np.array(text.replace(",", " ").split(), dtype=np.float64))
        except ValueError as error:
            raise DataError(
                f"{source}: line {line or place} is damaged", str(error), "get the file again"
            ) from error
    return found
