"""Networks as they were built and run, for fitting predictions and for checking them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from lilliput.codegen import generate
from lilliput.cost.cycles import cache_name
from lilliput.errors import LilliputError
from lilliput.measure.elf import Image
from lilliput.measure.emulator import Emulator, Profile
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net
from lilliput.net.reference import run_all
from lilliput.passes import plan_floats_for, plan_for
from lilliput.targets import Board, FlashCache, board, boards
from lilliput.targets.cores import Core
from lilliput.targets.kernel import Layout
from lilliput.targets.kernels import constant_bytes, kernel_for

ROOM_BYTES = 1 << 26
SCALE = 1000
"""Wait states of measurements: so many that what is rounded to whole cycles does not matter."""


@dataclass(frozen=True)
class Taken:
    """What one inference took of something: in all, and in each layer by its number."""

    total: float
    layers: dict[int, float]


@dataclass(frozen=True)
class Sample:
    """One network as it was built and run.

    Attributes:
        net: planned.
        core: whose kernels it was built with; that it ran on may have more instructions.
        code_bytes: flash of its code.
        helpers: functions of the compiler that came along.
        cycles: with memory that never waits.
        splits: cycles that unaligned accesses add.
        misses: `cache_name` → waits for a flash behind that cache, in units of its wait states.
        shares: layer that skips zeros, by its number → the part of its inputs that is none.
    """

    net: Net
    core: Core
    code_bytes: int
    helpers: frozenset[str]
    cycles: Taken | None
    splits: Taken | None
    misses: dict[str, Taken] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)

    def on(self, target: Board) -> float:
        """Cycles with the waits of the flash of `target`, whose core this was measured on."""
        assert self.cycles is not None
        assert self.splits is not None
        misses = self.misses[cache_name(target.flash_cache)]
        return self.cycles.total + self.splits.total + (target.flash_wait_states or 0) * misses.total


def roomy(core: Core) -> Board:
    """A board with this core on which everything fits, and whose memory never waits."""
    return replace(board("generic-m4"), core=core, flash_bytes=ROOM_BYTES, ram_bytes=ROOM_BYTES)


def caches(core: Core) -> dict[str, FlashCache | None]:
    """The caches of boards with this core whose flash waits, by `cache_name`."""
    waiting = [one for one in boards() if one.core == core and one.flash_wait_states]
    return {cache_name(one.flash_cache): one.flash_cache for one in waiting}


def measured(
    core: Core,
    nets: Sequence[Net],
    jobs: int | None = None,
    kernels: Core | None = None,
    runs: bool = True,
) -> Iterator[Sample]:
    """Quantized networks, or folded ones of floats, built and run, in their order.

    Args:
        core: what they run on.
        jobs: processes; None for one for each processor.
        kernels: core whose kernels to take; None for its own.
        runs: False if only code is wanted.
    """
    print(f"{core.name}: {find_toolchain(roomy(core)).title}, {len(nets)} networks", file=sys.stderr)
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1:
        yield from (sample(net, core, kernels or core, runs) for net in nets)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(partial(sample, core=core, kernels=kernels or core, runs=runs), nets, chunksize=4)


def sample(net: Net, core: Core, kernels: Core, runs: bool = True) -> Sample:
    """One network, built with some kernels and run on a core for every cache."""
    target = roomy(core)
    planned = (plan_for if net.quantized else plan_floats_for)(net, kernels)
    files = generate(planned, replace(target, core=kernels))
    with tempfile.TemporaryDirectory() as folder:
        firmware = build_firmware(
            files, net.name, target, find_toolchain(target), Path(folder) / "firmware.elf"
        )
    assert firmware.flash_bytes.total is not None
    # What fills arrays up to a multiple of four counts as weights here, as it does in predictions.
    code_bytes = firmware.flash_bytes.total - sum(constant_bytes(op, planned, kernels) for op in planned.ops)
    functions = {symbol.name for symbol in firmware.image.symbols.values() if symbol.is_function}
    helpers = frozenset(name for name in functions if name.startswith("__"))
    if not runs or core.timing is None or core.emulator_cpu is None:
        return Sample(planned, kernels, code_bytes, helpers, None, None)
    plain = profile(planned, firmware.image, target)
    misses = {}
    for name, cache in caches(core).items():
        waiting = replace(target, flash_wait_states=SCALE, flash_cache=cache)
        misses[name] = _difference(plain, profile(planned, firmware.image, waiting))
    aligned = replace(plain, cycles_with_flash=plain.cycles, layer_cycles_with_flash=plain.layer_cycles)
    return Sample(
        net=planned,
        core=kernels,
        code_bytes=code_bytes,
        helpers=helpers,
        cycles=Taken(float(plain.cycles or 0), dict(plain.layer_cycles)),
        splits=_difference(aligned, plain, 1),
        misses=misses,
        shares=_shares(planned, kernels),
    )


def _shares(planned: Net, kernels: Core) -> dict[int, float]:
    """The inputs other than zero of layers that skip them, on the input of `profile`."""
    skipping = {
        index: op.inputs[0]
        for index, op in enumerate(planned.ops)
        if kernel_for(op, planned, kernels).layout is Layout.SPARSE
    }
    values = run_all(planned, random_vectors(planned, 3)[2:]) if skipping else {}
    return {index: float((values[name] > -128).mean()) for index, name in skipping.items()}


def profile(planned: Net, image: Image, target: Board) -> Profile:
    """One inference on random input."""
    found = Emulator(image, planned.name, target).profile(random_vectors(planned, 3)[2].tobytes())
    if found.cycles_with_flash is None:
        raise LilliputError("waits cannot be measured", "the emulator's hooks fail", "install a C compiler")
    return found


def _difference(before: Profile, after: Profile, scale: int = SCALE) -> Taken:
    """What the second has more cycles with flash than the first."""
    assert before.cycles_with_flash is not None
    assert after.cycles_with_flash is not None
    layers = {
        layer: (taken - before.layer_cycles_with_flash.get(layer, 0)) / scale
        for layer, taken in after.layer_cycles_with_flash.items()
    }
    return Taken((after.cycles_with_flash - before.cycles_with_flash) / scale, layers)
