"""Traffic signs: `gtsrb`, the German Traffic Sign Recognition Benchmark (Stallkamp et al. 2011)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lilliput.data.archives import Archive, opened, reason
from lilliput.data.dataset import Split, checked_examples, class_indices
from lilliput.data.images import IMAGE_DAMAGE, sound_images
from lilliput.data.places import Source, download, given, local
from lilliput.data.recordings import by_recordings
from lilliput.errors import DataError

CLASSES = 43
SIZE = (32, 32)
"""Height and width that images are scaled to unless told otherwise (MicroAI §6.1.3)."""

_ADDRESS = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
_SOURCES = {
    "training": Source(
        "GTSRB_Final_Training_Images.zip",
        f"{_ADDRESS}GTSRB_Final_Training_Images.zip",
        "md5:f33fd80ac59bff73c82d25ab499e03a3",
    ),
    "test": Source(
        "GTSRB_Final_Test_Images.zip",
        f"{_ADDRESS}GTSRB_Final_Test_Images.zip",
        "md5:c7e4e6327067d32654124b0fe9e82185",
    ),
    "truth": Source(
        "GTSRB_Final_Test_GT.zip",
        f"{_ADDRESS}GTSRB_Final_Test_GT.zip",
        "md5:fe31e9c9270bbcd7b84b7f21a9d9d9e5",
    ),
}


def load_gtsrb(
    path: str | Path | None, size: Sequence[int] | None, validation_share: float, seed: int
) -> tuple[dict[str, Split], tuple[str, ...], str]:
    """43 kinds of signs, uint8 (n, height, width, 3), scaled by bilinear interpolation with anti-aliasing.

    Training images are frames of some 30 taken while driving by one sign; validation takes whole signs.

    Args:
        path: the folder with the three archives, or with what was unpacked from them; None looks in the usual
            places, then downloads.
        size: (height, width); `SIZE` if None.
        validation_share: share of the training images.
        seed: of the choice of signs.

    Returns:
        Splits by name, class names, and where they come from.

    Raises:
        DataError: missing or damaged.
    """
    name, height_width = "gtsrb", (int(size[0]), int(size[1])) if size is not None else SIZE
    folder = given(name, path) if path is not None else _holding(name)
    places = {part: _place(name, folder, source) for part, source in _SOURCES.items()}
    with opened(places["training"]) as archive:
        names = list(_training(archive))
        train = _examples(archive, names, height_width)
    with opened(places["truth"]) as archive:
        rows = _rows(archive, ("GT-final_test.csv",))
    with opened(places["test"]) as archive:
        test = _examples(archive, _tests(archive, rows), height_width)
    labels = tuple(f"sign {number:02d}" for number in range(CLASSES))
    where = str(places["training"])
    class_indices(train.y, where, CLASSES)
    tracks = np.array([PurePosixPath(name).name.partition("_")[0] for name, _ in names])
    chosen, rest = by_recordings(train.y, tracks, validation_share, seed, "validation", where)
    splits = {"train": train.take(rest), "validation": train.take(chosen), "test": test}
    return splits, labels, str(folder or _ADDRESS)


def _place(name: str, folder: Path | None, source: Source) -> Path:
    if folder is None:
        return download(
            name, source, f"put {', '.join(s.file for s in _SOURCES.values())} into a folder and set 'path'"
        )
    return folder / source.file if (folder / source.file).is_file() else folder


def _holding(name: str) -> Path | None:
    found = local(name, ("GTSRB_Final_Training_Images.zip", "GTSRB/Final_Training"))
    if found is None:
        return None
    return found.parent.parent if found.is_dir() else found.parent


def _training(archive: Archive) -> Iterator[tuple[str, int]]:
    """Image and class of every training example, folder by folder."""
    for number in range(CLASSES):
        folder = f"{number:05d}"
        for row in _rows(archive, (folder, f"GT-{folder}.csv")):
            name = archive.ending("Final_Training", "Images", folder, row["Filename"])
            yield _found(archive, name, row["Filename"]), _label(archive, row)


def _tests(archive: Archive, rows: list[dict[str, str]]) -> Iterator[tuple[str, int]]:
    for row in rows:
        name = archive.ending("Final_Test", "Images", row["Filename"])
        yield _found(archive, name, row["Filename"]), _label(archive, row)


def _found(archive: Archive, name: str | None, file: str) -> str:
    if name is None:
        raise DataError(f"{archive.path} lacks {file}", "the archive is not whole", "get it again")
    return name


def _rows(archive: Archive, parts: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(io.StringIO(archive.text(*parts)), delimiter=";"))
    except csv.Error as error:
        raise DataError(f"{archive.path}: {parts[-1]} is damaged", str(error), "get it again") from error
    if not rows or not {"Filename", "ClassId"} <= set(rows[0]):
        raise DataError(
            f"{archive.path}: {parts[-1]} has no columns Filename and ClassId",
            f"{len(rows)} lines",
            "get it again",
        )
    for number, row in enumerate(rows, start=1):
        if row["Filename"] is None or row["ClassId"] is None:
            raise DataError(
                f"{archive.path}: {parts[-1]} is cut off", f"row {number} has no ClassId", "get it again"
            )
    return rows


def _label(archive: Archive, row: dict[str, str]) -> int:
    if not re.fullmatch("[0-9]{1,5}", row["ClassId"]) or int(row["ClassId"]) >= CLASSES:
        raise DataError(
            f"{archive.path}: {row['Filename']} has class {row['ClassId']}",
            f"classes are 0 … {CLASSES - 1}",
            "get it again",
        )
    return int(row["ClassId"])


def _examples(archive: Archive, found: Iterable[tuple[str, int]], size: tuple[int, int]) -> Split:
    images, labels = [], []
    for name, label in found:
        images.append(_scaled(archive.read(name), size, f"{archive.path} {PurePosixPath(name).name}"))
        labels.append(label)
    return checked_examples(np.stack(images), np.array(labels), str(archive.path))


def _scaled(data: bytes, size: tuple[int, int], source: str) -> NDArray[np.uint8]:
    height, width = size
    try:
        with sound_images(), Image.open(io.BytesIO(data), formats=("PPM", "PNG")) as image:
            small = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    except IMAGE_DAMAGE as error:
        raise DataError(f"{source}: not a readable image", reason(error), "get the archive again") from error
    return np.asarray(small, dtype=np.uint8)
