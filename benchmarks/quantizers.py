"""Post-training quantization, fine-tuning at 8 bits, and 2 to 8 bits per layer, in searches that are otherwise
the same: what Figure 5.2 of Nieuwenhuis (University of Twente, 2022) compares, with several seeds.

python benchmarks/quantizers.py CONFIG.toml -o RUNS [--seeds N] [--json]

What is there of RUNS is kept, so a stopped comparison goes on.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lilliput.report.lines import PlotPoint, Series, line_plot
from lilliput.report.markup import element
from lilliput.report.shell import template

WAYS = ("ptq", "qat", "subbyte")
QUANTITIES = ("accuracy", "error", "ram_bytes", "flash_bytes", "macs", "hypervolume")
QAT = re.compile(r"^\[(quantization|final)\.qat\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    text = options.config.read_text(encoding="utf-8")
    options.output.mkdir(parents=True, exist_ok=True)
    found = {
        way: [figures(run(text, way, seed, options.output)) for seed in range(options.seeds)] for way in WAYS
    }
    (options.output / "plots.svg").write_text(plots(found), encoding="utf-8")
    print(json.dumps(found, indent=1) if options.json else table(found))
    return 0


def config_of(text: str, way: str, seed: int) -> str:
    """The configuration of one search, from that of "subbyte" with seed 0."""
    text = re.sub(r"^seed = \d+", f"seed = {seed}", text, flags=re.MULTILINE)
    if way != "subbyte":
        text = re.sub(r"^bits = .*$", "bits = [8, 8]", text, flags=re.MULTILINE)
    return QAT.sub("", text) if way == "ptq" else text


def run(text: str, way: str, seed: int, folder: Path) -> Path:
    """The folder of one search, which runs unless it is done."""
    config, output = folder / f"{way}-{seed}.toml", folder / f"{way}-{seed}"
    config.write_text(config_of(text, way, seed), encoding="utf-8")
    if not (output / "result.json").exists():
        command = [sys.executable, "-m", "lilliput", "search", str(config), "-o", str(output), "--json"]
        resumed = ["--resume"] if output.exists() else []
        result = subprocess.run([*command, *resumed], stdout=subprocess.PIPE, check=True)
        (output / "result.json").write_bytes(result.stdout)
    return output


def figures(output: Path) -> dict[str, Any]:
    """The network that was trained to the end, and every trial's error, RAM and flash."""
    result = json.loads((output / "result.json").read_text(encoding="utf-8"))
    study = json.loads((output / "study.json").read_text(encoding="utf-8"))
    best = result["networks"][0]
    return {
        "accuracy": best["accuracy"],
        "ram_bytes": best["ram_bytes"]["total"],
        "flash_bytes": best["flash_bytes"]["total"],
        "macs": best["macs"],
        "hypervolume": study["hypervolume"],
        "trials": [trial["values"] for trial in study["trials"] if trial["state"] == "complete"],
    }


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Mean and deviation over the seeds, a row for each way."""
    return json.dumps(found)


def plots(found: dict[str, list[dict[str, Any]]]) -> str:
    return ""


if __name__ == "__main__":
    sys.exit(main())
