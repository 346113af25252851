"""A network without its constants as JSON values, and back; reading trusts nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.net.graph import Net, Normalization, Optimize, Patches, Plan, Stream
from lilliput.net.ops import OPS, Activation, Op, Padding, Profile
from lilliput.net.tensor import DType, Quant, Tensor

Decoder = Callable[[Any], Any]

_LARGEST_WHOLE = 1 << 53


def to_json(net: Net) -> dict[str, Any]:
    """The network as JSON values, constants without their data."""
    return {
        "name": net.name,
        "inputs": list(net.inputs),
        "outputs": list(net.outputs),
        "labels": list(net.labels),
        "normalization": _normalization_to_json(net.normalization),
        "optimize": net.optimize.value,
        "patches": net.patches,
        "tensors": [_tensor_to_json(tensor) for tensor in net.tensors.values()],
        "ops": [
            {"type": type(op).__name__, **{field.name: getattr(op, field.name) for field in fields(op)}}
            for op in net.ops
        ],
        "plan": _plan_to_json(net.plan),
    }


def from_json(value: Any, constants: Mapping[str, NDArray[np.generic]]) -> Net:
    """The network that `to_json` described, with the data of its constants.

    Args:
        constants: tensor name → data.

    Raises:
        ValueError: `value` or `constants` do not describe a network; names the key.
    """
    if isinstance(value, dict):
        value = {
            "optimize": Optimize.SPEED.value,
            "patches": 0,
            **value,
        }  # files of older versions do not tell
    net = _object(
        value,
        name=_text,
        inputs=_texts,
        outputs=_texts,
        labels=_texts,
        normalization=_optional(_normalization),
        optimize=Optimize,
        patches=_whole,
        tensors=_sequence(_tensor),
        ops=_sequence(_op),
        plan=_optional(_plan),
    )
    tensors: dict[str, Tensor] = {}
    for tensor in net["tensors"]:
        if tensor.name in tensors:
            raise ValueError(f"two tensors are called {tensor.name!r}")
        tensors[tensor.name] = _with_data(tensor, constants)
    stray = set(constants) - {name for name, tensor in tensors.items() if tensor.constant}
    if stray:
        raise ValueError(f"data for {min(stray)!r}, which is no constant")
    return Net(**{**net, "tensors": tensors})


def _tensor_to_json(tensor: Tensor) -> dict[str, Any]:
    known = tensor.quant
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.value,
        "constant": tensor.constant,
        "quant": known
        and {"scales": list(known.scales), "zero_points": list(known.zero_points), "axis": known.axis},
    }


def _normalization_to_json(known: Normalization | None) -> dict[str, Any] | None:
    if known is None:
        return None
    return {"raw": known.raw.value, "mean": list(known.mean), "std": list(known.std)}


def _plan_to_json(plan: Plan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    return {
        "addresses": dict(plan.addresses),
        "scratch": {name: list(place) for name, place in plan.scratch.items()},
        "arena_bytes": plan.arena_bytes,
        "lower_bound_bytes": plan.lower_bound_bytes,
        "streams": [
            {"ops": list(stream.ops), "rows": stream.rows, "heights": dict(stream.heights)}
            for stream in plan.streams
        ],
        "patches": _patches_to_json(plan.patches),
    }


def _patches_to_json(patches: Patches | None) -> dict[str, Any] | None:
    if patches is None:
        return None
    plan = _plan_to_json(patches.plan)
    return {"ops": list(patches.ops), "tile": list(patches.tile), "start": patches.start, "plan": plan}


def _with_data(tensor: Tensor, constants: Mapping[str, NDArray[np.generic]]) -> Tensor:
    data = constants.get(tensor.name)
    return (
        tensor
        if data is None
        else Tensor(tensor.name, tensor.shape, tensor.dtype, tensor.quant, tensor.constant, data)
    )


def _tensor(value: Any) -> Tensor:
    return Tensor(
        **_object(value, name=_text, shape=_wholes, dtype=DType, constant=_flag, quant=_optional(_quant))
    )


def _quant(value: Any) -> Quant:
    return Quant(**_object(value, scales=_reals, zero_points=_wholes, axis=_optional(_whole)))


def _normalization(value: Any) -> Normalization:
    return Normalization(**_object(value, raw=DType, mean=_reals, std=_reals))


def _plan(value: Any) -> Plan:
    if isinstance(value, dict):
        value = {"streams": [], "patches": None, **value}  # files of older versions have none
    return Plan(
        **_object(
            value,
            addresses=_mapping(_whole),
            scratch=_mapping(_pair),
            arena_bytes=_whole,
            lower_bound_bytes=_whole,
            streams=_sequence(_stream),
            patches=_optional(_patches),
        )
    )


def _patches(value: Any) -> Patches:
    return Patches(**_object(value, ops=_texts, tile=_pair, start=_whole, plan=_plan))


def _stream(value: Any) -> Stream:
    return Stream(**_object(value, ops=_texts, rows=_whole, heights=_mapping(_whole)))


def _op(value: Any) -> Op:
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _OP_TYPES:
        raise ValueError(f"op type {kind!r} is unknown")
    op_type = _OP_TYPES[kind]
    attributes = {key: item for key, item in value.items() if key != "type"}
    for field in fields(op_type):
        if field.default is not MISSING and field.name not in attributes:
            attributes[field.name] = field.default
    return op_type(
        **_object(attributes, **{field.name: _ATTRIBUTES[field.name] for field in fields(op_type)})
    )


def _object(value: Any, /, **decoders: Decoder) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(decoders):
        raise ValueError(f"expected an object with the keys {', '.join(decoders)}, got {str(value)[:80]}")
    return {key: decode(value[key]) for key, decode in decoders.items()}


def _sequence(decode: Decoder) -> Decoder:
    def decode_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a list, got {str(value)[:80]}")
        return tuple(decode(item) for item in value)

    return decode_all


def _mapping(decode: Decoder) -> Decoder:
    def decode_all(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object, got {str(value)[:80]}")
        return {key: decode(item) for key, item in value.items()}

    return decode_all


def _optional(decode: Decoder) -> Decoder:
    return lambda value: None if value is None else decode(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {str(value)[:80]}")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) > _LARGEST_WHOLE:
        raise ValueError(f"expected a whole number, got {str(value)[:80]}")
    return value


def _real(value: Any) -> float:
    if type(value) is int:
        return float(_whole(value))
    if type(value) is not float:
        raise ValueError(f"expected a number, got {str(value)[:80]}")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"expected true or false, got {str(value)[:80]}")
    return value


def _pair(value: Any) -> tuple[int, int]:
    first, second = _wholes(value)
    return first, second


def _padding(value: Any) -> Padding:
    top, bottom, left, right = _wholes(value)
    return Padding(top, bottom, left, right)


_texts, _wholes, _reals = _sequence(_text), _sequence(_whole), _sequence(_real)

_OP_TYPES: Mapping[str, type[Op]] = {op_type.__name__: op_type for op_type in OPS}

_ATTRIBUTES: Mapping[str, Decoder] = {
    "name": _text,
    "inputs": _texts,
    "outputs": _texts,
    "profile": Profile,
    "strides": _pair,
    "padding": _padding,
    "dilation": _pair,
    "activation": Activation,
    "pool": _pair,
    "axis": _whole,
    "shape": _wholes,
    "alpha": _real,
    "beta": _real,
    "epsilon": _real,
    "value": _real,
    "begin": _wholes,
    "end": _wholes,
    "steps": _wholes,
    "permutation": _wholes,
    "size": _pair,
    "align_corners": _flag,
    "half_pixel_centers": _flag,
}
"""How an op's attribute is read; the names mean the same on every op."""
