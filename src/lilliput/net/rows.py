"""Rows of images: which rows of its input an op needs for rows of its output."""

from __future__ import annotations

from typing import NamedTuple

from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Op,
    ReLU,
    ReLU6,
    Requantize,
    Tanh,
)
from lilliput.net.tensor import Tensor


class RowWindow(NamedTuple):
    """The rows of an image that a row of windows covers.

    Attributes:
        stride: from a row of windows to the next.
        size: rows of a window, dilated.
        before: rows of padding above the image.
        height: of the image.
    """

    stride: int
    size: int
    before: int
    height: int

    @property
    def reach(self) -> int:
        """The first n rows of windows reach to row n * stride + reach, if that lies in the image."""
        return self.size - self.stride - self.before

    def first(self, row: int) -> int:
        """The first row of the image that output rows from `row` on need."""
        return min(max(row * self.stride - self.before, 0), self.height)

    def end(self, rows: int) -> int:
        """The row of the image behind the last one that the first `rows` of the output need."""
        return min(max((rows - 1) * self.stride + self.size - self.before, 0), self.height) if rows else 0


_BY_ROWS: frozenset[type[Op]] = frozenset(
    {
        *(Conv2D, DepthwiseConv2D, MaxPool2D, AveragePool2D),
        *(Add, ReLU, ReLU6, Requantize, Logistic, Tanh, HardSwish, LeakyReLU),
    }
)


def row_window(op: Op, net: Net) -> RowWindow | None:
    """How rows of the output depend on rows of each input that is an activation; None where they do not."""
    output = net.tensors[op.outputs[0]]
    if type(op) not in _BY_ROWS or len(output.shape) != 3 or output.dtype.bits != 8:
        return None
    inputs = [net.tensors[name] for name in op.inputs]
    # Kernels for other numbers make whole layers only.
    if any(tensor.dtype.narrow if tensor.constant else tensor.dtype.bits != 8 for tensor in inputs):
        return None
    height = inputs[0].shape[0]
    match op:
        case Conv2D():
            tall, dilation = inputs[1].shape[1], op.dilation[0]
        case DepthwiseConv2D():
            tall, dilation = inputs[1].shape[0], op.dilation[0]
        case MaxPool2D() | AveragePool2D():
            tall, dilation = op.pool[0], 1
        case _:  # element by element, without anything that is repeated or constant
            is_plain = all(tensor.shape == output.shape and not tensor.constant for tensor in inputs)
            return RowWindow(1, 1, 0, height) if is_plain else None
    return RowWindow(op.strides[0], (tall - 1) * dilation + 1, op.padding.top, height)


def row_bytes(net: Net, tensor: str) -> int:
    """Bytes of one row of an image."""
    _, width, channels = net.tensors[tensor].shape
    return width * channels * net.tensors[tensor].element_bytes


def of_rows(op: Op, net: Net, rows: int) -> Net:
    """A network of `op` alone, as a kernel sees it that makes `rows` rows of its output: with low images."""
    window = row_window(op, net)
    assert window is not None
    read = min((rows - 1) * window.stride + window.size, window.height)
    tensors = {name: net.tensors[name] for name in (*op.inputs, *op.outputs)}
    for name, tensor in tensors.items():
        if not tensor.constant:
            height = rows if name in op.outputs else read
            tensors[name] = Tensor(name, (height, *tensor.shape[1:]), tensor.dtype, tensor.quant)
    inputs = tuple(name for name, tensor in tensors.items() if not tensor.constant and name not in op.outputs)
    return Net(net.name, (op,), tensors, inputs, op.outputs, optimize=net.optimize)
