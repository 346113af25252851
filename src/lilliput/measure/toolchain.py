"""Compilers: one for the chip, one for the host.

For the chip the gcc of its architecture (`arm-none-eabi-gcc`, `riscv64-unknown-elf-gcc`) where it is on the
PATH, since that is what embedded developers have, and otherwise the pip package `ziglang`, which brings clang
and a linker without root.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from lilliput.errors import ToolchainError
from lilliput.measure.objects import objects_of
from lilliput.targets import Board, Core

TIMEOUT_S = 600  # zig builds its own support library the first time, which takes a slow machine a while

_WARNINGS = ("-std=c99", "-Wall", "-Wextra")
_SECTIONS = ("-ffunction-sections", "-fdata-sections")

# zig's freestanding mode makes a call of every four-byte memcpy; hosted with builtins it does not.
_ZIG_FLAGS = (
    "-fhosted",
    "-fbuiltin",
    "-fomit-frame-pointer",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-sanitize=undefined",
    "-gline-tables-only",  # else -Os leaves no symbols, and functions are found by them
)

INSTALL_CHIP = (
    "install arm-none-eabi-gcc (Debian, Ubuntu: apt install gcc-arm-none-eabi; macOS: brew install "
    "--cask gcc-arm-embedded), for RISC-V gcc-riscv64-unknown-elf, or pip "
    "install 'lilliput[zig]', or name a compiler with --cc"
)
INSTALL_HOST = (
    "install a C compiler (Debian, Ubuntu: apt install gcc; macOS: xcode-select --install), or set CC"
)


@dataclass(frozen=True)
class Toolchain:
    """A compiler and linker for one core.

    Attributes:
        title: name and version, for reports.
        command: how to call it.
        flags: what every call for this core needs.
        link_flags: what a call that links needs besides.
        libraries: what stands at the end of such a call.
        environment: (name, value) of variables to set for the call.
    """

    title: str
    command: tuple[str, ...]
    flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    def link(
        self,
        sources: Iterable[Path],
        output: Path,
        *,
        include: Sequence[Path],
        script: Path,
        options: Sequence[str] = ("-O2",),
    ) -> None:
        """Compile `sources` and link them by the linker script `script` into `output`.

        Kernels and what is not in the first folder of `include`, the network's, are compiled once a process.

        Raises:
            ToolchainError: the compiler failed; the error carries its first words.
        """
        compiler = self._compiler(options)
        folders = [f"-I{folder}" for folder in include]
        given = list(sources)
        shared = [path for path in given if path.name.startswith("lp_") or path.parent != include[0]]
        environment = (f"{name}={value}" for name, value in self.environment)
        compile_to = partial(self.compile, include=include, options=options)
        objects = objects_of(shared, include, (self.title, *compiler, *environment), compile_to)
        command = [
            *(*compiler, *folders),
            *(str(path) for path in (*objects, *(path for path in given if path not in shared))),
            *(*self.link_flags, "-T", str(script), "-Wl,--gc-sections", "-o", str(output)),
            *self.libraries,
        ]
        run_compiler(command, dict(self.environment))

    def compile(
        self, source: Path, made: Path, *, include: Sequence[Path], options: Sequence[str] = ("-O2",)
    ) -> None:
        """Compile `source` to the object file `made` as `link` does.

        Raises:
            ToolchainError: the compiler failed; the error carries its first words.
        """
        folders = [f"-I{folder}" for folder in include]
        command = [*self._compiler(options), *folders, "-c", str(source), "-o", str(made)]
        run_compiler(command, dict(self.environment))

    def _compiler(self, options: Sequence[str]) -> tuple[str, ...]:
        return (*self.command, *self.flags, *_WARNINGS, *_SECTIONS, *options)


def find_toolchain(target: Board, cc: str | None = None) -> Toolchain:
    """The compiler for `target`: `cc` if given, else the core's gcc on the PATH, else the package ziglang.

    Args:
        cc: a compiler's name, path or command line, such as "/opt/gcc/bin/arm-none-eabi-gcc" or "zig cc".

    Raises:
        ToolchainError: there is none; the hint says how to install one.
    """
    if cc:
        command = tuple(shlex.split(cc))
        if not command or shutil.which(command[0]) is None:
            raise ToolchainError(f"there is no compiler '{cc}'", "it is not on the PATH", INSTALL_CHIP)
        if "zig" in Path(command[0]).name or "ziglang" in command:
            return _zig(target.core, command if "cc" in command else (*command, "cc"))
        return _gcc(target.core, command)
    gcc = shutil.which(target.core.gcc)
    if gcc:
        return _gcc(target.core, (gcc,))
    if importlib.util.find_spec("ziglang") is not None:
        return _zig(target.core, (sys.executable, "-m", "ziglang", "cc"))
    raise ToolchainError(
        f"there is no compiler for {target.core.name}",
        f"neither {target.core.gcc} nor the Python package ziglang is installed",
        INSTALL_CHIP,
    )


def find_host_compiler() -> tuple[str, ...]:
    """Command of the host's C compiler: $CC, cc, gcc or clang.

    Raises:
        ToolchainError: there is none.
    """
    named = shlex.split(os.environ.get("CC", ""))
    for command in (named, ["cc"], ["gcc"], ["clang"]):
        if command and shutil.which(command[0]):
            return tuple(command)
    raise ToolchainError(
        "there is no C compiler for this machine", "neither cc nor gcc nor clang is there", INSTALL_HOST
    )


def host_title(command: tuple[str, ...]) -> str:
    """Name and version of a host compiler, for reports."""
    lines = _ask(command, "--version").splitlines()
    return lines[0] if lines else command[0]


def run_compiler(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a compiler and return what it wrote to stdout.

    Raises:
        ToolchainError: it is missing, failed, or took longer than `TIMEOUT_S`.
    """
    program = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    except OSError as error:
        raise ToolchainError(f"cannot run {program}", str(error), "check --cc and the PATH") from error
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"{program} did not finish in {TIMEOUT_S} s", "", "try another compiler with --cc"
        ) from error
    if done.returncode:
        words = _first_errors(done.stderr or done.stdout)
        raise ToolchainError(
            f"{program} failed with status {done.returncode}", words, f"command: {shlex.join(command)}"
        )
    return done.stdout


