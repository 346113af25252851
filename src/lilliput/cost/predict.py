"""What a network costs on a board, before anything is built.

A float network goes through the same passes as one that is compiled, so that the arena is the one in the
generated header, to the byte.  Weights need not be there: bytes follow from shapes, and so do cycles but for
weights of few bits, whose sums are taken apart as often as the weights ask for, or as usual ones would.
"""

from __future__ import annotations

from lilliput.cost.code_size import code_bytes
from lilliput.cost.cycles import net_cycles
from lilliput.net.formats import Formats
from lilliput.net.graph import Net
from lilliput.net.macs import net_macs
from lilliput.passes.lower import arena_bytes_without_input, drafted, drafted_plan
from lilliput.results import Cost
from lilliput.targets.boards import Board
from lilliput.targets.kernels import constant_bytes


def cost(net: Net, board: Board, formats: Formats | None = None) -> Cost:
    """What `net` takes on `board`.

    `arena_without_input_bytes` is the smallest arena if the caller holds the input in memory of its own: then
    neither the input counts nor what `Requantize` and `Reshape` make of it in place, which is the same data
    in another form.  Order and placement are chosen for that case anew.  So count µNAS and other papers.

    Args:
        net: float (weights or not), quantized or planned.  A plan is taken as it is.
        board: its core, and for the cycles its flash.
        formats: number formats of the layers of a float network; int8 if None.

    Raises:
        NetError: the network breaks a rule, or the core has no kernel for an op.
    """
    core = board.core
    if net.plan:
        planned = net
    else:
        planned = drafted_plan(net, core) if net.quantized else drafted(net, None, core, formats)
    assert planned.plan is not None
    plan = planned.plan
    cycles, cycles_with_flash = net_cycles(planned, board)
    return Cost(
        arena_bytes=plan.arena_bytes,
        arena_without_input_bytes=arena_bytes_without_input(planned, core),
        weights_bytes=sum(constant_bytes(op, planned, core) for op in planned.ops),
        code_bytes=code_bytes(planned, core),
        macs=net_macs(planned),
        cycles=cycles,
        cycles_with_flash=cycles_with_flash,
        lower_bound_bytes=plan.lower_bound_bytes,
        order=tuple(op.name for op in planned.ops),
    )
