"""Kernels played byte by byte, in the worst order of reads and writes that their promise allows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

from lilliput.net.access import Access, AccessOf
from lilliput.net.graph import Net, Stream
from lilliput.net.ops import AveragePool2D, Conv2D, DepthwiseConv2D, GlobalAveragePool2D, MaxPool2D, Op
from lilliput.net.rows import row_bytes
from lilliput.net.schedule import stream_of, stream_schedule

Event = tuple[str, str, int]
"""("read" or "write", tensor, byte of it)."""


def op_sources(op: Op, net: Net) -> list[str]:
    """The activations that an op reads."""
    return [name for name in dict.fromkeys(op.inputs) if not net.tensors[name].constant]


def events(op: Op, net: Net, access: Access, block: int = 1) -> Iterator[Event]:
    """All reads and writes of an op; with `PIXELS`, the windows of `block` pixels are read together."""
    sources = op_sources(op, net)
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


def _rows_in_turn(op: Op, net: Net, source: str, begin: int = 0, end: int | None = None) -> Iterator[Event]:
    """Rows are read as a whole, once, when the first window wants them."""
    (target,) = op.outputs
    rows, columns, channels = net.tensors[target].shape
    row_bytes = math.prod(net.tensors[source].shape[1:])
    taken: set[int] = set()
    for y in range(begin, rows if end is None else end):
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


class _Memory:
    """What each byte of the arena holds: a tensor and the place in it; windows begin at some row."""

    def __init__(self, net: Net) -> None:
        assert net.plan
        self.net, self.plan = net, net.plan
        self.held: dict[int, tuple[str, int]] = {}
        self.first: dict[str, int] = {}
        heights = {name: height for stream in net.plan.streams for name, height in stream.heights.items()}
        self.sizes = {
            name: heights[name] * row_bytes(net, name) if name in heights else net.tensors[name].storage_bytes
            for name in net.plan.addresses
        }

    def at(self, name: str, byte: int) -> int:
        """Where a byte of a tensor lies."""
        gone = self.first[name] * row_bytes(self.net, name) if name in self.first else 0
        return self.plan.addresses[name] + byte - gone

    def is_whole(self, name: str) -> bool:
        size = self.net.tensors[name].storage_bytes
        return all(self.held.get(self.at(name, byte)) == (name, byte) for byte in range(size))

    def play(self, played: Iterable[Event]) -> bool:
        """Whether all reads find what they want."""
        for kind, name, byte in played:
            place = self.at(name, byte)
            if kind == "write":
                if not self.plan.addresses[name] <= place < self.plan.addresses[name] + self.sizes[name]:
                    return False
                self.held[place] = (name, byte)
            elif self.held.get(place) != (name, byte):
                return False
        return True

    def drop_rows(self, name: str, kept: int, end: int) -> None:
        """The window of an image moves its rows from `kept` to `end` to its begin."""
        size = row_bytes(self.net, name)
        moved = [self.held.get(self.at(name, byte)) for byte in range(kept * size, end * size)]
        self.first[name] = kept
        for byte, held in enumerate(moved, kept * size):
            if held is not None:
                self.held[self.at(name, byte)] = held
            else:
                self.held.pop(self.at(name, byte), None)

    def spoil(self, op: Op) -> None:
        """The op uses its scratch memory."""
        start, size = self.plan.scratch.get(op.name, (0, 0))
        for byte in range(start, start + size):
            self.held.pop(byte, None)


def survives(net: Net, access: AccessOf) -> bool:
    """Whether every byte that is read holds what was written for its reader, by the plan of `net`."""
    memory = _Memory(net)
    plan = memory.plan
    if any(at + memory.sizes[name] > plan.arena_bytes for name, at in plan.addresses.items()):
        return False
    for name in net.inputs:
        assert memory.play(("write", name, byte) for byte in range(memory.sizes[name]))
    for op in net.ops:
        stream = stream_of(op, net)
        if stream is None:
            intact = all(memory.is_whole(name) for name in op.inputs if name in plan.addresses)
            if not intact or not memory.play(events(op, net, access(op, net))):
                return False
        elif op.name == stream.ops[0] and not _stream_survives(memory, stream, access):
            return False
    return all(memory.is_whole(name) for name in net.outputs)


def _stream_survives(memory: _Memory, stream: Stream, access: AccessOf) -> bool:
    net = memory.net
    ops = [op for op in net.ops if op.name in stream.ops]
    memory.first.update(dict.fromkeys(stream.heights, 0))
    for turn in stream_schedule(stream, net).turns:
        op = ops[turn.op]
        (target,) = op.outputs
        if target in stream.heights:
            memory.drop_rows(target, turn.kept, turn.begin)
        begin, end = (row * row_bytes(net, target) for row in (turn.begin, turn.end))
        memory.spoil(op)
        if not memory.play(_rows_of(op, net, access(op, net), begin, end)):
            return False
    return True


def _rows_of(op: Op, net: Net, access: Access, begin: int, end: int) -> Iterator[Event]:
    """The events that make bytes `begin` to `end` of the output, in the order of the whole op."""
    (target,) = op.outputs
    channels, (height, width, _) = net.tensors[target].shape[-1], net.tensors[target].shape
    if access in (Access.SEPARATE, Access.CHANNELS):
        # All or one channel after another: each channel of all rows is written before the next is read.
        image = itertools.product(range(height), range(width))
        pixels = [pixel for pixel in image if begin <= _byte(pixel, width, channels) < end]
        yield from (("write", target, byte) for byte in range(begin, end))
        for source in dict.fromkeys(tensor.name for tensor in net.activations(op)):
            for pixel in pixels:
                yield from (("read", source, byte) for byte in _read_by(op, net, source, pixel))
        yield from (("write", target, byte) for byte in range(begin, end))
        return
    if access is Access.ROWS:
        (source,), size = op_sources(op, net), width * channels
        yield from _rows_in_turn(op, net, source, begin // size, end // size)
        return
    reads: list[Event] = []
    for event in events(op, net, access):
        if event[0] == "read":
            reads.append(event)
            continue
        if begin <= event[2] < end:
            yield from (*reads, event)
        reads = []


def _byte(pixel: tuple[int, int], width: int, channels: int) -> int:
    return (pixel[0] * width + pixel[1]) * channels


def _read_by(op: Op, net: Net, source: str, pixel: tuple[int, int]) -> Iterator[int]:
    if isinstance(op, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D):
        yield from window(op, net, source, pixel)
    else:
        first = _byte(pixel, net.tensors[source].shape[1], net.tensors[source].shape[2])
        yield from range(first, first + net.tensors[source].shape[2])
