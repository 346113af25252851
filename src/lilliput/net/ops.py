"""The closed set of operators: a class per op, its attributes, and its shape rule.

What an op means elsewhere (reference, torch, cost, C) stands in one table per consumer, keyed by these
classes; the contract test `tests/contract/test_op_tables.py` names every entry that is missing.

Layouts follow TensorFlow Lite: activations (height, width, channels); Conv2D weights (out, kernel height,
kernel width, in); DepthwiseConv2D weights (kernel height, kernel width, in x multiplier); FullyConnected
weights (out, in).  One-dimensional data have height 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from lilliput.net.op import Activation as Activation
from lilliput.net.op import Op as Op
from lilliput.net.op import Padding as Padding
from lilliput.net.op import Profile as Profile
from lilliput.net.op import Shape as Shape
from lilliput.net.op import Windowed
from lilliput.net.op import same_padding as same_padding


@dataclass(frozen=True, kw_only=True)
class Conv2D(Windowed):
    """2-D convolution.  Inputs: image (h, w, i), weights (o, kh, kw, i), and optionally bias (o,)."""

    dilation: tuple[int, int] = (1, 1)
    activation: Activation = Activation.NONE
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        channels, kernel = self._image(shapes[0])[2], shapes[1]
        if len(kernel) != 4 or kernel[3] != channels:
            raise self._refuse(f"weights {kernel} do not fit an input with {channels} channels")
        if len(shapes) == 3 and shapes[2] != (kernel[0],):
            raise self._refuse(f"bias {shapes[2]} does not fit {kernel[0]} output channels")
        return (*self._slide(shapes[0], _dilated((kernel[1], kernel[2]), self.dilation)), kernel[0])


@dataclass(frozen=True, kw_only=True)
class DepthwiseConv2D(Windowed):
    """Depthwise convolution.  Inputs: image (h, w, c), weights (kh, kw, c x multiplier), and optionally bias.

    Output channel o is made from input channel o // multiplier.
    """

    dilation: tuple[int, int] = (1, 1)
    activation: Activation = Activation.NONE
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        channels, kernel = self._image(shapes[0])[2], shapes[1]
        if len(kernel) != 3 or kernel[2] % channels or not kernel[2]:
            raise self._refuse(f"weights {kernel} do not fit an input with {channels} channels")
        if len(shapes) == 3 and shapes[2] != (kernel[2],):
            raise self._refuse(f"bias {shapes[2]} does not fit {kernel[2]} output channels")
        return (*self._slide(shapes[0], _dilated((kernel[0], kernel[1]), self.dilation)), kernel[2])


@dataclass(frozen=True, kw_only=True)
class FullyConnected(Op):
    """Matrix times vector.  Inputs: vector (i,), weights (o, i), and optionally bias (o,)."""

    activation: Activation = Activation.NONE
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        if len(shapes[0]) != 1 or len(shapes[1]) != 2 or shapes[1][1] != shapes[0][0]:
            raise self._refuse(f"weights {shapes[1]} do not fit an input of shape {shapes[0]}")
        if len(shapes) == 3 and shapes[2] != (shapes[1][0],):
            raise self._refuse(f"bias {shapes[2]} does not fit {shapes[1][0]} units")
        return (shapes[1][0],)


@dataclass(frozen=True, kw_only=True)
class _Pool(Windowed):
    pool: tuple[int, int] = (2, 2)
    activation: Activation = Activation.NONE

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        _, _, channels = self._image(shapes[0])
        pad = self.padding
        if max(pad.top, pad.bottom) >= self.pool[0] or max(pad.left, pad.right) >= self.pool[1]:
            raise self._refuse(f"padding {pad} leaves windows of {self.pool} with no element")
        return (*self._slide(shapes[0], self.pool), channels)


@dataclass(frozen=True, kw_only=True)
class MaxPool2D(_Pool):
    """Largest element of each window; padding never wins."""


@dataclass(frozen=True, kw_only=True)
class AveragePool2D(_Pool):
    """Mean of each window over the elements inside the image."""


@dataclass(frozen=True, kw_only=True)
class GlobalAveragePool2D(Op):
    """Mean over height and width: (h, w, c) → (c,)."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (self._image(shapes[0])[2],)


