"""Which bytes live while an op runs: the model that the order of ops and the placement of buffers share.

A tensor lives from the op that writes it (network inputs: from before the first op) to the last op that reads
it (network outputs: to after the last op).  While an op runs, its inputs, its outputs, its scratch memory and
every tensor that a later op reads are live at once.  The output of an op may lie over an input that nobody
reads afterwards, as far as its kernel allows (`targets.overlap`), so that both take less than the sum of
their sizes.

Ops that take turns row by row (`passes.stream`) or run in patches (`passes.patch`) are one op here.

Sets of ops are bit masks: bit i stands for `net.ops[i]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from lilliput.errors import NetError
from lilliput.net.access import Access, AccessOf, in_place_only
from lilliput.net.graph import Net
from lilliput.net.ops import Op, Requantize, Reshape
from lilliput.passes.grouped import Grouped
from lilliput.targets.overlap import ALIGNMENT_BYTES, Overlap, overlap

ScratchBytes = Callable[[Op, Net], int]
"""How much scratch memory an op's kernel wants, in bytes: `targets.kernels` bound to a core."""


def no_scratch(op: Op, net: Net) -> int:
    """Ops that need nothing beside their inputs and outputs, as the papers assume."""
    return 0


class Moves(NamedTuple):
    """What running one op does to memory.  All in bytes, rounded up to the alignment.

    Attributes:
        written_bytes: the outputs, live while the op runs.
        kept_bytes: the part of them that somebody needs afterwards.
        scratch_bytes: live only while the op runs.
        reads: (mask of all readers, size) of every counted input that dies with its last reader.
        saved: (mask of all readers, bytes) of every input that the output may lie over: what both then take
            less than the sum of their sizes; the largest first.
        overlaps: how it may lie over each of them, by name, in order of `op.inputs`.
    """

    written_bytes: int
    kept_bytes: int
    scratch_bytes: int
    reads: tuple[tuple[int, int], ...]
    saved: tuple[tuple[int, int], ...]
    overlaps: Mapping[str, Overlap]


