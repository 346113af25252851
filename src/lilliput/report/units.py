"""Numbers as people read them: bytes, counts, times, and what an objective is called."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

MISSING = "–"


def count(value: float | None) -> str:
    """1234567 → "1.23 M"; below 10,000 every digit."""
    if value is None:
        return MISSING
    if abs(value) < 10_000:
        return f"{value:,.0f}" if float(value).is_integer() else _digits(value)
    for factor, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{_digits(value / factor)} {suffix}"
    return _digits(value)


def bytes_(value: float | None) -> str:
    """1536 → "1,536 B"; from 10,000 on in kB of 1000, as the papers and data sheets of budgets count."""
    if value is None:
        return MISSING
    if abs(value) < 10_000:
        return f"{value:,.0f} B"
    return f"{_digits(value / 1e3)} kB" if abs(value) < 1e6 else f"{_digits(value / 1e6)} MB"


def milliseconds(value: float | None) -> str:
    """12.345 → "12.3 ms"."""
    if value is None:
        return MISSING
    return f"{_digits(value)} ms" if value < 10_000 else f"{_digits(value / 1e3)} s"


def microjoules(value: float | None) -> str:
    """1234 → "1.23 mJ"."""
    if value is None:
        return MISSING
    return f"{_digits(value)} µJ" if value < 1_000 else f"{_digits(value / 1e3)} mJ"


def percent(value: float | None) -> str:
    """A fraction as per cent with two decimals."""
    return MISSING if value is None else f"{value * 100:.2f} %"


def duration(seconds: float | None) -> str:
    """5025 → "1 h 24 min"."""
    if seconds is None:
        return MISSING
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{_digits(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _digits(value: float) -> str:
    """Three significant digits."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    decimals = max(2 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{min(decimals, 6)}f}"


@dataclass(frozen=True)
class Quantity:
    """How an objective is shown.

    Attributes:
        title: its name on an axis.
        text: its value for a table or a tooltip.
        units: (unit, size in the objective's own unit) by rising size, for axes.
    """

    title: str
    text: Callable[[float | None], str]
    units: tuple[tuple[str, float], ...]

    def unit(self, largest: float) -> tuple[str, float]:
        """The unit for an axis that ends at `largest`, and its size in the objective's own unit."""
        fitting = [(name, size) for name, size in self.units if size <= largest / 2]
        return (fitting or [self.units[0]])[-1]


_BYTES = (("B", 1.0), ("kB", 1e3), ("MB", 1e6))
_COUNTS = (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9))

QUANTITIES = {
    "error": Quantity("Error", percent, (("%", 0.01),)),
    "ram_bytes": Quantity("RAM", bytes_, _BYTES),
    "flash_bytes": Quantity("Flash", bytes_, _BYTES),
    "macs": Quantity("MACs", count, _COUNTS),
    "cycles": Quantity("Cycles", count, _COUNTS),
    "latency_ms": Quantity("Latency", milliseconds, (("µs", 1e-3), ("ms", 1.0), ("s", 1e3))),
    "energy_uj": Quantity("Energy", microjoules, (("µJ", 1.0), ("mJ", 1e3))),
}
"""The objectives of `lilliput.results.OBJECTIVES`."""
