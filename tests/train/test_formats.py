"""Training with integers in every number format: forward as the reference, scales that learn."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from tests.codegen.test_formats_exact import NAMES, chosen_formats
from tests.conftest import EXACT_NETWORKS
from tests.train.sketch import Sketch, gated, random_net
from tests.train.test_integer_net import BYTES, REALS, assert_exact, entering, examples

from lilliput import train
from lilliput.errors import NetError
from lilliput.net import DType, Net
from lilliput.net.formats import Formats, format_named
from lilliput.net.reference.integer import accumulate
from lilliput.passes.fold_batch_norm import fold_batch_norm
from lilliput.passes.fuse_activations import fuse_activations
from lilliput.passes.quantize import quantize
from lilliput.train.integer_net import IntegerNet, Quantize
from lilliput.train.learned import LearnedRescale, LearnedRound, ends_of, nearest
from lilliput.train.learning_net import LearningNet

INTEGERS = [name for name in NAMES if name != "float32" and " for " not in name]
LARGE = (" may reach ", "cannot be requantized", "may not fit")
"""What is said of random networks that leave what their format holds."""


def drawn(name: str, seed: int) -> tuple[Net, Quantize]:
    """A random float network, and how it becomes integers of a format."""
    rng = np.random.default_rng([seed, *name.encode()])
    net = gated(seed) if seed % 4 == 3 else random_net(2000 + seed, seed % 2 == 0, seed % 3 == 0)
    net = fuse_activations(fold_batch_norm(replace(net, normalization=BYTES if seed % 4 < 2 else REALS)))
    return net, partial(quantize, formats=chosen_formats(name, net, rng))


@pytest.mark.exact
@pytest.mark.parametrize("kind", [IntegerNet, LearningNet])
@pytest.mark.parametrize("name", INTEGERS)
def test_every_activation_is_that_of_the_reference(name: str, kind: type[IntegerNet]) -> None:
    """Before and after steps of training, with ranges that fit and with some that are too narrow."""
    compared = 0
    for seed in range(max(4, EXACT_NETWORKS // 10)):
        net, quantized = drawn(name, seed)
        raw = examples(net, 12, seed)
        ranges = train.calibrate(net, examples(net, 40))
        if seed % 3 == 1:
            ranges = {tensor: (low / 4, high / 4) for tensor, (low, high) in ranges.items()}
        try:
            module = kind(net, ranges, quantized)
        except NetError as error:
            if any(said in str(error) for said in LARGE):
                continue
            raise
        assert_exact(module, raw)
        before = module.net
        for _ in range(3):
            real, _ = entering(module, raw)
            module.watch()
            loss = torch.nn.functional.cross_entropy(module.logits(real), torch.arange(12) % 4)
            gradient = module.gradient(loss)
            with torch.no_grad():
                module.flat.sub_(torch.sign(gradient), alpha=0.03)
            module.follow(0.5)
            module.refresh()
            assert_exact(module, raw)
        assert module.net != before
        compared += 1
    assert compared >= 2


def test_sums_that_only_float64_holds_are_exact() -> None:
    """Sixteen bits at their ends: sums of 2**39, products with multipliers beyond 2**53."""
    sketch = Sketch((1500,), np.random.default_rng(0))
    net = sketch.net(sketch.dense("input", 4))
    weights = np.ones((4, 1500), np.float32)
    weights[1] += np.random.default_rng(1).normal(0, 1e-2, 1500).astype(np.float32)
    name = net.ops[0].inputs[1]
    tensors = {**net.tensors, name: replace(net.tensors[name], data=weights)}
    net = replace(net, normalization=REALS, tensors=tensors)
    raw = np.full((5, 1500), 3.0, np.float32)
    raw[:, ::7] = np.arange(5)[:, None]
    raw[4] = 9.0
    ranges = {"input": (-3.0, 3.0), net.outputs[0]: (-0.5, 0.5)}
    module = IntegerNet(net, ranges, partial(quantize, formats=Formats(format_named("qmn16"))))
    values = assert_exact(module, raw)
    op = module.net.ops[-1]
    constants = [np.asarray(module.net.tensors[tensor].data) for tensor in op.inputs[1:]]
    sums = accumulate(op, module.net, [values[op.inputs[0]], *constants])  # type: ignore[arg-type]
    assert np.abs(sums).max() > 2**39


def test_sixteen_bits_change_hardly_anything() -> None:
    net, _ = drawn("int16x8", 2)
    raw = examples(net, 32)
    smooth = train.logits(net, raw)
    module = IntegerNet(
        net, train.calibrate(net, raw), partial(quantize, formats=Formats(format_named("qmn16")))
    )
    real, _ = entering(module, raw)
    assert np.abs(module.logits(real).detach().numpy() - smooth).max() < 0.01 * np.abs(smooth).max()
    assert module.net.input.dtype is not DType.INT8


def learned_rescale(sums: list[float], zero_point: int, span: tuple[float, float]) -> list[float]:
    """Gradients of the two ends, undamped, of the sum of what int4 makes of `sums` at the factor 1."""
    leaf = torch.zeros(2, requires_grad=True)
    ends = ends_of(leaf, span, (-8, 7), zero_point, (-8, 7), 1)
    factor = torch.tensor(1.0, dtype=torch.float64)
    acc = torch.tensor(sums, requires_grad=True)
    y = LearnedRescale.apply(acc, None, factor, -8 - zero_point, 7 - zero_point, leaf, ends)
    y.sum().backward()
    assert leaf.grad is not None
    return [float(value) / ends.damping for value in leaf.grad]


def test_a_number_grows_with_its_scale_by_what_rounding_added() -> None:
    assert learned_rescale([1.25, 2.75], 0, (-8.0, 7.0)) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert learned_rescale([1.25], 0, (-8.0, 7.0)) == pytest.approx([-0.25, -0.25])
    assert learned_rescale([1.25], -8, (0.0, 15.0)) == pytest.approx([0.0, -0.25])
    assert learned_rescale([1.25], -3, (-5.0, 10.0)) == pytest.approx([-0.25 / 3, -0.5 / 3])


def test_a_clamped_number_grows_with_the_end_that_clamps_it() -> None:
    assert learned_rescale([40.0], -3, (-5.0, 10.0)) == pytest.approx([0.0, 10.0])
    assert learned_rescale([-40.0], -3, (-5.0, 10.0)) == pytest.approx([-5.0, 0.0])
    assert learned_rescale([-40.0], 0, (-8.0, 7.0)) == pytest.approx([-8.0, -8.0])


def test_weights_grow_with_their_channels_scale() -> None:
    real = torch.tensor([[0.3, 2.0], [-0.1, -0.2]], requires_grad=True)
    scale = torch.tensor([[0.5], [0.1]], dtype=torch.float64)
    shares = torch.zeros(2, requires_grad=True)
    LearnedRound.apply(real, scale, 1, shares, nearest).sum().backward()
    assert shares.grad is not None
    # 0.6 steps become 1, 4 are clamped to 1; -1 is exact, -2 is clamped to -1
    np.testing.assert_allclose(shares.grad.numpy() * np.sqrt(2.0), [0.4 + 1.0, -1.0], rtol=1e-6)
    np.testing.assert_allclose(real.grad, [[2.0, 0.0], [10.0, 0.0]])


def test_an_end_that_an_activation_sets_does_not_learn() -> None:
    ends = ends_of(torch.zeros(2), (-1.0, 6.0), (-128, 127), -90, (-90, 127), 10)
    assert ends.clamped == ((0, 0.0), (0.0, 217))


def test_learned_scales_are_those_of_the_network() -> None:
    net, quantized = drawn("w3a5", 1)
    module = LearningNet(net, train.calibrate(net, examples(net, 40)), quantized)
    with torch.no_grad():
        module.flat[-1] += 0.5
    before = module.net
    module.refresh()
    moved = [
        name
        for name, tensor in module.net.tensors.items()
        if tensor.constant and tensor.dtype is DType.INT3 and tensor.quant != before.tensors[name].quant
    ]
    (name,) = moved
    old, new = before.tensors[name].quant, module.net.tensors[name].quant
    assert old is not None
    assert new is not None
    assert new.scales[:-1] == old.scales[:-1]
    assert new.scales[-1] == pytest.approx(np.exp(0.5) * old.scales[-1], rel=1e-6)
    assert quantized(module.source(), module.ranges, weight_scales=module.weight_scales()) == module.net


def test_powers_of_two_stay_powers_while_they_learn() -> None:
    net, quantized = drawn("qmn8", 1)
    module = LearningNet(net, train.calibrate(net, examples(net, 40)), quantized)
    with torch.no_grad():
        module.flat[module.decayed :] += torch.linspace(-1.0, 1.0, len(module.flat) - module.decayed)
    module.refresh()
    for tensor in module.net.tensors.values():
        if tensor.quant is not None and tensor.dtype is DType.INT8 and tensor.constant:
            assert len(set(tensor.quant.scales)) == 1
            assert np.log2(tensor.quant.scales[0]) % 1 == 0
