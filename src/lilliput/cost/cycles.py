"""Core cycles of one inference: a linear model for each kernel, fitted on emulator runs.

A layer's cycles are a sum of counts that its loops are made of, each times what one pass takes.  What counts
there are stands in `cycle_counts.py`, what a pass takes in `cycles.json`, for each core and kernel, as
measured on code by arm-none-eabi-gcc -O2 with memory that never waits.  `benchmarks/fit_cost.py` fits it
anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lilliput.cost.code_size import moves_nothing
from lilliput.cost.cycle_counts import counts
from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.targets.cores import Core
from lilliput.targets.kernels import kernel_for

TABLE = Path(__file__).parent / "cycles.json"


@dataclass(frozen=True)
class CycleModel:
    """Cycles on one core.

    Attributes:
        network: outside of all layers.
        call: of a layer, from its caller's point of view.
        functions: kernel → name of a count → cycles for each.
    """

    network: float
    call: float
    functions: dict[str, dict[str, float]]


def net_cycles(net: Net, core: Core) -> int | None:
    """Cycles of one inference of the planned network `net`; None where no model is fitted for a kernel."""
    model = cycle_model(core)
    if model is None:
        return None
    total = model.network
    for op in net.ops:
        if moves_nothing(op, net):
            continue
        cycles = op_cycles(op, net, core)
        if cycles is None:
            return None
        total += cycles + model.call
    return round(total)


def op_cycles(op: Op, net: Net, core: Core) -> float | None:
    """Cycles of one layer; None where no model is fitted for its kernel."""
    model = cycle_model(core)
    weights = model.functions.get(kernel_for(op, net, core).function) if model else None
    if weights is None:
        return None
    found = counts(op, net)
    return sum(weight * found.get(name, 0.0) for name, weight in weights.items())


@cache
def cycle_model(core: Core) -> CycleModel | None:
    """The fitted model for `core`, if there is one."""
    found = json.loads(TABLE.read_text(encoding="utf-8"))["cores"].get(core.name)
    return CycleModel(**found) if found else None
