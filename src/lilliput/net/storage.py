"""A network as one safetensors file: constants as tensors, everything else as JSON in its metadata.

The format holds nothing that runs (no pickle), so that a file from anybody may be opened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from lilliput.errors import FormatError, LilliputError, StorageError
from lilliput.net.graph import Net, Normalization, Plan
from lilliput.net.ops import OPS, Activation, Op, Padding, Profile
from lilliput.net.tensor import DType, Quant, Tensor

FORMAT = "lilliput-net-1"
"""Name and version of the format; another one is refused."""

_LARGEST_BYTES = 1 << 30
_OPS = {kind.__name__: kind for kind in OPS}


def save(net: Net, path: Path | str) -> None:
    """Write `net` to `path`: whole, or not at all.

    Raises:
        StorageError: disk full, no permission, no such folder.
    """
    path = Path(path)
    data = {
        name: np.ascontiguousarray(tensor.data)
        for name, tensor in net.tensors.items()
        if tensor.data is not None
    }
    content = to_bytes(data, {"format": FORMAT, "net": json.dumps(_encode(net), separators=(",", ":"))})
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        raise StorageError(
            f"{path} could not be written",
            error.strerror or str(error),
            "check the folder and the free disk space",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def load(path: Path | str) -> Net:
    """Read what `save` wrote.

    The network's form is restored; whether it obeys the rules of its stage says `lilliput.net.check`.

    Raises:
        FormatError: the file cannot be read, is damaged, or is no Lilliput network.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _refuse(
                path, f"it has {path.stat().st_size} bytes, more than any network for a microcontroller"
            )
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            data = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except OSError as error:
        raise FormatError(f"cannot read {path}", error.strerror or str(error), "check the path") from None
    except (SafetensorError, ValueError, TypeError) as error:
        raise _refuse(path, str(error)) from None
    if metadata.get("format") != FORMAT:
        raise _refuse(path, f"its format is {metadata.get('format')!r}, expected '{FORMAT}'")
    try:
        return _decode(json.loads(metadata["net"]), data)
    except LilliputError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise _refuse(path, f"its description is damaged: {type(error).__name__} {error}") from None


def _refuse(path: Path, why: str) -> FormatError:
    return FormatError(
        f"{path} is not a network that Lilliput can read", why, "give a file that Lilliput has written"
    )


def _encode(net: Net) -> dict[str, Any]:
    return {
        "name": net.name,
        "ops": [_encode_op(op) for op in net.ops],
        "tensors": [_encode_tensor(tensor) for tensor in net.tensors.values()],
        "inputs": net.inputs,
        "outputs": net.outputs,
        "labels": net.labels,
        "normalization": None
        if net.normalization is None
        else {"raw": net.normalization.raw, "mean": net.normalization.mean, "std": net.normalization.std},
        "plan": None
        if net.plan is None
        else {
            "addresses": dict(net.plan.addresses),
            "scratch": {name: list(place) for name, place in net.plan.scratch.items()},
            "arena_bytes": net.plan.arena_bytes,
            "lower_bound_bytes": net.plan.lower_bound_bytes,
        },
    }


def _encode_op(op: Op) -> dict[str, Any]:
    return {"op": type(op).__name__, **{entry.name: getattr(op, entry.name) for entry in fields(op)}}


def _encode_tensor(tensor: Tensor) -> dict[str, Any]:
    quant = tensor.quant
    return {
        "name": tensor.name,
        "shape": tensor.shape,
        "dtype": tensor.dtype,
        "constant": tensor.constant,
        "quant": None
        if quant is None
        else {"scales": quant.scales, "zero_points": quant.zero_points, "axis": quant.axis},
    }


def _decode(found: Mapping[str, Any], data: Mapping[str, np.ndarray[Any, Any]]) -> Net:
    tensors = [_decode_tensor(entry, data) for entry in found["tensors"]]
    normalization, plan = found["normalization"], found["plan"]
    return Net(
        name=_text(found["name"]),
        ops=tuple(_decode_op(entry) for entry in found["ops"]),
        tensors={tensor.name: tensor for tensor in tensors},
        inputs=_texts(found["inputs"]),
        outputs=_texts(found["outputs"]),
        labels=_texts(found["labels"]),
        normalization=None
        if normalization is None
        else Normalization(
            DType(normalization["raw"]), _reals(normalization["mean"]), _reals(normalization["std"])
        ),
        plan=None
        if plan is None
        else Plan(
            {_text(name): _whole(at) for name, at in plan["addresses"].items()},
            {_text(name): (_whole(at), _whole(size)) for name, (at, size) in plan["scratch"].items()},
            _whole(plan["arena_bytes"]),
            _whole(plan["lower_bound_bytes"]),
        ),
    )


def _decode_tensor(found: Mapping[str, Any], data: Mapping[str, np.ndarray[Any, Any]]) -> Tensor:
    name, shape, dtype, quant = (
        _text(found["name"]),
        _wholes(found["shape"]),
        DType(found["dtype"]),
        found["quant"],
    )
    values = data.get(name)
    if values is not None and (values.shape != shape or values.dtype != dtype.numpy):
        raise ValueError(f"tensor '{name}' has {values.dtype} {values.shape}, expected {dtype} {shape}")
    return Tensor(
        name,
        shape,
        dtype,
        None
        if quant is None
        else Quant(
            _reals(quant["scales"]),
            _wholes(quant["zero_points"]),
            None if quant["axis"] is None else _whole(quant["axis"]),
        ),
        constant=_flag(found["constant"]),
        data=values,
    )


def _decode_op(found: Mapping[str, Any]) -> Op:
    kind = _OPS[found["op"]]
    names = {entry.name for entry in fields(kind)}
    if names != set(found) - {"op"}:
        raise ValueError(f"an op {found['op']} has the attributes {sorted(set(found) - {'op'})}")
    return kind(**{name: _ATTRIBUTES[name](found[name]) for name in names})


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _real(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(entry) for entry in value)


def _wholes(value: Any) -> tuple[int, ...]:
    return tuple(_whole(entry) for entry in value)


def _reals(value: Any) -> tuple[float, ...]:
    return tuple(_real(entry) for entry in value)


def _pair(value: Any) -> tuple[int, int]:
    first, second = _wholes(value)
    return first, second


_ATTRIBUTES: dict[str, Callable[[Any], Any]] = {
    "name": _text,
    "inputs": _texts,
    "outputs": _texts,
    "profile": Profile,
    "strides": _pair,
    "padding": lambda value: Padding(*_wholes(value)),
    "dilation": _pair,
    "activation": Activation,
    "pool": _pair,
    "axis": _whole,
    "shape": _wholes,
    "beta": _real,
    "epsilon": _real,
}
"""How each attribute of an op is read, by its name."""
