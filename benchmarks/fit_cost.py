"""Fits what `lilliput.cost` predicts: builds networks for every core, runs them emulated, and writes the
tables.

python benchmarks/fit_cost.py [--core NAME …] [--only FUNCTION …] [--code] [--networks N] [--seed N]
    [--jobs N]

Writes src/lilliput/cost/cores/*.json, and prints how far off they are on the networks that they were fitted
on.  `python benchmarks/run.py prediction` measures that on others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from fit_formats import SINGLE_BITS, UNPACKED, few_bit_networks, format_networks, long_products
from fit_layers import byte_layers, enough_layers, few_bit_layers
from fit_networks import element_wise_networks, networks
from function_sizes import function_sizes
from samples import Sample, Taken, measured, roomy
from scipy.optimize import nnls

from lilliput.cost import code_size, cost, cycles, tables
from lilliput.cost.cycle_counts import counts, turn_counts
from lilliput.net import Net
from lilliput.net.schedule import stream_of
from lilliput.targets import boards
from lilliput.targets.blocking import blocking_of
from lilliput.targets.cores import CORES, Core
from lilliput.targets.dense import SPARSE_SHARE
from lilliput.targets.kernels import kernel_for

RELATIVE = 0.9
"""Errors count divided by their layer's cycles to this power: large layers a little more than small ones."""
DIGITS = 4
NEARNESS = 0.003
"""How much it counts that loops take what they do in the kernel that computes what is unpacked."""
OF_WEIGHTS = frozenset({"once", "weight_fours", "shifted_outputs", "limited_outputs", "limited_blocks"})
PLANES = "_planes_s8"
PARTS = "parts_of_"
"""Counts of unpacking begin so; with `OF_WEIGHTS` what the kernel for a byte has not, or has otherwise."""
LAYERED_NETWORKS = 250
"""So many networks of layers of few bits are drawn, and of bytes; those with rare kernels are taken."""
ELEMENT_WISE_NETWORKS = 48
"""So many networks are of sums, differences and products."""
PORTABLE_NETWORKS = 40
"""So many networks are also built with portable kernels, for cores that have others."""
LEAST_SHARE = 1e-4
"""A count that never makes so much of a layer's cycles is left out."""


