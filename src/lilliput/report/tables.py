"""The report's tables: the front, every trial, the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from lilliput.report.figures import searched
from lilliput.report.markup import Markup, element, join
from lilliput.report.model import FrontNetwork, StudyReport
from lilliput.report.units import (
    MISSING,
    QUANTITIES,
    bytes_,
    count,
    duration,
    microjoules,
    milliseconds,
    percent,
)
from lilliput.results import OBJECTIVES, Measurement, Trial

MOST_TRIALS = 3000
"""Rows of the table of trials; a page with more would not scroll any longer."""


def front_table(networks: Sequence[FrontNetwork]) -> Markup:
    """The measured figures of the front, a row a network that was compiled."""
    heads = (
        ("Trial", ""),
        ("Accuracy", "test split, int8 C"),
        ("RAM", "arena with input"),
        ("Stack", "measured"),
        ("Flash", "weights + code"),
        ("MACs", ""),
        ("Cycles", "estimated, memory never waits"),
        ("Latency", "estimated"),
        ("Energy", "estimated"),
        ("Mismatches", "of the vectors run"),
    )
    head = element(
        "tr",
        *(
            element("th", title, element("small", note) if note else None, scope="col")
            for title, note in heads
        ),
    )
    rows = []
    for network in networks:
        if network.measurement is None:
            continue
        cells = zip(heads[1:], _figures(network.measurement), strict=True)
        number = network.trial.number
        link = element("a", f"{number}", href=f"#trial-{number}")
        rows.append(
            element(
                "tr",
                element("th", link, scope="row", data_head="Trial"),
                *(element("td", cell, data_head=title) for (title, _), cell in cells),
            )
        )
    return element("table", element("thead", head), element("tbody", *rows), class_="front")


def searched_table(networks: Sequence[FrontNetwork], drawn: Set[int]) -> Markup:
    """Networks of the front as the search saw them, a row each.

    Args:
        networks: not compiled.
        drawn: trials that the page draws.
    """
    used = [name for name in OBJECTIVES if any(name in network.trial.values for network in networks)]
    heads = ["Trial", *("Validation error" if name == "error" else QUANTITIES[name].title for name in used)]
    rows = []
    for network in networks:
        number, values = network.trial.number, searched(network.trial)
        name = element("a", f"{number}", href=f"#trial-{number}") if number in drawn else f"{number}"
        cells = (element("td", QUANTITIES[key].text(values.get(key))) for key in used)
        rows.append(element("tr", element("th", name, scope="row"), *cells))
    head = element("tr", *(element("th", title, scope="col") for title in heads))
    return element("table", element("thead", head), element("tbody", *rows))


def _figures(found: Measurement) -> list[Markup | str]:
    ram, flash = found.ram_bytes, found.flash_bytes
    parts = f"{bytes_(flash.weights)} + {bytes_(flash.code)}" if flash.total is not None else ""
    return [
        percent(found.accuracy),
        _two(bytes_(ram.arena), f"{bytes_(ram.arena_without_input)} without"),
        bytes_(ram.stack),
        _two(bytes_(flash.total), parts),
        count(found.macs),
        _two(count(found.cycles), _with_flash(found)),
        milliseconds(found.latency_ms),
        microjoules(found.energy_uj),
        MISSING if found.mismatches is None else f"{found.mismatches} of {found.vectors:,}",
    ]


def _with_flash(found: Measurement) -> str:
    known = found.cycles_with_flash
    return "" if known is None or known == found.cycles else f"{count(known)} with the flash"


def _two(figure: str, detail: str) -> Markup:
    return element("span", figure, element("small", detail) if detail else None)


def trials_table(report: StudyReport) -> Markup:
    """Every trial with the figures that the search saw; the page's script sorts it by any column."""
    networks = {network.trial.number: network for network in report.front}
    trials = sorted(report.trials, key=lambda trial: trial.number)
    values = {trial.number: searched(trial) for trial in trials}
    used = [name for name in OBJECTIVES if any(name in found for found in values.values())]
    infos = [
        name
        for name in ("seconds", "parent", "morphism")
        if any(trial.info.get(name) is not None for trial in trials)
    ]
    heads = [
        "Trial",
        "State",
        *(QUANTITIES[name].title for name in used),
        *(_INFO_HEADS[name] for name in infos),
    ]
    head = element(
        "tr", *(element("th", element("button", title, type="button"), scope="col") for title in heads)
    )
    shown = _shown(trials, networks)
    rows = []
    for trial in shown:
        figures = values[trial.number]
        cells = [_cell(f"{trial.number}", trial.number), _cell(trial.state, trial.state)]
        cells += [_cell(QUANTITIES[name].text(figures.get(name)), figures.get(name)) for name in used]
        cells += [_info_cell(trial, name) for name in infos]
        rows.append(element("tr", *cells, class_="in-front" if trial.number in networks else None))
    table = element("table", element("thead", head), element("tbody", *rows), class_="trials sortable")
    if len(shown) == len(trials):
        return table
    note = f"{len(shown):,} of {len(trials):,} trials are listed: the front and the latest others."
    return join(element("p", note, class_="quiet"), table)


def _shown(trials: Sequence[Trial], networks: Mapping[int, FrontNetwork]) -> list[Trial]:
    if len(trials) <= MOST_TRIALS:
        return list(trials)
    others = [trial for trial in trials if trial.number not in networks]
    latest = {trial.number for trial in others[-(MOST_TRIALS - len(networks)) :]}
    return [trial for trial in trials if trial.number in networks or trial.number in latest]


_INFO_HEADS = {"seconds": "Time", "parent": "Parent", "morphism": "Morphism"}


def _cell(words: str, order: float | str | None) -> Markup:
    return element("td", words, data_order="" if order is None else order)


def _info_cell(trial: Trial, name: str) -> Markup:
    value = trial.info.get(name)
    if value is None:
        return _cell(MISSING, None)
    if name == "seconds" and isinstance(value, int | float):
        return _cell(duration(value), value)
    return _cell(str(value), value if isinstance(value, int | float) else str(value))


def settings_table(settings: Mapping[str, Any]) -> Markup:
    """The settings with their dotted keys, as in the TOML file."""
    rows = [
        element("tr", element("th", key, scope="row"), element("td", words))
        for key, words in _flat(settings, "")
    ]
    return element("table", element("tbody", *rows), class_="settings")


def _flat(settings: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, MISSING if value is None else str(value)
