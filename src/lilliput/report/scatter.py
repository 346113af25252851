"""Front plots: error against one resource, all trials as points, the front as a step line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lilliput.report.figures import TRAINED, clock_hz, measured, searched, within_bounds
from lilliput.report.frame import CHARACTER, Frame, axes, line, svg, text
from lilliput.report.markup import Markup, element, join, number
from lilliput.report.model import StudyReport
from lilliput.report.pareto import Point, front
from lilliput.report.scale import Scale, fit
from lilliput.report.units import QUANTITIES, Quantity
from lilliput.results import Trial

WIDTH, HEIGHT = 430.0, 330.0
FRAME = Frame(left=38, top=34, right=424, bottom=284)
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Dot:
    """One point of a plot.

    Attributes:
        x, y: in the objectives' own units.
        trial: its number.
        tip: what a pointer over it shows.
        kind: "trial", "stopped", "out" (beyond a bound) or "chosen" (compiled and measured).
    """

    x: float
    y: float
    trial: int
    tip: str
    kind: str


def kind_of(trial: Trial, values: Mapping[str, float], bounds: Mapping[str, float]) -> str:
    """How a trial's point is drawn."""
    if trial.state == "stopped":
        return "stopped"
    return "trial" if within_bounds(values, bounds) else "out"


def dots(report: StudyReport, resource: str) -> list[Dot]:
    """The trials as the search saw them, and on top of them the networks that were measured."""
    clock = clock_hz(report)
    found = []
    for trial in report.trials:
        values = searched(trial, clock)
        if trial.state in TRAINED:
            found += _dot(trial.number, values, resource, kind_of(trial, values, report.bounds))
    for network in report.front:
        found += _dot(network.trial.number, measured(network, report.settings), resource, "chosen")
    return found


def _dot(trial: int, values: Mapping[str, float], resource: str, kind: str) -> list[Dot]:
    if resource not in values or "error" not in values:
        return []
    horizontal, vertical = QUANTITIES[resource], QUANTITIES["error"]
    split = "test error of the C" if kind == "chosen" else "validation error"
    tip = (
        f"trial {trial}{', stopped early' if kind == 'stopped' else ''}\n"
        f"{split} {vertical.text(values['error'])}\n"
        f"{horizontal.title} {horizontal.text(values[resource])}"
    )
    return [Dot(values[resource], values["error"], trial, tip, kind)]


def front_plot(report: StudyReport, resource: str) -> Markup | None:
    """Error against `resource`; None where no trial has a figure for it."""
    points = dots(report, resource)
    if not points:
        return None
    quantity = QUANTITIES[resource]
    x = fit([dot.x for dot in points], FRAME.left, FRAME.right)
    y = fit([dot.y for dot in points], FRAME.bottom, FRAME.top)
    bound = report.bounds.get(resource)
    known = [dot for dot in points if dot.kind == "trial"] or [dot for dot in points if dot.kind == "chosen"]
    return svg(
        WIDTH,
        HEIGHT,
        f"Error against {quantity.title}",
        axes(FRAME, *_in_units(x, quantity), *_in_units(y, QUANTITIES["error"])),
        _bound(x, quantity, bound) if bound is not None else Markup(""),
        cloud(points, x, y),
        step_line(front((dot.x, dot.y) for dot in known), x, y),
        highlights(points, x, y),
    )


def _in_units(scale: Scale, quantity: Quantity) -> tuple[Scale, str]:
    """The same scale in the unit that suits its values, and the title of its axis."""
    unit, size = quantity.unit(scale.high)
    known = replace(scale, low=scale.low / size, high=scale.high / size)
    return known, f"{quantity.title} ({unit})" if unit else quantity.title


def _bound(x: Scale, quantity: Quantity, bound: float) -> Markup:
    """What lies beyond the bound, shaded; nothing where the plot ends before it."""
    if not x.holds(bound):
        return Markup("")
    place = x(bound)
    words = f"bound {quantity.text(bound)}"
    fits_right = place + len(words) * CHARACTER + 10 < FRAME.right
    return join(
        element(
            "rect",
            x=place,
            y=FRAME.top,
            width=FRAME.right - place,
            height=FRAME.bottom - FRAME.top,
            class_="beyond",
        ),
        line(place, FRAME.top, place, FRAME.bottom, "bound"),
        text(
            place + (6 if fits_right else -6), FRAME.top + 12, words, "note", "start" if fits_right else "end"
        ),
    )


def cloud(points: Sequence[Dot], x: Scale, y: Scale) -> Markup:
    """Every trial of the search."""
    return join(
        *(
            element(
                "circle",
                element("title", dot.tip),
                cx=x(dot.x),
                cy=y(dot.y),
                r=2 if dot.kind == "stopped" else 3,
                class_="trial" if dot.kind == "trial" else f"trial {dot.kind}",
            )
            for dot in sorted(points, key=lambda dot: _DRAWN.index(dot.kind))
            if dot.kind != "chosen"
        )
    )


_DRAWN = ("stopped", "out", "trial", "chosen")


def step_line(points: Sequence[Point], x: Scale, y: Scale) -> Markup:
    """The front of the search: for each x the smallest error that needs no more than that."""
    if not points:
        return Markup("")
    pixels = [(x(px), y(py)) for px, py in points]
    steps = [f"M{number(pixels[0][0])} {number(FRAME.top)}"]
    for place, height in pixels:
        steps.append(f"H{number(place)}V{number(height)}")
    steps.append(f"H{number(FRAME.right)}")
    return element("path", d="".join(steps), class_="front-line")


def highlights(points: Sequence[Dot], x: Scale, y: Scale) -> Markup:
    """The measured networks: a diamond and, where there is room, the trial's number."""
    chosen = sorted((dot for dot in points if dot.kind == "chosen"), key=lambda dot: (dot.x, dot.y))
    marks = [(x(dot.x), y(dot.y)) for dot in chosen]
    taken: list[Box] = [(px - 6, py - 6, px + 6, py + 6) for px, py in marks]
    pieces = []
    for dot, (px, py) in zip(chosen, marks, strict=True):
        pieces.append(
            element(
                "path",
                element("title", dot.tip),
                d=f"M{number(px)} {number(py - 6.5)}l6.5 6.5l-6.5 6.5l-6.5 -6.5z",
                class_="chosen",
            )
        )
        words = f"{dot.trial}"
        width = len(words) * CHARACTER
        right, left = px + 8, px - 8 - width
        for start, base in ((right, py - 6), (right, py + 15), (left, py + 15), (left, py - 6)):
            box = (start - 1, base - 11, start + width + 1, base + 2)
            if _inside(box) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                pieces.append(text(start, base, words, "chosen-label"))
                break
    return join(*pieces)


def _inside(box: Box) -> bool:
    return box[0] > FRAME.left and box[2] < FRAME.right and box[1] > FRAME.top and box[3] < FRAME.bottom


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
