"""Kernels played byte by byte, in the worst order of reads and writes that their promise allows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from lilliput.net.access import Access, AccessOf
from lilliput.net.graph import Net
from lilliput.net.ops import AveragePool2D, Conv2D, DepthwiseConv2D, GlobalAveragePool2D, MaxPool2D, Op

Event = tuple[str, str, int]
"""("read" or "write", tensor, byte of it)."""


def events(op: Op, net: Net, access: Access, block: int = 1) -> Iterator[Event]:
    """All reads and writes of an op; with `PIXELS`, the windows of `block` pixels are read together."""
    sources = [name for name in dict.fromkeys(op.inputs) if not net.tensors[name].constant]
    (target,) = op.outputs
    size = net.tensors[target].storage_bytes
    reads = [("read", name, byte) for name in sources for byte in range(net.tensors[name].storage_bytes)]
    writes = [("write", target, byte) for byte in range(size)]
    match access:
        case Access.SEPARATE:
            yield from (*writes, *reads)
        case Access.INPUTS_FIRST:
            yield from (*reads, *writes)
        case Access.ELEMENTS:
            for byte in range(max([size, *(net.tensors[name].storage_bytes for name in sources)])):
                yield from (read for read in reads if read[2] == byte)
                if byte < size:
                    yield writes[byte]
        case Access.CHANNELS:
            (source,), depth = sources, net.tensors[target].shape[-1]
            for channel in range(depth):
                yield from (read for read in reads if read[2] % depth == channel)
                yield from writes[channel::depth]
        case Access.ROWS:
            (source,) = sources
            yield from _rows_in_turn(op, net, source)
        case Access.PIXELS | Access.WINDOWS:
            (source,) = sources
            yield from _windows_in_turn(op, net, source, 0 if access is Access.WINDOWS else block)


def _windows_in_turn(op: Op, net: Net, source: str, block: int) -> Iterator[Event]:
    """`block` 0: every pixel is written before its window is read, and again afterwards."""
    (target,) = op.outputs
    shape = net.tensors[target].shape
    channels = shape[-1]
    pixels = list(itertools.product(*(range(length) for length in shape[:-1])))
    for first in range(0, len(pixels), max(block, 1)):
        numbers = range(first, min(first + max(block, 1), len(pixels)))
        writes = [("write", target, n * channels + c) for n in numbers for c in range(channels)]
        yield from () if block else writes
        for number in numbers:
            yield from (("read", source, byte) for byte in window(op, net, source, pixels[number]))
        yield from writes


def _rows_in_turn(op: Op, net: Net, source: str) -> Iterator[Event]:
    """Rows are read as a whole, once, when the first window wants them."""
    (target,) = op.outputs
    rows, columns, channels = net.tensors[target].shape
    row_bytes = math.prod(net.tensors[source].shape[1:])
    taken: set[int] = set()
    for y in range(rows):
        wanted = {byte // row_bytes for x in range(columns) for byte in window(op, net, source, (y, x))}
        for row in sorted(wanted - taken):
            yield from (("read", source, byte) for byte in range(row * row_bytes, (row + 1) * row_bytes))
        taken |= wanted
        size = columns * channels
        yield from (("write", target, byte) for byte in range(y * size, (y + 1) * size))


def window(op: Op, net: Net, source: str, pixel: tuple[int, ...]) -> Iterator[int]:
    """The bytes of the input that one output pixel is made of."""
    height, width, depth = net.tensors[source].shape
    if isinstance(op, GlobalAveragePool2D):
        yield from range(height * width * depth)
        return
    assert isinstance(op, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D)
    dilation = (1, 1) if isinstance(op, MaxPool2D | AveragePool2D) else op.dilation
    for i, k in itertools.product(*(range(length) for length in _taps(op, net))):
        y = pixel[0] * op.strides[0] - op.padding.top + i * dilation[0]
        x = pixel[1] * op.strides[1] - op.padding.left + k * dilation[1]
        if 0 <= y < height and 0 <= x < width:
            yield from range((y * width + x) * depth, (y * width + x + 1) * depth)


def _taps(op: Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D, net: Net) -> tuple[int, ...]:
    match op:
        case Conv2D():
            return net.tensors[op.inputs[1]].shape[1:3]
        case DepthwiseConv2D():
            return net.tensors[op.inputs[1]].shape[:2]
        case _:
            return op.pool


def survives(net: Net, access: AccessOf) -> bool:
    """Whether every byte that is read holds what was written for its reader, by the plan of `net`."""
    assert net.plan
    addresses = net.plan.addresses
    if any(at + net.tensors[name].storage_bytes > net.plan.arena_bytes for name, at in addresses.items()):
        return False
    memory: dict[int, tuple[str, int]] = {}

    def is_whole(name: str) -> bool:
        size = net.tensors[name].storage_bytes
        return all(memory.get(addresses[name] + byte) == (name, byte) for byte in range(size))

    for name in net.inputs:
        memory.update({addresses[name] + i: (name, i) for i in range(net.tensors[name].storage_bytes)})
    for op in net.ops:
        if not all(is_whole(name) for name in op.inputs if name in addresses):
            return False
        for kind, name, byte in events(op, net, access(op, net)):
            if kind == "write":
                memory[addresses[name] + byte] = (name, byte)
            elif memory.get(addresses[name] + byte) != (name, byte):
                return False
    return all(is_whole(name) for name in net.outputs)
