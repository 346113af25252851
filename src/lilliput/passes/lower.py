"""From a float network to one with addresses, ready for the code generator: the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lilliput.net.access import AccessOf
from lilliput.net.check import Stage, check
from lilliput.net.formats import Formats
from lilliput.net.graph import Net, Optimize
from lilliput.net.patches import patch_ops
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.choose_kernels import Kernels, arena_bytes_of, with_least_memory
from lilliput.passes.choose_streams import choose_streams
from lilliput.passes.fold_batch_norm import folded_batch_norm
from lilliput.passes.fuse_activations import fused
from lilliput.passes.grouped import Grouped, hidden
from lilliput.passes.liveness import Liveness, ScratchBytes
from lilliput.passes.order import Orders
from lilliput.passes.patch import patched, with_patches
from lilliput.passes.place import arena_bytes, plan, plan_in_order
from lilliput.passes.quantize import quantized
from lilliput.passes.quantize_activations import RangePair
from lilliput.passes.show import shown
from lilliput.passes.stream import Streamer
from lilliput.targets.cores import Core


def lower(
    net: Net, ranges: Mapping[str, RangePair] | None, core: Core, formats: Formats | None = None
) -> Net:
    """The planned network of a float one in its formats: fold, fuse, quantize, order, place.

    Args:
        net: float, with or without weights.
        ranges: of the activations that remain when batch normalization is folded and activations are fused;
            None for a network that is not trained yet, which gives the same plan.
        core: what it will run on; kernels and so their scratch memory differ.
        formats: of its layers; int8 if None.

    Raises:
        NetError: the network is not valid, or ranges are missing.
    """
    return _proven(drafted(net, ranges, core, formats), core)


def drafted(
    net: Net, ranges: Mapping[str, RangePair] | None, core: Core, formats: Formats | None = None
) -> Net:
    """`lower` without the proof that the plan is right, for what is costed and never run."""
    check(net, Stage.FLOAT)
    folded = fused(folded_batch_norm(net))
    if formats is not None and formats.real:
        check(folded, Stage.FLOAT)
        return _planned(folded, core)
    return drafted_plan(quantized(folded, ranges, formats), core)


def plan_for(net: Net, core: Core) -> Net:
    """A network in the order and with the addresses that need the smallest arena on `core`.

    Args:
        net: quantized, or planned before; `plan_floats_for` takes floats, so that none stay by mistake.

    Ops also take turns row by row where that makes the arena smaller and brings enough for what it costs.

    Raises:
        NetError: the network is not valid, or an op has no kernel.
    """
    return _proven(drafted_plan(net, core), core)


def drafted_plan(net: Net, core: Core) -> Net:
    """`plan_for` without the proof that the plan is right."""
    check(net, Stage.QUANTIZED if net.quantized or net.plan is None else Stage.PLANNED)
    return _planned(net, core)


def plan_floats_for(net: Net, core: Core) -> Net:
    """The same of a float network whose batch normalization is folded, which then computes with floats.

    Raises:
        NetError: the network is not a valid float network, or an op has no kernel.
    """
    check(net, Stage.FLOAT)
    return _proven(_planned(net, core), core)


def _proven(planned: Net, core: Core) -> Net:
    # Order and addresses are all that changed since the last check.
    verify_plan(planned, scratch_of(core), access_of(core))
    return planned


def _planned(net: Net, core: Core) -> Net:
    net = replace(net, plan=None) if net.plan else net
    if net.optimize is Optimize.RAM:
        others = (replace(net, optimize=optimize) for optimize in (Optimize.SPEED, Optimize.FLASH))
        most_bytes = min(arena_bytes_of(_with_kernels(other, Kernels(core))) for other in others)
        return with_least_memory(net, core, lambda kernels: _with_kernels(net, kernels), most_bytes)
    return _with_kernels(net, Kernels(core))


def _with_kernels(net: Net, kernels: Kernels) -> Net:
    """The plan for some kernels."""
    scratch_bytes, access = kernels.scratch_bytes, kernels.access
    if net.patches:
        net = hidden(net, [with_patches(net, scratch_bytes, access)])
    liveness = Liveness(net, scratch_bytes, access=access)
    orders = Orders(liveness)
    order = orders.best()
    streams = choose_streams(liveness, order.indices, scratch_bytes, access)
    if streams:
        planned = plan(hidden(liveness.net, streams), scratch_bytes, access)
    if not streams or arena_bytes_of(planned) >= order.peak_bytes:
        planned = plan_in_order(orders)
    return shown(planned)


def arena_bytes_without_input(net: Net, core: Core) -> int:
    """The smallest arena of a planned network, with its streams, if its input is held elsewhere.

    Then neither the input counts nor what `Requantize` and `Reshape` make of it in place, which is the same
    data in another form.  Order and placement are chosen for that case anew.
    """
    kernels = _kernels_of(net, core)
    return arena_bytes(
        with_groups_hidden(net, core),
        kernels.scratch_bytes,
        kernels.access,
        count_input=False,
        most_bytes=arena_bytes_of(net),
    )


def with_groups_hidden(net: Net, core: Core) -> Net:
    """A planned network without its plan, and with each of its streams, and its patches, as one op."""
    assert net.plan is not None
    bare, kernels = net.rearranged(net.ops, None), _kernels_of(net, core)
    scratch_bytes, access = kernels.scratch_bytes, kernels.access
    streamer = Streamer(bare, scratch_bytes, access)
    groups: list[Grouped] = [
        streamer.stream([op for op in net.ops if op.name in stream.ops], stream.rows)
        for stream in net.plan.streams
    ]
    if patches := net.plan.patches:
        groups.append(patched(patch_ops(patches, net), bare, patches.tile, scratch_bytes, access))
    return hidden(bare, groups)


def _kernels_of(planned: Net, core: Core) -> Kernels:
    """The kernels of a plan, for the network without it."""
    assert planned.plan is not None
    scratch = planned.plan.scratch
    return Kernels(core, rooms={op.name: scratch.get(op.name, (0, 0))[1] for op in planned.ops})


def scratch_of(core: Core) -> ScratchBytes:
    """Scratch memory that the kernels of `core` need for an op."""
    return Kernels(core).scratch_bytes


def access_of(core: Core) -> AccessOf:
    """What the kernels of `core` promise about their reads and writes."""
    return Kernels(core).access
