"""How well costs are predicted: cycles before anything is built, against firmware on the emulated core.

Networks that no fit has seen, from the search space `cnn`, the shapes of MLPerf Tiny, and inverted residuals
in both numeric profiles, then random ones in other formats; on the other side the best straight line through
their multiply-accumulates, which is what most searches steer by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from comparison import Comparison
from fit_formats import FAMILIES, format_networks
from fit_layers import few_bit_layers
from fit_networks import searched_networks
from networks import MLPERF_TINY, mobilenet_v2, quantized
from samples import Sample, measured

from lilliput.cost.cycles import net_cycles
from lilliput.net import Net, Profile
from lilliput.net.macs import net_macs
from lilliput.targets import Board, boards
from lilliput.targets.cores import core

CORES = ("cortex-m4", "cortex-m0plus", "cortex-m7", "cortex-m33")
SEARCHED = 60
OF_EACH_FORMAT = 12
SHAPES = ("ad", "kws", "ic")
UNSEEN_SEED = 1_000_000  # far from the seeds of fits
MEDIAN_ALLOWED_PERCENT = 5.0


@dataclass(frozen=True)
class Accuracy:
    """How far predictions are from what was measured.

    Attributes:
        errors_percent: of the cycles of each network, in their order.
        errors_with_flash_percent: with the waits of a board's flash.
        r_squared: share of the variance of cycles that is explained, without another fit.
        r_squared_of_macs: share that the best straight line through multiply-accumulates explains.
        errors_of_macs_percent: of that line.
    """

    errors_percent: np.ndarray
    errors_with_flash_percent: np.ndarray
    r_squared: float
    r_squared_of_macs: float
    errors_of_macs_percent: np.ndarray


def run(seed: int) -> Iterator[Comparison]:
    """Errors and R² for each core, and errors with the flash of a board that has it."""
    nets = held_out(seed)
    for name in CORES:
        target = board_with(name)
        yield from _compared(name, nets, accuracy(list(measured(core(name), nets)), target), target)
        unseen = UNSEEN_SEED + seed
        of_family = {one: format_networks(OF_EACH_FORMAT, unseen, [one]) for one in dict.fromkeys(FAMILIES)}
        of_family["layers of few bits"] = few_bit_layers(OF_EACH_FORMAT, unseen)
        for family, others in of_family.items():
            found = accuracy(list(measured(core(name), others)), target)
            yield from _compared(f"{name}, {family}", others, found, target)


def held_out(seed: int, searched: int = SEARCHED, shapes: Sequence[str] = SHAPES) -> list[Net]:
    """Quantized networks that no fit has seen: random ones first, then those of `shapes` and blocks."""
    made = [*(MLPERF_TINY[shape](seed) for shape in shapes), mobilenet_v2(seed)]
    known = [quantized(net, profile) for net in made for profile in Profile]
    return [*searched_networks(searched, UNSEEN_SEED + seed), *known]


def board_with(name: str) -> Board:
    """A board with this core whose flash waits."""
    return next(one for one in boards() if one.core == core(name) and one.flash_wait_states)


def accuracy(samples: Sequence[Sample], target: Board) -> Accuracy:
    """Predictions for measured networks, on a board with the core that they were measured on."""
    macs = np.array([net_macs(sample.net) for sample in samples], float)
    predicted = np.array([net_cycles(sample.net, target) for sample in samples], float)
    taken = np.array([(sample.cycles.total if sample.cycles else 0, sample.on(target)) for sample in samples])
    line = np.polyval(np.polyfit(macs, taken[:, 0], 1), macs)
    return Accuracy(
        errors_percent=_errors(predicted[:, 0], taken[:, 0]),
        errors_with_flash_percent=_errors(predicted[:, 1], taken[:, 1]),
        r_squared=_r_squared(predicted[:, 0], taken[:, 0]),
        r_squared_of_macs=_r_squared(line, taken[:, 0]),
        errors_of_macs_percent=_errors(line, taken[:, 0]),
    )


def _compared(name: str, nets: Sequence[Net], found: Accuracy, target: Board) -> Iterator[Comparison]:
    what, allowed = f"{name}, {len(nets)} networks", ("allowed", MEDIAN_ALLOWED_PERCENT)
    for title, middle in (("median", np.median), ("largest", np.max)):
        ours, others = (middle(one) for one in (found.errors_percent, found.errors_of_macs_percent))
        yield Comparison(f"{what}: {title} error", "%", ("cost", float(ours)), ("line", float(others)))
    both = ("cost", found.r_squared), ("MACs", found.r_squared_of_macs)
    yield Comparison(f"{what}: R²", "", *both, smaller_is_better=False)
    for net, error in zip(nets, found.errors_percent.tolist(), strict=True):
        if net.name != "net":
            label = f"{name}, {net.name} in {net.ops[0].profile.value}: error"
            yield Comparison(label, "%", ("cost", error), allowed)
    with_flash = float(np.median(found.errors_with_flash_percent))
    yield Comparison(f"{target.name}, with its flash: median error", "%", ("cost", with_flash), allowed)


def _errors(predicted: np.ndarray, taken: np.ndarray) -> np.ndarray:
    return 100 * np.abs(predicted / taken - 1)


def _r_squared(predicted: np.ndarray, taken: np.ndarray) -> float:
    return float(1 - ((taken - predicted) ** 2).sum() / ((taken - taken.mean()) ** 2).sum())
