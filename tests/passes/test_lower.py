from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from tests.small_nets import Sketch
from tests.strategies import float_nets, observed_ranges, prepared, without_weights

from lilliput.errors import NetError
from lilliput.net import Net
from lilliput.net.check import Stage, check
from lilliput.net.graph import Optimize
from lilliput.passes import lower, plan_for
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
