"""Builds C for the machine that runs the tests, with all warnings and the sanitizers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lilliput.errors import ToolchainError
from lilliput.measure.objects import objects_of
from lilliput.measure.toolchain import find_host_compiler
from lilliput.net import Net

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1")


def compile_host(files: Mapping[str, str], folder: Path, *flags: str) -> Callable[[bytes], bytes]:
    """A program of all C files; returns what feeds it bytes and gives back those that it writes."""
    compiler = host_compiler()
    if any("sanitize" in flag for flag in flags) and not has_sanitizers():
        flags = ("-O1",)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    sources = [folder / name for name in sorted(files) if name.endswith(".c")]
    program = folder / "program"
    command = [*compiler, "-std=c99", *STRICT, *flags]

    def build(*arguments: str) -> None:
        found = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert found.returncode == 0, f"{' '.join((*command, *arguments))}\n{found.stderr}"

    kernels = [path for path in sources if path.name.startswith("lp_")]
    objects = objects_of(
        kernels, [folder], command, lambda source, made: build("-c", str(source), "-o", str(made))
    )
    own = [str(path) for path in sources if path not in kernels]
    build("-o", str(program), *map(str, objects), *own)

    def run(data: bytes) -> bytes:
        done = subprocess.run([program], input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    return run


def host_compiler() -> tuple[str, ...]:
    """The host's compiler; the test is skipped where there is none."""
    try:
        return find_host_compiler()
    except ToolchainError as error:
        pytest.skip(str(error))


@cache
def has_sanitizers() -> bool:
    """Whether the host's compiler can link the sanitizers."""
    command = [*find_host_compiler(), "-fsanitize=address,undefined", "-x", "c", "-", "-o", "/dev/null"]
    text = "int main(void) { return 0; }"
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).returncode == 0


def random_input(net: Net, rows: int, seed: int = 0) -> NDArray[np.generic]:
    """Rows over the whole range of the input's type; the first two hold nothing but its ends."""
    low, high = net.input.dtype.range
    x = np.random.default_rng(seed).integers(low, high, (rows, *net.input.shape), endpoint=True)
    x[:1] = low
    x[1:2] = high
    return x.astype(net.input.dtype.numpy)
