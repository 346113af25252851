"""Windows over batches of images, as numpy views."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.net.ops import Padding

Array = NDArray[Any]


def pad(images: Array, padding: Padding, value: float) -> Array:
    """(n, h, w, c) with a border of `value`."""
    if not any(padding):
        return images
    rows, columns = (padding.top, padding.bottom), (padding.left, padding.right)
    return np.pad(images, ((0, 0), rows, columns, (0, 0)), constant_values=value)


def spread(values: Array, shape: tuple[int, ...], batch: bool, rank: int) -> Array:
    """Values of a tensor of `shape`, with a batch or without, ready to be repeated along `rank` axes."""
    count = len(values) if batch else 1
    return values.reshape(count, *(1,) * (rank - len(shape)), *shape)


def resized(images: Array, size: tuple[int, int], align_corners: bool, half_pixel_centers: bool) -> Array:
    """(n, h, w, c) → (n, *size, c): the nearest pixel of each place."""
    rows, columns = (
        nearest(length, wanted, align_corners, half_pixel_centers)
        for length, wanted in zip(images.shape[1:3], size, strict=True)
    )
    return images[:, rows][:, :, columns]


def nearest(length: int, wanted: int, align_corners: bool, half_pixel_centers: bool) -> list[int]:
    """For each of `wanted` places along a side: which of its `length` elements is nearest.

    In float32, as TensorFlow Lite computes it (`resize_nearest_neighbor.h`).
    """
    ratio = np.float32(length) / np.float32(wanted)
    if align_corners and wanted > 1:
        ratio = np.float32(length - 1) / np.float32(wanted - 1)
    places = (np.arange(wanted, dtype=np.float32) + np.float32(0.5 * half_pixel_centers)) * ratio
    whole = np.floor(places + np.float64(0.5)) if align_corners else np.floor(places)
    found: list[int] = np.clip(whole.astype(np.int64), 0, length - 1).tolist()
    return found


def windows(
    images: Array, size: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Array:
    """View of (n, h, w, c) as (n, rows, columns, size[0], size[1], c): the window of each output element."""
    reach = ((size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1)
    every = np.lib.stride_tricks.sliding_window_view(images, reach, axis=(1, 2))
    kept = every[:, :: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]]
    return kept.transpose(0, 1, 2, 4, 5, 3)


def convolve(
    images: Array, weights: Array, strides: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Array:
    """Convolution of padded images (n, h, w, i) with weights (o, kh, kw, i), in the type of its arguments."""
    out = weights.shape[0]
    seen = windows(images, (weights.shape[1], weights.shape[2]), strides, dilation)
    batch, rows, columns = seen.shape[:3]
    columns_of = seen.reshape(batch * rows * columns, -1)
    return (columns_of @ weights.reshape(out, -1).T).reshape(batch, rows, columns, out)


def convolve_depthwise(
    images: Array, weights: Array, strides: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Array:
    """Depthwise convolution of padded images (n, h, w, c) with weights (kh, kw, c * multiplier)."""
    height, width, out = weights.shape
    channels = images.shape[3]
    seen = windows(images, (height, width), strides, dilation)
    taps = weights.reshape(height, width, channels, out // channels)
    total = np.zeros((*seen.shape[:3], channels, out // channels), images.dtype)
    for row in range(height):
        for column in range(width):
            total += seen[:, :, :, row, column, :, None] * taps[row, column]
    return total.reshape(*seen.shape[:3], out)
