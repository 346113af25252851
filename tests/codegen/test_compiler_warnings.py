"""Compilers for the cores find nothing to warn of in any kernel, nor in what is generated around them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.codegen.tflm_cases import ALL_CASES

from lilliput.codegen import generate
from lilliput.targets import board
from lilliput.targets.cores import ARM_GCC

RUNTIME = Path(__file__).parents[2] / "src" / "lilliput" / "runtime"
# Without optimization, and with -fsyntax-only, functions that nothing uses are not told of.
FLAGS = ("-std=c99", "-O2", *(f"-W{name}" for name in ("all", "extra", "pedantic", "conversion", "shadow")))
BOARDS = ("generic-m4", "rp2040", "nucleo-u575zi-q", "generic-m55")

pytestmark = pytest.mark.skipif(shutil.which(ARM_GCC) is None, reason=f"{ARM_GCC} is not there")


def warnings_of(sources: Iterable[Path], target: str) -> str:
    flags = (*board(target).core.gcc_flags, *FLAGS, "-Werror", "-c", "-o", "/dev/null")

    def told(source: Path) -> str:
        command = (ARM_GCC, *flags, str(source))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode or done.stderr else ""

    with ThreadPoolExecutor(2) as pool:
        return "".join(pool.map(told, sources))


@pytest.mark.parametrize("target", BOARDS)
def test_no_kernel_makes_the_compiler_warn(target: str) -> None:
    assert not warnings_of(sorted(RUNTIME.glob("*.c")), target)


@pytest.mark.parametrize("target", BOARDS)
def test_no_generated_network_makes_the_compiler_warn(target: str, tmp_path: Path) -> None:
    """All at the edges of what kernels do, in two files, for networks to be compiled as fast as one."""
    texts: dict[str, str] = {}
    for index, make in enumerate(ALL_CASES.values()):
        name = f"net{index:03d}"
        texts |= generate(make(board(target).core.name, name), board(target))
    for file, text in texts.items():
        (tmp_path / file).write_text(text)
    for kind in ("", "_weights"):
        names = [file for file in texts if file.startswith("net") and file.endswith(".c")]
        chosen = [file for file in names if file.endswith("_weights.c") == bool(kind)]
        assert len(chosen) == len(ALL_CASES)
        (tmp_path / f"all{kind}.c").write_text("".join(f'#include "{file}"\n' for file in chosen))
    assert not warnings_of((tmp_path / "all.c", tmp_path / "all_weights.c"), target)
