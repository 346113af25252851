"""The ranges that activations take, from which the scales of an integer network follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lilliput.errors import DataError, TrainingError
from lilliput.net import Net
from lilliput.train.batches import Normalizer, to_tensor
from lilliput.train.device import prepare
from lilliput.train.evaluation import BATCH
from lilliput.train.torch_net import TorchNet

Method = Literal["extremes", "percentile", "error"]

_BINS = 2048
_STEPS = 255  # an int8 activation has 256 values
_SHARES = np.linspace(0.2, 1.0, 81)
_SWEEPS = 2


def calibrate(
    net: Net,
    x: NDArray[np.generic],
    method: Method = "extremes",
    percentile: float = 99.99,
    device: str = "cpu",
    few: Mapping[str, int] | None = None,
) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of every activation that its integers should be able to express.

    Args:
        net: float with weights, batch norm folded; its normalization is applied.
        x: raw training examples, (examples, *input shape); some hundreds are enough.
        method: "extremes" takes what was seen; "percentile" leaves out the rarest values on both sides;
            "error" takes the range with the smallest mean squared error after rounding to 256 values.
        percentile: for "percentile": share of the values that lies below the upper and above the lower end.
        few: activations with few bits → steps between the ends of their ranges; they take the range with the
            smallest error whatever the method, since others would round nearly everything to 0.

    Returns:
        Tensor name → (low, high) with low <= 0 <= high, for every activation, the input included.

    Raises:
        DataError: the examples do not fit the network, or there are none.
        TrainingError: an activation is not finite.
    """
    place = prepare(device)
    raw = to_tensor(x, net, place, "calibration data")
    if not len(raw):
        raise DataError(f"there is nothing to calibrate net '{net.name}' with", "no examples", "give some")
    module, normalize = TorchNet(net, place, keep_all=True), Normalizer(net.normalization, place)
    ranges = _extremes(module, raw, normalize)
    steps = dict.fromkeys(ranges, _STEPS) if method == "error" else {}
    steps |= {name: count for name, count in (few or {}).items() if name in ranges}
    percentiles = ranges.keys() - steps.keys() if method == "percentile" else set()
    counted = {name: ranges[name] for name in (*steps, *percentiles)}
    histograms = _histograms(module, raw, normalize, counted) if counted else {}
    for name, histogram in histograms.items():
        if name in steps:
            ranges[name] = _least_error(histogram, *ranges[name], steps[name])
        else:
            ranges[name] = _percentile(histogram, *ranges[name], percentile)
    return ranges


def _histograms(
    module: TorchNet, raw: Tensor, normalize: Normalizer, ranges: Mapping[str, tuple[float, float]]
) -> dict[str, NDArray[np.float64]]:
    histograms = {name: np.zeros(_BINS) for name in ranges}
    for values in _activations(module, raw, normalize):
        for name, (low, high) in ranges.items():
            if low < high:
                counts = torch.histc(values[name].float(), _BINS, low, high)
                histograms[name] += counts.double().cpu().numpy()
    return histograms


@torch.inference_mode()
def _activations(module: TorchNet, raw: Tensor, normalize: Normalizer) -> Iterator[dict[str, Tensor]]:
    for part in torch.split(raw, BATCH):
        yield module.forward_all(normalize(part))


def _extremes(module: TorchNet, raw: Tensor, normalize: Normalizer) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for values in _activations(module, raw, normalize):
        for name, value in values.items():
            lowest, highest = (float(end) for end in torch.aminmax(value))
            if not np.isfinite([lowest, highest]).all():
                raise TrainingError(
                    f"activation '{name}' of net '{module.net.name}' is not finite",
                    f"it reaches from {lowest:g} to {highest:g}",
                    "look for diverged weights or damaged data",
                )
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, lowest), max(high, highest)
    return found


def _percentile(
    histogram: NDArray[np.float64], low: float, high: float, percentile: float
) -> tuple[float, float]:
    if not low < high:
        return low, high
    edges = np.linspace(low, high, _BINS + 1)
    below = np.concatenate(([0.0], np.cumsum(histogram))) / histogram.sum()
    rare = 1.0 - percentile / 100.0
    return min(0.0, float(np.interp(rare, below, edges))), max(
        0.0, float(np.interp(1.0 - rare, below, edges))
    )


def _least_error(histogram: NDArray[np.float64], low: float, high: float, steps: int) -> tuple[float, float]:
    """Shortens one end after the other to where rounding and clipping together cost least."""
    if not low < high:
        return low, high
    edges = np.linspace(low, high, _BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    centres[(edges[:-1] <= 0.0) & (edges[1:] > 0.0)] = 0.0  # what a ReLU has cut

    def error(bottom: float, top: float) -> float:
        step = (top - bottom) / steps
        least = round(bottom / step)
        rounded = np.clip(np.rint(centres / step), least, least + steps) * step
        return float(histogram @ (rounded - centres) ** 2)

    bottom, top = low, high
    for _ in range(_SWEEPS):
        top = (
            min((high * share for share in _SHARES), key=lambda end: error(bottom, end)) if high > 0 else high
        )
        bottom = min((low * share for share in _SHARES), key=lambda end: error(end, top)) if low < 0 else low
    return bottom, top
