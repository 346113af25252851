"""A convolutional architecture of µNAS's search space (Liberis et al., 2021, Table 1) as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lilliput.net.formats import Formats
from lilliput.search.encoded import Decoder
from lilliput.search.widths import BITS, WHOLE, formats_of

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
        bits: of its weights; µNAS knows 8 only.
        activation_bits: of what it puts out.
    """

    depthwise: bool
    kernel: int
    channels: int | None
    stride: int
    pre_pool: bool
    batch_norm: bool
    relu: bool
    bits: int = WHOLE
    activation_bits: int = WHOLE


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
        unit_bits: bits of the weights and of what comes out of each of these; 8 where none are given.
        bits: of the weights of the last layer.
    """

    blocks: tuple[Block, ...]
    pool_kind: PoolKind
    pool_size: int
    units: tuple[int, ...]
    unit_bits: tuple[tuple[int, int], ...] = ()
    bits: int = WHOLE

    def __post_init__(self) -> None:
        """Equal architectures shall be equal values, however little was said of bits."""
        if not self.unit_bits:
            object.__setattr__(self, "unit_bits", ((WHOLE, WHOLE),) * len(self.units))


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


def layer_name(block: int, layer: int) -> str:
    """The op of convolution `layer` of a block, both from 0 on."""
    return f"block{block + 1}_layer{layer + 1}_conv"


def formats(architecture: CnnArchitecture) -> Formats:
    """The number formats that the bits of the layers ask for."""
    layers = {
        layer_name(number, index): (layer.bits, layer.activation_bits)
        for number, block in enumerate(architecture.blocks)
        for index, layer in enumerate(block.layers)
    }
    dense = {f"dense{number}": bits for number, bits in enumerate(architecture.unit_bits, start=1)}
    return formats_of({**layers, **dense, "logits": (architecture.bits, WHOLE)})


def encode(architecture: CnnArchitecture) -> dict[str, Any]:
    """The architecture in JSON values; whatever has 8 bits does not say so."""
    whole = all(bits == (WHOLE, WHOLE) for bits in architecture.unit_bits)
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
                        **_narrow(bits=layer.bits, activation_bits=layer.activation_bits),
                    }
                    for layer in block.layers
                ],
            }
            for block in architecture.blocks
        ],
        "pooling": {"type": architecture.pool_kind, "size": architecture.pool_size},
        "units": list(architecture.units),
        **({} if whole else {"unit_bits": [list(bits) for bits in architecture.unit_bits]}),
        **_narrow(bits=architecture.bits),
    }


def _narrow(**bits: int) -> dict[str, int]:
    return {key: value for key, value in bits.items() if value != WHOLE}


def decode(encoded: Mapping[str, Any]) -> CnnArchitecture:
    """The architecture that `encode` wrote, with every bound of the space checked.

    Raises:
        StudyError: `encoded` is no architecture of the space; names the place and the value.
    """
    top = _DECODER.mapping(encoded, "architecture", {"blocks", "pooling", "units"}, {"unit_bits", "bits"})
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
    size = _DECODER.whole(pooling["size"], "pooling.size", POOL_SIZES)
    return CnnArchitecture(blocks, kind, size, units, _unit_bits(top, len(units)), _bits(top, "bits", "bits"))


def _unit_bits(top: Mapping[str, Any], layers: int) -> tuple[tuple[int, int], ...]:
    if "unit_bits" not in top:
        return ()
    found = []
    for index, pair in enumerate(_DECODER.entries(top["unit_bits"], "unit_bits", (layers, layers))):
        where = f"unit_bits[{index}]"
        weights, activations = _DECODER.entries(pair, where, (2, 2))
        found.append((_width(weights, f"{where}[0]"), _width(activations, f"{where}[1]")))
    return tuple(found)


def _bits(found: Mapping[str, Any], key: str, where: str) -> int:
    return _width(found.get(key, WHOLE), where)


def _width(value: object, where: str) -> int:
    return _DECODER.whole(value, where, range(BITS[0], BITS[1] + 1))


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
    found = _DECODER.mapping(encoded, where, keys, {"bits", "activation_bits"})
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
        _bits(found, "bits", f"{where}.bits"),
        _bits(found, "activation_bits", f"{where}.activation_bits"),
    )