@dataclass(frozen=True, kw_only=True)
class _Pairwise(Op):
    """Two tensors, element by element; in an integer network one of them may be a constant.

    One has the output's shape.  The other may be smaller: it is repeated along the axes where it has size 1
    and along leading axes that it lacks, as numpy does.
    """

    activation: Activation = Activation.NONE
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        first, second = shapes
        shape = first if (len(first), math.prod(first)) >= (len(second), math.prod(second)) else second
        if repetition(first, shape) is None or repetition(second, shape) is None:
            raise self._refuse(
                f"shapes {first} and {second} do not go together: one must be that of the output"
            )
        return shape


class Repetition(NamedTuple):
    """How a tensor is spread over a whole one.

    Attributes:
        loops: cut the whole into equal parts: how many, and how many elements of the tensor lie from one to
            the next; the outermost loop first.
        step: within a part, element k of the whole meets element k // step % period of the tensor's.
        period: see there.
    """

    loops: tuple[tuple[int, int], ...]
    step: int
    period: int


def repetition(shape: Shape, whole: Shape) -> Repetition | None:
    """How a tensor of `shape` is spread over one of shape `whole`; None if it cannot be."""
    wide = (1,) * (len(whole) - len(shape)) + shape
    if len(wide) != len(whole) or any(a not in (b, 1) for a, b in zip(wide, whole, strict=True)):
        return None
    axes: list[tuple[bool, int]] = []  # whether the tensor has them, and their size; neighbours alike are one
    for own, size in zip(wide, whole, strict=True):
        if size > 1:
            before = axes.pop()[1] if axes and axes[-1][0] == (own == size) else 1
            axes.append((own == size, before * size))
    step = axes.pop()[1] if axes and not axes[-1][0] else 1
    period = axes.pop()[1] if axes else 1
    loops: list[tuple[int, int]] = []
    between = period
    for is_kept, size in reversed(axes[: -1 if axes and not axes[-1][0] else None]):
        loops.insert(0, (size, between if is_kept else 0))
        between *= size if is_kept else 1
    return Repetition(tuple(loops), step, period)


@dataclass(frozen=True, kw_only=True)
class Add(_Pairwise):
    """Element-wise sum."""


@dataclass(frozen=True, kw_only=True)
class Sub(_Pairwise):
    """Element-wise difference: the first less the second."""


@dataclass(frozen=True, kw_only=True)
class Mul(_Pairwise):
    """Element-wise product."""


@dataclass(frozen=True, kw_only=True)
class Concat(Op):
    """Tensors joined along `axis` (0 is height; the batch does not count); in an integer network some of them
    may be constants."""

    axis: int = 2
    arity: ClassVar[tuple[int, int]] = (1, 64)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        first = shapes[0]
        if not 0 <= self.axis < len(first):
            raise self._refuse(f"axis {self.axis} is outside a tensor of shape {first}")
        for shape in shapes:
            if len(shape) != len(first) or any(
                a != b for i, (a, b) in enumerate(zip(first, shape, strict=True)) if i != self.axis
            ):
                raise self._refuse(f"shapes {first} and {shape} differ beside axis {self.axis}")
        return (*first[: self.axis], sum(shape[self.axis] for shape in shapes), *first[self.axis + 1 :])


@dataclass(frozen=True, kw_only=True)
class Pad(Op):
    """An image with a border of one real value: 0.0 if not told, which is the zero point in integers."""

    padding: Padding = Padding()
    value: float = 0.0

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        height, width, channels = self._image(shapes[0])
        pad = self.padding
        if min(pad) < 0:
            raise self._refuse(f"padding {pad} is negative")
        return (height + pad.top + pad.bottom, width + pad.left + pad.right, channels)


