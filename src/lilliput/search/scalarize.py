"""Several objectives as one number, by random scalarization (µNAS §3.5.1, after Paria et al., 2020)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def random_weights(bounds: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
    """The coefficients λ of one search round: 1/λ ~ Uniform(0, b] for each objective with a soft bound b.

    They are drawn in the alphabetical order of the names, so that the order of a table in a file does not
    matter.
    """
    return {name: 1.0 / (bounds[name] * (1.0 - rng.random())) for name in sorted(bounds)}


def scalarize(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Equation 1: the largest of λ times the objective, the smaller the better."""
    return max(weight * values[name] for name, weight in weights.items())
