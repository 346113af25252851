"""`report`: a search as one HTML file."""

from __future__ import annotations

import platform
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from lilliput import __version__
from lilliput.config import Settings
from lilliput.flow.files import write_atomically
from lilliput.flow.fronts import rows
from lilliput.flow.run_directory import RunDirectory, opened
from lilliput.flow.studies import read_study
from lilliput.net.storage import load
from lilliput.report import FrontNetwork, StudyReport, render
from lilliput.results import FlashBytes, LayerCost, Measurement, RamBytes, Trial
from lilliput.targets import board


def report(run: str | Path, output: str | Path | None = None) -> Path:
    """Writes the report of a search and returns its path: RUN/report.html, or `output`.

    Raises:
        ConfigError: there is no search in this folder.
        StudyError: its study is damaged, or no trial has ended yet.
        StorageError: the file could not be written.
    """
    directory, settings = opened(run)
    return write_report(directory, settings, None if output is None else Path(output))


def write_report(run: RunDirectory, settings: Settings, output: Path | None = None) -> Path:
    """As `report`, for a folder that is open."""
    path = output or run.report
    write_atomically(path, render(described(run, settings)))
    return path


def described(run: RunDirectory, settings: Settings) -> StudyReport:
    """What the report of a search is made from; errors as `report`."""
    study = read_study(run, settings)
    target = board(settings.board)
    found = (_network(run, row, study.trials) for row in rows(run, study.trials, settings))
    front = [network for network in found if network is not None]
    seconds = sum(float(trial.info.get("seconds", 0.0)) for trial in study.trials)
    return StudyReport(
        title=f"{settings.name or settings.data.name} on {target.name}",
        trials=study.trials,
        front=front,
        settings=settings.to_json(),
        bounds=settings.budget.bounds,
        board=f"{target.title} ({target.core.name}, {target.clock_hz / 1e6:g} MHz)",
        dataset=_data_in_words(settings),
        command=shlex.join(["lilliput", "search", str(run.config), "-o", str(run.path)]),
        seconds=seconds or None,
        infeasible=sum(int(trial.info.get("dropped", 0)) for trial in study.trials),
        facts={"Lilliput": __version__, "Python": platform.python_version(), "machine": platform.machine()},
    )


def _network(run: RunDirectory, row: dict[str, Any], trials: tuple[Trial, ...]) -> FrontNetwork | None:
    trial = next(trial for trial in trials if trial.number == row["trial"])
    folder = run.front(trial.number)
    if row["measurement"] is None:
        path = run.integer_net(trial.number)
        return FrontNetwork(trial, load(path)) if path.is_file() else None
    return FrontNetwork(
        trial=trial,
        net=load(folder / "model.safetensors"),
        measurement=measurement_from(row["measurement"]),
        directory=str(folder.relative_to(run.path)),
    )


def measurement_from(raw: dict[str, Any]) -> Measurement:
    """The measurement that `Measurement.to_json` wrote."""
    known = Measurement(
        board=raw["board"],
        core=raw["core"],
        toolchain=raw["toolchain"],
        macs=raw["macs"],
        ram_bytes=RamBytes(**raw["ram_bytes"]),
        flash_bytes=FlashBytes(**raw["flash_bytes"]),
        layers=tuple(LayerCost(**layer) for layer in raw["layers"]),
    )
    plain = (
        "instructions",
        "cycles",
        "cycles_with_flash",
        "latency_ms",
        "energy_uj",
        "vectors",
        "mismatches",
        "examples",
        "accuracy",
    )
    return replace(known, **{name: raw[name] for name in plain if name in raw})


def _data_in_words(settings: Settings) -> str:
    data = settings.data
    words = data.name + (f", {data.subset} training examples" if data.subset else "")
    return f"{words}; accuracies of measured networks are those of the generated C on the whole test split"
