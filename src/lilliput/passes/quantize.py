"""A float network becomes one of int8: TFLite's scheme, with scales chosen from what was seen to flow.

Activations are asymmetric with one scale each, weights symmetric with one scale per output channel, biases
int32 (Jacob et al., arXiv:1712.05877; TFLite's 8-bit quantization specification).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lilliput.net.check import Stage, check
from lilliput.net.fixedpoint import BOUNDED
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected, Op, Requantize
from lilliput.net.tensor import DType
from lilliput.passes.naming import Names
from lilliput.passes.quantize_activations import (
    RangePair,
    activation_quants,
    groups,
    raw_input_quant,
    sources,
)
from lilliput.passes.quantize_weights import quantize_weighted


def quantize(net: Net, ranges: Mapping[str, RangePair] | None) -> Net:
    """The int8 network of a float one.

    Args:
        net: float, with batch normalization folded.
        ranges: smallest and largest value seen of each activation, by tensor name.  None gives the same ops
            and shapes with placeholder scales, for networks that are not trained yet.

    Returns:
        A quantized network.  If the raw data are bytes (`net.normalization.raw` is uint8), its input is
        uint8 and its first op makes it int8.

    Raises:
        NetError: `net` is no valid float network or still has batch normalization, or `ranges` lack an
            activation or hold a number that is not finite.
    """
    check(net, Stage.FLOAT)
    net = _separate_bounded(net)
    quants = activation_quants(net, ranges)
    tensors = [
        replace(tensor, dtype=DType.INT8, quant=quants[tensor.name])
        for tensor in net.tensors.values()
        if not tensor.constant
    ]
    ops: list[Op] = []
    names = Names(net)
    for op in net.ops:
        if isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
            op, constants = quantize_weighted(op, net, quants, names)
            tensors += constants
        ops.append(op)
    quantized = net.with_ops(ops, tensors)
    if raw_input_quant(net) is not None:
        quantized = _take_bytes(quantized, names)
    check(quantized, Stage.QUANTIZED)
    return quantized


def _take_bytes(net: Net, names: Names) -> Net:
    """The network with a uint8 input and an op that makes it int8.  The input keeps its name."""
    name = net.input.name
    signed = replace(net.input, name=names.fresh(f"{name}_int8"))
    raw = replace(net.input, dtype=DType.UINT8, quant=raw_input_quant(net))
    convert = Requantize(name=names.fresh(f"{name}_to_int8"), inputs=(name,), outputs=(signed.name,))
    readers = (
        replace(op, inputs=tuple(signed.name if used == name else used for used in op.inputs))
        for op in net.ops
    )
    return net.with_ops((convert, *readers), (raw, signed))


def _separate_bounded(net: Net) -> Net:
    """Gives an op of `BOUNDED` one that changes its scale, where its output shares that with other values.

    A softmax always has the scale 1/256; what it is concatenated with may not.
    """
    names, group_of = Names(net), groups(net)
    kinds: dict[str, set[type[Op] | None]] = {}
    for name in sources(net):
        producer = net.producer(name)
        kind = type(producer) if producer is not None and type(producer) in BOUNDED else None
        kinds.setdefault(group_of[name], set()).add(kind)
    ops: list[Op] = []
    tensors = []
    for op in net.ops:
        target = op.outputs[0]
        if type(op) in BOUNDED and len(kinds[group_of[target]]) > 1:
            bounded = replace(net.tensors[target], name=names.fresh(f"{target}_bounded"))
            tensors.append(bounded)
            ops.append(replace(op, outputs=(bounded.name,)))
            op = Requantize(name=names.fresh(f"{op.name}_rescale"), inputs=(bounded.name,), outputs=(target,))
        ops.append(op)
    return net.with_ops(ops, tensors) if tensors else net
