"""RAM over time: which buffers live while each op runs, and the map of the arena that shows it."""

from __future__ import annotations

from lilliput.net.graph import Net, Patches, Stream
from lilliput.net.patches import patch_net, patch_ops
from lilliput.net.rows import row_bytes
from lilliput.report.model import LiveBuffer, MemoryProfile, MemoryStep


def memory_profile(net: Net) -> MemoryProfile:
    """Buffers that live while each op of `net` runs, in its execution order.

    A tensor lives from the op that writes it (an input: from the start) to the last op that reads it (an
    output: to the end); what ops that take turns row by row read or write lives from the first of them to the
    last.  Addresses and scratch memory are the plan's; a network without a plan has none.
    """
    last = len(net.ops) - 1
    born = dict.fromkeys(net.inputs, 0)
    dies = dict.fromkeys(net.inputs, 0)
    for index, op in enumerate(net.ops):
        for name in op.inputs:
            if name in born:
                dies[name] = index
        for name in op.outputs:
            born[name] = index
            dies[name] = index
    dies.update(dict.fromkeys((name for name in net.outputs if name in born), max(last, 0)))

    plan = net.plan
    sizes = {name: net.tensors[name].storage_bytes for name in born}
    index_of = {op.name: index for index, op in enumerate(net.ops)}
    for group in (*plan.streams, *((plan.patches,) if plan.patches else ())) if plan else ():
        begin, end = index_of[group.ops[0]], index_of[group.ops[-1]]
        for name in born:
            if begin <= born[name] <= end:
                born[name], dies[name] = begin, max(dies[name], end)
            elif begin <= dies[name] <= end:
                dies[name] = end
        sizes.update(_parts(group, net))
    steps = []
    for index, op in enumerate(net.ops):
        live = [
            LiveBuffer(name, sizes[name], plan.addresses.get(name) if plan else None)
            for name in born
            if born[name] <= index <= dies[name]
        ]
        if plan and op.name in plan.scratch and plan.scratch[op.name][1]:
            address, size_bytes = plan.scratch[op.name]
            live.append(LiveBuffer(op.name, size_bytes, address, scratch=True))
        steps.append(MemoryStep(op.name, tuple(live)))
    if plan:
        return MemoryProfile(tuple(steps), plan.arena_bytes, plan.lower_bound_bytes)
    return MemoryProfile(tuple(steps), max((step.live_bytes for step in steps), default=0))


def _parts(group: Stream | Patches, net: Net) -> dict[str, int]:
    """Bytes of images that exist in parts only."""
    if isinstance(group, Stream):
        return {name: height * row_bytes(net, name) for name, height in group.heights.items()}
    ops = patch_ops(group, net)
    small = patch_net(ops, net, group.tile)
    return {op.outputs[0]: small.tensors[op.outputs[0]].storage_bytes for op in ops[:-1]}
