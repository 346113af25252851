"""Random networks for every test that needs one: all ops, branches, odd shapes, strides and paddings.

`float_nets()` and `quantized_nets()` are Hypothesis strategies, which shrink; `random_net` makes the same
kind from a numpy generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from hypothesis import strategies as st
from tests.random_gates import IMAGE_GATES, VECTOR_GATES

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
    MaxPool2D,
    Net,
    Normalization,
    Op,
    Pad,
    Padding,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    Softmax,
    Tensor,
)
from lilliput.net.reference import run_all
from lilliput.passes import fold_batch_norm, fuse_activations, quantize

T = TypeVar("T")
Shape = tuple[int, ...]

MOST_OPS = 9
_MOST_ELEMENTS = 1500
_ACTIVATIONS = (Activation.NONE, Activation.NONE, Activation.RELU, Activation.RELU6)


class Chooser(Protocol):
    """Where choices come from: Hypothesis or a numpy generator."""

    def whole(self, low: int, high: int) -> int:
        """A whole number in low…high."""


@dataclass(frozen=True)
class _Drawn:
    draw: st.DrawFn

    def whole(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))


@dataclass(frozen=True)
class _Rolled:
    rng: np.random.Generator

    def whole(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))


@st.composite
def float_nets(draw: st.DrawFn, *, most_ops: int = MOST_OPS) -> Net:
    """Valid float networks with weights; batch norm and separate activations still in them."""
    return _float_net(_Drawn(draw), most_ops)


@st.composite
def quantized_nets(draw: st.DrawFn, *, most_ops: int = MOST_OPS) -> Net:
    """Valid int8 networks: float ones, quantized with ranges that the float reference shows."""
    chooser = _Drawn(draw)
    return _quantized(_float_net(chooser, most_ops), chooser)


def random_net(rng: np.random.Generator, quantized: bool = True, most_ops: int = MOST_OPS) -> Net:
    """The same kind of network from a seeded generator."""
    chooser = _Rolled(rng)
    net = _float_net(chooser, most_ops)
    return _quantized(net, chooser) if quantized else net


def random_batch(net: Net, rng: np.random.Generator, examples: int = 4) -> np.ndarray[Any, Any]:
    """Inputs for `net` in its input's type; integers take their whole range, the extremes often."""
    wanted = net.input
    shape = (examples, *wanted.shape)
    if wanted.dtype is DType.FLOAT32:
        return rng.normal(0.0, 1.5, shape).astype(np.float32)
    low, high = wanted.dtype.range
    values = rng.integers(low, high, shape, endpoint=True)
    extremes = rng.choice([low, high], shape)
    return np.where(rng.random(shape) < 0.1, extremes, values).astype(wanted.dtype.numpy)


def observed_ranges(net: Net, rng: np.random.Generator, examples: int = 8) -> dict[str, tuple[float, float]]:
    """What each activation of a float network takes on for random inputs."""
    values = run_all(net, random_batch(net, rng, examples))
    return {name: (float(value.min()), float(value.max())) for name, value in values.items()}


def prepared(net: Net) -> Net:
    """A float network as it is calibrated: batch norm folded, activations fused."""
    return fuse_activations(fold_batch_norm(net))


def _quantized(net: Net, chooser: Chooser) -> Net:
    folded = prepared(net)
    ranges = observed_ranges(folded, np.random.default_rng(chooser.whole(0, 2**16)))
    # Ranges that are too narrow make outputs saturate, which kernels must do alike.
    width = (1.0, 1.0, 0.6)[chooser.whole(0, 2)]
    return quantize(folded, {name: (low * width, high * width) for name, (low, high) in ranges.items()})


def _float_net(chooser: Chooser, most_ops: int) -> Net:
    maker = _Maker(chooser)
    for _ in range(chooser.whole(1, most_ops)):
        maker.step()
    return maker.finish()


