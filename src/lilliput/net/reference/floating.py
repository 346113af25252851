"""What each op means on reals: float32 in and out with the batch first, float64 in between."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lilliput.net.fixedpoint import activation_of
from lilliput.net.ops import (
    Activation,
    Add,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from lilliput.net.reference.windows import (
    Array,
    convolve,
    convolve_depthwise,
    pad,
    resized,
    spread,
    windows,
)


def run_op(op: Op, inputs: Sequence[Array]) -> Array:
    """Output of `op`; `inputs` are activations (n, …), then constants without a batch, all float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        y = FLOAT_OPS[type(op)](op, [value.astype(np.float64) for value in inputs])
        match activation_of(op):
            case Activation.RELU:
                y = np.maximum(y, 0.0)
            case Activation.RELU6:
                y = np.clip(y, 0.0, 6.0)
            case Activation.RELU_N1_TO_1:
                y = np.clip(y, -1.0, 1.0)
        return y.astype(np.float32)


def _conv2d(op: Conv2D, inputs: Sequence[Array]) -> Array:
    return _biased(convolve(pad(inputs[0], op.padding, 0.0), inputs[1], op.strides, op.dilation), inputs)


def _depthwise(op: DepthwiseConv2D, inputs: Sequence[Array]) -> Array:
    return _biased(
        convolve_depthwise(pad(inputs[0], op.padding, 0.0), inputs[1], op.strides, op.dilation), inputs
    )


def _fully_connected(op: FullyConnected, inputs: Sequence[Array]) -> Array:
    return _biased(inputs[0] @ inputs[1].T, inputs)


def _biased(products: Array, inputs: Sequence[Array]) -> Array:
    return products + inputs[2] if len(inputs) == 3 else products


def _max_pool(op: MaxPool2D, inputs: Sequence[Array]) -> Array:
    found: Array = windows(pad(inputs[0], op.padding, -np.inf), op.pool, op.strides).max(axis=(3, 4))
    return found


def _average_pool(op: AveragePool2D, inputs: Sequence[Array]) -> Array:
    def total(images: Array) -> Array:
        found: Array = windows(pad(images, op.padding, 0.0), op.pool, op.strides).sum(axis=(3, 4))
        return found

    return total(inputs[0]) / total(np.ones((1, *inputs[0].shape[1:3], 1)))


def _global_average_pool(op: GlobalAveragePool2D, inputs: Sequence[Array]) -> Array:
    found: Array = inputs[0].mean(axis=(1, 2))
    return found


def _pairwise(combine: Callable[[Array, Array], Array]) -> Callable[[Op, Sequence[Array]], Array]:
    def run(op: Op, inputs: Sequence[Array]) -> Array:
        rank = max(value.ndim for value in inputs) - 1
        first, second = (spread(value, value.shape[1:], True, rank) for value in inputs)
        return combine(first, second)

    return run


def _concat(op: Concat, inputs: Sequence[Array]) -> Array:
    return np.concatenate(inputs, axis=op.axis + 1)


def _pad(op: Pad, inputs: Sequence[Array]) -> Array:
    return pad(inputs[0], op.padding, op.value)


def _slice(op: Slice, inputs: Sequence[Array]) -> Array:
    parts = map(slice, op.begin, op.end, op.steps)
    return inputs[0][:, *parts]


def _transpose(op: Transpose, inputs: Sequence[Array]) -> Array:
    return inputs[0].transpose(0, *(axis + 1 for axis in op.permutation))


def _resize(op: ResizeNearest, inputs: Sequence[Array]) -> Array:
    return resized(inputs[0], op.size, op.align_corners, op.half_pixel_centers)


def _logistic(op: Logistic, inputs: Sequence[Array]) -> Array:
    return logistic(inputs[0])


def _tanh(op: Tanh, inputs: Sequence[Array]) -> Array:
    found: Array = np.tanh(inputs[0])
    return found


def _hard_swish(op: HardSwish, inputs: Sequence[Array]) -> Array:
    return hard_swish(inputs[0])


def _leaky_relu(op: LeakyReLU, inputs: Sequence[Array]) -> Array:
    return leaky_relu(inputs[0], op.alpha)


def _same(op: Op, inputs: Sequence[Array]) -> Array:
    return inputs[0]


def _reshape(op: Reshape, inputs: Sequence[Array]) -> Array:
    return inputs[0].reshape(-1, *op.shape)


def _softmax(op: Softmax, inputs: Sequence[Array]) -> Array:
    powers = np.exp(op.beta * (inputs[0] - inputs[0].max(axis=-1, keepdims=True)))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _batch_norm(op: BatchNorm, inputs: Sequence[Array]) -> Array:
    x, gamma, beta, mean, variance = inputs
    normal: Array = (x - mean) / np.sqrt(variance + op.epsilon) * gamma + beta
    return normal


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)) in float64."""
    small = np.exp(-np.abs(x))
    found: Array = np.where(x < 0, small, 1.0) / (1.0 + small)
    return found


def hard_swish(x: Array) -> Array:
    """x min(max(x + 3, 0), 6) / 6 in float64."""
    found: Array = x * np.clip(x + 3.0, 0.0, 6.0) / 6.0
    return found


def leaky_relu(x: Array, alpha: float) -> Array:
    """x where it is not negative, alpha x where it is."""
    found: Array = np.where(x < 0, x * alpha, x)
    return found


FLOAT_OPS: Mapping[type[Op], Callable[[Any, Sequence[Array]], Array]] = {
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    FullyConnected: _fully_connected,
    MaxPool2D: _max_pool,
    AveragePool2D: _average_pool,
    GlobalAveragePool2D: _global_average_pool,
    Add: _pairwise(operator.add),
    Sub: _pairwise(operator.sub),
    Mul: _pairwise(operator.mul),
    Concat: _concat,
    Pad: _pad,
    Slice: _slice,
    Transpose: _transpose,
    ResizeNearest: _resize,
    Logistic: _logistic,
    Tanh: _tanh,
    HardSwish: _hard_swish,
    LeakyReLU: _leaky_relu,
    ReLU: _same,
    ReLU6: _same,
    Reshape: _reshape,
    Softmax: _softmax,
    BatchNorm: _batch_norm,
    Requantize: _same,
}
"""The meaning of every op on reals, before its activation."""
