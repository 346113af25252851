"""Lilliput against other programs that pip installs, on the networks of MLPerf Tiny with random weights.

emx-onnx-cgen makes C of the same network, written to ONNX; both are built with the same compiler and measured
by the same emulator and cycle model.  Of TensorFlow Lite Micro, which runs on this machine only, the arena is
measured.  With LILLIPUT_SHARED the original networks are compared too, and the figures that others published.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from comparison import Comparison
from networks import MLPERF_TINY, quantized
from side_by_side import table as table

from lilliput.codegen import generate
from lilliput.errors import MeasureError
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
"""What others published figures for."""
UNITS = {
    "cycles": "cycles",
    "cycles_with_flash": "cycles",
    "cycles_a_mac": "cycles/MAC",
    "arena_bytes": "bytes",
    "ram_bytes": "bytes",
    "code_bytes": "bytes",
}
INT8 = np.dtype(np.int8)
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
void peer_{name}(const {type} *input, {type} *output);
static inline void *{name}_input(void *arena) {{ return arena; }}
static inline const void *{name}_output(const void *arena) {{ return (const {type} *)arena + {output_at}; }}
static inline int {name}_run(void *arena) {{
    peer_{name}((const {type} *)arena, ({type} *)arena + {output_at});
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


@dataclass(frozen=True)
class Subject:
    """A network on a board, both sides of whose comparison are told under one title."""

    net: Net
    target: Board
    note: str = ""

    @property
    def title(self) -> str:
        return f"{self.target.name}, {self.net.name}{self.note}"

    def against(self, label: str, ours: Mapping[str, float], theirs: Mapping[str, float]) -> list[Comparison]:
        """A comparison for each figure that both sides have."""
        return [
            Comparison(f"{self.title}, {figure}", UNITS[figure], ("lilliput", ours[figure]), (label, value))
            for figure, value in theirs.items()
            if figure in ours
        ]


def run(seed: int) -> Iterator[Comparison]:
    """Cycles, RAM and code of every network on its boards, ours and others', and arenas."""
    emx, tflm = _is_there("bench", "emx_onnx_cgen", "onnx"), _is_there("dev", "tflite_micro")
    for subject in subjects(seed):
        x = random_vectors(subject.net, 3, seed)[2]
        figures = lilliput_figures(subject.net, subject.target, x)
        ours = known_figures(figures, subject.net) | {"arena_bytes": arena_bytes(subject)}
        if emx:
            yield from against_emx(subject, figures.output, ours, x)
        if tflm and subject.target.name == SHARED_BOARD:
            found = tflm_arena_bytes(write_tflite(subject.net))
            yield from subject.against("TFLM, 64 bits", ours, {"arena_bytes": found["total"]})
            yield from subject.against("TFLM, tensors alone", ours, {"arena_bytes": found["head"]})
        if "LILLIPUT_SHARED" in os.environ and subject.target.name == SHARED_BOARD:
            yield from against_published(subject, ours)


def subjects(seed: int) -> list[Subject]:
    """Networks with random weights, and the originals where those are there."""
    nets = {name: quantized(make(seed)) for name, make in MLPERF_TINY.items()}
    found = [Subject(nets[model], board(name)) for name, models in MEASURED.items() for model in models]
    if "LILLIPUT_SHARED" in os.environ:
        folder = Path(os.environ["LILLIPUT_SHARED"]) / "models"
        originals = (folder / f"{name}.tflite" for name in nets)
        found += [
            Subject(read_tflite(path, path.stem), board(SHARED_BOARD), ", original")
            for path in originals
            if path.is_file()
        ]
    return found


def _is_there(extra: str, *packages: str) -> bool:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        print(f"  {missing[0]} is not installed: pip install 'lilliput[{extra}]'", file=sys.stderr)
    return not missing


def known_figures(found: Figures, net: Net) -> dict[str, float]:
    """Figures by their names in `side_by_side`."""
    return {
        "cycles": found.cycles,
        "cycles_with_flash": found.cycles_with_flash,
        "cycles_a_mac": found.cycles / net_macs(net),
        "ram_bytes": found.ram_bytes,
        "code_bytes": found.code_bytes,
    }


def arena_bytes(subject: Subject) -> int:
    """Of the planned network."""
    plan = plan_for(subject.net, subject.target.core).plan
    assert plan is not None
    return plan.arena_bytes


