"""`Dataset`: examples in three splits, checked, with the normalization that the network will carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import DataError
from lilliput.net import DType, Normalization

SPLITS = ("train", "validation", "test")
"""Names of the splits, as on the command line."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples and their classes.

    Attributes:
        x: (n, height, width, channels), uint8 (sensor bytes) or float32 (raw values, not normalized).
        y: (n,) int64, class indices.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, indices: NDArray[np.int64]) -> Split:
        """The examples at `indices`, in that order."""
        return Split(self.x[indices], self.y[indices])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in fixed splits.

    The validation split comes out of the training data; the test split is for the end and nothing else.

    Attributes:
        name: what `load` was asked for.
        train, validation, test: the splits; all share shape and dtype.
        labels: class names by index.
        normalization: how raw data become network input, from the training split alone.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    labels: tuple[str, ...]
    normalization: Normalization

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example: (height, width, channels)."""
        return tuple(int(size) for size in self.train.x.shape[1:])

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.labels)

    def split(self, name: str) -> Split:
        """The split called `name`.

        Raises:
            DataError: there is no such split.
        """
        if name not in SPLITS:
            raise DataError(
                f"data set '{self.name}' has no split '{name}'", hint=f"take one of {', '.join(SPLITS)}"
            )
        found = {"train": self.train, "validation": self.validation, "test": self.test}[name]
        return found

    def without_test(self) -> Dataset:
        """The data set with an empty test split: what a search gets to see."""
        return replace(self, test=Split(self.test.x[:0], self.test.y[:0]))


def checked_examples(x: NDArray[Any], y: NDArray[Any], source: str) -> Split:
    """Examples as a `Split`, after looking for what would spoil a training unseen.

    Args:
        x: (n, …) numbers; uint8 stays, every other number type becomes float32.
        y: (n,) class indices.
        source: the file or function that the arrays came from, for messages.

    Raises:
        DataError: empty, lengths differ, not numbers, NaN or infinity, or more than three dimensions.
    """
    if len(x) != len(y) or y.ndim != 1:
        raise DataError(
            f"{source}: examples and labels do not belong together",
            f"{len(x)} examples, labels of shape {y.shape}",
            "give one label for each example",
        )
    if len(x) == 0 or x.size == 0:
        raise DataError(
            f"{source}: there are no examples", f"the array has shape {x.shape}", "check the file"
        )
    if x.dtype != np.uint8:
        if x.dtype.kind not in "iuf":
            raise DataError(
                f"{source}: examples are not numbers", f"their type is {x.dtype}", "store uint8 or float32"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            x = x.astype(np.float32)
        finite = np.isfinite(x.reshape(len(x), -1)).all(axis=1)
        if not finite.all():
            first = int(np.argmin(finite))
            raise DataError(
                f"{source}: example {first} holds NaN, infinity, or a number too large for float32",
                f"{int((~finite).sum())} of {len(x)} examples do",
                "remove or repair those examples",
            )
    return Split(as_images(x, source), np.ascontiguousarray(y, dtype=np.int64))


def as_images(x: NDArray[Any], source: str, shape: Sequence[int] | None = None) -> NDArray[Any]:
    """Examples as (n, height, width, channels).

    Without `shape`, (n, features) becomes (n, 1, 1, features) and (n, height, width) gets one channel.

    Raises:
        DataError: `shape` has another number of elements, or the examples have more than three dimensions.
    """
    if shape is not None:
        wanted = tuple(int(size) for size in shape)
        if len(wanted) != 3 or min(wanted) < 1 or int(np.prod(wanted)) != int(np.prod(x.shape[1:])):
            raise DataError(
                f"{source}: examples of shape {x.shape[1:]} cannot take the shape {list(wanted)}",
                f"{int(np.prod(x.shape[1:]))} numbers against {int(np.prod(wanted))}",
                "set 'shape' to [height, width, channels] with as many elements as an example has",
            )
        return np.ascontiguousarray(x).reshape(len(x), *wanted)
    if x.ndim == 2:
        x = x[:, None, None, :]
    elif x.ndim == 3:
        x = x[..., None]
    elif x.ndim != 4:
        raise DataError(
            f"{source}: examples have the shape {x.shape[1:]}",
            "an example is (features), (height, width) or (height, width, channels)",
            "reshape the array, or set 'shape'",
        )
    return np.ascontiguousarray(x)


def class_indices(y: NDArray[Any], source: str, classes: int | None = None) -> NDArray[np.int64]:
    """Whole-number labels as indices 0 … k - 1.

    Raises:
        DataError: labels are not whole numbers, negative, or leave a class without an example.
    """
    if y.dtype.kind not in "iu" and not (
        y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.floor(y)).all()
    ):
        raise DataError(
            f"{source}: labels are not whole numbers",
            f"their type is {y.dtype}",
            "store class indices 0, 1, 2, …",
        )
    if y.dtype.kind != "i" and len(y) and float(y.max()) >= np.iinfo(np.int64).max:
        raise DataError(f"{source}: a label is too large", f"{y.max()}", "store class indices 0, 1, 2, …")
    if len(y) and y.min() < 0:
        raise DataError(f"{source}: label {int(y.min())} is negative", "", "store class indices 0, 1, 2, …")
    indices = y.astype(np.int64)
    found = np.unique(indices)
    expected = classes if classes is not None else int(found[-1]) + 1 if len(found) else 0
    if len(found) and int(found[-1]) >= expected:
        raise DataError(
            f"{source}: label {int(found[-1])} is out of range",
            f"there are {expected} classes",
            "check labels and names",
        )
    if len(found) != expected:
        missing = int(np.setdiff1d(np.arange(min(expected, len(found) + 1)), found)[0])
        raise DataError(
            f"{source}: class {missing} has no example",
            f"labels go up to {expected - 1}, {len(found)} of {expected} classes occur",
            "number the classes 0, 1, 2, … without gaps",
        )
    return indices


def indices_within(y: NDArray[Any], source: str, classes: int) -> NDArray[np.int64]:
    """Labels of a split that need not hold every class, as indices 0 … classes - 1.

    Raises:
        DataError: one is no class index of the training.
    """
    if y.dtype.kind not in "iu" or (len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes):
        raise DataError(
            f"{source}: labels do not fit", f"class indices 0 … {classes - 1} expected", "check the labels"
        )
    return y.astype(np.int64)


def normalization_of(x: NDArray[Any]) -> Normalization:
    """Mean and standard deviation of training data.

    uint8: one whole-number mean and one standard deviation, so that the input's quantization expresses it.
    float32: one of each for every element of the last axis; a constant feature counts as deviation 1.
    """
    if x.dtype == np.uint8:
        counts = np.bincount(x.reshape(-1), minlength=256).astype(np.float64)
        values = np.arange(256, dtype=np.float64)
        mean = float(np.rint(counts @ values / counts.sum()))
        std = float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum()))
        return Normalization(DType.UINT8, (mean,), (round(std, 4) or 1.0,))
    flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
    means, stds = flat.mean(axis=0), flat.std(axis=0)
    constant = stds <= 1e-7 * np.maximum(np.abs(means), 1e-30)
    stds = np.where(constant, 1.0, stds)
    return Normalization(DType.FLOAT32, tuple(map(float, means)), tuple(map(float, stds)))
