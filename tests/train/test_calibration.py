"""Ranges hold what was seen, or what costs least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.train.sketch import Sketch, random_net

from lilliput import train
from lilliput.errors import DataError, TrainingError
from lilliput.net import DType, Normalization
from lilliput.net.reference import run_all


@pytest.mark.parametrize("seed", range(6))
def test_extremes_are_those_of_the_reference(seed: int) -> None:
    net = replace(
        random_net(seed, batch_norm=False, softmax=True),
        normalization=Normalization(DType.FLOAT32, (3.0,), (2.0,)),
    )
    raw = np.random.default_rng(0).normal(3, 2, (300, *net.input.shape)).astype(np.float32)
    found = train.calibrate(net, raw)
    values = run_all(net, (raw - np.float32(3)) / np.float32(2))
    assert found.keys() == values.keys()
    for name, value in values.items():
        expected = (min(0.0, float(value.min())), max(0.0, float(value.max())))
        assert found[name] == pytest.approx(expected, rel=1e-3, abs=1e-3), name


def spread(values: np.ndarray, method: str, **options: float) -> tuple[float, float]:
    """The range of the input of a network that takes `values` as they are."""
    sketch = Sketch((1,), np.random.default_rng(0))
    net = sketch.net(sketch.dense("input", 2))
    return train.calibrate(net, values.astype(np.float32)[:, None], method, **options)["input"]  # type: ignore[arg-type]


def test_a_percentile_leaves_out_what_is_rare() -> None:
    values = np.concatenate((np.linspace(-1, 3, 9990), np.full(5, 100.0), np.full(5, -50.0)))
    assert spread(values, "extremes") == (-50, 100)
    low, high = spread(values, "percentile", percentile=99.9)
    assert low == pytest.approx(-1, abs=0.1)
    assert high == pytest.approx(3, abs=0.1)


def test_least_error_clips_a_long_tail_and_keeps_an_even_spread() -> None:
    rng = np.random.default_rng(0)
    even = rng.uniform(-2, 2, 20000)
    assert spread(even, "error") == pytest.approx((-2, 2), abs=0.05)
    tail = rng.laplace(0, 1, 400000)
    low, high = spread(tail, "error")
    ends = spread(tail, "extremes")

    def error(bottom: float, top: float) -> float:
        step = (top - bottom) / 255
        rounded = np.clip(np.rint(tail / step) * step, bottom, top)
        return float(((rounded - tail) ** 2).mean())

    best = min(error(-end, end) for end in np.linspace(5, 15, 101))
    assert error(low, high) < 1.02 * best < 0.9 * error(*ends)
    assert high == pytest.approx(9.9, abs=1.0)  # the optimum for 8 bits (Banner et al. 2019)


def test_an_activation_that_is_always_zero_has_an_empty_range() -> None:
    for method in ("extremes", "percentile", "error"):
        assert spread(np.zeros(10), method) == (0.0, 0.0)


def test_bad_networks_and_data_are_refused() -> None:
    net = random_net(0, batch_norm=False)
    with pytest.raises(DataError, match="no examples"):
        train.calibrate(net, np.zeros((0, *net.input.shape), np.float32))
    with pytest.raises(TrainingError, match="not finite"):
        train.calibrate(net, np.full((3, *net.input.shape), 3e38, np.float32))


@pytest.mark.parametrize("steps", [3, 15])
@pytest.mark.parametrize("method", ["extremes", "percentile"])
def test_few_bits_take_the_least_error_whatever_the_method(steps: int, method: str) -> None:
    values = np.maximum(np.random.default_rng(0).normal(0, 1, 100000), 0.0)
    low, high = spread(values, method, few={"input": steps})  # type: ignore[arg-type]
    assert low == 0.0

    def error(end: float) -> float:
        return float(((np.clip(np.rint(values / end * steps), 0, steps) * end / steps - values) ** 2).mean())

    assert error(high) == pytest.approx(min(map(error, np.linspace(1.0, 4.5, 200))), rel=0.02)
    assert error(high) < 0.6 * error(float(values.max()))
