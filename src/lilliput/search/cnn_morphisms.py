"""Every morphism of µNAS's Table 1: the small changes that make a child of an architecture.

`moves` lists every change that applies to an architecture, one entry for each place and amount, so that
drawing one uniformly favours the places with many neighbours (a layer's channels) as µNAS does.  Morphisms
that insert something draw it at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from lilliput.search.cnn_architecture import (
    BLOCKS,
    CHANNELS,
    FULLY_CONNECTED,
    KERNELS,
    LAYERS,
    POOL_SIZES,
    STRIDES,
    UNITS,
    Block,
    CnnArchitecture,
    ConvLayer,
)
from lilliput.search.cnn_sample import Sampler
from lilliput.search.widths import Range, Widths, steps

MORPHISMS = (
    "append block",
    "remove block",
    "change block connection",
    "insert convolution",
    "remove convolution",
    "toggle pre-pooling",
    "change convolution type",
    "change kernel size",
    "change channels",
    "change stride",
    "toggle batch norm",
    "toggle ReLU",
    "change pooling type",
    "change pooling size",
    "insert fully connected",
    "remove fully connected",
    "change units",
)
"""Names of all morphisms, in the order of the table."""

CHANGE_BITS = "change bits"
"""The morphism that the table lacks: another bit width of one layer's weights, or of what it puts out."""

COUNT_STEPS = (-5, -3, -1, 1, 3, 5)
"""Changes of C and U."""
SIZE_STEPS = (-2, 2)
"""Changes of K and P."""

Change = Callable[[CnnArchitecture, Sampler, np.random.Generator], CnnArchitecture]


def moves(architecture: CnnArchitecture, widths: Widths | None = None) -> list[tuple[str, Change]]:
    """Every morphism that applies: its name, and the function that makes the child.

    Args:
        architecture: the parent.
        widths: bit widths that there are to choose from; None leaves them, as the table does.
    """
    table = [*_block_moves(architecture), *_head_moves(architecture)]
    return table if widths is None or not widths.free else [*table, *_bit_moves(architecture, widths)]


def _bit_moves(architecture: CnnArchitecture, widths: Widths) -> Iterator[tuple[str, Change]]:
    for index, block in enumerate(architecture.blocks):
        for place, layer in enumerate(block.layers):
            for bits, activation_bits in _other_bits((layer.bits, layer.activation_bits), widths):
                changed = replace(layer, bits=bits, activation_bits=activation_bits)
                yield CHANGE_BITS, partial(_change_layer, index, place, changed)
    for place, pair in enumerate(architecture.unit_bits):
        for other in _other_bits(pair, widths):
            yield CHANGE_BITS, partial(_change_unit_bits, place, other)
    for bits in steps(architecture.bits, widths.weights):
        yield CHANGE_BITS, partial(_change_last_bits, bits)


def _other_bits(pair: Range, widths: Widths) -> list[Range]:
    weights, activations = pair
    return [
        *((other, activations) for other in steps(weights, widths.weights)),
        *((weights, other) for other in steps(activations, widths.activations)),
    ]


def _block_moves(architecture: CnnArchitecture) -> Iterator[tuple[str, Change]]:
    count = len(architecture.blocks)
    if count < BLOCKS[1]:
        yield "append block", _append_block
    if count > BLOCKS[0]:
        yield "remove block", _remove_block
    for index, block in enumerate(architecture.blocks):
        if index > 0:
            yield "change block connection", partial(_change_connection, index)
        if len(block.layers) < LAYERS[1]:
            yield "insert convolution", partial(_insert_convolution, index)
        if len(block.layers) > LAYERS[0]:
            yield "remove convolution", partial(_remove_convolution, index)
        for place, layer in enumerate(block.layers):
            for name, changed in _layer_moves(layer):
                yield name, partial(_change_layer, index, place, changed)


def _layer_moves(layer: ConvLayer) -> Iterator[tuple[str, ConvLayer]]:
    yield "toggle pre-pooling", replace(layer, pre_pool=not layer.pre_pool)
    yield "change convolution type", replace(layer, depthwise=not layer.depthwise, channels=None)
    for step in SIZE_STEPS:
        kernel = layer.kernel + step
        if kernel in KERNELS:
            yield (
                "change kernel size",
                replace(layer, kernel=kernel, stride=layer.stride if kernel > 1 else 1),
            )
    if layer.channels is not None:
        for step in COUNT_STEPS:
            if CHANNELS[0] <= layer.channels + step <= CHANNELS[1]:
                yield "change channels", replace(layer, channels=layer.channels + step)
    if layer.kernel > 1:
        yield "change stride", replace(layer, stride=STRIDES[0] + STRIDES[1] - layer.stride)
    yield "toggle batch norm", replace(layer, batch_norm=not layer.batch_norm)
    yield "toggle ReLU", replace(layer, relu=not layer.relu)


