"""What every operator has: names, a numeric profile, a shape rule; and the values that attributes take."""

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
    RELU_N1_TO_1 = "relu_n1_to_1"


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
            "give it tensors whose shapes fit",
        )

    def _image(self, shape: Shape) -> tuple[int, int, int]:
        if len(shape) != 3:
            raise self._refuse(f"expected (height, width, channels), got {shape}")
        return shape[0], shape[1], shape[2]


@dataclass(frozen=True, kw_only=True)
class Windowed(Op):
    """An op that slides a window over an image."""

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
