"""The first ops in patches: the memory that they take, and how many of them run so.

For order and placement they are one op, `Patched`: it reads the network's input and writes the last one's
output, and the memory of a patch is its scratch memory.  That is planned like the arena of any network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lilliput.errors import NetError
from lilliput.net.access import AccessOf
from lilliput.net.graph import Net, Patches, Plan
from lilliput.net.ops import Op
from lilliput.net.patches import moved, patch_net, regions, runs_in_patches
from lilliput.net.rows import row_bytes
from lilliput.passes.grouped import Grouped, hidden
from lilliput.passes.liveness import Liveness
from lilliput.passes.order import Orders
from lilliput.passes.place import plan
from lilliput.targets.overlap import Overlap, aligned

MOST_OPS = 16
"""Of so many ops at the beginning, the first ones run in patches."""


@dataclass(frozen=True, kw_only=True)
class Patched(Grouped):
    """Ops that run in patches, seen as one op.

    Attributes:
        tile: rows and columns of the output that a patch makes.
        plan: of one patch.
    """

    tile: tuple[int, int] = (1, 1)
    plan: Plan = field(default_factory=lambda: Plan({}, {}, 0, 0))

    def shown(self, start: int) -> tuple[dict[str, int], dict[str, tuple[int, int]], Patches]:
        """Addresses of images in between, scratch memory, and the patches, if their memory is at `start`."""
        names = tuple(op.name for op in self.ops)
        inside = {op.outputs[0]: self.plan.addresses[op.outputs[0]] for op in self.ops[:-1]}
        scratch = {name: (start + at, size) for name, (at, size) in self.plan.scratch.items()}
        return moved(inside, start), scratch, Patches(names, self.tile, start, self.plan)


def patched(
    ops: Sequence[Op],
    net: Net,
    tile: tuple[int, int],
    scratch_bytes: Callable[[Op, Net], int],
    access: AccessOf,
) -> Patched:
    """Ops at the beginning of `net` in patches that make `tile` rows and columns of the last one's output."""
    small = patch_net(ops, net, tile)
    inner = plan(small, scratch_bytes, access).plan
    assert inner is not None
    (source,), outputs = small.inputs, ops[-1].outputs
    return Patched(
        name=ops[-1].name,
        inputs=(source,),
        outputs=outputs,
        ops=tuple(ops),
        memory_bytes=inner.arena_bytes,
        overlaps={source: _overlap(ops, net, tile)},
        tile=tile,
        plan=inner,
    )


def _overlap(ops: Sequence[Op], net: Net, tile: tuple[int, int]) -> Overlap:
    """How the output may lie over the input: what a row of patches needs is there until all of them ran."""
    source, target = ops[0].inputs[0], ops[-1].outputs[0]
    rows = regions(ops, net, tile)[source].rows
    read_height, written_height = (net.tensors[name].shape[0] for name in (source, target))
    lead = 0
    for index in range(-(-written_height // tile[0])):
        needed = min(max(rows.first + index * rows.step, 0), read_height)
        written = min((index + 1) * tile[0], written_height)
        lead = max(lead, written * row_bytes(net, target) - needed * row_bytes(net, source))
    read_bytes, written_bytes = (aligned(net.tensors[name].storage_bytes) for name in (source, target))
    return Overlap(min(aligned(lead), written_bytes), read_bytes)


def with_patches(net: Net, scratch_bytes: Callable[[Op, Net], int], access: AccessOf) -> Patched:
    """The first ops of a network in `net.patches` rows and columns of patches: as many as need least memory.

    Raises:
        NetError: the first two ops cannot run in patches.
    """
    best: tuple[int, Patched] | None = None
    first = _first_ops(net)
    for count in range(2, len(first) + 1):
        height, width, _ = net.tensors[first[count - 1].outputs[0]].shape
        tile = -(-height // net.patches), -(-width // net.patches)
        found = patched(first[:count], net, tile, scratch_bytes, access)
        liveness = Liveness(hidden(net, [found]), scratch_bytes, access=access)
        peak = Orders(liveness).best().peak_bytes
        if best is None or peak < best[0]:
            best = peak, found
    if best is None:
        raise NetError(
            f"network '{net.name}' cannot begin in patches",
            "its first two layers are not ones that follow each other and work on parts of images",
            "compile it without patches",
        )
    return best[1]


def _first_ops(net: Net) -> list[Op]:
    """The ops at the beginning that can run in patches: each alone reads what the one before it wrote."""
    found: list[Op] = []
    (name,) = net.inputs
    while len(found) < MOST_OPS and name not in net.outputs:
        readers = net.consumers(name)
        if len(readers) != 1 or not runs_in_patches(readers[0], net):
            break
        found.append(readers[0])
        (name,) = readers[0].outputs
    return found
