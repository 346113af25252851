"""Line plots: one series a format or board, points with the deviation over runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lilliput.report.frame import CHARACTER, Frame, axes, line, svg, text
from lilliput.report.markup import Markup, element, join, number
from lilliput.report.scale import Scale, fit

WIDTH, HEIGHT = 430.0, 362.0
FRAME = Frame(left=46, top=82, right=424, bottom=316)
TONES = 6
"""So many series can be told apart by colour; more begin again."""


@dataclass(frozen=True)
class PlotPoint:
    """A point of a series.

    Attributes:
        x, y: where, in the axes' units.
        deviation: half the height of its error bar; 0 for none.
        tip: what a pointer over it shows.
    """

    x: float
    y: float
    deviation: float = 0.0
    tip: str = ""


@dataclass(frozen=True)
class Series:
    """Points that a line joins, by rising x."""

    name: str
    points: tuple[PlotPoint, ...]


def line_plot(series: Sequence[Series], x_title: str, y_title: str) -> Markup | None:
    """The plot; None where no series has a point."""
    known = [one for one in series if one.points]
    if not known:
        return None
    points = [point for one in known for point in one.points]
    x = fit([point.x for point in points], FRAME.left, FRAME.right)
    edges = [point.y + sign * point.deviation for point in points for sign in (-1, 1)]
    y = fit(edges, FRAME.bottom, FRAME.top)
    return svg(
        WIDTH,
        HEIGHT,
        f"{y_title} by {x_title}",
        axes(FRAME, x, x_title, y, y_title),
        *(_drawn(one, index % TONES, x, y) for index, one in enumerate(known)),
        _legend([one.name for one in known]),
    )


def _drawn(series: Series, tone: int, x: Scale, y: Scale) -> Markup:
    points = sorted(series.points, key=lambda point: point.x)
    path = "".join(
        f"{'L' if index else 'M'}{number(x(point.x))} {number(y(point.y))}"
        for index, point in enumerate(points)
    )
    pieces = [element("path", d=path, class_=f"series series{tone}")]
    for point in points:
        place = x(point.x)
        if point.deviation:
            low, high = y(point.y - point.deviation), y(point.y + point.deviation)
            pieces.append(line(place, low, place, high, f"spread series{tone}"))
        mark = element("title", f"{series.name}\n{point.tip}")
        pieces.append(element("circle", mark, cx=place, cy=y(point.y), r=3.5, class_=f"mark{tone}"))
    return join(*pieces)


def _legend(names: Sequence[str]) -> Markup:
    """Names in their colours, in rows above the plot; those that find no room are left to the tips."""
    pieces, place, row = [], FRAME.left, 12.0
    for index, name in enumerate(names):
        width = 16 + len(name) * CHARACTER + 12
        if place > FRAME.left and place + width > WIDTH:
            place, row = FRAME.left, row + 18
        if row > FRAME.top - 26:
            break
        pieces.append(element("circle", cx=place + 5, cy=row, r=4, class_=f"mark{index % TONES}"))
        pieces.append(text(place + 14, row + 4, name, "tick"))
        place += width
    return join(*pieces)
