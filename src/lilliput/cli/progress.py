"""Progress on stderr: a bar, the time left and the front so far; plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from lilliput.cli.tables import trials_table
from lilliput.results import Trial

FRONT_LINES = 8


class ProgressBar:
    """Draws what a `lilliput.flow.progress.Watcher` is told."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._task: TaskID | None = None
        self._front: Table | None = None
        self._live = Live(get_renderable=self._renderable, console=console, refresh_per_second=2)
        self._clock = _Clock(0, 0)

    def __enter__(self) -> ProgressBar:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def stage(self, title: str, total: int, done: int = 0) -> None:
        """A new bar below the others."""
        self._clock = _Clock(total, done)
        self._task = self._bars.add_task(title, total=total, completed=done, left="")
        self._say(f"{title}: {done} of {total} done before" if done else f"{title}: {total} to do")

    def step(self, detail: str) -> None:
        """Moves the bar and says what was done."""
        self._clock.done += 1
        left = self._clock.left()
        if self._task is not None:
            self._bars.update(self._task, advance=1, left=left)
        self._say(f"[{self._clock.done}/{self._clock.total}] {detail}  {left}")

    def front(self, trials: Sequence[Trial]) -> None:
        """Shows the best of the front below the bar."""
        self._front = trials_table(trials[:FRONT_LINES], "front so far") if trials else None

    def note(self, text: str) -> None:
        """A line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _say(self, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _renderable(self) -> Group:
        return Group(self._bars, self._front) if self._front is not None else Group(self._bars)


class _Clock:
    """Time left, from the mean time of the steps that this process has seen."""

    def __init__(self, total: int, done: int) -> None:
        self.total, self.done = total, done
        self._before, self._start = done, time.monotonic()

    def left(self) -> str:
        here = self.done - self._before
        if here < 1 or self.done >= self.total:
            return ""
        seconds = (time.monotonic() - self._start) / here * (self.total - self.done)
        return f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """A time span for people: 45 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
