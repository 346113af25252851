"""`search`: from a configuration to a measured front; what was finished survives any interruption."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lilliput.config import Settings, read
from lilliput.errors import BudgetError, ConfigError, StudyError
from lilliput.flow.evaluation import Evaluator
from lilliput.flow.files import write_json
from lilliput.flow.final import chosen, finish, require_one
from lilliput.flow.fronts import rows
from lilliput.flow.progress import Silent, Watcher
from lilliput.flow.reporting import write_report
from lilliput.flow.run_directory import RunDirectory, begin
from lilliput.flow.studies import read_study, write_study
from lilliput.net import Optimize
from lilliput.results import Trial
from lilliput.search.evaluation import Callbacks, Progress
from lilliput.search.front import pareto_front
from lilliput.search.study import Study, StudyInterrupted, open_study


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        directory: where everything lies.
        trials: all that have ended.
        front: one object a network, as `lilliput.flow.front` gives them.
        report: the report, None if none was asked for.
    """

    directory: Path
    trials: tuple[Trial, ...]
    front: list[dict[str, Any]]
    report: Path | None

    def to_json(self) -> dict[str, Any]:
        """The object that `lilliput search --json` prints."""
        return {
            "run": str(self.directory),
            "trials": len(self.trials),
            "front": self.front,
            "report": None if self.report is None else str(self.report),
        }


