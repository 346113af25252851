"""A FlatBuffers writer: nested Python values in, bytes out; the counterpart of `flatbuffer.Table`.

A table is a mapping from a field's index in the schema to its value.  What a table refers to is written
behind it, so that every offset points forward as the format demands.

Layout: FlatBuffers internals, https://flatbuffers.dev/internals/.  All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DATA_ALIGNMENT_BYTES = 16
"""Vectors of bytes begin at a multiple of this, as TensorFlow Lite demands of its buffers."""


@dataclass(frozen=True)
class Number:
    """A number inside a table; `form` is its `struct` code (b, B, h, H, i, I, q, Q, f, ?)."""

    form: str
    value: int | float


Value = Number | str | NDArray[np.generic] | Mapping[Any, Any] | Sequence[Mapping[Any, Any]]
"""A number, a text, a vector of numbers, a table, or a vector of tables."""
Fields = Mapping[Any, Value]
"""Index in the schema → value."""


def to_flatbuffer(root: Fields, identifier: bytes) -> bytes:
    """The bytes of a buffer with the table `root` and a four-byte file identifier."""
    writer = _Writer()
    writer.data += struct.pack("<I4s", 0, identifier)
    writer.refer(0, writer.table(root))
    return bytes(writer.data)


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()
        self._vtables: dict[bytes, int] = {}

    def pad(self, multiple: int, ahead: int = 0) -> None:
        """Zeros, until `ahead` bytes from here is a multiple of `multiple`."""
        self.data += bytes(-(len(self.data) + ahead) % multiple)

    def refer(self, position: int, target: int) -> None:
        """Make the offset at `position` point to `target`."""
        struct.pack_into("<I", self.data, position, target - position)

    def table(self, fields: Fields) -> int:
        """Write a table and what it refers to; its position."""
        # Large fields first need the least padding.
        order = sorted(fields, key=lambda index: (-_size(fields[index]), index))
        offsets, size = {}, 4
        for index in order:
            width = _size(fields[index])
            size += -size % width
            offsets[index] = size
            size += width
        vtable = self._vtable(offsets, size)
        self.pad(8)
        position = len(self.data)
        self.data += bytes(size)
        struct.pack_into("<i", self.data, position, position - vtable)
        later: list[tuple[int, Value]] = []
        for index, value in fields.items():
            place = position + offsets[index]
            if isinstance(value, Number):
                struct.pack_into(f"<{value.form}", self.data, place, value.value)
            else:
                later.append((place, value))
        for place, value in later:
            self.refer(place, self._target(value))
        return position

    def _vtable(self, offsets: Mapping[int, int], size: int) -> int:
        """Position of a vtable, which tables of the same form share."""
        count = max(offsets, default=-1) + 1
        vtable = struct.pack(
            f"<{count + 2}H", 4 + 2 * count, size, *(offsets.get(k, 0) for k in range(count))
        )
        if vtable not in self._vtables:
            self.pad(2)
            self._vtables[vtable] = len(self.data)
            self.data += vtable
        return self._vtables[vtable]

    def _target(self, value: Value) -> int:
        if isinstance(value, str):
            text = value.encode("utf-8")
            return self._vector(len(text), 4, lambda: text + b"\0")
        if isinstance(value, np.ndarray):
            content = np.ascontiguousarray(value)
            little = content.astype(content.dtype.newbyteorder("<"), copy=False).tobytes()
            alignment = DATA_ALIGNMENT_BYTES if content.dtype == np.uint8 else max(4, content.dtype.itemsize)
            return self._vector(content.size, alignment, lambda: little)
        if isinstance(value, Mapping):
            return self.table(value)
        assert not isinstance(value, Number)
        tables = list(value)
        start = self._vector(len(tables), 4, lambda: bytes(4 * len(tables)))
        for number, fields in enumerate(tables):
            self.refer(start + 4 + 4 * number, self.table(fields))
        return start

    def _vector(self, length: int, alignment: int, content: Callable[[], bytes]) -> int:
        """Write a vector's length and content, which begins at a multiple of `alignment`; its position."""
        self.pad(alignment, ahead=4)
        start = len(self.data)
        self.data += struct.pack("<I", length)
        self.data += content()
        return start


def _size(value: Value) -> int:
    """Bytes that a field takes inside its table."""
    return struct.calcsize(value.form) if isinstance(value, Number) else 4
