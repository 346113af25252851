"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich import box
from rich.table import Table

from lilliput.flow import ExperimentResult
from lilliput.report.experiment import BoardResult, FormatResult, size_title
from lilliput.results import Measurement, Trial

DASH = "–"
NARROW_SPACE = "\u202f"


def trials_table(trials: Sequence[Trial], title: str) -> Table:
    """Trials with their objectives, one a line."""
    table = _table(title, "trial", "error %", "RAM B", "flash B", "MACs")
    for trial in trials:
        values = trial.values
        table.add_row(
            str(trial.number),
            percent(values.get("error")),
            *(whole(values.get(name)) for name in ("ram_bytes", "flash_bytes", "macs")),
        )
    return table


def front_table(rows: Sequence[dict[str, Any]], title: str) -> Table:
    """The networks of a front, as `lilliput.flow.front` gives them; fits a terminal of 80 columns."""
    columns = (
        "accuracy\n%",
        "RAM\nB",
        "without\ninput",
        "weights\nB",
        "code\nB",
        "MACs",
        "cycles",
        "ms",
        "mis-\nmatches",
    )
    table = _table(title, "trial", *columns)
    table.padding, table.pad_edge, table.show_edge = (0, 1, 0, 0), False, False
    for row in rows:
        measured = row["measurement"] or {}
        ram, flash = measured.get("ram_bytes") or {}, measured.get("flash_bytes") or {}
        table.add_row(
            str(row["trial"]),
            percent(row["accuracy"]) + (" " if row["accuracy_of"] == "test" else "*"),
            whole(ram.get("arena", row["ram_bytes"])),
            whole(ram.get("arena_without_input", row["ram_bytes_without_input"])),
            whole(flash.get("weights", row["weights_bytes"])),
            whole(flash.get("code", row["code_bytes"])),
            whole(row["macs"]),
            whole(measured.get("cycles")),
            decimal(measured.get("latency_ms")),
            whole(measured.get("mismatches")),
        )
    if any(row["accuracy_of"] != "test" for row in rows):
        table.caption = "* on the validation split, not measured; the others on the test split"
    return table


def accuracy_table(result: ExperimentResult) -> Table:
    """Accuracy of each model in each format, mean and deviation over the runs."""
    titles = list(dict.fromkeys(found.format for model in result.models for found in model.formats))
    table = _table(
        f"accuracy over {result.runs} runs, %",
        "model",
        size_title(result.models),
        "parameters",
        "MACs",
        *titles,
    )
    for model in result.models:
        by_title = {found.format: found for found in model.formats}
        table.add_row(
            model.name,
            whole(model.size or None),
            whole(model.parameters),
            whole(model.macs),
            *(_spread(by_title.get(title)) for title in titles),
        )
    return table


def bytes_table(result: ExperimentResult) -> Table:
    """What the parameters of each model take in each format."""
    titles = list(dict.fromkeys(found.format for model in result.models for found in model.formats))
    table = _table("parameters, bytes", "model", size_title(result.models), *titles)
    for model in result.models:
        sizes = {found.format: found.weights_bytes for found in model.formats}
        table.add_row(model.name, whole(model.size or None), *(whole(sizes.get(title)) for title in titles))
    return table


def boards_tables(result: ExperimentResult) -> Iterator[Table]:
    """A table a figure: a row a format and board, a column a model, as in MicroAI's appendix D."""
    found: dict[tuple[str, str], dict[str, BoardResult]] = {}
    for model in result.models:
        for one in model.formats:
            for on in one.boards:
                found.setdefault((one.format, on.board), {})[model.name] = on
    for title, figure, words in BOARD_FIGURES:
        table = _table(title, "format", "board", *(model.name for model in result.models))
        for (name, board), by_model in found.items():
            values = [
                figure(by_model[model.name]) if model.name in by_model else None for model in result.models
            ]
            if any(value is not None for value in values):
                table.add_row(name, board, *(words(value) for value in values))
        if table.row_count:
            yield table


def _spread(found: FormatResult | None) -> str:
    if found is None:
        return DASH
    more = "" if found.deviation is None else f" ± {100 * found.deviation:.2f}"
    return f"{100 * found.mean:.2f}{more}"


