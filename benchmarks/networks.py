"""Networks with random weights for benchmarks: single layers, and the shapes that papers compare on.

The four of MLPerf Tiny (Banbury et al., arXiv:2106.07597) have the ops, the shapes and so the cost of the
originals, but nobody trained them: what they compute means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lilliput.formats.tflite import to_tflm
from lilliput.net import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    MaxPool2D,
    Net,
    Normalization,
    Op,
    Padding,
    Profile,
    Reshape,
    Softmax,
    Tensor,
)
from lilliput.net.ops import same_padding
from lilliput.net.reference import run_all
from lilliput.passes import fold_batch_norm, fuse_activations, quantize

RANGES = {"input": (-2.0, 2.0), "output": (0.0, 6.0)}
NAMES = {"inputs": ("input", "weights", "bias"), "outputs": ("output",), "activation": Activation.RELU}
SAME = Padding(1, 1, 1, 1)
OBSERVED_EXAMPLES = 4


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


def _normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float = 0.1) -> np.ndarray:
    return rng.normal(0, deviation, shape).astype(np.float32)


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


class _Chain:
    """Ops one behind the other; methods return the name of what they wrote."""

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._tensors = {"input": Tensor("input", shape)}
        self._ops: list[Op] = []
        self._newest = "input"

    def _constant(self, shape: tuple[int, ...], inputs: int) -> str:
        """Random values that keep the size of what flows (He et al., arXiv:1502.01852)."""
        name = f"constant_{len(self._tensors)}"
        data = _normal(self._rng, shape, (2 / inputs) ** 0.5)
        self._tensors[name] = Tensor(name, shape, constant=True, data=data)
        return name

    def _add(self, kind: type[Op], *inputs: str, **attributes: object) -> str:
        name = f"{kind.__name__.lower()}_{len(self._ops)}"
        op = kind(name=name, inputs=inputs, outputs=(f"{name}_out",), **attributes)
        shape = op.output_shape([self._tensors[one].shape for one in inputs])
        self._tensors[op.outputs[0]] = Tensor(op.outputs[0], shape)
        self._ops.append(op)
        self._newest = op.outputs[0]
        return self._newest

    def convolution(
        self,
        channels: int,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        activation: Activation = Activation.RELU,
        source: str = "",
    ) -> str:
        source = source or self._newest
        height, width, depth = self._tensors[source].shape
        weights = self._constant((channels, *kernel, depth), kernel[0] * kernel[1] * depth)
        return self._add(
            Conv2D,
            *(source, weights, self._constant((channels,), 100)),
            strides=(stride, stride),
            padding=same_padding((height, width), kernel, (stride, stride)),
            activation=activation,
        )

    def window(self, channels: int, kernel: tuple[int, int]) -> str:
        """A convolution without padding."""
        depth = self._tensors[self._newest].shape[2]
        weights = self._constant((channels, *kernel, depth), kernel[0] * kernel[1] * depth)
        inputs = (self._newest, weights, self._constant((channels,), 100))
        return self._add(Conv2D, *inputs, activation=Activation.RELU)

    def max_pool(self) -> None:
        self._add(MaxPool2D, self._newest, pool=(2, 2), strides=(2, 2))

    def flat(self) -> None:
        self._add(Reshape, self._newest, shape=(self._tensors[self._newest].elements,))

    def depthwise(self, stride: int = 1, size: int = 3) -> str:
        height, width, depth = self._tensors[self._newest].shape
        return self._add(
            DepthwiseConv2D,
            *(self._newest, self._constant((size, size, depth), size**2), self._constant((depth,), 100)),
            strides=(stride, stride),
            padding=same_padding((height, width), (size, size), (stride, stride)),
            activation=Activation.RELU,
        )

    def inverted_residual(self, expansion: int, size: int, stride: int, channels: int) -> None:
        """Wide inside, narrow outside, and a sum around it where the shape stays."""
        before = self._newest
        self.convolution(self._tensors[before].shape[2] * expansion, (1, 1))
        self.depthwise(stride, size)
        after = self.convolution(channels, (1, 1), activation=Activation.NONE)
        if self._tensors[before].shape == self._tensors[after].shape:
            self.add(before, after, Activation.NONE)

    def add(self, left: str, right: str, activation: Activation = Activation.RELU) -> str:
        return self._add(Add, left, right, activation=activation)

    def average(self) -> None:
        """Over the whole image; what is left is a vector."""
        height, width, channels = self._tensors[self._newest].shape
        self._add(AveragePool2D, self._newest, pool=(height, width), strides=(height, width))
        self._add(Reshape, self._newest, shape=(channels,))

    def dense(self, units: int, activation: Activation = Activation.NONE) -> str:
        (inputs,) = self._tensors[self._newest].shape
        weights = self._constant((units, inputs), inputs)
        bias = self._constant((units,), 100)
        return self._add(FullyConnected, self._newest, weights, bias, activation=activation)

    def softmax(self) -> None:
        self._add(Softmax, self._newest)

    def net(self, name: str) -> Net:
        return Net(name, tuple(self._ops), self._tensors, ("input",), (self._newest,))


def autoencoder(seed: int = 0) -> Net:
    """MLPerf Tiny's anomaly detection: 640 features and back through 8, 264,192 MACs."""
    chain = _Chain((640,), seed)
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        chain.dense(units, Activation.RELU)
    chain.dense(640)
    return chain.net("ad")


