"""Fits what `lilliput.cost` predicts: builds networks for every core, runs them emulated, and writes the
tables.

python benchmarks/fit_cost.py [--core NAME …] [--networks N] [--seed N] [--check]

Writes src/lilliput/cost/code_bytes.json and cycles.json.  With --check nothing is written: networks that no
fit has seen are built, and the errors of the tables as they are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from fit_networks import networks
from scipy.optimize import nnls

from lilliput.codegen import generate
from lilliput.cost import code_size, cost, cycles
from lilliput.cost.cycle_counts import counts
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net
from lilliput.passes import lower
from lilliput.targets import Board, board
from lilliput.targets.cores import CORES, Core
from lilliput.targets.kernels import constant_bytes, kernel_for

UNSEEN_SEED = 1_000_000
ROOM_BYTES = 1 << 26


@dataclass(frozen=True)
class Sample:
    """One network as it was built and run; `helpers` are functions of the compiler in the firmware."""

    net: Net
    code_bytes: int
    helpers: frozenset[str]
    cycles: int | None
    layer_cycles: dict[int, int]


def main() -> int:
    """Fits, or checks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--core", nargs="*", choices=[core.name for core in CORES], help="default: all")
    parser.add_argument("--networks", type=int, default=120, help="for each core")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="measure the errors on unseen networks only")
    options = parser.parse_args()
    cores = [core for core in CORES if not options.core or core.name in options.core]
    for core in cores:
        seed = options.seed + (UNSEEN_SEED if options.check else 0)
        samples = list(measured(core, options.networks, seed))
        if not options.check:
            write(code_size.TABLE, core, fit_code(samples, core))
            if samples[0].cycles is not None:
                write(cycles.TABLE, core, fit_cycles(samples, core))
            code_size.code_sizes.cache_clear()
            cycles.cycle_model.cache_clear()
        report(samples, core)
    return 0


def roomy(core: Core) -> Board:
    """A board with this core on which everything fits."""
    return replace(board("generic-m4"), core=core, flash_bytes=ROOM_BYTES, ram_bytes=ROOM_BYTES)


def measured(core: Core, count: int, seed: int) -> Iterator[Sample]:
    """`count` networks, built and run."""
    target = roomy(core)
    toolchain = find_toolchain(target)
    print(f"{core.name}: {toolchain.title}", file=sys.stderr)
    for net in networks(count, seed):
        planned = lower(net, None, core)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "firmware.elf"
            firmware = build_firmware(generate(planned, target), net.name, target, toolchain, path)
        profile = Emulator(firmware.image, net.name, target).profile(random_vectors(planned, 3)[2].tobytes())
        assert firmware.flash_bytes.total is not None
        # What fills arrays up to a multiple of four counts as weights here, as it does in predictions.
        code_bytes = firmware.flash_bytes.total - sum(constant_bytes(op, planned, core) for op in planned.ops)
        functions = {symbol.name for symbol in firmware.image.symbols.values() if symbol.is_function}
        helpers = frozenset(name for name in functions if name.startswith("__"))
        yield Sample(planned, code_bytes, helpers, profile.cycles, profile.layer_cycles)


def fit_code(samples: list[Sample], core: Core) -> dict[str, Any]:
    """Sizes of functions and layers that explain the code of all samples best."""
    used = [_functions(sample.net, core) for sample in samples]
    helpers = {}
    for name in sorted(set().union(*used)):
        # Whatever came whenever the function was there, came with it.
        together = [sample.helpers for sample, names in zip(samples, used, strict=True) if name in names]
        helpers[name] = sorted(frozenset.intersection(*together))
    rows = []
    for sample, names in zip(samples, used, strict=True):
        row: dict[str, float] = {"network": 1.0}
        for op in sample.net.ops:
            layer = f"layer {kernel_for(op, sample.net, core).function}"
            row[layer] = row.get(layer, 0.0) + code_size.layer_calls(op, sample.net)
        for name in names:
            row |= {f"function {one}": 1.0 for one in (name, *helpers[name])}
        rows.append(row)
    found = solve(rows, [sample.code_bytes for sample in samples], 0.0)
    return {
        "network": round(found["network"], 1),
        "functions": _named(found, "function ", 1),
        "helpers": {name: together for name, together in helpers.items() if together},
        "layers": _named(found, "layer ", 1),
    }


