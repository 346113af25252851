"""When a kernel reads each byte of an input for the last time, and when it writes each byte of its output.

Written down byte by byte from what `Access` says, so that it can judge the distances that the passes derive
in another way.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lilliput.net.access import Access
from lilliput.net.graph import Net
from lilliput.net.ops import AveragePool2D, Conv2D, DepthwiseConv2D, GlobalAveragePool2D, MaxPool2D, Op

Times = NDArray[np.int64]
_NEVER = -1


def written_in_time(op: Op, net: Net, access: Access, source: str, behind_bytes: int) -> bool:
    """Whether no byte of input `source` is overwritten before it was read for the last time.

    Args:
        op: one of `net`.
        access: what its kernel promises.
        source: an input that is not needed afterwards.
        behind_bytes: address of the output minus address of the input.
    """
    read, written = net.tensors[source], net.tensors[op.outputs[0]]
    size = read.element_bytes
    match access:
        case Access.INPUTS_FIRST:
            return True
        case Access.ELEMENTS:
            # Byte k of the output lies on byte k + behind of the input, which is read at that time or later.
            return behind_bytes <= 0 and read.storage_bytes == written.storage_bytes
        case Access.CHANNELS:
            # Each byte lies on one of the same channel.
            return behind_bytes == 0 and read.shape[-1] == written.shape[-1]
        case Access.PIXELS | Access.WINDOWS if read.element_bytes == written.element_bytes:
            sizes = (read.shape[-1] * size, written.shape[-1] * size)
            readers = _last_readers(_windows(op, net, source))
            late = 1 if access is Access.WINDOWS else 0
            return _read_by_then(readers + late, sizes, written.elements * size, behind_bytes)
        case Access.ROWS if read.element_bytes == written.element_bytes:
            sizes = (math.prod(read.shape[1:]) * size, math.prod(written.shape[1:]) * size)
            readers = _first_readers(_windows(op, net, source)[0])
            return _read_by_then(readers, sizes, written.elements * size, behind_bytes)
        case _:
            return False


def _read_by_then(readers: Times, sizes: tuple[int, int], written_bytes: int, behind_bytes: int) -> bool:
    """Whether no byte is written before the whole part of the input that it lies in was read.

    Of the bytes of a part the first is overwritten first, since the output is written from its begin to end.

    Args:
        readers: for each part of the input (pixels or rows), the number of the part of the output for which
            it is read for the last time.
        sizes: bytes of a part of the input, and of one of the output.
        written_bytes: of the output.
        behind_bytes: address of the output minus address of the input.
    """
    read_size, written_size = sizes
    begin, end = max(behind_bytes, 0), min(len(readers) * read_size, behind_bytes + written_bytes)
    if begin >= end:
        return True
    parts = np.arange(begin // read_size, -(-end // read_size))
    first_bytes = np.maximum(parts * read_size, begin)
    return bool(((first_bytes - behind_bytes) // written_size >= readers[parts]).all())


Side = tuple[int, int, int, int, int, int]
"""Length of the image, number of windows, elements of a window, stride, dilation, padding before."""


def _windows(op: Op, net: Net, source: str) -> tuple[Side, Side]:
    image = net.tensors[source].shape
    match op:
        case Conv2D():
            kernel, dilation = net.tensors[op.inputs[1]].shape[1:3], op.dilation
        case DepthwiseConv2D():
            kernel, dilation = net.tensors[op.inputs[1]].shape[:2], op.dilation
        case MaxPool2D() | AveragePool2D():
            kernel, dilation = op.pool, (1, 1)
        case GlobalAveragePool2D():
            return (image[0], 1, image[0], 1, 1, 0), (image[1], 1, image[1], 1, 1, 0)
        case _:
            raise TypeError(f"{type(op).__name__} has no windows")
    output, before = net.tensors[op.outputs[0]].shape, (op.padding.top, op.padding.left)
    rows, columns = (
        (image[i], output[i], kernel[i], op.strides[i], dilation[i], before[i]) for i in range(2)
    )
    return rows, columns


@lru_cache(maxsize=1024)
def _last_readers(windows: tuple[Side, Side]) -> Times:
    """For each pixel of the image, the number of the last output pixel that reads it."""
    rows, columns = (_last_windows(side) for side in windows)
    last = rows[:, None] * windows[1][1] + columns[None, :]
    read = (rows[:, None] != _NEVER) & (columns[None, :] != _NEVER)
    return np.where(read, last, _NEVER).reshape(-1)


def _first_readers(side: Side) -> Times:
    """For each element along one side, the first window that holds it."""
    length, count, kernel, stride, dilation, before = side
    found = np.full(length, _NEVER, np.int64)
    for window in reversed(range(count)):
        for tap in range(kernel):
            place = window * stride - before + tap * dilation
            if 0 <= place < length:
                found[place] = window
    return found


def _last_windows(side: Side) -> Times:
    """For each element along one side, the last window that holds it."""
    length, count, kernel, stride, dilation, before = side
    found = np.full(length, _NEVER, np.int64)
    for tap in range(kernel):
        places = np.arange(count) * stride - before + tap * dilation
        inside = (places >= 0) & (places < length)
        found[places[inside]] = np.maximum(found[places[inside]], np.arange(count)[inside])
    return found
