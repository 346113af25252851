"""Matrix products of four bits whose inputs are more than what is expanded at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.codegen.case_networks import constant
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host

from lilliput.errors import ToolchainError
from lilliput.net import FullyConnected, Net, Tensor
from lilliput.net.formats import formats_named
from lilliput.net.reference import run
from lilliput.passes import plan_for, quantize
from lilliput.targets import board
from lilliput.targets.few_bit_kernels import NIBBLE_PART_FOURS
from lilliput.targets.kernels import kernel_for
from lilliput.targets.lanes import nibble_segment

TARGET = "generic-m4"
ROWS = 3
LONG = (1024, 1025, 1028, 2048, 2051, 3000)
"""Inputs of matrix products, around what is expanded at a time."""


def _long(length: int) -> Net:
    rng = np.random.default_rng(length)
    # Those of odd lengths are as large as can be.
    weights = rng.choice([-1.0, 1.0], (7, length)) if length % 2 else rng.normal(0, 1, (7, length))
    tensors = [
        Tensor("x", (length,)),
        constant("weights", weights),
        constant("bias", rng.normal(0, 0.5, 7)),
        Tensor("y", (7,)),
    ]
    op = FullyConnected(name="tested", inputs=("x", "weights", "bias"), outputs=("y",))
    net = Net(f"long{length}", (op,), {t.name: t for t in tensors}, ("x",), ("y",))
    found = quantize(net, {"x": (-2.0, 2.0), "y": (-90.0, 90.0)}, formats_named("w4a8"))
    return plan_for(found, board(TARGET).core)


@pytest.mark.parametrize("run_all_on", [run_on_host, run_on_chip])
def test_long_matrix_products_are_made_in_parts(run_all_on: Callable[..., Arrays]) -> None:
    core, found = board(TARGET).core, {f"long{length}": _long(length) for length in LONG}
    kernels = [kernel_for(net.ops[-1], net, core) for net in found.values()]
    in_parts = "lp_fully_connected_nibbles_dsp_s8"
    assert {kernel.function for kernel in kernels} == {in_parts}
    assert max(kernel.scratch_bytes for kernel in kernels) <= 10 * 256
    parts = [min(nibble_segment(net.ops[-1], net), NIBBLE_PART_FOURS) for net in found.values()]
    assert min(parts) < max(parts) == NIBBLE_PART_FOURS
    rng = np.random.default_rng(3)
    rows = {key: rng.integers(-128, 128, (ROWS, *net.input.shape), np.int8) for key, net in found.items()}
    try:
        outputs = run_all_on(found, board(TARGET), rows)
    except ToolchainError as error:
        pytest.skip(str(error))
    for key, net in found.items():
        assert np.array_equal(outputs[key], run(net, rows[key])), key