def ds_cnn(seed: int = 0) -> Net:
    """MLPerf Tiny's keyword spotting: a spectrogram of 49x10, 12 words, 2,656,768 MACs."""
    chain = _Chain((49, 10, 1), seed)
    chain.convolution(64, (10, 4), stride=2)
    for _ in range(4):
        chain.depthwise()
        chain.convolution(64, (1, 1))
    chain.average()
    chain.dense(12)
    chain.softmax()
    return chain.net("kws")


def resnet8(seed: int = 0) -> Net:
    """MLPerf Tiny's image classification: 32x32 colour images, 10 classes, 12,501,632 MACs."""
    chain = _Chain((32, 32, 3), seed)
    newest = chain.convolution(16)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        shortcut = newest
        chain.convolution(channels, stride=stride)
        main = chain.convolution(channels, activation=Activation.NONE)
        if stride > 1:
            shortcut = chain.convolution(
                channels, (1, 1), stride=stride, activation=Activation.NONE, source=shortcut
            )
        newest = chain.add(shortcut, main)
    chain.average()
    chain.dense(10)
    chain.softmax()
    return chain.net("ic")


MOBILENET_BLOCKS = (
    *((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)),
    *((1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024)),
)
"""Stride and channels of MobileNetV1 (Howard et al., arXiv:1704.04861, table 1)."""


def mobilenet_v1(
    seed: int = 0, *, width: float = 0.25, shape: tuple[int, int, int] = (96, 96, 3), classes: int = 2
) -> Net:
    """MobileNetV1: as given here MLPerf Tiny's visual wake words (is a person there?), 7,489,664 MACs."""
    chain = _Chain(shape, seed)
    chain.convolution(int(32 * width), stride=2)
    for stride, channels in MOBILENET_BLOCKS:
        chain.depthwise(stride)
        chain.convolution(int(channels * width), (1, 1))
    chain.average()
    chain.dense(classes)
    chain.softmax()
    return chain.net("vww")


INVERTED_RESIDUALS = (
    (3, 3, 2, 12),
    (4, 5, 1, 12),
    (5, 7, 2, 20),
    (4, 3, 1, 20),
    (5, 5, 2, 28),
    (3, 3, 1, 28),
)
"""Expansion, size, stride and channels of blocks such as MCUNet's (Lin et al., arXiv:2007.10319)."""


def mobilenet_v2(seed: int = 0, *, shape: tuple[int, int, int] = (48, 48, 3), classes: int = 10) -> Net:
    """A few blocks of MobileNetV2 (Sandler et al., arXiv:1801.04381) with kernels of three sizes."""
    chain = _Chain(shape, seed)
    chain.convolution(8, stride=2)
    for block in INVERTED_RESIDUALS:
        chain.inverted_residual(*block)
    chain.average()
    chain.dense(classes)
    return chain.net("mobilenet_v2")


def lenet5(seed: int = 0) -> Net:
    """LeNet-5 on images of 28x28 as in "NAS with sub-byte quantization for tinyML", tables 5.1 and 5.2.

    281,640 MACs, and 236 additions of biases that the thesis counts, too.
    """
    chain = _Chain((28, 28, 1), seed)
    for channels in (6, 16):
        chain.window(channels, (5, 5))
        chain.max_pool()
    chain.flat()
    for units in (120, 84):
        chain.dense(units, Activation.RELU)
    chain.dense(10)
    return chain.net("lenet5")


def convolutions(seed: int = 0) -> Net:
    """Hardly anything but 3x3 convolutions, 7,299,712 MACs."""
    chain = _Chain((16, 16, 3), seed)
    for channels in (32, 32, 64):
        chain.convolution(channels)
    chain.average()
    chain.dense(10)
    return chain.net("convolutions")


def random_convolutions(seed: int) -> Net:
    """Three convolutions of drawn sizes with steps of one, kernels of 2 to 6 columns, and a dense layer."""
    rng = np.random.default_rng(seed)
    draw = rng.integers
    height, width = (int(side) for side in draw(10, 25, 2))
    chain = _Chain((height, width, int(draw(1, 4))), seed)
    # Most are three rows high, or five.
    heights, widths = (3, 3, 3, 5, 5, 4), (2, 3, 3, 4, 5, 6)
    for _ in range(3):
        kernel = int(rng.choice(heights)), int(rng.choice(widths))
        channels, height, width = int(draw(3, 25)), height - kernel[0] + 1, width - kernel[1] + 1
        if rng.random() < 0.5 or min(height, width) < 3:
            chain.convolution(channels, kernel)
            height, width = height + kernel[0] - 1, width + kernel[1] - 1
        else:
            chain.window(channels, kernel)
    chain.average()
    chain.dense(4)
    return chain.net("random_convolutions")


MLPERF_TINY: Mapping[str, Callable[[int], Net]] = {
    "ad": autoencoder,
    "kws": ds_cnn,
    "ic": resnet8,
    "vww": mobilenet_v1,
}
"""Makers of float networks by their task: seed → network."""


def quantized(net: Net, profile: Profile = Profile.LILLIPUT, seed: int = 0) -> Net:
    """The int8 network of a float one, its scales from what random inputs make flow.

    Args:
        net: float, with weights.
        profile: how its integers round.
    """
    net = fuse_activations(fold_batch_norm(net))
    found = quantize(net, observed(net, seed))
    return to_tflm(found) if profile is Profile.TFLM else found


def observed(net: Net, seed: int = 0) -> dict[str, tuple[float, float]]:
    """What flows in a float network with random inputs: the least and the largest of each tensor."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (OBSERVED_EXAMPLES, *net.input.shape)).astype(np.float32)
    return {name: (float(y.min()), float(y.max())) for name, y in run_all(net, x).items()}
