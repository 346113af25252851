"""Fixed, stratified splits: the same seed gives the same examples, on every machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lilliput.data.dataset import Dataset, Split, normalization_of
from lilliput.errors import DataError

VALIDATION_SHARE = 0.1
"""Share of the training data that becomes the validation split unless told otherwise."""

TEST_SHARE = 0.2
"""Share of the data that becomes the test split where a data set comes without one."""


def stratified(
    y: NDArray[np.int64], count: int, seed: int, purpose: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of `count` examples, drawn class by class in proportion, and of the rest; both ascending.

    Every class keeps at least one example on either side where it has two.

    Args:
        y: (n,) class indices.
        count: 1 ≤ count < n.
        seed: of the draw.
        purpose: what is drawn; part of the seed, so that test and validation are drawn independently.
    """
    rng = np.random.default_rng([seed, *purpose.encode()])
    classes, sizes = np.unique(y, return_counts=True)
    exact = sizes * (count / len(y))
    quota = np.clip(np.floor(exact).astype(np.int64), np.minimum(1, sizes - 1), np.maximum(sizes - 1, 0))
    by_remainder = np.argsort(-(exact - np.floor(exact)), kind="stable")
    while quota.sum() != count:
        step = 1 if quota.sum() < count else -1
        room = quota < sizes - 1 if step > 0 else quota > np.minimum(1, sizes - 1)
        able = [index for index in by_remainder if room[index]]
        if not able:
            break
        for index in able[: abs(count - int(quota.sum()))]:
            quota[index] += step
    drawn = [
        rng.permutation(np.flatnonzero(y == label))[:amount]
        for label, amount in zip(classes, quota, strict=True)
    ]
    chosen = np.sort(np.concatenate(drawn)).astype(np.int64)
    rest = np.setdiff1d(np.arange(len(y)), chosen).astype(np.int64)
    return chosen, rest


def assemble(
    name: str,
    train: Split,
    labels: Sequence[str],
    *,
    source: str,
    validation: Split | None = None,
    test: Split | None = None,
    validation_share: float = VALIDATION_SHARE,
    test_share: float = TEST_SHARE,
    seed: int = 0,
    subset: int | None = None,
) -> Dataset:
    """A data set from what there is: a missing test or validation split is taken from the training data.

    Args:
        name: of the data set.
        train: all examples that are not for validation or test.
        labels: class names by index.
        source: file or function, for messages.
        validation, test: given splits, or None.
        validation_share, test_share: shares of the data, in (0, 1).
        seed: of the draws.
        subset: keep that many training examples (and as many for validation in proportion), for quick tries.

    Raises:
        DataError: splits differ in shape or type, a class is too small, or there is only one class.
    """
    if len(labels) < 2:
        raise DataError(
            f"{source}: there is only one class",
            f"found {list(labels)}",
            "a classifier needs at least two classes",
        )
    for part, title in ((validation, "validation"), (test, "test")):
        if part is not None and (part.x.shape[1:] != train.x.shape[1:] or part.x.dtype != train.x.dtype):
            raise DataError(
                f"{source}: the {title} split does not look like the training split",
                f"{part.x.dtype} {part.x.shape[1:]} against {train.x.dtype} {train.x.shape[1:]}",
                "give all splits one shape and one type",
            )
        if part is not None and int(part.y.max(initial=0)) >= len(labels):
            raise DataError(
                f"{source}: the {title} split holds class {int(part.y.max())}",
                "training has no such class",
                "check labels",
            )
    needed = 1 + (validation is None) + (test is None)
    sizes = np.bincount(train.y, minlength=len(labels))
    if int(sizes.min()) < needed:
        smallest = int(sizes.argmin())
        raise DataError(
            f"{source}: class '{labels[smallest]}' has {int(sizes[smallest])} training examples",
            f"at least {needed} are needed so that every split gets one",
            "add examples, or remove the class",
        )
    if test is None:
        test, train = _cut(train, test_share, seed, "test")
    if validation is None:
        validation, train = _cut(train, validation_share, seed, "validation")
    if subset is not None and subset < len(train):
        share = subset / len(train)
        if subset < len(labels):
            raise DataError(
                f"data set '{name}': subset {subset} is smaller than its {len(labels)} classes",
                "",
                "raise 'subset'",
            )
        train = train.take(stratified(train.y, subset, seed, "subset")[0])
        fewer = max(len(labels), round(share * len(validation)))
        if fewer < len(validation):
            validation = validation.take(stratified(validation.y, fewer, seed, "subset")[0])
    return Dataset(name, train, validation, test, tuple(labels), normalization_of(train.x))


def _cut(split: Split, share: float, seed: int, purpose: str) -> tuple[Split, Split]:
    classes = len(np.unique(split.y))
    count = min(max(round(share * len(split)), classes), len(split) - classes)
    chosen, rest = stratified(split.y, count, seed, purpose)
    return split.take(chosen), split.take(rest)
