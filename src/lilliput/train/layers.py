"""What every op means in torch: one table, keyed by op.

Images are torch tensors (batch, channels, height, width) in memory order NHWC ("channels_last"), so that a
`Net`'s layout and torch's are two views of the same bytes; tensors of any other rank are (batch, *shape).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from lilliput.net import (
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
    Net,
    Op,
    Pad,
    Padding,
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
from lilliput.net.ops import PairwiseOp
from lilliput.net.reference.windows import nearest
from lilliput.train import masking

Layer = Callable[..., Tensor]
"""Takes an op's activation inputs, gives its output."""


class Host(Protocol):
    """What a layer may ask of the module that holds it."""

    net: Net

    def constant(self, name: str) -> Tensor:
        """A constant of the network in torch's layout; the same tensor object for the module's whole life."""

    def drop(self, x: Tensor, op: Op) -> Tensor:
        """`x` with dropout where the training asks for it."""

    def gate(self, x: Tensor, name: str) -> Tensor:
        """`x`, which is tensor `name`, with its pruned channels at zero."""

    def shield(self, op: Op) -> Tensor | None:
        """The mask of the outputs of `op` whose gradient must not go on to its input, if there is one."""

    def normalize(self, x: Tensor, op: BatchNorm) -> Tensor:
        """`x` after a batch norm, by the module's present mode."""

    def overwritable(self, op: Op) -> bool:
        """Whether `op` may write its output over its only input."""


def activate(x: Tensor, activation: Activation) -> Tensor:
    """A fused activation, in the place of `x`."""
    if activation is Activation.RELU:
        return F.relu(x, inplace=True)
    if activation is Activation.RELU6:
        return F.hardtanh(x, 0.0, 6.0, inplace=True)
    if activation is Activation.RELU_N1_TO_1:
        return F.hardtanh(x, -1.0, 1.0, inplace=True)
    return x


def pad_image(x: Tensor, padding: Padding, value: float = 0.0) -> Tensor:
    """(batch, channels, height, width) with a border; the channels stay last in memory."""
    if not any(padding):
        return x
    return F.pad(x, (padding.left, padding.right, padding.top, padding.bottom), value=value)


def split_padding(padding: Padding) -> tuple[Padding, tuple[int, int]]:
    """(what has to be padded by hand, what a convolution pads on both sides itself)."""
    if padding.top == padding.bottom and padding.left == padding.right:
        return Padding(), (padding.top, padding.left)
    return padding, (0, 0)


def torch_strides(op: Conv2D | DepthwiseConv2D, net: Net) -> tuple[int, int]:
    """Steps in rows and columns; 1 where a window fills the padded image, so that there is no second step.

    torch 2.13 computes something else for images of one channel, two rows or more and one window of columns
    that steps by more than one.
    """
    height, width, _ = net.tensors[op.inputs[0]].shape
    padding = op.padding
    padded = (height + padding.top + padding.bottom, width + padding.left + padding.right)
    weights = net.tensors[op.inputs[1]].shape
    kernel = weights[1:3] if isinstance(op, Conv2D) else weights[:2]
    reach = [(taps - 1) * step + 1 for taps, step in zip(kernel, op.dilation, strict=True)]
    rows, columns = (
        1 if taps == size else step for size, taps, step in zip(padded, reach, op.strides, strict=True)
    )
    return rows, columns


