"""Line plots: a colour a format, a kind of stroke a board, points with the deviation over runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lilliput.report.frame import CHARACTER, Frame, axes, line, svg, text
from lilliput.report.markup import Markup, element, join, number
from lilliput.report.scale import Scale, fit

WIDTH, HEIGHT = 430.0, 290.0
LEFT, RIGHT, BELOW = 46.0, 424.0, 46.0
ROW = 18.0
"""Height of a row of the legend."""
TONES, STROKES = 8, 4
"""So many colours and kinds of strokes can be told apart; more begin again."""


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
    """Points that a line joins, by rising x.

    Attributes:
        name: what its colour stands for.
        points: in any order.
        kind: what its stroke stands for, where series of one name differ.
    """

    name: str
    points: tuple[PlotPoint, ...]
    kind: str = ""


def line_plot(series: Sequence[Series], x_title: str, y_title: str) -> Markup | None:
    """The plot; None where no series has a point.

    Args:
        series: a name's colour is its place among all of them, also of those without points, so that plots
            of one page agree.
        x_title, y_title: of the axes.
    """
    known = [one for one in series if one.points]
    if not known:
        return None
    names = list(dict.fromkeys(one.name for one in series))
    kinds = list(dict.fromkeys(one.kind for one in known if one.kind))
    shown = {one.name for one in known}
    legend, rows = _legend({name: tone for tone, name in enumerate(names) if name in shown}, kinds)
    top = rows * ROW + 34
    frame = Frame(LEFT, top, RIGHT, top + HEIGHT - 56)
    points = [point for one in known for point in one.points]
    x = fit([point.x for point in points], frame.left, frame.right)
    edges = [point.y + sign * point.deviation for point in points for sign in (-1, 1)]
    y = fit(edges, frame.bottom, frame.top)
    drawn = (
        _drawn(one, names.index(one.name), kinds.index(one.kind) if one.kind else 0, x, y) for one in known
    )
    title = f"{y_title} by {x_title}"
    return svg(WIDTH, frame.bottom + BELOW, title, axes(frame, x, x_title, y, y_title), *drawn, legend)


def _drawn(series: Series, tone: int, stroke: int, x: Scale, y: Scale) -> Markup:
    tone, stroke = tone % TONES, stroke % STROKES
    points = sorted(series.points, key=lambda point: point.x)
    path = "".join(
        f"{'L' if index else 'M'}{number(x(point.x))} {number(y(point.y))}"
        for index, point in enumerate(points)
    )
    pieces = [element("path", d=path, class_=f"series series{tone} stroke{stroke}")]
    title = f"{series.name}, {series.kind}" if series.kind else series.name
    for point in points:
        place = x(point.x)
        if point.deviation:
            low, high = y(point.y - point.deviation), y(point.y + point.deviation)
            pieces.append(line(place, low, place, high, f"spread series{tone}"))
        mark = element("title", f"{title}\n{point.tip}")
        pieces.append(element("circle", mark, cx=place, cy=y(point.y), r=3.5, class_=f"mark{tone}"))
    return join(*pieces)


def _legend(names: Mapping[str, int], kinds: Sequence[str]) -> tuple[Markup, int]:
    """Names in their colours, then kinds with their strokes, in rows above the plot; and how many rows."""
    entries = [(name, f"mark{index % TONES}", 16.0) for name, index in names.items()]
    if len(kinds) > 1:
        entries += [(kind, f"series key stroke{index % STROKES}", 34.0) for index, kind in enumerate(kinds)]
    pieces, place, row = [], 0.0, 0
    for words, look, indent in entries:
        width = indent + len(words) * CHARACTER + 12
        if place and place + width > WIDTH:
            place, row = 0.0, row + 1
        height = 12 + row * ROW
        if look.startswith("mark"):
            pieces.append(element("circle", cx=place + 5, cy=height, r=4, class_=look))
        else:
            pieces.append(line(place, height, place + indent - 8, height, look))
        pieces.append(text(place + indent - 2, height + 4, words, "tick"))
        place += width
    return join(*pieces), row + 1
