"""Front plots: error against one resource, all trials as points, the front as a step line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lilliput.report.frame import CHARACTER, Frame, axes, line, svg, text
from lilliput.report.markup import Markup, element, join, number
from lilliput.report.model import FrontNetwork, StudyReport
from lilliput.report.pareto import Point, front
from lilliput.report.scale import Scale, fit
from lilliput.report.units import QUANTITIES, Quantity
from lilliput.results import Trial

WIDTH, HEIGHT = 430.0, 330.0
FRAME = Frame(left=38, top=34, right=424, bottom=284)
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Dot:
    """One point of a plot: where it is in the axes' units, its trial, and what a pointer over it shows."""

    x: float
    y: float
    trial: int
    tip: str
    in_front: bool
    within: bool


def values_of(trial: Trial, network: FrontNetwork | None) -> dict[str, float]:
    """A trial's figures by objective; what the search did not record comes from the measurement."""
    values = {name: float(value) for name, value in trial.values.items() if math.isfinite(value)}
    found = network.measurement if network else None
    if found is not None:
        flash = found.flash_bytes.total
        measured = {
            "ram_bytes": found.ram_bytes.arena,
            "flash_bytes": flash,
            "macs": found.macs,
            "cycles": found.cycles,
            "latency_ms": found.latency_ms,
            "energy_uj": found.energy_uj,
            "error": None if found.accuracy is None else 1 - found.accuracy,
        }
        for name, value in measured.items():
            if value is not None:
                values.setdefault(name, float(value))
    return values


def within_bounds(values: Mapping[str, float], bounds: Mapping[str, float]) -> bool:
    """Whether every bounded figure that is known keeps its bound."""
    return all(values.get(name, bound) <= bound for name, bound in bounds.items())


def dots(report: StudyReport, resource: str) -> list[Dot]:
    """The trials that have an error and a figure for `resource`."""
    networks = {network.trial.number: network for network in report.front}
    trials = {trial.number: trial for trial in report.trials if trial.state == "complete"}
    trials.update({network.trial.number: network.trial for network in report.front})
    horizontal, vertical = QUANTITIES[resource], QUANTITIES["error"]
    found = []
    for trial in trials.values():
        values = values_of(trial, networks.get(trial.number))
        if resource not in values or "error" not in values:
            continue
        found.append(
            Dot(
                x=values[resource] * horizontal.factor,
                y=values["error"] * vertical.factor,
                trial=trial.number,
                tip=f"trial {trial.number}\nerror {vertical.text(values['error'])}\n"
                f"{horizontal.title} {horizontal.text(values[resource])}",
                in_front=trial.number in networks,
                within=within_bounds(values, report.bounds),
            )
        )
    return found


def front_plot(report: StudyReport, resource: str) -> Markup | None:
    """Error against `resource`; None where no trial has a figure for it."""
    points = dots(report, resource)
    if not points:
        return None
    quantity = QUANTITIES[resource]
    x = fit([dot.x for dot in points], FRAME.left, FRAME.right)
    y = fit([dot.y for dot in points], FRAME.bottom, FRAME.top)
    bound = report.bounds.get(resource)
    return svg(
        WIDTH,
        HEIGHT,
        f"Error against {quantity.title}",
        axes(FRAME, x, y, f"{quantity.title} ({quantity.unit})", "Error (%)"),
        _bound(x, quantity, bound * quantity.factor) if bound is not None else Markup(""),
        cloud(points, x, y),
        step_line(front((dot.x, dot.y) for dot in points if dot.within), x, y),
        highlights(points, x, y),
    )


def _bound(x: Scale, quantity: Quantity, bound: float) -> Markup:
    """What lies beyond the bound, shaded; nothing where the plot ends before it."""
    if not x.holds(bound):
        return Markup("")
    place = x(bound)
    words = f"bound {quantity.text(bound / quantity.factor)}"
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
    """Every trial that is not in the front."""
    return join(
        *(
            element(
                "circle",
                element("title", dot.tip),
                cx=x(dot.x),
                cy=y(dot.y),
                r=3,
                class_="trial" if dot.within else "trial out",
            )
            for dot in points
            if not dot.in_front
        )
    )


def step_line(points: Sequence[Point], x: Scale, y: Scale) -> Markup:
    """The front: for each x the smallest error that needs no more than that."""
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
    chosen = sorted((dot for dot in points if dot.in_front), key=lambda dot: (dot.x, dot.y))
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
