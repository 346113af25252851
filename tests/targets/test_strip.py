"""How windows lie in a strip: what each pixel meets is what its window holds."""

from __future__ import annotations

import numpy as np
import pytest

from lilliput.net import Activation, Conv2D, Net, Padding, Tensor
from lilliput.targets.strip import (
    STRIP_PIXELS,
    by_columns,
    strip_bytes,
    strip_columns,
    strip_ends,
    strip_fours,
    strip_runs,
)

SHAPES = {
    "colour": ((9, 20, 3), (3, 3), (1, 1)),
    "colour, stride 2": ((9, 21, 3), (3, 3), (2, 2)),
    "grey": ((9, 20, 1), (5, 5), (1, 1)),
    "grey, stride 3": ((9, 20, 1), (5, 5), (1, 3)),
    "nine in a row": ((9, 20, 1), (2, 9), (1, 1)),
    "shared": ((9, 20, 3), (5, 5), (1, 1)),
    "two channels": ((9, 20, 2), (3, 3), (1, 1)),
}
"""Shape of the input, kernel, strides."""


def _layer(name: str) -> tuple[Conv2D, Net]:
    shape, kernel, strides = SHAPES[name]
    op = Conv2D(
        name="conv",
        inputs=("x", "w"),
        outputs=("y",),
        strides=strides,
        padding=Padding(0, 0, 0, 0),
        activation=Activation.NONE,
    )
    weights = (4, *kernel, shape[2])
    tensors = [Tensor("x", shape), Tensor("w", weights, constant=True)]
    tensors.append(Tensor("y", op.output_shape([shape, weights])))
    return op, Net("strip", (op,), {t.name: t for t in tensors}, ("x",), ("y",))


def _strip_of(op: Conv2D, net: Net, image: np.ndarray) -> tuple[np.ndarray, int]:
    """(fours, pixels, 4) under the first row of outputs, and fours from four pixels to the next four."""
    _, height, width, depth = net.tensors["w"].shape
    stride, length = op.strides[1] * depth, width * depth
    runs, groups = strip_runs(op, net), -(-net.tensors["y"].shape[1] // STRIP_PIXELS)
    columns, ends = strip_columns(op, net) // runs, strip_ends(op, net) // groups
    rows = np.pad(image.reshape(len(image), -1)[:height], ((0, -height % 4), (0, 64)))
    fours = []
    for run in range(runs):
        first = 4 * run * stride
        places = [(first + 4 * column, row) for column in range(columns) for row in range(height)]
        for at, row in places:
            fours.append([rows[row, at + p * stride :][:4] for p in range(STRIP_PIXELS)])
        for end in range(ends):
            last = first + length - 1
            fours.append([rows[4 * end :, last + p * stride][:4] for p in range(STRIP_PIXELS)])
    return np.array(fours), (columns * height + ends if runs > 1 else height * stride)


@pytest.mark.parametrize("name", SHAPES)
def test_windows_times_weights_are_the_convolution(name: str) -> None:
    op, net = _layer(name)
    shape, kernel, strides = SHAPES[name]
    rng = np.random.default_rng(0)
    image = rng.integers(-9, 10, shape)
    weights = rng.integers(-9, 10, (4, *kernel, shape[2]))
    strip, step = _strip_of(op, net, image)
    rows = by_columns(weights, strides[1] * shape[2])
    assert rows.shape == (4, 4 * strip_fours(op, net))
    for x in range(net.tensors["y"].shape[1]):
        first, pixel = x // STRIP_PIXELS * step, x % STRIP_PIXELS
        window = strip[first : first + strip_fours(op, net), pixel].reshape(-1)
        under = image[: kernel[0], x * strides[1] : x * strides[1] + kernel[1]]
        assert np.array_equal(rows @ window, (weights * under).sum(axis=(1, 2, 3)))


def test_rows_of_nine_elements_take_two_fours_and_a_third_of_one() -> None:
    op, net = _layer("colour")
    assert strip_fours(op, net) == 7
    assert strip_bytes(op, net) == 32 * 7 * 5 + 3 * 4 * (5 * 3 + 2)
