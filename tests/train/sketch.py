"""Float networks for tests of training, put together op by op, and small data that can be learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from lilliput.data import Dataset, Split
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Net,
    Normalization,
    Op,
    Pad,
    Padding,
    ReLU,
    ReLU6,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Tensor,
    Transpose,
)


class Sketch:
    """A network that grows; methods take and give names of activations."""

    def __init__(self, shape: tuple[int, ...], data: np.random.Generator | None = None) -> None:
        self.ops: list[Op] = []
        self.tensors = {"input": Tensor("input", shape)}
        self._data = data

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def constant(self, label: str, shape: tuple[int, ...], positive: bool = False) -> str:
        name = f"{label}_{len(self.tensors)}"
        values = None
        if self._data is not None:
            values = self._data.normal(0.0, 0.5, shape).astype(np.float32)
            values = np.abs(values) + np.float32(0.5) if positive else values
        self.tensors[name] = Tensor(name, shape, constant=True, data=values)
        return name

    def add(self, kind: type[Op], *inputs: str, **attributes: Any) -> str:
        name = f"{kind.__name__.lower()}_{len(self.ops)}"
        op = kind(name=name, inputs=inputs, outputs=(f"{name}_out",), **attributes)
        shape = op.output_shape([self.shape(tensor) for tensor in inputs])
        self.ops.append(op)
        self.tensors[op.outputs[0]] = Tensor(op.outputs[0], shape)
        return op.outputs[0]

    def conv(
        self, x: str, channels: int, kernel: tuple[int, int] = (3, 3), bias: bool = False, **attributes: Any
    ) -> str:
        weights = self.constant("w", (channels, *kernel, self.shape(x)[-1]))
        return self.add(
            Conv2D, x, weights, *([self.constant("b", (channels,))] if bias else []), **attributes
        )

    def depthwise(
        self,
        x: str,
        multiplier: int = 1,
        kernel: tuple[int, int] = (3, 3),
        bias: bool = False,
        **attributes: Any,
    ) -> str:
        channels = multiplier * self.shape(x)[-1]
        weights = self.constant("w", (*kernel, channels))
        bias_names = [self.constant("b", (channels,))] if bias else []
        return self.add(DepthwiseConv2D, x, weights, *bias_names, **attributes)

    def dense(self, x: str, units: int, bias: bool = True, **attributes: Any) -> str:
        weights = self.constant("w", (units, self.shape(x)[0]))
        bias_names = [self.constant("b", (units,))] if bias else []
        return self.add(FullyConnected, x, weights, *bias_names, **attributes)

    def norm(self, x: str) -> str:
        channels = self.shape(x)[-1:]
        names = [self.constant(label, channels) for label in ("gamma", "beta", "mean")]
        return self.add(BatchNorm, x, *names, self.constant("variance", channels, positive=True))

    def block(self, x: str, channels: int, **attributes: Any) -> str:
        """Convolution, batch norm, ReLU."""
        return self.add(ReLU, self.norm(self.conv(x, channels, **attributes)))

    def flat(self, x: str) -> str:
        return self.add(Reshape, x, shape=(int(np.prod(self.shape(x))),))

    def net(self, output: str, normalization: Normalization | None = None) -> Net:
        return Net("sketch", tuple(self.ops), self.tensors, ("input",), (output,), (), normalization)


def branched(data: np.random.Generator | None = None) -> Net:
    """Every way in which channels hang together: Add, Concat, depthwise, flattening."""
    sketch = Sketch((9, 8, 2), data)
    trunk = sketch.block("input", 6, padding=Padding(0, 1, 0, 1), strides=(2, 2))
    left = sketch.norm(sketch.conv(trunk, 6, padding=Padding(1, 1, 1, 1)))
    joined = sketch.add(ReLU, sketch.add(Add, left, trunk))
    right = sketch.add(ReLU, sketch.norm(sketch.depthwise(joined, 2, padding=Padding(1, 1, 1, 1))))
    both = sketch.add(Concat, right, joined, axis=2)
    narrow = sketch.block(both, 5, kernel=(1, 1))
    hidden = sketch.add(ReLU, sketch.dense(sketch.flat(narrow), 7))
    return sketch.net(sketch.dense(hidden, 3))


def gated(seed: int) -> Net:
    """Squeeze and excite, a gate of two halves, a difference, a resized branch and axes in another order."""
    sketch = Sketch((6, 7, 3), np.random.default_rng(seed))
    x = sketch.add(HardSwish, sketch.conv("input", 8, padding=Padding(1, 1, 1, 1), bias=True))
    weights = sketch.add(Logistic, sketch.dense(sketch.add(GlobalAveragePool2D, x), 8))
    x = sketch.add(Mul, x, weights)
    left, right = (
        sketch.add(Slice, x, begin=(0, 0, start), end=(6, 7, start + 4), steps=(1, 1, 1)) for start in (0, 4)
    )
    x = sketch.add(Mul, sketch.add(Tanh, left), sketch.add(Logistic, right))
    small = sketch.add(Slice, x, begin=(0, 1, 0), end=(6, 7, 4), steps=(2, 2, 1))
    large = sketch.add(ResizeNearest, small, size=(6, 7), half_pixel_centers=seed % 2 == 1)
    x = sketch.add(Sub, x, large, activation=Activation.RELU_N1_TO_1)
    numbers = sketch.add(LeakyReLU, sketch.dense(sketch.flat(x), 4), alpha=0.2)
    x = sketch.add(Add, sketch.add(Transpose, x, permutation=(1, 0, 2)), numbers)
    x = sketch.add(Pad, x, padding=Padding(1, 0, 0, 1), value=0.3)
    return sketch.net(sketch.dense(sketch.flat(x), 4))


def stripes(examples: int = 300, shape: tuple[int, int, int] = (8, 8, 1), seed: int = 0) -> Dataset:
    """Three classes of bytes: horizontal, vertical and no stripes, in noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, examples)
    x = rng.integers(60, 120, (examples, *shape))
    for image, label, phase in zip(x, y, rng.integers(0, 2, examples), strict=True):
        if label == 0:
            image[phase::2] += 70
        elif label == 1:
            image[:, phase::2] += 70
    bytes_ = x.astype(np.uint8)
    part = examples * 2 // 3
    train = Split(bytes_[:part], y[:part])
    rest = Split(bytes_[part:], y[part:])
    normalization = Normalization(
        DType.UINT8, (float(round(bytes_[:part].mean())),), (float(bytes_[:part].std()),)
    )
    return Dataset("stripes", train, rest, rest, ("rows", "columns", "none"), normalization)


