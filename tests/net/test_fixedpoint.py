from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lilliput.errors import NetError
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DType,
    GlobalAveragePool2D,
    Net,
    Padding,
    Quant,
    ReLU6,
    Requantize,
    Softmax,
    Tensor,
)
from lilliput.net.fixedpoint import (
    activation_range,
    add_parameters,
    conv_requant,
    pool_counts,
    pool_requant,
    quant,
    requantize_parameters,
    softmax_table,
)

SCALES = st.floats(1e-4, 10.0, allow_subnormal=False)
ZERO_POINTS = st.integers(-128, 127)


def conv_net(
    weight_scales: tuple[float, ...], source: float = 0.5, target: float = 0.25
) -> tuple[Conv2D, Net]:
    channels = len(weight_scales)
    op = Conv2D(name="conv", inputs=("x", "w"), outputs=("y",))
    tensors = {
        "x": Tensor("x", (4, 4, 3), DType.INT8, Quant.per_tensor(source)),
        "w": Tensor(
            "w", (channels, 1, 1, 3), DType.INT8, Quant(weight_scales, (0,) * channels, 0), constant=True
        ),
        "y": Tensor("y", (4, 4, channels), DType.INT8, Quant.per_tensor(target, 3)),
    }
    return op, Net("net", (op,), tensors, ("x",), ("y",))


def element_net(sources: list[Quant], target: Quant, dtype: DType = DType.INT8) -> Net:
    tensors = {f"x{i}": Tensor(f"x{i}", (4,), dtype, found) for i, found in enumerate(sources)}
    return Net("net", (), {**tensors, "y": Tensor("y", (4,), DType.INT8, target)}, ("x0",), ("y",))


def test_small_factors_take_the_top_word_of_the_product() -> None:
    op, net = conv_net((0.2, 0.1))
    found = conv_requant(op, net)
    assert found.shift == 32
    assert found.multipliers == (round(0.4 * 2**32), round(0.2 * 2**32))


@pytest.mark.parametrize(
    ("scale", "shift"),
    [(0.25 - 2**-40, 31), (0.25, 31), (0.5 - 2**-40, 30), (0.5, 30), (1.0, 29), (2.0**28, 1)],
)
def test_the_shift_is_the_largest_that_keeps_multipliers_within_int32(scale: float, shift: int) -> None:
    op, net = conv_net((scale, 1e-3))
    found = conv_requant(op, net)
    assert found.shift == shift
    assert max(found.multipliers) < 2**31 <= 2 * max(found.multipliers) + 2


def test_a_factor_too_large_to_hold_is_refused() -> None:
    op, net = conv_net((2.0**29,))
    with pytest.raises(NetError, match="cannot be requantized"):
        conv_requant(op, net)


def test_one_weight_scale_gives_one_multiplier() -> None:
    op, net = conv_net((0.1,))
    assert len(conv_requant(op, net).multipliers) == 1


@given(sources=st.lists(SCALES, min_size=1, max_size=9), target=SCALES)
def test_multipliers_stay_within_int32_and_near_their_factor(sources: list[float], target: float) -> None:
    op, net = conv_net(tuple(sources), 0.01, target)
    found = conv_requant(op, net)
    for scale, multiplier in zip(sources, found.multipliers, strict=True):
        assert 0 <= multiplier < 2**31
        assert abs(math.ldexp(multiplier, -found.shift) - 0.01 * scale / target) <= math.ldexp(
            0.5, -found.shift
        )


