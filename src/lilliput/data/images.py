"""A folder of images, one folder a class, optionally under train/, validation/ and test/."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lilliput.data.archives import DAMAGE, reason
from lilliput.data.dataset import SPLITS, Split
from lilliput.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp"})
"""What counts as an image, by the end of its name."""
COLORS = ("auto", "gray", "rgb")
_LARGEST_16_BIT = 65_535
IMAGE_DAMAGE: tuple[type[Exception], ...] = (
    *DAMAGE,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises on images that are damaged, or claim to be huge."""


def load_images(
    path: Path, size: Sequence[int] | None = None, color: str = "auto"
) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Splits by name ("train" alone where there are no split folders) and the class names, sorted.

    Args:
        path: the folder.
        size: (height, width) to scale all images to; None demands that all have one size.
        color: "gray", "rgb", or "auto" (gray if every image is).

    Raises:
        DataError: no folder, no image, an unreadable image, mixed sizes, or a split that lacks a class.
    """
    if color not in COLORS:
        raise DataError(f"color is '{color}'", "", f"one of {', '.join(COLORS)}")
    if not path.is_dir():
        raise DataError(
            f"image folder {path} does not exist",
            "there is no such folder",
            "set 'path' to a folder with one folder a class",
        )
    parts = {name: path / name for name in SPLITS if (path / name).is_dir()}
    if parts and "train" not in parts:
        raise DataError(
            f"{path} has {', '.join(parts)} but no train folder", "", "add train/, or put the classes in it"
        )
    if not parts:
        parts = {"train": path}
    labels = _classes(parts["train"])
    files = {name: _files(folder, labels) for name, folder in parts.items()}
    images = {name: [_read(file, color) for file, _ in found] for name, found in files.items()}
    if color == "auto":
        modes = {image.mode for found in images.values() for image in found}
        if len(modes) > 1:
            images = {name: [image.convert("RGB") for image in found] for name, found in images.items()}
    expected = tuple(int(value) for value in size) if size is not None else None
    splits = {}
    first: tuple[Path, tuple[int, int]] | None = None
    for name, found in images.items():
        arrays = []
        for (file, _), image in zip(files[name], found, strict=True):
            if expected is not None:
                image = image.resize((expected[1], expected[0]), Image.Resampling.BOX)
            first = first or (file, image.size)
            if image.size != first[1]:
                raise DataError(
                    f"{file}: the image is {image.size[0]} x {image.size[1]} pixels",
                    f"{first[0]} is {first[1][0]} x {first[1][1]}",
                    "give all images one size, or set 'size' to [height, width] under [data]",
                )
            arrays.append(_array(image))
        y = np.array([label for _, label in files[name]], dtype=np.int64)
        splits[name] = Split(np.stack(arrays), y)
    return splits, labels


def _classes(folder: Path) -> tuple[str, ...]:
    labels = tuple(
        sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    )
    if len(labels) < 2:
        raise DataError(
            f"{folder} holds {len(labels)} class folders",
            f"images are labelled by the folder that they lie in; there are {', '.join(labels) or 'none'}",
            "make one folder a class, with its images",
        )
    return labels


def _files(folder: Path, labels: tuple[str, ...]) -> list[tuple[Path, int]]:
    found: list[tuple[Path, int]] = []
    for index, label in enumerate(labels):
        inside = folder / label
        images = sorted(
            file for file in inside.glob("*") if file.suffix.lower() in SUFFIXES and file.is_file()
        )
        if not images:
            raise DataError(
                f"{inside}: class '{label}' has no image", "", f"add images ({', '.join(sorted(SUFFIXES))})"
            )
        found += [(file, index) for file in images]
    strangers = {
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    } - {*labels}
    if strangers:
        raise DataError(
            f"{folder} holds classes that train/ lacks", f"{sorted(strangers)}", "use the same class folders"
        )
    return found


def _read(file: Path, color: str) -> Image.Image:
    try:
        with sound_images(), Image.open(file) as opened:
            gray = color == "gray" or (color == "auto" and opened.mode in ("1", "L", "LA", "I", "I;16", "F"))
            return _of_bytes(opened, file).convert("L" if gray else "RGB")
    except IMAGE_DAMAGE as error:
        raise DataError(
            f"{file}: not a readable image", reason(error), "repair or remove the file"
        ) from error


@contextmanager
def sound_images() -> Iterator[None]:
    """Within the block an image that claims more pixels than any data set has is an error of `IMAGE_DAMAGE`.

    What else Pillow warns of, it either raises, too, or can do without.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _of_bytes(image: Image.Image, file: Path) -> Image.Image:
    """The image with 8 bits a pixel: 16 bits are scaled, which Pillow would cut off.

    Raises:
        DataError: pixels are reals, or have more than 16 bits.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    pixels = np.asarray(image)
    if pixels.dtype.kind == "f" or pixels.min() < 0 or pixels.max() > _LARGEST_16_BIT:
        raise DataError(
            f"{file}: pixels are no whole numbers of at most 16 bits",
            f"they are {pixels.dtype} from {pixels.min()} to {pixels.max()}",
            "save images with 8 or 16 bits a pixel",
        )
    return Image.fromarray(np.rint(pixels * (255.0 / _LARGEST_16_BIT)).astype(np.uint8))


def _array(image: Image.Image) -> NDArray[np.uint8]:
    array = np.asarray(image, dtype=np.uint8)
    return array[..., None] if array.ndim == 2 else array


def resized(x: NDArray[np.uint8], size: Sequence[int]) -> NDArray[np.uint8]:
    """uint8 images (n, h, w, c) scaled to (height, width) by area averages."""
    height, width = (int(value) for value in size)
    planes = x.transpose(0, 3, 1, 2).reshape(-1, *x.shape[1:3])
    scaled = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BOX)) for plane in planes
    ]
    return np.ascontiguousarray(
        np.stack(scaled).reshape(len(x), x.shape[3], height, width).transpose(0, 2, 3, 1), dtype=np.uint8
    )
