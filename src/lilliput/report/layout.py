"""Where the boxes of a graph go: rows by distance from the input, branches side by side, few crossings.

The usual steps for layered drawings (Sugiyama, Tagawa and Toda 1981): rows by longest path, placeholders
where an edge passes a row, order within a row by the mean position of neighbours, and then the horizontal
positions that bring neighbours closest together, which for one row is an isotonic regression.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 6
_LANE_WIDTH = 26.0
_BYPASS_WEIGHT = 0.001


@dataclass(frozen=True)
class Layout:
    """A drawing's geometry.

    Attributes:
        places: node → (horizontal centre in pixels, row).
        routes: (from, to) → horizontal centres of the edge in the rows that it passes, in their order.
        width: of the whole drawing, pixels; the centres lie inside with their boxes.
        rows: how many rows there are.
    """

    places: Mapping[str, tuple[float, int]]
    routes: Mapping[tuple[str, str], tuple[tuple[float, int], ...]]
    width: float
    rows: int


def arrange(nodes: Sequence[str], edges: Sequence[tuple[str, str]], box_width: float, gap: float) -> Layout:
    """Lays out a graph.

    Args:
        nodes: in topological order.
        edges: pairs of nodes, each from an earlier to a later one.
        box_width: of every node, pixels.
        gap: least distance between two boxes of a row, pixels.
    """
    row = dict.fromkeys(nodes, 0)
    for node in nodes:
        row[node] = max((row[start] + 1 for start, end in edges if end == node), default=0)
    outgoing = Counter(start for start, _ in edges)
    bypasses: set[str] = set()
    placeholders: dict[tuple[str, str], list[str]] = {}
    below: dict[str, list[str]] = {node: [] for node in nodes}
    above: dict[str, list[str]] = {node: [] for node in nodes}
    width = dict.fromkeys(nodes, box_width)
    for number, (start, end) in enumerate(edges):
        chain = [f"\0{number}.{index}" for index in range(row[start] + 1, row[end])]
        placeholders[start, end] = chain
        for index, name in enumerate(chain):
            row[name], width[name] = row[start] + 1 + index, _LANE_WIDTH
            below[name], above[name] = [], []
        if outgoing[start] > 1:
            bypasses.update(chain)
        for upper, lower in zip([start, *chain], [*chain, end], strict=True):
            below[upper].append(lower)
            above[lower].append(upper)
    rows: list[list[str]] = [[] for _ in range(max(row.values(), default=-1) + 1)]
    for name, index in row.items():
        rows[index].append(name)
    _order(rows, above, below)
    centre = _positions(rows, above, below, width, gap, bypasses)
    left = min((centre[name] - width[name] / 2 for name in centre), default=0.0)
    right = max((centre[name] + width[name] / 2 for name in centre), default=0.0)
    return Layout(
        places={node: (centre[node] - left, row[node]) for node in nodes},
        routes={
            edge: tuple((centre[name] - left, row[name]) for name in chain)
            for edge, chain in placeholders.items()
        },
        width=right - left,
        rows=len(rows),
    )


def _order(
    rows: list[list[str]], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> None:
    """Sorts each row by the mean index of the neighbours in the row before, down and up again."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        index = {name: position for row in rows for position, name in enumerate(row)}
        neighbours = above if down else below
        for row in rows if down else reversed(rows):
            means = {
                name: sum(index[other] for other in neighbours[name]) / len(neighbours[name])
                if neighbours[name]
                else float(index[name])
                for name in row
            }
            row.sort(key=lambda name: means[name])
            index.update({name: position for position, name in enumerate(row)})


def _positions(
    rows: Sequence[Sequence[str]],
    above: Mapping[str, Sequence[str]],
    below: Mapping[str, Sequence[str]],
    width: Mapping[str, float],
    gap: float,
    bypasses: Set[str],
) -> dict[str, float]:
    """Centres of all boxes and placeholders.  What only passes by (a residual connection) gives way."""
    weight = {name: _BYPASS_WEIGHT if name in bypasses else 1.0 for name in above}
    centre: dict[str, float] = {}
    for row in rows:
        total = sum(width[name] + gap for name in row)
        place = -total / 2
        for name in row:
            centre[name] = place + (width[name] + gap) / 2
            place += width[name] + gap
    for sweep in range(2 * _SWEEPS + 1):
        # The last sweep goes down, so that a chain hangs straight below the op that feeds it.
        down = sweep % 2 == 0
        neighbours = above if down else below
        for row in rows if down else reversed(rows):
            wanted = [_mean(neighbours[name], centre, weight, centre[name]) for name in row]
            weights = [weight[name] for name in row]
            distances = [(width[one] + width[other]) / 2 + gap for one, other in pairwise(row)]
            centre.update(zip(row, closest(wanted, weights, distances), strict=True))
    return centre


def _mean(
    names: Sequence[str], centre: Mapping[str, float], weight: Mapping[str, float], otherwise: float
) -> float:
    total = sum(weight[name] for name in names)
    return sum(weight[name] * centre[name] for name in names) / total if names else otherwise


def closest(wanted: Sequence[float], weights: Sequence[float], distances: Sequence[float]) -> list[float]:
    """The positions nearest to `wanted` (weighted least squares) that keep their order and their distances.

    Args:
        wanted: position that each would like.
        weights: how much it matters to each.
        distances: least distance between each position and the next.
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for target, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, size = target - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, other_weight, other_size = blocks.pop()
            mean = (mean * total + other * other_weight) / (total + other_weight)
            total, size = total + other_weight, size + other_size
        blocks.append((mean, total, size))
    means = [mean for mean, _, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
