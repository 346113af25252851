"""Steps of random networks (`tests.strategies`): gates, differences, parts, other orders and other sizes."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    Mul,
    Pad,
    Padding,
    Requantize,
    ResizeNearest,
    Slice,
    Sub,
    Tanh,
    Transpose,
)

MOST_ELEMENTS = 1500


def function(maker: Any, x: str) -> None:
    kind = maker.pick((Logistic, Tanh, HardSwish, LeakyReLU))
    maker.add(kind, x, **({"alpha": maker.pick((0.01, 0.3))} if kind is LeakyReLU else {}))


def gate(maker: Any, x: str) -> None:
    """An image times, plus or minus one number a channel."""
    source = maker.add(GlobalAveragePool2D, x)
    numbers = maker.add(maker.pick((Logistic, HardSwish, Requantize)), source)
    kind = maker.pick((Mul, Mul, Add, Sub))
    maker.add(kind, *((x, numbers)[:: maker.pick((1, -1))]), activation=maker.pick(list(Activation)))


def strips(maker: Any, x: str) -> None:
    """An image times, plus or minus one number for each channel of a row or column."""
    height, width, _ = maker.shape(x)
    means = maker.add(AveragePool2D, x, pool=maker.pick(((1, width), (height, 1))))
    kind = maker.pick((Mul, Add, Sub) if _may_multiply(maker) else (Add, Sub))
    maker.add(kind, *((x, means)[:: maker.pick((1, -1))]), activation=maker.pick(list(Activation)))


def pair(maker: Any, x: str) -> None:
    """A product or difference of two tensors of one shape."""
    twins = [
        name
        for name, tensor in maker.tensors.items()
        if not tensor.constant and tensor.shape == maker.shape(x)
    ]
    maker.add(
        maker.pick((Mul, Sub)) if _may_multiply(maker) else Sub,
        x,
        maker.pick(twins),
        activation=maker.pick(list(Activation)),
    )


def _may_multiply(maker: Any) -> bool:
    """Squares of squares of squares leave float32."""
    return sum(isinstance(op, Mul) for op in maker.ops) < 2


def part(maker: Any, x: str) -> None:
    shape = maker.shape(x)
    begin = tuple(maker.whole(0, size - 1) for size in shape)
    end = tuple(maker.whole(first + 1, size) for first, size in zip(begin, shape, strict=True))
    maker.add(Slice, x, begin=begin, end=end, steps=tuple(maker.whole(1, 2) for _ in shape))


def transpose(maker: Any, x: str) -> None:
    maker.add(Transpose, x, permutation=maker.pick(list(permutations(range(3)))))


def resize(maker: Any, x: str) -> None:
    size = (maker.whole(1, 9), maker.whole(1, 9))
    if size[0] * size[1] * maker.shape(x)[2] < MOST_ELEMENTS:
        maker.add(
            ResizeNearest, x, size=size, align_corners=maker.chance(3), half_pixel_centers=maker.chance(3)
        )


def pad_with_value(maker: Any, x: str) -> None:
    if maker.tensors[x].elements < MOST_ELEMENTS:
        maker.add(Pad, x, padding=Padding(*(maker.whole(0, 2) for _ in range(4))), value=0.5)


IMAGE_GATES = (function, function, gate, strips, pair, part, transpose, resize, pad_with_value)
VECTOR_GATES = (function, pair, part)
