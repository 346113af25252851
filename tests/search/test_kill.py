"""SIGKILL at any moment costs the trials in flight and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from tests.search import cheap

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")

KILLS = 10
TRIALS = 40

KILLED_AGAIN_AND_AGAIN = """
import contextlib, os, random, signal, sqlite3, sys, time
from pathlib import Path
from tests.search import cheap

folder, kills, trials = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

def begun():
    with contextlib.suppress(sqlite3.Error), sqlite3.connect(folder / "study.db") as database:
        return database.execute("SELECT COUNT(*) FROM trials").fetchone()[0]
    return 0

for kill in range(kills):
    before = begun()
    child = os.fork()
    if child == 0:
        cheap.run(folder, cheap.settings(trials=trials), seconds=0.01)
        os._exit(0)
    if kill < 2:  # while the database is being made
        time.sleep(random.uniform(0.0, 0.3))
    else:
        wanted = before + random.randint(1, 5)
        while begun() < wanted and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.002)
        time.sleep(random.uniform(0.0, 0.03))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else "finished", flush=True)
"""


def test_a_study_killed_ten_times_ends_as_one_never_killed(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        KILLED_AGAIN_AND_AGAIN,
        str(tmp_path / "killed"),
        str(KILLS),
        str(TRIALS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["9"] * KILLS
    killed = cheap.run(tmp_path / "killed", cheap.settings(trials=TRIALS))
    untouched = cheap.run(tmp_path / "untouched", cheap.settings(trials=TRIALS))
    assert cheap.outcome(killed) == cheap.outcome(untouched)
    study = optuna.load_study(study_name="lilliput", storage=f"sqlite:///{tmp_path}/killed/study.db")
    outcomes = [trial.user_attrs["outcome"] for trial in study.trials if trial.state.name == "FAIL"]
    interrupted = sum(outcome == {"reason": "interrupted"} for outcome in outcomes)
    # Fewer only where a kill fell between two trials.
    assert 3 <= interrupted <= KILLS
    assert len(study.trials) == TRIALS + interrupted


TWO_WORKERS = """
import sys
from pathlib import Path
from tests.search import cheap

if __name__ == "__main__":
    cheap.run(Path(sys.argv[1]), cheap.settings(trials=4000, workers=2), seconds=0.05)
"""


def test_workers_end_with_a_killed_search_and_its_proposals_are_kept(tmp_path: Path) -> None:
    script = tmp_path / "search.py"
    script.write_text(TWO_WORKERS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    search = subprocess.Popen([sys.executable, str(script), str(tmp_path / "run")], env=environment)
    try:
        before = _wait_for_trials(tmp_path / "run", 6)
    finally:
        search.kill()
        search.wait()
    workers = {trial.info["process"] for trial in before if "process" in trial.info}
    assert len(workers) == 2
    deadline = time.monotonic() + 30
    while any(_alive(process) for process in workers):
        assert time.monotonic() < deadline, "workers outlive their search"
        time.sleep(0.05)
    after = cheap.run(tmp_path / "run", cheap.settings(trials=len(before) + 10))
    assert cheap.outcome(after[: len(before)]) == cheap.outcome(tuple(before))
    assert [trial.number for trial in after] == list(range(len(after)))


def _wait_for_trials(folder: Path, count: int) -> list:
    from lilliput.search.book import Book

    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if not _is_made(folder / "study.db"):
            continue
        try:
            book = Book(folder / "study.db", cheap.settings().objectives)
            entries = book.entries() if book.about() else []
            book.close()
        except Exception:
            continue  # in the middle of being made
        ended = [entry.trial for entry in entries if entry.trial.state != "running"]
        # Those before the first that still runs: nothing later can change them.
        numbers = {trial.number for trial in ended}
        settled = [
            trial for trial in sorted(ended, key=lambda one: one.number) if trial.number < _first_gap(numbers)
        ]
        if len(settled) >= count:
            return settled
    raise AssertionError("the search makes no progress")


def _is_made(path: Path) -> bool:
    """Whether the search has made its study: who opens the file before would make the tables, too."""
    if not path.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return bool(database.execute("SELECT COUNT(*) FROM studies").fetchone()[0])
    except sqlite3.Error:
        return False


def _first_gap(numbers: set[int]) -> int:
    return next(number for number in range(len(numbers) + 1) if number not in numbers)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_ctrl_c_ends_search_and_workers_quietly(tmp_path: Path) -> None:
    script = tmp_path / "search.py"
    script.write_text(
        TWO_WORKERS.replace("cheap.run(", "main(").replace("if __name__", MAIN + "\nif __name__")
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    search = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "run")],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background has them ignore it, and so would the search.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        _wait_for_trials(tmp_path / "run", 3)
        os.killpg(search.pid, signal.SIGINT)  # as a terminal does: to every process of the group
        _, errors = search.communicate(timeout=60)
    finally:
        search.kill()
    assert search.returncode == 1
    assert "the search was interrupted after" in errors
    assert "--resume" in errors
    assert "Traceback" not in errors


MAIN = """
def main(*arguments, **options):
    from lilliput.errors import LilliputError
    try:
        cheap.run(*arguments, **options)
    except LilliputError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)
"""
