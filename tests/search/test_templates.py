"""MicroAI's templates: parameters as the paper counts them, values as torch computes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lilliput.errors import NetError
from lilliput.net.check import Stage, check
from lilliput.net.graph import Net
from lilliput.net.macs import net_macs
from lilliput.net.reference import run_all
from lilliput.passes import fold_batch_norm, fuse_activations
from lilliput.search.templates import Cnn, Mlp, ResNet, Template, build, resnet_v1_6
from lilliput.train.torch_net import TorchNet

SHAPES = [(1, 31, 5), (12, 10, 3)]


def with_weights(net: Net, seed: int = 0) -> Net:
    """The network with fresh weights; biases and batch norm parameters are not neutral."""
    generator = torch.Generator().manual_seed(seed)
    module = TorchNet(net, generator=generator)
    module.flat.add_(torch.rand(module.flat.shape, generator=generator) * 0.2)
    return module.to_net()


def parameters(net: Net) -> int:
    return sum(math.prod(tensor.shape) for tensor in net.tensors.values() if tensor.constant)


def test_resnet_v1_6_has_as_many_parameters_as_the_paper_says() -> None:
    # Section 6.1.1: 16 filters take 3958 bytes with 8 bits each.
    net = build(resnet_v1_6(16), (1, 128, 9), 6, "har")
    check(net, Stage.FLOAT)
    assert parameters(net) == 3958
    assert parameters(build(resnet_v1_6(8), (1, 128, 9), 6, "har")) == 1150
    weighted = [op for op in net.ops if type(op).__name__ in ("Conv2D", "FullyConnected")]
    assert len([op for op in weighted if "project" not in op.name]) == 6


def test_series_and_images_differ_in_the_kernels_height_alone() -> None:
    series, image = (build(resnet_v1_6(4), shape, 3, "n") for shape in ((1, 16, 2), (16, 16, 2)))
    assert [op.name for op in series.ops] == [op.name for op in image.ops]
    assert series.tensors["stem_weights"].shape == (4, 1, 3, 2)
    assert image.tensors["stem_weights"].shape == (4, 3, 3, 2)
    assert net_macs(image) > net_macs(series)


def image(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).permute(2, 0, 1)[None]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_resnet_computes_what_the_paper_describes(
    shape: tuple[int, ...], kernel: int, batch_norm: bool
) -> None:
    template = ResNet((6, 6, 7), (kernel, 3, 3), (2, 1), (2, 1), "max", batch_norm)
    net = with_weights(build(template, shape, 4, "n"))
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    def convolved(name: str, value: torch.Tensor, size: int) -> torch.Tensor:
        constants = {
            part: torch.from_numpy(np.array(tensor.data))
            for part in ("weights", "bias")
            if (tensor := net.tensors.get(f"{name}_{part}")) is not None
        }
        pad = [(size - 1) // 2, size // 2]
        value = F.pad(value, pad + ([0, 0] if shape[0] == 1 else pad))
        value = F.conv2d(value, constants["weights"].permute(0, 3, 1, 2), constants.get("bias"))
        if batch_norm:
            gamma, beta, mean, variance = (
                torch.from_numpy(np.array(net.tensors[f"{name}_norm_{part}"].data))
                for part in ("gamma", "beta", "mean", "variance")
            )
            value = F.batch_norm(value, mean, variance, gamma, beta, False, 0.0, 1e-3)
        return value

    def pooled(value: torch.Tensor, size: int) -> torch.Tensor:
        return F.max_pool2d(value, (1 if shape[0] == 1 else size, size))

    def block(name: str, value: torch.Tensor, stride: int, project: bool) -> torch.Tensor:
        inner = F.relu(pooled(convolved(f"{name}_conv1", value, 3), stride))
        inner = convolved(f"{name}_conv2", inner, 3)
        shortcut = pooled(convolved(f"{name}_project", value, 1), stride) if project else value
        return F.relu(inner + shortcut)

    value = F.relu(convolved("stem", image(x), kernel))
    value = block("stage1_block1", value, 2, project=True)
    value = block("stage1_block2", value, 1, project=False)
    value = block("stage2_block1", value, 1, project=True)
    value = value.amax(dim=(2, 3))[0]
    head = [torch.from_numpy(np.array(net.tensors[f"logits_{part}"].data)) for part in ("weights", "bias")]
    wanted = F.linear(value, *head).numpy()
    found = run_all(net, x[None])[net.outputs[0]][0]
    assert np.allclose(found, wanted, atol=1e-3)
    folded = fuse_activations(fold_batch_norm(net))
    assert np.allclose(run_all(folded, x[None])[folded.outputs[0]][0], wanted, atol=1e-3)
    assert not any(type(op).__name__ in ("ReLU", "BatchNorm") for op in folded.ops)


@pytest.mark.parametrize("shape", SHAPES)
def test_cnn_and_mlp_have_the_layers_that_were_asked_for(shape: tuple[int, ...]) -> None:
    cnn = build(Cnn((4, 6), (5, 3), (2, 1), (9,), padded=True), shape, 3, "n")
    check(cnn, Stage.FLOAT)
    assert cnn.tensors["conv1"].shape == (*shape[:2], 4)
    assert cnn.tensors["pool1"].shape == (max(1, shape[0] // 2), shape[1] // 2, 4)
    assert "pool2" not in cnn.tensors
    assert cnn.tensors["dense1"].shape == (9,)
    valid = build(Cnn((4,), (3,), (1,), padded=False), shape, 3, "n")
    assert valid.tensors["conv1"].shape == (max(1, shape[0] - 2), shape[1] - 2, 4)
    mlp = build(Mlp((7, 5)), shape, 3, "n")
    assert [mlp.tensors[name].shape for name in ("dense1", "dense2", "logits")] == [(7,), (5,), (3,)]


@pytest.mark.parametrize("template", [Mlp((4,)), Cnn((4,), (3,), (2,)), resnet_v1_6(4)])
def test_an_input_that_is_no_image_is_refused(template: Template) -> None:
    with pytest.raises(NetError, match="takes an input"):
        build(template, (5,), 3, "n")
    with pytest.raises(NetError, match="takes an input"):
        build(template, (1, 8, 2), 0, "n")


def test_small_images_do_not_end_in_a_crash() -> None:
    check(build(resnet_v1_6(3), (1, 2, 3), 2, "n"), Stage.FLOAT)
    check(build(resnet_v1_6(3), (3, 3, 1), 2, "n"), Stage.FLOAT)
    for shape in [(1, 1, 1), (2, 1, 1)]:
        with pytest.raises(NetError, match="'stage1_block1_pool' has windows of 2"):
            build(resnet_v1_6(3), shape, 2, "n")
    for shape in [(1, 1, 1), (1, 2, 3), (2, 1, 1), (3, 3, 1)]:
        with pytest.raises(NetError, match="'conv1' has windows of 7"):
            build(Cnn((3, 3), (7, 7), (4, 4), (), padded=False), shape, 2, "n")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (Cnn((3,), (11,), (1,), padded=False), "conv1"),
        (Cnn((3,), (3,), (20,)), "pool1"),
        (Cnn((3, 3, 3), (3, 3, 3), (2, 1, 1), padded=False), "conv3"),
        (ResNet((4, 4), (3, 3), (50,), (1,)), "stage1_block1_pool"),
    ],
)
def test_windows_larger_than_what_they_slide_over_are_refused(template: Template, name: str) -> None:
    with pytest.raises(NetError, match=f"'{name}' has windows"):
        build(template, (8, 8, 1), 10, "small")
