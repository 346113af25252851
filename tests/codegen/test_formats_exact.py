"""Random networks in every number format: reference = host C under sanitizers = emulated C."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.strategies import observed_ranges, prepared, random_batch, random_net

from lilliput.errors import NetError, ToolchainError
from lilliput.measure.agreement import differing
from lilliput.net import Net, Optimize
from lilliput.net.formats import FORMATS, Formats, format_named
from lilliput.net.reference import run
from lilliput.passes import plan_floats_for, plan_for, quantize
from lilliput.targets import board

NAMES = (
    *(name for name in FORMATS if not name.startswith("w")),
    *("w4a8", "w2a8", "w3a5", "w7a6", "w4a4", "w2a2", "w5a3", "w8a4", "w1a1", "w1a8"),
    *("mixed", "mixed wide", "mixed beside int16x8"),
    *("float32 for flash", "w4a4 for flash"),
)
"""What is tested; "mixed" ones give each layer another format, the last two are compiled for little code."""
COUNT = int(os.environ.get("LILLIPUT_EXACT_NETS", "2"))
ROWS = 3


def chosen_formats(name: str, net: Net, rng: np.random.Generator) -> Formats:
    """The formats that a name of `NAMES` gives a network; mixed ones are drawn."""
    if not name.startswith("mixed"):
        return Formats(format_named(name))
    names = [f"w{n}a{m}" for n in range(1, 9) for m in range(1, 9)] + ["int8"]
    names += ["int16x8"] * len(names) * ("wide" in name)
    ops = {op.name: format_named(str(rng.choice(names))) for op in net.ops}
    return Formats(format_named("int16x8" if "beside" in name else "int8"), ops)


def _random(name: str, index: int, target: str) -> Net | None:
    rng = np.random.default_rng([index, *name.encode()])
    name, _, goal = name.partition(" for ")
    net = replace(prepared(random_net(rng, quantized=False)), optimize=Optimize(goal or "speed"))
    chip = board(target)
    if name == "float32":
        return plan_floats_for(net, chip.core)
    try:
        found = quantize(net, observed_ranges(net, rng), chosen_formats(name, net, rng))
    except NetError as error:
        if "cannot be requantized" in str(error) or "may reach" in str(error) or "may not fit" in str(error):
            return None  # a random network may leave what its format holds
        raise
    return plan_for(found, chip.core)


@cache
def nets(target: str) -> dict[str, Net]:
    """Networks of all formats by a name that tells number and format, so that one build serves all."""
    found = {}
    for place, name in enumerate(NAMES):
        for index in range(COUNT):
            key, net = f"net{place:02d}_{index:03d}", _random(name, index, target)
            if net is not None:
                found[key] = replace(net, name=key)
    return found


@cache
def inputs(target: str) -> Arrays:
    rng = np.random.default_rng(7)
    return {key: random_batch(net, rng, ROWS) for key, net in nets(target).items()}


@cache
def on_host(target: str) -> Arrays:
    return run_on_host(nets(target), board(target), inputs(target))


@cache
def on_chip(target: str) -> Arrays:
    return run_on_chip(nets(target), board(target), inputs(target))


def _compare(name: str, target: str, found: Arrays) -> None:
    prefix = f"net{NAMES.index(name):02d}_"
    known = {key: net for key, net in nets(target).items() if key.startswith(prefix)}
    assert len(known) >= COUNT // 3
    for key, net in known.items():
        expected = run(net, inputs(target)[key])
        wrong = differing(net, found[key], expected)
        assert not wrong.any(), (key, expected[wrong][:1], found[key][wrong][:1])


@pytest.mark.exact
@pytest.mark.parametrize("target", ["generic-m4", "rp2040"])
@pytest.mark.parametrize("name", NAMES)
def test_host_c_under_sanitizers(name: str, target: str) -> None:
    _compare(name, target, on_host(target))


@pytest.mark.exact
@pytest.mark.parametrize("target", ["generic-m4", "rp2040"])
@pytest.mark.parametrize("name", NAMES)
def test_emulated_c(name: str, target: str) -> None:
    try:
        found = on_chip(target)
    except ToolchainError as error:
        pytest.skip(str(error))
    _compare(name, target, found)
