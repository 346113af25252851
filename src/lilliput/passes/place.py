"""Addresses: every activation and every scratch memory gets its place in the arena.

`place` takes the order of the ops as it is.  `plan` chooses order and addresses together: among orders of the
same peak it takes one whose buffers can be placed at that peak, since fragmentation may make an arena larger
than anything that is ever live.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

from lilliput.net.access import AccessOf, in_place_only
from lilliput.net.graph import Net, Plan
from lilliput.net.ops import Op
from lilliput.passes.blocks import Buffer, Pair, Problem
from lilliput.passes.liveness import Liveness, ScratchBytes, no_scratch
from lilliput.passes.masks import ops_of
from lilliput.passes.order import Orders
from lilliput.passes.pack import NODE_LIMIT, Packing, pack
from lilliput.targets.overlap import Overlap

ALTERNATIVES = 4
"""Other orders and in-place choices that `plan` tries where the arena exceeds the peak."""


def place(
    net: Net,
    scratch_bytes: ScratchBytes = no_scratch,
    access: AccessOf = in_place_only,
    node_limit: int = NODE_LIMIT,
) -> Net:
    """The network with an address for each activation, the ops in the order given.

    Args:
        net: quantized or float; weights are not needed.
        scratch_bytes: scratch memory of an op.
        access: what the kernel of an op promises about its reads and writes.
        node_limit: effort of the exact placement.

    Raises:
        NetError: an op reads what no earlier op wrote.
    """
    liveness = Liveness(net, scratch_bytes, access=access)
    layout = _Layout.of(liveness, list(range(liveness.count)), choice=0)
    return layout.planned(net, pack(layout.problem, node_limit))


def plan(
    net: Net,
    scratch_bytes: ScratchBytes = no_scratch,
    access: AccessOf = in_place_only,
    node_limit: int = NODE_LIMIT,
) -> Net:
    """The network in the order of the smallest peak, with addresses: the smallest arena of a few such orders.

    Arguments and errors as in `place`.
    """
    return plan_in_order(Orders(Liveness(net, scratch_bytes, access=access)), node_limit)


def plan_in_order(orders: Orders, node_limit: int = NODE_LIMIT) -> Net:
    """`plan` for callers that hold the orders already."""
    layout, packing = _smallest(orders, node_limit)
    return layout.planned(orders.liveness.net, packing)


def arena_bytes(
    net: Net,
    scratch_bytes: ScratchBytes = no_scratch,
    access: AccessOf = in_place_only,
    count_input: bool = True,
    node_limit: int = NODE_LIMIT,
    most_bytes: int | None = None,
) -> int:
    """Size of the smallest arena that is found; with `count_input` False, if the inputs are held elsewhere.

    The same for every order in which the ops of `net` may be listed.  Where an arena of `most_bytes` will do,
    only smaller ones are looked for.
    """
    orders = Orders(Liveness(_listed_by_name(net), scratch_bytes, count_input, access=access))
    if most_bytes is None:
        return _smallest(orders, node_limit)[1].height
    if orders.lower_bound_bytes >= most_bytes or orders.best().lower_bound_bytes >= most_bytes:
        return most_bytes
    return min(_smallest(orders, node_limit)[1].height, most_bytes)


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
    return net.rearranged(listed, None)


def _smallest(orders: Orders, node_limit: int) -> tuple[_Layout, Packing]:
    """The first order and placement that meet the peak, or the best of the alternatives."""
    best: tuple[_Layout, Packing] | None = None
    peak_bytes = 0
    tried: set[object] = set()
    for variant in range(ALTERNATIVES + 1):
        found = orders.best(variant)
        peak_bytes = peak_bytes or found.peak_bytes
        layout = _Layout.of(orders.liveness, found.indices, choice=variant)
        if layout.problem.key in tried:
            continue
        tried.add(layout.problem.key)
        packing = pack(layout.problem, node_limit)
        if best is None or packing.height < best[1].height:
            best = layout, packing
        if packing.height <= peak_bytes:
            break
    assert best is not None
    return best


@dataclass(frozen=True)
class _Layout:
    """What must be placed for one order: buffers, and the block of each tensor and of each op's scratch."""

    order: list[int]
    problem: Problem
    block_of: dict[str, int]
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
            read = [time_of[reader] for reader in ops_of(liveness.readers[name])]
            last[name] = end if name in outputs else max([written, *read])
        shared, over = _overlapping(liveness, order, last, choice)
        buffers: list[Buffer] = []
        blocks: list[int] = []
        number: dict[str, int] = {}
        block_of: dict[str, int] = {}
        count = itertools.count()
        for name, size in sorted(liveness.sizes.items(), key=lambda item: (first[item[0]], item[0])):
            if size:
                number[name] = len(buffers)
                block_of[name] = block_of[shared[name]] if name in shared else next(count)
                blocks.append(block_of[name])
                buffers.append(Buffer(first[name], last[name], size))
        pairs = {
            (number[source], number[target]): Pair(
                found.lag_bytes, found.lead_bytes, found.in_place and found.lead_bytes > 0
            )
            for (source, target), found in over.items()
        }
        scratch_of: dict[str, tuple[int, int]] = {}
        for time, index in enumerate(order):
            size = liveness.moves[index].scratch_bytes
            if size:
                blocks.append(next(count))
                scratch_of[net.ops[index].name] = (blocks[-1], liveness.scratch_bytes[index])
                buffers.append(Buffer(time, time, size))
        return cls(order, Problem(buffers, blocks, pairs), block_of, scratch_of)

    def planned(self, net: Net, packing: Packing) -> Net:
        """The network with its ops in this order and with this plan."""
        ops = [net.ops[index] for index in self.order]
        offsets = packing.offsets
        names = dict.fromkeys([*net.inputs, *(name for op in ops for name in op.outputs)])
        plan = Plan(
            addresses={name: offsets[self.block_of[name]] if name in self.block_of else 0 for name in names},
            scratch={name: (offsets[block], size) for name, (block, size) in self.scratch_of.items()},
            arena_bytes=packing.height,
            lower_bound_bytes=packing.lower_bound,
        )
        return net.rearranged(ops, plan)


def _overlapping(
    liveness: Liveness, order: list[int], last: dict[str, int], choice: int
) -> tuple[dict[str, str], dict[tuple[str, str], Overlap]]:
    """For each output that begins where an input does: that input; and (input, output) that overlap else."""
    shared: dict[str, str] = {}
    over: dict[tuple[str, str], Overlap] = {}
    for time, index in enumerate(order):
        target = liveness.net.ops[index].outputs[0]
        dying = {name: how for name, how in liveness.moves[index].overlaps.items() if last[name] == time}
        size = liveness.sizes.get(target, 0)
        # Element by element nothing saves more than the same place.
        alike = [name for name, how in dying.items() if (how.lead_bytes, how.lag_bytes) == (0, size)]
        if alike:
            # A choice of 0 takes the first input, others alternate so that each combination has its turn.
            shared[target] = alike[(choice * (time + 1) // 2) % len(alike)]
        else:
            over.update({(name, target): how for name, how in dying.items()})
    return shared, over
