"""Networks planned with streams wherever chance puts them, whether they save memory or not."""

from __future__ import annotations

import random
from dataclasses import replace

from lilliput.net.access import AccessOf
from lilliput.net.graph import Net
from lilliput.net.ops import Op
from lilliput.net.rows import row_window
from lilliput.passes.grouped import hidden
from lilliput.passes.liveness import ScratchBytes
from lilliput.passes.place import plan
from lilliput.passes.show import shown
from lilliput.passes.stream import Streamed, Streamer


def possible_streams(net: Net) -> list[tuple[Op, ...]]:
    """All runs of ops, in the order given, that can be a stream."""
    found = []
    for begin in range(len(net.ops)):
        for end in range(begin + 2, len(net.ops) + 1):
            ops = net.ops[begin:end]
            names = {op.name for op in ops}
            inner = [op.outputs[0] for op in ops[:-1]]
            users = [{op.name for op in net.consumers(name)} for name in inner]
            if (
                all(row_window(op, net) for op in ops)
                and all(len(used) > 0 and used <= names for used in users)
                and not set(inner) & set(net.outputs)
            ):
                found.append(ops)
    return found


def chosen_streams(net: Net, seed: int, scratch_bytes: ScratchBytes, access: AccessOf) -> list[Streamed]:
    """Some of them that share no ops, with any number of rows a step."""
    rng = random.Random(seed)
    streamer = Streamer(net, scratch_bytes, access)
    found: list[Streamed] = []
    taken: set[str] = set()
    for ops in rng.sample(possible := possible_streams(net), len(possible)):
        if not taken & {op.name for op in ops}:
            taken |= {op.name for op in ops}
            found.append(streamer.stream(ops, rng.choice([1, 1, 2, 3, 20])))
    return found


def planned_in_streams(net: Net, seed: int, scratch_bytes: ScratchBytes, access: AccessOf) -> Net:
    """The network, planned with such streams."""
    net = replace(net, plan=None)
    streams = chosen_streams(net, seed, scratch_bytes, access)
    return shown(plan(hidden(net, streams), scratch_bytes, access))
