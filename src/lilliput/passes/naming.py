"""Names for what a pass adds."""

from __future__ import annotations

from lilliput.net.graph import Net


class Names:
    """Hands out names that neither an op nor a tensor of the network has."""

    def __init__(self, net: Net) -> None:
        self._taken = {op.name for op in net.ops} | set(net.tensors)

    def fresh(self, wish: str) -> str:
        """`wish`, or `wish` with the first number that makes it new."""
        name, number = wish, 2
        while name in self._taken:
            name, number = f"{wish}_{number}", number + 1
        self._taken.add(name)
        return name
