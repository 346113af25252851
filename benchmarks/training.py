"""An epoch of training on one CPU thread: float32 against bfloat16 activations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from comparison import Comparison, seconds

from lilliput.data import Dataset, Split
from lilliput.net import DType, Normalization
from lilliput.net.macs import net_macs
from lilliput.search.cnn import CnnSpace
from lilliput.train import fit
from lilliput.train.settings import TrainSettings

EXAMPLES, SIZE, CLASSES = 8_192, 28, 10
NETWORKS = 3


def run(seed: int) -> Iterator[Comparison]:
    """Seconds of an epoch over random images, for a few random architectures."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (EXAMPLES, SIZE, SIZE, 1), dtype=np.uint8)
    y = rng.integers(0, CLASSES, EXAMPLES)
    few = Split(x[:256], y[:256])
    raw = Normalization(DType.UINT8, (128.0,), (64.0,))
    data = Dataset("random", Split(x, y), few, few, tuple(map(str, range(CLASSES))), raw)
    space = CnnSpace("log-uniform")
    for _ in range(NETWORKS):
        net = space.to_net(space.sample(rng), (SIZE, SIZE, 1), CLASSES, "net")

        def epoch(settings: TrainSettings, net=net) -> float:
            return seconds(lambda: fit(net, data, settings, seed=seed), repeats=1)

        single = TrainSettings(epochs=1, statistics_examples=128, threads=1)
        half = TrainSettings(epochs=1, statistics_examples=128, threads=1, precision="bfloat16")
        yield Comparison(
            f"{EXAMPLES:,} images, {net_macs(net):,} MACs",
            "s",
            ("float32", epoch(single)),
            ("bfloat16", epoch(half)),
        )
