"""Reads JSON values that `encode` of a space wrote, checking every one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from lilliput.errors import StudyError


class Decoder:
    """Checks values of one space's architectures.

    Args:
        space: its name, for messages.
    """

    def __init__(self, space: str) -> None:
        self._space = space

    def refuse(self, where: str, value: object, expected: str) -> StudyError:
        """The error for a value that the space cannot have written."""
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return StudyError(
            f"not an architecture of the space '{self._space}': {where} is {shown}",
            expected,
            "the study's database or export was changed or damaged; restore it or start a new study",
        )

    def mapping(
        self, value: object, where: str, keys: set[str], optional: Set[str] = frozenset()
    ) -> Mapping[str, Any]:
        """An object with exactly these keys, and maybe some that are optional."""
        if not isinstance(value, Mapping) or not keys <= set(value) <= keys | optional:
            more = f", and maybe {', '.join(sorted(optional))}," if optional else ""
            named = ", ".join(sorted(keys))
            raise self.refuse(where, value, f"an object with the keys {named}{more} expected")
        return value

    def entries(self, value: object, where: str, length: tuple[int, int]) -> Sequence[Any]:
        """A list of so many entries, fewest and most."""
        if not isinstance(value, list | tuple) or not length[0] <= len(value) <= length[1]:
            raise self.refuse(where, value, f"a list of {length[0]} to {length[1]} entries expected")
        return value

    def whole(self, value: object, where: str, allowed: Sequence[int]) -> int:
        """One of the allowed numbers."""
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            among = isinstance(allowed, range)
            expected = f"{allowed[0]} to {allowed[-1]}" if among else ", ".join(map(str, allowed))
            raise self.refuse(where, value, f"a whole number expected: {expected}")
        return value

    def choice(self, value: object, where: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words."""
        if not isinstance(value, str) or value not in allowed:
            raise self.refuse(where, value, f"one of {', '.join(allowed)} expected")
        return value

    def flag(self, value: object, where: str) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            raise self.refuse(where, value, "true or false expected")
        return value
