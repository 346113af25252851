"""Cycles and flash of number formats, emulated on Cortex-M4 and Cortex-M0+, against int8 on the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from comparison import Comparison
from networks import convolutions, lenet5, observed

from lilliput.codegen import generate
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net
from lilliput.net.formats import formats_named
from lilliput.passes import plan_for, quantize
from lilliput.targets import Board, board
from lilliput.targets.kernels import constant_bytes

BOARDS = ("nucleo-l4r5zi", "rp2040")
NAMES = ("w7a8", "w5a8", "w4a8", "w4a4", "w3a8", "w2a2", "w1a1")


def run(seed: int) -> Iterator[Comparison]:
    """Cycles of each format beside int8; the last layer has 8 bits, as the input has, and the first takes
    8 bits where the others count single ones."""
    for target, make in product(map(board, BOARDS), (convolutions, lenet5)):
        net = make(seed)
        first, last = net.ops[0].name, net.ops[-1].name
        base = measured(net, "int8", target, seed)
        for name in NAMES:
            entrance = f"{first}=w8a1," if name == "w1a1" else ""
            found = measured(net, f"{name},{entrance}{last}=int8", target, seed)
            for what, one, other in zip(
                ("cycles", "bytes of constants", "bytes of RAM"), found, base, strict=True
            ):
                where = f"{net.name}, {name}, {target.core.name}"
                yield Comparison(where, what, (name, one), ("int8", other))


def measured(net: Net, formats: str, target: Board, seed: int) -> tuple[int, int, int]:
    """Cycles without waits, bytes of all constants, bytes of the arena."""
    planned = plan_for(quantize(net, observed(net, seed), formats_named(formats)), target.core)
    with tempfile.TemporaryDirectory() as folder:
        firmware = build_firmware(
            generate(planned, target), net.name, target, find_toolchain(target), Path(folder) / "firmware.elf"
        )
        emulator = Emulator(firmware.image, net.name, target)
        found = emulator.profile(random_vectors(planned, 3, seed)[2].tobytes())
    if found.cycles is None or planned.plan is None:
        raise SystemExit(f"there is no cycle model for {target.core.name}")
    constants = sum(constant_bytes(op, planned, target.core) for op in planned.ops)
    return found.cycles, constants, planned.plan.arena_bytes
