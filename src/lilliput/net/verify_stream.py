"""Proof that a stream of ops is right: every turn of every op is played over the arena that remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lilliput.net.access import Access, in_turns
from lilliput.net.arena import Arena, overlap
from lilliput.net.graph import Net, Stream
from lilliput.net.ops import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Op
from lilliput.net.rows import of_rows, row_window
from lilliput.net.timing import written_in_time

Promises = Callable[[Op, Net], tuple[Access, ...]]
_IN_ORDER = (Access.PIXELS, Access.WINDOWS, Access.ELEMENTS)
"""Kernels that go through rows in order, so that turns on some rows follow each other as one run would."""


def check_streams(arena: Arena) -> dict[str, Stream]:
    """The stream of each op that is in one.

    Raises:
        NetError: a stream is not made of consecutive ops, or an image that others use has a window.
    """
    net = arena.net
    names = [op.name for op in net.ops]
    found: dict[str, Stream] = {}
    for stream in arena.plan.streams:
        what = f"stream of {list(stream.ops)}"
        begin = names.index(stream.ops[0]) if stream.ops and stream.ops[0] in names else len(names)
        if tuple(names[begin : begin + len(stream.ops)]) != stream.ops or len(stream.ops) < 2:
            raise arena.wrong(what, "not two or more ops in execution order")
        if set(stream.ops) & set(found) or stream.rows < 1:
            raise arena.wrong(what, f"shares ops with another one, or makes {stream.rows} rows a step")
        ops = net.ops[begin : begin + len(stream.ops)]
        for op in ops:
            if row_window(op, net) is None:
                raise arena.wrong(what, f"op '{op.name}' does not run row by row")
        if set(stream.heights) != {op.outputs[0] for op in ops[:-1]}:
            raise arena.wrong(what, f"windows of {sorted(stream.heights)}")
        for name in stream.heights:
            users = {op.name for op in net.consumers(name)}
            if name in net.outputs or not users or not users <= set(stream.ops):
                raise arena.wrong(what, f"'{name}' has a window, but is used outside")
        found.update(dict.fromkeys(stream.ops, stream))
    return found


@dataclass
class _Image:
    """Rows of an image: from `first` on they lie at `start`, those before `end` were made."""

    name: str
    start: int
    row_bytes: int
    height: int
    capacity: int
    has_window: bool
    first: int = 0
    end: int = 0


@dataclass(frozen=True)
class _Member:
    """An op of the stream: windows `tall` rows high, `stride` apart, from row -`above` of its inputs on."""

    op: Op
    stride: int
    tall: int
    above: int
    sources: tuple[_Image, ...]
    target: _Image
    readers: list[_Member] = field(default_factory=list)

    def wanted(self, begin: int, end: int) -> tuple[int, int]:
        """The rows of the inputs that windows for these rows of the output span."""
        height = self.sources[0].height
        top, bottom = begin * self.stride - self.above, (end - 1) * self.stride - self.above + self.tall
        return min(max(top, 0), height), min(max(bottom, 0), height)


def run_stream(
    arena: Arena, stream: Stream, scratch_bytes: Callable[[Op, Net], int] | None, promises: Promises
) -> None:
    """Runs a stream.

    Raises:
        NetError: a row is read that is not there any more, or a window or scratch memory is too small.
    """
    members = _members(arena, stream)
    last = members[-1]
    most: dict[str, int] = {}
    while last.target.end < last.target.height:
        ends = {last.op.name: min(last.target.end + stream.rows, last.target.height)}
        for member in reversed(members[:-1]):
            wanted = [reader.wanted(0, ends[reader.op.name])[1] for reader in member.readers]
            ends[member.op.name] = max(member.target.end, *wanted)
        for member in members:
            begin, end = member.target.end, ends[member.op.name]
            if begin < end:
                most[member.op.name] = max(most.get(member.op.name, 0), end - begin)
                _turn(arena, member, end, promises)
    for member in members:
        if scratch_bytes and member.op.name in most:
            needed = scratch_bytes(member.op, of_rows(member.op, arena.net, most[member.op.name]))
            size = arena.plan.scratch.get(member.op.name, (0, 0))[1]
            if size < needed:
                raise arena.wrong(
                    f"op '{member.op.name}' has {size} bytes of scratch memory", f"needs {needed}"
                )


def _members(arena: Arena, stream: Stream) -> list[_Member]:
    net, plan = arena.net, arena.plan
    images: dict[str, _Image] = {}

    def image(name: str, is_made: bool) -> _Image:
        if name not in images:
            height, width, channels = net.tensors[name].shape
            row_bytes = width * channels * net.tensors[name].dtype.bits // 8
            capacity = stream.heights.get(name, height)
            arena.stretch(f"image '{name}'", plan.addresses[name], capacity * row_bytes)
            has_window = name in stream.heights
            images[name] = _Image(name, plan.addresses[name], row_bytes, height, capacity, has_window)
            images[name].end = 0 if is_made else height
        return images[name]

    members: list[_Member] = []
    for op in (op for op in net.ops if op.name in stream.ops):
        tall, stride, above = 1, 1, 0
        if isinstance(op, Conv2D | DepthwiseConv2D):
            taps = net.tensors[op.inputs[1]].shape[1 if isinstance(op, Conv2D) else 0]
            tall, stride, above = (taps - 1) * op.dilation[0] + 1, op.strides[0], op.padding.top
        elif isinstance(op, MaxPool2D | AveragePool2D):
            tall, stride, above = op.pool[0], op.strides[0], op.padding.top
        names = [name for name in dict.fromkeys(op.inputs) if not net.tensors[name].constant]
        sources = tuple(image(name, is_made=False) for name in names)
        members.append(_Member(op, stride, tall, above, sources, image(op.outputs[0], is_made=True)))
    for member in members:
        member.readers.extend(other for other in members if member.target in other.sources)
    return members


def _turn(arena: Arena, member: _Member, end: int, promises: Promises) -> None:
    """One op makes the rows of its output up to `end`."""
    target, begin = member.target, member.target.end
    if target.has_window:
        kept = min(begin, *(reader.wanted(reader.target.end, end)[0] for reader in member.readers))
        if end - kept > target.capacity:
            raise arena.wrong(
                f"the window of '{target.name}' holds {target.capacity} rows", f"needs {end - kept}"
            )
        arena.move(_rows(target, kept, begin), target.start)
        target.first = kept
    written = _rows(target, begin, end)
    start, size = arena.plan.scratch.get(member.op.name, (0, 0))
    scratch = arena.stretch(f"scratch memory of op '{member.op.name}'", start, size)
    if overlap(scratch, written):
        raise arena.wrong(f"'{target.name}' of op '{member.op.name}'", "overlaps its 'scratch memory'")
    for source in member.sources:
        top, bottom = member.wanted(begin, end)
        read = _rows(source, top, bottom)
        if bottom > source.end or top < source.first:
            raise arena.wrong(
                f"rows {top} to {bottom} of '{source.name}'", "are not there when they are read"
            )
        when = f"op '{member.op.name}' reads it"
        arena.must_hold(source.name, read, when, top * source.row_bytes)
        if overlap(scratch, read):
            raise arena.wrong(
                f"'scratch memory' of op '{member.op.name}'", f"overlaps its input '{source.name}'"
            )
        if overlap(written, read) and not _in_time(arena, member, source, promises):
            raise arena.wrong(
                f"'{target.name}' of op '{member.op.name}'", f"overlaps its input '{source.name}'"
            )
    arena.spoil(scratch)
    arena.write(target.name, written, begin * target.row_bytes)
    target.end = end


def _rows(image: _Image, begin: int, end: int) -> slice:
    start = image.start + (begin - image.first) * image.row_bytes
    return slice(start, start + (end - begin) * image.row_bytes)


def _in_time(arena: Arena, member: _Member, source: _Image, promises: Promises) -> bool:
    """Whether rows of the output are written over rows of the input that were read by then."""
    if source.has_window or member.target.has_window:
        return False
    behind = member.target.start - source.start
    return any(
        promise in _IN_ORDER and written_in_time(member.op, arena.net, promise, source.name, behind)
        for promise in map(in_turns, promises(member.op, arena.net))
    )
