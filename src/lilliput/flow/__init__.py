"""The verbs: each wires the stages and is the only place that writes result files.

`search run compile measure export front info report demo boards doctor` are imported when first used: some
need torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lilliput.doctor import examine as doctor
    from lilliput.flow.compiling import Library, compile
    from lilliput.flow.demonstrating import demo
    from lilliput.flow.experimenting import ExperimentResult, run
    from lilliput.flow.exporting import Exported, export
    from lilliput.flow.fronts import front
    from lilliput.flow.inspecting import info
    from lilliput.flow.measuring import measure
    from lilliput.flow.reporting import report
    from lilliput.flow.searching import SearchResult, search
    from lilliput.targets import boards

__all__ = [
    "ExperimentResult",
    "Exported",
    "Library",
    "SearchResult",
    "boards",
    "compile",
    "demo",
    "doctor",
    "export",
    "front",
    "info",
    "measure",
    "report",
    "run",
    "search",
]

_PLACES = {
    "ExperimentResult": "lilliput.flow.experimenting:ExperimentResult",
    "Exported": "lilliput.flow.exporting:Exported",
    "Library": "lilliput.flow.compiling:Library",
    "SearchResult": "lilliput.flow.searching:SearchResult",
    "boards": "lilliput.targets:boards",
    "compile": "lilliput.flow.compiling:compile",
    "demo": "lilliput.flow.demonstrating:demo",
    "doctor": "lilliput.doctor:examine",
    "export": "lilliput.flow.exporting:export",
    "front": "lilliput.flow.fronts:front",
    "info": "lilliput.flow.inspecting:info",
    "measure": "lilliput.flow.measuring:measure",
    "report": "lilliput.flow.reporting:report",
    "run": "lilliput.flow.experimenting:run",
    "search": "lilliput.flow.searching:search",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'lilliput.flow' has no attribute '{name}'")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(module), attribute)
