"""Bits for a budget: no choice that keeps it has less loss, and an impossible one names what would do."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from tests.small_nets import Sketch

from lilliput.cost import cost
from lilliput.cost.mixing import WIDTHS, Limits, Losses, choose_bits, formats_with, weighted_ops
from lilliput.errors import BudgetError
from lilliput.net import GlobalAveragePool2D, Net
from lilliput.net.formats import Formats
from lilliput.targets import board

M4 = board("generic-m4")


def three_layers() -> Net:
    """Two convolutions of 2,304 weights over images smaller than the rows they keep, and a product."""
    sketch = Sketch((6, 6, 16))
    x = sketch.conv(sketch.conv("x", 16), 16)
    return sketch.net(sketch.dense(sketch.add(GlobalAveragePool2D, x), 10))


NET = three_layers()
OPS = weighted_ops(NET)


def losses(seed: int) -> Losses:
    """Fewer bits, more loss; layers differ."""
    rng = np.random.default_rng(seed)
    return {name: dict(zip(WIDTHS, [0.0, *np.cumsum(rng.exponential(size=6))], strict=True)) for name in OPS}


def total(formats: Formats, found: Losses) -> float:
    """The sum of the losses of a choice."""
    return sum(found[name][formats.of(name).weights.bits] for name in OPS)


def everything() -> list[Formats]:
    """All choices."""
    every = itertools.product(WIDTHS, repeat=len(OPS))
    return [formats_with(dict(zip(OPS, bits, strict=True))) for bits in every]


COSTS = [(formats, cost(NET, M4, formats)) for formats in everything()]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_no_other_choice_within_the_flash_has_less_loss(seed: int, share: float) -> None:
    found = losses(seed)
    sizes = [each.flash_bytes for _, each in COSTS]
    limit = min(sizes) + share * (max(sizes) - min(sizes))
    chosen = choose_bits(NET, M4, found, Limits(flash_bytes=limit))
    assert cost(NET, M4, chosen).flash_bytes <= limit
    fitting = [total(formats, found) for formats, each in COSTS if each.flash_bytes <= limit]
    assert total(chosen, found) == pytest.approx(min(fitting))


def test_what_fits_with_8_bits_keeps_them() -> None:
    assert choose_bits(NET, M4, losses(0), Limits(flash_bytes=1e6, ram_bytes=1e6)) == Formats()


def test_the_smallest_arena_that_kernels_allow_is_found() -> None:
    smallest = min(each.arena_bytes for _, each in COSTS)
    assert smallest < cost(NET, M4).arena_bytes
    chosen = choose_bits(NET, M4, losses(1), Limits(ram_bytes=smallest))
    assert cost(NET, M4, chosen).arena_bytes == smallest


@pytest.mark.parametrize("name", ["flash", "ram"])
def test_an_impossible_budget_names_the_smallest_value_and_that_one_does(name: str) -> None:
    with pytest.raises(BudgetError) as caught:
        choose_bits(NET, M4, losses(2), Limits(**{f"{name}_bytes": 100.0}))
    assert caught.value.exit_status == 2
    stated = re.search(rf"give {name}=(\d+)B", caught.value.hint)
    assert stated
    smallest = {
        "flash": min(each.flash_bytes for _, each in COSTS),
        "ram": min(each.arena_bytes for _, each in COSTS),
    }
    assert int(stated[1]) == smallest[name]
    choose_bits(NET, M4, losses(2), Limits(**{f"{name}_bytes": float(stated[1])}))
