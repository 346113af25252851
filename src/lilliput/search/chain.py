"""The space `chain`: convolutions, poolings and fully connected layers in a row, and a bit width for each.

After Nieuwenhuis, "Exploring the Implementation of NAS for TinyML Applications" (University of Twente, 2022,
§4.3.1).  There, channels and units are drawn at random and deeper convolutions have more channels; batch
normalization is added here, since it speeds up short trainings and is folded before anything is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from lilliput.net.formats import Formats
from lilliput.net.graph import Net
from lilliput.search import chain_architecture
from lilliput.search.chain_architecture import (
    CHANNELS,
    CONVOLUTIONS,
    DENSE,
    KERNELS,
    POOL,
    POOLINGS,
    UNITS,
    ChainArchitecture,
    Convolution,
    Dense,
    Pooling,
    cut,
    layer_name,
)
from lilliput.search.walk import Walk
from lilliput.search.widths import BITS, WHOLE, Range, Widths

FIRST_CHANNELS = (4, 16)
"""Fewest and most channels of a random architecture's first convolution."""
GROWTH = (1.0, 2.0)
"""Least and largest factor from one convolution's channels to the next one's, at random."""
RANDOM_CONVOLUTIONS = (1, 4)
"""Fewest and most convolutions of a random architecture; mutations add more."""

Weighted = TypeVar("Weighted", Convolution, Dense)
Change = Callable[[ChainArchitecture, np.random.Generator], ChainArchitecture]


