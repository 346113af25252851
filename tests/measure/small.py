"""A small network with its C, and the compilers that this machine has."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from functools import cache

import pytest
from tests.codegen.quantized_builder import Builder

from lilliput.codegen import generate
from lilliput.measure.toolchain import Toolchain, find_toolchain
from lilliput.net import Net
from lilliput.targets import Board, board

HAVE_GCC = shutil.which("arm-none-eabi-gcc") is not None
HAVE_ZIG = importlib.util.find_spec("ziglang") is not None
ZIG = f"{sys.executable} -m ziglang cc"

needs_chip_compiler = pytest.mark.skipif(
    not (HAVE_GCC or HAVE_ZIG), reason="neither arm-none-eabi-gcc nor ziglang is installed"
)
needs_gcc = pytest.mark.skipif(not HAVE_GCC, reason="arm-none-eabi-gcc is not installed")
needs_zig = pytest.mark.skipif(not HAVE_ZIG, reason="the package ziglang is not installed")


@cache
def network(target: str = "cortex-m4") -> Net:
    """Six layers of five kinds, among them one that moves nothing."""
    builder = Builder((8, 8, 3), seed=3)
    x = builder.conv("x", 8)
    x = builder.depthwise(x)
    x = builder.conv(x, 12, (1, 1))
    x = builder.flat(x)
    x = builder.dense(x, 5)
    return builder.net(x, target, name="small")


@cache
def code(name: str) -> dict[str, str]:
    """The network's C for a board."""
    target = board(name)
    return generate(network(target.core.name), target)


@cache
def toolchain(target: Board, cc: str | None = None) -> Toolchain:
    return find_toolchain(target, cc)
