"""A convolutional architecture of µNAS's search space (Liberis et al., 2021, Table 1) as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lilliput.search.encoded import Decoder

BLOCKS = (1, 10)
"""N: fewest and most convolutional blocks."""
LAYERS = (1, 3)
"""M: fewest and most convolution layers of a block."""
KERNELS = (1, 3, 5, 7)
"""K: sides of a convolution's kernel."""
CHANNELS = (1, 128)
"""C: fewest and most output channels of a full convolution."""
STRIDES = (1, 2)
"""S: strides, both for rows and columns; 1 for a 1 x 1 convolution."""
POOL_SIZES = (2, 4, 6)
"""P: sides of the pooling between the blocks and the fully connected layers."""
FULLY_CONNECTED = (1, 3)
"""F: fewest and most hidden fully connected layers."""
UNITS = (10, 256)
"""U: fewest and most units of a hidden fully connected layer."""

PoolKind = Literal["avg", "max"]

_DECODER = Decoder("cnn")


@dataclass(frozen=True)
class ConvLayer:
    """One convolution layer.

    Attributes:
        depthwise: a depthwise convolution instead of a full one.
        kernel: side of the kernel, one of `KERNELS`.
        channels: output channels; None where they are not free: a depthwise convolution keeps the count of
            its input, and the last layer of a parallel block has the count of the block that it is added to.
        stride: one of `STRIDES`; 1 if `kernel` is 1.
        pre_pool: a 2 x 2 max pooling comes first.
        batch_norm, relu: what follows, in this order.
    """

    depthwise: bool
    kernel: int
    channels: int | None
    stride: int
    pre_pool: bool
    batch_norm: bool
    relu: bool


@dataclass(frozen=True)
class Block:
    """Convolution layers in sequence, after the previous block or (`parallel`) beside it."""

    parallel: bool
    layers: tuple[ConvLayer, ...]


@dataclass(frozen=True)
class CnnArchitecture:
    """Blocks, a pooling, hidden fully connected layers; the last layer (a unit for each class) is implied.

    Attributes:
        blocks: the first one is never parallel.
        pool_kind, pool_size: the pooling after the blocks.
        units: of the hidden fully connected layers.
    """

    blocks: tuple[Block, ...]
    pool_kind: PoolKind
    pool_size: int
    units: tuple[int, ...]


def has_free_channels(parallel: bool, last: bool, depthwise: bool) -> bool:
    """Whether a layer's channels can be chosen; see `ConvLayer.channels`."""
    return not depthwise and not (parallel and last)


def widths(architecture: CnnArchitecture) -> tuple[int, ...]:
    """The free channels in the order of the layers, then the hidden units."""
    layers = (layer for block in architecture.blocks for layer in block.layers)
    return (*(layer.channels for layer in layers if layer.channels is not None), *architecture.units)


def with_widths(architecture: CnnArchitecture, wanted: Sequence[int]) -> CnnArchitecture:
    """The same layers with other `widths`, each cut to its bounds."""
    left = iter(wanted)

    def widened(layer: ConvLayer) -> ConvLayer:
        return layer if layer.channels is None else replace(layer, channels=_cut(next(left), CHANNELS))

    return replace(
        architecture,
        blocks=tuple(
            replace(block, layers=tuple([widened(layer) for layer in block.layers]))
            for block in architecture.blocks
        ),
        units=tuple([_cut(next(left), UNITS) for _ in architecture.units]),
    )


def _cut(value: int, bounds: tuple[int, int]) -> int:
    return min(max(value, bounds[0]), bounds[1])


def encode(architecture: CnnArchitecture) -> dict[str, Any]:
    """The architecture in JSON values."""
    return {
        "blocks": [
            {
                "connection": "parallel" if block.parallel else "serial",
                "layers": [
                    {
                        "type": "depthwise" if layer.depthwise else "full",
                        "kernel": layer.kernel,
                        "channels": layer.channels,
                        "stride": layer.stride,
                        "pre_pool": layer.pre_pool,
                        "batch_norm": layer.batch_norm,
                        "relu": layer.relu,
                    }
                    for layer in block.layers
                ],
            }
            for block in architecture.blocks
        ],
        "pooling": {"type": architecture.pool_kind, "size": architecture.pool_size},
        "units": list(architecture.units),
    }


def decode(encoded: Mapping[str, Any]) -> CnnArchitecture:
    """The architecture that `encode` wrote, with every bound of the space checked.

    Raises:
        StudyError: `encoded` is no architecture of the space; names the place and the value.
    """
    top = _DECODER.mapping(encoded, "architecture", {"blocks", "pooling", "units"})
    blocks = tuple(
        _decode_block(block, index)
        for index, block in enumerate(_DECODER.entries(top["blocks"], "blocks", BLOCKS))
    )
    pooling = _DECODER.mapping(top["pooling"], "pooling", {"type", "size"})
    units = tuple(
        _DECODER.whole(count, f"units[{index}]", range(UNITS[0], UNITS[1] + 1))
        for index, count in enumerate(_DECODER.entries(top["units"], "units", FULLY_CONNECTED))
    )
    kind: PoolKind = (
        "avg" if _DECODER.choice(pooling["type"], "pooling.type", ("avg", "max")) == "avg" else "max"
    )
    return CnnArchitecture(blocks, kind, _DECODER.whole(pooling["size"], "pooling.size", POOL_SIZES), units)


def _decode_block(encoded: object, index: int) -> Block:
    where = f"blocks[{index}]"
    found = _DECODER.mapping(encoded, where, {"connection", "layers"})
    parallel = (
        _DECODER.choice(found["connection"], f"{where}.connection", ("serial", "parallel")) == "parallel"
    )
    if parallel and index == 0:
        raise _DECODER.refuse(
            f"{where}.connection", "parallel", "the first block has nothing to be parallel to"
        )
    layers = _DECODER.entries(found["layers"], f"{where}.layers", LAYERS)
    return Block(
        parallel,
        tuple(
            _decode_layer(layer, f"{where}.layers[{number}]", parallel, number == len(layers) - 1)
            for number, layer in enumerate(layers)
        ),
    )


def _decode_layer(encoded: object, where: str, parallel: bool, last: bool) -> ConvLayer:
    keys = {"type", "kernel", "channels", "stride", "pre_pool", "batch_norm", "relu"}
    found = _DECODER.mapping(encoded, where, keys)
    depthwise = _DECODER.choice(found["type"], f"{where}.type", ("full", "depthwise")) == "depthwise"
    kernel = _DECODER.whole(found["kernel"], f"{where}.kernel", KERNELS)
    channels = found["channels"]
    if has_free_channels(parallel, last, depthwise):
        channels = _DECODER.whole(channels, f"{where}.channels", range(CHANNELS[0], CHANNELS[1] + 1))
    elif channels is not None:
        raise _DECODER.refuse(
            f"{where}.channels", channels, "the channels of this layer are not free; null expected"
        )
    return ConvLayer(
        depthwise,
        kernel,
        channels,
        _DECODER.whole(found["stride"], f"{where}.stride", STRIDES if kernel > 1 else (1,)),
        _DECODER.flag(found["pre_pool"], f"{where}.pre_pool"),
        _DECODER.flag(found["batch_norm"], f"{where}.batch_norm"),
        _DECODER.flag(found["relu"], f"{where}.relu"),
    )
