"""Which points of a cloud no other point beats, for the step line of a plot."""

from __future__ import annotations

from collections.abc import Iterable

Point = tuple[float, float]


def front(points: Iterable[Point]) -> list[Point]:
    """The points that no other beats in y with the same or a smaller x, by rising x and falling y."""
    found: list[Point] = []
    for x, y in sorted(points):
        if not found or y < found[-1][1]:
            found.append((x, y))
    return found
