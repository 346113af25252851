"""Several ops that order and placement see as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.targets.overlap import Overlap


@dataclass(frozen=True, kw_only=True)
class Grouped(Op):
    """Ops that run as one, under the name of the last one.

    Attributes:
        ops: in execution order.
        memory_bytes: what they take while they run, beside inputs and output.
        overlaps: input → how the output may lie over it.
    """

    ops: tuple[Op, ...] = ()
    memory_bytes: int = 0
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)


def hidden(net: Net, groups: Iterable[Grouped]) -> Net:
    """The network with each group as one op, where its last op stood."""
    last = {group.name: group for group in groups}
    if not last:
        return net.rearranged(net.ops, None)
    inside = {op.name for group in last.values() for op in group.ops[:-1]}
    ops = tuple(last.get(op.name, op) for op in net.ops if op.name not in inside)
    return replace(net, ops=ops, plan=None)
