"""The whole way down, as a recipe of named passes: float → quantized → planned."""

from __future__ import annotations

from collections.abc import Mapping

from lilliput.net.check import Stage, check
from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.passes.fold_batch_norm import fold_batch_norm
from lilliput.passes.fuse_activations import fuse_activations
from lilliput.passes.liveness import ScratchBytes
from lilliput.passes.place import plan
from lilliput.passes.quantize import quantize
from lilliput.passes.quantize_activations import RangePair
from lilliput.targets.cores import Core
from lilliput.targets.kernels import kernel_for


def lower(net: Net, ranges: Mapping[str, RangePair] | None, core: Core) -> Net:
    """The planned int8 network of a float one.

    Args:
        net: float; weights may be missing.
        ranges: see `quantize`; None gives the same ops, shapes and addresses with placeholder scales.
        core: whose kernels run it, which decides on scratch memory.

    Raises:
        NetError: the network breaks a rule of its stage.
    """
    return lower_quantized(quantize(fuse_activations(fold_batch_norm(net)), ranges), core)


def lower_quantized(net: Net, core: Core) -> Net:
    """The planned network of a quantized one, every address proved."""
    check(net, Stage.QUANTIZED)
    planned = plan_for(net, core)
    check(planned, Stage.PLANNED)
    return planned


def plan_for(net: Net, core: Core) -> Net:
    """The network in its best order, with the addresses that `core`'s kernels work at."""
    return plan(net, scratch_of(core))


def scratch_of(core: Core) -> ScratchBytes:
    """Scratch memory that the kernels of `core` need for an op."""

    def scratch_bytes(op: Op, net: Net) -> int:
        return kernel_for(op, net, core).scratch_bytes

    return scratch_bytes
