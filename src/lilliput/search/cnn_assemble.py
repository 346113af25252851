"""From a convolutional architecture to a `Net`: one walk, the start of cost, training and code generation.

Where Table 1 of the paper is silent, the sizes follow µNAS's published program:

- Convolutions and poolings add no padding.  A kernel or pooling larger than what is left of the image is cut
  to it (here for rows and columns each, so that series of height 1 keep their kernels), hence every
  architecture has a network. A pooling of 1 x 1 is left out.
- A parallel block reads what the last serial block read.  Its last layer has as many channels as the block
  that it joins; where that layer is depthwise, a bare 1 x 1 convolution follows it.
- Branches are joined by addition before the next serial block or the final pooling.  Branches about n times
  as large as the smallest (rounded) are max-pooled by n first; what still differs is filled up with zeros at
  the bottom and right.
"""

from __future__ import annotations

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
from lilliput.search.cnn_architecture import CnnArchitecture, ConvLayer


def assemble(architecture: CnnArchitecture, input_shape: tuple[int, ...], classes: int, name: str) -> Net:
    """The float network of an architecture, with constants that have no data yet.

    Args:
        architecture: what to assemble.
        input_shape: (height, width, channels); height 1 for series.
        classes: units of the last layer, whose outputs are logits.
        name: of the network.

    Raises:
        NetError: the input is not an image or a series of height 1.
    """
    if len(input_shape) != 3 or min(input_shape) < 1 or classes < 1:
        raise NetError(
            f"the space 'cnn' cannot take an input of shape {input_shape} with {classes} classes",
            "expected (height, width, channels), at least one of each, and at least one class",
            "give series the shape (1, length, channels)",
        )
    walk = _Walk(input_shape)
    trunk = branch_point = "input"
    branches: list[str] = []
    for number, block in enumerate(architecture.blocks, start=1):
        if block.parallel:
            branches.append(_branch(walk, block.layers, branch_point, walk.channels(trunk), f"block{number}"))
            continue
        if branches:
            trunk = _join(walk, [trunk, *branches], f"block{number}")
            branches = []
        branch_point = trunk
        for place, layer in enumerate(block.layers, start=1):
            trunk = _convolution(walk, layer, trunk, layer.channels or 0, f"block{number}_layer{place}")
    if branches:
        trunk = _join(walk, [trunk, *branches], "head")
    size = (architecture.pool_size, architecture.pool_size)
    trunk = walk.pool("head_pool", trunk, size, average=architecture.pool_kind == "avg")
    trunk = walk.flatten("head_flatten", trunk)
    for number, units in enumerate(architecture.units, start=1):
        trunk = walk.relu(f"dense{number}_relu", walk.fully_connected(f"dense{number}", trunk, units))
    output = walk.fully_connected("logits", trunk, classes)
    return Net(name, tuple(walk.ops), walk.tensors, ("input",), (output,))


def _convolution(walk: _Walk, layer: ConvLayer, source: str, channels: int, name: str) -> str:
    if layer.pre_pool:
        source = walk.pool(f"{name}_pool", source, (2, 2), average=False)
    bias = not layer.batch_norm  # batch norm shifts anyway; folding makes its shift the bias
    count = None if layer.depthwise else channels
    found = walk.convolution(f"{name}_conv", source, count, layer.kernel, layer.stride, bias=bias)
    if layer.batch_norm:
        found = walk.batch_norm(f"{name}_norm", found)
    return walk.relu(f"{name}_relu", found) if layer.relu else found


def _branch(walk: _Walk, layers: tuple[ConvLayer, ...], source: str, channels: int, name: str) -> str:
    for place, layer in enumerate(layers, start=1):
        source = _convolution(walk, layer, source, layer.channels or channels, f"{name}_layer{place}")
    if layers[-1].depthwise:
        source = walk.convolution(f"{name}_expand", source, channels, 1, 1, bias=True)
    return source


def _join(walk: _Walk, branches: list[str], name: str) -> str:
    rows = min(walk.shape(branch)[0] for branch in branches)
    columns = min(walk.shape(branch)[1] for branch in branches)
    for index, branch in enumerate(branches):
        height, width, _ = walk.shape(branch)
        size = (round(height / rows), round(width / columns))
        branches[index] = walk.pool(f"{name}_join{index}_pool", branch, size, average=False)
    rows = max(walk.shape(branch)[0] for branch in branches)
    columns = max(walk.shape(branch)[1] for branch in branches)
    padded = [
        walk.pad(f"{name}_join{index}_pad", branch, rows, columns) for index, branch in enumerate(branches)
    ]
    found = padded[0]
    for index, branch in enumerate(padded[1:], start=1):
        found = walk.add(f"{name}_join{index}", found, branch)
    return found


class _Walk:
    """The network so far.  Each method appends an op and returns its name, which is its output's name too."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self.ops: list[Op] = []
        self.tensors = {"input": Tensor("input", input_shape)}

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def channels(self, name: str) -> int:
        return self.tensors[name].shape[-1]

    def convolution(
        self, name: str, source: str, channels: int | None, kernel: int, stride: int, *, bias: bool
    ) -> str:
        """A full convolution to `channels` channels, or a depthwise one if None."""
        height, width, depth = self.shape(source)
        rows, columns = min(kernel, height), min(kernel, width)
        strides = (stride, stride)
        if channels is None:
            weights = self._constant(f"{name}_weights", (rows, columns, depth))
            more = self._constant(f"{name}_bias", (depth,)) if bias else ()
            return self._append(
                DepthwiseConv2D(name=name, inputs=(source, *weights, *more), outputs=(name,), strides=strides)
            )
        weights = self._constant(f"{name}_weights", (channels, rows, columns, depth))
        more = self._constant(f"{name}_bias", (channels,)) if bias else ()
        return self._append(
            Conv2D(name=name, inputs=(source, *weights, *more), outputs=(name,), strides=strides)
        )

    def batch_norm(self, name: str, source: str) -> str:
        depth = (self.channels(source),)
        parts = [self._constant(f"{name}_{part}", depth)[0] for part in ("gamma", "beta", "mean", "variance")]
        return self._append(BatchNorm(name=name, inputs=(source, *parts), outputs=(name,)))

    def relu(self, name: str, source: str) -> str:
        return self._append(ReLU(name=name, inputs=(source,), outputs=(name,)))

    def pool(self, name: str, source: str, size: tuple[int, int], *, average: bool) -> str:
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
