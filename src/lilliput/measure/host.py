"""The generated C on the host: a shared library that runs whole arrays."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.errors import MeasureError, NetError, ToolchainError
from lilliput.measure.firmware import write_sources
from lilliput.measure.objects import objects_of
from lilliput.measure.toolchain import find_host_compiler, host_title, run_compiler
from lilliput.net.graph import Net

_SOURCES = Path(__file__).parent / "firmware"
# -O3 rather than -O2: its vectorized loops take a third of the time over a whole split.
_FLAGS = ("-std=c99", "-O3", "-fPIC", "-shared")
_SANITIZE = ("-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

# Python answers Ctrl-C between two calls of C only.
_CHUNK_BYTES = 1 << 21


class HostModel:
    """A network's generated C, built for this machine.

    It keeps no state between runs; several threads may call `run` at once.

    Args:
        net: the planned network, for shapes and types.
        files: its C, file name → text.

    Raises:
        ToolchainError: there is no C compiler, or it refuses the code.
        MeasureError: a part of the code is missing, or its sizes are not those of `net`.
    """

    def __init__(self, net: Net, files: Mapping[str, str]) -> None:
        self._net = net
        with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
            here = Path(folder)
            library = here / f"{net.name}.so"
            _compile(files, net.name, here, ["batch.c"], _FLAGS, library)
            # The file may go once it is loaded: the mapping holds it.
            try:
                self._library = ctypes.CDLL(str(library))
            except OSError as error:  # a function that another file calls is missing
                raise MeasureError(
                    f"the C of '{net.name}' cannot be loaded", str(error), "compile the network again"
                ) from error
        self._run = self._library.lp_batch_run
        self._run.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
        self._run.restype = ctypes.c_int
        self.arena_bytes = self._size("arena")
        if (self._size("input"), self._size("output")) != (net.input.storage_bytes, net.output.storage_bytes):
            raise MeasureError(
                f"the C of '{net.name}' is not the C of this network",
                f"its input and output have {self._size('input')} and {self._size('output')} bytes, not "
                f"{net.input.storage_bytes} and {net.output.storage_bytes}",
                "compile the network again",
            )

    def _size(self, what: str) -> int:
        return ctypes.c_size_t.in_dll(self._library, f"lp_batch_{what}_bytes").value

    def run(self, x: NDArray[np.generic]) -> NDArray[np.generic]:
        """Outputs for a batch.

        Args:
            x: (n, *input shape) in the input's type.

        Returns:
            (n, *output shape) in the output's type.

        Raises:
            NetError: `x` has another shape or type.
            MeasureError: the C returned an error code.
        """
        x = as_rows(self._net, x)
        output = self._net.output
        y = np.empty((len(x), *output.shape), output.dtype.numpy)
        arena = np.zeros((self.arena_bytes + 3) // 4, np.uint32)
        step = max(1, _CHUNK_BYTES // max(1, self._net.input.storage_bytes))
        for start in range(0, len(x), step):
            part, found = x[start : start + step], y[start : start + step]
            status = self._run(arena.ctypes.data, part.ctypes.data, found.ctypes.data, len(part))
            if status:
                raise MeasureError(
                    f"{self._net.name}_run returned {status}", "", "see the error codes in its header"
                )
        return y


def run_sanitized(net: Net, files: Mapping[str, str], x: NDArray[np.generic]) -> NDArray[np.generic]:
    """Outputs for a batch, computed under the address and undefined-behaviour sanitizers.

    Slow, and in a process of its own, since a sanitizer that finds something ends the process.

    Raises:
        ToolchainError: there is no C compiler, or it has no sanitizers.
        MeasureError: a sanitizer found something; the error carries its first words.
    """
    x = as_rows(net, x)
    with tempfile.TemporaryDirectory(prefix="lilliput-") as folder:
        program = Path(folder) / "batch"
        _compile(files, net.name, Path(folder), ["batch.c", "batch_main.c"], _SANITIZE, program)
        done = subprocess.run([program], input=x.tobytes(), capture_output=True, check=False)
    if done.returncode:
        words = "\n        ".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[:6])
        raise MeasureError(
            f"the C of '{net.name}' failed with status {done.returncode}", words, "report it as a bug"
        )
    y = np.frombuffer(done.stdout, net.output.dtype.numpy)
    return y.reshape(len(x), *net.output.shape).copy()


def as_rows(net: Net, x: NDArray[np.generic]) -> NDArray[np.generic]:
    """`x` as the densely packed rows that the C reads.

    Raises:
        NetError: its shape or type is not that of the network's input.
    """
    if x.shape[1:] != net.input.shape or x.dtype != net.input.dtype.numpy:
        raise NetError(
            f"the input does not fit '{net.name}'",
            f"expected rows of {net.input.shape} in {net.input.dtype}, got {x.shape} in {x.dtype}",
            "check the data set and the model",
        )
    return np.ascontiguousarray(x)


def _compile(
    files: Mapping[str, str],
    name: str,
    folder: Path,
    drivers: list[str],
    flags: tuple[str, ...],
    output: Path,
) -> None:
    sources = [*write_sources(files, name, folder), *(_SOURCES / driver for driver in drivers)]
    compiler = [*find_host_compiler(), *flags, f"-I{folder}"]

    def compile_to(source: Path, made: Path) -> None:
        run_compiler([*compiler, "-c", str(source), "-o", str(made)])

    shared = [path for path in sources if path.name.startswith("lp_")]
    title = host_title(find_host_compiler())
    objects = objects_of(shared, [folder], (title, *find_host_compiler(), *flags), compile_to)
    own = [path for path in sources if path not in shared]
    run_compiler([*compiler, *map(str, (*objects, *own)), "-o", str(output)])
    if not output.exists():
        raise ToolchainError(f"{compiler[0]} built nothing", "it reported no error", "")
