"""Measures a compiled network: builds it, runs it, compares every byte, and writes down what it took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import ConfigError, MeasureError, NetError
from lilliput.measure.agreement import differing
from lilliput.measure.artifact import Artifact, read_artifact
from lilliput.measure.emulator import Profile
from lilliput.measure.firmware import FIRMWARE, Firmware, build_firmware
from lilliput.measure.host import HostModel, as_rows
from lilliput.measure.qemu import emulator_for
from lilliput.measure.toolchain import Toolchain, find_host_compiler, find_toolchain, host_title
from lilliput.net.graph import Net
from lilliput.net.macs import net_macs, op_macs
from lilliput.net.reference import run as run_reference
from lilliput.net.storage import load
from lilliput.net.tensor import DType
from lilliput.passes.lower import arena_bytes_without_input
from lilliput.results import FlashBytes, LayerCost, Measurement, RamBytes

Array = NDArray[np.generic]

PLACES = ("emulator", "host", "board")
VECTORS = 8
"""How many random inputs are run when none are given."""


def measure(
    directory: str | Path,
    on: str = "emulator",
    *,
    vectors: Array | None = None,
    examples: tuple[Array, Array] | None = None,
    cc: str | None = None,
) -> Measurement:
    """Measure the network that `lilliput compile` left in `directory`.

    The generated C runs on the host, and on the emulated core or the board if asked; a vector counts as a
    mismatch when any byte of any of them differs from the reference, a float by more than
    `agreement.LARGEST_ULPS`.  `firmware.elf` stays in the directory.

    Args:
        directory: as `lilliput compile` leaves it.
        on: "emulator", "host" or "board".
        vectors: inputs to compare on, (n, *input shape) in the type of the network's input; random ones if
            None.  The first one is timed, since some kernels skip zeros; a random one if None.
        examples: whole split for the accuracy of the generated C, which runs on the host: inputs as in
            `vectors`, and class numbers (n,).
        cc: a compiler for the chip to use instead of the one that is found.

    Raises:
        FormatError: the directory is damaged.
        ToolchainError: a compiler or the board's probe is missing or failed.
        MeasureError: it does not fit the board, faulted, or did not end.
        NetError: `vectors` or `examples` do not fit the network.
        StorageError: `firmware.elf` cannot be written.
    """
    return measure_with_outputs(directory, on, vectors=vectors, examples=examples, cc=cc)[0]


def measure_with_outputs(
    directory: str | Path,
    on: str = "emulator",
    *,
    vectors: Array | None = None,
    examples: tuple[Array, Array] | None = None,
    cc: str | None = None,
) -> tuple[Measurement, Array]:
    """As `measure`; also the outputs for `vectors`, (n, *output shape), from where it ran."""
    if on not in PLACES:
        raise ConfigError(
            f"there is no place '{on}' to measure on", f"known: {', '.join(PLACES)}", "choose one"
        )
    artifact = read_artifact(directory)
    net, files = _load(artifact), artifact.texts()
    timed = random_vectors(net, 3)[2] if vectors is None or not len(vectors) else as_rows(net, vectors)[0]
    vectors = random_vectors(net, VECTORS) if vectors is None else as_rows(net, vectors)
    expected = run_reference(net, vectors)
    model = HostModel(net, files)
    outputs = model.run(vectors)
    wrong = differing(net, outputs, expected)
    found = _predicted(artifact, net, model)
    if on == "host":
        found = replace(found, toolchain=host_title(find_host_compiler()))
    else:
        toolchain = find_toolchain(artifact.board, cc)
        if on == "emulator":
            found, outputs = _on_emulator(artifact, net, files, toolchain, found, vectors, timed)
        else:
            found, outputs = _on_board(artifact, net, files, toolchain, found, vectors)
        wrong |= differing(net, outputs, expected)
    found = replace(found, vectors=len(vectors), mismatches=int(wrong.sum()))
    if examples is not None:
        found = replace(found, examples=len(examples[1]), accuracy=accuracy(model, *examples))
    return found, outputs


def random_vectors(net: Net, count: int, seed: int = 0) -> Array:
    """`count` inputs over the whole range of the input's type; the first two hold nothing but its ends.

    Floats are drawn from a normal distribution, as normalized data are.
    """
    if net.input.dtype is DType.FLOAT32:
        return np.random.default_rng(seed).normal(0.0, 1.0, (count, *net.input.shape)).astype(np.float32)
    low, high = net.input.dtype.range
    x = np.random.default_rng(seed).integers(low, high, (count, *net.input.shape), endpoint=True)
    x[0] = low
    if count > 1:
        x[1] = high
    return x.astype(net.input.dtype.numpy)


def accuracy(model: HostModel, x: Array, classes: Array) -> float:
    """Share of `x` whose largest output, the first of equals, is its class.

    Args:
        x: (n, *input shape) in the type of the network's input.
        classes: (n,) class numbers.

    Raises:
        NetError: there are no examples, or not one class for each.
    """
    if len(x) != len(classes) or not len(x):
        raise NetError(
            "the examples cannot be scored", f"{len(x)} inputs and {len(classes)} classes", "check the data"
        )
    y = model.run(x)
    return float(np.mean(y.reshape(len(y), -1).argmax(axis=1) == classes))


def _load(artifact: Artifact) -> Net:
    net = load(artifact.model_path)
    if net.name != artifact.name or net.plan is None:
        raise MeasureError(
            f"{artifact.model_path} is not the network of its directory",
            f"it holds '{net.name}'" if net.plan else "its arena is not laid out",
            "compile the network again with `lilliput compile`",
        )
    return net


def _predicted(artifact: Artifact, net: Net, model: HostModel) -> Measurement:
    """What is known before anything runs on a core; the arena is the generated header's."""
    assert net.plan is not None  # _load saw to it
    if model.arena_bytes != net.plan.arena_bytes:
        raise MeasureError(
            f"the C of '{net.name}' and its plan disagree",
            f"the header asks for {model.arena_bytes} arena bytes, the plan for {net.plan.arena_bytes}",
            "compile the network again with `lilliput compile`",
        )
    # The one figure that no build can show: what the arena would be with the input elsewhere.
    without_input = arena_bytes_without_input(net, artifact.board.core)
    return Measurement(
        board=artifact.board.name,
        core=artifact.board.core.name,
        toolchain="",
        macs=net_macs(net),
        ram_bytes=RamBytes(model.arena_bytes, without_input),
        flash_bytes=FlashBytes(),
        layers=tuple(LayerCost(op.name, type(op).__name__, op_macs(op, net)) for op in net.ops),
    )


