"""What counts of loops are made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lilliput.net.ops import Activation, Conv2D, DepthwiseConv2D

Counts = dict[str, float]


def split_up(length: int, sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Size and number of the steps that take `length`: as many of the first size as fit, and so on to 1."""
    for size in (*sizes, 1):
        yield size, length // size
        length %= size


@lru_cache(maxsize=4096)
def is_limited(op: Conv2D | DepthwiseConv2D) -> bool:
    """Whether outputs keep a range smaller than int8: as if what a ReLU makes began at the least int8."""
    return op.activation is Activation.RELU6
