"""Lilliput against other programs that pip installs, on the networks of MLPerf Tiny with random weights.

emx-onnx-cgen makes C of the same network, written to ONNX; both are built with the same compiler and measured
by the same emulator and cycle model.  Of TensorFlow Lite Micro, which runs on this machine only, the arena is
measured.  With LILLIPUT_SHARED, figures of other engines for the original networks are set against ours.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from comparison import Comparison
from networks import MLPERF_TINY, quantized

from lilliput.codegen import generate
from lilliput.formats.tflite import read_tflite, write_tflite
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import build_firmware
from lilliput.measure.measuring import random_vectors
from lilliput.measure.toolchain import Toolchain, find_toolchain
from lilliput.net import Net
from lilliput.net.macs import net_macs
from lilliput.net.reference import run as run_reference
from lilliput.passes import plan_for
from lilliput.targets import Board, board

MEASURED = {
    "nucleo-l4r5zi": ("ad", "kws", "ic", "vww"),
    "nucleo-u575zi-q": ("ad", "kws"),
    "nucleo-h743zi": ("ad", "kws"),
    "rp2040": ("ad", "kws"),
}
"""Board → networks.  The slower cores get the smaller ones, so that a run ends within minutes."""
SHARED_BOARD = "nucleo-l4r5zi"
TFLM_PROGRAM = """
import pathlib, sys
from tflite_micro.python.tflite_micro import runtime
interpreter = runtime.Interpreter.from_bytes(pathlib.Path(sys.argv[1]).read_bytes(), arena_size=1 << 20)
interpreter.print_allocations()
"""

_SHIM = """#include <stdint.h>
#define {upper}_ARENA_BYTES {arena_bytes}
#define {upper}_INPUT_BYTES {input_bytes}u
#define {upper}_OUTPUT_BYTES {output_bytes}u
void peer_{name}(const int8_t *input, int8_t *output);
static inline void *{name}_input(void *arena) {{ return arena; }}
static inline const void *{name}_output(const void *arena) {{ return (const int8_t *)arena + {output_at}; }}
static inline int {name}_run(void *arena) {{
    peer_{name}((const int8_t *)arena, (int8_t *)arena + {output_at});
    return 0;
}}
"""


@dataclass(frozen=True)
class Figures:
    """What one inference takes; `output` is what it gave."""

    cycles: int
    cycles_with_flash: int
    ram_bytes: int
    code_bytes: int
    output: np.ndarray


def run(seed: int) -> Iterator[Comparison]:
    """Cycles, RAM and code on every board, then arenas."""
    nets = {name: quantized(make(seed)) for name, make in MLPERF_TINY.items()}
    if importlib.util.find_spec("emx_onnx_cgen") is None or importlib.util.find_spec("onnx") is None:
        print("  emx-onnx-cgen is not installed: pip install 'lilliput[bench]'", file=sys.stderr)
    else:
        for name, models in MEASURED.items():
            for model in models:
                yield from _against_emx(nets[model], board(name), seed)
    if importlib.util.find_spec("tflite_micro") is None:
        print("  tflite-micro is not installed: pip install 'lilliput[dev]'", file=sys.stderr)
    else:
        for name, net in nets.items():
            plan = plan_for(net, board(SHARED_BOARD).core).plan
            assert plan is not None
            label = f"TFLM {version('tflite-micro')} on this machine"
            for part, size in tflm_arena_bytes(net).items():
                yield Comparison(f"{name}, {part}", "bytes", ("lilliput", plan.arena_bytes), (label, size))
    if "LILLIPUT_SHARED" in os.environ:
        yield from _against_published(nets, seed)


def table(lines: list[Comparison]) -> str:
    """Both sides and their ratio for every network, figure and board."""
    width = max(len(line.what) for line in lines)
    sides = [f"{_number(line.ours[1]):>12} {_number(line.other[1]):>12}" for line in lines]
    return "\n".join(
        f"  {line.what:<{width}} {line.unit:<11} {both} {line.ratio:8.2f}×  {line.other[0]}"
        for line, both in zip(lines, sides, strict=True)
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"


def _against_emx(net: Net, target: Board, seed: int) -> Iterator[Comparison]:
    other = f"emx-onnx-cgen {version('emx-onnx-cgen')}"
    x = random_vectors(net, 3, seed)[2]
    ours, theirs = lilliput_figures(net, target, x), emx_figures(net, target, x)
    expected = run_reference(net, x[None])[0]
    assert np.array_equal(ours.output, expected)
    # Rounding differs, the network does not.
    steps = int(np.abs(theirs.output.astype(int) - expected.astype(int)).max())
    print(f"  {target.name}, {net.name}: outputs of {other} differ by up to {steps} steps", file=sys.stderr)
    what = f"{target.name}, {net.name}"
    a_mac = ours.cycles / net_macs(net), theirs.cycles / net_macs(net)
    yield Comparison(f"{what}, cycles", "cycles/MAC", ("lilliput", a_mac[0]), (other, a_mac[1]))
    for figure, unit in (
        ("cycles", "cycles"),
        ("cycles_with_flash", "cycles"),
        ("ram_bytes", "bytes"),
        ("code_bytes", "bytes"),
    ):
        left, right = getattr(ours, figure), getattr(theirs, figure)
        yield Comparison(f"{what}, {figure}", unit, ("lilliput", left), (other, right))


def lilliput_figures(net: Net, target: Board, x: np.ndarray) -> Figures:
    """Ours, for a quantized network."""
    planned = plan_for(net, target.core)
    return _figures(generate(planned, target), planned, target, x, find_toolchain(target), f"{net.name}_")


def emx_figures(net: Net, target: Board, x: np.ndarray) -> Figures:
    """Those of emx-onnx-cgen: temporaries on the stack, weights in flash, as a microcontroller needs it."""
    from onnx_model import channels_first, to_onnx

    with tempfile.TemporaryDirectory() as folder:
        model, source = Path(folder) / "model.onnx", Path(folder) / f"peer_{net.name}.c"
        model.write_bytes(to_onnx(net).SerializeToString())
        options = ("--large-temp-threshold", "0", "--large-weight-threshold", "0")
        command = [sys.executable, "-m", "emx_onnx_cgen", "compile", str(model), str(source), *options]
        subprocess.run([*command, "--model-name", f"peer_{net.name}"], check=True, capture_output=True)
        text = source.read_text(encoding="utf-8")
    input_bytes, output_bytes = net.input.elements, net.output.elements
    output_at = -(-input_bytes // 4) * 4
    shim = _SHIM.format(
        name=net.name,
        upper=net.name.upper(),
        arena_bytes=output_at + output_bytes,
        input_bytes=input_bytes,
        output_bytes=output_bytes,
        output_at=output_at,
    )
    files = {f"{net.name}.h": shim, f"peer_{net.name}.c": text}
    # It calls roundf and its kin, which come with the compiler.
    toolchain = replace(find_toolchain(target), libraries=("-lm", "-lc", "-lgcc"))
    return _figures(files, net, target, channels_first(x[None])[0], toolchain, "weight")


def _figures(
    files: dict[str, str], net: Net, target: Board, x: np.ndarray, toolchain: Toolchain, constants: str
) -> Figures:
    """Built, run on `x` and measured; names of constants begin with `constants`."""
    with tempfile.TemporaryDirectory() as folder:
        firmware = build_firmware(files, net.name, target, toolchain, Path(folder) / "firmware.elf")
    profile = Emulator(firmware.image, net.name, target).profile(x.tobytes())
    assert profile.cycles is not None
    assert profile.cycles_with_flash is not None
    assert firmware.flash_bytes.total is not None
    return Figures(
        cycles=profile.cycles,
        cycles_with_flash=profile.cycles_with_flash,
        ram_bytes=firmware.variable_bytes + profile.stack_bytes,
        code_bytes=firmware.flash_bytes.total - firmware.image.constant_bytes(constants),
        output=np.frombuffer(profile.output, np.int8),
    )


def tflm_arena_bytes(net: Net) -> dict[str, int]:
    """What TensorFlow Lite Micro allocates for the network: the arena, and its part for tensors and scratch.

    The rest of its arena are structures of the interpreter, larger here, where pointers have 64 bits.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(write_tflite(net))
        # It prints from C++, so another process lets it be read.
        command = [sys.executable, "-c", TFLM_PROGRAM, str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = dict(re.findall(r"Arena allocation (\w+) (\d+) bytes", done.stdout + done.stderr))
    return {"arena": int(found["total"]), "arena of tensors": int(found["head"])}


def _against_published(nets: dict[str, Net], seed: int) -> Iterator[Comparison]:
    """Figures that others measured for the original networks; stand-ins replace those that are not there."""
    shared, target = Path(os.environ["LILLIPUT_SHARED"]), board(SHARED_BOARD)
    known = json.loads((shared / "yardstick" / "peers.json").read_text(encoding="utf-8"))
    for name, net in nets.items():
        path = shared / "models" / f"{name}.tflite"
        original = read_tflite(path, name) if path.is_file() else net
        ours = lilliput_figures(original, target, random_vectors(original, 3, seed)[2])
        plan = plan_for(original, target.core).plan
        assert plan is not None
        what = f"{target.name}, {name}{'' if path.is_file() else ' with random weights'}"
        for engine, all_figures in known.items():
            figures = all_figures.get(name)
            if not isinstance(figures, dict):
                continue
            label = figures.get("engine", engine)
            # A figure from a board has the waits of its flash in it.
            cycles = "cycles_with_flash" if engine == "board_best" else "cycles"
            yield Comparison(
                *(f"{what}, {cycles}", "cycles"),
                ("lilliput", getattr(ours, cycles)),
                (label, figures["cycles"]),
            )
            for key, value in (("arena", plan.arena_bytes), ("code", ours.code_bytes)):
                if key in figures:
                    yield Comparison(f"{what}, {key}", "bytes", ("lilliput", value), (label, figures[key]))
