"""Random .tflite files, operator by operator: what their operators draw from, `random_operators.py`.

What `write_tflite` makes of random networks has one form of each operator; converters have many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tests.formats.tflite.files import FLOAT32, INT8, INT32, UINT8, File

from lilliput.formats.flatbuffer_writing import Number
from lilliput.formats.tflite.schema import Builtin

Shape = tuple[int, ...]


class RandomFile:
    """A file that grows; `newest` is the tensor that the next operator reads."""

    def __init__(self, seed: Sequence[int], shape: Shape | None = None, kind: int | None = None) -> None:
        self.rng = np.random.default_rng(seed)
        self.file = File()
        self.shapes: dict[int, Shape] = {}
        self.quants: dict[int, tuple[float, int]] = {}
        self.newest = self._begin(shape or self._input_shape(), self.end_kind() if kind is None else kind)

    def finished(self, kind: int = INT8) -> bytes:
        """The file's content, its output of a type."""
        self._end(kind)
        return self.file.data()

    def whole(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))

    def chance(self, one_in: int) -> bool:
        return self.whole(1, one_in) == 1

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self.whole(0, len(options) - 1)]

    @property
    def shape(self) -> Shape:
        return self.shapes[self.newest]

    @property
    def scale(self) -> float:
        return self.quants[self.newest][0]

    def tensor(self, shape: Sequence[int], scale: float, zero_point: int | None = None) -> int:
        """A new int8 activation."""
        if zero_point is None:
            zero_point = self.pick((-128, 0, self.whole(-128, 127)))
        index = self.file.tensor(tuple(shape), INT8, scale, zero_point)
        self.shapes[index] = tuple(shape)
        self.quants[index] = (scale, zero_point)
        return index

    def alike(self, shape: Sequence[int]) -> int:
        """A new activation in the quantization of the newest."""
        return self.tensor(shape, *self.quants[self.newest])

    def put(
        self, code: int, inputs: Sequence[int], output: int, options: dict[int, Any] | None = None
    ) -> None:
        """An operator whose output is the newest from now on."""
        self.file.operator(code, inputs, (output,), options or {})
        self.newest = output

    def activation(self) -> Number:
        return Number("b", self.pick((0, 0, 1, 2, 3)))

    def weights(self, shape: Shape, axis: int, terms: int) -> tuple[list[int], float]:
        """Constants of weights and perhaps a bias, and a scale that sums of `terms` products fit."""
        channels = shape[axis]
        scales = self.rng.uniform(0.002, 0.02, 1 if self.chance(3) else channels).astype(np.float32)
        values = np.clip(self.rng.normal(0, self.pick((12, 45, 90)), shape), -127, 127).astype(np.int8)
        found = [self.file.constant(values, scales, axis if len(scales) > 1 else 0)]
        bias = self.rng.integers(-900, 900, channels).astype(np.int32)
        products = scales * np.float32(self.scale)
        if not self.chance(4):
            found.append(self.file.tensor((channels,), INT32, products, 0, data=bias))
        size = 0.7 * math.sqrt(terms) * float(scales.max()) * self.scale * float(np.abs(values).mean())
        return found, max(size, self.scale * float(scales.max())) * self.looseness()

    def looseness(self) -> float:
        """How much wider the range of a layer's output is than its sums are likely to be."""
        return float(self.pick((0.3, 1.0, 3.0)))

    def _input_shape(self) -> Shape:
        shape: Shape = self.pick(
            (
                (1, self.whole(1, 12), self.whole(1, 12), self.whole(1, 4)),
                (1, self.whole(3, 10), self.whole(3, 10), self.pick((1, 3))),
                (1, 1, self.whole(2, 60), self.whole(1, 3)),
                (1, self.whole(2, 20), self.whole(1, 6)),
                (1, self.whole(1, 30)),
            )
        )
        return shape

    def end_kind(self) -> int:
        return int(self.pick((INT8, INT8, UINT8, FLOAT32)))

    def _begin(self, shape: Shape, kind: int) -> int:
        """An input of a type, and the int8 that it is made."""
        inside = self.tensor(shape, float(np.float32(self.rng.uniform(0.004, 0.1))))
        self.file.inputs = (inside,)
        if kind != INT8:
            scale, zero_point = self.quants[inside]
            source = (
                self.file.tensor(shape, kind, scale, zero_point + 128)
                if kind == UINT8
                else self.file.tensor(shape, kind, None)
            )
            self.file.operator(Builtin.QUANTIZE, (source,), (inside,), {})
            self.file.inputs = (source,)
        return inside

    def _end(self, kind: int) -> None:
        output = self.newest
        if kind == UINT8:
            output = self.file.tensor(self.shape, UINT8, self.scale * self.pick((1, 1.3)), self.whole(0, 255))
            self.file.operator(Builtin.QUANTIZE, (self.newest,), (output,), {})
        elif kind == FLOAT32:
            output = self.file.tensor(self.shape, FLOAT32, None)
            self.file.operator(Builtin.DEQUANTIZE, (self.newest,), (output,), {})
        self.file.outputs = (output,)
