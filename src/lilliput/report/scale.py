"""Axes: where a value lies in pixels, and which round values get a tick."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_LOG_FROM_RATIO = 8.0
_MARGIN = 0.04


@dataclass(frozen=True)
class Scale:
    """Maps `low`…`high` to the pixels `start`…`end`, linearly or in decades."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Pixel of `value`; values outside the domain lie outside the pixels."""
        if self.log:
            share = math.log(max(value, 1e-300) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Whether `value` lies in the domain."""
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> list[float]:
        """Round values in the domain, at most `most`: 1-2-5 steps, or decades of a logarithmic scale."""
        if self.log:
            for digits in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
                found = self._decades(digits)
                if 3 <= len(found) <= most:
                    return found
            found = self._decades((1,))
            if len(found) > most:
                return found[:: math.ceil(len(found) / most)]
        return self._steps(most)

    def _decades(self, digits: tuple[int, ...]) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        values = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
        return [value for value in values if self.holds(value)]

    def _steps(self, most: int) -> list[float]:
        rough = (self.high - self.low) / max(most, 1)
        power = 10.0 ** math.floor(math.log10(rough))
        for factor in (1.0, 2.0, 5.0, 10.0, 20.0):
            step = factor * power
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            if last - first + 1 <= most:
                break
        return [round(index * step, 12) for index in range(first, last + 1)]


def fit(values: Iterable[float], start: float, end: float, *, from_zero: bool = False) -> Scale:
    """A scale that holds all `values` with a little room: logarithmic where they span a factor of 8 or more.

    Args:
        values: what will be drawn; none at all gives 0…1.
        start, end: pixels of the domain's ends.
        from_zero: the axis must begin at zero (bars), so it is linear.
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return Scale(0.0, 1.0, start, end)
    low, high = min(known), max(known)
    if from_zero:
        return Scale(0.0, high * (1 + _MARGIN) if high > 0 else 1.0, start, end)
    if low > 0 and high / low > _LOG_FROM_RATIO:
        room = (high / low) ** (_MARGIN * 1.5)
        return Scale(low / room, high * room, start, end, log=True)
    room = (high - low) * _MARGIN * 1.5 or abs(high) * 0.1 or 1.0
    lowest = 0.0 if 0 <= low < (high - low) * 0.3 else low - room
    return Scale(lowest, high + room, start, end)


def label(value: float) -> str:
    """A tick's text: no superfluous digits, thousands apart."""
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}·10{str(int(exponent)).translate(_RAISED)}"
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
