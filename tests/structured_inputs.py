"""Inputs with structure, as sensors give them and as they never would: images, spectrograms, steps, ends.

Noise alone leaves the accumulators of a network near their mean, so what saturates is hardly seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from lilliput.net import Net

Array = np.ndarray[Any, Any]


def structured_input(net: Net, rows: int, seed: int = 0) -> Array:
    """Inputs for a quantized network in its input's type, `rows` of them, the kinds in turn."""
    low, high = net.input.dtype.range
    rng = np.random.default_rng(seed)
    shape = net.input.shape if len(net.input.shape) == 3 else (1, net.input.elements, 1)
    kinds = tuple(KINDS.values())
    values = [kinds[index % len(kinds)](rng, *shape) for index in range(rows)]
    steps = np.rint(low + np.clip(values, 0, 1) * (high - low))
    return steps.reshape(rows, *net.input.shape).astype(net.input.dtype.numpy)


def digit(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """A scanned digit, enlarged, tinted."""
    images = _digits()
    image = images[rng.integers(len(images))]
    rows, columns = (np.linspace(0, 7, size) for size in (height, width))
    across = np.array([np.interp(columns, np.arange(8), row) for row in image])
    enlarged = np.array([np.interp(rows, np.arange(8), column) for column in across.T]).T
    tint, ground = rng.uniform(0.3, 1, channels), rng.uniform(0, 0.3, channels)
    return enlarged[..., None] * tint + ground


@cache
def _digits() -> Array:
    return np.asarray(load_digits().images / 16)


def waves(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """A few plane waves of random directions, one upon the other."""
    y, x = np.mgrid[0:height, 0:width]
    found = np.zeros((height, width, channels))
    for _ in range(4):
        turns, phases = rng.uniform(-0.3, 0.3, 2), rng.uniform(0, 2 * np.pi, channels)
        found += np.cos(2 * np.pi * (turns[0] * y + turns[1] * x)[..., None] + phases)
    return 0.5 + rng.uniform(0.05, 0.3) * found


def sweep(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """A tone that rises: a bright line through time and frequency, or through a single row of samples."""
    if 1 in (height, width):
        time = np.linspace(0, 1, height * width)
        tone = np.sin(2 * np.pi * time * (1 + rng.uniform(1, 60) * time))
        return np.repeat((0.5 + 0.5 * tone).reshape(height, width, 1), channels, axis=2)
    y, x = np.mgrid[0:height, 0:width]
    middle = rng.uniform(0, width) + rng.uniform(-1, 1) * y * width / height
    ridge = np.exp(-(((x - middle) / rng.uniform(0.7, 3)) ** 2))
    fading = np.exp(-y / (height * rng.uniform(0.3, 3)))
    return (ridge * fading)[..., None] * rng.uniform(0.5, 1, channels) + rng.normal(
        0.1, 0.02, (*ridge.shape, 1)
    )


def spectrum(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """What a running machine sounds like: a spectrum that falls, with peaks, a little different each time."""
    frequencies = np.linspace(0, 1, width)
    falling = 0.8 - rng.uniform(0.2, 0.7) * frequencies
    for peak in rng.uniform(0, 1, 5):
        falling = falling + 0.2 * np.exp(-(((frequencies - peak) * 40) ** 2))
    return falling[None, :, None] + rng.normal(0, 0.05, (height, width, channels))


def constant(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """One value everywhere, each end of the range as often as all between them."""
    return np.full((height, width, channels), rng.choice([0, 1, rng.uniform()]))


def extremes(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """Nothing but the two ends, in stripes, squares or at random."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    size = rng.integers(1, 6)
    patterns = (y // size, x // size, y // size + x // size, c, rng.integers(0, 2, y.shape))
    return patterns[rng.integers(len(patterns))] % 2


def point(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """A single element that differs from all others."""
    found = np.full((height, width, channels), rng.uniform())
    found[tuple(rng.integers(size) for size in found.shape)] = rng.choice([0, 1])
    return found


def edge(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """A step along a straight line."""
    y, x = np.mgrid[0:height, 0:width]
    side = rng.normal() * (y - rng.uniform(0, height)) + rng.normal() * (x - rng.uniform(0, width)) > 0
    return np.where(side[..., None], rng.uniform(0, 1, channels), rng.uniform(0, 1, channels))


def noise(rng: np.random.Generator, height: int, width: int, channels: int) -> Array:
    """Loud or faint noise."""
    loudness = rng.choice([0.01, 0.1, 1.0])
    return rng.uniform() + loudness * rng.uniform(-1, 1, (height, width, channels))


KINDS: dict[str, Callable[[np.random.Generator, int, int, int], Array]] = {
    kind.__name__: kind for kind in (digit, waves, sweep, spectrum, constant, extremes, point, edge, noise)
}
"""Name → what makes an array of height × width × channels, 0 to 1 or a little beyond."""
