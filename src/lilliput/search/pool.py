"""Who evaluates: the main process itself, or worker processes that it starts.

A worker is started afresh ("spawn"), so that no lock or thread of the main process is copied into it.  One
that dies takes nothing but its own job with it, and all of them end when the main process does, however that
ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Generic, Protocol, TypeVar

from lilliput.errors import LilliputError

Job = TypeVar("Job")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class WorkerLostError(Exception):
    """A worker process ended before its job was done; the argument says how."""


class Pool(Protocol[Job, Result_co]):
    """Runs jobs; the same interface with and without processes."""

    @property
    def idle(self) -> bool:
        """Whether a job can be submitted."""
        ...

    def submit(self, job: Job) -> None:
        """Starts a job."""
        ...

    def wait(self) -> tuple[Job, Result_co | Exception]:
        """The next job that ends, with its result or with what it raised."""
        ...

    def close(self) -> None:
        """Ends everything at once, unfinished jobs too."""
        ...


def start(evaluate: Callable[[Job], Result], workers: int) -> Pool[Job, Result]:
    """A pool of so many workers; with one worker, jobs run in this process.

    Args:
        evaluate: runs one job.  With several workers it has to be importable (a function of a module, or an
            object of such a class), and a script that starts a search needs `if __name__ == "__main__":`.
        workers: at least 1.
    """
    return _InProcess(evaluate) if workers == 1 else _Processes(evaluate, workers)


class _InProcess(Generic[Job, Result]):
    def __init__(self, evaluate: Callable[[Job], Result]) -> None:
        self._evaluate = evaluate
        self._jobs: deque[Job] = deque()

    @property
    def idle(self) -> bool:
        return not self._jobs

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def wait(self) -> tuple[Job, Result | Exception]:
        job = self._jobs.popleft()
        try:
            return job, self._evaluate(job)
        except Exception as error:
            return job, error

    def close(self) -> None:
        self._jobs.clear()


class _Processes(Generic[Job, Result]):
    def __init__(self, evaluate: Callable[[Job], Result], workers: int) -> None:
        self._evaluate = evaluate
        self._idle: list[_Worker[Job, Result]] = []
        self._busy: dict[Connection, _Worker[Job, Result]] = {}
        with self._closed_on_error():
            for _ in range(workers):
                self._idle.append(_Worker(evaluate))

    @property
    def idle(self) -> bool:
        return bool(self._idle)

    def submit(self, job: Job) -> None:
        worker = self._idle.pop()
        worker.job = job
        # A worker that is gone by now shows when it is waited for.
        with contextlib.suppress(OSError):
            worker.pipe.send(job)
        self._busy[worker.pipe] = worker

    def wait(self) -> tuple[Job, Result | Exception]:
        ready = connection.wait(list(self._busy))
        worker = self._busy.pop(next(pipe for pipe in self._busy if pipe in ready))
        job = worker.job
        assert job is not None
        try:
            result: Result | Exception = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            result = WorkerLostError(_how_it_ended(worker.process.exitcode))
            worker.pipe.close()
            with self._closed_on_error():
                worker = _Worker(self._evaluate)
        self._idle.append(worker)
        return job, result

    def close(self) -> None:
        workers = [*self._idle, *self._busy.values()]
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(timeout=3)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._idle, self._busy = [], {}

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


class _Worker(Generic[Job, Result]):
    process: SpawnProcess

    def __init__(self, evaluate: Callable[[Job], Result]) -> None:
        context = get_context("spawn")
        self.pipe, inner = context.Pipe()
        self.job: Job | None = None
        self.process = context.Process(target=_work, args=(evaluate, inner), daemon=True)
        with _interrupts_ignored():
            self.process.start()
        # Only the worker holds its end now: when it dies, reading from ours ends.
        inner.close()


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal; one that starts ignoring it leaves it to the main one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(evaluate: Callable[[Job], Result], pipe: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        result: object
        try:
            result = evaluate(job)
        except LilliputError as error:
            result = error
        except Exception as error:
            # Not every exception survives the way to another process; its text does.
            text = traceback.format_exc()
            result = RuntimeError(f"{type(error).__name__}: {error}\n\nin the worker:\n{text}")
        pipe.send(result)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"a worker process was ended by {name}" + (
            ", perhaps for lack of memory" if -code == 9 else ""
        )
    return f"a worker process ended with status {code}"
