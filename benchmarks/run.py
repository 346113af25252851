"""Runs the benchmarks: states machine, versions, command and seed, and prints both sides and their ratio.

python benchmarks/run.py [--seed N] [--json] [NAME …]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from comparison import Comparison

from lilliput import __version__
from lilliput.errors import LilliputError
from lilliput.measure.toolchain import find_host_compiler, find_toolchain, host_title
from lilliput.targets import board

NAMES = (
    "kernels",
    "formats",
    "helium",
    "host",
    "microai",
    "peers",
    "planning",
    "prediction",
    "qat",
    "training",
    "widths",
)
PACKAGES = (
    "numpy",
    "torch",
    "unicorn",
    "capstone",
    "tflite-micro",
    "emx-onnx-cgen",
    "onnx",
    "brevitas",
    "qualia-codegen-core",
)


def machine() -> dict[str, str]:
    """What the figures depend on beside the code."""
    found = {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "lilliput": __version__,
        "Python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }
    try:
        found["host compiler"] = host_title(find_host_compiler())
        found["chip compiler"] = find_toolchain(board("generic-m4")).title
    except LilliputError as error:
        found["compilers"] = error.what
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main() -> int:
    """Runs what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"of {', '.join(NAMES)}"
    )
    parser.add_argument("--seed", type=int, default=0, help="of networks and data")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    about = {**machine(), "command": " ".join(["python", *sys.argv]), "seed": str(options.seed)}
    if not options.json:
        for key, value in about.items():
            print(f"{key + ':':<15}{value}")
    results: dict[str, list[Comparison]] = {}
    for name in options.names or NAMES:
        if not options.json:
            print(f"\n{name}", flush=True)
        results[name] = []
        benchmark = importlib.import_module(name)
        for line in benchmark.run(options.seed):
            results[name].append(line)
            if not options.json and not hasattr(benchmark, "table"):
                print(_row(line), flush=True)
        if not options.json and hasattr(benchmark, "table"):
            print(benchmark.table(results[name]), flush=True)
    if options.json:
        rows = {
            name: [{**asdict(line), "ratio": line.ratio} for line in lines] for name, lines in results.items()
        }
        print(json.dumps({"about": about, "results": rows}, indent=2))
    return 0


def _row(line: Comparison) -> str:
    (ours, value), (other, against) = line.ours, line.other
    sides = f"{ours} {value:,.4g} {line.unit}, {other} {against:,.4g} {line.unit}"
    return f"  {line.what:<42} {sides}: {line.ratio:.2f}×"


if __name__ == "__main__":
    sys.exit(main())
