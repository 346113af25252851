"""What was fitted on emulator runs: a file for each core, written by `benchmarks/fit_cost.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cores"


def fitted(core: str) -> dict[str, Any]:
    """The figures of a core: "code", and "cycles" where timings are known; nothing if none were measured."""
    path = FOLDER / f"{core}.json"
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write(core: str, figures: dict[str, Any]) -> None:
    """Replaces what is known of `core`."""
    (FOLDER / f"{core}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
