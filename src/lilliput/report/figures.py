"""A trial's figures as the search saw them, and as the firmware showed them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lilliput.report.model import FrontNetwork, StudyReport
from lilliput.results import Trial

TRAINED = ("complete", "stopped")
"""States of trials that have an error.  That of a stopped one is not its network's last word."""


def searched(trial: Trial, clock_hz: float | None = None) -> dict[str, float]:
    """What the search recorded: validation error and predictions, by objective.

    Args:
        trial: its values, and the predicted cycles from `info` where they were no objective.
        clock_hz: turns predicted cycles into a latency; None leaves that out.
    """
    values = {name: float(value) for name, value in trial.values.items() if math.isfinite(value)}
    cycles = trial.info.get("cycles")
    if isinstance(cycles, int | float) and trial.state in TRAINED:
        values.setdefault("cycles", float(cycles))
    waited = trial.info.get("cycles_with_flash") or values.get("cycles")
    if clock_hz and "cycles" in values and isinstance(waited, int | float):
        values.setdefault("latency_ms", waited / clock_hz * 1e3)
    return values


def measured(network: FrontNetwork, settings: Mapping[str, object]) -> dict[str, float]:
    """What the compiled network showed: test error of the C and figures of the firmware, by objective.

    RAM and flash are counted as the study's budget counts them: with or without input, with or without code.
    """
    found = network.measurement
    if found is None:
        return {}
    budget = settings.get("budget")
    counts = budget if isinstance(budget, Mapping) else {}
    ram, flash = found.ram_bytes, found.flash_bytes
    values: dict[str, float | None] = {
        "error": None if found.accuracy is None else 1 - found.accuracy,
        "ram_bytes": ram.arena if counts.get("count_input", True) else ram.arena_without_input,
        "flash_bytes": flash.total if counts.get("count_code", True) else flash.weights,
        "macs": found.macs,
        "cycles": found.cycles,
        "latency_ms": found.latency_ms,
        "energy_uj": found.energy_uj,
    }
    return {name: float(value) for name, value in values.items() if value is not None}


def clock_hz(report: StudyReport) -> float | None:
    """The clock at which latencies were stated, from any measurement that has both."""
    for network in report.front:
        found = network.measurement
        if found is not None and found.board_cycles and found.latency_ms:
            return found.board_cycles / found.latency_ms * 1e3
    return None


def within_bounds(values: Mapping[str, float], bounds: Mapping[str, float]) -> bool:
    """Whether every figure that is known keeps its bound.  The error has none: its bound only steers."""
    return all(values.get(name, bound) <= bound for name, bound in bounds.items() if name != "error")
