"""What holds of a network at each stage.

Passes call `check` on entry and exit, so a broken rule is told where it broke.

float      → float32 everywhere, all ops allowed, constants all with data or all without
quantized  → integers everywhere, no float-only op, sums proven to fit int32 (`lilliput.net.check_numbers`)
planned    → quantized, or float as the chip computes it; every activation has an address
             (`lilliput.net.verify_plan`)
"""

from __future__ import annotations

import math
import weakref
from enum import StrEnum

import numpy as np

from lilliput.net.check_attributes import LARGEST_TENSOR_ELEMENTS, check_attributes, is_real, is_whole
from lilliput.net.check_numbers import check_integers, check_numbers, check_quant, refuse
from lilliput.net.graph import Net, Normalization
from lilliput.net.op import Windowed
from lilliput.net.ops import OPS, BatchNorm, Concat, Conv2D, DepthwiseConv2D, Op, PairwiseOp
from lilliput.net.tensor import DType, Tensor

_LONGEST_NAME = 200
_Convolution = Conv2D | DepthwiseConv2D
_OPS = frozenset(OPS)
_READING_MANY = PairwiseOp | Concat


class Stage(StrEnum):
    """How far a network is on its way to the chip."""

    FLOAT = "float"
    QUANTIZED = "quantized"
    PLANNED = "planned"


def stage_of(net: Net) -> Stage:
    """The stage whose rules a network should obey."""
    if net.plan is not None:
        return Stage.PLANNED
    return Stage.QUANTIZED if net.quantized and net.ops else Stage.FLOAT


_passed: dict[Stage, weakref.ref[Net]] = {}
"""What passed last at each stage: passes hand one network on, and a search checks a great many of them."""


def check(net: Net, stage: Stage) -> None:
    """Refuses a network that breaks a rule of `stage`.

    A network never changes, so the one that passed last is not looked at again.

    Raises:
        NetError: names the network, the op or tensor, and the rule.
    """
    known = _passed.get(stage)
    if known is None or known() is not net:
        _check(net, stage)
        _passed[stage] = weakref.ref(net)


def _check(net: Net, stage: Stage) -> None:
    _check_names(net)
    _check_graph(net)
    for op in net.ops:
        check_attributes(net, op)
    _check_tensors(net)
    for op in net.ops:
        _check_shapes(net, op)
    _check_border(net)
    if stage is Stage.PLANNED and not net.quantized:
        _check_float(net)
    elif stage is Stage.FLOAT:
        _check_float(net)
        if net.plan is not None:
            raise refuse(net, "it has a plan", "a float network with a plan is at the stage 'planned'")
        return
    else:
        check_numbers(net)
    if stage is Stage.PLANNED:
        # Checked by a second opinion that shares no code with the passes that place.
        from lilliput.net.verify_plan import verify_plan

        if net.plan is None:
            raise refuse(net, "it has no plan", "run the passes `order` and `place`")
        verify_plan(net)


def _check_names(net: Net) -> None:
    if not _is_identifier(net.name) or net.name != net.name.lower() or len(net.name) > 48:
        raise refuse(
            net,
            f"its name {net.name!r} is no C identifier in lower case of at most 48 characters",
            "the generated files and functions carry the name: use letters, digits and underscores",
        )
    if net.name.startswith(("lp_", "_")):
        raise refuse(net, f"its name '{net.name}' is reserved for the runtime", "choose another name")
    for kind, names in (("op", [op.name for op in net.ops]), ("tensor", list(net.tensors))):
        for name in names:
            if not _is_identifier(name) or len(name) > _LONGEST_NAME:
                raise refuse(
                    net,
                    f"{kind} name {name[:80]!r} is no C identifier",
                    "use letters, digits and underscores",
                )
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise refuse(net, f"two {kind}s are called '{twice}'")
    for name, tensor in net.tensors.items():
        if name != tensor.name:
            raise refuse(net, f"tensor '{tensor.name}' is filed under the name '{name}'")
    for label in net.labels:
        if not isinstance(label, str) or not label.isprintable():
            raise refuse(net, f"label {label!r} is not printable text")