def measurement_table(found: Measurement) -> Table:
    """One measurement, a figure a line."""
    table = Table(box=box.SIMPLE, show_header=False, title=f"{found.board} ({found.core}), {found.toolchain}")
    table.add_column()
    table.add_column(justify="right")
    lines = {
        "RAM: arena": f"{whole(found.ram_bytes.arena)} B",
        "RAM: arena without input": f"{whole(found.ram_bytes.arena_without_input)} B",
        "RAM: static": f"{whole(found.ram_bytes.static)} B",
        "RAM: stack": f"{whole(found.ram_bytes.stack)} B",
        "RAM: total": f"{whole(found.ram_bytes.total)} B",
        "flash: weights": f"{whole(found.flash_bytes.weights)} B",
        "flash: code": f"{whole(found.flash_bytes.code)} B",
        "flash: total": f"{whole(found.flash_bytes.total)} B",
        "MACs": whole(found.macs),
        "instructions": whole(found.instructions),
        f"cycles (estimated, {found.core})": whole(found.cycles),
        "cycles with the board's flash": whole(found.cycles_with_flash),
        "latency": f"{decimal(found.latency_ms)} ms",
        "energy": f"{decimal(found.energy_uj)} µJ",
        "vectors": whole(found.vectors),
        "mismatches with the reference": whole(found.mismatches),
    }
    if found.examples is not None:
        lines[f"accuracy of the C over {whole(found.examples)} examples"] = f"{percent(found.accuracy)} %"
    for name, value in lines.items():
        table.add_row(name, value)
    return table


def profile_table(found: Measurement) -> Table | None:
    """The layers of a measurement with what each takes of its cycles; None where none were measured."""
    if not found.cycles or not found.layers:
        return None
    waits = found.cycles_with_flash is not None
    table = _table("", "layer", "MACs", "cycles", "share %", "cycles/MAC", *(["with flash"] if waits else []))
    for layer in found.layers:
        known = layer.cycles is not None
        cells = [
            whole(layer.macs),
            whole(layer.cycles),
            f"{100 * (layer.cycles or 0) / found.cycles:.1f}" if known else DASH,
            f"{(layer.cycles or 0) / layer.macs:.2f}" if known and layer.macs else DASH,
        ]
        table.add_row(layer.name, *cells, *([whole(layer.cycles_with_flash)] if waits else []))
    return table


def layers_table(layers: Sequence[dict[str, Any]]) -> Table:
    """Layers with shape, MACs, weights and live RAM, as `lilliput.flow.info` gives them."""
    table = _table("", "layer", "output", "MACs", "weights B", "live RAM B")
    table.columns[1].justify = "left"
    for layer in layers:
        table.add_row(
            f"{layer['name']} {layer['op']}",
            " x ".join(map(str, layer["output"])),
            whole(layer["macs"]),
            whole(layer["weights_bytes"]),
            whole(layer["live_bytes"]),
        )
    return table


def plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts."""
    table = Table(title=title or None, box=box.SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def whole(value: float | None) -> str:
    """A count with thousands separated, or a dash where it was not measured."""
    return DASH if value is None else f"{value:,.0f}".replace(",", NARROW_SPACE)


def decimal(value: float | None) -> str:
    """Three significant digits, all of those before the point, or a dash."""
    return DASH if value is None else f"{value:.3g}" if abs(value) < 999.5 else whole(value)


def percent(value: float | None) -> str:
    """A share as a percentage with two digits, or a dash."""
    return DASH if value is None else f"{100 * value:.2f}"


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title or None, box=box.SIMPLE)
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column, justify="right", no_wrap=True)
    return table


BOARD_FIGURES: tuple[
    tuple[str, Callable[[BoardResult], float | None], Callable[[float | None], str]], ...
] = (
    ("ROM, bytes", lambda on: on.rom_bytes, whole),
    ("RAM, bytes", lambda on: on.ram_bytes, whole),
    ("cycles", lambda on: on.cycles, whole),
    ("time, ms", lambda on: on.latency_ms, decimal),
    ("energy, µJ", lambda on: on.energy_uj, decimal),
)
"""Of what a network takes on a board: title of the table, the figure, how it is said."""