class Liveness:
    """The tensors of a network seen as memory.

    Args:
        net: ops in an order in which every tensor is written before it is read.
        scratch_bytes: scratch memory of an op.
        count_input: False if the network's inputs are held elsewhere, as the papers count.  Elsewhere then
            also lives what `Requantize` and `Reshape` make of an input in place, which is the same data in
            another form.
        alignment_bytes: sizes are rounded up to a multiple of this.
        access: what the kernel of an op promises.

    Attributes:
        sizes: name → bytes of every counted activation.
        readers: name → mask of the ops that read it.
        before: for each op, mask of the ops whose outputs it reads.
        followers: for each op, the ops that read its outputs.
        scratch_bytes: for each op, its scratch memory as asked for.
        moves: for each op, what it does to memory.
        input_bytes: all counted inputs, which the caller writes before the first op.
        start_bytes: those of them that somebody reads.

    Raises:
        NetError: an op reads what no earlier op wrote.
    """

    def __init__(
        self,
        net: Net,
        scratch_bytes: ScratchBytes = no_scratch,
        count_input: bool = True,
        alignment_bytes: int = ALIGNMENT_BYTES,
        access: AccessOf = in_place_only,
    ) -> None:
        self.net = net
        self.count = len(net.ops)
        self.everything = (1 << self.count) - 1
        self.readers: dict[str, int] = dict.fromkeys(net.inputs, 0)
        self.before: list[int] = []
        self.followers: list[list[int]] = [[] for _ in net.ops]
        self._read(net)
        elsewhere = set() if count_input else self._held_elsewhere(net)
        self.sizes = {
            name: -(-net.tensors[name].storage_bytes // alignment_bytes) * alignment_bytes
            for name in self.readers
            if name not in elsewhere
        }
        self._stays = frozenset(net.outputs)
        self.input_bytes = sum(self.sizes.get(name, 0) for name in net.inputs)
        self.start_bytes = sum(self.sizes.get(name, 0) for name in net.inputs if self._needed(name))
        self.scratch_bytes = [
            op.memory_bytes if isinstance(op, Grouped) else scratch_bytes(op, net) for op in net.ops
        ]
        self.moves = [
            self._move(op, size, access, alignment_bytes)
            for op, size in zip(net.ops, self.scratch_bytes, strict=True)
        ]

    def _read(self, net: Net) -> None:
        writer: dict[str, int] = {}
        for index, op in enumerate(net.ops):
            before = 0
            for name in op.inputs:
                if net.tensors[name].constant:
                    continue
                if name not in self.readers:
                    raise NetError(
                        f"network '{net.name}': op '{op.name}' reads '{name}' before anything wrote it",
                        "ops must be listed in an order in which they can run",
                        "move the op behind the one that writes the tensor",
                    )
                self.readers[name] |= 1 << index
                source = writer.get(name)
                if source is not None and not before >> source & 1:
                    before |= 1 << source
                    self.followers[source].append(index)
            self.before.append(before)
            for name in op.outputs:
                self.readers[name] = 0
                writer[name] = index

    def _held_elsewhere(self, net: Net) -> set[str]:
        elsewhere = set(net.inputs)
        for index, op in enumerate(net.ops):
            if not isinstance(op, (Requantize, Reshape)):
                continue
            source, target = op.inputs[0], op.outputs[0]
            alone = self.readers[source] == 1 << index and source not in net.outputs
            if source in elsewhere and alone and self._same_size(source, target):
                elsewhere.add(target)
        return elsewhere

    def _same_size(self, one: str, other: str) -> bool:
        return self.net.tensors[one].storage_bytes == self.net.tensors[other].storage_bytes

    def _needed(self, name: str) -> bool:
        return bool(self.readers[name]) or name in self._stays

    def _move(self, op: Op, scratch_bytes: int, access: AccessOf, alignment_bytes: int) -> Moves:
        sizes, inputs = self.sizes, dict.fromkeys(op.inputs)
        mortal = [name for name in inputs if name in sizes and name not in self._stays]
        written = sum(sizes.get(name, 0) for name in op.outputs)
        overlaps: dict[str, Overlap] = {}
        saved: list[tuple[int, int]] = []
        if written:
            for name, found in self._overlaps(op, mortal, access):
                spared = sizes[name] + written - found.union_bytes(sizes[name], written)
                if spared:
                    overlaps[name] = found
                    saved.append((self.readers[name], spared))
        return Moves(
            written_bytes=written,
            kept_bytes=sum(sizes.get(name, 0) for name in op.outputs if self._needed(name)),
            scratch_bytes=-(-scratch_bytes // alignment_bytes) * alignment_bytes,
            reads=tuple((self.readers[name], sizes[name]) for name in mortal),
            saved=tuple(sorted(saved, key=lambda item: -item[1])),
            overlaps=overlaps,
        )

    def _overlaps(self, op: Op, sources: list[str], access: AccessOf) -> Iterator[tuple[str, Overlap]]:
        if isinstance(op, Grouped):
            yield from ((name, op.overlaps[name]) for name in sources)
        elif (promise := access(op, self.net)) is not Access.SEPARATE:
            yield from ((name, overlap(op, self.net, promise, name)) for name in sources)

    def step(self, done: int, live_bytes: int, index: int) -> tuple[int, int]:
        """Bytes live while op `index` runs and after it, given the ops done before it and what was live."""
        move = self.moves[index]
        during = live_bytes + move.written_bytes + move.scratch_bytes
        left = ~(done | 1 << index)
        for readers, spared in move.saved:
            if not readers & left:
                during -= spared
                break
        after = live_bytes + move.kept_bytes
        for readers, size in move.reads:
            if not readers & left:
                after -= size
        return during, after

    def enabled(self, index: int, done: int) -> int:
        """The ops that read from op `index` and can run when the ops in `done` ran, as a mask."""
        found = 0
        for reader in self.followers[index]:
            if not self.before[reader] & ~done:
                found |= 1 << reader
        return found

    def walk(self, order: list[int]) -> list[int]:
        """Bytes live while each op of `order` runs."""
        done, live, found = 0, self.start_bytes, []
        for index in order:
            during, live = self.step(done, live, index)
            done |= 1 << index
            found.append(during)
        return found

    def end_bytes(self) -> int:
        """Bytes live when everything ran: the outputs."""
        return sum(self.sizes.get(name, 0) for name in dict.fromkeys(self.net.outputs))