def random_net(seed: int, batch_norm: bool = True, softmax: bool = False) -> Net:
    """A network with weights that uses most ops, with odd shapes, paddings, strides and activations."""
    rng = np.random.default_rng(seed)
    sketch = Sketch((int(rng.integers(5, 10)), int(rng.integers(5, 10)), int(rng.integers(1, 4))), rng)
    x = _convolution(sketch, "input", rng, batch_norm)
    for _ in range(int(rng.integers(3, 7))):
        x = _grown(sketch, x, rng, batch_norm)
    x = sketch.add(GlobalAveragePool2D, x) if rng.random() < 0.4 else sketch.flat(x)
    x = sketch.add(ReLU6, sketch.dense(x, 6)) if rng.random() < 0.5 else x
    x = sketch.dense(x, 4, bias=bool(rng.random() < 0.7))
    return sketch.net(sketch.add(Softmax, x, beta=0.7) if softmax else x)


def _convolution(sketch: Sketch, x: str, rng: np.random.Generator, batch_norm: bool) -> str:
    size = sketch.shape(x)[:2]
    kernel = tuple(int(rng.integers(1, 1 + min(3, length))) for length in size)
    dilation = (1, 2) if rng.random() < 0.3 and 2 * kernel[1] - 1 <= size[1] else (1, 1)
    reach = [(side - 1) * step for side, step in zip(kernel, dilation, strict=True)]
    padding = Padding(*(int(rng.integers(0, 1 + reach[axis])) for axis in (0, 0, 1, 1)))
    strides = (int(rng.integers(1, 3)), int(rng.integers(1, 3))) if dilation == (1, 1) else (1, 1)
    chosen = Activation(str(rng.choice(list(Activation))))
    activation = Activation.NONE if batch_norm else chosen
    bias = bool(rng.random() < 0.5)
    common: dict[str, Any] = {"padding": padding, "strides": strides, "dilation": dilation}
    common |= {"activation": activation, "bias": bias, "kernel": kernel}
    if rng.random() < 0.3 and x != "input":
        x = sketch.depthwise(x, int(rng.integers(1, 3)), **common)
    else:
        x = sketch.conv(x, int(rng.integers(2, 6)), **common)
    if not batch_norm:
        return x
    x = sketch.norm(x)
    return sketch.add(ReLU, x) if rng.random() < 0.7 else x


def _grown(sketch: Sketch, x: str, rng: np.random.Generator, batch_norm: bool) -> str:
    height, width, channels = sketch.shape(x)
    ways = ["convolve", "add", "pad", "relu"]
    ways += ["concat", "max", "average", "odd average"] if min(height, width) >= 3 else []
    ways += ["rows"] if height >= 2 else []
    match str(rng.choice(ways)):
        case "convolve":
            return _convolution(sketch, x, rng, batch_norm)
        case "add":
            other = sketch.conv(x, channels, kernel=(1, 1), bias=True)
            return sketch.add(Add, x, other, activation=Activation(str(rng.choice(list(Activation)))))
        case "concat":
            other = sketch.conv(x, int(rng.integers(1, 4)), kernel=(3, 3), padding=Padding(1, 1, 1, 1))
            return sketch.add(Concat, other, x, axis=2)
        case "rows":
            other = sketch.conv(x, channels, kernel=(2, 1))
            return sketch.add(Concat, other, x, axis=0)
        case "max":
            return sketch.add(MaxPool2D, x, pool=(3, 2), strides=(2, 1), padding=Padding(2, 0, 1, 0))
        case "average":
            return sketch.add(AveragePool2D, x, pool=(2, 3), strides=(1, 2))
        case "odd average":
            return sketch.add(AveragePool2D, x, pool=(3, 3), strides=(2, 2), padding=Padding(1, 2, 0, 1))
        case "pad":
            return sketch.add(Pad, x, padding=Padding(0, 1, 1, 0))
        case _:
            return sketch.add(ReLU6 if rng.random() < 0.5 else ReLU, x)
