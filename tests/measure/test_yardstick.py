"""Cycles, with and without flash, against an independent model that some machines have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.measure.small import ZIG, code, needs_gcc, needs_zig, network, toolchain

from lilliput.codegen import generate
from lilliput.flow.compiling import compile as compile_model
from lilliput.formats.tflite import read_tflite
from lilliput.measure.emulator import Emulator
from lilliput.measure.firmware import FIRMWARE, build_firmware
from lilliput.measure.measuring import measure, random_vectors
from lilliput.measure.toolchain import find_host_compiler
from lilliput.net import Net
from lilliput.passes import plan_for
from lilliput.targets import board


@pytest.fixture(scope="module")
def yardstick(tmp_path_factory) -> Path:
    """The model's program, in a folder where its hooks could be built."""
    shared = os.environ.get("LILLIPUT_SHARED")
    if not shared:
        pytest.skip("LILLIPUT_SHARED is not set: the yardstick to compare with is not here")
    folder = tmp_path_factory.mktemp("yardstick")
    for path in (Path(shared) / "yardstick").iterdir():
        if path.suffix in (".py", ".c"):
            shutil.copyfile(path, folder / path.name)
    for source in folder.glob("*.c"):
        build = [*find_host_compiler(), "-O2", "-shared", "-fPIC", source, "-o", source.with_suffix(".so")]
        subprocess.run(build, check=True)
    return folder / "measure.py"


def assert_agreement(net: Net, files: dict[str, str], cc: str | None, folder: Path, yardstick: Path) -> None:
    """Both figures within 2 %; instructions and stack to the last one."""
    target = board("nucleo-l4r5zi")
    firmware = build_firmware(files, net.name, target, toolchain(target, cc), folder / "firmware.elf")
    x = random_vectors(net, 3)[2].tobytes()
    profile = Emulator(firmware.image, net.name, target).profile(x)
    (folder / "input.bin").write_bytes(x)
    command = [sys.executable, yardstick, firmware.path, "--input", folder / "input.bin"]
    done = subprocess.run([*command, "--flash-model", "--json"], capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert profile.cycles == pytest.approx(found["cycles"], rel=0.02)
    assert profile.cycles_with_flash == pytest.approx(found["cycles_with_flash"], rel=0.02)
    assert profile.instructions == found["instructions"]
    assert profile.stack_bytes == found["stack_bytes"]
    assert profile.unknown_instructions == 0


@pytest.mark.parametrize(
    "cc",
    [
        pytest.param(None, id="gcc", marks=needs_gcc),
        pytest.param(ZIG, id="zig", marks=[needs_zig, pytest.mark.slow]),
    ],
)
def test_cycles_of_a_small_network_agree(tmp_path, yardstick, cc) -> None:
    assert_agreement(network(), code("nucleo-l4r5zi"), cc, tmp_path, yardstick)


@needs_gcc
@pytest.mark.parametrize("model", ["ad", "kws", "ic"])
def test_cycles_of_a_published_model_agree(tmp_path, yardstick, model) -> None:
    target = board("nucleo-l4r5zi")
    path = Path(os.environ["LILLIPUT_SHARED"]) / "models" / f"{model}.tflite"
    net = plan_for(read_tflite(path, model), target.core)
    assert_agreement(net, generate(net, target), None, tmp_path, yardstick)


@needs_gcc
def test_the_first_given_vector_is_timed(tmp_path, yardstick) -> None:
    """`ad` skips the zeros of its data: only the same input takes the same time."""
    path = Path(os.environ["LILLIPUT_SHARED"]) / "models" / "ad.tflite"
    library = compile_model(path, "nucleo-l4r5zi", tmp_path / "ad")
    x = np.full((2, 1, 1, 640), 68, np.int8).reshape(2, *read_tflite(path, "ad").input.shape)
    ours = measure(library.directory, vectors=x)
    (tmp_path / "input.bin").write_bytes(x[0].tobytes())
    firmware = library.directory / FIRMWARE
    command = [sys.executable, yardstick, firmware, "--input", tmp_path / "input.bin", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert ours.cycles == pytest.approx(found["cycles"], rel=0.02)
    assert ours.instructions == found["instructions"]
    assert measure(library.directory).instructions != ours.instructions
