"""`run`: an experiment from training to measured firmware, for every model, format and board."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lilliput import __version__
from lilliput.config import ExperimentSettings, ModelSettings, PostprocessingSettings, read_experiment
from lilliput.errors import ConfigError
from lilliput.flow.evaluation import device_for
from lilliput.flow.experiment_directory import ExperimentDirectory, begin
from lilliput.flow.experiment_steps import Steps
from lilliput.flow.files import write_atomically, write_json
from lilliput.flow.progress import Silent, Watcher
from lilliput.flow.quantizing import prepared
from lilliput.net.macs import net_macs
from lilliput.report.experiment import (
    BoardResult,
    ExperimentReport,
    FormatResult,
    ModelResult,
    render_experiment,
)
from lilliput.targets import board

FLOAT = "float"
"""What the trained network itself is called among the formats."""
FLOAT_BYTES = 4

Record = Mapping[str, Any]


@dataclass(frozen=True)
class ExperimentResult:
    """What an experiment found.

    Attributes:
        directory: where everything lies.
        runs: trainings of each model.
        models: in the order of the file.
        report: the page.
    """

    directory: Path
    runs: int
    models: tuple[ModelResult, ...]
    report: Path

    def to_json(self) -> dict[str, Any]:
        """The object that `lilliput run --json` prints."""
        return {
            "run": str(self.directory),
            "runs": self.runs,
            "models": [asdict(model) for model in self.models],
            "report": str(self.report),
        }


def run(
    config: str | Path | ExperimentSettings,
    run: str | Path,
    *,
    resume: bool = False,
    watcher: Watcher | None = None,
) -> ExperimentResult:
    """Trains every model `runs` times, brings it into every format, scores the C, and measures it on boards.

    Steps that were finished stay so, however the process ends; trainings under way lose an epoch at most.

    Args:
        config: a TOML file, or settings.
        run: folder for the results.
        resume: go on with the experiment in `run`; runs, models, formats and boards may have been added.
        watcher: is told what happens.

    Raises:
        ConfigError: the configuration is wrong, or the folder holds other things.
        DataError: the data are missing, damaged or useless.
        NetError: a model cannot take the data, or cannot be expressed in a format.
        TrainingError: a training diverged.
        MeasureError: a firmware differs from the reference or does not fit its board.
        ToolchainError: there is no compiler.
    """
    settings = config if isinstance(config, ExperimentSettings) else read_experiment(config)
    text = "" if isinstance(config, ExperimentSettings) else Path(config).read_text(encoding="utf-8")
    watcher = watcher or Silent()
    names = [board(name).name for name in settings.deploy.boards]
    if len(set(names)) < len(names):
        raise ConfigError(
            "two boards of the experiment have one name", ", ".join(names), "rename one in its file"
        )
    directory = ExperimentDirectory(Path(run))
    steps = Steps(settings, directory, device_for(settings.device))
    if resume:
        steps.check()
    nets = {model.name: steps.net(model) for model in settings.model}
    for post in settings.postprocessing:
        for net in nets.values():
            # An op that a format names and a model lacks is told before anything is trained.
            prepared(net, post.formats)
    macs = {name: net_macs(net) for name, net in nets.items()}
    begin(directory.path, settings, text, resume)
    total = settings.runs * len(settings.model) * (1 + len(settings.postprocessing))
    deployments = min(settings.runs, settings.deploy.runs) * len(settings.postprocessing) * len(names)
    watcher.stage("experiment", total + len(settings.model) * deployments)
    models = tuple(_model(model, settings, steps, macs[model.name], watcher) for model in settings.model)
    page = render_experiment(
        ExperimentReport(
            title=f"{settings.data.name}: {len(models)} {'model' if len(models) == 1 else 'models'}",
            about=_about(settings),
            runs=settings.runs,
            models=models,
            settings=settings.to_json(),
            facts={"Lilliput": f"Lilliput {__version__}", "Python": f"Python {platform.python_version()}"},
        )
    )
    write_atomically(directory.report, page)
    result = ExperimentResult(directory.path, settings.runs, models, directory.report)
    write_json(directory.results, result.to_json())
    return result


def _model(
    model: ModelSettings, settings: ExperimentSettings, steps: Steps, macs: int, watcher: Watcher
) -> ModelResult:
    trained = []
    for run in range(settings.runs):
        trained.append(steps.train(model, run))
        watcher.step(f"{model.name} run {run}: float {100 * trained[-1]['accuracy']:.2f} %")
    formats = [
        _scores(FLOAT, trained, FLOAT_BYTES * int(trained[0]["parameters"])),
        *(_format(model, post, settings, steps, watcher) for post in settings.postprocessing),
    ]
    return ModelResult(
        name=model.name,
        kind=model.kind,
        size=model.size,
        parameters=int(trained[0]["parameters"]),
        macs=macs,
        seconds=sum(float(record["seconds"]) for record in trained),
        formats=tuple(formats),
    )


def _format(
    model: ModelSettings,
    post: PostprocessingSettings,
    settings: ExperimentSettings,
    steps: Steps,
    watcher: Watcher,
) -> FormatResult:
    scored = []
    for run in range(settings.runs):
        scored.append(steps.convert(model, run, post))
        watcher.step(f"{model.name} run {run}: {post.title} {100 * scored[-1]['accuracy']:.2f} % of the C")
    boards = []
    for name in settings.deploy.boards:
        measured = []
        for run in range(min(settings.runs, settings.deploy.runs)):
            measured.append(steps.deploy(model, run, post, name))
            watcher.step(f"{model.name} run {run}: {post.title} on {measured[-1]['board']}")
        boards.append(_on_board(measured))
    found = _scores(post.title, scored, round(statistics.fmean(record["weights_bytes"] for record in scored)))
    return FormatResult(
        found.format, found.accuracies, found.mean, found.deviation, found.weights_bytes, tuple(boards)
    )


def _scores(title: str, records: Sequence[Record], weights_bytes: int) -> FormatResult:
    accuracies = tuple(float(record["accuracy"]) for record in records)
    deviation = statistics.stdev(accuracies) if len(accuracies) > 1 else None
    return FormatResult(title, accuracies, statistics.fmean(accuracies), deviation, weights_bytes)


def _on_board(measured: Sequence[Record]) -> BoardResult:
    def mean(figure: Callable[[Record], float | None]) -> float | None:
        values = list(_known(figure(record) for record in measured))
        return statistics.fmean(values) if len(values) == len(measured) else None

    return BoardResult(
        board=str(measured[0]["board"]),
        rom_bytes=mean(lambda record: record["flash_bytes"]["total"]),
        arena_bytes=statistics.fmean(record["ram_bytes"]["arena"] for record in measured),
        ram_bytes=mean(lambda record: record["ram_bytes"]["total"]),
        cycles=mean(lambda record: record["cycles"]),
        latency_ms=mean(lambda record: record["latency_ms"]),
        energy_uj=mean(lambda record: record["energy_uj"]),
    )


def _known(values: Iterator[float | None]) -> Iterator[float]:
    for value in values:
        if value is not None:
            yield value


def _about(settings: ExperimentSettings) -> str:
    data = settings.data
    words = data.name + (f", {data.subset} training examples" if data.subset else "")
    return f"{words}, {settings.runs} {'run' if settings.runs == 1 else 'runs'} of each model"
