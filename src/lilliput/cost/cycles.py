"""Core cycles of one inference: a linear model for each kernel, fitted on emulator runs.

A layer's cycles are a sum of counts that its loops are made of, each times what one pass takes.  What counts
there are stands in `cycle_counts.py`, what a pass takes in `cores/`, for each core and kernel, as
measured on code by arm-none-eabi-gcc -O2.  What the flash adds is fitted in the same way, for the caches of
the boards that ship with Lilliput.  `make fit-cycles` fits all anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any

from lilliput.cost.code_size import moves_nothing
from lilliput.cost.cycle_counts import counts, turn_counts
from lilliput.cost.loops import Counts
from lilliput.cost.tables import fitted
from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.targets.blocking import blocking_of
from lilliput.targets.boards import Board, FlashCache
from lilliput.targets.cores import Core
from lilliput.targets.kernels import kernel_for


@dataclass(frozen=True)
class LinearModel:
    """What a network takes of something, as a weighted sum.

    Attributes:
        network: outside of all layers.
        call: of a layer, from its caller's point of view.
        functions: kernel → name of a count → how much for each.
        turns: name of a count of `turn_counts` → how much for each, beside what the kernel takes.
    """

    network: float
    call: float
    functions: dict[str, dict[str, float]]
    turns: dict[str, float] = field(default_factory=dict)

    def layer(self, function: str, found: Counts) -> float | None:
        """What a layer takes; None where its kernel was not measured.

        Args:
            function: its kernel.
            found: what `counts` and `turn_counts` count.
        """
        weights = self.functions.get(function)
        if weights is None:
            return None
        every = chain(weights.items(), self.turns.items())
        return sum([weight * found[name] for name, weight in every if name in found])


@dataclass(frozen=True)
class CycleModel:
    """What was measured on one core.

    Attributes:
        cycles: with memory that never waits.
        splits: cycles of transfers that unaligned accesses take beyond their first.
        misses: `cache_name` of a cache → waits for a flash behind it, in units of its wait states.
    """

    cycles: LinearModel
    splits: LinearModel
    misses: dict[str, LinearModel]


def net_cycles(net: Net, board: Board) -> tuple[int | None, int | None]:
    """Cycles of one inference of the planned network `net`, without and with the waits of the board's flash.

    The first is None where a kernel or the core was not measured, the second also where the board's wait
    states are unknown or its cache was not measured.
    """
    model = cycle_model(board.core)
    if model is None:
        return None, None
    layers = list(_layers(net, board.core))
    cycles = _total(model.cycles, layers)
    if cycles is None or board.flash_wait_states is None:
        return None if cycles is None else round(cycles), None
    waited = _total(model.splits, layers)
    if waited is not None and board.flash_wait_states:
        behind = model.misses.get(cache_name(board.flash_cache))
        misses = None if behind is None else _total(behind, layers)
        waited = None if misses is None else waited + board.flash_wait_states * misses
    return round(cycles), None if waited is None else round(cycles + waited)


def op_cycles(op: Op, net: Net, core: Core) -> float | None:
    """Cycles of one layer with memory that never waits; None where its kernel was not measured."""
    model = cycle_model(core)
    if model is None:
        return None
    return model.cycles.layer(*_layer(op, net, core))


def cache_name(cache: FlashCache | None) -> str:
    """What tells one cache from another: its sizes, and how it works."""
    if cache is None:
        return "none"
    sizes = f"{cache.instruction_bytes}+{cache.data_bytes}/{cache.line_bytes}"
    traits = (
        f" {cache.ways} ways" if cache.ways else "",
        " unified" if cache.unified else "",
        " prefetch" if cache.prefetch else "",
    )
    return sizes + "".join(traits)


@cache
def cycle_model(core: Core) -> CycleModel | None:
    """The fitted model for `core`, if there is one."""
    found = fitted(core.name).get("cycles")
    return _cycle_model(found) if found else None


def _cycle_model(raw: dict[str, Any]) -> CycleModel:
    misses = {name: LinearModel(**behind) for name, behind in raw["misses"].items()}
    return CycleModel(LinearModel(**raw["cycles"]), LinearModel(**raw["splits"]), misses)


def _layers(net: Net, core: Core) -> Iterator[tuple[str, Counts]]:
    for op in net.ops:
        if not moves_nothing(op, net):
            yield _layer(op, net, core)


def _layer(op: Op, net: Net, core: Core) -> tuple[str, Counts]:
    function = kernel_for(op, net, core).function
    return function, counts(op, net, blocking_of(function)) | turn_counts(op, net)


def _total(model: LinearModel, layers: list[tuple[str, Counts]]) -> float | None:
    total = model.network
    for function, found in layers:
        taken = model.layer(function, found)
        if taken is None:
            return None
        total += taken + model.call
    return total
