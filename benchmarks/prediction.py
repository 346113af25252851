"""How well costs are predicted: cycles before anything is built, against firmware on the emulated core.

Networks that no fit has seen, from the search space `cnn`, and the shapes of MLPerf Tiny; on the other side
the best straight line through their multiply-accumulates, which is what most searches steer by.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from comparison import Comparison
from fit_networks import searched_networks
from networks import MLPERF_TINY, quantized
from samples import Sample, measured

from lilliput.cost.cycles import net_cycles
from lilliput.net.macs import net_macs
from lilliput.targets import Board, boards
from lilliput.targets.cores import core

CORES = ("cortex-m4", "cortex-m0plus", "cortex-m7", "cortex-m33")
SEARCHED = 60
SHAPES = ("ad", "kws", "ic")
UNSEEN_SEED = 1_000_000  # far from the seeds of fits
MEDIAN_ALLOWED_PERCENT = 5.0


def run(seed: int) -> Iterator[Comparison]:
    """Errors and R² for each core, and errors with the flash of a board that has it."""
    nets = [
        *searched_networks(SEARCHED, UNSEEN_SEED + seed),
        *(quantized(MLPERF_TINY[shape](seed)) for shape in SHAPES),
    ]
    for name in CORES:
        samples = list(measured(core(name), nets))
        target = next(one for one in boards() if one.core == core(name) and one.flash_wait_states)
        yield from _compared(name, samples, target)


def _compared(name: str, samples: list[Sample], target: Board) -> Iterator[Comparison]:
    macs = np.array([net_macs(sample.net) for sample in samples], float)
    predicted = np.array([net_cycles(sample.net, target) for sample in samples], float)
    taken = np.array([(sample.cycles.total if sample.cycles else 0, sample.on(target)) for sample in samples])
    line = np.polyval(np.polyfit(macs, taken[:, 0], 1), macs)
    ours, others = (_errors(found, taken[:, 0]) for found in (predicted[:, 0], line))
    what = f"{name}, {len(samples)} networks"
    yield Comparison(
        f"{what}: median error", "%", ("cost", float(np.median(ours))), ("line", float(np.median(others)))
    )
    yield Comparison(
        f"{what}: largest error", "%", ("cost", float(ours.max())), ("line", float(others.max()))
    )
    yield Comparison(
        f"{what}: R²",
        "",
        ("cost", _r_squared(predicted[:, 0], taken[:, 0])),
        ("MACs", _r_squared(line, taken[:, 0])),
        smaller_is_better=False,
    )
    shapes = _errors(predicted[-len(SHAPES) :, 0], taken[-len(SHAPES) :, 0])
    for shape, error in zip(SHAPES, shapes.tolist(), strict=True):
        yield Comparison(f"{name}, {shape}: error", "%", ("cost", error), ("allowed", MEDIAN_ALLOWED_PERCENT))
    with_flash = float(np.median(_errors(predicted[:, 1], taken[:, 1])))
    yield Comparison(
        f"{target.name}, with its flash: median error",
        "%",
        ("cost", with_flash),
        ("allowed", MEDIAN_ALLOWED_PERCENT),
    )


def _errors(predicted: np.ndarray, taken: np.ndarray) -> np.ndarray:
    return 100 * np.abs(predicted / taken - 1)


def _r_squared(predicted: np.ndarray, taken: np.ndarray) -> float:
    """Share of the variance that is explained, without another fit."""
    return float(1 - ((taken - predicted) ** 2).sum() / ((taken - taken.mean()) ** 2).sum())
