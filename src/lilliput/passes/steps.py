"""Steps of a search through the sets of executed ops, remembered.

What an op does to memory depends on a few of the other ops only: those that read what it reads, and those
that its readers wait for.  Many sets have the same of them, and the same step from there.
"""

from __future__ import annotations

from typing import NamedTuple

from lilliput.passes.liveness import Liveness


class Step(NamedTuple):
    """What running some ops, one after the other, does.

    Attributes:
        ops: in the order in which they run.
        mask: the same as a set.
        rise_bytes: the most that is live while they run, less what is live before.
        change_bytes: what is live afterwards, less that.
        enabled: ops that read from them and can then run, as a mask; they themselves may be among these.
    """

    ops: tuple[int, ...]
    mask: int
    rise_bytes: int
    change_bytes: int
    enabled: int


class Steps:
    """The steps through one network, each worked out once."""

    def __init__(self, liveness: Liveness) -> None:
        self._liveness = liveness
        self._steps: list[dict[int, Step]] = [{} for _ in range(liveness.count)]
        self._runs: list[dict[int, Step | None]] = [{} for _ in range(liveness.count)]
        self._near = [0] * liveness.count
        self._ahead = [0] * liveness.count
        for index in reversed(range(liveness.count)):
            for readers, _ in liveness.moves[index].reads:
                self._near[index] |= readers
            for follower in liveness.followers[index]:
                self._near[index] |= liveness.before[follower]
                self._ahead[index] |= self._ahead[follower]
            self._ahead[index] |= self._near[index]

    def step(self, done: int, index: int) -> Step:
        """Op `index` alone, when the ops in `done` ran."""
        key = done & self._near[index]
        found = self._steps[index].get(key)
        if found is None:
            mask, liveness = 1 << index, self._liveness
            rise, change = liveness.step(done, 0, index)
            found = Step((index,), mask, rise, change, liveness.enabled(index, done | mask))
            self._steps[index][key] = found
        return found

    def free_run(self, done: int, index: int) -> Step | None:
        """Op `index` and ops that each read the one before, up to where no more bytes are live than at first.

        None if that never comes.
        """
        key = done & self._ahead[index]
        known = self._runs[index]
        if key not in known:
            known[key] = self._run(done, index)
        return known[key]

    def _run(self, done: int, index: int) -> Step | None:
        ops: list[int] = []
        mask = most = live = enabled = 0
        while True:
            step = self.step(done | mask, index)
            ops.append(index)
            mask |= step.mask
            enabled |= step.enabled
            most, live = max(most, live + step.rise_bytes), live + step.change_bytes
            if live <= 0:
                return Step(tuple(ops), mask, most, live, enabled)
            if not step.enabled:
                return None
            index = (step.enabled & -step.enabled).bit_length() - 1
