"""The part that every chart shares: the SVG around it, grid, ticks and axis titles."""

from __future__ import annotations

from dataclasses import dataclass

from lilliput.report.markup import Markup, element, join
from lilliput.report.scale import Scale, label

CHARACTER = 6.7
"""Width of an average character of the charts' text in a wide font, pixels."""


@dataclass(frozen=True)
class Frame:
    """The rectangle that data are drawn in, pixels of the chart's own coordinates."""

    left: float
    top: float
    right: float
    bottom: float


def svg(width: float, height: float, title: str, *children: Markup, class_: str = "chart") -> Markup:
    """A drawing that scales with the page; `title` is what a screen reader says."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        class_=class_,
        role="img",
        aria_label=title,
        xmlns="http://www.w3.org/2000/svg",
        style=f"--w:{width:g}px",
    )


def text(x: float, y: float, words: str, class_: str | None = None, anchor: str | None = None) -> Markup:
    """One line of text at its baseline."""
    return element("text", words, x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def axes(frame: Frame, x: Scale, x_title: str, y: Scale, y_title: str) -> Markup:
    """Grid, ticks and titles of a chart with two axes; the vertical axis' title stands above it."""
    pieces = []
    for value in y.ticks():
        height = y(value)
        pieces.append(line(frame.left, height, frame.right, height, "grid"))
        pieces.append(text(frame.left - 7, height + 4, label(value), "tick", "end"))
    edge = float("-inf")
    for value in x.ticks(7):
        place, words = x(value), label(value)
        half = len(words) * CHARACTER / 2
        pieces.append(line(place, frame.bottom, place, frame.bottom + 5, "axis"))
        pieces.append(line(place, frame.top, place, frame.bottom, "grid"))
        if place - half > edge + 4:
            pieces.append(text(place, frame.bottom + 18, words, "tick", "middle"))
            edge = place + half
    pieces.append(line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"))
    pieces.append(text(frame.right, frame.bottom + 36, x_title, "axis-title", "end"))
    pieces.append(text(0, frame.top - 12, y_title, "axis-title"))
    return join(*pieces)
