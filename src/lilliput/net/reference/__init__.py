"""Runs a network in numpy.  For integer networks this is the definition of every number.

Float networks take float32 that is already normalized; quantized ones take the integers of their input's
type, and every op gives what its profile says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lilliput.errors import NetError
from lilliput.net.graph import Net
from lilliput.net.ops import Op, Profile
from lilliput.net.reference.floating import FLOAT_OPS, run_op
from lilliput.net.reference.integer import INTEGER_OPS
from lilliput.net.reference.tflm import TFLM_OPS
from lilliput.net.reference.windows import Array
from lilliput.net.tensor import DType

__all__ = ["FLOAT_OPS", "INTEGER_OPS", "TFLM_OPS", "run", "run_all"]

_SLICE_ELEMENTS = 1 << 21  # of the widest tensor, times the batch; bounds the memory that windows take


def run(net: Net, x: Array) -> Array:
    """Outputs of a network for a batch.

    Args:
        net: float with weights, or quantized; one input and one output.
        x: (n, *input shape), in the input's type.

    Returns:
        (n, *output shape), in the output's type.

    Raises:
        NetError: the batch does not fit the network, or a constant has no data.
    """
    _refuse_misfit(net, x)
    widest = max(tensor.elements for tensor in net.tensors.values() if not tensor.constant)
    step = max(1, min(1024, _SLICE_ELEMENTS // widest))
    parts = [run_all(net, x[start : start + step])[net.output.name] for start in range(0, len(x), step)]
    return np.concatenate(parts) if parts else np.zeros((0, *net.output.shape), net.output.dtype.numpy)


def run_all(net: Net, x: Array) -> dict[str, Array]:
    """Every activation of a network for a batch, by tensor name, the input included.

    Raises:
        NetError: as `run`.
    """
    _refuse_misfit(net, x)
    values: dict[str, Array] = {net.input.name: x}
    for op in net.ops:
        values[op.outputs[0]] = _run_op(op, net, [_value(name, net, values) for name in op.inputs])
    return values


def _run_op(op: Op, net: Net, inputs: Sequence[Array]) -> Array:
    if net.tensors[op.outputs[0]].dtype is DType.FLOAT32:
        return run_op(op, inputs)
    meaning = TFLM_OPS if op.profile is Profile.TFLM else INTEGER_OPS
    return meaning[type(op)](op, net, inputs)


def _value(name: str, net: Net, values: dict[str, Array]) -> Array:
    if name in values:
        return values[name]
    data = net.tensors[name].data
    if data is None:
        raise NetError(
            f"network '{net.name}' cannot run",
            f"constant '{name}' has no data",
            "train it first, or load one that is trained",
        )
    return data


def _refuse_misfit(net: Net, x: Array) -> None:
    wanted = net.input
    if x.shape[1:] != wanted.shape or x.dtype != wanted.dtype.numpy:
        raise NetError(
            f"a batch of {x.dtype} {x.shape} does not fit network '{net.name}'",
            f"its input '{wanted.name}' is {wanted.dtype.value} (n, {', '.join(map(str, wanted.shape))})",
            "reshape or convert the data",
        )
