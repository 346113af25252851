"""Random pieces of a convolutional architecture.

With the odds `UNIFORM` every option is drawn uniformly, both ends of each range included, except where
µNAS's published program weighs: a ReLU follows with probability 0.9, a pre-pooling comes first with
probability 0.25.  A uniform draw has 5 blocks and 10 layers on average, most of which see an image shrunk to
a pixel; a search of a few hundred short trainings has no time to repair that.  The odds `SHALLOW` draw from
the same space what trains well: few blocks, batch norm, 3x3 kernels, rare strides.  The odds `PYRAMID` favour
the classic shape besides: each block sees half the image and has twice the channels.  The counts C and U can
be drawn log-uniformly: under a budget of a kilobyte hardly any uniform draw fits.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
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
    PoolKind,
    has_free_channels,
)
from lilliput.search.widths import Widths

Counts = Literal["uniform", "log-uniform"]

Prior = Literal["uniform", "shallow", "pyramid"]


@dataclass(frozen=True)
class Odds:
    """Probabilities of the options; every option keeps some.

    Attributes:
        more_blocks, more_units: of another block or hidden layer after each, up to the bound; None draws the
            number uniformly.
        parallel, depthwise, stride, pre_pool, batch_norm, relu: of the option being taken.
        kernels: of each kernel size of `KERNELS`.
        block_pool: of a pre-pooling before the first layer of each block but the first; None treats that
            layer as any other.
        growth: channels of a block are this many times those of the block before, give or take a third;
            None draws the channels of every layer alone.
    """

    more_blocks: float | None = None
    more_units: float | None = None
    parallel: float = 0.5
    depthwise: float = 0.5
    stride: float = 0.5
    pre_pool: float = 0.25
    batch_norm: float = 0.5
    relu: float = 0.9
    kernels: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    block_pool: float | None = None
    growth: float | None = None

    @cached_property
    def kernels_up_to(self) -> tuple[float, ...]:
        """The probability of each kernel size or one before it."""
        sums = np.cumsum(self.kernels)
        return tuple((sums / sums[-1]).tolist())


UNIFORM = Odds()
SHALLOW = Odds(
    more_blocks=0.6,
    more_units=0.2,
    parallel=0.25,
    depthwise=0.3,
    stride=0.2,
    pre_pool=0.2,
    batch_norm=0.9,
    kernels=(0.2, 0.6, 0.15, 0.05),
)
PYRAMID = Odds(
    more_blocks=0.65,
    more_units=0.1,
    parallel=0.1,
    depthwise=0.15,
    stride=0.1,
    pre_pool=0.03,
    batch_norm=0.95,
    relu=0.95,
    kernels=(0.1, 0.75, 0.12, 0.03),
    block_pool=0.8,
    growth=2.0,
)
PRIORS: Mapping[Prior, Odds] = {"uniform": UNIFORM, "shallow": SHALLOW, "pyramid": PYRAMID}


@dataclass(frozen=True)
class Sampler:
    """Draws architectures and their pieces; `counts` says how channels and units are spread, `widths` which
    bits layers may have."""

    counts: Counts = "uniform"
    odds: Odds = UNIFORM
    widths: Widths = field(default_factory=Widths)

    def architecture(self, rng: np.random.Generator) -> CnnArchitecture:
        """A whole architecture."""
        blocks = tuple(
            self.block(rng, first=index == 0, layers=_between(LAYERS, rng))
            for index in range(_number(BLOCKS, self.odds.more_blocks, rng))
        )
        if self.odds.growth is not None:
            blocks = self._grown(blocks, self.odds.growth, rng)
        pool_kind: PoolKind = "avg" if rng.random() < 0.5 else "max"
        pool_size = _one_of(POOL_SIZES, rng)
        units = tuple(self.units(rng) for _ in range(_number(FULLY_CONNECTED, self.odds.more_units, rng)))
        return CnnArchitecture(
            blocks,
            pool_kind,
            pool_size,
            units,
            tuple(self.unit_bits(rng) for _ in units),
            self.widths.draw_weights(rng),
        )

    def block(self, rng: np.random.Generator, *, first: bool, layers: int) -> Block:
        """A block of `layers` layers; the first block of an architecture is serial."""
        parallel = not first and bool(rng.random() < self.odds.parallel)
        drawn = [self.layer(rng) for _ in range(layers)]
        if self.odds.block_pool is not None and not first:
            drawn[0] = replace(drawn[0], pre_pool=bool(rng.random() < self.odds.block_pool))
        return Block(parallel, self.settle(tuple(drawn), parallel, rng))

    def _grown(self, blocks: tuple[Block, ...], growth: float, rng: np.random.Generator) -> tuple[Block, ...]:
        base = self.channels(rng)

        def grown(layer: ConvLayer, index: int) -> ConvLayer:
            if layer.channels is None:
                return layer
            wanted = base * growth**index * math.exp(rng.normal(0.0, 0.3))
            return replace(layer, channels=min(max(round(wanted), CHANNELS[0]), CHANNELS[1]))

        return tuple(
            replace(block, layers=tuple(grown(layer, index) for layer in block.layers))
            for index, block in enumerate(blocks)
        )

    def layer(self, rng: np.random.Generator) -> ConvLayer:
        """A layer with free channels, as in the middle of a block."""
        depthwise = bool(rng.random() < self.odds.depthwise)
        kernel = KERNELS[bisect_right(self.odds.kernels_up_to, rng.random())]
        return ConvLayer(
            depthwise=depthwise,
            kernel=kernel,
            channels=None if depthwise else self.channels(rng),
            stride=STRIDES[int(rng.random() < self.odds.stride)] if kernel > 1 else 1,
            pre_pool=bool(rng.random() < self.odds.pre_pool),
            batch_norm=bool(rng.random() < self.odds.batch_norm),
            relu=bool(rng.random() < self.odds.relu),
            bits=self.widths.draw_weights(rng),
            activation_bits=self.widths.draw_activations(rng),
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

    def unit_bits(self, rng: np.random.Generator) -> tuple[int, int]:
        """Bits of the weights and of what comes out of a hidden fully connected layer."""
        return self.widths.draw_weights(rng), self.widths.draw_activations(rng)

    def _count(self, bounds: tuple[int, int], rng: np.random.Generator) -> int:
        if self.counts == "uniform":
            return _between(bounds, rng)
        low, high = math.log(bounds[0]), math.log(bounds[1] + 1)
        return min(max(int(math.exp(rng.uniform(low, high))), bounds[0]), bounds[1])


def _between(bounds: tuple[int, int], rng: np.random.Generator) -> int:
    return int(rng.integers(bounds[0], bounds[1], endpoint=True))


def _number(bounds: tuple[int, int], more: float | None, rng: np.random.Generator) -> int:
    if more is None:
        return _between(bounds, rng)
    return min(bounds[0] - 1 + int(rng.geometric(1.0 - more)), bounds[1])


def _one_of(options: tuple[int, ...], rng: np.random.Generator) -> int:
    return options[int(rng.integers(len(options)))]