@given(scales=st.tuples(SCALES, SCALES, SCALES), points=st.tuples(ZERO_POINTS, ZERO_POINTS, ZERO_POINTS))
def test_sums_stay_within_int32_and_near_the_real_sum(
    scales: tuple[float, float, float], points: tuple[int, int, int]
) -> None:
    first, second, target = (Quant.per_tensor(s, z) for s, z in zip(scales, points, strict=True))
    net = element_net([first, second], target)
    op = Add(name="add", inputs=("x0", "x1"), outputs=("y",))
    if max(first.scale, second.scale) / target.scale >= 2.0**14 - 1:
        return
    found = add_parameters(op, net)
    assert 1 <= found.shift <= 20
    assert all(0 <= m < 2**15 for m in found.multipliers)
    for a in (-128, 0, 127):
        for b in (-128, 5, 127):
            total = a * found.multipliers[0] + b * found.multipliers[1] + found.offset
            assert -(2**31) <= total < 2**31
            real = first.scale * (a - first.zero_point) + second.scale * (b - second.zero_point)
            # Half a step of rounding, and half a unit of each multiplier times the largest distance.
            allowed = 0.5 + 1e-9 + 2 * 255 * 0.5 * 2.0**-found.shift
            assert abs((total >> found.shift) - (target.zero_point + real / target.scale)) <= allowed + 0.5


def test_an_addition_whose_output_is_far_too_fine_is_refused() -> None:
    net = element_net([Quant.per_tensor(2.0**15), Quant.per_tensor(1.0)], Quant.per_tensor(1.0))
    with pytest.raises(NetError, match="give the output a larger range"):
        add_parameters(Add(name="add", inputs=("x0", "x1"), outputs=("y",)), net)


@pytest.mark.parametrize("mean", [0, 1, 127, 128, 255])
def test_bytes_become_int8_exactly(mean: int) -> None:
    scale = float(np.float32(1 / 37.5))
    net = element_net([Quant.per_tensor(scale, mean)], Quant.per_tensor(scale, mean - 128), DType.UINT8)
    found = requantize_parameters(Requantize(name="r", inputs=("x0",), outputs=("y",)), net)
    for byte in range(256):
        assert (byte * found.multiplier + found.offset) >> found.shift == byte - 128


def test_pools_count_only_elements_inside_the_image() -> None:
    op = AveragePool2D(
        name="p", inputs=("x",), outputs=("y",), pool=(3, 3), strides=(2, 2), padding=Padding(1, 1, 1, 1)
    )
    tensors = {
        "x": Tensor("x", (5, 4, 2), DType.INT8, Quant.per_tensor(0.5)),
        "y": Tensor("y", (3, 2, 2), DType.INT8, Quant.per_tensor(0.5)),
    }
    net = Net("net", (op,), tensors, ("x",), ("y",))
    assert pool_counts(op, net) == (4, 6, 9)
    assert pool_requant(op, net, 4).multipliers == (2**30,)
    assert pool_requant(op, net, 4).shift == 32
    whole = GlobalAveragePool2D(name="p", inputs=("x",), outputs=("y",))
    assert pool_counts(whole, net) == (20,)


def test_the_range_is_cut_by_the_activation() -> None:
    op, net = conv_net((0.1,), target=6 / 100)
    assert activation_range(op, net) == (-128, 127)
    assert activation_range(replace(op, activation=Activation.RELU), net) == (3, 127)
    assert activation_range(replace(op, activation=Activation.RELU6), net) == (3, 103)
    assert activation_range(ReLU6(name="r", inputs=("x",), outputs=("y",)), net) == (3, 103)


def test_softmax_powers_fit_uint16_and_fall() -> None:
    net = element_net([Quant.per_tensor(0.1)], Quant.per_tensor(1 / 256, -128))
    table = softmax_table(Softmax(name="s", inputs=("x0",), outputs=("y",), beta=2.0), net)
    assert len(table) == 256
    assert table[0] == 2**15
    assert table[10] == round(math.exp(-2.0) * 2**15)
    assert list(table) == sorted(table, reverse=True)


def test_a_tensor_without_quantization_is_named() -> None:
    _, net = conv_net((0.1,))
    plain = replace(net, tensors={**net.tensors, "y": Tensor("y", (4, 4, 1), DType.INT8)})
    with pytest.raises(NetError, match="'y' has no quantization"):
        quant("y", plain)
