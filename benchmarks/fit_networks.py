"""Networks that predictions are fitted on: every op in many shapes, random weights, soon emulated."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
from networks import quantized

from lilliput.errors import FormatError, NetError
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
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
    Optimize,
    Pad,
    Padding,
    Profile,
    ReLU,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Tensor,
    Transpose,
)
from lilliput.net.macs import net_macs
from lilliput.net.ops import same_padding
from lilliput.search.cnn import CnnSpace

RAW = Normalization(DType.UINT8, (128.0,), (64.0,))
INPUT_SHAPES = ((28, 28, 1), (32, 32, 3), (16, 16, 2), (49, 10, 1), (8, 8, 1), (1, 64, 3))
MOST_MACS = 3_000_000
PROFILES = tuple(Profile)


def networks(count: int, seed: int) -> list[Net]:
    """Quantized networks: of the search space `cnn`, random rows of ops of every kind, rows of the
    convolutions that networks for images are made of, and perceptrons, in turn; for every six of them, one
    first layer of colour images, which those seldom have, and for every eight, one with a depthwise
    convolution that makes several channels of each; every third of them also for least flash."""
    first = [_first_layer(np.random.default_rng([seed, count, index])) for index in range(count // 6)]
    first += [
        _multiplying_layer(np.random.default_rng([seed, count, 1, index])) for index in range(count // 8)
    ]
    nets = [
        *(_quantized(float_network(seed, index), index) for index in range(count)),
        *(quantized(net, PROFILES[index % len(PROFILES)], index) for index, net in enumerate(first)),
    ]
    return nets + [replace(net, optimize=Optimize.FLASH) for net in nets[::3]]


def element_wise_networks(count: int, seed: int) -> list[Net]:
    """Quantized networks of sums, differences and products, with operands that are repeated in every way;
    every other one for least flash."""
    rngs = (np.random.default_rng([seed, count, 2, index]) for index in range(count))
    nets = [_quantized(_element_wise(rng), index) for index, rng in enumerate(rngs)]
    return [replace(net, optimize=Optimize.FLASH) if i % 2 else net for i, net in enumerate(nets)]


def searched_networks(count: int, seed: int) -> list[Net]:
    """Quantized networks from the search space `cnn` alone."""
    rngs = (np.random.default_rng([seed, index]) for index in range(count))
    return [quantized(_searched(rng), seed=index) for index, rng in enumerate(rngs)]


def float_network(seed: int, index: int) -> Net:
    """One of the networks before it is quantized."""
    rng = np.random.default_rng([seed, index])
    return (_assorted, _searched, _convolutions, _perceptron)[index % 4](rng)


def _quantized(net: Net, index: int) -> Net:
    try:
        return quantized(net, PROFILES[index // 4 % len(PROFILES)], index)
    except FormatError:
        return quantized(net, seed=index)  # it cannot be expressed in the other profile


def _searched(rng: np.random.Generator) -> Net:
    space = CnnSpace("log-uniform")
    while True:
        shape = INPUT_SHAPES[int(rng.integers(len(INPUT_SHAPES) - 1))]
        net = space.to_net(space.sample(rng), shape, int(rng.integers(2, 20)), "net")
        if net_macs(net) <= MOST_MACS:
            return _with_weights(replace(net, normalization=RAW), rng)


def _with_weights(net: Net, rng: np.random.Generator) -> Net:
    tensors = {
        tensor.name: replace(tensor, data=_weights(rng, tensor.shape))
        for tensor in net.tensors.values()
        if tensor.constant
    }
    return replace(net, tensors={**net.tensors, **tensors})


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.abs(rng.normal(0, 0.1, shape)).astype(np.float32)


def _first_layer(rng: np.random.Generator) -> Net:
    """A convolution of an image of three channels by 3x3."""
    row = _Row(rng, (int(rng.integers(5, 24)), int(rng.integers(5, 24)), 3))
    row.weighted(Conv2D, (3, 3), int(rng.integers(1, 17)))
    net = Net("net", tuple(row.ops), row.tensors, ("input",), (row.newest,))
    return _with_weights(net, rng)


def _element_wise(rng: np.random.Generator) -> Net:
    """An image and what it is pooled to, of the same shape or repeated along some axes."""
    channels = int(np.exp(rng.uniform(0, np.log(80))))
    row = _Row(rng, (*(int(side) for side in rng.integers(2, 14, 2)), channels))
    for _ in range(5):
        image, (height, width, _) = row.newest, row.shape
        match row.pick(0, 0, 1, 2, 3, 4, 4):
            case 0:
                row.add(GlobalAveragePool2D)
            case 1:
                row.add(AveragePool2D, pool=(height, 1))
            case 2:
                row.add(AveragePool2D, pool=(1, width))
            case 3:
                row.add(Conv2D, row.constant(1, 1, 1, channels), row.constant(1))
            case _:
                row.add(Logistic)
        row.add((Add, Sub, Mul)[row.pick(0, 1, 2)], image, activation=row.activation())
    return _finished(row, rng)


def _multiplying_layer(rng: np.random.Generator) -> Net:
    """A depthwise convolution that makes several channels of each of a few."""
    height, width = (int(side) for side in rng.integers(5, 32, 2))
    kernel = (int(rng.integers(1, 11)), int(rng.integers(1, 9)))
    channels = int(rng.integers(1, 5))
    row = _Row(rng, (height, width, channels))
    row.weighted(DepthwiseConv2D, kernel, channels * int(rng.integers(2, 9)))
    net = Net("net", tuple(row.ops), row.tensors, ("input",), (row.newest,))
    return _with_weights(net, rng)


class _Row:
    """Ops one behind the other, each with random attributes."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        self.rng = rng
        self.tensors = {"input": Tensor("input", shape)}
        self.ops: list[Op] = []
        self.newest = "input"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensors[self.newest].shape

    def pick(self, *options: int) -> int:
        return int(self.rng.choice(options))

    def constant(self, *shape: int) -> str:
        name = f"c{len(self.tensors)}"
        self.tensors[name] = Tensor(name, shape, constant=True)
        return name

    def add(self, kind: type[Op], *more: str, first: str = "", **attributes: object) -> None:
        """Appends an op that reads the newest tensor; leaves it out where it does not fit."""
        target = f"t{len(self.ops)}"
        inputs = (first or self.newest, *more)
        op = kind(
            name=f"{kind.__name__.lower()}_{len(self.ops)}", inputs=inputs, outputs=(target,), **attributes
        )
        try:
            shape = op.output_shape([self.tensors[name].shape for name in inputs])
        except NetError:
            return
        if len(shape) == 3 and shape[0] * shape[1] * shape[2] > 40_000:
            return
        self.ops.append(op)
        self.tensors[target] = Tensor(target, shape)
        self.newest = target

    def window(self, kernel: tuple[int, int], dilation: tuple[int, int]) -> tuple[tuple[int, int], Padding]:
        stride = self.pick(1, 1, 1, 2, 3)
        strides = (stride, stride)
        if self.rng.random() < 0.5:
            return strides, Padding()
        reach = tuple((length - 1) * step + 1 for length, step in zip(kernel, dilation, strict=True))
        return strides, same_padding(self.shape[:2], (reach[0], reach[1]), strides)

    def activation(self) -> Activation:
        return list(Activation)[self.pick(0, 1, 2)]

    def convolution(self) -> None:
        kernel = (self.pick(1, 1, 2, 3, 3, 5), self.pick(1, 1, 2, 3, 3, 5))
        dilation = (1, 1) if self.rng.random() < 0.85 else (2, 2)
        strides, padding = self.window(kernel, dilation)
        channels = int(np.exp(self.rng.uniform(0, np.log(64))))
        weights, bias = self.constant(channels, *kernel, self.shape[2]), self.constant(channels)
        self.add(
            Conv2D,
            weights,
            bias,
            strides=strides,
            padding=padding,
            dilation=dilation,
            activation=self.activation(),
        )

    def wide_convolution(self) -> None:
        """Three columns, channels in fours."""
        self.weighted(Conv2D, (self.pick(1, 3, 3, 3, 5), 3), 4 * self.pick(1, 2, 3, 4, 6, 8, 12, 16))

    def pointwise(self) -> None:
        self.weighted(Conv2D, (1, 1), 4 * self.pick(1, 2, 3, 4, 6, 8, 12, 16, 32))

    def square_depthwise(self) -> None:
        side = self.pick(3, 3, 3, 5)
        self.weighted(DepthwiseConv2D, (side, side), self.shape[2])

    def weighted(
        self, kind: type[Conv2D] | type[DepthwiseConv2D], kernel: tuple[int, int], channels: int
    ) -> None:
        """Of the same size or, every other time, of half of it."""
        stride = self.pick(1, 2)
        weights = (channels, *kernel, self.shape[2]) if kind is Conv2D else (*kernel, channels)
        self.add(
            kind,
            *(self.constant(*weights), self.constant(channels)),
            strides=(stride, stride),
            padding=same_padding(self.shape[:2], kernel, (stride, stride)),
            activation=self.activation(),
        )

    def depthwise(self) -> None:
        kernel = (self.pick(1, 2, 3, 3, 3, 5), self.pick(1, 2, 3, 3, 3, 5))
        if self.rng.random() < 0.6:
            kernel = (3, 3)
        dilation = (1, 1) if self.rng.random() < 0.7 else (2, 2)
        strides, padding = self.window(kernel, dilation)
        channels = self.shape[2] * self.pick(1, 1, 2)
        weights, bias = self.constant(*kernel, channels), self.constant(channels)
        self.add(
            DepthwiseConv2D,
            weights,
            bias,
            strides=strides,
            padding=padding,
            dilation=dilation,
            activation=self.activation(),
        )

    def pool(self) -> None:
        kind = (MaxPool2D, AveragePool2D)[self.pick(0, 1)]
        pool = (self.pick(1, 2, 2, 3, 4), self.pick(1, 2, 2, 3, 4))
        strides, padding = self.window(pool, (1, 1))
        self.add(kind, pool=pool, strides=strides, padding=padding, activation=self.activation())

    def sum_up(self) -> None:
        before = self.newest
        self.add(ReLU)
        self.convolution_like()
        self.add(Add, before, activation=self.activation())

    def convolution_like(self) -> None:
        """A 1x1 convolution that keeps the shape."""
        channels = self.shape[2]
        self.add(Conv2D, self.constant(channels, 1, 1, channels), self.constant(channels))

    def function(self) -> None:
        kinds = (Logistic, Tanh, (HardSwish, LeakyReLU)[len(self.ops) // 2 % 2])
        self.add(kinds[self.pick(0, 1, 2)])

    def gate(self) -> None:
        """An image and one number for each of its channels."""
        image = self.newest
        self.add(GlobalAveragePool2D)
        self.add(Logistic)
        self.add((Mul, Mul, Add, Sub)[self.pick(0, 1, 2, 3)], image, activation=self.activation())

    def pair(self) -> None:
        before = self.newest
        self.convolution_like()
        self.add((Mul, Sub)[self.pick(0, 1)], before, activation=self.activation())

    def part(self) -> None:
        begin = tuple(int(self.rng.integers(0, size)) for size in self.shape)
        end = tuple(
            int(self.rng.integers(low + 1, size + 1)) for low, size in zip(begin, self.shape, strict=True)
        )
        steps = tuple(self.pick(1, 1, 2) for _ in self.shape)
        self.add(Slice, begin=begin, end=end, steps=steps)

    def turn(self) -> None:
        orders = list(permutations(range(3)))
        self.add(Transpose, permutation=orders[int(self.rng.integers(len(orders)))])

    def resize(self) -> None:
        size = tuple(max(1, int(length * self.rng.uniform(0.4, 2.5))) for length in self.shape[:2])
        self.add(ResizeNearest, size=size)

    def bytes_of_another_scale(self) -> None:
        """What is joined shares a scale, and a border beyond what bytes reach makes that another one."""
        if self.newest == "input":
            self.join()
            self.add(Pad, padding=Padding(0, 1, 0, 1), value=4.0)

    def join(self) -> None:
        before = self.newest
        self.convolution_like()
        self.add(Concat, before, axis=self.pick(0, 1, 2))

    def pad(self) -> None:
        self.add(Pad, padding=Padding(*(int(side) for side in self.rng.integers(0, 3, 4))))

    def end(self) -> None:
        if self.rng.random() < 0.5:
            self.add(GlobalAveragePool2D)
        else:
            height, width, channels = self.shape
            self.add(Reshape, shape=(height * width * channels,))
        for _ in range(self.pick(1, 2)):
            units = int(self.rng.integers(1, 40))
            self.add(
                FullyConnected,
                self.constant(units, self.shape[0]),
                self.constant(units),
                activation=self.activation(),
            )
        if self.rng.random() < 0.5:
            self.add(Softmax)


def _assorted(rng: np.random.Generator) -> Net:
    row = _Row(rng, INPUT_SHAPES[int(rng.integers(len(INPUT_SHAPES)))])
    steps = (
        row.convolution,
        row.convolution,
        row.depthwise,
        row.depthwise,
        row.pool,
        row.sum_up,
        row.join,
        row.pad,
        row.function,
        row.gate,
        row.pair,
        row.part,
        row.turn,
        row.resize,
        row.bytes_of_another_scale,
    )
    if rng.random() < 0.1:
        row.bytes_of_another_scale()
    for _ in range(int(rng.integers(3, 9))):
        steps[int(rng.integers(len(steps)))]()
    row.end()
    net = _finished(row, rng)
    return net if net_macs(net) <= MOST_MACS else _assorted(rng)


def _convolutions(rng: np.random.Generator) -> Net:
    channels = int(rng.choice((3, 4, 8, 12, 16, 24, 32, 48, 64)))
    row = _Row(rng, (*(int(side) for side in rng.integers(1, 33, 2)), channels))
    steps = (row.wide_convolution, row.wide_convolution, row.square_depthwise, row.pointwise)
    for _ in range(int(rng.integers(2, 6))):
        steps[int(rng.integers(len(steps)))]()
    net = _finished(row, rng)
    return net if row.ops and net_macs(net) <= MOST_MACS else _convolutions(rng)


def _perceptron(rng: np.random.Generator) -> Net:
    """Matrix products of any size or of eights, whose sums are as often below zero as above."""
    row = _Row(rng, (int(np.exp(rng.uniform(0, np.log(1500)))),))
    for _ in range(int(rng.integers(1, 6))):
        units = row.pick(int(np.exp(rng.uniform(0, np.log(200)))), *(8 * int(rng.integers(4, 20)),) * 2)
        weights, bias = row.constant(units, row.shape[0]), row.constant(units)
        row.add(FullyConnected, weights, bias, activation=row.activation())
    net = _finished(row, rng)
    tensors = {
        name: replace(tensor, data=rng.normal(0, 0.1, tensor.shape).astype(np.float32))
        for name, tensor in net.tensors.items()
        if tensor.constant
    }
    return replace(net, tensors={**net.tensors, **tensors})


def _finished(row: _Row, rng: np.random.Generator) -> Net:
    used = {name for op in row.ops for name in (*op.inputs, *op.outputs)} | {"input"}
    tensors = {name: tensor for name, tensor in row.tensors.items() if name in used}
    net = Net("net", tuple(row.ops), tensors, ("input",), (row.newest,), normalization=RAW)
    return _with_weights(net, rng)
