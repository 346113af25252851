"""A search survives what ends processes: SIGKILL at random moments, a disk that is full, several workers."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import lilliput
from lilliput import cli

CONFIG = """\
board = "generic-m4"
[data]
name = "digits"
subset = 300
[budget]
error = 0.1
ram_bytes = 4000
flash_bytes = 30000
macs = 100_000
[search]
trials = 6
population = 3
sample = 2
counts = "log-uniform"
[training]
epochs = 2
batch_size = 32
threads = 1
[final]
networks = 2
vectors = 2
"""


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """A search as a process of its own."""
    command = [
        sys.executable,
        "-m",
        "lilliput",
        "search",
        str(folder / "c.toml"),
        "-o",
        str(folder / "run"),
        *options,
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def trials(run: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((run / "study.json").read_text())["trials"]
    for trial in found:
        trial["info"].pop("seconds", None)
    return found


def accuracies(run: Path) -> dict[int, float]:
    return {row["trial"]: row["accuracy"] for row in lilliput.front(run)}


@pytest.mark.slow
def test_a_search_killed_again_and_again_ends_as_one_that_was_not(tmp_path: Path) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.toml").write_text(CONFIG)
    began = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    usual_seconds = time.monotonic() - began
    chance = random.Random(1)
    kills = 0
    options: tuple[str, ...] = ()
    while True:
        process = start(tmp_path / "killed", *options)
        try:
            _, words = process.communicate(
                timeout=chance.uniform(0.2, 0.9) * usual_seconds if kills < 4 else None
            )
            assert process.returncode == 0, words.decode()
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
        options = ("--resume",) if (tmp_path / "killed" / "run" / "study.db").exists() else ()
    assert kills
    assert trials(tmp_path / "killed" / "run") == trials(tmp_path / "whole" / "run")
    assert accuracies(tmp_path / "killed" / "run") == accuracies(tmp_path / "whole" / "run")


@pytest.mark.slow
def test_two_workers_finish_what_one_does(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG)
    process = start(tmp_path, "--workers", "2")
    _, words = process.communicate()
    assert process.returncode == 0, words.decode()
    found = trials(tmp_path / "run")
    assert [trial["number"] for trial in found] == list(range(6))
    assert all(trial["state"] in ("complete", "failed") for trial in found)
    assert sum(row["measurement"] is not None for row in lilliput.front(tmp_path / "run")) == 2


@pytest.mark.slow
def test_ctrl_c_ends_a_search_with_a_message_and_status_130(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.replace("trials = 6", "trials = 1000"))
    process = start(tmp_path)
    while not (tmp_path / "run" / "study.json").exists() and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=120)
    assert process.returncode == cli.entry.INTERRUPTED
    assert b"--resume" in words
    assert b"Traceback" not in words
    assert lilliput.front(tmp_path / "run")


@pytest.mark.slow
def test_a_full_disk_ends_a_search_with_advice_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG)
    # No file may grow beyond this, as on a disk without room; the study's database does after a trial or two.
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000)); "
    limit += "from lilliput.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["search", str(tmp_path / "c.toml"), "-o", str(tmp_path / "run")]
    found = subprocess.run([sys.executable, "-c", limit, *arguments], capture_output=True, check=False)
    assert found.returncode == 1, found.stderr.decode()
    assert b"Traceback" not in found.stderr
    assert b"next:" in found.stderr
    assert trials(tmp_path / "run")
    command = [sys.executable, "-m", "lilliput", *arguments, "--resume"]
    again = subprocess.run(command, capture_output=True, check=False)
    assert again.returncode == 0, again.stderr.decode()
    assert len(trials(tmp_path / "run")) == 6
