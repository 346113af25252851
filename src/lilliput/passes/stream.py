"""Ops that take turns row by row: the memory that they take, and networks that hide them.

For order and placement a stream is one op, `Streamed`: it reads what its ops read from outside and writes the
last op's output; the windows of the images in between and the largest scratch memory of its ops are its
scratch memory.  `passes.grouped.hidden` makes a network of such ops, `passes.show` puts their ops back into
its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lilliput.net.access import Access, AccessOf, in_turns
from lilliput.net.graph import Net, Stream
from lilliput.net.ops import Op
from lilliput.net.rows import RowWindow, of_rows, row_bytes, row_window
from lilliput.net.schedule import Schedule, schedule
from lilliput.passes.grouped import Grouped
from lilliput.targets.overlap import Overlap, aligned, overlap


@dataclass(frozen=True, kw_only=True)
class Streamed(Grouped):
    """Ops that take turns, seen as one op.

    Attributes:
        rows: of the last op's output that a step makes.
        heights: image → rows that its window holds.
        offsets: image → where its window begins in the stream's memory.
        scratch: op name → bytes of scratch memory, at the begin of the stream's memory.
    """

    rows: int = 1
    heights: Mapping[str, int] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    scratch: Mapping[str, int] = field(default_factory=dict)

    def shown(self, start: int) -> tuple[dict[str, int], dict[str, tuple[int, int]], Stream]:
        """Addresses of windows, scratch memory, and the stream, if its memory begins at `start`."""
        addresses = {name: start + offset for name, offset in self.offsets.items()}
        scratch = {name: (start, size) for name, size in self.scratch.items()}
        return addresses, scratch, Stream(tuple(op.name for op in self.ops), self.rows, dict(self.heights))


class Streamer:
    """Makes streams of the ops of one network; what it asks about an op it asks once.

    Args:
        net: whose ops they are.
        scratch_bytes: scratch memory of an op.
        access: what the kernel of an op promises about its reads and writes.
    """

    def __init__(self, net: Net, scratch_bytes: Callable[[Op, Net], int], access: AccessOf) -> None:
        self.net, self._scratch_bytes, self._access = net, scratch_bytes, access
        self._windows: dict[str, RowWindow | None] = {}
        self._low: dict[tuple[str, int], Net] = {}
        self._scratch: dict[tuple[str, int], int] = {}

    def window(self, op: Op) -> RowWindow | None:
        """How rows of the output of `op` depend on rows of its inputs; None if they do not."""
        if op.name not in self._windows:
            self._windows[op.name] = row_window(op, self.net)
        return self._windows[op.name]

    def _of_rows(self, op: Op, rows: int) -> Net:
        """A network of `op` alone that makes so many rows."""
        key = (op.name, rows)
        if key not in self._low:
            self._low[key] = of_rows(op, self.net, rows)
        return self._low[key]

    def scratch_of_rows(self, op: Op, rows: int) -> int:
        """Scratch memory of an op that makes so many rows in a turn."""
        key = (op.name, rows)
        if key not in self._scratch:
            self._scratch[key] = self._scratch_bytes(op, self._of_rows(op, rows))
        return self._scratch[key]

    def stream(self, ops: Sequence[Op], rows: int) -> Streamed:
        """A stream of `ops`, whose last one makes `rows` rows a step.

        Args:
            ops: in execution order; nobody else uses the outputs of any but the last one.
            rows: of the last op's output.
        """
        net = self.net
        windows = [window for op in ops if (window := self.window(op)) is not None]
        assert len(windows) == len(ops)
        found = schedule(ops, windows, net.tensors[ops[-1].outputs[0]].shape[0], rows)
        turns = zip(ops, found.most_rows, strict=True)
        scratch = {op.name: self.scratch_of_rows(op, most) for op, most in turns}
        offsets: dict[str, int] = {}
        top = aligned(max(scratch.values()))
        for name, height in found.heights.items():
            offsets[name] = top
            top += aligned(height * row_bytes(net, name))
        inside = {op.outputs[0] for op in ops}
        inputs = dict.fromkeys(
            name for op in ops for name in op.inputs if name not in inside and not net.tensors[name].constant
        )
        return Streamed(
            name=ops[-1].name,
            inputs=tuple(inputs),
            outputs=ops[-1].outputs,
            ops=tuple(ops),
            rows=rows,
            heights=found.heights,
            offsets=offsets,
            scratch={name: size for name, size in scratch.items() if size},
            memory_bytes=top,
            overlaps={name: self._overlap(ops, found, name) for name in inputs},
        )

    def _overlap(self, ops: Sequence[Op], found: Schedule, source: str) -> Overlap:
        """How the output of a stream may lie over its input `source`.

        When rows of the output are written, the rows of the input that later turns read must lie behind them;
        and if the last op reads the input itself, it keeps the distance that it always does.
        """
        net, last, target = self.net, len(ops) - 1, ops[-1].outputs[0]
        read_row, written_row = row_bytes(net, source), row_bytes(net, target)
        promise = in_turns(self._access(ops[-1], self._of_rows(ops[-1], found.most_rows[last])))
        reads_ahead = promise in (Access.PIXELS, Access.WINDOWS, Access.ELEMENTS)
        reads = [source in op.inputs for op in ops]
        lead, needed = 0, -1
        if reads_ahead and reads[last]:
            lead = overlap(ops[-1], net, promise, source).lead_bytes
        for turn in reversed(found.turns):
            behind = needed
            if reads[turn.op]:
                window = self.window(ops[turn.op])
                assert window is not None
                first = window.first(turn.begin)
                needed = first if needed < 0 else min(first, needed)
            if turn.op < last:
                continue
            # What the last op reads in the same turn counts unless it promises to have read it by then.
            behind = behind if reads_ahead else needed
            if behind >= 0:
                lead = max(lead, turn.end * written_row - behind * read_row)
        input_bytes, output_bytes = (aligned(net.tensors[name].storage_bytes) for name in (source, target))
        return Overlap(min(aligned(lead), output_bytes), input_bytes)


class Tail:
    """What streams with one last op take, which grow backwards op by op.

    How many rows an op makes in each step follows from the ops behind it alone.

    Args:
        streamer: of their network.
        last: the last op.
        rows: of its output that a step makes.

    Attributes:
        windows_bytes: all windows of the longest.
    """

    def __init__(self, streamer: Streamer, last: Op, rows: int) -> None:
        height = streamer.net.tensors[last.outputs[0]].shape[0]
        self._streamer = streamer
        self._made = {last.name: [min(end, height) for end in range(rows, height + rows, rows)]}
        self._turns = [(last, min(rows, height))]
        self.windows_bytes = 0

    def put_before(self, op: Op) -> None:
        """Makes the streams longer by an op whose output only they read."""
        net = self._streamer.net
        (target,) = op.outputs
        ends, firsts = [], []
        for reader in net.consumers(target):
            window, rows = self._streamer.window(reader), self._made[reader.name]
            assert window is not None
            ends.append([window.end(row) for row in rows])
            firsts.append([window.first(row) for row in (0, *rows[:-1])])
        made = ends[0] if len(ends) == 1 else [max(rows) for rows in zip(*ends, strict=True)]
        needed = firsts[0] if len(firsts) == 1 else [min(rows) for rows in zip(*firsts, strict=True)]
        begin = height = most = 0
        for end, first in zip(made, needed, strict=True):
            if end > begin:
                height, most = max(height, end - min(begin, first)), max(most, end - begin)
                begin = end
        self._made[op.name] = made
        self._turns.append((op, most))
        self.windows_bytes += aligned(height * row_bytes(net, target))

    def fits(self, most_bytes: int) -> bool:
        """Whether the longest takes at most so much while it runs, beside inputs and output."""
        left = most_bytes - self.windows_bytes
        return left >= 0 and all(self._streamer.scratch_of_rows(op, most) <= left for op, most in self._turns)
