"""When layers of 16-bit integers take the kernel for DSP instructions, and what it reads where it lies."""

from __future__ import annotations

import numpy as np
import pytest

from lilliput.net import Conv2D, DType, FullyConnected, Net, Op, Padding, Tensor
from lilliput.net.tensor import Quant
from lilliput.targets.wide import fits_wide_dsp, run_length, wide_multipliers, window_bytes


def _net(op: Op, shape: tuple[int, ...], weights: np.ndarray, bias: int, factor: float) -> Net:
    """One layer whose sums are multiplied by `factor`."""
    dtype = DType.INT16 if weights.dtype == np.int16 else DType.INT8
    biases = np.full(len(weights), bias, np.int32)
    output = op.output_shape([shape, weights.shape])
    tensors = (
        Tensor("x", shape, DType.INT16, Quant.per_tensor(1.0, 0)),
        Tensor("w", weights.shape, dtype, Quant.per_tensor(factor, 0), constant=True, data=weights),
        Tensor("b", biases.shape, DType.INT32, Quant.per_tensor(factor, 0), constant=True, data=biases),
        Tensor("y", output, DType.INT16, Quant.per_tensor(1.0, 0)),
    )
    return Net("one", (op,), {tensor.name: tensor for tensor in tensors}, ("x",), ("y",))


def _dense(weights: np.ndarray, bias: int, factor: float) -> tuple[FullyConnected, Net]:
    op = FullyConnected(name="op", inputs=("x", "w", "b"), outputs=("y",))
    return op, _net(op, weights.shape[1:], weights, bias, factor)


def test_sums_of_8_bit_weights_stay_below_2_to_the_31() -> None:
    weights = np.full((2, 516), 127, np.int8)
    weights[1, 0] = 126
    most = (1 << 31) - 1 - (1 << 15) * 127 * 516
    assert fits_wide_dsp(*_dense(weights, most, 1e-6))
    assert not fits_wide_dsp(*_dense(weights, most + 1, 1e-6))
    assert not fits_wide_dsp(*_dense(weights, -most - 1, 1e-6))


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**-3])
def test_products_of_16_bit_weights_stay_below_2_to_the_63(factor: float) -> None:
    """Sums reach 2**30 an input, outputs that times the factor, which must be less than 2**31."""
    inputs = int(2 / factor)
    weights = np.full((1, min(inputs, 1 << 12)), -(1 << 15), np.int16)
    op, net = _dense(weights, 0, factor)
    largest = weights.size << 30
    assert fits_wide_dsp(op, net) == (largest * wide_multipliers(op, net)[0] + (1 << 31) < 1 << 63)
    assert fits_wide_dsp(op, net) == (inputs > 1 << 12)


def test_a_factor_is_less_than_a_half() -> None:
    weights = np.ones((1, 4), np.int16)
    assert fits_wide_dsp(*_dense(weights, 0, 0.49))
    assert not fits_wide_dsp(*_dense(weights, 0, 0.5))


def test_one_row_without_gaps_is_read_where_it_lies() -> None:
    def conv(shape: tuple[int, int, int], kernel: tuple[int, int], **more: object) -> tuple[Conv2D, Net]:
        op = Conv2D(name="op", inputs=("x", "w", "b"), outputs=("y",), **more)
        return op, _net(op, shape, np.ones((4, *kernel, shape[2]), np.int16), 0, 1e-3)

    series = conv((1, 9, 4), (1, 3))
    assert (run_length(*series), window_bytes(*series)) == (3, 0)
    padded = conv((1, 9, 4), (1, 3), padding=Padding(0, 0, 1, 1))
    assert (run_length(*padded), window_bytes(*padded)) == (3, 24)
    # 18 inputs are filled up to 20 by the first two of the column behind them.
    filled = conv((1, 9, 6), (1, 3))
    assert (run_length(*filled), window_bytes(*filled)) == (4, 40)
    grey = conv((1, 9, 1), (1, 5))
    assert (run_length(*grey), window_bytes(*grey)) == (8, 16)
    dilated = conv((1, 9, 4), (1, 3), dilation=(1, 2))
    assert (run_length(*dilated), window_bytes(*dilated)) == (0, 24)
    rows = conv((9, 9, 4), (3, 3))
    assert (run_length(*rows), window_bytes(*rows)) == (0, 72)
    long = conv((1, 300, 1), (1, 256))
    assert (run_length(*long), window_bytes(*long)) == (0, 512)


def test_inputs_of_a_matrix_product_are_read_where_they_lie_if_they_come_in_fours() -> None:
    for inputs, scratch_bytes in ((8, 0), (9, 24)):
        assert window_bytes(*_dense(np.ones((3, inputs), np.int16), 0, 1e-3)) == scratch_bytes
