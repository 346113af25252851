"""IDX files, the format of MNIST: a header with type and sizes, then the elements; plain or gzipped.

Format: two zero bytes, one byte for the element type, one for the number of dimensions, a big-endian uint32
for each dimension, then the elements (yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from lilliput.data.archives import DAMAGE, reason
from lilliput.errors import DataError

UNSIGNED_BYTE = 0x08
_CHUNK_BYTES = 1 << 20
_REPAIR = "put the original file there again"


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file.

    Never allocates what the header claims, only what the file holds.

    Args:
        path: a plain file, or gzipped (known by its first bytes, not by its name).
        dimensions: that the array must have.

    Raises:
        DataError: not an IDX file, another type or number of dimensions, or not as long as its header says.
    """
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        with cast(BinaryIO, gzip.open(path, "rb") if packed else path.open("rb")) as stream:
            shape = _read_header(stream, path, dimensions)
            data = _read_at_most(stream, math.prod(shape) + 1)
    except DAMAGE as error:
        raise DataError(f"{path}: cannot be read", reason(error), _REPAIR) from error
    if len(data) != math.prod(shape):
        found = "more" if len(data) > math.prod(shape) else str(len(data))
        raise DataError(
            f"{path}: the file does not hold what its header says",
            f"{' x '.join(map(str, shape))} bytes promised, {found} found",
            _REPAIR,
        )
    if not data:
        raise DataError(
            f"{path}: there are no examples", f"its sizes are {' x '.join(map(str, shape))}", _REPAIR
        )
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _read_header(stream: BinaryIO, path: Path, dimensions: int) -> tuple[int, ...]:
    magic = stream.read(4)
    if len(magic) != 4 or magic[:2] != b"\0\0":
        raise DataError(f"{path}: not an IDX file", f"it starts with {magic!r}", _REPAIR)
    if magic[2] != UNSIGNED_BYTE:
        raise DataError(f"{path}: elements are not unsigned bytes", f"type code {magic[2]:#04x}", _REPAIR)
    if magic[3] != dimensions:
        raise DataError(
            f"{path}: the array has {magic[3]} dimensions",
            f"{dimensions} expected",
            "check that files are not swapped",
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) != 4 * dimensions:
        raise DataError(f"{path}: the header is cut off", f"{4 + len(sizes)} bytes in all", _REPAIR)
    return struct.unpack(f">{dimensions}I", sizes)


def _read_at_most(stream: BinaryIO, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while left > 0 and (part := stream.read(min(left, _CHUNK_BYTES))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
