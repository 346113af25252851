"""Networks of one layer with random weights, as benchmarks need them."""

from __future__ import annotations

import numpy as np

from lilliput.net import (
    Activation,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    Net,
    Normalization,
    Op,
    Padding,
    Tensor,
)

RANGES = {"input": (-2.0, 2.0), "output": (0.0, 6.0)}


def one_layer(name: str, op: Op, shape: tuple[int, ...], weights: tuple[int, ...], seed: int) -> Net:
    """A float network of one op that reads "input", "weights" and "bias" and writes "output"."""
    rng = np.random.default_rng(seed)
    channels = op.output_shape([shape, weights])[-1]
    tensors = {
        "input": Tensor("input", shape),
        "weights": Tensor("weights", weights, constant=True, data=_normal(rng, weights)),
        "bias": Tensor("bias", (channels,), constant=True, data=_normal(rng, (channels,))),
        "output": Tensor("output", op.output_shape([shape, weights])),
    }
    raw = Normalization(DType.UINT8, (128.0,), (64.0,))
    return Net(name, (op,), tensors, ("input",), ("output",), normalization=raw)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0, 0.1, shape).astype(np.float32)


NAMES = {"inputs": ("input", "weights", "bias"), "outputs": ("output",), "activation": Activation.RELU}
SAME = Padding(1, 1, 1, 1)


def layers(seed: int) -> dict[str, Net]:
    """The layers that small networks are made of, by what they are."""
    image, relu = (16, 16, 32), NAMES
    return {
        "1×1 convolution, 32 → 64, 16×16": one_layer(
            "pointwise", Conv2D(name="layer", **relu), image, (64, 1, 1, 32), seed
        ),
        "3×3 convolution, 32 → 32, 16×16": one_layer(
            "convolution", Conv2D(name="layer", padding=SAME, **relu), image, (32, 3, 3, 32), seed
        ),
        "3×3 depthwise, 32, 16×16": one_layer(
            "depthwise", DepthwiseConv2D(name="layer", padding=SAME, **relu), image, (3, 3, 32), seed
        ),
        "fully connected, 256 → 64": one_layer(
            "dense", FullyConnected(name="layer", **relu), (256,), (64, 256), seed
        ),
    }
