"""Plans of networks in which groups of ops were hidden, for the networks as they are."""

from __future__ import annotations

from dataclasses import replace

from lilliput.net.graph import Net, Patches, Plan, Stream
from lilliput.net.ops import Op
from lilliput.passes.grouped import Grouped
from lilliput.passes.patch import Patched
from lilliput.passes.stream import Streamed


def shown(planned: Net) -> Net:
    """A planned network that `passes.grouped.hidden` has made, with the ops of its groups."""
    plan = planned.plan
    assert plan is not None
    if not any(isinstance(op, Grouped) for op in planned.ops):
        return planned
    addresses, scratch = dict(plan.addresses), dict(plan.scratch)
    ops: list[Op] = []
    streams: list[Stream] = []
    patches: Patches | None = None
    for op in planned.ops:
        if not isinstance(op, Streamed | Patched):
            ops.append(op)
            continue
        ops += op.ops
        start, _ = scratch.pop(op.name, (0, 0))
        places, memory, found = op.shown(start)
        addresses.update(places)
        scratch.update(memory)
        if isinstance(found, Stream):
            streams.append(found)
        else:
            patches = found
    whole = Plan(addresses, scratch, plan.arena_bytes, plan.lower_bound_bytes, tuple(streams), patches)
    return replace(planned, ops=tuple(ops), plan=whole)
