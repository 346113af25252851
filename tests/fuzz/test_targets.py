"""What fuzzing begins with passes, and simple damage is told; `make fuzz` looks much further."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fuzz.seeds import SEEDS, described
from tests.fuzz.targets import TARGETS, data_places

from lilliput.net.check import Stage, check


def test_every_target_has_seeds() -> None:
    assert set(SEEDS) == set(TARGETS)
    check(described(), Stage.QUANTIZED)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_pass(name: str) -> None:
    for seed in SEEDS[name]():
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_seeds_pass(name: str) -> None:
    rng = np.random.default_rng(0)
    seeds = SEEDS[name]()
    for _ in range(150):
        content = bytearray(seeds[rng.integers(len(seeds))])
        for place in rng.integers(0, len(content), rng.integers(1, 5)):
            content[place] = rng.integers(256)
        if rng.random() < 0.2:
            del content[rng.integers(len(content)) :]
        TARGETS[name](bytes(content))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 64, b"[" * 50_000, b"\1" + b"[" * 50_000])
def test_what_is_nothing_passes(name: str, content: bytes) -> None:
    TARGETS[name](content)


def test_data_sets_that_are_fuzzed_load() -> None:
    for place in data_places():
        assert len(place.load().train)
