"""A float network becomes one of integers: scales are chosen from what was seen to flow.

In the format `int8` activations are asymmetric with one scale each, weights symmetric with one scale per
output channel, biases int32 (Jacob et al., arXiv:1712.05877; TFLite's 8-bit quantization specification).
`lilliput.net.formats` says what the others are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import NetError
from lilliput.net.check import Stage, check
from lilliput.net.fixedpoint import BOUNDED, WeightedOp
from lilliput.net.formats import Format, Formats
from lilliput.net.graph import Net
from lilliput.net.ops import Op, Requantize
from lilliput.net.tensor import DType, Tensor
from lilliput.passes.choose_types import activation_types, bridged, separate_sources
from lilliput.passes.naming import Names
from lilliput.passes.quantize_activations import (
    RangePair,
    activation_quants,
    raw_input_quant,
)
from lilliput.passes.quantize_weights import network_scale, quantize_weighted


def quantize(
    net: Net,
    ranges: Mapping[str, RangePair] | None,
    formats: Formats | Format | None = None,
    *,
    weight_scales: Mapping[str, NDArray[np.float64]] | None = None,
) -> Net:
    """The integer network of a float one.

    Args:
        net: float, with batch normalization folded.
        ranges: smallest and largest value seen of each activation, by tensor name.  None gives the same ops
            and shapes with placeholder scales, for networks that are not trained yet.
        formats: of its layers; int8 if None.  Where they meet, a layer takes what flows and gives its own; a
            Requantize converts where 8 and 16 bits meet or joined tensors differ.
        weight_scales: of the channels of weights, by tensor name, where they were learned; others follow from
            the weights.  Ignored where the whole network has one scale.

    Returns:
        A quantized network.  If the raw data are bytes (`net.normalization.raw` is uint8), its input is
        uint8 and its first op makes it signed.

    Raises:
        NetError: `net` is no valid float network or still has batch normalization, `ranges` lack an
            activation or hold a number that is not finite, or a format is float32.
    """
    check(net, Stage.FLOAT)
    return quantized(net, ranges, formats, weight_scales=weight_scales)


def quantized(
    net: Net,
    ranges: Mapping[str, RangePair] | None,
    formats: Formats | Format | None = None,
    *,
    weight_scales: Mapping[str, NDArray[np.float64]] | None = None,
) -> Net:
    """The same of a network that was made of one that was checked; what comes out is checked here."""
    if formats is None or isinstance(formats, Format):
        formats = Formats() if formats is None else Formats(formats)
    if any(formats.of(op.name).real for op in net.ops):
        raise NetError(
            f"network '{net.name}' cannot be quantized to float32",
            "floats stay as they are",
            "compile it with --format float32 as a whole",
        )
    net, separated = separate_sources(net, formats)
    net, types, origins = bridged(net, activation_types(net, formats))
    origins |= separated
    if ranges is not None:
        ranges = {**ranges, **{made: ranges[name] for made, name in origins.items() if name in ranges}}
    quants = activation_quants(net, ranges, types, formats)
    one_scale = network_scale(net, quants, formats)
    if one_scale is not None:
        quants = {
            name: found if found in BOUNDED.values() else replace(found, scales=(one_scale,))
            for name, found in quants.items()
        }
    tensors = [
        Tensor(name, tensor.shape, types[name], quants[name])
        for name, tensor in net.tensors.items()
        if not tensor.constant
    ]
    ops: list[Op] = []
    names = Names(net)
    for op in net.ops:
        if isinstance(op, WeightedOp):
            learned = (weight_scales or {}).get(op.inputs[1])
            op, constants = quantize_weighted(op, net, quants, names, formats.of(op.name), one_scale, learned)
            tensors += constants
        ops.append(op)
    found = net.with_ops(ops, tensors)
    if raw_input_quant(net) is not None:
        found = _take_bytes(found, names)
    check(found, Stage.QUANTIZED)
    return found


def _take_bytes(net: Net, names: Names) -> Net:
    """The network with a uint8 input and an op that makes it signed.  The input keeps its name."""
    name = net.input.name
    signed = replace(net.input, name=names.fresh(f"{name}_{net.input.dtype.value}"))
    raw = replace(net.input, dtype=DType.UINT8, quant=raw_input_quant(net))
    made = names.fresh(f"{name}_to_{net.input.dtype.value}")
    convert = Requantize(name=made, inputs=(name,), outputs=(signed.name,))
    readers = (
        replace(op, inputs=tuple(signed.name if used == name else used for used in op.inputs))
        if name in op.inputs
        else op
        for op in net.ops
    )
    return net.with_ops((convert, *readers), (raw, signed))
