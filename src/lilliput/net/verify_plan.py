"""Proof that a plan is right: the network is run over an arena that remembers whose bytes it holds.

Shares no code with the passes that make plans.  Every byte of the arena knows the tensor that was last
written to it.  An op may run if each of its inputs still owns all of its bytes; what it writes takes bytes
over.  So whatever overlaps, no tensor is read after something was written over it.

An output may lie over an input of its own op if nobody reads that input later and if every byte that both
claim is written no earlier than it is read for the last time (`lilliput.net.timing`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net.access import POSSIBLE, Access, AccessOf
from lilliput.net.graph import Net, Plan
from lilliput.net.ops import Op
from lilliput.net.timing import written_in_time

_ALIGNMENT_BYTES = 4
_NOBODY = -1


def verify_plan(
    net: Net, scratch_bytes: Callable[[Op, Net], int] | None = None, access: AccessOf | None = None
) -> None:
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
    _Arena(net, net.plan, access).run(scratch_bytes)


class _Arena:
    """The arena while the network runs; `owner` holds the number of the tensor that each byte belongs to."""

    def __init__(self, net: Net, plan: Plan, access: AccessOf | None) -> None:
        self.net, self.plan, self.access = net, plan, access
        if plan.arena_bytes < 0 or plan.arena_bytes % _ALIGNMENT_BYTES:
            raise self.wrong(f"an arena of {plan.arena_bytes} bytes", f"not a multiple of {_ALIGNMENT_BYTES}")
        if plan.lower_bound_bytes > plan.arena_bytes:
            raise self.wrong(
                f"a lower bound of {plan.lower_bound_bytes} bytes", "above the size of the arena"
            )
        self.owner: NDArray[np.int64] = np.full(plan.arena_bytes, _NOBODY, np.int64)
        self.numbers = {name: number for number, name in enumerate(net.tensors)}
        self.last_reader = {name: index for index, op in enumerate(net.ops) for name in op.inputs}

    def wrong(self, what: str, why: str) -> NetError:
        return NetError(
            f"the plan of network '{self.net.name}' is wrong: {what}",
            why,
            "plan the network again; never edit a plan",
        )

    def run(self, scratch_bytes: Callable[[Op, Net], int] | None) -> None:
        """Runs the whole network."""
        self._check_names()
        for name in self.net.inputs:
            stretch = self._tensor(name)
            if (self.owner[stretch] != _NOBODY).any():
                raise self.wrong(f"input '{name}'", "overlaps another input")
            self.owner[stretch] = self.numbers[name]
        for index, op in enumerate(self.net.ops):
            needed = scratch_bytes(op, self.net) if scratch_bytes else 0
            self._run_op(index, op, needed)
        for name in self.net.outputs:
            self._must_be_intact(name, "the caller reads the outputs")

    def _check_names(self) -> None:
        written = [*self.net.inputs, *(name for op in self.net.ops for name in op.outputs)]
        if twice := {name for name in written if written.count(name) > 1}:
            raise self.wrong(f"tensors {sorted(twice)}", "written more than once")
        if missing := set(written) - set(self.plan.addresses):
            raise self.wrong(f"tensors {sorted(missing)}", "have no address")
        if unknown := set(self.plan.addresses) - set(written):
            raise self.wrong(
                f"tensors {sorted(unknown)}", "have an address but are no activations of the network"
            )
        if unknown := set(self.plan.scratch) - {op.name for op in self.net.ops}:
            raise self.wrong(f"scratch memory for {sorted(unknown)}", "there are no such ops")

    def _stretch(self, what: str, start: int, size: int) -> slice:
        if start % _ALIGNMENT_BYTES:
            raise self.wrong(f"{what} at address {start}", f"not a multiple of {_ALIGNMENT_BYTES}")
        if start < 0 or size < 0 or start + size > self.plan.arena_bytes:
            raise self.wrong(
                f"{what} at {start} with {size} bytes", f"outside the arena of {self.plan.arena_bytes} bytes"
            )
        return slice(start, start + size)

    def _tensor(self, name: str) -> slice:
        return self._stretch(
            f"tensor '{name}'", self.plan.addresses[name], self.net.tensors[name].storage_bytes
        )

    def _must_be_intact(self, name: str, when: str) -> None:
        owners = self.owner[self._tensor(name)]
        wrong = owners[owners != self.numbers[name]]
        if wrong.size:
            names = list(self.net.tensors)
            culprit = "nobody" if wrong[0] == _NOBODY else f"'{names[wrong[0]]}'"
            raise self.wrong(
                f"tensor '{name}' is not intact when {when}", f"{wrong.size} bytes belong to {culprit}"
            )

    def _run_op(self, index: int, op: Op, needed_scratch_bytes: int) -> None:
        reads = [name for name in dict.fromkeys(op.inputs) if not self.net.tensors[name].constant]
        for name in reads:
            self._must_be_intact(name, f"op '{op.name}' reads it")
        start, size = self.plan.scratch.get(op.name, (0, 0))
        if size < needed_scratch_bytes:
            raise self.wrong(
                f"op '{op.name}' has {size} bytes of scratch memory", f"needs {needed_scratch_bytes}"
            )
        writes: list[tuple[str, slice]] = [(name, self._tensor(name)) for name in op.outputs]
        if size:
            writes.append(("scratch memory", self._stretch(f"scratch memory of op '{op.name}'", start, size)))
        for position, (name, stretch) in enumerate(writes):
            for other, taken in writes[:position]:
                if _overlap(stretch, taken):
                    raise self.wrong(f"'{name}' of op '{op.name}'", f"overlaps its '{other}'")
            for source in reads:
                allowed = name in op.outputs and self._may_overlap(index, op, source, name)
                if _overlap(stretch, self._tensor(source)) and not allowed:
                    raise self.wrong(f"'{name}' of op '{op.name}'", f"overlaps its input '{source}'")
        for name, stretch in writes:
            self.owner[stretch] = self.numbers.get(name, _NOBODY) if name in op.outputs else _NOBODY

    def _may_overlap(self, index: int, op: Op, source: str, target: str) -> bool:
        """Whether `op` may write `target` where both lie."""
        if self.last_reader[source] != index or source in self.net.outputs:
            return False
        if self.access is None:
            promises = POSSIBLE.get(type(op), (Access.SEPARATE,))
        else:
            promises = (self.access(op, self.net),)
        behind = self.plan.addresses[target] - self.plan.addresses[source]
        return any(written_in_time(op, self.net, promise, source, behind) for promise in promises)


def _overlap(one: slice, other: slice) -> bool:
    return bool(one.start < other.stop and other.start < one.stop)
