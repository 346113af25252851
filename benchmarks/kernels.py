"""Cycles of one layer on an emulated Cortex-M4: the kernels for its DSP instructions against portable C."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from comparison import Comparison
from networks import RANGES, layers

from lilliput.codegen import generate
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net
from lilliput.net.macs import net_macs
from lilliput.passes import lower
from lilliput.targets import Board, board


def run(seed: int) -> Iterator[Comparison]:
    """Cycles per multiply-accumulate, everything in the layer included."""
    target = board("generic-m4")
    plain = replace(target, core=replace(target.core, has_dsp=False))
    for what, net in layers(seed).items():
        macs = net_macs(net)
        fast, slow = (cycles(net, kernels, target, seed) / macs for kernels in (target, plain))
        yield Comparison(what, "cycles/MAC", ("DSP", fast), ("portable", slow))


def cycles(net: Net, kernels: Board, target: Board, seed: int) -> int:
    """Cycles of one inference of `net` on `target` with the kernels that `kernels` would get."""
    planned = lower(net, RANGES, kernels.core)
    with tempfile.TemporaryDirectory() as folder:
        toolchain = find_toolchain(target)
        firmware = build_firmware(
            generate(planned, kernels), net.name, target, toolchain, Path(folder) / "firmware.elf"
        )
        emulator = Emulator(firmware.image, net.name, target)
        found = emulator.profile(random_vectors(planned, 3, seed)[2].tobytes()).cycles
    if found is None:
        raise SystemExit(f"there is no cycle model for {target.core.name}")
    return found
