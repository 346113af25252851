"""`demo`: a small real search on handwritten digits, from the data in scikit-learn to measured C."""

from __future__ import annotations

import tomllib
from pathlib import Path

from lilliput.config import parse
from lilliput.flow.evaluation import cpus
from lilliput.flow.progress import Watcher
from lilliput.flow.searching import SearchResult, search

CONFIG = """\
# What `lilliput demo` runs: 8 x 8 handwritten digits on a generic Cortex-M4.
board = "generic-m4"

[data]
name = "digits"

[budget]
error = 0.03
ram_bytes = 6_000
flash_bytes = 48_000
macs = 200_000

[search]
trials = 40
population = 14
sample = 6
prior = "shallow"

[fidelity]
rungs = [5]
after = 4

[training]
epochs = 20
batch_size = 32
learning_rate = 0.1
weight_decay = 1e-4
threads = 1

[augment]
shift = [1, 1]

[final]
networks = 4
pick = "spread"

[final.training]
epochs = 40
"""

MOST_WORKERS = 4
"""Processes that the demo starts at most unless told otherwise; more would wait for each other's results."""


def demo(
    run: str | Path, *, resume: bool = False, workers: int | None = None, watcher: Watcher | None = None
) -> SearchResult:
    """Runs the demo's search in the folder `run`; see `search` for arguments and errors.

    `workers` None starts one process a core, at most `MOST_WORKERS`.
    """
    workers = workers or min(cpus(), MOST_WORKERS)
    settings = parse(tomllib.loads(CONFIG), "the demo's configuration")
    return search(settings, run, resume=resume, workers=workers, watcher=watcher)