@dataclass(frozen=True, kw_only=True)
class Slice(Op):
    """A part of a tensor: along each axis the elements begin, begin + step, … below end."""

    begin: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        shape, bounds = shapes[0], (self.begin, self.end, self.steps)
        if any(len(values) != len(shape) for values in bounds):
            raise self._refuse(f"begin, end and steps {bounds} do not fit a tensor of shape {shape}")
        for begin, end, step, size in zip(*bounds, shape, strict=True):
            if not (0 <= begin < end <= size and step >= 1):
                raise self._refuse(f"no elements {begin} to {end} by {step} in an axis of {size}")
        return tuple(-(-(end - begin) // step) for begin, end, step in zip(*bounds, strict=True))


@dataclass(frozen=True, kw_only=True)
class Transpose(Op):
    """The axes in another order: axis k of the output is axis permutation[k] of the input."""

    permutation: tuple[int, ...] = ()

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        if sorted(self.permutation) != list(range(len(shapes[0]))):
            raise self._refuse(f"{self.permutation} does not order the axes of {shapes[0]}")
        return tuple(shapes[0][axis] for axis in self.permutation)


@dataclass(frozen=True, kw_only=True)
class ResizeNearest(Op):
    """An image of another size, each pixel the nearest one of the input.

    Attributes:
        size: (height, width) of the output.
        align_corners: whether the corner pixels of both images stand for the same places.
        half_pixel_centers: whether a pixel's place is its centre, not its corner.
    """

    size: tuple[int, int] = (1, 1)
    align_corners: bool = False
    half_pixel_centers: bool = False

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return (*self.size, self._image(shapes[0])[2])


@dataclass(frozen=True, kw_only=True)
class _Unary(Op):
    """Each element becomes another one, whatever the others are."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]


@dataclass(frozen=True, kw_only=True)
class ReLU(_Unary):
    """max(x, 0)."""


@dataclass(frozen=True, kw_only=True)
class ReLU6(_Unary):
    """min(max(x, 0), 6)."""


@dataclass(frozen=True, kw_only=True)
class Logistic(_Unary):
    """1 / (1 + exp(-x))."""


@dataclass(frozen=True, kw_only=True)
class Tanh(_Unary):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))."""


@dataclass(frozen=True, kw_only=True)
class HardSwish(_Unary):
    """x min(max(x + 3, 0), 6) / 6."""


@dataclass(frozen=True, kw_only=True)
class LeakyReLU(_Unary):
    """x where it is not negative, alpha x where it is."""

    alpha: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Reshape(Op):
    """The same elements in another shape; moves nothing."""

    shape: tuple[int, ...] = ()

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        if math.prod(self.shape) != math.prod(shapes[0]):
            raise self._refuse(f"shape {self.shape} has another number of elements than {shapes[0]}")
        return self.shape


@dataclass(frozen=True, kw_only=True)
class Softmax(Op):
    """exp(beta x) / sum exp(beta x) over the last axis."""

    beta: float = 1.0

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]


@dataclass(frozen=True, kw_only=True)
class BatchNorm(Op):
    """(x - mean) / sqrt(variance + epsilon) x gamma + beta, over the last axis.  Float only.

    It is folded before quantization.

    Inputs: tensor (…, c), gamma (c,), beta (c,), mean (c,), variance (c,).
    """

    epsilon: float = 1e-3
    arity: ClassVar[tuple[int, int]] = (5, 5)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        if any(shape != shapes[0][-1:] for shape in shapes[1:]):
            raise self._refuse(f"parameters {shapes[1:]} do not fit {shapes[0][-1]} channels")
        return shapes[0]


@dataclass(frozen=True, kw_only=True)
class Requantize(_Unary):
    """The same reals in another quantization or integer type: uint8 ↔ int8, or int8 with another scale."""


def _dilated(kernel: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1


OPS: tuple[type[Op], ...] = (
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    MaxPool2D,
    AveragePool2D,
    GlobalAveragePool2D,
    Add,
    Sub,
    Mul,
    Concat,
    Pad,
    Slice,
    Transpose,
    ResizeNearest,
    ReLU,
    ReLU6,
    Logistic,
    Tanh,
    HardSwish,
    LeakyReLU,
    Reshape,
    Softmax,
    BatchNorm,
    Requantize,
)
"""Every op there is."""

FLOAT_ONLY: frozenset[type[Op]] = frozenset({BatchNorm})
"""Ops that a quantized network never holds."""

PairwiseOp = Add | Sub | Mul
"""Ops of two tensors, element by element."""

IN_PLACE: frozenset[type[Op]] = frozenset(
    {ReLU, ReLU6, Logistic, Tanh, HardSwish, LeakyReLU, Reshape, Requantize, Add, Sub, Mul}
)
"""Ops whose output may take the address of an activation input of the same byte size that nobody needs
afterwards: element k of the output is written after the last read of element k of each input, and nothing
else is read later."""
