"""A FlatBuffers reader that trusts nothing: every offset and length is checked before a byte is read.

Layout: FlatBuffers internals, https://flatbuffers.dev/internals/.  All numbers are little-endian.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import FormatError


class Table:
    """One table of a buffer.  Fields are asked for by their schema index; absent ones give the default."""

    def __init__(self, data: bytes, position: int, source: str) -> None:
        self._data = data
        self._position = position
        self._source = source
        vtable = position - self._unpack("<i", position)
        self._vtable = vtable
        self._fields = max((self._unpack("<H", vtable) - 4) // 2, 0)
        if self._fields:
            self._unpack("<H", vtable + 2 + 2 * self._fields)

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
        return cls(data, struct.unpack_from("<I", data, 0)[0], source)

    def _fail(self, position: int) -> FormatError:
        return FormatError(
            f"{self._source} is damaged",
            f"it points to byte {position} of {len(self._data)}",
            "export the model again, or check that the copy is complete",
        )

    def _unpack(self, form: str, position: int) -> int:
        if position < 0 or position + struct.calcsize(form) > len(self._data):
            raise self._fail(position)
        return int(struct.unpack_from(form, self._data, position)[0])

    def _field(self, index: int) -> int | None:
        if index >= self._fields:
            return None
        offset = self._unpack("<H", self._vtable + 4 + 2 * index)
        return self._position + offset if offset else None

    def _follow(self, position: int) -> int:
        return position + self._unpack("<I", position)

    def _vector(self, index: int, width: int) -> tuple[int, int]:
        """Position and length of a vector whose elements are `width` bytes; (0, 0) if absent."""
        field = self._field(index)
        if field is None:
            return 0, 0
        start = self._follow(field)
        length = self._unpack("<I", start)
        if start + 4 + length * width > len(self._data):
            raise self._fail(start + 4 + length * width)
        return start + 4, length

    def has(self, index: int) -> bool:
        """Whether the field is there."""
        return self._field(index) is not None

    def number(self, index: int, form: str, default: int = 0) -> int:
        """A whole number; `form` is its `struct` code (b, B, h, H, i, I, q, Q)."""
        field = self._field(index)
        return default if field is None else self._unpack("<" + form, field)

    def real(self, index: int, default: float = 0.0) -> float:
        """A float32."""
        field = self._field(index)
        if field is None:
            return default
        self._unpack("<I", field)
        return float(struct.unpack_from("<f", self._data, field)[0])

    def text(self, index: int) -> str:
        """A string; damaged UTF-8 is replaced."""
        start, length = self._vector(index, 1)
        return self._data[start : start + length].decode("utf-8", "replace")

    def array(self, index: int, dtype: str) -> NDArray[np.generic]:
        """A vector of numbers as a numpy array that views the data."""
        kind = np.dtype(dtype).newbyteorder("<")
        start, length = self._vector(index, kind.itemsize)
        return np.frombuffer(self._data, kind, count=length, offset=start if length else 0)

    def table(self, index: int) -> Table | None:
        """A nested table, None if absent."""
        field = self._field(index)
        return None if field is None else Table(self._data, self._follow(field), self._source)

    def tables(self, index: int) -> tuple[Table, ...]:
        """A vector of tables."""
        start, length = self._vector(index, 4)
        return tuple(Table(self._data, self._follow(start + 4 * k), self._source) for k in range(length))
