"""What a report is made from: frozen records that the caller fills and `render` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lilliput.net.graph import Net
from lilliput.results import Measurement, Trial


@dataclass(frozen=True)
class LiveBuffer:
    """Memory that is in use while an op runs.

    Attributes:
        name: the tensor, or the op whose scratch memory it is.
        size_bytes: how much.
        address: byte offset in the arena, None while the network is not planned.
        scratch: True for scratch memory.
    """

    name: str
    size_bytes: int
    address: int | None = None
    scratch: bool = False


@dataclass(frozen=True)
class MemoryStep:
    """What lives in RAM while the op called `op` runs."""

    op: str
    live: tuple[LiveBuffer, ...]

    @property
    def live_bytes(self) -> int:
        """Bytes in use; memory that two buffers share (an output written over its input) counts once."""
        spans = sorted((b.address, b.address + b.size_bytes) for b in self.live if b.address is not None)
        covered, end = 0, 0
        for start, stop in spans:
            covered += max(stop - max(start, end), 0)
            end = max(end, stop)
        return covered + sum(b.size_bytes for b in self.live if b.address is None)


@dataclass(frozen=True)
class MemoryProfile:
    """RAM over time.

    Attributes:
        steps: one for each op, in execution order.
        arena_bytes: size of the arena.
        lower_bound_bytes: no placement can be smaller; 0 where unknown.
    """

    steps: tuple[MemoryStep, ...]
    arena_bytes: int
    lower_bound_bytes: int = 0


@dataclass(frozen=True)
class FrontNetwork:
    """One network of the Pareto front, compiled and measured.

    Attributes:
        trial: the trial that found it.
        net: the planned network as it is in the firmware; an earlier stage is drawn too, with less to tell.
        measurement: what the firmware did; its accuracy is that of the generated C on the test split.
        memory: RAM over time; made from the network's plan where None.
        directory: where the generated C lies, relative to the report; "" if nowhere.
    """

    trial: Trial
    net: Net
    measurement: Measurement | None = None
    memory: MemoryProfile | None = None
    directory: str = ""


@dataclass(frozen=True)
class StudyReport:
    """Everything that one page tells.

    Attributes:
        title: what was searched, such as "fashion-mnist on nucleo-l4r5zi".
        trials: every evaluated trial; of those dropped before training as many as the caller likes.
        front: the networks of the Pareto front.
        settings: the study's settings, nested mappings as in its TOML file.
        bounds: objective → the largest value allowed.
        board: the board's title and core, in words.
        dataset: the data set and its splits, in words.
        command: what reproduces the study.
        seconds: how long the trials took together, None if unknown.
        infeasible: how many proposals were dropped before training, also those that are not in `trials`.
        facts: other things worth a line (versions, machine, seed), name → value.
    """

    title: str
    trials: Sequence[Trial]
    front: Sequence[FrontNetwork]
    settings: Mapping[str, Any] = field(default_factory=dict)
    bounds: Mapping[str, float] = field(default_factory=dict)
    board: str = ""
    dataset: str = ""
    command: str = ""
    seconds: float | None = None
    infeasible: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
