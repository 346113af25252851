"""Networks of a given shape with any number of filters: MLP, CNN and ResNetv1, in one and two dimensions.

The templates of MicroAI (Novac et al., Sensors 2021, 21, 2984, §5.4).  Which dimension follows from the
data: over series of height 1 kernels, poolings and paddings reach along the width only.
"""

from __future__ import annotations

from dataclasses import dataclass

from lilliput.errors import NetError
from lilliput.net.graph import Net
from lilliput.net.ops import Padding
from lilliput.search.walk import Walk


@dataclass(frozen=True)
class Mlp:
    """Fully connected layers with ReLU.

    Attributes:
        units: of the hidden layers.
    """

    units: tuple[int, ...]


@dataclass(frozen=True)
class Cnn:
    """Convolutions with ReLU and max pooling, then fully connected layers.

    Attributes:
        filters: channels of each convolution.
        kernels: their kernels' sides, as many.
        pools: sides of the max pooling behind each, 1 for none, as many.
        units: of the hidden fully connected layers.
        padded: whether convolutions keep the image's size.
        batch_norm: whether each convolution is followed by batch normalization.
    """

    filters: tuple[int, ...]
    kernels: tuple[int, ...]
    pools: tuple[int, ...]
    units: tuple[int, ...] = ()
    padded: bool = True
    batch_norm: bool = False


@dataclass(frozen=True)
class ResNet:
    """A residual network, version 1: a stem, stages of blocks of two convolutions, a global pooling.

    A block adds its input to what its two convolutions make of it, then applies ReLU.  The first block of a
    stage with stride s max-pools by s behind its first convolution, and its input is projected by a 1 x 1
    convolution and pooled alike; so is the input where the channels differ.  Convolutions keep the size.

    Attributes:
        filters: channels of the stem, then of each stage.
        kernels: sides of the kernels of the stem, then of each stage.
        strides: of the first block of each stage.
        blocks: of each stage.
        pool: kind of the global pooling, "max" or "average".
        batch_norm: whether each convolution is followed by batch normalization.
    """

    filters: tuple[int, ...]
    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    blocks: tuple[int, ...]
    pool: str = "max"
    batch_norm: bool = False


Template = Mlp | Cnn | ResNet


def resnet_v1_6(filters: int, batch_norm: bool = False) -> ResNet:
    """The network of all of MicroAI's experiments (§6, Figure 4): six layers with weights but the projection.

    Args:
        filters: channels of every convolution.
        batch_norm: the paper uses none.
    """
    return ResNet((filters, filters), (3, 3), (2,), (2,), "max", batch_norm)


def build(template: Template, input_shape: tuple[int, ...], classes: int, name: str) -> Net:
    """The float network of a template, without weights; its outputs are logits.

    Args:
        template: which.
        input_shape: (height, width, channels); height 1 for series.
        classes: units of the last layer.
        name: of the network.

    Raises:
        NetError: the input is not an image or a series of height 1, or a window is larger than what it slides
            over.
    """
    walk = Walk(input_shape, classes)
    if isinstance(template, Mlp):
        return walk.classifier("input", template.units, classes, name)
    if isinstance(template, Cnn):
        return walk.classifier(_convolutions(walk, template), template.units, classes, name)
    return walk.classifier(_residual(walk, template), (), classes, name)


def _convolutions(walk: Walk, template: Cnn) -> str:
    trunk = "input"
    for number, (filters, kernel, pool) in enumerate(
        zip(template.filters, template.kernels, template.pools, strict=True), start=1
    ):
        made = _convolved(walk, f"conv{number}", trunk, filters, kernel, template.batch_norm, template.padded)
        trunk = _pooled(walk, f"pool{number}", walk.relu(f"conv{number}_relu", made), pool)
    return trunk


def _residual(walk: Walk, template: ResNet) -> str:
    norm = template.batch_norm
    stem = _convolved(walk, "stem", "input", template.filters[0], template.kernels[0], norm)
    trunk = walk.relu("stem_relu", stem)
    for stage, (filters, kernel, stride, blocks) in enumerate(
        zip(template.filters[1:], template.kernels[1:], template.strides, template.blocks, strict=True),
        start=1,
    ):
        for number in range(1, blocks + 1):
            pool = stride if number == 1 else 1
            trunk = _block(walk, f"stage{stage}_block{number}", trunk, filters, kernel, pool, norm)
    height, width, _ = walk.shape(trunk)
    return walk.pool("head_pool", trunk, (height, width), average=template.pool == "average")


def _block(walk: Walk, name: str, source: str, filters: int, kernel: int, pool: int, norm: bool) -> str:
    inner = walk.relu(f"{name}_relu1", _convolved(walk, f"{name}_conv1", source, filters, kernel, norm))
    # Behind the ReLU instead of before it: the same values, and convolution and ReLU become one op.
    inner = _pooled(walk, f"{name}_pool", inner, pool)
    inner = _convolved(walk, f"{name}_conv2", inner, filters, kernel, norm)
    shortcut = source
    if pool > 1 or walk.channels(source) != filters:
        shortcut = _convolved(walk, f"{name}_project", source, filters, 1, norm)
        shortcut = _pooled(walk, f"{name}_project_pool", shortcut, pool)
    return walk.relu(f"{name}_relu2", walk.add(f"{name}_add", inner, shortcut))


def _convolved(
    walk: Walk, name: str, source: str, filters: int, kernel: int, norm: bool, padded: bool = True
) -> str:
    series = walk.shape(source)[0] == 1
    rows = 1 if series else kernel
    before, after = ((kernel - 1) // 2, kernel // 2) if padded else (0, 0)
    padding = Padding(0, 0, before, after) if series else Padding(before, after, before, after)
    if not padded:
        _check_covers(walk, name, source, kernel)
    made = walk.convolution(name, source, filters, (rows, kernel), padding=padding, bias=not norm)
    return walk.batch_norm(f"{name}_norm", made) if norm else made


def _pooled(walk: Walk, name: str, source: str, size: int) -> str:
    _check_covers(walk, name, source, size)
    return walk.pool(name, source, (size, size), average=False)


def _check_covers(walk: Walk, name: str, source: str, size: int) -> None:
    """Refuses a window that a walk, which searches take, would cut to what is left of the image."""
    height, width, _ = walk.shape(source)
    if size > width or (height > 1 and size > height):
        raise NetError(
            f"'{name}' has windows of {size} on what is {height} x {width} by then",
            "they must lie in it",
            "take smaller kernels, pools or strides, fewer layers, or padded = true",
        )
