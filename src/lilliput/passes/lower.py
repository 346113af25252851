"""From a float network to one with addresses, ready for the code generator: the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from lilliput.net.access import Access, AccessOf
from lilliput.net.check import Stage, check
from lilliput.net.formats import Formats
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Op
from lilliput.net.patches import patch_ops
from lilliput.net.verify_plan import verify_plan
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
from lilliput.targets.format_kernels import Family, family_of
from lilliput.targets.kernel import Kernel
from lilliput.targets.kernels import kernel_for


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
    planned = _with_kernels(net, core)
    return _with_fast_kernels(net, planned, core) if net.optimize is Optimize.RAM else planned


def _with_fast_kernels(net: Net, planned: Net, core: Core) -> Net:
    """The same with as many of the fastest kernels as fit into an arena of that size.

    Those of other numbers than int8 do not follow from the room that a plan gives them.
    """
    more = {
        op.name: Kernels(core, {op.name}).scratch_bytes(op, net) - Kernels(core).scratch_bytes(op, net)
        for op in net.ops
        if family_of(op, net) is Family.BYTES
    }
    slow = sorted((name for name in more if more[name] > 0), key=lambda name: more[name])
    fast: frozenset[str] = frozenset()
    for names in ([slow] if slow else []) + [[name] for name in slow]:
        if not fast.issuperset(names):
            found = _with_kernels(net, core, fast.union(names))
            if _arena_bytes(found) <= _arena_bytes(planned):
                planned, fast = found, fast.union(names)
    return planned


def _with_kernels(net: Net, core: Core, fast: Set[str] = frozenset()) -> Net:
    """The plan with the kernels of a core, the fastest for some ops."""
    kernels = Kernels(core, fast)
    scratch_bytes, access = kernels.scratch_bytes, kernels.access
    if net.patches:
        net = hidden(net, [with_patches(net, scratch_bytes, access)])
    liveness = Liveness(net, scratch_bytes, access=access)
    orders = Orders(liveness)
    order = orders.best()
    streams = choose_streams(liveness, order.indices, scratch_bytes, access)
    if streams:
        planned = plan(hidden(liveness.net, streams), scratch_bytes, access)
    if not streams or _arena_bytes(planned) >= order.peak_bytes:
        planned = plan_in_order(orders)
    return shown(planned)


def _arena_bytes(net: Net) -> int:
    assert net.plan is not None
    return net.plan.arena_bytes


def arena_bytes_without_input(net: Net, core: Core) -> int:
    """The smallest arena of a planned network, with its streams, if its input is held elsewhere.

    Then neither the input counts nor what `Requantize` and `Reshape` make of it in place, which is the same
    data in another form.  Order and placement are chosen for that case anew.
    """
    return arena_bytes(
        with_groups_hidden(net, core),
        scratch_of(core),
        access_of(core),
        count_input=False,
        most_bytes=_arena_bytes(net),
    )


def with_groups_hidden(net: Net, core: Core) -> Net:
    """A planned network without its plan, and with each of its streams, and its patches, as one op."""
    assert net.plan is not None
    bare, scratch_bytes, access = net.rearranged(net.ops, None), scratch_of(core), access_of(core)
    streamer = Streamer(bare, scratch_bytes, access)
    groups: list[Grouped] = [
        streamer.stream([op for op in net.ops if op.name in stream.ops], stream.rows)
        for stream in net.plan.streams
    ]
    if patches := net.plan.patches:
        groups.append(patched(patch_ops(patches, net), bare, patches.tile, scratch_bytes, access))
    return hidden(bare, groups)


@dataclass(frozen=True)
class Kernels:
    """What a plan must know of the kernels of a core.

    Attributes:
        core: what they run on.
        fast: ops that get the fastest kernel even where memory counts more.
    """

    core: Core
    fast: Set[str] = frozenset()

    def scratch_bytes(self, op: Op, net: Net) -> int:
        """Scratch memory that the kernel of an op needs."""
        return self._kernel(op, net).scratch_bytes

    def access(self, op: Op, net: Net) -> Access:
        """What it promises about its reads and writes."""
        return self._kernel(op, net).access

    def _kernel(self, op: Op, net: Net) -> Kernel:
        if op.name in self.fast:
            net = replace(net, optimize=Optimize.SPEED)
        return kernel_for(op, net, self.core)


def scratch_of(core: Core) -> ScratchBytes:
    """Scratch memory that the kernels of `core` need for an op."""
    return Kernels(core).scratch_bytes


def access_of(core: Core) -> AccessOf:
    """What the kernels of `core` promise about their reads and writes."""
    return Kernels(core).access
