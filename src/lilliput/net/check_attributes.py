"""Which values the attributes of ops may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lilliput.net.check_numbers import refuse
from lilliput.net.graph import Net
from lilliput.net.ops import (
    OPS,
    Activation,
    Add,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    LeakyReLU,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    Padding,
    Profile,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Transpose,
)

LARGEST_TENSOR_ELEMENTS = 1 << 30
"""Offsets into a tensor stay within int32 in the generated C."""
LARGEST_WINDOW = (1 << 16) - 1
"""Sides, steps, dilations and borders of windows are 16-bit fields there."""


def check_attributes(net: Net, op: Op) -> None:
    """Refuses an op with a value that an attribute may not have.

    Raises:
        NetError: names the attribute.
    """
    for attribute, is_valid in _ATTRIBUTES[type(op)]:
        if not is_valid(getattr(op, attribute)):
            raise refuse(
                net, f"{attribute} of op '{op.name}' ({type(op).__name__}) is {vars(op)[attribute]!r}"
            )


def is_whole(
    value: object, least: int, length: int | None = None, most: int = LARGEST_TENSOR_ELEMENTS
) -> bool:
    """Whether `value` is a tuple (of that length) of whole numbers from `least` to `most`."""
    if not isinstance(value, tuple) or length not in (None, len(value)):
        return False
    for item in value:
        if type(item) is not int:
            return False
        if not least <= item <= most:
            return False
    return True


def is_real(value: object) -> bool:
    """Whether `value` is a finite number."""
    return isinstance(value, _Number) and math.isfinite(value)


_Number = int | float
_Rule = tuple[str, Callable[[Any], bool]]


def _has_type(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind


def _rules(**rules: Callable[[Any], bool]) -> tuple[_Rule, ...]:
    return (("profile", _has_type(Profile)), *rules.items())


_one_or_more, _none_or_more = partial(is_whole, least=1), partial(is_whole, least=0)
_pair = partial(is_whole, least=1, length=2)
_steps = partial(is_whole, least=1, length=2, most=LARGEST_WINDOW)
_border = partial(is_whole, least=0, most=LARGEST_WINDOW)
_activation: _Rule = ("activation", _has_type(Activation))
_window: tuple[_Rule, ...] = (
    ("strides", _steps),
    ("padding", lambda value: isinstance(value, Padding) and _border(value)),
    _activation,
)

_ATTRIBUTES: Mapping[type[Op], tuple[_Rule, ...]] = {
    **dict.fromkeys(OPS, _rules()),
    **dict.fromkeys((Conv2D, DepthwiseConv2D), (*_rules(dilation=_steps), *_window)),
    **dict.fromkeys((MaxPool2D, AveragePool2D), (*_rules(pool=_steps), *_window)),
    **dict.fromkeys((FullyConnected, Add, Sub, Mul), (*_rules(), _activation)),
    Concat: _rules(axis=_has_type(int)),
    Reshape: _rules(shape=_one_or_more),
    Pad: _rules(value=is_real, padding=lambda value: isinstance(value, Padding) and _none_or_more(value)),
    Slice: _rules(begin=_none_or_more, end=_one_or_more, steps=_one_or_more),
    Transpose: _rules(permutation=_none_or_more),
    ResizeNearest: _rules(size=_pair, align_corners=_has_type(bool), half_pixel_centers=_has_type(bool)),
    LeakyReLU: _rules(alpha=lambda value: is_real(value) and 0 <= value < 1e6),
    Softmax: _rules(beta=lambda value: is_real(value) and 0 < value < 1e6),
    BatchNorm: _rules(epsilon=lambda value: is_real(value) and value >= 0),
}
"""The attributes of each op and which values they may have."""