def search(
    config: str | Path | Settings,
    run: str | Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> SearchResult:
    """Searches, trains the front at length, compiles and measures it, and writes the report.

    Args:
        config: a configuration file, or settings.
        run: folder for the results.
        resume: go on with the search in `run`; its settings must be the same but for how long to search,
            [final] and [output].
        workers: local processes; overrides the configuration.
        watcher: is told what happens.

    Raises:
        ConfigError: the configuration is wrong, or the folder holds other things.
        DataError: the data are missing, damaged or useless.
        BudgetError: nothing fits, or nothing on the front keeps the bounds of [final], when all else is done;
            names the bound and the smallest value that would do.
        StudyError: the study is damaged, exists, or was made with other settings.
        KeyboardInterrupt: Ctrl-C; what was finished is kept.
    """
    settings = config if isinstance(config, Settings) else read(config)
    text = "" if isinstance(config, Settings) else Path(config).read_text(encoding="utf-8")
    watcher = watcher or Silent()
    study_settings = settings.study(workers)
    directory = RunDirectory(Path(run))
    evaluator = Evaluator(settings, directory, study_settings.workers)
    _check_objectives(evaluator)
    about = _about(settings, evaluator)
    is_new = not directory.path.is_dir() or not any(directory.path.iterdir())
    if resume and directory.settings.is_file():
        # Killed before the study began, there is nothing to go on with, and nothing to lose.
        resume_or_start = True if directory.database.exists() or directory.study_json.exists() else None
    else:
        resume_or_start = resume
    begin(directory.path, settings, text)
    with (
        _gone_if_nothing_fits(directory, settings, is_new),
        open_study(directory.path, evaluator.space, study_settings, about, resume=resume_or_start) as study,
    ):
        _check_database(directory, settings, len(study.trials))
        write_json(directory.settings, settings.to_json())
        _run(study, evaluator, about, watcher)
        trials = study.trials
        write_study(directory, trials, settings, evaluator.space.name, about)
        front = pareto_front(trials, settings.objectives)
        if settings.output.weights == "front":
            directory.keep_weights(frozenset(trial.number for trial in front))
        finish(chosen(front, settings), settings, directory, study_settings.workers, watcher)
    report = write_report(directory, settings) if settings.output.report else None
    require_one(front, settings, directory)
    return SearchResult(directory.path, trials, rows(directory, trials, settings), report)


def _check_database(directory: RunDirectory, settings: Settings, trials: int) -> None:
    """Raises a StudyError where the database has lost what its copy holds."""
    if trials == 0 and directory.study_json.exists() and (copy := read_study(directory, settings).trials):
        raise StudyError(
            f"{directory.database} is damaged",
            f"it holds no trial, {directory.study_json.name} beside it {len(copy)}",
            "restore it from a copy, or start a new study in another folder",
        )


@contextlib.contextmanager
def _gone_if_nothing_fits(directory: RunDirectory, settings: Settings, is_new: bool) -> Iterator[None]:
    """Leaves nothing of a new search that ends with a BudgetError before its first trial."""
    try:
        yield
    except BudgetError:
        if is_new and not read_study(directory, settings).trials:
            shutil.rmtree(directory.path)
        raise


def _run(study: Study[Any], evaluator: Evaluator, about: dict[str, Any], watcher: Watcher) -> None:
    settings, directory = evaluator.settings, evaluator.run
    trials = {trial.number: trial for trial in study.trials}
    watcher.stage("search", max(study.settings.trials, len(trials)), len(trials))
    written = 0.0

    def on_progress(progress: Progress) -> None:
        nonlocal written
        trials[progress.trial.number] = progress.trial
        # The book of record is study.db; this copy, for who looks on, need not be newer than a few seconds.
        if time.monotonic() - written > _COPY_SECONDS:
            _copy(directory, trials.values(), settings, evaluator.space.name, about)
            written = time.monotonic()
        watcher.step(_told(progress.trial))
        watcher.front(progress.front)

    callbacks = Callbacks(
        evaluate=evaluator,
        feasible=evaluator.violations,
        predict=evaluator.predicted,
        identity=evaluator.identity,
        on_progress=on_progress,
        keep=directory.keep_weights,
    )
    try:
        study.run(callbacks)
    except StudyInterrupted as error:
        raise KeyboardInterrupt(str(error)) from None
    finally:
        _copy(directory, study.trials, settings, evaluator.space.name, about)


_COPY_SECONDS = 5.0


def _copy(
    directory: RunDirectory, trials: Any, settings: Settings, space: str, about: dict[str, Any]
) -> None:
    ordered: Sequence[Trial] = sorted(trials, key=lambda trial: trial.number)
    write_study(directory, ordered, settings, space, about)


def _told(trial: Trial) -> str:
    if not trial.values:
        return f"trial {trial.number} {trial.state}: {trial.info.get('reason', '')}".strip()
    values = trial.values
    return (
        f"trial {trial.number} {trial.state}: error {100 * values['error']:.2f} %, "
        f"RAM {values['ram_bytes']:.0f} B, flash {values['flash_bytes']:.0f} B, {values['macs']:.0f} MACs"
    )


def _check_objectives(evaluator: Evaluator) -> None:
    """Refuses bounds on what is not predicted for this board.

    Raises:
        ConfigError: names the bound.
    """
    from numpy.random import default_rng

    values = evaluator.predicted(evaluator.space.sample(default_rng(0)))
    missing = [name for name in evaluator.settings.objectives if name != "error" and name not in values]
    if missing:
        target = evaluator.board
        what = "current" if missing == ["energy_uj"] else f"cycles on {target.core.name}"
        raise ConfigError(
            f"budget.{missing[0]} cannot be kept on board '{target.name}'",
            f"its {what} are not known" if what != "current" else "its current is not known",
            "bound macs instead",
        )


def _about(settings: Settings, evaluator: Evaluator) -> dict[str, Any]:
    """What a trial's result depends on beside the search's own settings, in JSON values."""
    whole = settings.to_json()
    tables = ("data", "budget", "training", "augment", "pruning", "quantization")
    # Studies that were begun before there was a choice know of none.
    is_default = Optimize(settings.optimize) is Optimize.SPEED
    choice = {} if is_default else {"optimize": settings.optimize}
    return {
        "board": evaluator.board.to_dict(),
        "name": settings.net_name,
        "device": evaluator.device,
        **choice,
        **{table: whole[table] for table in tables},
    }
