"""Progress: every trial's error when it ended, and the best so far that keeps all bounds."""

from __future__ import annotations

from collections.abc import Sequence

from lilliput.report.figures import TRAINED, searched
from lilliput.report.frame import axes, svg
from lilliput.report.markup import Markup, element, number
from lilliput.report.model import StudyReport
from lilliput.report.pareto import front
from lilliput.report.scale import fit
from lilliput.report.scatter import FRAME, HEIGHT, WIDTH, Dot, cloud, highlights, kind_of
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
    """Error over time (or over trials, where times are not known); None without a trained network."""
    compiled = {network.trial.number for network in report.front if network.measurement is not None}
    trials = [trial for trial in report.trials if trial.state in TRAINED]
    times = elapsed_seconds(trials)
    unit_seconds, unit = _time_unit(max(times.values(), default=0.0)) if times else (1.0, "")
    error, points, best = QUANTITIES["error"], [], []
    for trial in trials:
        values = searched(trial)
        if "error" not in values:
            continue
        when = times[trial.number] if times else float(trial.number)
        ended = f"\nafter {duration(when)}" if times else ""
        stopped = ", stopped early" if trial.state == "stopped" else ""
        tip = f"trial {trial.number}{stopped}{ended}\nvalidation error {error.text(values['error'])}"
        kind = kind_of(trial, values, report.bounds)
        place = when / unit_seconds, 100 * values["error"]
        points.append(Dot(*place, trial.number, tip, "chosen" if trial.number in compiled else kind))
        if kind == "trial":
            best.append(place)
    if not points:
        return None
    last = max(dot.x for dot in points)
    x = fit([0.0, last], FRAME.left, FRAME.right, from_zero=True)
    y = fit([dot.y for dot in points], FRAME.bottom, FRAME.top)
    best = front(best)
    path = "".join(
        (f"M{number(x(px))} {number(y(py))}" if not index else f"H{number(x(px))}V{number(y(py))}")
        for index, (px, py) in enumerate(best)
    )
    line = element("path", d=f"{path}H{number(x(last))}", class_="front-line") if best else Markup("")
    added_up = bool(trials) and "elapsed_seconds" not in trials[0].info
    x_title = (f"Computing time ({unit})" if added_up else f"Time ({unit})") if times else "Trial"
    return svg(
        WIDTH,
        HEIGHT,
        "Error of each trial over time, and the best so far",
        axes(FRAME, x, x_title, y, "Error (%)"),
        cloud(points, x, y),
        line,
        highlights(points, x, y),
    )


def _time_unit(longest_seconds: float) -> tuple[float, str]:
    if longest_seconds > 2 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if longest_seconds > 120 else (1.0, "seconds")
