"""Bit widths of layers, as spaces draw them and as number formats say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lilliput.net.formats import FORMATS, Formats

BITS = (2, 8)
"""Fewest and most bits of a weight, and of an element of what a layer puts out."""
WHOLE = 8
"""Bits of what has no width of its own."""

Range = tuple[int, int]


@dataclass(frozen=True)
class Widths:
    """What a space may choose.

    Attributes:
        weights: fewest and most bits of a layer's weights.
        activations: fewest and most bits of what a layer puts out; the last layer puts out 8.
    """

    weights: Range = (WHOLE, WHOLE)
    activations: Range = (WHOLE, WHOLE)

    @property
    def free(self) -> bool:
        """Whether there is anything to choose."""
        return self.weights[0] < self.weights[1] or self.activations[0] < self.activations[1]

    def draw_weights(self, rng: np.random.Generator) -> int:
        """Bits of a layer's weights."""
        return _drawn(self.weights, rng)

    def draw_activations(self, rng: np.random.Generator) -> int:
        """Bits of what a layer puts out."""
        return _drawn(self.activations, rng)

    def changed(
        self, weights: int, activations: int, rng: np.random.Generator, *, last: bool = False
    ) -> tuple[int, int]:
        """The widths of a layer with one of them drawn anew; of the `last` layer only the weights'."""
        choose_activations = not last and self.activations[0] < self.activations[1]
        if choose_activations and (self.weights[0] == self.weights[1] or rng.random() < 0.5):
            return weights, self.draw_activations(rng)
        return self.draw_weights(rng), activations


def _drawn(bounds: Range, rng: np.random.Generator) -> int:
    """One of a range; where there is but one, nothing is drawn."""
    return bounds[0] if bounds[0] == bounds[1] else int(rng.integers(*bounds, endpoint=True))


def steps(bits: int, bounds: Range) -> tuple[int, ...]:
    """Other widths within the bounds, at most two bits away."""
    return tuple(bits + step for step in (-2, -1, 1, 2) if bounds[0] <= bits + step <= bounds[1])


def formats_of(layers: Mapping[str, tuple[int, int]]) -> Formats:
    """The number formats of a network of int8.

    Args:
        layers: name of an op with weights → bits of its weights and of what it puts out.
    """
    narrow = {name: bits for name, bits in layers.items() if bits != (WHOLE, WHOLE)}
    return Formats(
        ops={name: FORMATS[f"w{weights}a{activations}"] for name, (weights, activations) in narrow.items()}
    )
