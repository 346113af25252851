"""Post-training quantization, fine-tuning at 8 bits, and 2 to 8 bits per layer, in otherwise equal searches.

It is what Figure 5.2 of Nieuwenhuis (University of Twente, 2022) compares, with several seeds:

python benchmarks/quantizers.py CONFIG.toml -o RUNS [--seeds N]

What is there of RUNS is kept, so a comparison that was stopped goes on.  RUNS/comparison.json has the
figures, three plots lie beside it, and the table is printed.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lilliput.report.lines import PlotPoint, Series, line_plot
from lilliput.report.markup import element
from lilliput.report.shell import template

WAYS = {"ptq": "8 bits, no fine-tuning", "qat": "8 bits, fine-tuned", "subbyte": "2 to 8 bits, fine-tuned"}
QAT = re.compile(r"^\[(quantization|final)\.qat\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
ENOUGH = 0.98
"""Accuracy from which on a network counts in comparisons of memory."""
PLOTS = (
    ("ram", "ram_bytes", 1000, "RAM (kB)", "accuracy", 0.01, "accuracy of the C (%)"),
    ("flash", "flash_bytes", 1000, "flash (kB)", "accuracy", 0.01, "accuracy of the C (%)"),
    ("both", "ram_bytes", 1000, "RAM (kB)", "flash_bytes", 1000, "flash (kB)"),
)
Network = Mapping[str, Any]
Found = Mapping[str, Sequence[Sequence[Network]]]
"""Way → for each seed, the networks that were measured: accuracy on test images, RAM, flash, MACs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args(arguments)
    text = options.config.read_text(encoding="utf-8")
    options.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Sequence[Network]]] = {way: [] for way in WAYS}
    for seed in range(options.seeds):
        for way in WAYS:
            found[way].append(networks(run(text, way, seed, options.output)))
    (options.output / "comparison.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, *axes in PLOTS:
        (options.output / f"{name}.svg").write_text(plot(found, *axes), encoding="utf-8")
    print(table(found))
    return 0


def config_of(text: str, way: str, seed: int) -> str:
    """The configuration of one search, from that of "subbyte" with seed 0."""
    text = re.sub(r"^seed = \d+", f"seed = {seed}", text, flags=re.MULTILINE)
    if way != "subbyte":
        text = re.sub(r"^bits = \[2, 8\]", "bits = [8, 8]", text, flags=re.MULTILINE)
    return QAT.sub("", text) if way == "ptq" else text


def run(text: str, way: str, seed: int, folder: Path) -> Path:
    """What `lilliput search --json` printed in one search, which runs unless it did."""
    config, output = folder / f"{way}-{seed}.toml", folder / f"{way}-{seed}"
    printed = output / "result.json"
    if not printed.exists():
        config.write_text(config_of(text, way, seed), encoding="utf-8")
        command = [sys.executable, "-m", "lilliput", "search", str(config), "-o", str(output), "--json"]
        resumed = ["--resume"] if output.exists() else []
        result = subprocess.run([*command, *resumed], stdout=subprocess.PIPE, check=True)
        printed.write_bytes(result.stdout)
    return printed


def networks(printed: Path) -> list[Network]:
    """The front of one search, as it was measured."""
    front = json.loads(printed.read_text(encoding="utf-8"))["front"]
    return [
        {
            "accuracy": one["accuracy"],
            "ram_bytes": one["ram_bytes"],
            "flash_bytes": one["weights_bytes"] + one["code_bytes"],
            "macs": one["macs"],
        }
        for one in front
    ]


def table(found: Found) -> str:
    """Mean and deviation over the seeds, a row for each way."""

    def cell(
        per_seed: Sequence[Sequence[Network]], choose: Callable[[Sequence[Network]], float | None]
    ) -> str:
        values = [value for one in per_seed if (value := choose(one)) is not None]
        if not values:
            return "none"
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        missing = f", {len(per_seed) - len(values)} without" if len(values) < len(per_seed) else ""
        return f"{statistics.mean(values):.2f} ± {spread:.2f}{missing}"

    def least(what: str) -> Callable[[Sequence[Network]], float | None]:
        return lambda one: min(
            (network[what] / 1000 for network in one if network["accuracy"] >= ENOUGH), default=None
        )

    def best(one: Sequence[Network]) -> Network:
        return max(one, key=lambda network: float(network["accuracy"]))

    columns: dict[str, Callable[[Sequence[Network]], float | None]] = {
        "best accuracy, %": lambda one: 100 * float(best(one)["accuracy"]),
        "its RAM, kB": lambda one: float(best(one)["ram_bytes"]) / 1000,
        "its flash, kB": lambda one: float(best(one)["flash_bytes"]) / 1000,
        f"least RAM for {ENOUGH:.0%}, kB": least("ram_bytes"),
        f"least flash for {ENOUGH:.0%}, kB": least("flash_bytes"),
    }
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for way, per_seed in found.items():
        cells = [cell(per_seed, choose) for choose in columns.values()]
        lines.append("| " + " | ".join((WAYS[way], *cells)) + " |")
    return "\n".join(lines)


def plot(found: Found, x: str, x_unit: float, x_title: str, y: str, y_unit: float, y_title: str) -> str:
    """What no other network of its way beats in both, over all seeds, as an SVG file."""
    sign = 1 if y == "accuracy" else -1
    series = []
    for way, per_seed in found.items():
        left = sorted(
            (network for one in per_seed for network in one if network["accuracy"] >= ENOUGH - 0.03),
            key=lambda network: (network[x], -sign * network[y]),
        )
        points: list[PlotPoint] = []
        for network in left:
            value = network[y] / y_unit
            if not points or sign * value > sign * points[-1].y:
                points.append(PlotPoint(network[x] / x_unit, value, 0.0, f"{network['accuracy']:.2%}"))
        series.append(Series(WAYS[way], tuple(points)))
    drawn = line_plot(series, x_title, y_title) or element("svg", xmlns="http://www.w3.org/2000/svg")
    opening, rest = drawn.split(">", 1)
    return f"{opening}>{element('style', template('colours.css'), template('charts.css'))}{rest}\n"


if __name__ == "__main__":
    sys.exit(main())
