"""Random int8 networks of images: chains with shortcuts, of whatever runs row by row."""

from __future__ import annotations

import random

from tests.codegen.quantized_builder import Builder
from tests.codegen.tflm_form import in_tflm

from lilliput.net import Activation, Add, AveragePool2D, MaxPool2D, Net, Padding, ReLU, Requantize


def random_chain(seed: int, ops: int = 5, side: int = 9, name: str = "chain") -> Net:
    """A network without a plan; every third one in the numeric profile `tflm`."""
    rng = random.Random(seed)
    builder = Builder((rng.randint(2, side), rng.randint(1, side), rng.randint(1, 6)), seed)
    images = ["x"]
    while len(builder.ops) < ops:
        images.append(_image(rng, builder, images))
    net = builder.net(images[-1], "cortex-m4", name)
    needed = {images[-1]}
    kept = []
    for op in reversed(net.ops):
        if needed & {*op.outputs}:
            needed |= {*op.inputs}
            kept.append(op)
    net = net.with_ops(reversed(kept))
    return in_tflm(net) if seed % 3 == 2 else net


def _image(rng: random.Random, builder: Builder, images: list[str]) -> str:
    x = rng.choice(images[-2:])
    height, width, _ = builder.shape(x)
    kernel = (rng.randint(1, min(4, height)), rng.randint(1, min(4, width)))
    padding = Padding(*(rng.randint(0, size - 1) for size in (kernel[0], kernel[0], kernel[1], kernel[1])))
    strides = rng.choice([(1, 1), (1, 1), (2, 2), (2, 1), (3, 2)])
    window = {"strides": strides, "padding": padding}
    activation = rng.choice([*Activation])
    alike = [name for name in images if builder.shape(name) == builder.shape(x)]
    match rng.randrange(8):
        case 0 | 1:
            dilation = (2, 1) if kernel[0] * 2 <= height and not padding.top else (1, 1)
            channels = rng.randint(1, 9)
            return builder.conv(x, channels, kernel, activation=activation, dilation=dilation, **window)
        case 2:
            return builder.conv(x, rng.randint(1, 12), (1, 1), activation=activation)
        case 3 | 4:
            return builder.depthwise(x, kernel, rng.choice([1, 1, 2]), activation=activation, **window)
        case 5:
            return builder.add(rng.choice([MaxPool2D, AveragePool2D]), x, pool=kernel, **window)
        case 6:
            return builder.add(Add, x, rng.choice(alike), activation=activation)
        case _:
            return builder.add(rng.choice([ReLU, Requantize]), x)
