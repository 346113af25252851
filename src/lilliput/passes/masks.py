"""Sets of ops as bit masks."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1 << 14)
def ops_of(mask: int) -> tuple[int, ...]:
    """The ops of a set, by rising index; a search meets the same sets again and again."""
    found = []
    while mask:
        low = mask & -mask
        mask ^= low
        found.append(low.bit_length() - 1)
    return tuple(found)