class ChainSpace:
    """Layers in a row.

    Args:
        bits: fewest and most bits of a layer's weights, within `BITS`.
        activation_bits: the same of what a layer puts out.
    """

    name = "chain"

    def __init__(self, bits: Range = BITS, activation_bits: Range = (WHOLE, WHOLE)) -> None:
        self._bits = Widths(bits, activation_bits)

    def sample(self, rng: np.random.Generator) -> ChainArchitecture:
        """A random architecture: convolutions that get wider, a pooling behind about every other one."""
        features: list[Convolution | Pooling] = []
        channels = float(_between(FIRST_CHANNELS, rng))
        poolings = 0
        for _ in range(_between(RANDOM_CONVOLUTIONS, rng)):
            features.append(self._convolution(round(channels), rng))
            channels *= rng.uniform(*GROWTH)
            if poolings < POOLINGS[1] and rng.random() < 0.6:
                features.append(Pooling())
                poolings += 1
        dense = tuple(self._dense(rng) for _ in range(_between((0, 2), rng)))
        return ChainArchitecture(tuple(features), dense, self._bits.draw_weights(rng))

    def mutate(
        self, architecture: ChainArchitecture, rng: np.random.Generator
    ) -> tuple[ChainArchitecture, str]:
        """A child by one morphism, drawn uniformly from the kinds that apply, and the morphism's name."""
        options = self.morphisms(architecture)
        while True:
            name = list(options)[int(rng.integers(len(options)))]
            child = options[name](architecture, rng)
            if child != architecture:
                return child, name

    def morphisms(self, architecture: ChainArchitecture) -> dict[str, Change]:
        """The kinds of changes that apply, by name; each draws its place at random."""
        found: dict[str, Change] = {"change kernel": _change_kernel, "change channels": _change_channels}
        if architecture.convolutions < CONVOLUTIONS[1]:
            found["insert convolution"] = self._insert_convolution
        if architecture.convolutions > CONVOLUTIONS[0]:
            found["remove convolution"] = _remove_convolution
        if architecture.poolings < POOLINGS[1]:
            found["insert pooling"] = _insert_pooling
        if architecture.poolings > POOLINGS[0]:
            found["remove pooling"] = _remove_pooling
        if len(architecture.dense) < DENSE[1]:
            found["insert fully connected"] = self._insert_dense
        if len(architecture.dense) > DENSE[0]:
            found["remove fully connected"] = _remove_dense
            found["change units"] = _change_units
        if self._bits.free:
            found["change bits"] = self._change_bits
        return found

    def widths(self, architecture: ChainArchitecture) -> tuple[int, ...]:
        """Channels in the order of the layers, then hidden units."""
        return chain_architecture.widths(architecture)

    def with_widths(self, architecture: ChainArchitecture, widths: Sequence[int]) -> ChainArchitecture:
        """The same layers with other `widths`, cut to the space's bounds."""
        return chain_architecture.with_widths(architecture, widths)

    def to_net(
        self, architecture: ChainArchitecture, input_shape: tuple[int, ...], classes: int, name: str
    ) -> Net:
        """The float network, without weights.

        Kernels and poolings are cut to what is left of the image, rows and columns each.

        Raises:
            NetError: the input is not an image or a series of height 1.
        """
        walk = Walk(input_shape, classes)
        trunk = "input"
        for number, layer in enumerate(architecture.features, start=1):
            if isinstance(layer, Pooling):
                trunk = walk.pool(f"pool{number}", trunk, (POOL, POOL), average=False)
                continue
            kernel, op = (layer.kernel, layer.kernel), layer_name(number - 1)
            trunk = walk.convolution(op, trunk, layer.channels, kernel, bias=False)
            trunk = walk.relu(f"{op}_relu", walk.batch_norm(f"{op}_norm", trunk))
        return walk.classifier(trunk, [layer.units for layer in architecture.dense], classes, name)

    def formats(self, architecture: ChainArchitecture) -> Formats:
        """The number formats of the network's layers."""
        return chain_architecture.formats(architecture)

    def encode(self, architecture: ChainArchitecture) -> dict[str, Any]:
        """The architecture in JSON values."""
        return chain_architecture.encode(architecture)

    def decode(self, encoded: Mapping[str, Any]) -> ChainArchitecture:
        """The architecture that `encode` wrote; raises StudyError for anything else."""
        return chain_architecture.decode(encoded)

    # What is drawn at random

    def _convolution(self, channels: int, rng: np.random.Generator) -> Convolution:
        kernel, bits = _one_of(KERNELS, rng), self._bits.draw_weights(rng)
        return Convolution(kernel, cut(channels, CHANNELS), bits, self._bits.draw_activations(rng))

    def _dense(self, rng: np.random.Generator) -> Dense:
        units, bits = _between((10, 64), rng), self._bits.draw_weights(rng)
        return Dense(units, bits, self._bits.draw_activations(rng))

    def _insert_convolution(
        self, architecture: ChainArchitecture, rng: np.random.Generator
    ) -> ChainArchitecture:
        place = int(rng.integers(len(architecture.features) + 1))
        before = [layer for layer in architecture.features[:place] if isinstance(layer, Convolution)]
        low, high = (before[-1].channels, 2 * before[-1].channels) if before else FIRST_CHANNELS
        return _with_feature(architecture, place, self._convolution(_between((low, high), rng), rng))

    def _insert_dense(self, architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
        place = int(rng.integers(len(architecture.dense) + 1))
        dense = (*architecture.dense[:place], self._dense(rng), *architecture.dense[place:])
        return replace(architecture, dense=dense)

    def _change_bits(self, architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
        weighted = _places(architecture, Convolution)
        place = int(rng.integers(len(weighted) + len(architecture.dense) + 1))
        if place < len(weighted):
            layer = architecture.features[weighted[place]]
            assert isinstance(layer, Convolution)
            return _replaced(architecture, weighted[place], self._with_other_bits(layer, rng))
        place -= len(weighted)
        if place < len(architecture.dense):
            dense = list(architecture.dense)
            dense[place] = self._with_other_bits(dense[place], rng)
            return replace(architecture, dense=tuple(dense))
        bits, _ = self._bits.changed(architecture.bits, WHOLE, rng, last=True)
        return replace(architecture, bits=bits)

    def _with_other_bits(self, layer: Weighted, rng: np.random.Generator) -> Weighted:
        bits, activation_bits = self._bits.changed(layer.bits, layer.activation_bits, rng)
        return replace(layer, bits=bits, activation_bits=activation_bits)


def _change_kernel(architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
    place, layer = _some_convolution(architecture, rng)
    others = tuple(kernel for kernel in KERNELS if kernel != layer.kernel)
    return _replaced(architecture, place, replace(layer, kernel=_one_of(others, rng)))


def _change_channels(architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
    place, layer = _some_convolution(architecture, rng)
    return _replaced(architecture, place, replace(layer, channels=_near(layer.channels, CHANNELS, rng)))


def _change_units(architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
    dense = list(architecture.dense)
    place = int(rng.integers(len(dense)))
    dense[place] = replace(dense[place], units=_near(dense[place].units, UNITS, rng))
    return replace(architecture, dense=tuple(dense))


def _remove_convolution(architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
    return _without_feature(architecture, _one_of(_places(architecture, Convolution), rng))


def _insert_pooling(architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
    return _with_feature(architecture, int(rng.integers(len(architecture.features) + 1)), Pooling())


def _remove_pooling(architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
    return _without_feature(architecture, _one_of(_places(architecture, Pooling), rng))


def _remove_dense(architecture: ChainArchitecture, rng: np.random.Generator) -> ChainArchitecture:
    place = int(rng.integers(len(architecture.dense)))
    return replace(architecture, dense=architecture.dense[:place] + architecture.dense[place + 1 :])


def _places(architecture: ChainArchitecture, kind: type) -> tuple[int, ...]:
    return tuple(index for index, layer in enumerate(architecture.features) if isinstance(layer, kind))


def _some_convolution(architecture: ChainArchitecture, rng: np.random.Generator) -> tuple[int, Convolution]:
    place = _one_of(_places(architecture, Convolution), rng)
    layer = architecture.features[place]
    assert isinstance(layer, Convolution)
    return place, layer


def _replaced(architecture: ChainArchitecture, place: int, layer: Convolution) -> ChainArchitecture:
    features = architecture.features
    return replace(architecture, features=(*features[:place], layer, *features[place + 1 :]))


def _with_feature(
    architecture: ChainArchitecture, place: int, layer: Convolution | Pooling
) -> ChainArchitecture:
    features = architecture.features
    return replace(architecture, features=(*features[:place], layer, *features[place:]))


def _without_feature(architecture: ChainArchitecture, place: int) -> ChainArchitecture:
    return replace(architecture, features=architecture.features[:place] + architecture.features[place + 1 :])


def _near(value: int, bounds: tuple[int, int], rng: np.random.Generator) -> int:
    """Another value, from half to twice this one."""
    low, high = cut(value // 2, bounds), cut(max(2 * value, value + 1), bounds)
    drawn = _between((low, high - 1), rng)
    return drawn + (drawn >= value)


def _between(bounds: tuple[int, int], rng: np.random.Generator) -> int:
    return int(rng.integers(bounds[0], bounds[1], endpoint=True))


def _one_of(options: Sequence[int], rng: np.random.Generator) -> int:
    return options[int(rng.integers(len(options)))]
