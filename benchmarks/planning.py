"""Memory of random architectures: the best order of ops against the order in which they were assembled."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np
from comparison import Comparison, seconds

from lilliput.cost import cost
from lilliput.passes import fold_batch_norm, fuse_activations, peak, quantize
from lilliput.passes.place import plan
from lilliput.search.cnn import CnnSpace
from lilliput.targets import board

ARCHITECTURES = 200
INPUT_SHAPE, CLASSES = (28, 28, 1), 10


def run(seed: int) -> Iterator[Comparison]:
    """Arena bytes, and the time of a whole cost prediction."""
    space, target = CnnSpace("log-uniform"), board("generic-m4")
    rng = np.random.default_rng(seed)
    nets = [space.to_net(space.sample(rng), INPUT_SHAPE, CLASSES, "net") for _ in range(ARCHITECTURES)]
    quantized = [quantize(fuse_activations(fold_batch_norm(net)), None) for net in nets]
    branched = [net for net in quantized if any(len(net.consumers(name)) > 1 for name in net.tensors)]
    best = statistics.fmean(planned.plan.arena_bytes for net in branched if (planned := plan(net)).plan)
    given = statistics.fmean(peak(net).bytes for net in branched)
    yield Comparison(
        f"mean arena of {len(branched)} branched architectures",
        "bytes",
        ("best order", best),
        ("order as assembled", given),
    )
    predict = seconds(lambda: [cost(net, target) for net in nets], repeats=1) / len(nets)
    assemble = seconds(
        lambda: [space.to_net(space.sample(rng), INPUT_SHAPE, CLASSES, "net") for _ in nets], repeats=1
    )
    yield Comparison(
        "one architecture",
        "ms",
        ("cost", predict * 1e3),
        ("sampling and assembling", assemble / len(nets) * 1e3),
    )