def _on_emulator(
    artifact: Artifact,
    net: Net,
    files: dict[str, str],
    toolchain: Toolchain,
    found: Measurement,
    vectors: Array,
    timed: Array,
) -> tuple[Measurement, Array]:
    target = artifact.board
    firmware = build_firmware(files, net.name, target, toolchain, artifact.directory / FIRMWARE)
    emulator = emulator_for(firmware.image, net.name, target)
    outputs = np.empty((len(vectors), *net.output.shape), net.output.dtype.numpy)
    for row, x in zip(outputs, vectors, strict=True):
        row[...] = np.frombuffer(emulator.run(x.tobytes()), row.dtype).reshape(row.shape)
    profile = emulator.profile(timed.tobytes())
    found = replace(
        found,
        toolchain=toolchain.title,
        ram_bytes=_ram(found.ram_bytes, firmware, profile.stack_bytes),
        flash_bytes=firmware.flash_bytes,
        instructions=profile.instructions,
        cycles=profile.cycles,
        cycles_with_flash=profile.cycles_with_flash,
        layers=_profiled(found.layers, profile),
    )
    if found.board_cycles is None:
        return found, outputs
    latency, energy = target.latency_ms(found.board_cycles), target.energy_uj(found.board_cycles)
    return replace(found, latency_ms=latency, energy_uj=energy), outputs


def _profiled(layers: tuple[LayerCost, ...], profile: Profile) -> tuple[LayerCost, ...]:
    with_flash = None if profile.cycles_with_flash is None else profile.layer_cycles_with_flash
    return tuple(
        replace(
            layer,
            cycles=None if profile.cycles is None else profile.layer_cycles.get(index, 0),
            cycles_with_flash=None if with_flash is None else with_flash.get(index, 0),
            instructions=profile.layer_instructions.get(index, 0),
        )
        for index, layer in enumerate(layers)
    )


def _ram(known: RamBytes, firmware: Firmware, stack_bytes: int) -> RamBytes:
    # The firmware's arena is made of words.
    static = firmware.variable_bytes - -(-known.arena // 4) * 4
    return replace(known, static=static, stack=stack_bytes, total=known.arena + static + stack_bytes)


def _on_board(
    artifact: Artifact,
    net: Net,
    files: dict[str, str],
    toolchain: Toolchain,
    found: Measurement,
    vectors: Array,
) -> tuple[Measurement, Array]:
    from lilliput.measure.probe import run_on_board

    target, path = artifact.board, artifact.directory / f"firmware-{artifact.board.name}.elf"
    firmware = build_firmware(files, net.name, target, toolchain, path, on_chip=True)
    outputs, run = run_on_board(firmware.image, path, net, target, vectors)
    return (
        replace(
            found,
            toolchain=toolchain.title,
            ram_bytes=_ram(found.ram_bytes, firmware, run.stack_bytes),
            flash_bytes=firmware.flash_bytes,
            cycles=run.cycles,
        ),
        outputs,
    )