def _first_errors(text: str) -> str:
    lines = text.strip().splitlines()
    errors = [line for line in lines if "error" in line.lower() or "undefined" in line] or lines
    return "\n        ".join(errors[:8])


def _gcc(core: Core, command: tuple[str, ...]) -> Toolchain:
    machine = _ask(command, "-dumpmachine")
    family = core.gcc.partition("-")[0].rstrip("0123456789")
    if not machine.startswith(family) or "linux" in machine:
        raise ToolchainError(
            f"{' '.join(command)} makes no code for {core.name}", f"it makes code for {machine}", INSTALL_CHIP
        )
    return Toolchain(
        title=f"{Path(command[0]).name} {_ask(command, '-dumpfullversion')}",
        command=command,
        flags=core.gcc_flags,
        link_flags=("-nostdlib",),
        libraries=("-lgcc",),
    )


def _zig(core: Core, command: tuple[str, ...]) -> Toolchain:
    version = _ask(tuple(part for part in command if part != "cc"), "version")
    return Toolchain(
        title=f"zig {version}",
        command=command,
        flags=("-target", core.zig_target, f"-mcpu={core.zig_cpu}", *_ZIG_FLAGS),
        link_flags=("-Wl,-e,Reset",),
        environment=_zig_environment(),
    )


@cache
def _ask(command: tuple[str, ...], question: str) -> str:
    return run_compiler([*command, question]).strip()


def _zig_environment() -> tuple[tuple[str, str], ...]:
    """Where zig keeps what it built: its own place, or a temporary one where no home is writable."""
    if "ZIG_GLOBAL_CACHE_DIR" in os.environ:
        return ()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/nonexistent")) / ".cache")
    try:
        (home / "zig").mkdir(parents=True, exist_ok=True)
        if os.access(home / "zig", os.W_OK):
            return ()
    except OSError:
        pass
    return (("ZIG_GLOBAL_CACHE_DIR", str(_temporary_cache())),)


@cache
def _temporary_cache() -> Path:
    """A folder that later runs of the same user find again, since filling it takes a while."""
    folder = Path(tempfile.gettempdir()) / f"lilliput-zig-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        mine = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
        if mine and not folder.is_symlink():
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="lilliput-zig-"))