def _functions(net: Net, core: Core) -> set[str]:
    kernels = [kernel_for(op, net, core) for op in net.ops if code_size.layer_calls(op, net)]
    return {name for kernel in kernels for name in (kernel.function, *kernel.needs)}


def fit_cycles(samples: list[Sample], core: Core) -> dict[str, Any]:
    """Cycles of each count that explain the layers of all samples best, kernel by kernel."""
    rows: dict[str, list[dict[str, float]]] = {}
    values: dict[str, list[float]] = {}
    outside_rows, outside = [], []
    for sample in samples:
        assert sample.cycles is not None
        layers = [i for i, op in enumerate(sample.net.ops) if not code_size.moves_nothing(op, sample.net)]
        outside.append(sample.cycles - sum(sample.layer_cycles.values()))
        outside_rows.append({"network": 1.0, "call": float(len(layers))})
        for index in layers:
            op = sample.net.ops[index]
            function = kernel_for(op, sample.net, core).function
            rows.setdefault(function, []).append(counts(op, sample.net))
            values.setdefault(function, []).append(sample.layer_cycles[index])
    around = solve(outside_rows, outside, 0.0)
    functions = {}
    for function in sorted(rows):
        found = solve(rows[function], values[function], 0.9)
        functions[function] = {
            name: round(value, 3) for name, value in sorted(found.items()) if value >= 0.001
        }
    return {"network": round(around["network"], 1), "call": round(around["call"], 2), "functions": functions}


def solve(rows: list[Mapping[str, float]], values: Iterable[float], relative: float) -> dict[str, float]:
    """Non-negative least squares; errors count divided by the value to the power of `relative`."""
    names = sorted({name for row in rows for name in row})
    y = np.array(list(values), float)
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows]) / (y**relative)[:, None]
    y = y / y**relative
    # Columns of one size, so that the solver's tolerance means the same for all.
    size = np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)
    solution, _ = nnls(matrix / size, y, maxiter=100 * len(names))
    return dict(zip(names, (solution / size).tolist(), strict=True))


def _named(found: Mapping[str, float], prefix: str, digits: int) -> dict[str, float]:
    return {
        name.removeprefix(prefix): round(value, digits)
        for name, value in sorted(found.items())
        if name.startswith(prefix)
    }


def write(table: Path, core: Core, fitted: dict[str, Any]) -> None:
    """Replaces one core's part of a table."""
    known = json.loads(table.read_text(encoding="utf-8")) if table.exists() else {"cores": {}}
    known["cores"] = dict(sorted({**known["cores"], core.name: fitted}.items()))
    table.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def report(samples: list[Sample], core: Core) -> None:
    """Prints the errors of the tables on `samples`."""
    target = roomy(core)
    pairs: dict[str, list[tuple[float, float]]] = {"flash": [], "code": [], "cycles": []}
    for sample in samples:
        found = cost(sample.net, target)
        pairs["code"].append((found.code_bytes, sample.code_bytes))
        pairs["flash"].append((found.flash_bytes, sample.code_bytes + found.weights_bytes))
        if sample.cycles is not None and found.cycles is not None:
            pairs["cycles"].append((found.cycles, sample.cycles))
    for name, values in pairs.items():
        if values:
            predicted, actual = np.array(values, float).T
            errors = np.abs(predicted / actual - 1) * 100
            print(
                f"{core.name:14} {name:7} of {len(errors)} networks off by: "
                f"median {np.median(errors):5.2f} %, "
                f"95th percentile {np.percentile(errors, 95):5.2f} %, largest {errors.max():5.2f} %"
            )
    _report_layers(samples, core)


def _report_layers(samples: list[Sample], core: Core) -> None:
    errors: dict[str, list[float]] = {}
    for sample in samples:
        for index, measured_cycles in sample.layer_cycles.items():
            op = sample.net.ops[index]
            predicted = cycles.op_cycles(op, sample.net, core)
            if predicted is not None:
                function = kernel_for(op, sample.net, core).function
                errors.setdefault(function, []).append(100 * abs(predicted / measured_cycles - 1))
    for function, found in sorted(errors.items()):
        print(
            f"  {function:36} {len(found):4} layers: cycles off by {np.median(found):5.2f} % in the median, "
            f"{np.percentile(found, 95):5.2f} % at the 95th percentile"
        )


if __name__ == "__main__":
    sys.exit(main())
