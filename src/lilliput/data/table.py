"""CSV files: one example a line, one column for the class, the others are its features."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.data.dataset import Split, as_images, checked_examples
from lilliput.errors import DataError


def load_csv(
    path: Path, label: str | int = -1, header: bool | None = None, shape: Sequence[int] | None = None
) -> tuple[Split, tuple[str, ...]]:
    """All examples, float32 (n, 1, 1, features) or `shape`, and the class names in order.

    Args:
        path: the file; comma, semicolon or tab.
        label: name or index of the class column; negative counts from the end.
        header: whether the first line names the columns; None: it does if one of them is not a number.
        shape: (height, width, channels) of an example, as many elements as there are feature columns.

    Raises:
        DataError: missing file, unknown column, ragged lines, or a feature that is not a finite number.
    """
    rows = _rows(path)
    titles, column = _columns(path, rows, label, header)
    body = rows[1:] if titles else rows
    if not body:
        raise DataError(f"{path}: there are no examples", "only a header line", "add data")
    width, first_line = len(rows[0]), 2 if titles else 1
    features = np.empty((len(body), width - 1), dtype=np.float32)
    names = []
    for index, row in enumerate(body):
        if len(row) != width:
            raise DataError(
                f"{path}: line {index + first_line} has {len(row)} columns",
                f"the first has {width}",
                "repair the line",
            )
        names.append(row[column].strip())
        features[index] = _numbers(path, index + first_line, row[:column] + row[column + 1 :])
    if "" in names:
        raise DataError(f"{path}: line {names.index('') + first_line} has no label", "", "fill in the class")
    labels = sorted(set(names), key=_order)
    places = {name: index for index, name in enumerate(labels)}
    y = np.array([places[name] for name in names], dtype=np.int64)
    x = features if shape is None else as_images(features, str(path), shape)
    return checked_examples(x, y, str(path)), tuple(labels)


def _rows(path: Path) -> list[list[str]]:
    if not path.is_file():
        raise DataError(f"{path} does not exist", "there is no such file", "set 'path' to a .csv file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            first = stream.readline()
            delimiter = max(",;\t", key=first.count)
            stream.seek(0)
            rows = [row for row in csv.reader(stream, delimiter=delimiter) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV file", str(error), "save it as UTF-8 text") from error
    if not rows or len(rows[0]) < 2:
        raise DataError(
            f"{path}: there are no columns to learn from", "", "one column for the class, others for features"
        )
    return rows


def _columns(
    path: Path, rows: list[list[str]], label: str | int, header: bool | None
) -> tuple[list[str], int]:
    titles = [cell.strip() for cell in rows[0]]
    if isinstance(label, str):
        if label not in titles:
            raise DataError(
                f"{path}: there is no column '{label}'", f"columns: {', '.join(titles)}", "set 'label'"
            )
        return titles, titles.index(label)
    if not -len(titles) <= label < len(titles):
        raise DataError(f"{path}: there is no column {label}", f"the file has {len(titles)}", "set 'label'")
    column = label % len(titles)
    if header is None:
        header = any(not _is_number(cell) for index, cell in enumerate(titles) if index != column)
    return (titles if header else []), column


def _numbers(path: Path, line: int, cells: list[str]) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            values = np.array([float(cell) for cell in cells], dtype=np.float64).astype(np.float32)
    except ValueError as error:
        raise DataError(
            f"{path}: line {line} holds what is not a number", str(error), "repair or remove the line"
        ) from error
    if not np.isfinite(values).all():
        cell = cells[int(np.argmin(np.isfinite(values)))]
        raise DataError(
            f"{path}: line {line} holds {cell!r}", "NaN, infinity or too large", "repair or remove the line"
        )
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _order(name: str) -> tuple[int, float, str]:
    return (0, float(name), name) if _is_number(name) else (1, 0.0, name)
