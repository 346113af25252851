"""Whether the C gives what the reference gives: integers on every byte, floats within a bound."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.net.graph import Net
from lilliput.net.tensor import DType

Array = NDArray[Any]

LARGEST_ULPS = 256
"""How many units in the last place of its row's largest output a float may be off.

The reference adds up in float64 and rounds once an op; the C rounds after every product and every sum, so
that a sum of n products is off by n / 2 units of its largest term at most, and by its root as a rule.
"""


def differing(net: Net, outputs: Array, expected: Array) -> NDArray[np.bool_]:
    """For each row whether it is wrong anywhere.

    Args:
        net: whose outputs they are.
        outputs: of the C, (n, *output shape).
        expected: of the reference.
    """
    rows = len(outputs)
    found, wanted = outputs.reshape(rows, -1), expected.reshape(rows, -1)
    if net.output.dtype is not DType.FLOAT32:
        wrong: NDArray[np.bool_] = (found != wanted).any(axis=1)
        return wrong
    return np.logical_not((ulps(found, wanted) <= LARGEST_ULPS).all(axis=1))


def ulps(found: Array, wanted: Array) -> NDArray[np.float64]:
    """How far floats lie apart, in units in the last place of the largest one expected of their row."""
    largest = np.abs(wanted.astype(np.float64)).max(axis=1, keepdims=True)
    _, exponent = np.frexp(np.maximum(largest, float(np.finfo(np.float32).tiny)))
    # In float64, since libraries let processors take float32's smallest numbers as 0.
    unit = np.ldexp(1.0, exponent - np.finfo(np.float32).nmant - 1)
    apart: NDArray[np.float64] = np.abs(found.astype(np.float64) - wanted.astype(np.float64)) / unit
    return apart