def _is_identifier(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def _check_graph(net: Net) -> None:
    if len(net.inputs) != 1 or len(net.outputs) != 1:
        raise refuse(net, f"it has inputs {net.inputs} and outputs {net.outputs}, but must have one of each")
    written = set(net.inputs)
    used: set[str] = set(net.outputs)
    for name in net.inputs:
        if name not in net.tensors or net.tensors[name].constant:
            raise refuse(net, f"its input '{name}' is not an activation of it")
    for op in net.ops:
        if type(op) not in _OPS:
            raise refuse(net, f"op '{op.name}' is of the unknown type {type(op).__name__}")
        fewest, most = op.arity
        if not fewest <= len(op.inputs) <= most or len(op.outputs) != 1:
            raise refuse(
                net,
                f"op '{op.name}' ({type(op).__name__}) has {len(op.inputs)} inputs and "
                f"{len(op.outputs)} outputs; it takes {fewest} to {most} and gives one",
            )
        for index, name in enumerate(op.inputs):
            _check_input(net, op, index, name, written)
        (target,) = op.outputs
        if target not in net.tensors:
            raise refuse(net, f"op '{op.name}' writes tensor '{target}', which is missing")
        if target in written or net.tensors[target].constant:
            raise refuse(
                net, f"op '{op.name}' writes '{target}', which is constant, an input or written twice"
            )
        written.add(target)
        used.update(op.inputs)
    for name in net.outputs:
        if name not in written or name in net.inputs:
            raise refuse(net, f"no op writes its output '{name}'")
    for name in net.tensors:
        if name not in used:
            raise refuse(net, f"nothing uses tensor '{name}'", "drop the op or tensor")


def _check_input(net: Net, op: Op, index: int, name: str, written: set[str]) -> None:
    if name not in net.tensors:
        raise refuse(net, f"op '{op.name}' reads tensor '{name}', which is missing")
    parameter = index > 0 and not isinstance(op, _READING_MANY)
    if net.tensors[name].constant and _is_operand(net, op, index):
        return
    if net.tensors[name].constant != parameter:
        kind = "a constant" if parameter else "an activation"
        raise refuse(net, f"input {index} of op '{op.name}' ({type(op).__name__}), '{name}', must be {kind}")
    if not parameter and name not in written:
        raise refuse(
            net, f"op '{op.name}' reads '{name}' before any op has written it", "sort the ops topologically"
        )


def _is_operand(net: Net, op: Op, index: int) -> bool:
    """Whether input `index` may be a constant because another one flows; float networks have no such op."""
    output = net.tensors.get(op.outputs[0])
    if not isinstance(op, _READING_MANY) or output is None or output.dtype is DType.FLOAT32:
        return False
    if isinstance(op, Concat) and net.tensors[op.inputs[index]].dtype is not DType.INT8:
        return False
    return any(name in net.tensors and not net.tensors[name].constant for name in op.inputs)


def _check_tensors(net: Net) -> None:
    for tensor in net.tensors.values():
        shape = tensor.shape
        if not shape or not is_whole(shape, 1) or math.prod(shape) > LARGEST_TENSOR_ELEMENTS:
            raise refuse(
                net,
                f"tensor '{tensor.name}' has shape {shape!r}; dimensions must be at least 1 and not huge",
            )
        if not isinstance(tensor.dtype, DType):
            raise refuse(net, f"tensor '{tensor.name}' has type {tensor.dtype!r}")
        if tensor.data is not None:
            _check_data(net, tensor)
    constants = [tensor for tensor in net.tensors.values() if tensor.constant]
    empty = [tensor.name for tensor in constants if tensor.data is None]
    if empty and len(empty) < len(constants):
        raise refuse(
            net, f"constant '{empty[0]}' has no data while others have", "give data to all of them or to none"
        )


def _check_data(net: Net, tensor: Tensor) -> None:
    data = tensor.data
    assert data is not None
    if not tensor.constant:
        raise refuse(net, f"activation '{tensor.name}' holds data")
    if data.shape != tensor.shape or data.dtype != tensor.dtype.numpy:
        raise refuse(
            net,
            f"constant '{tensor.name}' is {tensor.dtype.value} {tensor.shape}, "
            f"its data {data.dtype} {data.shape}",
        )
    if tensor.dtype is DType.FLOAT32 and not np.isfinite(data).all():
        raise refuse(
            net,
            f"constant '{tensor.name}' holds NaN or infinity",
            "the training diverged: lower the learning rate",
        )


def check_op(net: Net, op: Op) -> None:
    """Refuses an op of a quantized network that breaks a rule by itself, whatever the others are.

    Raises:
        NetError: names the op or tensor, and the rule.
    """
    for name in (*op.inputs, *op.outputs):
        check_quant(net, net.tensors[name])
    check_attributes(net, op)
    _check_shapes(net, op)
    check_integers(net, op)


def _check_shapes(net: Net, op: Op) -> None:
    shapes = [net.tensors[name].shape for name in op.inputs]
    wanted, stated = op.output_shape(shapes), net.tensors[op.outputs[0]].shape
    if wanted != stated:
        raise refuse(net, f"op '{op.name}' gives shape {wanted}, but '{op.outputs[0]}' has {stated}")
    if isinstance(op, Windowed):
        _check_padded_size(net, op, shapes[0])
    if isinstance(op, _Convolution):
        kernel = shapes[1][1:3] if isinstance(op, Conv2D) else shapes[1][:2]
        tall, wide = ((size - 1) * step + 1 for size, step in zip(kernel, op.dilation, strict=True))
        pad = op.padding
        if max(pad.top, pad.bottom) >= tall or max(pad.left, pad.right) >= wide:
            raise refuse(
                net,
                f"{pad} of op '{op.name}' is as large as its window ({tall}, {wide})",
                "put a Pad op before it",
            )


def _check_padded_size(net: Net, op: Windowed, image: tuple[int, ...]) -> None:
    pad, (height, width, channels) = op.padding, image
    elements = (height + pad.top + pad.bottom) * (width + pad.left + pad.right) * channels
    if elements > LARGEST_TENSOR_ELEMENTS:
        raise refuse(net, f"the input of op '{op.name}' with {pad} has {elements} elements")


def _check_border(net: Net) -> None:
    classes = net.output.shape[-1]
    if net.labels and len(net.labels) != classes:
        raise refuse(
            net, f"it has {len(net.labels)} labels for {classes} outputs", "give one label for each output"
        )
    known = net.normalization
    if known is not None:
        _check_normalization(net, known)


def _check_normalization(net: Net, known: Normalization) -> None:
    channels = net.input.shape[-1]
    for name, values in (("mean", known.mean), ("std", known.std)):
        if len(values) not in (1, channels) or not all(is_real(value) for value in values):
            raise refuse(
                net, f"its normalization's {name} is {values}; it takes 1 or {channels} finite numbers"
            )
    if min(known.std) <= 1e-30 or max(known.std) >= 1e30:
        raise refuse(net, f"its normalization's std is {known.std}", "it must be positive")
    if known.raw is DType.UINT8:
        mean = known.mean[0]
        if len(known.mean) + len(known.std) != 2 or mean != round(mean) or not 0 <= mean <= 255:
            raise refuse(
                net,
                f"its normalization of bytes has mean {known.mean} and std {known.std}",
                "bytes take one whole mean in 0…255 and one std, which the input's quantization can express",
            )
    elif known.raw is not DType.FLOAT32:
        raise refuse(net, f"its raw data are {known.raw!r}", "raw data are uint8 or float32")


def _check_float(net: Net) -> None:
    for tensor in net.tensors.values():
        if tensor.dtype is not DType.FLOAT32 or tensor.quant is not None:
            raise refuse(
                net,
                f"tensor '{tensor.name}' of a float network is {tensor.dtype.value} or has a quantization",
            )
    for op in net.ops:
        variance = net.tensors[op.inputs[4]].data if isinstance(op, BatchNorm) else None
        if (
            isinstance(op, BatchNorm)
            and variance is not None
            and not (variance.astype(float) + op.epsilon > 0).all()
        ):
            raise refuse(net, f"the variance of op '{op.name}' is not positive")
