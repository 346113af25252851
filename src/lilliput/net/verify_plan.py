"""Proof that a plan is right: the network is run over an arena that remembers what every byte holds.

Shares no code with the passes that make plans.  An op may run if each of its inputs is still there, byte by
byte; what it writes takes the place of what was there.  So whatever overlaps, no tensor is read after
something was written over it.

An output may lie over an input of its own op if nobody reads that input later and if every byte that both
claim is written no earlier than it is read for the last time (`lilliput.net.timing`).
"""

from __future__ import annotations

from collections.abc import Callable

from lilliput.errors import NetError
from lilliput.net.access import POSSIBLE, Access, AccessOf
from lilliput.net.arena import Arena, overlap
from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.net.timing import written_in_time
from lilliput.net.verify_patches import check_patches, run_patches
from lilliput.net.verify_stream import check_streams, run_stream

ScratchOf = Callable[[Op, Net], int]


def verify_plan(net: Net, scratch_bytes: ScratchOf | None = None, access: AccessOf | None = None) -> None:
    """Checks the plan of `net`: addresses, sizes, and that every read finds its tensor intact.

    Args:
        net: a planned network.
        scratch_bytes: how much scratch memory an op needs; if given, the plan must grant it.
        access: what the kernel of an op promises about its reads and writes; if not given, outputs may
            overlap inputs as far as any kernel of such an op can allow it.

    Raises:
        NetError: the plan is missing, incomplete or wrong; names the op and the tensors.
    """
    if net.plan is None:
        raise NetError(f"network '{net.name}' has no plan", "", "run `lilliput.passes.lower` first")
    arena = Arena(net, net.plan)
    if net.plan.lower_bound_bytes > net.plan.arena_bytes:
        what = f"a lower bound of {net.plan.lower_bound_bytes} bytes"
        raise arena.wrong(what, "above the size of the arena")
    _check_names(arena)
    stream_of, patches = check_streams(arena), check_patches(arena)
    _write_inputs(arena)
    last_reader = {name: index for index, op in enumerate(net.ops) for name in op.inputs}

    def promises(op: Op, in_net: Net) -> tuple[Access, ...]:
        return (access(op, in_net),) if access else POSSIBLE.get(type(op), (Access.SEPARATE,))

    for index, op in enumerate(net.ops):
        if patches is not None and op.name in patches.ops:
            if op.name in stream_of:
                raise arena.wrong(f"op '{op.name}'", "is in a stream and in patches")
            if op.name == patches.ops[0]:
                run_patches(arena, patches, lambda patch: verify_plan(patch, scratch_bytes, access))
            continue
        if op.name in stream_of:
            if stream_of[op.name].ops[0] == op.name:
                run_stream(arena, stream_of[op.name], scratch_bytes, promises)
            continue
        mortal = {name for name in op.inputs if last_reader[name] == index and name not in net.outputs}
        _run_op(arena, op, mortal, scratch_bytes(op, net) if scratch_bytes else 0, promises(op, net))
    for name in net.outputs:
        arena.must_hold(name, arena.tensor(name), "the caller reads the outputs")


def _check_names(arena: Arena) -> None:
    net, plan = arena.net, arena.plan
    written = [*net.inputs, *(name for op in net.ops for name in op.outputs)]
    if twice := {name for name in written if written.count(name) > 1}:
        raise arena.wrong(f"tensors {sorted(twice)}", "written more than once")
    if missing := set(written) - set(plan.addresses):
        raise arena.wrong(f"tensors {sorted(missing)}", "have no address")
    if unknown := set(plan.addresses) - set(written):
        raise arena.wrong(
            f"tensors {sorted(unknown)}", "have an address but are no activations of the network"
        )
    if unknown := set(plan.scratch) - {op.name for op in net.ops}:
        raise arena.wrong(f"scratch memory for {sorted(unknown)}", "there are no such ops")


def _write_inputs(arena: Arena) -> None:
    for name in arena.net.inputs:
        stretch = arena.tensor(name)
        if not arena.is_free(stretch):
            raise arena.wrong(f"input '{name}'", "overlaps another input")
        arena.write(name, stretch)


def _run_op(
    arena: Arena, op: Op, mortal: set[str], needed_scratch_bytes: int, promises: tuple[Access, ...]
) -> None:
    """Runs one op; `mortal` are its inputs that nobody reads afterwards."""
    net, plan = arena.net, arena.plan
    reads = [name for name in dict.fromkeys(op.inputs) if not net.tensors[name].constant]
    for name in reads:
        arena.must_hold(name, arena.tensor(name), f"op '{op.name}' reads it")
    start, size = plan.scratch.get(op.name, (0, 0))
    if size < needed_scratch_bytes:
        raise arena.wrong(
            f"op '{op.name}' has {size} bytes of scratch memory", f"needs {needed_scratch_bytes}"
        )
    writes: list[tuple[str, slice]] = [(name, arena.tensor(name)) for name in op.outputs]
    if size:
        writes.append(("scratch memory", arena.stretch(f"scratch memory of op '{op.name}'", start, size)))
    for position, (name, stretch) in enumerate(writes):
        for other, taken in writes[:position]:
            if overlap(stretch, taken):
                raise arena.wrong(f"'{name}' of op '{op.name}'", f"overlaps its '{other}'")
        for source in reads:
            if not overlap(stretch, arena.tensor(source)):
                continue
            behind = stretch.start - plan.addresses[source]
            in_time = name in op.outputs and any(
                written_in_time(op, net, promise, source, behind) for promise in promises
            )
            if source not in mortal or not in_time:
                raise arena.wrong(f"'{name}' of op '{op.name}'", f"overlaps its input '{source}'")
    for name, stretch in writes:
        if name in op.outputs:
            arena.write(name, stretch)
        else:
            arena.spoil(stretch)
