"""Addresses: every activation and every scratch memory gets its place in the arena.

`place` takes the order of the ops as it is.  `plan` chooses order and addresses together: among orders of the
same peak it takes one whose buffers can be placed at that peak, since fragmentation may make an arena larger
than anything that is ever live.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

from lilliput.net.graph import Net, Plan
from lilliput.net.ops import Op
from lilliput.passes.liveness import Liveness, ScratchBytes, no_scratch
from lilliput.passes.order import order_indices
from lilliput.passes.pack import NODE_LIMIT, Buffer, Packing, pack

ALTERNATIVES = 6
"""Other orders and in-place choices that `plan` tries where the arena exceeds the peak."""

_QUICK_NODE_LIMIT = 300


def place(net: Net, scratch_bytes: ScratchBytes = no_scratch, node_limit: int = NODE_LIMIT) -> Net:
    """The network with an address for each activation, the ops in the order given.

    Args:
        net: quantized or float; weights are not needed.
        scratch_bytes: scratch memory of an op.
        node_limit: effort of the exact placement.

    Raises:
        NetError: an op reads what no earlier op wrote.
    """
    liveness = Liveness(net, scratch_bytes)
    layout = _Layout.of(liveness, list(range(liveness.count)), choice=0)
    return layout.planned(net, pack(layout.buffers, node_limit))


def plan(net: Net, scratch_bytes: ScratchBytes = no_scratch, node_limit: int = NODE_LIMIT) -> Net:
    """The network in the order of the smallest peak, with addresses: the smallest arena of a few such orders.

    Arguments and errors as in `place`.
    """
    layout, packing = _smallest(Liveness(net, scratch_bytes), node_limit)
    return layout.planned(layout.net(net), packing)


def arena_bytes(
    net: Net, scratch_bytes: ScratchBytes = no_scratch, count_input: bool = True, node_limit: int = NODE_LIMIT
) -> int:
    """Size of the smallest arena that is found; with `count_input` False, if the inputs are held elsewhere.

    The same for every order in which the ops of `net` may be listed.
    """
    return _smallest(Liveness(_listed_by_name(net), scratch_bytes, count_input), node_limit)[1].height


def _listed_by_name(net: Net) -> Net:
    """The ops in the order in which they can run, the first by name where there is a choice."""
    missing = {op.name: len({name for name in op.inputs if net.producer(name)}) for op in net.ops}
    readers: dict[str, list[Op]] = {}
    for op in net.ops:
        for name in {*op.inputs}:
            readers.setdefault(name, []).append(op)
    ready = sorted((op.name, index) for index, op in enumerate(net.ops) if not missing[op.name])
    indices = {op.name: index for index, op in enumerate(net.ops)}
    listed: list[Op] = []
    while ready:
        op = net.ops[heapq.heappop(ready)[1]]
        listed.append(op)
        for name in op.outputs:
            for reader in readers.get(name, ()):
                missing[reader.name] -= 1
                if not missing[reader.name]:
                    heapq.heappush(ready, (reader.name, indices[reader.name]))
    return replace(net, ops=tuple(listed), plan=None)


def _smallest(liveness: Liveness, node_limit: int) -> tuple[_Layout, Packing]:
    """The first order and placement that meet the peak, or the best of the alternatives."""
    best: tuple[_Layout, Packing] | None = None
    peak_bytes = 0
    tried: set[tuple[Buffer, ...]] = set()
    for variant in range(ALTERNATIVES + 1):
        found = order_indices(liveness, variant=variant)
        peak_bytes = peak_bytes or found.peak_bytes
        layout = _Layout.of(liveness, found.indices, choice=variant)
        if tuple(layout.buffers) in tried:
            continue
        tried.add(tuple(layout.buffers))
        # Another order often does at once what an exhaustive placement of the first one cannot.
        packing = pack(layout.buffers, min(_QUICK_NODE_LIMIT, node_limit))
        if best is None or packing.height < best[1].height:
            best = layout, packing
        if packing.height <= peak_bytes:
            return best
    assert best is not None
    layout, packing = best
    return (
        (layout, packing)
        if packing.height == packing.lower_bound
        else (layout, pack(layout.buffers, node_limit))
    )


@dataclass(frozen=True)
class _Layout:
    """What must be placed for one order: buffers, and which tensor or op each is for."""

    order: list[int]
    buffers: list[Buffer]
    buffer_of: dict[str, int]
    scratch_of: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, liveness: Liveness, order: list[int], choice: int) -> _Layout:
        """Buffers of `order`; `choice` selects which of two dying inputs an op overwrites."""
        net, end = liveness.net, len(order)
        time_of = {index: time for time, index in enumerate(order)}
        first = dict.fromkeys(net.inputs, -1)
        for time, index in enumerate(order):
            first.update(dict.fromkeys(net.ops[index].outputs, time))
        outputs = frozenset(net.outputs)
        last: dict[str, int] = {}
        for name, written in first.items():
            last[name] = end if name in outputs else max([written, *_times(liveness.readers[name], time_of)])
        shared = _shared(liveness, order, last, choice)
        buffers: list[Buffer] = []
        buffer_of: dict[str, int] = {}
        for name, size in sorted(liveness.sizes.items(), key=lambda item: (first[item[0]], item[0])):
            if not size:
                continue
            source = shared.get(name)
            if source is None:
                buffer_of[name] = len(buffers)
                buffers.append(Buffer(first[name], last[name], size))
            else:
                buffer_of[name] = index = buffer_of[source]
                buffers[index] = buffers[index]._replace(last=last[name])
        scratch_of: dict[str, tuple[int, int]] = {}
        for time, index in enumerate(order):
            size = liveness.moves[index].scratch_bytes
            if size:
                scratch_of[net.ops[index].name] = (len(buffers), liveness.scratch_bytes[index])
                buffers.append(Buffer(time, time, size))
        return cls(order, buffers, buffer_of, scratch_of)

    def net(self, net: Net) -> Net:
        """The network with its ops in this order."""
        return replace(net, ops=tuple(net.ops[index] for index in self.order), plan=None)

    def planned(self, net: Net, packing: Packing) -> Net:
        """The network with this plan."""
        offsets = packing.offsets
        names = dict.fromkeys([*net.inputs, *(name for op in net.ops for name in op.outputs)])
        plan = Plan(
            addresses={
                name: offsets[self.buffer_of[name]] if name in self.buffer_of else 0 for name in names
            },
            scratch={name: (offsets[index], size) for name, (index, size) in self.scratch_of.items()},
            arena_bytes=packing.height,
            lower_bound_bytes=packing.lower_bound,
        )
        return replace(net, plan=plan)


def _times(mask: int, time_of: dict[int, int]) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        mask ^= low
        found.append(time_of[low.bit_length() - 1])
    return found


def _shared(liveness: Liveness, order: list[int], last: dict[str, int], choice: int) -> dict[str, str]:
    """For each tensor that is written in place: the input whose buffer it takes over."""
    found: dict[str, str] = {}
    for time, index in enumerate(order):
        dying = [name for name in liveness.moves[index].in_place_names if last[name] == time]
        if dying:
            # A choice of 0 takes the first input, others alternate so that each combination has its turn.
            found[liveness.net.ops[index].outputs[0]] = dying[(choice * (time + 1) // 2) % len(dying)]
    return found