def against_emx(
    subject: Subject, output: np.ndarray, ours: Mapping[str, float], x: np.ndarray
) -> Iterator[Comparison]:
    """The same network by way of ONNX; `output` is ours for `x`."""
    try:
        theirs = emx_figures(subject.net, subject.target, x)
    except MeasureError as error:
        print(f"  {subject.title}: no figures of emx-onnx-cgen: {error.what}", file=sys.stderr)
        return
    assert np.array_equal(output, run_reference(subject.net, x[None])[0].ravel())
    # Rounding differs, the network does not.
    steps = int(np.abs(theirs.output.astype(int) - output.astype(int)).max())
    print(f"  {subject.title}: outputs of emx-onnx-cgen differ by up to {steps} steps", file=sys.stderr)
    yield from subject.against("emx-onnx-cgen", ours, known_figures(theirs, subject.net))


def lilliput_figures(net: Net, target: Board, x: np.ndarray) -> Figures:
    """Ours, for a quantized network."""
    planned = plan_for(net, target.core)
    return measured(generate(planned, target), planned, target, x, find_toolchain(target), f"{net.name}_")


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
    files = {f"{net.name}.h": shim(net), f"peer_{net.name}.c": text}
    # It calls roundf and its kin, which come with the compiler.
    toolchain = replace(find_toolchain(single_precision(target)), libraries=("-lm", "-lc", "-lgcc"))
    return measured(files, net, target, channels_first(x[None])[0], toolchain, "weight")


def shim(net: Net, dtype: np.dtype[Any] = INT8) -> str:
    """The header that firmware includes, for a function peer_<network>(input, output) of another engine.

    Args:
        net: whose shapes it has.
        dtype: of input and output.
    """
    output_at = -(-net.input.elements * dtype.itemsize // 4) * 4
    return _SHIM.format(
        name=net.name,
        upper=net.name.upper(),
        type="float" if dtype.kind == "f" else f"{dtype.name}_t",
        arena_bytes=output_at + net.output.elements * dtype.itemsize,
        input_bytes=net.input.elements * dtype.itemsize,
        output_bytes=net.output.elements * dtype.itemsize,
        output_at=output_at // dtype.itemsize,
    )


def measured(
    files: dict[str, str],
    net: Net,
    target: Board,
    x: np.ndarray,
    toolchain: Toolchain,
    constants: str,
    dtype: np.dtype[Any] | None = None,
) -> Figures:
    """Built, run on `x` and measured; names of constants begin with `constants`.

    Args:
        dtype: of the output; the network's if None.
    """
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
        output=np.frombuffer(profile.output, dtype or net.output.dtype.numpy),
    )


def single_precision(target: Board) -> Board:
    """The board with a core that computes doubles in software: no emulator has instructions for those.

    A Cortex-M7 comes with either.
    """
    if not target.core.fpu_double:
        return target
    flags = tuple(flag.replace("fpv5-d16", "fpv5-sp-d16") for flag in target.core.gcc_flags)
    cpu = target.core.zig_cpu.replace("d16", "d16sp")
    return replace(target, core=replace(target.core, fpu_double=False, gcc_flags=flags, zig_cpu=cpu))


def tflm_arena_bytes(data: bytes) -> dict[str, int]:
    """What TensorFlow Lite Micro allocates for a file: its arena, and its head, for tensors and scratch.

    The rest of its arena are structures of the interpreter, larger here, where pointers have 64 bits.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(data)
        # It prints from C++, so another process lets it be read.
        command = [sys.executable, "-c", TFLM_PROGRAM, str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = dict(re.findall(r"Arena allocation (\w+) (\d+) bytes", done.stdout + done.stderr))
    return {part: int(found[part]) for part in ("total", "head")}


def against_published(subject: Subject, ours: Mapping[str, float]) -> Iterator[Comparison]:
    """Figures that others measured for the original network, which has the shapes of ours."""
    path = Path(os.environ["LILLIPUT_SHARED"]) / "yardstick" / "peers.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    for engine, of_models in known.items():
        figures = of_models.get(subject.net.name)
        if not isinstance(figures, dict):
            continue
        # A figure from a board has the waits of its flash in it.
        cycles = "cycles_with_flash" if engine == "board_best" else "cycles"
        theirs = {cycles: figures["cycles"]}
        theirs |= {f"{key}_bytes": figures[key] for key in ("arena", "code") if key in figures}
        if cycles == "cycles":
            theirs["cycles_a_mac"] = figures["cycles"] / net_macs(subject.net)
        yield from subject.against(figures.get("engine", engine), ours, theirs)