def to_torch(x: Tensor) -> Tensor:
    """(batch, *shape) as in a `Net` → torch's order of the axes; never copies."""
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def from_torch(x: Tensor) -> Tensor:
    """The reverse of `to_torch`."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def torch_axis(axis: int, rank: int) -> int:
    """The torch dimension of axis `axis` of a tensor of `rank` axes without the batch."""
    return (2, 3, 1)[axis] if rank == 3 else axis + 1


def _conv2d(op: Op, host: Host) -> Layer:
    assert isinstance(op, Conv2D)
    source, strides, dilation = op.inputs[0], torch_strides(op, host.net), op.dilation
    activation = op.activation
    weight = host.constant(op.inputs[1])
    bias = host.constant(op.inputs[2]) if len(op.inputs) == 3 else None
    border, padding = split_padding(op.padding)

    def run(x: Tensor) -> Tensor:
        x = pad_image(host.gate(x, source), border)
        shield = host.shield(op)
        if shield is not None:
            return activate(masking.conv2d(x, weight, bias, shield, (strides, padding, dilation)), activation)
        return activate(F.conv2d(x, weight, bias, strides, padding, dilation), activation)

    return run


def _depthwise(op: Op, host: Host) -> Layer:
    assert isinstance(op, DepthwiseConv2D)
    strides, dilation, activation = torch_strides(op, host.net), op.dilation, op.activation
    channels = host.net.tensors[op.inputs[0]].shape[2]
    weight = host.constant(op.inputs[1])
    bias = host.constant(op.inputs[2]) if len(op.inputs) == 3 else None
    border, padding = split_padding(op.padding)

    def run(x: Tensor) -> Tensor:
        # torch's bfloat16 gradient of a depthwise convolution takes up to thirty times as long as float32's
        with torch.autocast(x.device.type, enabled=False):
            x = F.conv2d(pad_image(x.float(), border), weight, bias, strides, padding, dilation, channels)
        return activate(x, activation)

    return run


def _fully_connected(op: Op, host: Host) -> Layer:
    assert isinstance(op, FullyConnected)
    source, activation = op.inputs[0], op.activation
    weight = host.constant(op.inputs[1])
    bias = host.constant(op.inputs[2]) if len(op.inputs) == 3 else None

    def run(x: Tensor) -> Tensor:
        x = host.drop(host.gate(x, source), op)
        shield = host.shield(op)
        if shield is not None:
            return activate(masking.linear(x, weight, bias, shield), activation)
        return activate(F.linear(x, weight, bias), activation)

    return run


def _max_pool(op: Op, host: Host) -> Layer:
    assert isinstance(op, MaxPool2D)
    pool, strides, activation, padding = op.pool, op.strides, op.activation, op.padding

    def run(x: Tensor) -> Tensor:
        return activate(F.max_pool2d(pad_image(x, padding, float("-inf")), pool, strides), activation)

    return run


def _average_pool(op: Op, host: Host) -> Layer:
    assert isinstance(op, AveragePool2D)
    pool, strides, activation, padding = op.pool, op.strides, op.activation, op.padding
    if not any(padding):
        return lambda x: activate(F.avg_pool2d(x, pool, strides), activation)
    height, width, _ = host.net.tensors[op.inputs[0]].shape
    inside = pad_image(torch.ones(1, 1, height, width), padding)
    counts = F.avg_pool2d(inside, pool, strides, divisor_override=1)

    def run(x: Tensor) -> Tensor:
        total = F.avg_pool2d(pad_image(x, padding), pool, strides, divisor_override=1)
        return activate(total / counts.to(x.device, x.dtype), activation)

    return run


def _global_average_pool(op: Op, host: Host) -> Layer:
    return lambda x: x.mean((2, 3))


def pairwise(combine: Callable[[Tensor, Tensor], Tensor]) -> Callable[[PairwiseOp, Host], Layer]:
    """A layer of two tensors, the smaller one repeated."""

    def build(op: PairwiseOp, host: Host) -> Layer:
        rank, activation = len(host.net.tensors[op.outputs[0]].shape), op.activation
        return lambda x, y: activate(combine(spread(x, rank), spread(y, rank)), activation)

    return build


def spread(x: Tensor, rank: int) -> Tensor:
    """`x` with as many axes as a tensor of `rank` axes without the batch has, ready to be repeated."""
    if x.dim() == rank + 1:
        return x
    shape = from_torch(x).shape
    return to_torch(from_torch(x).reshape(shape[0], *(1,) * (rank + 1 - len(shape)), *shape[1:]))


def _concat(op: Op, host: Host) -> Layer:
    assert isinstance(op, Concat)
    axis = torch_axis(op.axis, len(host.net.tensors[op.inputs[0]].shape))
    return lambda *xs: torch.cat(xs, axis)


def _pad(op: Op, host: Host) -> Layer:
    assert isinstance(op, Pad)
    padding, value = op.padding, op.value
    return lambda x: pad_image(x, padding, value)


def _slice(op: Op, host: Host) -> Layer:
    assert isinstance(op, Slice)
    parts = (slice(None), *map(slice, op.begin, op.end, op.steps))
    return lambda x: to_torch(from_torch(x)[parts])


def _transpose(op: Op, host: Host) -> Layer:
    assert isinstance(op, Transpose)
    order = (0, *(axis + 1 for axis in op.permutation))
    return lambda x: to_torch(from_torch(x).permute(order))


def _resize(op: Op, host: Host) -> Layer:
    assert isinstance(op, ResizeNearest)
    shape = host.net.tensors[op.inputs[0]].shape
    rows, columns = (
        torch.tensor(nearest(length, wanted, op.align_corners, op.half_pixel_centers))
        for length, wanted in zip(shape[:2], op.size, strict=True)
    )
    return lambda x: x[:, :, rows.to(x.device)][:, :, :, columns.to(x.device)]


def _function(op: Op, host: Host) -> Layer:
    function = FUNCTIONS[type(op)]
    return lambda x: function(op, x)


def _relu(op: Op, host: Host) -> Layer:
    overwrite = host.overwritable(op)
    return lambda x: F.relu(x, inplace=overwrite)


def _relu6(op: Op, host: Host) -> Layer:
    overwrite = host.overwritable(op)
    return lambda x: F.hardtanh(x, 0.0, 6.0, inplace=overwrite)


def _reshape(op: Op, host: Host) -> Layer:
    assert isinstance(op, Reshape)
    shape = op.shape
    return lambda x: to_torch(from_torch(x).reshape(x.shape[0], *shape))


def _softmax(op: Op, host: Host) -> Layer:
    assert isinstance(op, Softmax)
    axis = 1 if len(host.net.tensors[op.inputs[0]].shape) == 3 else -1
    beta = op.beta
    return lambda x: F.softmax(beta * x, axis)


def _batch_norm(op: Op, host: Host) -> Layer:
    assert isinstance(op, BatchNorm)
    norm = op
    return lambda x: host.normalize(x, norm)


def _requantize(op: Op, host: Host) -> Layer:
    return lambda x: x  # the same reals


FUNCTIONS: dict[type[Op], Callable[[Any, Tensor], Tensor]] = {
    Logistic: lambda op, x: torch.sigmoid(x),
    Tanh: lambda op, x: torch.tanh(x),
    HardSwish: lambda op, x: F.hardswish(x),
    LeakyReLU: lambda op, x: F.leaky_relu(x, op.alpha),
}
"""Ops that make of each element another one, not by a change of scale."""

LAYERS: dict[type[Op], Callable[[Any, Host], Layer]] = {
    Conv2D: _conv2d,
    DepthwiseConv2D: _depthwise,
    FullyConnected: _fully_connected,
    MaxPool2D: _max_pool,
    AveragePool2D: _average_pool,
    GlobalAveragePool2D: _global_average_pool,
    Add: pairwise(torch.add),
    Sub: pairwise(torch.sub),
    Mul: pairwise(torch.mul),
    Concat: _concat,
    Pad: _pad,
    Slice: _slice,
    Transpose: _transpose,
    ResizeNearest: _resize,
    Logistic: _function,
    Tanh: _function,
    HardSwish: _function,
    LeakyReLU: _function,
    ReLU: _relu,
    ReLU6: _relu6,
    Reshape: _reshape,
    Softmax: _softmax,
    BatchNorm: _batch_norm,
    Requantize: _requantize,
}
"""How each op runs in float32."""
