"""A table of comparisons: a block a subject, a line an engine, a column a figure, ratios behind others."""

from __future__ import annotations

from collections.abc import Sequence

from comparison import Comparison

COLUMNS = {
    "cycles": "cycles",
    "cycles_with_flash": "with flash",
    "cycles_a_mac": "cycles/MAC",
    "arena_bytes": "arena B",
    "ram_bytes": "RAM B",
    "code_bytes": "code B",
}
"""Figure → its title; what a comparison measures is "subject, figure"."""
ENGINE_WIDTH, WIDTH = 32, 21


def table(lines: Sequence[Comparison]) -> str:
    """All lines; behind each figure of another engine how many times better ours is."""
    ours: dict[str, dict[str, str]] = {}
    others: dict[str, dict[str, dict[str, str]]] = {}
    for line in lines:
        subject, _, figure = line.what.rpartition(", ")
        ours.setdefault(subject, {})[figure] = number(line.ours[1])
        engines = others.setdefault(subject, {})
        cell = f"{number(line.other[1])} ({line.ratio:.2f}×)"
        engines.setdefault(line.other[0], {})[figure] = cell
    blocks = []
    for subject, known in ours.items():
        rows = [_row(subject, COLUMNS), _row("  lilliput", known)]
        rows += [_row(f"  {engine}", cells) for engine, cells in others[subject].items()]
        blocks.append("\n".join(rows))
    return "\n\n".join(blocks)


def _row(name: str, cells: dict[str, str]) -> str:
    return (f"{name:<{ENGINE_WIDTH}}" + "".join(f"{cells.get(key, ''):>{WIDTH}}" for key in COLUMNS)).rstrip()


def number(value: float) -> str:
    """Whole where it is large, three digits where not."""
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"
