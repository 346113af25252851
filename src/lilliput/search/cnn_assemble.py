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

from lilliput.net.graph import Net
from lilliput.search.cnn_architecture import CnnArchitecture, ConvLayer
from lilliput.search.walk import Walk


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
    walk = Walk(input_shape, classes)
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
    return walk.classifier(trunk, architecture.units, classes, name)


def _convolution(walk: Walk, layer: ConvLayer, source: str, channels: int, name: str) -> str:
    if layer.pre_pool:
        source = walk.pool(f"{name}_pool", source, (2, 2), average=False)
    bias = not layer.batch_norm  # batch norm shifts anyway; folding makes its shift the bias
    count = None if layer.depthwise else channels
    found = walk.convolution(
        f"{name}_conv", source, count, (layer.kernel, layer.kernel), (layer.stride, layer.stride), bias=bias
    )
    if layer.batch_norm:
        found = walk.batch_norm(f"{name}_norm", found)
    return walk.relu(f"{name}_relu", found) if layer.relu else found


def _branch(walk: Walk, layers: tuple[ConvLayer, ...], source: str, channels: int, name: str) -> str:
    for place, layer in enumerate(layers, start=1):
        source = _convolution(walk, layer, source, layer.channels or channels, f"{name}_layer{place}")
    if layers[-1].depthwise:
        source = walk.convolution(f"{name}_expand", source, channels, (1, 1), bias=True)
    return source


def _join(walk: Walk, branches: list[str], name: str) -> str:
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
