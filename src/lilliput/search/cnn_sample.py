"""Random pieces of a convolutional architecture.

Every option is drawn uniformly, both ends of each range included, except where µNAS's published program
weighs: a ReLU follows with probability 0.9, a pre-pooling comes first with probability 0.25.  The counts C
and U can be drawn log-uniformly instead: under a budget of a kilobyte hardly any uniform draw fits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lilliput.search.cnn_architecture import (
    BLOCKS,
    CHANNELS,
    FULLY_CONNECTED,
    KERNELS,
    LAYERS,
    POOL_SIZES,
    STRIDES,
    UNITS,
    Block,
    CnnArchitecture,
    ConvLayer,
    has_free_channels,
)

Counts = Literal["uniform", "log-uniform"]

RELU_PROBABILITY = 0.9
PRE_POOL_PROBABILITY = 0.25


@dataclass(frozen=True)
class Sampler:
    """Draws architectures and their pieces; `counts` says how channels and units are spread."""

    counts: Counts = "uniform"

    def architecture(self, rng: np.random.Generator) -> CnnArchitecture:
        """A whole architecture."""
        blocks = tuple(
            self.block(rng, first=index == 0, layers=_between(LAYERS, rng))
            for index in range(_between(BLOCKS, rng))
        )
        return CnnArchitecture(
            blocks,
            "avg" if rng.random() < 0.5 else "max",
            _one_of(POOL_SIZES, rng),
            tuple(self.units(rng) for _ in range(_between(FULLY_CONNECTED, rng))),
        )

    def block(self, rng: np.random.Generator, *, first: bool, layers: int) -> Block:
        """A block of `layers` layers; the first block of an architecture is serial."""
        parallel = not first and bool(rng.random() < 0.5)
        return Block(parallel, self.settle(tuple(self.layer(rng) for _ in range(layers)), parallel, rng))

    def layer(self, rng: np.random.Generator) -> ConvLayer:
        """A layer with free channels, as in the middle of a block."""
        depthwise = bool(rng.random() < 0.5)
        kernel = _one_of(KERNELS, rng)
        return ConvLayer(
            depthwise=depthwise,
            kernel=kernel,
            channels=None if depthwise else self.channels(rng),
            stride=_one_of(STRIDES, rng) if kernel > 1 else 1,
            pre_pool=bool(rng.random() < PRE_POOL_PROBABILITY),
            batch_norm=bool(rng.random() < 0.5),
            relu=bool(rng.random() < RELU_PROBABILITY),
        )

    def settle(
        self, layers: tuple[ConvLayer, ...], parallel: bool, rng: np.random.Generator
    ) -> tuple[ConvLayer, ...]:
        """The layers with channels exactly where they are free: drawn where missing, dropped elsewhere."""

        def settled(layer: ConvLayer, last: bool) -> ConvLayer:
            if not has_free_channels(parallel, last, layer.depthwise):
                return replace(layer, channels=None)
            return layer if layer.channels is not None else replace(layer, channels=self.channels(rng))

        return tuple(settled(layer, index == len(layers) - 1) for index, layer in enumerate(layers))

    def channels(self, rng: np.random.Generator) -> int:
        """Output channels of a full convolution."""
        return self._count(CHANNELS, rng)

    def units(self, rng: np.random.Generator) -> int:
        """Units of a hidden fully connected layer."""
        return self._count(UNITS, rng)

    def _count(self, bounds: tuple[int, int], rng: np.random.Generator) -> int:
        if self.counts == "uniform":
            return _between(bounds, rng)
        low, high = math.log(bounds[0]), math.log(bounds[1] + 1)
        return min(max(int(math.exp(rng.uniform(low, high))), bounds[0]), bounds[1])


def _between(bounds: tuple[int, int], rng: np.random.Generator) -> int:
    return int(rng.integers(bounds[0], bounds[1], endpoint=True))


def _one_of(options: tuple[int, ...], rng: np.random.Generator) -> int:
    return options[int(rng.integers(len(options)))]