def main() -> int:
    """Fits, and reports."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--core", nargs="*", choices=[core.name for core in CORES], help="default: all")
    parser.add_argument(
        "--networks", type=int, default=160, help="for each core; 0: layers of few bits alone"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="processes; default: one for each processor")
    parser.add_argument("--only", nargs="*", default=[], help="kernels; the rest of the tables stays")
    parser.add_argument("--code", action="store_true", help="sizes of code alone; cycles stay")
    options = parser.parse_args()
    for core in (core for core in CORES if not options.core or core.name in options.core):
        nets = networks(options.networks, options.seed)
        nets += element_wise_networks(ELEMENT_WISE_NETWORKS, options.seed)
        nets += format_networks(options.networks // 2, options.seed)
        nets += format_networks(options.networks // 8, options.seed, SINGLE_BITS)
        nets += format_networks(options.networks, options.seed + 1, UNPACKED)
        nets += few_bit_networks(options.networks // 4, options.seed)
        nets += long_products(options.networks // 16, options.seed)
        nets += enough_layers(few_bit_layers(LAYERED_NETWORKS, options.seed), core)
        nets += enough_layers(byte_layers(LAYERED_NETWORKS, options.seed), core)
        # Portable kernels are taken where others cannot compute what an op asks for, or need much memory.
        portable = core.portable
        plain = nets[:: (len(nets) // PORTABLE_NETWORKS) | 1]  # odd: every other network is of one profile
        if options.only:
            wanted = set(options.only)
            plain = [net for net in nets if _kernels(net, portable) & wanted - _kernels(net, core)]
            nets = [net for net in nets if _kernels(net, core) & wanted]
        samples = list(measured(core, nets, options.jobs, runs=not options.code))
        if core != portable:
            samples += measured(core, plain[:PORTABLE_NETWORKS], options.jobs, portable, not options.code)
        figures = {"code": fit_code(samples, core, options.only)}
        if samples[0].cycles is not None:
            figures["cycles"] = fit_cycles(samples, tables.fitted(core.name).get("cycles", {}))
        if options.only:
            figures = with_those(tables.fitted(core.name), figures, options.only)
        else:
            keep_patches(figures["code"], core)
        tables.write(core.name, {**tables.fitted(core.name), **figures} if options.code else figures)
        code_size.code_sizes.cache_clear()
        cycles.cycle_model.cache_clear()
        report([one for one in samples if one.core == core], core)
    return 0


def keep_patches(code: dict[str, Any], core: Core) -> None:
    """Adds what the table says of the code of patches, which the networks do not have."""
    sizes = code_size.code_sizes(core)
    kept = {name: sizes.functions[name] for name in code_size.PATCH_FUNCTIONS if name in sizes.functions}
    code["functions"] = dict(sorted({**kept, **code["functions"]}.items()))
    code["streams"] = {**sizes.streams, **code["streams"]}


def known_code(core: Core, unknown: Sequence[str]) -> dict[str, float]:
    """What the table says of all code but that of the kernels `unknown`, by the names of `fit_code`."""
    sizes = code_size.code_sizes(core)
    known = {"network": sizes.network}
    known |= {f"function {name}": size for name, size in sizes.functions.items() if name not in unknown}
    return known | {f"layer {name}": size for name, size in sizes.layers.items() if name not in unknown}


def fit_code(samples: list[Sample], core: Core, only: Sequence[str]) -> dict[str, Any]:
    """Sizes of functions as they are compiled, and those of layers that explain the code of all samples best.

    Args:
        only: kernels, if the rest is to be as the table says.
    """
    used = [_functions(sample) for sample in samples]
    known = known_code(core, only) if only else {}
    compiled = function_sizes(core, only)
    known |= {f"function {name}": float(size) for name, size in compiled.items()}
    helpers = {}
    for name in sorted(set().union(*used)):
        # Whatever came whenever the function was there, came with it.
        together = [sample.helpers for sample, names in zip(samples, used, strict=True) if name in names]
        helpers[name] = sorted(frozenset.intersection(*together))
    rows = []
    for sample, names in zip(samples, used, strict=True):
        row: dict[str, float] = {"network": 1.0}
        for op in sample.net.ops:
            layer = f"layer {kernel_for(op, sample.net, sample.core).function}"
            row[layer] = row.get(layer, 0.0) + code_size.layer_calls(op, sample.net)
        for feature, number in code_size.stream_features(sample.net).items():
            row[f"stream {feature}"] = float(number)
        for name in names:
            row |= {f"function {one}": 1.0 for one in (name, *helpers[name])}
        rows.append(row)
    rest = [
        sample.code_bytes - sum(known.get(name, 0.0) * count for name, count in row.items())
        for sample, row in zip(samples, rows, strict=True)
    ]
    unknown = [{name: count for name, count in row.items() if name not in known} for row in rows]
    found = {**solve(unknown, rest, [1.0] * len(samples)), **known}
    return {
        "network": round(found["network"], 1),
        "functions": _named(found, "function ", 1),
        "helpers": {name: together for name, together in helpers.items() if together},
        "layers": _named(found, "layer ", 1),
        "streams": _named(found, "stream ", 1),
    }


def _kernels(net: Net, core: Core) -> set[str]:
    return {kernel_for(op, net, core).function for op in net.ops}


def _functions(sample: Sample) -> set[str]:
    calling = [op for op in sample.net.ops if code_size.layer_calls(op, sample.net)]
    kernels = [kernel_for(op, sample.net, sample.core) for op in calling]
    return {
        *code_size.group_functions(sample.net),
        *(name for kernel in kernels for name in (kernel.function, *kernel.needs)),
    }


def fit_cycles(samples: list[Sample], known: Mapping[str, Any]) -> dict[str, Any]:
    """Cycles, and waits for the flash behind each cache, that explain the layers of all samples best.

    Args:
        known: what the table says.
    """
    misses = known.get("misses", {})
    return {
        "cycles": fit_linear(samples, [sample.cycles for sample in samples], known.get("cycles", {})),
        "splits": fit_linear(samples, [sample.splits for sample in samples], known.get("splits", {})),
        "misses": {
            name: fit_linear(samples, [sample.misses[name] for sample in samples], misses.get(name, {}))
            for name in sorted(samples[0].misses)
        },
    }


def fit_linear(
    samples: list[Sample], taken: Sequence[Taken | None], known: Mapping[str, Any]
) -> dict[str, Any]:
    """How much of each count explains best what the layers took, kernel by kernel."""
    rows: dict[str, list[dict[str, float]]] = {}
    values: dict[str, list[float]] = {}
    sizes: dict[str, list[float]] = {}
    outside_rows, outside = [], []
    for sample, found in zip(samples, taken, strict=True):
        assert found is not None
        assert sample.cycles is not None
        layers = [i for i, op in enumerate(sample.net.ops) if not code_size.moves_nothing(op, sample.net)]
        outside.append(found.total - sum(found.layers.values()))
        outside_rows.append({"network": 1.0, "call": float(len(layers))})
        for index in layers:
            op = sample.net.ops[index]
            if stream_of(op, sample.net):
                continue
            function = kernel_for(op, sample.net, sample.core).function
            row = counts(op, sample.net, blocking_of(function))
            if index in sample.shares:
                row["listed_products"] *= sample.shares[index] / SPARSE_SHARE
            rows.setdefault(function, []).append(row)
            values.setdefault(function, []).append(found.layers.get(index, 0.0))
            sizes.setdefault(function, []).append(sample.cycles.layers[index])
    around = solve(outside_rows, outside, [1.0] * len(outside))
    functions: dict[str, dict[str, float]] = {}
    for name in sorted(rows, key=lambda name: (name.endswith(PLANES), name)):
        is_like = name.endswith(PLANES) and not blocking_of(name).pairs
        inner = name.removesuffix(PLANES) + "_s8" if is_like else ""
        near = functions.get(inner) or known.get("functions", {}).get(inner)
        found = solve(rows[name], values[name], np.power(sizes[name], RELATIVE), near)
        functions[name] = essential(found, rows[name], sizes[name])
    return {
        "network": round(around["network"], 1),
        "call": round(around["call"], 2),
        "functions": dict(sorted(functions.items())),
        "turns": fit_turns(samples, taken, functions),
    }


def fit_turns(
    samples: list[Sample], taken: Sequence[Taken | None], functions: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """How much of each count of turns explains best what layers in streams took beside their kernels."""
    rows, values, sizes = [], [], []
    for sample, found in zip(samples, taken, strict=True):
        assert found is not None
        assert sample.cycles is not None
        for index, op in enumerate(sample.net.ops):
            function = kernel_for(op, sample.net, sample.core).function
            if stream_of(op, sample.net) and function in functions:
                inside = counts(op, sample.net, blocking_of(function))
                kernel = sum(weight * inside.get(name, 0.0) for name, weight in functions[function].items())
                rows.append(turn_counts(op, sample.net))
                values.append(found.layers.get(index, 0.0) - kernel)
                sizes.append(sample.cycles.layers[index])
    if not rows:
        return {}
    return {name: float(f"{value:.{DIGITS}g}") for name, value in solve(rows, values, sizes).items()}


def solve(
    rows: Sequence[Mapping[str, float]],
    values: Sequence[float],
    sizes: Sequence[float],
    near: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Non-negative least squares; errors count divided by `sizes`.

    Args:
        near: what the same loops take in another kernel, which is kept to where the rows tell little.
    """
    names = sorted({name for row in rows for name in row})
    scale = np.array(sizes, float)
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows]) / scale[:, None]
    # Columns of one size, so that the solver's tolerance means the same for all.
    norm = np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)
    matrix, wanted = matrix / norm, np.array(values, float) / scale
    if near is not None:
        free = [name in OF_WEIGHTS or name.startswith(PARTS) for name in names]
        kept = np.diag(np.where(free, 0.0, NEARNESS**0.5))
        matrix = np.concatenate([matrix, kept])
        wanted = np.concatenate([wanted, kept @ (norm * [near.get(name, 0.0) for name in names])])
    solution, _ = nnls(matrix, wanted, maxiter=100 * len(names))
    return dict(zip(names, (solution / norm).tolist(), strict=True))


