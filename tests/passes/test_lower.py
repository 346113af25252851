from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from tests.small_nets import Sketch
from tests.strategies import float_nets, observed_ranges, prepared, without_weights

from lilliput.errors import NetError
from lilliput.net import Net, ReLU
from lilliput.net.check import Stage, check
from lilliput.net.formats import FORMATS, Formats
from lilliput.net.graph import Optimize
from lilliput.net.verify_plan import verify_plan
from lilliput.passes import access_of, lower, plan_for, scratch_of
from lilliput.passes.lower import drafted
from lilliput.targets import Core, core


@pytest.fixture(scope="module")
def m4() -> Core:
    return core("cortex-m4")


@given(net=float_nets())
@settings(max_examples=20)
def test_a_candidate_without_weights_gets_the_plan_of_the_trained_network(m4: Core, net: Net) -> None:
    trained = lower(net, observed_ranges(prepared(net), np.random.default_rng(0)), m4)
    candidate = lower(without_weights(net), None, m4)
    check(trained, Stage.PLANNED)
    assert candidate.plan == trained.plan
    assert candidate.ops == trained.ops


def test_a_float_network_is_not_planned_by_mistake(m4: Core) -> None:
    sketch = Sketch((4,))
    with pytest.raises(NetError):
        plan_for(sketch.net(sketch.dense("x", 2)), m4)


@given(net=float_nets())
@settings(max_examples=20)
def test_what_is_only_costed_gets_the_same_plan(m4: Core, net: Net) -> None:
    assert drafted(without_weights(net), None, m4) == lower(without_weights(net), None, m4)


def test_kernels_stay_known_unless_the_plan_decides_on_them(m4: Core) -> None:
    sketch = Sketch((4,))
    planned = lower(sketch.net(sketch.dense("x", 2)), None, m4)
    assert planned.known
    assert planned.rearranged(planned.ops, None).known is planned.known
    small = replace(planned, optimize=Optimize.RAM)
    assert small.rearranged(small.ops, None).known is not small.known


@pytest.mark.parametrize("name", ["cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m55"])
def test_few_bits_are_planned_for_the_kernels_that_run_where_memory_counts(name: str) -> None:
    for depth, most, bits, inputs in product((1, 3), (6, 96), range(2, 8), (2, 8)):
        sketch = Sketch((9, 11, depth))
        x = sketch.conv(sketch.add(ReLU, sketch.conv("x", 6)), most)
        wide = sketch.net(sketch.conv(x, most, strides=(2, 2)), optimize=Optimize.RAM)
        planned = lower(without_weights(wide), None, core(name), Formats(FORMATS[f"w{bits}a{inputs}"]))
        verify_plan(planned, scratch_of(core(name)), access_of(core(name)))
