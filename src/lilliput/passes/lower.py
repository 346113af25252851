"""From a float network to one with addresses, ready for the code generator: the recipe."""

from __future__ import annotations

from collections.abc import Mapping

from lilliput.net.access import Access, AccessOf
from lilliput.net.check import Stage, check
from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.net.verify_plan import verify_plan
from lilliput.passes.fold_batch_norm import fold_batch_norm
from lilliput.passes.fuse_activations import fuse_activations
from lilliput.passes.liveness import ScratchBytes
from lilliput.passes.place import plan
from lilliput.passes.quantize import quantize
from lilliput.passes.quantize_activations import RangePair
from lilliput.targets.cores import Core
from lilliput.targets.kernels import kernel_for


def lower(net: Net, ranges: Mapping[str, RangePair] | None, core: Core) -> Net:
    """The planned int8 network of a float one: fold, fuse, quantize, order, place.

    Args:
        net: float, with or without weights.
        ranges: of the activations that remain when batch normalization is folded and activations are fused;
            None for a network that is not trained yet, which gives the same plan.
        core: what it will run on; kernels and so their scratch memory differ.

    Raises:
        NetError: the network is not valid, or ranges are missing.
    """
    return plan_for(quantize(fuse_activations(fold_batch_norm(net)), ranges), core)


def plan_for(net: Net, core: Core) -> Net:
    """A quantized network in the order and with the addresses that need the smallest arena on `core`.

    Raises:
        NetError: the network is not a valid quantized one.
    """

    scratch_bytes, access = scratch_of(core), access_of(core)
    check(net, Stage.QUANTIZED)
    planned = plan(net, scratch_bytes, access)
    # Order and addresses are all that changed since the check above.
    verify_plan(planned, scratch_bytes, access)
    return planned


def scratch_of(core: Core) -> ScratchBytes:
    """Scratch memory that the kernels of `core` need for an op."""

    def scratch_bytes(op: Op, net: Net) -> int:
        return kernel_for(op, net, core).scratch_bytes

    return scratch_bytes


def access_of(core: Core) -> AccessOf:
    """What the kernels of `core` promise about their reads and writes."""

    def access(op: Op, net: Net) -> Access:
        return kernel_for(op, net, core).access

    return access
