"""Tensors: what flows between ops, and what stays in flash."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


class DType(StrEnum):
    """Element types.  The value is the name in files and in JSON."""

    FLOAT32 = "float32"
    SIGN = "sign"
    INT1 = "int1"
    INT2 = "int2"
    INT3 = "int3"
    INT4 = "int4"
    INT5 = "int5"
    INT6 = "int6"
    INT7 = "int7"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"

    def __init__(self, value: str) -> None:
        # Plans ask for these many thousands of times, so they are found once.
        self.bits = 1 if value == "sign" else int(value.lstrip("uintfloa"))
        """Width of one element in bits."""
        self.narrow = self.bits < 8
        """Whether it takes less than a byte."""
        self.numpy: np.dtype[np.generic] = np.dtype("int8" if self.narrow else value)
        """The numpy type that holds one element; narrow integers lie in int8."""
        half = 1 << (self.bits - 1)
        ends = {"uint8": (0, 255), "sign": (-1, 1)}
        self.range = ends.get(value, (-half, half - 1))
        """Smallest and largest value of an integer type; a sign is either of them, never 0."""


def signed(bits: int) -> DType:
    """The signed integer type of 1 to 8, 16 or 32 bits."""
    return DType(f"int{bits}")


def same_but_for_ones(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes are the same elements in the same order, axes of length 1 aside."""
    return [length for length in shape if length != 1] == [length for length in other if length != 1]


@dataclass(frozen=True)
class Quant:
    """Affine quantization: real = scale * (integer - zero_point).

    Per tensor when `axis` is None (one scale, one zero point), else one pair for each index of that axis.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantization."""
        (scale,) = self.scales
        return scale

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantization."""
        (zero_point,) = self.zero_points
        return zero_point

    @cached_property
    def scale_range(self) -> tuple[float, float] | None:
        """The smallest and the largest scale; None if one is not positive and finite."""
        # The sum of the scales is finite only if each is.
        least, most = min(self.scales), max(self.scales)
        return (least, most) if math.isfinite(sum(self.scales)) and least > 0 else None

    @property
    def is_uniform(self) -> bool:
        """Whether all scales are positive, finite and the same."""
        return self.scale_range is not None and self.scale_range[0] == self.scale_range[1]

    @cached_property
    def zero_range(self) -> tuple[int, int] | None:
        """The smallest and the largest zero point; None if one is no whole number."""
        whole = set(map(type, self.zero_points)) == {int}
        return (min(self.zero_points), max(self.zero_points)) if whole else None

    @staticmethod
    def per_tensor(scale: float, zero_point: int = 0) -> Quant:
        """One scale and zero point for all elements."""
        return Quant((float(scale),), (int(zero_point),))


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value in the network.

    Attributes:
        name: unique in the network.
        shape: without the batch; activations are (height, width, channels) or (features,).
        dtype: element type.
        quant: how integers stand for reals; None for float32 and for plain integers.
        constant: True for what lives in flash.  A search candidate's constants have no `data` yet.
        data: values of a constant, shape `shape`, dtype `dtype.numpy`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType = DType.FLOAT32
    quant: Quant | None = None
    constant: bool = False
    data: NDArray[np.generic] | None = field(default=None, repr=False)

    @cached_property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def element_bytes(self) -> int:
        """Bytes that one element takes while it flows."""
        return self.dtype.numpy.itemsize

    @cached_property
    def storage_bytes(self) -> int:
        """Bytes that the elements take: constants are packed densely, what flows has a byte each at least."""
        bits = self.dtype.bits if self.constant else max(self.dtype.bits, 8)
        return (self.elements * bits + 7) // 8

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        same = (self.name, self.shape, self.dtype, self.quant, self.constant) == (
            other.name,
            other.shape,
            other.dtype,
            other.quant,
            other.constant,
        )
        if not same or (self.data is None) != (other.data is None):
            return False
        return self.data is None or (
            other.data is not None and np.array_equal(self.data, other.data, equal_nan=True)
        )

    def __hash__(self) -> int:
        return hash((self.name, self.shape, self.dtype))
