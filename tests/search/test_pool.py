"""Workers run jobs beside each other, and one that dies takes only its own job with it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.search import cheap

from lilliput.errors import DataError
from lilliput.search import pool


def act(job: str) -> str:
    """What the job says."""
    match job.split():
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["lilliput"]:
            raise DataError("no data", "gone", "look again")
        case ["bug"]:
            raise ZeroDivisionError("a bug")
        case ["exit", status]:
            os._exit(int(status))
    return f"{os.getpid()}"


def results(jobs: list[str], workers: int) -> dict[str, object]:
    running: pool.Pool[str, str] = pool.start(act, workers)
    found: dict[str, object] = {}
    waiting, flying = list(jobs), 0
    try:
        while waiting or flying:
            while waiting and running.idle:
                running.submit(waiting.pop(0))
                flying += 1
            job, result = running.wait()
            found[job] = result
            flying -= 1
    finally:
        running.close()
    return found


def test_one_worker_is_this_process() -> None:
    found = results(["a", "lilliput", "bug"], workers=1)
    assert found["a"] == str(os.getpid())
    assert isinstance(found["lilliput"], DataError)
    assert isinstance(found["bug"], ZeroDivisionError)


def test_two_workers_are_two_other_processes_that_survive_what_jobs_raise() -> None:
    jobs = ["sleep 0.2", "sleep 0.21", "lilliput", "bug", "exit 3", "sleep 0.22", "sleep 0.23"]
    found = results(jobs, workers=2)
    assert set(found) == set(jobs)
    processes = {value for job, value in found.items() if job.startswith("sleep")}
    assert str(os.getpid()) not in processes
    assert 2 <= len(processes) <= 3
    error = found["lilliput"]
    assert isinstance(error, DataError)
    assert (error.what, error.why, error.hint) == ("no data", "gone", "look again")
    assert "a bug" in str(found["bug"])
    assert "Traceback" in str(found["bug"])
    lost = found["exit 3"]
    assert isinstance(lost, pool.WorkerLostError)
    assert "status 3" in str(lost)


def test_closing_does_not_wait_for_jobs() -> None:
    running: pool.Pool[str, str] = pool.start(act, 2)
    running.submit("sleep 600")
    began = time.monotonic()
    running.close()
    assert time.monotonic() - began < 20


def test_a_study_tries_a_trial_again_whose_worker_died(tmp_path: Path) -> None:
    wanted = cheap.settings(trials=6, workers=2)
    trials = cheap.run(tmp_path, wanted, evaluate=cheap.DieOn(3, tmp_path, times=1))
    assert [trial.number for trial in trials] == list(range(6))
    assert all("worker" not in str(trial.info.get("reason")) for trial in trials)
    assert (tmp_path / "death0").exists()


def test_a_trial_that_ends_its_worker_twice_has_failed(tmp_path: Path) -> None:
    wanted = cheap.settings(trials=6, workers=2)
    trials = cheap.run(tmp_path, wanted, evaluate=cheap.DieOn(3, tmp_path, times=9))
    assert trials[3].state == "failed"
    assert trials[3].info["reason"] == "a worker process was ended by SIGKILL, perhaps for lack of memory"
    assert len(trials) == 6
    assert len(list(tmp_path.glob("death*"))) == 2