def _head_moves(architecture: CnnArchitecture) -> Iterator[tuple[str, Change]]:
    yield "change pooling type", _change_pooling_type
    for step in SIZE_STEPS:
        if architecture.pool_size + step in POOL_SIZES:
            yield "change pooling size", partial(_change_pooling_size, step)
    if len(architecture.units) < FULLY_CONNECTED[1]:
        yield "insert fully connected", _insert_fully_connected
    if len(architecture.units) > FULLY_CONNECTED[0]:
        yield "remove fully connected", _remove_fully_connected
    for place, units in enumerate(architecture.units):
        for step in COUNT_STEPS:
            if UNITS[0] <= units + step <= UNITS[1]:
                yield "change units", partial(_change_units, place, step)


def _with_block(architecture: CnnArchitecture, index: int, block: Block) -> CnnArchitecture:
    blocks = architecture.blocks
    return replace(architecture, blocks=(*blocks[:index], block, *blocks[index + 1 :]))


def _append_block(
    architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    # One layer, as in µNAS: a child stays near its parent.
    return replace(architecture, blocks=(*architecture.blocks, sampler.block(rng, first=False, layers=1)))


def _remove_block(
    architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    blocks = architecture.blocks
    index = int(rng.integers(len(blocks)))
    rest = list(blocks[index + 1 :])
    if rest and rest[0].parallel and not blocks[index].parallel:
        # The branches beside the removed block lose their trunk: the first of them becomes the trunk.
        rest[0] = Block(False, sampler.settle(rest[0].layers, False, rng))
    return replace(architecture, blocks=(*blocks[:index], *rest))


def _change_connection(
    index: int, architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    block = architecture.blocks[index]
    parallel = not block.parallel
    return _with_block(architecture, index, Block(parallel, sampler.settle(block.layers, parallel, rng)))


def _insert_convolution(
    index: int, architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    block = architecture.blocks[index]
    place = int(rng.integers(len(block.layers), endpoint=True))
    layers = (*block.layers[:place], sampler.layer(rng), *block.layers[place:])
    return _with_block(
        architecture, index, Block(block.parallel, sampler.settle(layers, block.parallel, rng))
    )


def _remove_convolution(
    index: int, architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    block = architecture.blocks[index]
    place = int(rng.integers(len(block.layers)))
    layers = (*block.layers[:place], *block.layers[place + 1 :])
    return _with_block(
        architecture, index, Block(block.parallel, sampler.settle(layers, block.parallel, rng))
    )


def _change_layer(
    index: int,
    place: int,
    changed: ConvLayer,
    architecture: CnnArchitecture,
    sampler: Sampler,
    rng: np.random.Generator,
) -> CnnArchitecture:
    block = architecture.blocks[index]
    layers = (*block.layers[:place], changed, *block.layers[place + 1 :])
    return _with_block(
        architecture, index, Block(block.parallel, sampler.settle(layers, block.parallel, rng))
    )


def _change_pooling_type(
    architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    return replace(architecture, pool_kind="max" if architecture.pool_kind == "avg" else "avg")


def _change_pooling_size(
    step: int, architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    return replace(architecture, pool_size=architecture.pool_size + step)


def _insert_fully_connected(
    architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    units, bits = architecture.units, architecture.unit_bits
    place = int(rng.integers(len(units), endpoint=True))
    return replace(
        architecture,
        units=(*units[:place], sampler.units(rng), *units[place:]),
        unit_bits=(*bits[:place], sampler.unit_bits(rng), *bits[place:]),
    )


def _remove_fully_connected(
    architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    units, bits = architecture.units, architecture.unit_bits
    place = int(rng.integers(len(units)))
    return replace(
        architecture,
        units=(*units[:place], *units[place + 1 :]),
        unit_bits=(*bits[:place], *bits[place + 1 :]),
    )


def _change_units(
    place: int, step: int, architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    units = architecture.units
    return replace(architecture, units=(*units[:place], units[place] + step, *units[place + 1 :]))


def _change_unit_bits(
    place: int, bits: Range, architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    before = architecture.unit_bits
    return replace(architecture, unit_bits=(*before[:place], bits, *before[place + 1 :]))


def _change_last_bits(
    bits: int, architecture: CnnArchitecture, sampler: Sampler, rng: np.random.Generator
) -> CnnArchitecture:
    return replace(architecture, bits=bits)
