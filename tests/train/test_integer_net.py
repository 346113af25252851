"""The forward pass of fine-tuning gives the integers of the reference, all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import EXACT_NETWORKS
from tests.train.sketch import Sketch, gated, random_net

from lilliput import train
from lilliput.net import FLOAT_ONLY, OPS, DType, Net, Normalization
from lilliput.net.reference import INTEGER_OPS, run_all
from lilliput.net.reference.integer import accumulate
from lilliput.passes.fold_batch_norm import fold_batch_norm
from lilliput.passes.fuse_activations import fuse_activations
from lilliput.passes.quantize import quantize
from lilliput.train.batches import Normalizer
from lilliput.train.integer_layers import INTEGER_LAYERS
from lilliput.train.integer_net import IntegerNet, Ranges, WeightScales
from lilliput.train.torch_net import TorchNet

BYTES = Normalization(DType.UINT8, (93.0,), (41.7,))
REALS = Normalization(DType.FLOAT32, (3.0,), (2.0,))


def plain(net: Net, ranges: Ranges, *, weight_scales: WeightScales | None = None) -> Net:
    return quantize(net, ranges, weight_scales=weight_scales)


def fused(net: Net, ranges: Ranges, *, weight_scales: WeightScales | None = None) -> Net:
    return quantize(fuse_activations(net), ranges, weight_scales=weight_scales)


def examples(net: Net, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if net.normalization is BYTES:
        return rng.integers(0, 256, (count, *net.input.shape)).astype(np.uint8)
    return rng.normal(3, 2, (count, *net.input.shape)).astype(np.float32)


def entering(module: IntegerNet, raw: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """Normalized reals for the module, and the integers that the reference takes."""
    real = Normalizer(module.net.normalization, torch.device("cpu"))(torch.from_numpy(raw))
    if module.net.input.dtype is DType.UINT8:
        return real, raw
    found = module.net.input.quant
    assert found is not None
    dtype = module.net.input.dtype
    steps = np.rint(real.double().numpy() / found.scale) + found.zero_point
    return real, np.clip(steps, *dtype.range).astype(dtype.numpy)


def assert_exact(module: IntegerNet, raw: np.ndarray) -> dict[str, np.ndarray]:
    real, whole = entering(module, raw)
    expected, found = run_all(module.net, whole), module.integers(real)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert value.dtype == found[name].dtype
        assert np.array_equal(value, found[name]), name
    return expected


def test_every_integer_op_has_a_layer() -> None:
    assert set(INTEGER_LAYERS) == set(OPS) - FLOAT_ONLY == set(INTEGER_OPS)


@pytest.mark.exact
@pytest.mark.parametrize("seed", range(2 * EXACT_NETWORKS))
def test_every_activation_is_that_of_the_reference(seed: int) -> None:
    net = random_net(1000 + seed, batch_norm=seed % 2 == 0, softmax=seed % 3 == 0)
    net = fold_batch_norm(replace(net, normalization=BYTES if seed % 4 < 2 else REALS))
    ranges = train.calibrate(net, examples(net, 60))
    if seed % 5 == 0:  # ranges too narrow: everything is clamped somewhere
        ranges = {name: (low / 4, high / 4) for name, (low, high) in ranges.items()}
    module = IntegerNet(net, ranges, fused if seed % 2 else plain)
    values = assert_exact(module, examples(net, 20, seed))
    computed = [value for name, value in values.items() if name not in module.net.inputs]
    assert max(np.unique(value).size for value in computed) > 3


@pytest.mark.parametrize("seed", range(6))
def test_gates_and_functions_are_those_of_the_reference(seed: int) -> None:
    net = replace(gated(seed), normalization=BYTES if seed % 2 else REALS)
    ranges = train.calibrate(net, examples(net, 60))
    if seed % 3 == 0:
        ranges = {name: (low / 4, high / 4) for name, (low, high) in ranges.items()}
    module = IntegerNet(net, ranges, plain)
    assert_exact(module, examples(net, 20, seed))
    smooth, whole = TorchNet(net), IntegerNet(net, train.calibrate(net, examples(net, 60)), plain)
    real, _ = entering(whole, examples(net, 32))
    one, two = (
        found.gradient(torch.nn.functional.cross_entropy(found.logits(real), torch.arange(32) % 4))
        for found in (whole, smooth)
    )
    assert torch.nn.functional.cosine_similarity(one, two, dim=0) > 0.9


def test_sums_beyond_float32_are_exact() -> None:
    sketch = Sketch((1500,), np.random.default_rng(0))
    net = sketch.net(sketch.dense("input", 4))
    weights = np.ones((4, 1500), np.float32) + np.random.default_rng(1).normal(0, 1e-2, (4, 1500)).astype(
        np.float32
    )
    name = net.ops[0].inputs[1]
    net = replace(
        net, normalization=BYTES, tensors={**net.tensors, name: replace(net.tensors[name], data=weights)}
    )
    raw = np.full((5, 1500), 255, np.uint8)
    raw[:, ::7] = np.arange(5)[:, None]
    module = IntegerNet(net, train.calibrate(net, raw), plain)
    signed = module.net.ops[1].inputs
    values = assert_exact(module, raw)
    constants = [np.asarray(module.net.tensors[tensor].data) for tensor in signed[1:]]
    sums = accumulate(module.net.ops[1], module.net, [values[signed[0]], *constants])  # type: ignore[arg-type]
    assert np.abs(sums).max() > 2**24


def test_it_stays_exact_as_weights_and_ranges_move() -> None:
    net = fold_batch_norm(replace(random_net(5), normalization=BYTES))
    raw = examples(net, 64)
    module = IntegerNet(net, train.calibrate(net, raw[:8]), fused)
    real, _ = entering(module, raw)
    target = torch.arange(64) % 4
    ranges = dict(module.ranges)
    for _ in range(5):
        module.watch()
        loss = torch.nn.functional.cross_entropy(module.logits(real), target)
        with torch.no_grad():
            module.flat.sub_(module.gradient(loss), alpha=0.02)
        module.follow(0.5)
        module.refresh()
        assert_exact(module, raw)
    assert module.ranges != ranges
    assert fused(module.source(), module.ranges) == module.net


def test_gradients_are_those_of_the_float_network() -> None:
    net = fold_batch_norm(replace(random_net(8), normalization=BYTES))
    raw = examples(net, 64)
    module = IntegerNet(net, train.calibrate(net, raw), fused)
    smooth = TorchNet(net)
    real, _ = entering(module, raw)
    target = torch.arange(64) % 4
    one, two = (
        found.gradient(torch.nn.functional.cross_entropy(found.logits(real), target))
        for found in (module, smooth)
    )
    assert torch.nn.functional.cosine_similarity(one, two, dim=0) > 0.97
    assert float(one.norm() / two.norm()) == pytest.approx(1.0, abs=0.1)


def test_logits_are_the_output_in_reals() -> None:
    net = fold_batch_norm(replace(random_net(3, softmax=True), normalization=BYTES))
    raw = examples(net, 10)
    module = IntegerNet(net, train.calibrate(net, raw), fused)
    real, whole = entering(module, raw)
    soft = module.net.ops[-1]
    integers = run_all(module.net, whole)[soft.inputs[0]]
    found = module.net.tensors[soft.inputs[0]].quant
    assert found is not None
    expected = (integers.astype(np.float64) - found.zero_point) * found.scale * soft.beta  # type: ignore[attr-defined]
    np.testing.assert_allclose(module.logits(real).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
