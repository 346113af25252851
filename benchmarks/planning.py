"""Memory of random architectures: the best order of ops against the order in which they were assembled.

Also the time that planning takes, against what a search can afford.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from comparison import Comparison, seconds

from lilliput.cost import cost
from lilliput.net import Add, Conv2D, DType, Net, Normalization, Op, Quant, Tensor
from lilliput.net.check import Stage, check
from lilliput.passes import best_order, fold_batch_norm, fuse_activations, peak, quantize
from lilliput.passes.place import plan
from lilliput.search.cnn import CnnSpace
from lilliput.targets import board

ARCHITECTURES = 200
SEARCHED_ARCHITECTURES, SEARCHED_LIMIT_S = 1000, 10.0
ORDERED_NETWORKS, ORDER_LIMIT_S = 20, 2.0
QUANT = Quant.per_tensor(0.1)
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
    yield _slowest_order(seed)
    yield _searched(seed)
    yield Comparison(
        "one architecture",
        "ms",
        ("cost", predict * 1e3),
        ("sampling and assembling", assemble / len(nets) * 1e3),
    )


def _slowest_order(seed: int) -> Comparison:
    """The exact order of 40 ops in branches of random widths: the slowest of several networks."""
    slowest = 0.0
    for index in range(ORDERED_NETWORKS):
        rng = np.random.default_rng([seed, index])
        net = branched(rng, *((4, 9), (6, 6), (8, 4), (10, 3))[index % 4])
        found = best_order(net)
        if not found.exact:
            raise SystemExit(f"network {index} of seed {seed}: the order is not proven best")
        slowest = max(slowest, seconds(lambda net=net: best_order(net), repeats=1))
    what = f"exact order of 40 branched ops, slowest of {ORDERED_NETWORKS}"
    return Comparison(what, "s", ("best_order", slowest), ("allowed", ORDER_LIMIT_S))


def branched(rng: np.random.Generator, branches: int, length: int) -> Net:
    """Chains of 1x1 convolutions from one input, added up pair by pair; each of a random width."""
    tensors = {"input": Tensor("input", (8, 8, 4), DType.INT8, QUANT)}
    ops: list[Op] = []

    def convolve(source: str, channels: int) -> str:
        weights, target = f"w{len(ops)}", f"t{len(ops)}"
        shape = (channels, 1, 1, tensors[source].shape[2])
        tensors[weights] = Tensor(weights, shape, DType.INT8, QUANT, constant=True)
        tensors[target] = Tensor(target, (8, 8, channels), DType.INT8, QUANT)
        ops.append(Conv2D(name=f"op{len(ops)}", inputs=(source, weights), outputs=(target,)))
        return target

    ends = []
    for _ in range(branches):
        name = "input"
        for channels in rng.integers(1, 17, length - 1):
            name = convolve(name, int(channels))
        ends.append(convolve(name, 2))
    while len(ends) > 1:
        target = f"t{len(ops)}"
        tensors[target] = Tensor(target, (8, 8, 2), DType.INT8, QUANT)
        ops.append(Add(name=f"op{len(ops)}", inputs=(ends[0], ends[1]), outputs=(target,)))
        ends = [*ends[2:], target]
    return Net("branched", tuple(ops), tensors, ("input",), tuple(ends))


def _searched(seed: int) -> Comparison:
    """What a search does with an architecture before it trains one: sample, check, cost."""
    space, target = CnnSpace(), board("generic-m4")
    raw = Normalization(DType.UINT8, (73.0,), (90.0,))

    def search() -> None:
        rng = np.random.default_rng(seed)
        for _ in range(SEARCHED_ARCHITECTURES):
            net = replace(space.to_net(space.sample(rng), INPUT_SHAPE, CLASSES, "net"), normalization=raw)
            check(net, Stage.FLOAT)
            cost(net, target)

    taken = seconds(search, repeats=1)
    what = f"{SEARCHED_ARCHITECTURES} architectures sampled, checked and costed"
    return Comparison(what, "s", ("search", taken), ("allowed", SEARCHED_LIMIT_S))
