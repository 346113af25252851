"""A quantized network in the `tflm` profile: only what TensorFlow Lite's operators express, as they round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lilliput.errors import FormatError, NetError
from lilliput.net import (
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    Net,
    Op,
    Profile,
    Quant,
    ReLU,
    ReLU6,
    Requantize,
    Tensor,
)
from lilliput.net.check import Stage, check
from lilliput.net.fixedpoint import WeightedOp, activation_range, quant


def to_tflm(net: Net) -> Net:
    """The same network with every op in the profile `tflm`, without a plan.

    A network that was imported stays as it is.  Of one that was trained here, numbers may differ by a step
    where the profiles round differently; scales become float32, as files hold them.

    Raises:
        FormatError: the network is not a quantized one, or TensorFlow Lite Micro cannot express its scales.
    """
    _require_int8(net)
    try:
        check(net, Stage.QUANTIZED)
        found = replace(
            net, tensors={name: _single(tensor) for name, tensor in net.tensors.items()}, plan=None
        )
        ops: list[Op] = []
        more: list[Tensor] = []
        for op in found.ops:
            for part, tensor in _parts(op, found):
                ops.append(replace(part, profile=Profile.TFLM))
                more += [tensor] if tensor is not None else []
        found = found.with_ops(ops, [*more, *_biases(found)])
        check(found, Stage.QUANTIZED)
    except NetError as error:
        raise FormatError(
            f"network '{net.name}' has no form in TensorFlow Lite", error.why or error.what, error.hint
        ) from error
    return found


def _require_int8(net: Net) -> None:
    """Refuses floats and other integers than int8 (uint8 at the ends is for the check to judge).

    Raises:
        FormatError: names the first such op, and how many there are.
    """
    taken = (DType.INT8, DType.UINT8)
    strange = {}
    for op in net.ops:
        weights = (op.inputs[1],) if isinstance(op, WeightedOp) else ()
        flowing = [name for name in (*op.inputs, *op.outputs) if not net.tensors[name].constant]
        found = [net.tensors[name] for name in (*weights, *flowing) if net.tensors[name].dtype not in taken]
        if found:
            strange[op.name] = found[0]
    if not strange:
        return
    name, tensor = next(iter(strange.items()))
    more = f"; {len(strange)} ops in all have other numbers than int8" if len(strange) > 1 else ""
    what = "weights" if tensor.constant else "numbers"
    raise FormatError(
        f"network '{net.name}' has no form in TensorFlow Lite",
        f"{what} of op '{name}' are {tensor.dtype.value}, but weights and what flows must be int8{more}",
        "bring the float network into int8, with lilliput compile … --format int8, and take that",
    )


def _parts(op: Op, net: Net) -> list[tuple[Op, Tensor | None]]:
    """`op`, or what does the same: TensorFlow Lite's pools and ReLU6 cannot change the scale."""
    if not isinstance(op, AveragePool2D | ReLU6):
        return [(op, None)]
    source, target = net.tensors[op.inputs[0]], net.tensors[op.outputs[0]]
    if source.quant == target.quant or op.profile is Profile.TFLM:
        return [(_reachable(op, net), None)]
    inner = replace(target, name=_fresh(f"{target.name}_unscaled", net), quant=source.quant)
    here = replace(net, tensors={**net.tensors, inner.name: inner})
    first = _reachable(replace(op, outputs=(inner.name,)), here)
    rescale = Requantize(name=_fresh(f"{op.name}_rescale", net), inputs=(inner.name,), outputs=op.outputs)
    return [(first, inner), (rescale, None)]


def _biases(net: Net) -> list[Tensor]:
    """Biases with the scale that they have by definition, which TensorFlow Lite Micro compares."""
    found = []
    for op in net.ops:
        if isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected) and len(op.inputs) == 3:
            source, weights = quant(op.inputs[0], net), quant(op.inputs[1], net)
            scales = tuple(source.scale * scale for scale in weights.scales)
            known = Quant(scales, (0,) * len(scales), 0 if len(scales) > 1 else None)
            found.append(_single(replace(net.tensors[op.inputs[2]], quant=known)))
    return found


def _reachable(op: Op, net: Net) -> Op:
    """`op`, or a ReLU where 6 is more than the type holds, which TensorFlow Lite Micro's RELU6 refuses."""
    same = net.tensors[op.inputs[0]].quant == net.tensors[op.outputs[0]].quant
    if isinstance(op, ReLU6) and same and activation_range(replace(op, profile=Profile.TFLM), net)[1] == 127:
        return ReLU(name=op.name, inputs=op.inputs, outputs=op.outputs)
    return op


def _single(tensor: Tensor) -> Tensor:
    quant = tensor.quant
    if quant is None:
        return tensor
    scales = tuple(np.asarray(quant.scales, np.float32).tolist())
    return replace(tensor, quant=Quant(scales, quant.zero_points, quant.axis))


def _fresh(name: str, net: Net) -> str:
    taken = {*net.tensors, *(op.name for op in net.ops)}
    while name in taken:
        name += "_"
    return name
