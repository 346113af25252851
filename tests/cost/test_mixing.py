"""Bits for a budget: no choice that keeps it has less loss, and an impossible one names what would do."""

from __future__ import annotations

import itertools
import re
from operator import attrgetter

import numpy as np
import pytest
from tests.small_nets import Sketch

from lilliput.cost import cost
from lilliput.cost.mixing import WIDTHS, Limits, Losses, choose_bits, formats_with, weighted_ops
from lilliput.errors import BudgetError
from lilliput.net import DepthwiseConv2D, GlobalAveragePool2D, Net, Padding
from lilliput.net.formats import Formats
from lilliput.results import Cost
from lilliput.targets import board

M4 = board("generic-m4")


def three_layers() -> Net:
    """Two convolutions of 6,400 weights over images smaller than the rows they keep, and a product."""
    sketch = Sketch((6, 6, 16))
    x = sketch.conv(sketch.conv("x", 16, 5), 16, 5)
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


def many_kernels() -> Net:
    """Six layers, most of which other functions run with other bits: twelve functions in all."""
    sketch = Sketch((9, 11, 3))
    x = sketch.conv(sketch.conv("x", 6), 6, 5)
    weights = sketch.constant(sketch.rng.normal(size=(3, 3, 12)))
    x = sketch.add(DepthwiseConv2D, x, weights, strides=(2, 2), padding=Padding(1, 1, 1, 1))
    x = sketch.conv(sketch.conv(x, 8, 1), 8)
    return sketch.net(sketch.dense(sketch.add(GlobalAveragePool2D, x), 6))


MANY = many_kernels()


@pytest.fixture(scope="module")
def sampled() -> list[Cost]:
    """Choices among two, three, four and eight bits, which have kernels of their own."""
    every = itertools.product((8, 3), (8, 4, 3, 2), (8, 2), (8, 3), (8, 4, 3, 2), (8, 4, 3, 2))
    ops = weighted_ops(MANY)
    return [cost(MANY, M4, formats_with(dict(zip(ops, bits, strict=True)))) for bits in every]


def losses_of(net: Net) -> Losses:
    """As many as bits are left out."""
    return {name: {width: float(8 - width) for width in WIDTHS} for name in weighted_ops(net)}


@pytest.mark.parametrize("name", ["flash", "ram"])
@pytest.mark.parametrize("limit", [0.0, 1000.0])
def test_many_kernels_do_not_hide_the_smallest(sampled: list[Cost], name: str, limit: float) -> None:
    value = attrgetter({"flash": "flash_bytes", "ram": "arena_bytes"}[name])
    with pytest.raises(BudgetError) as caught:
        choose_bits(MANY, M4, losses_of(MANY), Limits(**{f"{name}_bytes": limit}))
    stated = re.search(rf"give {name}=(\d+)B", caught.value.hint)
    assert stated
    smallest = min(map(value, sampled))
    assert int(stated[1]) <= smallest
    kept = Limits(**{f"{name}_bytes": float(stated[1])})
    assert value(cost(MANY, M4, choose_bits(MANY, M4, losses_of(MANY), kept))) == int(stated[1])


def test_many_kernels_keep_what_three_bits_everywhere_keep() -> None:
    ops = weighted_ops(MANY)
    least = cost(MANY, M4, formats_with(dict.fromkeys(ops, 3)))
    chosen = choose_bits(MANY, M4, losses_of(MANY), Limits(least.flash_bytes, least.arena_bytes))
    found = cost(MANY, M4, chosen)
    assert found.flash_bytes <= least.flash_bytes
    assert found.arena_bytes <= least.arena_bytes
    assert sum(losses_of(MANY)[name][chosen.of(name).weights.bits] for name in ops) <= 5 * len(ops)


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
