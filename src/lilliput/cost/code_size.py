"""Flash that the code of a network takes: a sum of measured sizes.

A network brings each function of the runtime that it needs once, a C function for each layer, and three
functions of its own.  The sizes stand in `cores/`, for each core as gcc -O2 makes them;
`benchmarks/fit_cost.py` measures them anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from lilliput.cost.tables import fitted
from lilliput.net.graph import Net
from lilliput.net.ops import Concat, Op, Reshape
from lilliput.targets.cores import Core
from lilliput.targets.kernels import kernel_for

STREAM_FUNCTIONS = ("lp_drop_rows", "lp_copy_rows")
"""Functions of the runtime that streams call themselves."""
PATCH_FUNCTIONS = ("lp_take_patch", "lp_fill_patch", "lp_put_patch", "lp_copy_rows")
"""The same for patches."""
UNMEASURED = "cortex-m4"
"""Whose sizes stand for those of a core that was not measured yet."""


@dataclass(frozen=True)
class CodeSizes:
    """Sizes on one core, bytes.

    Attributes:
        network: functions of the network itself.
        functions: function of the runtime or of the compiler's library → its size, helpers of its own file
            included.
        helpers: function of the runtime → those of the compiler's library that come with it.
        layers: function of the runtime → mean size of a layer that calls it: the call and its parameters.
        streams: what each stream, and each layer in one, takes beside that.
    """

    network: float
    functions: dict[str, float]
    helpers: dict[str, list[str]]
    layers: dict[str, float]
    streams: dict[str, float] = field(default_factory=dict)

    def function_bytes(self, name: str) -> float:
        """Size of a function; the mean of all for one that was not measured yet."""
        return self.functions[name] if name in self.functions else _mean(self.functions)

    def layer_bytes(self, name: str) -> float:
        """Size of a layer that calls a function; the mean of all for one that was not measured yet."""
        return self.layers[name] if name in self.layers else _mean(self.layers)


def _mean(sizes: dict[str, float]) -> float:
    return sum(sizes.values()) / len(sizes)


def code_bytes(net: Net, core: Core) -> int:
    """Bytes of code that the planned network `net` adds to a firmware for `core`, predicted."""
    sizes = code_sizes(core)
    total, used = sizes.network, set[str]()
    for op in net.ops:
        calls = layer_calls(op, net)
        if calls:
            kernel = kernel_for(op, net, core)
            for name in (kernel.function, *kernel.needs):
                used.update((name, *sizes.helpers.get(name, ())))
            total += sizes.layer_bytes(kernel.function) * calls
    for feature, number in stream_features(net).items():
        total += sizes.streams.get(feature, 0.0) * number
    used.update(group_functions(net))
    return round(total + sum(sizes.function_bytes(name) for name in sorted(used)))


def group_functions(net: Net) -> tuple[str, ...]:
    """Functions of the runtime that streams and patches of the planned network `net` call themselves."""
    if net.plan is None:
        return ()
    patches = PATCH_FUNCTIONS if net.plan.patches else ()
    return (*(STREAM_FUNCTIONS if net.plan.streams else ()), *patches)


def stream_features(net: Net) -> dict[str, int]:
    """What the code of streams and patches is made of → how many of it the planned network `net` has."""
    if net.plan is None:
        return {}
    layers = sum(len(stream.ops) for stream in net.plan.streams)
    found = {"stream": len(net.plan.streams), "layer": layers} if net.plan.streams else {}
    return found | ({"patched layer": len(net.plan.patches.ops)} if net.plan.patches else {})


def layer_calls(op: Op, net: Net) -> int:
    """How often the layer of `op` calls its kernel."""
    if isinstance(op, Concat):
        return len(op.inputs)
    return 0 if moves_nothing(op, net) else 1


def moves_nothing(op: Op, net: Net) -> bool:
    """Whether `op` is a Reshape that the plan of `net` left in its place: no code is generated for it."""
    if not isinstance(op, Reshape) or net.plan is None:
        return False
    return net.plan.addresses[op.inputs[0]] == net.plan.addresses[op.outputs[0]]


@cache
def code_sizes(core: Core) -> CodeSizes:
    """The measured sizes for `core`; those of `UNMEASURED` for a core that was not measured yet."""
    return CodeSizes(**(fitted(core.name) or fitted(UNMEASURED))["code"])