class _Maker:
    """Grows a network op by op.  Tensors that nobody reads yet are joined at the end."""

    def __init__(self, chooser: Chooser) -> None:
        self.whole = chooser.whole
        self.rng = np.random.default_rng(chooser.whole(0, 2**16))
        shapes: tuple[Callable[[], Shape], ...] = (
            lambda: (self.whole(1, 11), self.whole(1, 11), self.whole(1, 5)),
            lambda: (self.whole(2, 9), self.whole(2, 9), self.whole(1, 3)),
            lambda: (1, self.whole(1, 40), self.whole(1, 4)),
            lambda: (self.whole(1, 24),),
        )
        shape = self.pick(shapes)()
        self.tensors = {"x": Tensor("x", shape)}
        self.ops: list[Op] = []
        self.loose = ["x"]
        self.normalization = self.pick(
            (
                None,
                Normalization(DType.UINT8, (float(self.whole(0, 255)),), (0.5 + self.whole(1, 200),)),
                Normalization(DType.FLOAT32, (0.5,) * shape[-1], (1.5,) * shape[-1]),
            )
        )

    def pick(self, options: Sequence[T]) -> T:
        return options[self.whole(0, len(options) - 1)]

    def chance(self, one_in: int) -> bool:
        return self.whole(1, one_in) == one_in

    def shape(self, name: str) -> Shape:
        return self.tensors[name].shape

    def add(self, kind: type[Op], *inputs: str, **attributes: Any) -> str:
        number = len(self.ops)
        op = kind(name=f"op{number}", inputs=inputs, outputs=(f"t{number}",), **attributes)
        shape = op.output_shape([self.shape(name) for name in inputs])
        self.ops.append(op)
        self.tensors[f"t{number}"] = Tensor(f"t{number}", shape)
        self.loose = [name for name in self.loose if name not in inputs] + [f"t{number}"]
        return f"t{number}"

    def constant(self, values: np.ndarray[Any, Any]) -> str:
        name = f"c{len(self.tensors)}"
        self.tensors[name] = Tensor(name, values.shape, constant=True, data=values.astype(np.float32))
        return name

    def weights(self, shape: Shape, axis: int, fan_in: int) -> list[str]:
        """Weights and perhaps a bias; now and then a channel is dead or far smaller than the others."""
        channels = shape[axis]
        values = self.rng.normal(0.0, 1.0 / np.sqrt(fan_in), shape)
        if self.chance(4):
            gains = self.rng.choice([0.0, 0.01, 1.0, 1.0], channels)
            values = values * gains.reshape([-1 if index == axis else 1 for index in range(len(shape))])
        found = [self.constant(values)]
        if not self.chance(4):
            found.append(self.constant(self.rng.normal(0.0, 0.3, channels)))
        return found

    def step(self) -> None:
        """One more op, on a recent tensor more often than on an old one."""
        known = [name for name, tensor in self.tensors.items() if not tensor.constant]
        x = self.pick(known[-3:]) if self.chance(3) else known[-1]
        options = _IMAGE_STEPS if len(self.shape(x)) == 3 else _VECTOR_STEPS
        self.pick(options)(self, x)

    def finish(self) -> Net:
        """Joins what is loose, adds perhaps a classifier."""
        if not self.ops:
            relu(self, "x")
        while len(self.loose) > 1:
            first, second = self.loose[:2]
            if self.shape(first) == self.shape(second) and self.chance(2):
                self.add(Add, first, second, activation=self.pick(_ACTIVATIONS))
            elif self.shape(first)[:-1] == self.shape(second)[:-1]:
                self.add(Concat, first, second, axis=len(self.shape(first)) - 1)
            else:
                self.add(Concat, *(self.flat(name) for name in (first, second)), axis=0)
        (last,) = self.loose
        if self.chance(2):
            last = self.flat(last)
            fully_connected(self, last)
            if self.chance(2):
                self.add(Softmax, self.loose[0])
        used = {name for op in self.ops for name in (*op.inputs, *op.outputs)} | {"x"}
        return Net(
            name="random_net",
            ops=tuple(self.ops),
            tensors={name: tensor for name, tensor in self.tensors.items() if name in used},
            inputs=("x",),
            outputs=(self.loose[0],),
            normalization=self.normalization,
        )

    def flat(self, x: str) -> str:
        if len(self.shape(x)) == 1:
            return x
        if len(self.shape(x)) == 3 and self.chance(2):
            return self.add(GlobalAveragePool2D, x)
        return self.add(Reshape, x, shape=(self.tensors[x].elements,))

    def window(
        self, x: str, largest: int, dilation: tuple[int, int] = (1, 1)
    ) -> tuple[Shape, dict[str, Any]]:
        """A kernel that fits the image, and its strides and padding."""
        sizes, pads = [], []
        for length, step in zip(self.shape(x)[:2], dilation, strict=True):
            size = self.whole(1, largest)
            reach = (size - 1) * step + 1
            before, after = self.whole(0, reach - 1), self.whole(0, reach - 1)
            if length + before + after < reach:
                before = after = reach - 1
            sizes.append(size)
            pads += [before, after]
        strides = (self.whole(1, 3), self.whole(1, 3)) if self.chance(2) else (1, 1)
        return tuple(sizes), {"strides": strides, "padding": Padding(*pads)}


def conv2d(maker: _Maker, x: str) -> None:
    dilation = (maker.whole(1, 2), maker.whole(1, 2)) if maker.chance(5) else (1, 1)
    kernel, window = maker.window(x, 4, dilation)
    shape = (maker.whole(1, 9), *kernel, maker.shape(x)[2])
    constants = maker.weights(shape, 0, int(np.prod(shape[1:])))
    maker.add(Conv2D, x, *constants, dilation=dilation, activation=maker.pick(_ACTIVATIONS), **window)


def pointwise(maker: _Maker, x: str) -> None:
    channels = maker.shape(x)[2]
    constants = maker.weights((maker.whole(1, 9), 1, 1, channels), 0, channels)
    maker.add(Conv2D, x, *constants, activation=maker.pick(_ACTIVATIONS))


