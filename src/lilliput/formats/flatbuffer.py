"""A FlatBuffers reader that trusts nothing: every offset and length is checked before a byte is read.

A hostile buffer may let many fields refer to the same bytes and so claim to hold far more than it does.  What
is read of one buffer is therefore counted, and may not exceed a small multiple of its size.

Layout: FlatBuffers internals, https://flatbuffers.dev/internals/.  All numbers are little-endian.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import FormatError

_MOST_READINGS = 4
"""How often the whole of a buffer may be read."""
_FREE_BYTES = 1 << 16
"""What may be read of the smallest buffer."""


class Buffer:
    """The bytes of one file, its name for messages, and how many bytes may still be read."""

    def __init__(self, data: bytes, source: str) -> None:
        self.data = data
        self.source = source
        self._left = _MOST_READINGS * len(data) + _FREE_BYTES

    def number(self, form: str, position: int) -> int:
        """A whole number at `position`."""
        if position < 0 or position + struct.calcsize(form) > len(self.data):
            raise self.damaged(f"it points to byte {position} of {len(self.data)}")
        return int(struct.unpack_from(form, self.data, position)[0])

    def vector(self, position: int, width: int) -> tuple[int, int]:
        """Where the elements of a vector begin, and how many of `width` bytes there are."""
        length = self.number("<I", position)
        if position + 4 + length * width > len(self.data):
            raise self.damaged(f"it points to byte {position + 4 + length * width} of {len(self.data)}")
        self._left -= length * width
        if self._left < 0:
            raise self.damaged(f"its {len(self.data)} bytes are referred to over and over")
        return position + 4, length

    def damaged(self, why: str) -> FormatError:
        """The error for bytes that cannot be what a program has written."""
        return FormatError(
            f"{self.source} is damaged", why, "export the model again, or check that the copy is complete"
        )


class Table:
    """One table of a buffer.  Fields are asked for by their schema index; absent ones give the default."""

    def __init__(self, buffer: Buffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        self._vtable = position - buffer.number("<i", position)
        self._fields = max((buffer.number("<H", self._vtable) - 4) // 2, 0)
        if self._fields:
            buffer.number("<H", self._vtable + 2 + 2 * self._fields)

    @classmethod
    def root(cls, data: bytes, identifier: bytes, source: str) -> Table:
        """The root table of `data`, which must carry the four-byte file identifier.

        Raises:
            FormatError: the identifier is missing or the root lies outside the data.
        """
        if len(data) < 8 or data[4:8] != identifier:
            raise FormatError(
                f"{source} is not a {identifier.decode()} file", "its identifier is missing", "check the path"
            )
        buffer = Buffer(data, source)
        return cls(buffer, buffer.number("<I", 0))

    def _field(self, index: int) -> int | None:
        if index >= self._fields:
            return None
        offset = self._buffer.number("<H", self._vtable + 4 + 2 * index)
        return self._position + offset if offset else None

    def _follow(self, position: int) -> int:
        return position + self._buffer.number("<I", position)

    def _vector(self, index: int, width: int) -> tuple[int, int]:
        """Position and length of a vector whose elements are `width` bytes; (0, 0) if absent."""
        field = self._field(index)
        return (0, 0) if field is None else self._buffer.vector(self._follow(field), width)

    def has(self, index: int) -> bool:
        """Whether the field is there."""
        return self._field(index) is not None

    def number(self, index: int, form: str, default: int = 0) -> int:
        """A whole number; `form` is its `struct` code (b, B, h, H, i, I, q, Q)."""
        field = self._field(index)
        return default if field is None else self._buffer.number("<" + form, field)

    def flag(self, index: int) -> bool:
        """A boolean, false if absent."""
        return self.number(index, "B") != 0

    def real(self, index: int, default: float = 0.0) -> float:
        """A float32."""
        field = self._field(index)
        if field is None:
            return default
        return float(struct.unpack("<f", struct.pack("<I", self._buffer.number("<I", field)))[0])

    def text(self, index: int) -> str:
        """A string; damaged UTF-8 is replaced."""
        start, length = self._vector(index, 1)
        return self._buffer.data[start : start + length].decode("utf-8", "replace")

    def array(self, index: int, dtype: str) -> NDArray[np.generic]:
        """A vector of numbers as a numpy array that views the data."""
        kind = np.dtype(dtype).newbyteorder("<")
        start, length = self._vector(index, kind.itemsize)
        return np.frombuffer(self._buffer.data, kind, count=length, offset=start if length else 0)

    def table(self, index: int) -> Table | None:
        """A nested table, None if absent."""
        field = self._field(index)
        return None if field is None else Table(self._buffer, self._follow(field))

    def tables(self, index: int) -> tuple[Table, ...]:
        """A vector of tables."""
        start, length = self._vector(index, 4)
        return tuple(Table(self._buffer, self._follow(start + 4 * k)) for k in range(length))
