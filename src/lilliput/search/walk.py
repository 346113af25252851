"""Assembles a float `Net` op by op: what every space builds its networks with."""

from __future__ import annotations

from collections.abc import Sequence

from lilliput.errors import NetError
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    MaxPool2D,
    Op,
    Pad,
    Padding,
    ReLU,
    Reshape,
)
from lilliput.net.tensor import Tensor

_NONE = Padding()


class Walk:
    """The network so far.  Each method appends an op and returns its name, which is its output's name too.

    Args:
        input_shape: (height, width, channels); height 1 for series.  The input is called "input".
        classes: that the network shall tell apart.

    Raises:
        NetError: the input is not an image or a series of height 1, or there is no class.
    """

    def __init__(self, input_shape: tuple[int, ...], classes: int) -> None:
        if len(input_shape) != 3 or min(input_shape) < 1 or classes < 1:
            raise NetError(
                f"no network of this kind takes an input of shape {input_shape} with {classes} classes",
                "expected (height, width, channels), at least one of each, and at least one class",
                "give series the shape (1, length, channels)",
            )
        self.ops: list[Op] = []
        self.tensors = {"input": Tensor("input", input_shape)}

    def classifier(self, trunk: str, units: Sequence[int], classes: int, name: str) -> Net:
        """The network that ends in hidden fully connected layers with ReLU and a layer of logits.

        Args:
            trunk: an image; flattened first.
            units: of the hidden layers.
            classes: units of the last layer.
            name: of the network.
        """
        trunk = self.flatten("head_flatten", trunk)
        for number, count in enumerate(units, start=1):
            trunk = self.relu(f"dense{number}_relu", self.fully_connected(f"dense{number}", trunk, count))
        output = self.fully_connected("logits", trunk, classes)
        return Net(name, tuple(self.ops), self.tensors, ("input",), (output,))

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def channels(self, name: str) -> int:
        return self.tensors[name].shape[-1]

    def convolution(
        self,
        name: str,
        source: str,
        channels: int | None,
        kernel: tuple[int, int],
        strides: tuple[int, int] = (1, 1),
        padding: Padding = _NONE,
        *,
        bias: bool,
    ) -> str:
        """A full convolution to `channels` channels, or a depthwise one if None.

        A kernel larger than the padded image is cut to it, rows and columns each.
        """
        height, width, depth = self.shape(source)
        rows = min(kernel[0], height + padding.top + padding.bottom)
        columns = min(kernel[1], width + padding.left + padding.right)
        if channels is None:
            weights = self._constant(f"{name}_weights", (rows, columns, depth))
            more = self._constant(f"{name}_bias", (depth,)) if bias else ()
            return self._append(
                DepthwiseConv2D(
                    name=name,
                    inputs=(source, *weights, *more),
                    outputs=(name,),
                    strides=strides,
                    padding=padding,
                )
            )
        weights = self._constant(f"{name}_weights", (channels, rows, columns, depth))
        more = self._constant(f"{name}_bias", (channels,)) if bias else ()
        return self._append(
            Conv2D(
                name=name, inputs=(source, *weights, *more), outputs=(name,), strides=strides, padding=padding
            )
        )

    def batch_norm(self, name: str, source: str) -> str:
        depth = (self.channels(source),)
        parts = [self._constant(f"{name}_{part}", depth)[0] for part in ("gamma", "beta", "mean", "variance")]
        return self._append(BatchNorm(name=name, inputs=(source, *parts), outputs=(name,)))

    def relu(self, name: str, source: str) -> str:
        return self._append(ReLU(name=name, inputs=(source,), outputs=(name,)))

    def pool(self, name: str, source: str, size: tuple[int, int], *, average: bool) -> str:
        """A pooling whose windows do not overlap; cut to the image, and left out if it is 1 x 1."""
        height, width, _ = self.shape(source)
        window = (min(size[0], height), min(size[1], width))
        if window == (1, 1):
            return source
        kind = AveragePool2D if average else MaxPool2D
        return self._append(kind(name=name, inputs=(source,), outputs=(name,), pool=window, strides=window))

    def pad(self, name: str, source: str, rows: int, columns: int) -> str:
        height, width, _ = self.shape(source)
        padding = Padding(bottom=rows - height, right=columns - width)
        if padding == Padding():
            return source
        return self._append(Pad(name=name, inputs=(source,), outputs=(name,), padding=padding))

    def add(self, name: str, first: str, second: str) -> str:
        return self._append(Add(name=name, inputs=(first, second), outputs=(name,)))

    def flatten(self, name: str, source: str) -> str:
        return self._append(
            Reshape(name=name, inputs=(source,), outputs=(name,), shape=(self.tensors[source].elements,))
        )

    def fully_connected(self, name: str, source: str, units: int) -> str:
        weights = self._constant(f"{name}_weights", (units, self.channels(source)))
        bias = self._constant(f"{name}_bias", (units,))
        return self._append(FullyConnected(name=name, inputs=(source, *weights, *bias), outputs=(name,)))

    def _constant(self, name: str, shape: tuple[int, ...]) -> tuple[str]:
        self.tensors[name] = Tensor(name, shape, constant=True)
        return (name,)

    def _append(self, op: Op) -> str:
        shape = op.output_shape([self.tensors[name].shape for name in op.inputs])
        (name,) = op.outputs
        self.ops.append(op)
        self.tensors[name] = Tensor(name, shape)
        return name
