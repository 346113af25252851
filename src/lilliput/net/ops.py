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
from enum import StrEnum
from typing import ClassVar, NamedTuple

from lilliput.errors import NetError

Shape = tuple[int, ...]


class Activation(StrEnum):
    """An activation fused into the op before it."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"


class Profile(StrEnum):
    """How an integer op rounds: `tflm` as TensorFlow Lite Micro's kernels, `lilliput` as is cheapest."""

    LILLIPUT = "lilliput"
    TFLM = "tflm"


class Padding(NamedTuple):
    """Elements added around an image; always explicit, never "same"."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


def same_padding(size: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int]) -> Padding:
    """TensorFlow's SAME rule: output is ceil(size / stride), the odd element goes to the bottom and right."""

    def split(length: int, window: int, stride: int) -> tuple[int, int]:
        total = max((math.ceil(length / stride) - 1) * stride + window - length, 0)
        return total // 2, total - total // 2

    return Padding(*split(size[0], kernel[0], strides[0]), *split(size[1], kernel[1], strides[1]))


@dataclass(frozen=True, kw_only=True)
class Op:
    """One step of a network.  `inputs` and `outputs` name tensors; constants come after the activations."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    profile: Profile = Profile.LILLIPUT

    arity: ClassVar[tuple[int, int]] = (1, 1)  # fewest and most inputs

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Shape of the output from the shapes of all inputs, constants included.

        Raises:
            NetError: the inputs do not fit this op.
        """
        raise NotImplementedError

    def _refuse(self, why: str) -> NetError:
        return NetError(
            f"op '{self.name}' ({type(self).__name__}) cannot take its inputs",
            why,
            "check shapes and weights",
        )

    def _image(self, shape: Shape) -> tuple[int, int, int]:
        if len(shape) != 3:
            raise self._refuse(f"expected (height, width, channels), got {shape}")
        return shape[0], shape[1], shape[2]


@dataclass(frozen=True, kw_only=True)
class _Windowed(Op):
    strides: tuple[int, int] = (1, 1)
    padding: Padding = Padding()

    def _slide(self, shape: Shape, window: tuple[int, int]) -> tuple[int, int]:
        height, width, _ = self._image(shape)
        rows = height + self.padding.top + self.padding.bottom - window[0]
        columns = width + self.padding.left + self.padding.right - window[1]
        if rows < 0 or columns < 0 or min(self.strides) < 1 or min(window) < 1:
            raise self._refuse(
                f"a window of {window} with strides {self.strides} does not fit {shape} with {self.padding}"
            )
        return rows // self.strides[0] + 1, columns // self.strides[1] + 1


@dataclass(frozen=True, kw_only=True)
class Conv2D(_Windowed):
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
class DepthwiseConv2D(_Windowed):
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
class _Pool(_Windowed):
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
class Add(Op):
    """Element-wise sum of two tensors of one shape."""

    activation: Activation = Activation.NONE
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        if shapes[0] != shapes[1]:
            raise self._refuse(f"shapes {shapes[0]} and {shapes[1]} differ")
        return shapes[0]


@dataclass(frozen=True, kw_only=True)
class Concat(Op):
    """Tensors joined along `axis` (0 is height; the batch does not count)."""

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
    """An image with a border of zeros (real 0.0, so the zero point in integers)."""

    padding: Padding = Padding()

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        height, width, channels = self._image(shapes[0])
        pad = self.padding
        if min(pad) < 0:
            raise self._refuse(f"padding {pad} is negative")
        return (height + pad.top + pad.bottom, width + pad.left + pad.right, channels)


@dataclass(frozen=True, kw_only=True)
class ReLU(Op):
    """max(x, 0)."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]


@dataclass(frozen=True, kw_only=True)
class ReLU6(Op):
    """min(max(x, 0), 6)."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]


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
class Requantize(Op):
    """The same reals in another quantization or integer type: uint8 → int8, or int8 with another scale."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]


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
    Concat,
    Pad,
    ReLU,
    ReLU6,
    Reshape,
    Softmax,
    BatchNorm,
    Requantize,
)
"""Every op there is."""

FLOAT_ONLY: frozenset[type[Op]] = frozenset({BatchNorm})
"""Ops that a quantized network never holds."""

IN_PLACE: frozenset[type[Op]] = frozenset({ReLU, ReLU6, Reshape, Requantize, Add})
"""Ops whose output may take the address of an activation input of the same byte size that nobody needs
afterwards: element k of the output is written after the last read of element k of each input, and nothing
else is read later."""
