"""Compiles every network of a search's Pareto front and compares reference, host C and emulated C.

    python tools/verify_front.py RUN [VECTORS]

Each network runs on VECTORS inputs (default 4) spread over the test split.  Prints a line a network; the exit
status is 1 if any byte differs, or if the arena in a generated header is not the one that `cost` predicts for
the float network.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import numpy as np

from lilliput.cost import cost
from lilliput.errors import LilliputError
from lilliput.flow.building import network_input
from lilliput.flow.compiling import compile
from lilliput.flow.evaluation import load_data
from lilliput.flow.run_directory import opened
from lilliput.flow.studies import read_study
from lilliput.measure.measuring import measure
from lilliput.net.storage import load
from lilliput.search.front import pareto_front
from lilliput.targets import board


def main() -> int:
    """0 if everything agrees, 1 if not, 2 for bad usage or bad input."""
    if not 2 <= len(sys.argv) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return verify(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 4)
    except LilliputError as error:
        print(error, file=sys.stderr)
        return error.exit_status


def verify(path: Path, count: int) -> int:
    """Prints a line a network of the front; 1 if any of them disagrees."""
    run, settings = opened(path)
    front = pareto_front(read_study(run, settings).trials, settings.objectives)
    test = load_data(settings.data).test
    examples = test.take(np.linspace(0, len(test) - 1, count).astype(np.int64))
    target, wrong = board(settings.board), 0
    for trial in front:
        net = load(run.integer_net(trial.number))
        with tempfile.TemporaryDirectory() as folder:
            library = compile(run.integer_net(trial.number), settings.board, Path(folder) / "library")
            header = (library.directory / f"{library.name}.h").read_text(encoding="utf-8")
            found = measure(library.directory, vectors=network_input(net, examples.x))
        match = re.search(r"_ARENA_BYTES\s+(\d+)", header)
        arena = int(match[1]) if match else -1
        predicted = cost(load(run.float_net(trial.number)), target).arena_bytes
        agrees = not found.mismatches and arena == predicted
        wrong += not agrees
        print(
            f"trial {trial.number}: {found.mismatches} of {found.vectors} vectors differ, arena {arena} B, "
            f"predicted {predicted} B{'' if agrees else '  DISAGREES'}",
            flush=True,
        )
    print(f"{len(front)} networks of the front, {wrong} disagree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
