"""The report of an experiment: figures and tables as MicroAI shows them (Novac et al. 2021, §6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from lilliput.report.lines import PlotPoint, Series, line_plot
from lilliput.report.markup import Markup, element, join
from lilliput.report.shell import document
from lilliput.report.tables import settings_table
from lilliput.report.units import MISSING, bytes_, count, duration, microjoules, milliseconds, percent


@dataclass(frozen=True)
class BoardResult:
    """What a network in a format takes on a board, averaged over the runs that were deployed.

    Attributes:
        rom_bytes: flash that the image grows by over the same image without the network.
        arena_bytes: the network's memory, input included.
        ram_bytes: arena, static variables and measured stack.
        cycles: of one inference, estimated, with memory that never waits.
        latency_ms, energy_uj: of one inference, with the waits of the board's flash; None where unknown.
    """

    board: str
    rom_bytes: float | None
    arena_bytes: float
    ram_bytes: float | None
    cycles: float | None
    latency_ms: float | None
    energy_uj: float | None


@dataclass(frozen=True)
class FormatResult:
    """A model in a format.

    Attributes:
        format: its title; "float" is the trained network itself, scored in float arithmetic.
        accuracies: on the test split, one a run; but for "float" those of the generated C.
        mean, deviation: of the accuracies; the deviation is that of a sample, None for a single run.
        weights_bytes: all constants.
        boards: what was deployed.
    """

    format: str
    accuracies: tuple[float, ...]
    mean: float
    deviation: float | None
    weights_bytes: int
    boards: tuple[BoardResult, ...] = ()


@dataclass(frozen=True)
class ModelResult:
    """A model in all formats.

    Attributes:
        kind: of its template, such as "cnn": lines join networks of one kind only.
        size: filters, or units of an MLP, of the first layer; 0 where it has neither.
        seconds: of all its trainings.
    """

    name: str
    kind: str
    size: int
    parameters: int
    macs: int
    seconds: float
    formats: tuple[FormatResult, ...]


@dataclass(frozen=True)
class ExperimentReport:
    """What the page is made from."""

    title: str
    about: str
    runs: int
    models: tuple[ModelResult, ...]
    settings: Mapping[str, Any]
    facts: Mapping[str, str]


Figure = tuple[str, Callable[[BoardResult], float | None], float, Callable[[float | None], str]]

_FIGURES: tuple[Figure, ...] = (
    ("ROM (kB)", lambda found: found.rom_bytes, 1e3, bytes_),
    ("RAM (kB)", lambda found: found.ram_bytes, 1e3, bytes_),
    ("Time (ms)", lambda found: found.latency_ms, 1.0, milliseconds),
    ("Energy (µJ)", lambda found: found.energy_uj, 1.0, microjoules),
)
"""Title of the axis, the figure, its unit in the figure's own, and how a tip says it."""


def render_experiment(report: ExperimentReport) -> str:
    """The whole page as text; it needs no network and no other file."""
    sections = [
        ("accuracy", "Accuracy", _accuracy(report)),
        ("boards", "On the boards", _boards(report)),
        ("settings", "Settings", settings_table(report.settings)),
    ]
    heading = join(
        element("h1", report.title),
        element("p", " · ".join([report.about, *report.facts.values()]), class_="quiet"),
    )
    return document(report.title, heading, sections)


def _titles(report: ExperimentReport) -> list[str]:
    return list(dict.fromkeys(found.format for model in report.models for found in model.formats))


def _results(report: ExperimentReport, title: str) -> Iterator[tuple[ModelResult, FormatResult]]:
    for model in report.models:
        for found in model.formats:
            if found.format == title:
                yield model, found


def size_title(models: Sequence[ModelResult]) -> str:
    """What the sizes of models are: an MLP has no filters."""
    of_mlp = {model.kind == _MLP for model in models}
    return "filters or units" if len(of_mlp) > 1 else "units" if of_mlp == {True} else "filters"


_MLP = "mlp"


def _kinds(report: ExperimentReport) -> list[str]:
    return list(dict.fromkeys(model.kind for model in report.models))


def _sizes(report: ExperimentReport) -> tuple[str, dict[str, float]]:
    """What plots by size have on their horizontal axis, and where models stand on it, by name.

    Units of an MLP are no filters, so MLPs have plots by size only where they are among themselves.
    """
    only = {model.kind for model in report.models} == {_MLP}
    sizes = {
        model.name: float(model.size)
        for model in report.models
        if model.size and (only or model.kind != _MLP)
    }
    return "units" if only else "filters", sizes


def _left_out(report: ExperimentReport) -> str:
    """A sentence on the models that plots by size lack."""
    axis, sizes = _sizes(report)
    lacking = [model.name for model in report.models if model.name not in sizes]
    return f" Without {axis}, and so not in plots by {axis}: {', '.join(lacking)}." if lacking else ""


def _accuracy(report: ExperimentReport) -> Markup:
    note = (
        "Accuracy on the whole test split: of the trained network in float arithmetic (float), and of the "
        f"generated C in each format. Means over {count(report.runs)} "
        f"{'run' if report.runs == 1 else 'runs'}; bars and ± show the deviation. The table has the bytes of "
        "all parameters below. Lines join models of one kind."
    )
    axis, sizes = _sizes(report)
    by_size = _series(report, lambda model, _: sizes.get(model.name))
    by_bytes = _series(report, lambda _, found: found.weights_bytes / 1e3)
    plots = (
        (line_plot(by_size, axis.capitalize(), "Accuracy (%)"), f"Accuracy against {axis}"),
        (line_plot(by_bytes, "Parameters (kB)", "Accuracy (%)"), "Accuracy against the memory of parameters"),
    )
    note += _left_out(report)
    return join(element("p", note), _figures(plots), element("div", _accuracy_table(report), class_="wide"))


