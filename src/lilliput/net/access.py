"""When a kernel reads its inputs and when it writes its output: what decides how far the two may overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from lilliput.net.graph import Net
from lilliput.net.ops import (
    IN_PLACE,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Op,
    Softmax,
)


class Access(StrEnum):
    """The order of a kernel's reads and writes, as far as it promises one.

    Elements are those of a tensor, whatever their size; pixels are (row, column) with all their channels, in
    row-major order.

    SEPARATE: none; an input may be read after anything was written.
    INPUTS_FIRST: all inputs are read before anything is written.
    ELEMENTS: element k is written when element k of each input was read, and no earlier one is read again.
    PIXELS: pixel by pixel; a pixel is written when its window was read, and no earlier window is read again.
    WINDOWS: pixel by pixel; a pixel may be written while its own window is still being read.
    ROWS: row by row; a row is written when all rows of its windows were read, and none of them is read again.
    CHANNELS: channel by channel; each is read as a whole before it is written, in place of its input.
    """

    SEPARATE = "separate"
    INPUTS_FIRST = "inputs first"
    ELEMENTS = "elements"
    PIXELS = "pixels"
    WINDOWS = "windows"
    ROWS = "rows"
    CHANNELS = "channels"


AccessOf = Callable[[Op, Net], Access]
"""What the kernel of an op promises: `targets.kernels` bound to a core."""

POSSIBLE: Mapping[type[Op], tuple[Access, ...]] = {
    Conv2D: (Access.PIXELS, Access.ROWS),
    DepthwiseConv2D: (Access.PIXELS, Access.CHANNELS),
    MaxPool2D: (Access.PIXELS,),
    AveragePool2D: (Access.PIXELS,),
    GlobalAveragePool2D: (Access.PIXELS,),
    FullyConnected: (Access.INPUTS_FIRST,),
    Softmax: (Access.ELEMENTS,),
    **dict.fromkeys(IN_PLACE, (Access.ELEMENTS,)),
}
"""The most that a kernel of an op may promise; nothing, where an op is missing."""


def in_turns(access: Access) -> Access:
    """What is left of a promise when the kernel makes some rows in each of several calls.

    A row that two calls need is read by both, which `ROWS` promises not to do; what it says of one call is
    more than `PIXELS` wants.
    """
    return Access.PIXELS if access is Access.ROWS else access


def in_place_only(op: Op, net: Net) -> Access:
    """What every kernel promises, on whatever core: the ops of `IN_PLACE` go element by element."""
    return Access.ELEMENTS if type(op) in IN_PLACE else Access.SEPARATE
