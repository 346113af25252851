"""Progress: every trial's error when it ended, and the best so far that keeps all bounds."""

from __future__ import annotations

from collections.abc import Sequence

from lilliput.report.frame import axes, svg
from lilliput.report.markup import Markup, element, number
from lilliput.report.model import StudyReport
from lilliput.report.scale import fit
from lilliput.report.scatter import FRAME, HEIGHT, WIDTH, Dot, cloud, highlights, values_of, within_bounds
from lilliput.report.units import QUANTITIES, duration
from lilliput.results import Trial


def elapsed_seconds(trials: Sequence[Trial]) -> dict[int, float] | None:
    """When each trial ended, by number, in seconds since the study began; None where nobody recorded it.

    `info["elapsed_seconds"]` says it; otherwise the trials' own `info["seconds"]` are added up as if one
    process ran one trial after the other.
    """
    if trials and all("elapsed_seconds" in trial.info for trial in trials):
        return {trial.number: float(trial.info["elapsed_seconds"]) for trial in trials}
    if trials and all("seconds" in trial.info for trial in trials):
        total, found = 0.0, {}
        for trial in sorted(trials, key=lambda trial: trial.number):
            total += float(trial.info["seconds"])
            found[trial.number] = total
        return found
    return None


def progress_plot(report: StudyReport) -> Markup | None:
    """Error over time (or over trials, where times are not known); None without a complete trial."""
    networks = {network.trial.number: network for network in report.front}
    trials = [trial for trial in report.trials if trial.state == "complete"]
    times = elapsed_seconds(trials)
    unit_seconds, unit = _time_unit(max(times.values(), default=0.0)) if times else (1.0, "")
    points = []
    for trial in trials:
        values = values_of(trial, networks.get(trial.number))
        if "error" not in values:
            continue
        error = QUANTITIES["error"]
        when = times[trial.number] if times else float(trial.number)
        ended = f"\nafter {duration(when)}" if times else ""
        points.append(
            Dot(
                x=when / unit_seconds,
                y=values["error"] * error.factor,
                trial=trial.number,
                tip=f"trial {trial.number}{ended}\nerror {error.text(values['error'])}",
                in_front=trial.number in networks,
                within=within_bounds(values, report.bounds),
            )
        )
    if not points:
        return None
    last = max(dot.x for dot in points)
    x = fit([0.0, last], FRAME.left, FRAME.right, from_zero=True)
    y = fit([dot.y for dot in points], FRAME.bottom, FRAME.top)
    best: list[tuple[float, float]] = []
    for dot in sorted(points, key=lambda dot: dot.x):
        if dot.within and (not best or dot.y < best[-1][1]):
            best.append((dot.x, dot.y))
    path = "".join(
        (f"M{number(x(px))} {number(y(py))}" if not index else f"H{number(x(px))}V{number(y(py))}")
        for index, (px, py) in enumerate(best)
    )
    line = element("path", d=f"{path}H{number(x(last))}", class_="front-line") if best else Markup("")
    x_title = f"Time ({unit})" if times else "Trial"
    return svg(
        WIDTH,
        HEIGHT,
        "Error of each trial over time, and the best so far",
        axes(FRAME, x, y, x_title, "Error (%)"),
        cloud(points, x, y),
        line,
        highlights(points, x, y),
    )


def _time_unit(longest_seconds: float) -> tuple[float, str]:
    if longest_seconds > 2 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if longest_seconds > 120 else (1.0, "seconds")
