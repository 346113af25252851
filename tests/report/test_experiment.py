"""Plots and tables of experiments: every figure appears, what was not measured is a dash."""

from __future__ import annotations

import re
from dataclasses import replace

from lilliput.report.experiment import (
    BoardResult,
    ExperimentReport,
    FormatResult,
    ModelResult,
    render_experiment,
)
from lilliput.report.lines import PlotPoint, Series, line_plot

ON = BoardResult("sparkfun-edge", 12_345.0, 1_000.0, 1_500.0, 2e6, 41.5, 720.0)


def model(name: str, size: int, board: BoardResult = ON, kind: str = "cnn") -> ModelResult:
    formats = (
        FormatResult("float", (0.91, 0.93), 0.92, 0.0141, 4000),
        FormatResult("int8", (0.90, 0.92), 0.91, None, 1100, (board,)),
    )
    return ModelResult(name, kind, size, 1000, 50_000, 90.0, formats)


def report(*models: ModelResult) -> ExperimentReport:
    return ExperimentReport("title <b>", "words", 2, models, {"runs": 2}, {})


def test_means_deviations_and_board_figures_are_told() -> None:
    page = render_experiment(report(model("a", 8), model("b", 16)))
    for words in ("92.00 ± 1.41 %", "91.00 %", "12.3 kB", "1,500 B", "41.5 ms", "720 µJ", "0.200"):
        assert words in page
    assert "title &lt;b&gt;" in page


def test_what_was_not_measured_is_a_dash_and_not_drawn() -> None:
    page = render_experiment(report(model("a", 8, replace(ON, energy_uj=None, latency_ms=None))))
    assert "Energy by filters" not in page
    assert "Time by filters" not in page
    assert "ROM by filters" in page
    assert page.count(">–<") >= 3


def test_without_boards_there_is_no_part_about_them() -> None:
    plain = model("a", 8)
    page = render_experiment(report(replace(plain, formats=plain.formats[:1])))
    assert "On the boards" not in page


def test_a_line_goes_through_its_points_by_rising_x() -> None:
    points = (PlotPoint(3.0, 1.0), PlotPoint(1.0, 2.0, 0.5), PlotPoint(2.0, 3.0))
    plot = line_plot([Series("one", points), Series("none", ())], "x", "y")
    assert plot is not None
    path = re.search(r'd="M([^"]*)"', plot)
    assert path is not None
    places = [float(number) for number in re.findall(r"[\d.]+", path[1])][::2]
    assert places == sorted(places)
    assert plot.count("<circle") == 3 + 1
    assert plot.count("spread") == 1
    assert line_plot([Series("none", ())], "x", "y") is None


def test_a_format_has_one_colour_and_a_board_one_stroke_in_all_plots() -> None:
    other = replace(ON, board="rp2040", latency_ms=50.0)
    models = []
    for name, size in (("a", 8), ("b", 16)):
        plain = model(name, size)
        formats = tuple(replace(found, boards=found.boards and (ON, other)) for found in plain.formats)
        models.append(replace(plain, formats=formats))
    page = render_experiment(report(*models))
    # "float" is never deployed and still keeps the first colour from "int8".
    assert set(re.findall(r'class="series series(\d) stroke', page)) == {"0", "1"}
    plot = page[page.index("Time (ms) by Filters") : page.index("Time by filters")]
    assert re.findall(r'class="series series(\d) stroke(\d)"', plot) == [("1", "0"), ("1", "1")]
    for words in (">int8<", ">sparkfun-edge<", ">rp2040<"):
        assert words in plot
    assert ">float<" not in plot


def test_no_name_of_a_series_is_missing_from_the_legend() -> None:
    names = [f"w{bits}a{bits}-with-a-long-name" for bits in range(2, 9)]
    series = [
        Series(name, (PlotPoint(1.0, 1.0), PlotPoint(2.0, 2.0)), kind)
        for name in names
        for kind in ("one", "two")
    ]
    plot = line_plot(series, "x", "y")
    assert plot is not None
    for words in (*names, "one", "two"):
        assert f">{words}</text>" in plot


def test_there_is_a_table_a_figure_with_a_column_a_model() -> None:
    page = render_experiment(report(model("a", 8), model("b", 16, replace(ON, latency_ms=99.0))))
    table = page[page.index("<h3>Time</h3>") :]
    table = table[: table.index("</table>")]
    assert re.findall(r">([^<>]+)<", table)[:7] == [
        "Time",
        "Format",
        "Board",
        "a",
        "b",
        "int8",
        "sparkfun-edge",
    ]
    assert "41.5 ms" in table
    assert "99.0 ms" in table


def lines_of(page: str, begin: str, end: str) -> list[str]:
    """The paths of the series in a plot."""
    plot = page[page.index(begin) : page.index(end)]
    return re.findall(r'<path d="(M[^"]*)" class="series', plot)


def test_lines_join_networks_of_one_kind_only() -> None:
    models = (model("a", 8), model("r", 8, kind="resnet"), model("b", 16), model("s", 16, kind="resnet"))
    page = render_experiment(report(*models))
    for begin, end, formats in (
        ("Accuracy (%) by Filters", "Accuracy against filters", 2),
        ("Accuracy (%) by Parameters", "against the memory of parameters", 2),
        ("Time (ms) by Filters", "Time by filters", 1),
    ):
        paths = lines_of(page, begin, end)
        assert [path.count("L") for path in paths] == [1] * 2 * formats, begin
        plot = page[page.index(begin) : page.index(end)]
        assert ">cnn</text>" in plot
        assert ">resnet</text>" in plot
        assert plot.count("<polygon") == 2 * formats + 1


def test_a_kind_with_one_network_has_points_and_no_line() -> None:
    page = render_experiment(report(model("a", 8), model("r", 8, kind="resnet")))
    assert '<path d="M' not in page
    assert page.count("<polygon") > 0


def test_units_are_no_filters() -> None:
    mixed = render_experiment(report(model("a", 8), model("m", 12, kind="mlp"), model("n", 0, kind="mlp")))
    plot = mixed[mixed.index("Accuracy (%) by Filters") : mixed.index("Accuracy against filters")]
    assert plot.count("<title>") == 2
    assert ">mlp</text>" not in plot
    memory = mixed[mixed.index("Accuracy (%) by Parameters") : mixed.index("the memory of parameters")]
    assert memory.count("<title>") == 6
    assert "Without filters, and so not in plots by filters: m, n." in mixed
    assert ">Filters or units</th>" in mixed
    alone = render_experiment(report(model("m", 12, kind="mlp"), model("n", 0, kind="mlp")))
    assert "Accuracy against units" in alone
    assert "Time by units" in alone
    assert "Without units, and so not in plots by units: n." in alone
    assert ">Units</th>" in alone


def test_boards_are_told_apart_without_lines() -> None:
    plain = model("a", 8)
    boards = (ON, replace(ON, board="rp2040"))
    formats = tuple(replace(found, boards=found.boards and boards) for found in plain.formats)
    page = render_experiment(report(replace(plain, formats=formats)))
    plot = page[page.index("Time (ms) by Filters") : page.index("Time by filters")]
    assert {"filling0", "filling1"} <= set(re.findall(r"filling\d", plot))
