"""What must live beside the op that takes most, whatever the order.

Take a chain of tensors that leads past the op, by others that may run before or after it: from a tensor that
is there when the op runs to one that is read later.  One of the chain is live while the op runs, and so at
least its smallest.  The same holds of what follows an op that ran before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lilliput.passes.liveness import Liveness
from lilliput.passes.masks import ops_of


class Company(NamedTuple):
    """What follows from the op that takes most.

    Attributes:
        largest: that op, as a mask.
        least_peak_bytes: no order has a smaller peak.
        peaks_before: another op → the least peak of orders in which it runs before that one.
    """

    largest: int
    least_peak_bytes: int
    peaks_before: Mapping[int, int]


NO_COMPANY = Company(0, 0, {})
"""Where nothing is known."""


def company_of(
    index: int, live_bytes: int, others: int, ancestors: int, descendants: int, liveness: Liveness
) -> Company:
    """The company of op `index`, and what it means for the peak.

    Args:
        index: an op.
        live_bytes: what surely lives while it runs, without company.
        others: the ops that may run before or after it, as a mask, like those that run before and after.
        ancestors, descendants: all ops that must run before it and after it.
        liveness: of their network.
    """
    sizes, readers, net = liveness.sizes, liveness.readers, liveness.net
    later = descendants | 1 << index
    behind: dict[int, int] = {}

    def least(name: str) -> int:
        """The smallest tensor of the chain from `name` whose smallest is largest."""
        size = sizes.get(name, 0)
        if readers[name] & later or name in net.outputs:
            return size
        return min(size, max((behind[reader] for reader in ops_of(readers[name] & others)), default=0))

    for other in reversed(ops_of(others)):
        behind[other] = max(least(name) for name in net.ops[other].outputs)
    there = [*net.inputs, *(name for before in ops_of(ancestors) for name in net.ops[before].outputs)]
    uncounted = [name for name in there if not readers[name] & later and name not in net.outputs]
    always = max(map(least, uncounted), default=0)
    peaks = {other: live_bytes + size for other, size in behind.items()}
    return Company(1 << index, live_bytes + always, peaks)
