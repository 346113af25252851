"""What a benchmark returns: two sides measured in one go, and their ratio."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One line of a benchmark.

    Attributes:
        what: what was measured.
        unit: of both values.
        ours: name and value of the side that Lilliput takes by default.
        other: name and value of the other side.
        smaller_is_better: whether the ratio is other / ours, or ours / other.
    """

    what: str
    unit: str
    ours: tuple[str, float]
    other: tuple[str, float]
    smaller_is_better: bool = True

    @property
    def ratio(self) -> float:
        """How many times better our side is."""
        better, worse = (
            (self.ours[1], self.other[1]) if self.smaller_is_better else (self.other[1], self.ours[1])
        )
        return worse / better


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """The least time that `work` took in so many repeats."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)
