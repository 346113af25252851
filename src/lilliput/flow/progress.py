"""How long work tells what it is doing; the command line draws it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lilliput.results import Trial


class Watcher(Protocol):
    """Is told what happens, in order, from one thread."""

    def stage(self, title: str, total: int, done: int = 0) -> None:
        """A stage of `total` steps begins, `done` of which an earlier run has finished."""

    def step(self, detail: str) -> None:
        """One step of the current stage is done."""

    def front(self, trials: Sequence[Trial]) -> None:
        """The Pareto front so far, the most accurate first."""

    def note(self, text: str) -> None:
        """Something that the reader should know."""


class Silent:
    """Tells nobody."""

    def stage(self, title: str, total: int, done: int = 0) -> None:
        """Nothing."""

    def step(self, detail: str) -> None:
        """Nothing."""

    def front(self, trials: Sequence[Trial]) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
