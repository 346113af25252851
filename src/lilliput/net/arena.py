"""An arena that remembers what every byte holds: the checker of plans runs networks over it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net.graph import Net, Plan

ALIGNMENT_BYTES = 4
_NOTHING = -1


class Arena:
    """The arena of a plan; each byte knows the tensor, and the place in it, that were last written there.

    Attributes:
        net: the planned network.
        plan: its plan.
    """

    def __init__(self, net: Net, plan: Plan) -> None:
        self.net, self.plan = net, plan
        if plan.arena_bytes < 0 or plan.arena_bytes % ALIGNMENT_BYTES:
            raise self.wrong(f"an arena of {plan.arena_bytes} bytes", f"not a multiple of {ALIGNMENT_BYTES}")
        self._begin: dict[str, int] = {}
        top = 0
        for name, tensor in net.tensors.items():
            if not tensor.constant:
                self._begin[name] = top
                top += tensor.storage_bytes
        number: type[np.integer[Any]] = np.int64 if top >> 31 else np.int32
        self._bytes: NDArray[np.integer[Any]] = np.arange(top, dtype=number)
        self._held = np.full(plan.arena_bytes, _NOTHING, number)

    def wrong(self, what: str, why: str) -> NetError:
        """The error that says what is wrong with the plan."""
        return NetError(
            f"the plan of network '{self.net.name}' is wrong: {what}",
            why,
            "plan the network again; never edit a plan",
        )

    def stretch(self, what: str, start: int, size: int) -> slice:
        """Bytes of the arena.

        Raises:
            NetError: they are not aligned, or not inside.
        """
        if start % ALIGNMENT_BYTES:
            raise self.wrong(f"{what} at address {start}", f"not a multiple of {ALIGNMENT_BYTES}")
        if start < 0 or size < 0 or start + size > self.plan.arena_bytes:
            raise self.wrong(
                f"{what} at {start} with {size} bytes", f"outside the arena of {self.plan.arena_bytes} bytes"
            )
        return slice(start, start + size)

    def tensor(self, name: str) -> slice:
        """The bytes of a tensor that is there as a whole."""
        size = self.net.tensors[name].storage_bytes
        return self.stretch(f"tensor '{name}'", self.plan.addresses[name], size)

    def is_free(self, stretch: slice) -> bool:
        """Whether nothing was written to any of these bytes."""
        return bool((self._held[stretch] == _NOTHING).all())

    def write(self, name: str, stretch: slice, begin: int = 0) -> None:
        """Bytes of a tensor from `begin` on are written to a stretch."""
        self._held[stretch] = self._bytes_of(name, stretch, begin)

    def spoil(self, stretch: slice) -> None:
        """Something else is written to a stretch."""
        self._held[stretch] = _NOTHING

    def move(self, source: slice, start: int) -> None:
        """Bytes move to another place, which they may overlap."""
        self._held[start : start + source.stop - source.start] = self._held[source].copy()

    def must_hold(self, name: str, stretch: slice, when: str, begin: int = 0) -> None:
        """Refuses a plan by which a stretch does not hold bytes of a tensor from `begin` on."""
        held, wanted = self._held[stretch], self._bytes_of(name, stretch, begin)
        if not np.array_equal(held, wanted):
            wrong = held[held != wanted]
            raise self.wrong(
                f"tensor '{name}' is not intact when {when}",
                f"{wrong.size} bytes belong to {self._owner(int(wrong[0]))}",
            )

    def _bytes_of(self, name: str, stretch: slice, begin: int) -> NDArray[np.integer[Any]]:
        """What a stretch holds that holds bytes of a tensor from `begin` on."""
        first = self._begin[name] + begin
        return self._bytes[first : first + stretch.stop - stretch.start]

    def _owner(self, held: int) -> str:
        if held == _NOTHING:
            return "nobody"
        name = max(
            (name for name, begin in self._begin.items() if begin <= held), key=self._begin.__getitem__
        )
        return f"'{name}'"


def overlap(one: slice, other: slice) -> bool:
    """Whether two stretches have a byte in common."""
    return bool(one.start < other.stop and other.start < one.stop)
