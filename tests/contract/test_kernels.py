"""Every op has a kernel on every core, and what it is said to take is what the generated C takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.codegen.tflm_cases import ALL_CASES

from lilliput.codegen import generate
from lilliput.errors import NetError
from lilliput.net import FLOAT_ONLY, OPS, Op
from lilliput.runtime import runtime_files, runtime_text
from lilliput.targets import CORES, Core, board
from lilliput.targets.kernel import SCRATCH_ALIGNMENT_BYTES
from lilliput.targets.kernels import (
    CHANNEL_BYTES,
    KERNELS,
    POOL_SCALE_BYTES,
    TFLM_CHANNEL_BYTES,
    constant_bytes,
    kernel_for,
)

ELEMENT_BYTES = {
    "int8_t": 1,
    "uint8_t": 1,
    "uint16_t": 2,
    "int32_t": 4,
    "lp_channel": CHANNEL_BYTES,
    "lp_tflm_channel": TFLM_CHANNEL_BYTES,
    "lp_pool_scale": POOL_SCALE_BYTES,
}
TOO_LARGE_WEIGHTS = ("_largest_sums_of_many", "_conv_lowest", "_pointwise_lowest", "_dense_lowest")
TOO_LARGE_WEIGHTS += ("_conv_all_lowest", "_dense_all_lowest")
"""Cases whose weights the kernels for cores with DSP instructions cannot hold, so that portable ones run."""
EXTREME_WEIGHTS = ("_largest_sums_of_many", "_lowest")
"""Cases whose weights some kernels of other cores cannot hold."""


@pytest.mark.parametrize("kind", [kind for kind in OPS if kind not in FLOAT_ONLY])
def test_every_integer_op_has_a_kernel(kind: type[Op]) -> None:
    assert kind in KERNELS


def test_float_ops_have_none() -> None:
    assert not set(KERNELS) & FLOAT_ONLY
    net = ALL_CASES["relu"]("cortex-m4", "net")

    class Unknown(Op):
        """No op of Lilliput."""

    with pytest.raises(NetError, match="no integer kernel"):
        kernel_for(Unknown(name="unknown", inputs=("x",), outputs=("y",)), net, CORES[0])


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
@pytest.mark.parametrize("case", ALL_CASES)
def test_kernels_follow_from_shapes_unless_weights_are_extreme(case: str, core: Core) -> None:
    net = ALL_CASES[case](core.name, "net")
    weightless = replace(net, tensors={name: replace(t, data=None) for name, t in net.tensors.items()})
    has_dsp_kernels = core.has_dsp and not core.has_mve
    extreme = case.endswith(TOO_LARGE_WEIGHTS if has_dsp_kernels else EXTREME_WEIGHTS)
    for op in net.ops:
        kernel = kernel_for(op, net, core)
        assert extreme or kernel == kernel_for(op, weightless, core)
        assert not (extreme and has_dsp_kernels) or kernel != kernel_for(op, weightless, core)
        assert extreme or constant_bytes(op, net, core) == constant_bytes(op, weightless, core)
        assert kernel.scratch_bytes % SCRATCH_ALIGNMENT_BYTES == 0
        assert {f"{name}.c" for name in (kernel.function, *kernel.needs)} <= set(runtime_files())
        assert f"{kernel.function}(" in runtime_text(kernel.header)


@pytest.mark.parametrize("target", ["generic-m4", "rp2040", "generic-rv32imc", "generic-m55"])
@pytest.mark.parametrize("case", ALL_CASES)
def test_constants_take_the_bytes_that_are_predicted(case: str, target: str) -> None:
    chip = board(target)
    net = ALL_CASES[case](chip.core.name, "net")
    text = generate(net, chip)["net_weights.c"]
    predicted = {
        index: found for index, op in enumerate(net.ops) if (found := constant_bytes(op, net, chip.core))
    }
    generated: dict[int, int] = {}
    pattern = r"^const (\w+) net_layer_(\d+)_\w+\[(\d+)\]"
    for ctype, index, length in re.findall(pattern, text, re.MULTILINE):
        size = -(-ELEMENT_BYTES[ctype] * int(length) // 4) * 4
        generated[int(index)] = generated.get(int(index), 0) + size
    assert generated == predicted