def depthwise(maker: _Maker, x: str) -> None:
    dilation = (maker.whole(1, 2), maker.whole(1, 2)) if maker.chance(5) else (1, 1)
    kernel, window = maker.window(x, 4, dilation)
    multiplier = maker.whole(1, 2) if maker.shape(x)[2] < 12 else 1
    constants = maker.weights((*kernel, maker.shape(x)[2] * multiplier), 2, int(np.prod(kernel)))
    activation = maker.pick(_ACTIVATIONS)
    maker.add(DepthwiseConv2D, x, *constants, dilation=dilation, activation=activation, **window)


def max_pool(maker: _Maker, x: str) -> None:
    kernel, window = maker.window(x, 3)
    maker.add(MaxPool2D, x, pool=kernel, activation=maker.pick(_ACTIVATIONS), **window)


def average_pool(maker: _Maker, x: str) -> None:
    kernel, window = maker.window(x, 4)
    maker.add(AveragePool2D, x, pool=kernel, activation=maker.pick(_ACTIVATIONS), **window)


def pad(maker: _Maker, x: str) -> None:
    if maker.tensors[x].elements < _MOST_ELEMENTS:
        maker.add(Pad, x, padding=Padding(*(maker.whole(0, 2) for _ in range(4))))


def global_average_pool(maker: _Maker, x: str) -> None:
    maker.add(GlobalAveragePool2D, x)


def add(maker: _Maker, x: str) -> None:
    twins = [
        name
        for name, tensor in maker.tensors.items()
        if not tensor.constant and tensor.shape == maker.shape(x) and (name != x or maker.chance(4))
    ]
    if twins:
        maker.add(Add, *((x, maker.pick(twins))[:: maker.pick((1, -1))]), activation=maker.pick(_ACTIVATIONS))


def concat(maker: _Maker, x: str) -> None:
    shape = maker.shape(x)
    axis = maker.whole(0, len(shape) - 1)

    def rest(other: Shape) -> Shape:
        return (*other[:axis], -1, *other[axis + 1 :])

    fitting = [
        name
        for name, tensor in maker.tensors.items()
        if not tensor.constant and len(tensor.shape) == len(shape) and rest(tensor.shape) == rest(shape)
    ]
    chosen = [x, *(maker.pick(fitting) for _ in range(maker.whole(1, 2)))]
    if sum(maker.tensors[name].elements for name in chosen) < _MOST_ELEMENTS:
        maker.add(Concat, *chosen, axis=axis)


def batch_norm(maker: _Maker, x: str) -> None:
    channels = maker.shape(x)[-1]
    rng = maker.rng
    values = (rng.normal(1, 0.3, channels), rng.normal(0, 0.3, channels), rng.normal(0, 0.3, channels))
    variance = maker.constant(rng.uniform(0.3, 2.0, channels))
    maker.add(BatchNorm, x, *(maker.constant(value) for value in values), variance)


def relu(maker: _Maker, x: str) -> None:
    maker.add(maker.pick((ReLU, ReLU6)), x)


def ending(maker: _Maker, x: str) -> None:
    maker.pick((global_average_pool, reshape_image, softmax))(maker, x)


def requantize(maker: _Maker, x: str) -> None:
    maker.add(Requantize, x)


def softmax(maker: _Maker, x: str) -> None:
    maker.add(Softmax, x, beta=maker.pick((1.0, 0.5, 3.0)))


def reshape_image(maker: _Maker, x: str) -> None:
    height, width, channels = maker.shape(x)
    shapes: tuple[Shape, ...] = (
        (1, height * width, channels),
        (width, height, channels),
        (height * width * channels,),
    )
    maker.add(Reshape, x, shape=maker.pick(shapes))


def reshape_vector(maker: _Maker, x: str) -> None:
    (features,) = maker.shape(x)
    maker.add(Reshape, x, shape=maker.pick(((1, 1, features), (1, features, 1))))


def fully_connected(maker: _Maker, x: str) -> None:
    (features,) = maker.shape(x)
    constants = maker.weights((maker.whole(1, 12), features), 0, features)
    maker.add(FullyConnected, x, *constants, activation=maker.pick(_ACTIVATIONS))


Step = Callable[[_Maker, str], None]
_ELEMENTWISE: tuple[Step, ...] = (add, concat, batch_norm, relu, requantize)
_IMAGE_STEPS: tuple[Step, ...] = (
    *(conv2d, conv2d, conv2d, pointwise, depthwise, depthwise, max_pool, average_pool, pad),
    ending,
    *(add, *_ELEMENTWISE),
    *IMAGE_GATES,
)
_VECTOR_STEPS: tuple[Step, ...] = (
    *(fully_connected,) * 3,
    *_ELEMENTWISE,
    softmax,
    reshape_vector,
    *VECTOR_GATES,
)


def without_weights(net: Net) -> Net:
    """The network as a search proposes it: constants have no data."""
    return replace(net, tensors={name: replace(tensor, data=None) for name, tensor in net.tensors.items()})