def _series(report: ExperimentReport, x: Callable[[ModelResult, FormatResult], float | None]) -> list[Series]:
    """A series for each kind and format; what `x` gives None for has no point."""
    series = []
    for title, kind in product(_titles(report), _kinds(report)):
        points = tuple(
            PlotPoint(
                place,
                100 * found.mean,
                100 * (found.deviation or 0.0),
                f"{model.name}\naccuracy {spread(found)}\nparameters {bytes_(found.weights_bytes)}",
            )
            for model, found in _results(report, title)
            if model.kind == kind and (place := x(model, found)) is not None
        )
        series.append(Series(title, points, shape=kind))
    return series


def spread(found: FormatResult) -> str:
    """Mean and deviation for people."""
    if found.deviation is None:
        return percent(found.mean)
    return f"{100 * found.mean:.2f} ± {100 * found.deviation:.2f} %"


def _accuracy_table(report: ExperimentReport) -> Markup:
    titles = _titles(report)
    rows = []
    for model in report.models:
        by_title = {found.format: found for found in model.formats}
        cells: list[Markup | str] = [
            str(model.size) if model.size else MISSING,
            count(model.parameters),
            count(model.macs),
            *(_two(by_title[title]) if title in by_title else MISSING for title in titles),
            duration(model.seconds),
        ]
        rows.append((model.name, cells))
    size = size_title(report.models).capitalize()
    return _table(["Model", size, "Parameters", "MACs", *titles, "Training"], rows)


def _two(found: FormatResult) -> Markup:
    return join(spread(found), element("small", bytes_(found.weights_bytes)))


def _boards(report: ExperimentReport) -> Markup:
    rows = [
        (model.name, [found.format, on.board, *_cells(on)])
        for model in report.models
        for found in model.formats
        for on in found.boards
    ]
    if not rows:
        return Markup("")
    axis, _ = _sizes(report)
    plots = tuple(
        (line_plot(_on_boards(report, figure), axis.capitalize(), figure[0]), f"{_word(figure)} by {axis}")
        for figure in _FIGURES
    )
    note = (
        "ROM is what the image grows by over the same image without the network; RAM is arena, static "
        "variables and measured stack. Time and energy are estimated from the instructions that ran on an "
        "emulated core, with the waits of the board's flash and its published current. Where boards do not "
        "differ, one line hides the other." + _left_out(report)
    )
    by_model = (_by_model(report, figure) for figure in _FIGURES)
    heads = ["Model", "Format", "Board", "ROM", "Arena", "RAM", "Cycles", "Time", "Energy", "Energy (µWh)"]
    everything = element(
        "details",
        element("summary", "All figures"),
        element("div", _table(heads, rows), class_="wide"),
        class_="more",
    )
    return join(element("p", note), _figures(plots), *by_model, everything)


def _measured(report: ExperimentReport) -> dict[tuple[str, str], dict[str, BoardResult]]:
    """(format, board) → model → what was measured, in the order of the file."""
    found: dict[tuple[str, str], dict[str, BoardResult]] = {}
    for title in _titles(report):
        for model, result in _results(report, title):
            for on in result.boards:
                found.setdefault((title, on.board), {})[model.name] = on
    return found


def _on_boards(report: ExperimentReport, figure: Figure) -> list[Series]:
    """A series for each kind, format and board; empty ones first, for one look of each in all plots."""
    _, sizes = _sizes(report)
    kinds = {model.name: model.kind for model in report.models}
    _, value_of, unit, words = figure
    series = [Series(title, (), shape=kind) for title, kind in product(_titles(report), _kinds(report))]
    for ((title, board), by_model), kind in product(_measured(report).items(), _kinds(report)):
        known = ((name, value_of(on)) for name, on in by_model.items())
        points = tuple(
            PlotPoint(sizes[name], value / unit, tip=f"{name}\n{_word(figure)} {words(value)}")
            for name, value in known
            if value is not None and name in sizes and kinds[name] == kind
        )
        series.append(Series(title, points, board, kind))
    return series


def _by_model(report: ExperimentReport, figure: Figure) -> Markup:
    """A row a format and board, a column a model, as in the paper's appendix; nothing if none is known."""
    _, value_of, _, words = figure
    rows = []
    for (title, board), by_model in _measured(report).items():
        values = [
            value_of(by_model[model.name]) if model.name in by_model else None for model in report.models
        ]
        if any(value is not None for value in values):
            rows.append((title, [board, *(words(value) for value in values)]))
    if not rows:
        return Markup("")
    table = _table(["Format", "Board", *(model.name for model in report.models)], rows)
    return join(element("h3", _word(figure)), element("div", table, class_="wide"))


def _word(figure: Figure) -> str:
    return figure[0].split(" ")[0]


def _cells(on: BoardResult) -> list[str]:
    watt_hours = MISSING if on.energy_uj is None else f"{on.energy_uj / 3600:.3f}"
    return [
        bytes_(on.rom_bytes),
        bytes_(on.arena_bytes),
        bytes_(on.ram_bytes),
        count(on.cycles),
        milliseconds(on.latency_ms),
        microjoules(on.energy_uj),
        watt_hours,
    ]


def _figures(plots: Sequence[tuple[Markup | None, str]]) -> Markup:
    known = [
        element("figure", plot, element("figcaption", caption)) for plot, caption in plots if plot is not None
    ]
    return element("div", *known, class_="plots") if known else Markup("")


def _table(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[Markup | str]]]) -> Markup:
    head = element("tr", *(element("th", title, scope="col") for title in heads))
    body = (
        element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))
        for name, cells in rows
    )
    return element("table", element("thead", head), element("tbody", *body))
