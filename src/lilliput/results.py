"""What a stage found out: frozen records with the units in their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What a network needs on a board, predicted without building anything.

    Attributes:
        arena_bytes: size of the arena in the generated header, input included.
        arena_without_input_bytes: the same if the input were held elsewhere, as the papers count.
        weights_bytes: constants in flash (weights, biases, requantization multipliers).
        code_bytes: predicted size of the network's code in flash.
        macs: multiply-accumulate operations of one inference.
        cycles: predicted core cycles of one inference with memory that never waits, None where no model is
            fitted for the core.
        cycles_with_flash: the same with the waits of the board's flash, None where they are unknown.
        lower_bound_bytes: no plan can need a smaller arena than this.
        order: op names in the order of the smallest peak.
    """

    arena_bytes: int
    arena_without_input_bytes: int
    weights_bytes: int
    code_bytes: int
    macs: int
    cycles: int | None = None
    cycles_with_flash: int | None = None
    lower_bound_bytes: int = 0
    order: tuple[str, ...] = ()

    @property
    def board_cycles(self) -> int | None:
        """What latency and energy follow from: with the waits where the board's are known, else without."""
        return self.cycles if self.cycles_with_flash is None else self.cycles_with_flash

    @property
    def ram_bytes(self) -> int:
        """RAM that the network needs: the arena."""
        return self.arena_bytes

    @property
    def flash_bytes(self) -> int:
        """Flash that the network needs: weights and code."""
        return self.weights_bytes + self.code_bytes


@dataclass(frozen=True)
class RamBytes:
    """RAM of a measured firmware, bytes; None where it was not measured."""

    arena: int
    arena_without_input: int
    static: int | None = None
    stack: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class FlashBytes:
    """Flash that the firmware grows by over the same firmware without the network, bytes."""

    weights: int | None = None
    code: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class LayerCost:
    """What one layer takes: cycles are estimates as in `Measurement`; None where not measured."""

    name: str
    op: str
    macs: int
    cycles: int | None = None
    cycles_with_flash: int | None = None
    instructions: int | None = None


@dataclass(frozen=True)
class Measurement:
    """What a built network did.  A figure that was not measured is None, never a guess.

    Attributes:
        cycles: of one inference, estimated with memory that never waits, or the board's own count.
        cycles_with_flash: the estimate with what flash and unaligned accesses make the core wait for.
        latency_ms, energy_uj: of one inference, from `board_cycles`.
    """

    board: str
    core: str
    toolchain: str
    macs: int
    ram_bytes: RamBytes
    flash_bytes: FlashBytes
    instructions: int | None = None
    cycles: int | None = None
    cycles_with_flash: int | None = None
    latency_ms: float | None = None
    energy_uj: float | None = None
    vectors: int = 0
    mismatches: int | None = None
    layers: tuple[LayerCost, ...] = ()
    examples: int | None = None
    accuracy: float | None = None

    @property
    def board_cycles(self) -> int | None:
        """What latency and energy follow from: with the waits where the board's are known, else without."""
        return self.cycles if self.cycles_with_flash is None else self.cycles_with_flash

    def to_json(self) -> dict[str, Any]:
        """What `lilliput measure --json` prints; `examples` and `accuracy` only where data was given."""
        found = asdict(self)
        found["layers"] = [asdict(layer) for layer in self.layers]
        if self.examples is None:
            del found["examples"], found["accuracy"]
        return found


@dataclass(frozen=True)
class Trial:
    """One evaluated architecture of a study.

    Attributes:
        number: counts the proposals of the study from 0; an interrupted trial keeps it when evaluated again.
        state: "complete", "stopped" (by a rung, its error is not final), "failed" or "running".
        architecture: the space's JSON encoding.
        values: objective name → value; the names are those of `OBJECTIVES`.
        info: what else is worth keeping (parent, morphism, seconds, sparsity …), JSON values only.
    """

    number: int
    state: str
    architecture: Mapping[str, Any]
    values: Mapping[str, float] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)


OBJECTIVES = ("error", "ram_bytes", "flash_bytes", "macs", "cycles", "latency_ms", "energy_uj")
"""Names of objectives and bounds, the same everywhere."""
