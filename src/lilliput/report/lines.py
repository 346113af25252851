"""Line plots: a colour a format, a stroke a board, a shape a kind of network, points with their deviation."""

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
TONES, STROKES, SHAPES = 8, 4, 4
"""So many colours, kinds of strokes and shapes of marks can be told apart; more begin again."""
_REACH = 3.5
"""Half the width of a mark."""


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
        stroke: what its stroke, and how its marks are filled, stand for, where series of one name differ.
        shape: what the shape of its marks stands for, likewise.
    """

    name: str
    points: tuple[PlotPoint, ...]
    stroke: str = ""
    shape: str = ""


def line_plot(series: Sequence[Series], x_title: str, y_title: str) -> Markup | None:
    """The plot; None where no series has a point.

    Args:
        series: the colour of a name is its place among all of them, also of those without points, and so is
            a shape, so that plots of one page agree.
        x_title, y_title: of the axes.
    """
    known = [one for one in series if one.points]
    if not known:
        return None
    names = list(dict.fromkeys(one.name for one in series))
    strokes = list(dict.fromkeys(one.stroke for one in known))
    shapes = list(dict.fromkeys(one.shape for one in series if one.shape)) or [""]
    legend, rows = _legend(
        {name: names.index(name) for name in names if name in {one.name for one in known}},
        strokes,
        {shape: shapes.index(shape) for shape in shapes if shape in {one.shape for one in known}},
    )
    top = rows * ROW + 34
    frame = Frame(LEFT, top, RIGHT, top + HEIGHT - 56)
    points = [point for one in known for point in one.points]
    x = fit([point.x for point in points], frame.left, frame.right)
    edges = [point.y + sign * point.deviation for point in points for sign in (-1, 1)]
    y = fit(edges, frame.bottom, frame.top)
    drawn = (
        _drawn(one, _Look(names.index(one.name), strokes.index(one.stroke), shapes.index(one.shape)), x, y)
        for one in known
    )
    title = f"{y_title} by {x_title}"
    return svg(WIDTH, frame.bottom + BELOW, title, axes(frame, x, x_title, y, y_title), *drawn, legend)


@dataclass(frozen=True)
class _Look:
    """Places among the names, strokes and shapes."""

    name: int
    stroke: int
    shape: int

    def mark(self, x: float, y: float, *tip: Markup) -> Markup:
        """A point of the series."""
        tone = self.name % TONES
        return _mark(
            self.shape, x, y, f"mark{tone} series{tone} filling{self.stroke % STROKES}", _REACH, *tip
        )


def _mark(shape: int, x: float, y: float, class_: str, reach: float, *tip: Markup) -> Markup:
    """A circle, square, triangle or diamond around a place."""
    corners = (
        (),
        ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        ((0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
        ((0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)),
    )[shape % SHAPES]
    if not corners:
        return element("circle", *tip, cx=x, cy=y, r=reach, class_=class_)
    places = (f"{number(x + reach * right)},{number(y + reach * down)}" for right, down in corners)
    return element("polygon", *tip, points=" ".join(places), class_=class_)


def _drawn(series: Series, look: _Look, x: Scale, y: Scale) -> Markup:
    tone, stroke = look.name % TONES, look.stroke % STROKES
    points = sorted(series.points, key=lambda point: point.x)
    path = "".join(
        f"{'L' if index else 'M'}{number(x(point.x))} {number(y(point.y))}"
        for index, point in enumerate(points)
    )
    pieces = []
    if len(points) > 1:
        pieces.append(element("path", d=path, class_=f"series series{tone} stroke{stroke}"))
    title = ", ".join(word for word in (series.name, series.shape, series.stroke) if word)
    for point in points:
        place = x(point.x)
        if point.deviation:
            low, high = y(point.y - point.deviation), y(point.y + point.deviation)
            pieces.append(line(place, low, place, high, f"spread series{tone}"))
        pieces.append(look.mark(place, y(point.y), element("title", f"{title}\n{point.tip}")))
    return join(*pieces)


def _legend(
    names: Mapping[str, int], strokes: Sequence[str], shapes: Mapping[str, int]
) -> tuple[Markup, int]:
    """Names in their colours, shapes, strokes, in rows above the plot; and how many rows.

    Strokes and shapes are left out where there is but one.
    """
    entries = [(name, 16.0, "name", tone) for name, tone in names.items()]
    if len(shapes) > 1:
        entries += [(words, 16.0, "shape", shape) for words, shape in shapes.items()]
    if len(strokes) > 1:
        entries += [(words, 34.0, "stroke", index) for index, words in enumerate(strokes)]
    pieces, place, row = [], 0.0, 0
    for words, indent, what, index in entries:
        width = indent + len(words) * CHARACTER + 12
        if place and place + width > WIDTH:
            place, row = 0.0, row + 1
        height = 12 + row * ROW
        if what == "stroke":
            pieces.append(
                line(place, height, place + indent - 8, height, f"series key stroke{index % STROKES}")
            )
            pieces.append(
                _mark(0, place + (indent - 8) / 2, height, f"key-mark filling{index % STROKES}", _REACH)
            )
        elif what == "shape":
            pieces.append(_mark(index, place + 5, height, "key-mark", 4.0))
        else:
            pieces.append(_mark(0, place + 5, height, f"mark{index % TONES}", 4.0))
        pieces.append(text(place + indent - 2, height + 4, words, "tick"))
        place += width
    return join(*pieces), row + 1
