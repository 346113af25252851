"""How far an op's output may lie over an input that nobody reads afterwards.

A kernel that goes through an image row by row no longer needs the rows behind it, so its output may follow
its input through memory: it begins a few rows earlier, or at the same address where a window is one pixel
(DMO: arXiv:2010.01668; vMCU: arXiv:2406.06542).  What a kernel promises (`net.access.Access`) and the shapes
decide the least distance.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from lilliput.net.access import Access
from lilliput.net.graph import Net
from lilliput.net.ops import (
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePool2D,
    MaxPool2D,
    Op,
)
from lilliput.net.tensor import Tensor

ALIGNMENT_BYTES = 4
"""Every buffer starts at a multiple of this."""


class Overlap(NamedTuple):
    """Where an output may begin, seen from the begin of an input; distances are multiples of the alignment.

    Attributes:
        lead_bytes: at least so many bytes before the input.
        lag_bytes: or at least so many bytes behind it.
        in_place: or exactly where it begins.
    """

    lead_bytes: int
    lag_bytes: int
    in_place: bool = False

    def union_bytes(self, input_bytes: int, output_bytes: int) -> int:
        """The least memory that input and output take together."""
        if self.in_place:
            return max(input_bytes, output_bytes)
        before = max(output_bytes, self.lead_bytes + input_bytes)
        behind = max(input_bytes, self.lag_bytes + output_bytes)
        return min(before, behind)


def overlap(op: Op, net: Net, access: Access, source: str) -> Overlap:
    """How the output of `op`, run by a kernel that promises `access`, may lie over its input `source`.

    Shapes and types decide; weights are not needed.
    """
    known = net.known.get((op.name, source))
    if known is None or known[0] is not op or known[1] is not access:
        known = net.known[op.name, source] = (op, access, _overlap(op, net, access, source))
    found: Overlap = known[2]
    return found


def _overlap(op: Op, net: Net, access: Access, source: str) -> Overlap:
    read, written = net.tensors[source], net.tensors[op.outputs[0]]
    input_bytes, output_bytes = aligned(read.storage_bytes), aligned(written.storage_bytes)
    apart = Overlap(output_bytes, input_bytes)
    match access:
        case _ if access is Access.SEPARATE or read.element_bytes != written.element_bytes:
            return apart
        case Access.INPUTS_FIRST:
            return Overlap(0, 0, in_place=True)
        case Access.ELEMENTS:
            same = read.storage_bytes == written.storage_bytes
            return Overlap(0, input_bytes, in_place=True) if same else apart
        case Access.CHANNELS:
            return apart._replace(in_place=read.shape[-1] == written.shape[-1])
        case Access.PIXELS | Access.WINDOWS:
            lead = _lead_bytes(_windows(op, net, source), access is Access.WINDOWS)
            return Overlap(min(lead, output_bytes), input_bytes, in_place=lead == 0)
        case Access.ROWS:
            lead = _rows_lead_bytes(_windows(op, net, source), _kernel_rows(op, net))
            return Overlap(min(lead, output_bytes), input_bytes, in_place=lead == 0)


def _kernel_rows(op: Op, net: Net) -> int:
    assert isinstance(op, Conv2D)
    return (net.tensors[op.inputs[1]].shape[1] - 1) * op.dilation[0] + 1


class _Windows(NamedTuple):
    """The windows of an image: sizes as (height, width, bytes of a pixel)."""

    image: tuple[int, int, int]
    output: tuple[int, int, int]
    strides: tuple[int, int]
    before: tuple[int, int]


def _windows(op: Op, net: Net, source: str) -> _Windows:
    image = _sides(net.tensors[source])
    match op:
        case Conv2D() | DepthwiseConv2D() | MaxPool2D() | AveragePool2D():
            before = (op.padding.top, op.padding.left)
            return _Windows(image, _sides(net.tensors[op.outputs[0]]), op.strides, before)
        case GlobalAveragePool2D():
            return _Windows(image, (1, 1, image[2]), (1, 1), (0, 0))
        case _:
            raise TypeError(f"{type(op).__name__} has no windows")


def _sides(tensor: Tensor) -> tuple[int, int, int]:
    height, width, channels = tensor.shape
    return height, width, channels * tensor.element_bytes


@lru_cache(maxsize=4096)
def _lead_bytes(windows: _Windows, reads_late: bool) -> int:
    """How many bytes the output must begin before the input.

    When a pixel is written, the output reaches to its end.  What is read from then on begins in the window of
    the next pixel of the row (of this one, with `reads_late`), or at the begin of the next row's windows,
    which may lie further up.  Both distances are a sum of what the row and what the column adds.
    """
    (height, width, depth), (rows, columns, channels), strides, (top, left) = windows
    needed_rows = _first_inside(rows, strides[0], top, height)
    needed_columns = _first_inside(columns, strides[1], left, width)
    next_columns = needed_columns if reads_late else needed_columns[1:]
    written_row, read_row = columns * channels, width * depth
    column_ahead = [(x + 1) * channels - start * depth for x, start in enumerate(next_columns)]
    row_ahead = [y * written_row - start * read_row for y, start in enumerate(needed_rows)]
    next_row_ahead = [(y + 1) * written_row - start * read_row for y, start in enumerate(needed_rows[1:])]
    within = max(column_ahead) + max(row_ahead) if column_ahead else 0
    return aligned(max(within, *next_row_ahead, 0))


def _rows_lead_bytes(windows: _Windows, kernel_rows: int) -> int:
    """The same where a row is written when all rows of its windows were read, none of which is read again."""
    (height, width, depth), (rows, columns, channels), strides, (top, _) = windows
    ahead = 0
    for row in range(rows - 1):
        last_read = row * strides[0] - top + kernel_rows
        read_next = max(last_read, (row + 1) * strides[0] - top, 0)
        if read_next < height:
            ahead = max(ahead, (row + 1) * columns * channels - read_next * width * depth)
    return aligned(ahead)


def _first_inside(count: int, stride: int, before: int, length: int) -> list[int]:
    """For each window along one side, the first element inside the image; dilation may only skip it."""
    return [min(max(index * stride - before, 0), length) for index in range(count)]


def aligned(size: int) -> int:
    """The next multiple of the alignment."""
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
