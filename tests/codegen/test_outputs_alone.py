"""Kernels write their outputs and nothing before them: what lies there may be needed later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.codegen.many_networks import run_on_chip
from tests.small_nets import Sketch

from lilliput.errors import ToolchainError
from lilliput.net import Activation, Concat, Conv2D, Reshape
from lilliput.net.formats import formats_named
from lilliput.net.reference import run
from lilliput.passes import plan_for, quantize
from lilliput.targets import board


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5])
def test_a_convolution_with_few_limited_outputs_leaves_what_lies_before_them(columns: int) -> None:
    target = board("generic-m4")
    rng = np.random.default_rng(columns)
    sketch = Sketch((1, columns, 8))
    weights = sketch.constant(rng.normal(0, 0.5, (1, 1, 1, 8)))
    made = sketch.add(Conv2D, "x", weights, activation=Activation.RELU6)
    flat = [sketch.add(Reshape, name, shape=(size,)) for name, size in (("x", 8 * columns), (made, columns))]
    net = sketch.net(sketch.add(Concat, *flat, axis=0))
    ranges = {name: (-8.0, 8.0) for name, tensor in net.tensors.items() if not tensor.constant}
    planned = plan_for(quantize(net, ranges, formats_named("int8")), target.core)
    plan = planned.plan
    assert plan is not None
    # The outputs right behind the input, all else further on.
    addresses = {name: 400 + address // 4 * 4 for name, address in plan.addresses.items()}
    addresses |= {"x": 0, flat[0]: 0, made: 8 * columns, flat[1]: 8 * columns}
    scratch = {name: (100 + address // 4 * 4, size) for name, (address, size) in plan.scratch.items()}
    forced = replace(plan, addresses=addresses, scratch=scratch, arena_bytes=400 + plan.arena_bytes)
    placed = replace(planned, plan=forced)
    x = rng.integers(-128, 128, (8, *planned.input.shape)).astype(np.int8)
    try:
        found = run_on_chip({"net": placed}, target, {"net": x})["net"]
    except ToolchainError as error:
        pytest.skip(str(error))
    np.testing.assert_array_equal(found, run(planned, x))
