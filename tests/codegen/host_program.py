"""Builds generated C with the host's compiler into a program that runs rows of input from standard input."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.net import Net

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")

_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "@name@.h"

/* The arena is exactly as large as promised, so that the address sanitizer sees every step beyond it. */
int main(void) {
    unsigned char *arena = (unsigned char *)malloc(@NAME@_ARENA_BYTES);
    static unsigned char row[@NAME@_INPUT_BYTES];
    unsigned char poison = 0xA5;
    if (arena == NULL) return 3;
    while (fread(row, 1, sizeof row, stdin) == sizeof row) {
        for (long i = 0; i < @NAME@_ARENA_BYTES; i++) arena[i] = poison;
        poison = (unsigned char)(poison * 5 + 1);
        for (unsigned long i = 0; i < sizeof row; i++) @name@_input(arena)[i] = (@NAME@_INPUT_TYPE)row[i];
        if (@name@_run(arena) != @NAME@_OK) return 4;
        fwrite(@name@_output(arena), 1, @NAME@_OUTPUT_BYTES, stdout);
    }
    free(arena);
    return 0;
}
"""


def write(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Writes generated files; returns the paths of those to compile."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in sorted(files) if name.endswith(".c")]


def build(files: Mapping[str, str], name: str, folder: Path, *flags: str) -> Path:
    """The program for network `name`."""
    sources = write(files, folder)
    main = folder / "main.c"
    main.write_text(_MAIN.replace("@name@", name).replace("@NAME@", name.upper()), encoding="utf-8")
    program = folder / "program"
    command = [
        "cc",
        "-std=c99",
        *STRICT,
        *(flags or SANITIZE),
        "-o",
        str(program),
        str(main),
        *map(str, sources),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{' '.join(command)}\n{found.stderr}"
    return program


def run(program: Path, net: Net, x: NDArray[np.generic]) -> NDArray[np.generic]:
    """Rows of input through the program; shape (n, *output shape)."""
    found = subprocess.run([str(program)], input=x.tobytes(), capture_output=True, check=False)
    assert found.returncode == 0, found.stderr.decode(errors="replace")
    return np.frombuffer(found.stdout, net.output.dtype.numpy).reshape(-1, *net.output.shape)


def random_input(net: Net, rows: int, seed: int = 0) -> NDArray[np.generic]:
    """Rows over the whole range of the input's type; the first two hold nothing but its ends."""
    low, high = net.input.dtype.range
    x = np.random.default_rng(seed).integers(low, high, (rows, *net.input.shape), endpoint=True)
    x[0] = low
    if rows > 1:
        x[1] = high
    return x.astype(net.input.dtype.numpy)


def have_compiler() -> bool:
    """Whether the host has a C compiler."""
    return shutil.which("cc") is not None