def essential(
    weights: Mapping[str, float], rows: Sequence[Mapping[str, float]], cycles_of: Sequence[float]
) -> dict[str, float]:
    """The weights without those that make `LEAST_SHARE` of no layer's cycles, in a few digits."""
    return {
        name: float(f"{weight:.{DIGITS}g}")
        for name, weight in weights.items()
        if any(
            weight * row.get(name, 0.0) > LEAST_SHARE * size
            for row, size in zip(rows, cycles_of, strict=True)
        )
    }


def _named(found: Mapping[str, float], prefix: str, digits: int) -> dict[str, float]:
    return {
        name.removeprefix(prefix): round(value, digits)
        for name, value in sorted(found.items())
        if name.startswith(prefix)
    }


def with_those(known: Any, fitted: Any, names: Sequence[str]) -> Any:
    """The tree `known` with the branches called `names` from `fitted`."""
    if not (isinstance(known, dict) and isinstance(fitted, dict)):
        return known
    kept = {key: with_those(part, fitted.get(key), names) for key, part in known.items() if key not in names}
    new = {name: fitted[name] for name in names if name in fitted}
    return dict(sorted({**kept, **new}.items())) if new else kept


def report(samples: list[Sample], core: Core) -> None:
    """Prints the errors of the tables on `samples`."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for sample in samples:
        found = cost(sample.net, roomy(core))
        flash_bytes = sample.code_bytes + found.weights_bytes
        pairs.setdefault("code", []).append((found.code_bytes, sample.code_bytes))
        pairs.setdefault("flash", []).append((found.flash_bytes, flash_bytes))
        if sample.cycles is not None:
            pairs.setdefault("cycles", []).append((found.cycles or 0, sample.cycles.total))
        for board in boards() if sample.cycles is not None else ():
            if board.core == core and board.flash_wait_states:
                predicted = cycles.net_cycles(sample.net, board)[1] or 0
                pairs.setdefault(f"cycles on {board.name}", []).append((predicted, sample.on(board)))
    for name, values in pairs.items():
        expected, actual = np.array(values, float).T
        errors = np.abs(expected / actual - 1) * 100
        print(
            f"{core.name:14} {name:25} of {len(errors)} networks off by: "
            f"median {np.median(errors):5.2f} %, "
            f"95th percentile {np.percentile(errors, 95):5.2f} %, largest {errors.max():5.2f} %"
        )
    _report_layers(samples, core)


def _report_layers(samples: list[Sample], core: Core) -> None:
    errors: dict[str, list[float]] = {}
    for sample in samples:
        for index, taken in (sample.cycles.layers if sample.cycles else {}).items():
            op = sample.net.ops[index]
            predicted = cycles.op_cycles(op, sample.net, core)
            if predicted is not None:
                function = kernel_for(op, sample.net, core).function
                errors.setdefault(function, []).append(100 * abs(predicted / taken - 1))
    for function, found in sorted(errors.items()):
        print(
            f"  {function:36} {len(found):4} layers: cycles off by {np.median(found):5.2f} % in the median, "
            f"{np.percentile(found, 95):5.2f} % at the 95th percentile"
        )


if __name__ == "__main__":
    sys.exit(main())
