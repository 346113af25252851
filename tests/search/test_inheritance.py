"""Weight inheritance: whatever a mutation leaves alone keeps its weights, whatever it touches does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lilliput.net.graph import Net
from lilliput.search.chain import ChainSpace
from lilliput.search.chain_architecture import ChainArchitecture, Convolution, Dense, Pooling
from lilliput.search.cnn import CnnSpace
from lilliput.search.inheritance import inherit

SPACE = ChainSpace()
PARENT = ChainArchitecture(
    (Convolution(3, 4, 8), Pooling(), Convolution(3, 6, 8), Convolution(5, 6, 8)), (Dense(20, 8),), 8
)


def net(architecture: ChainArchitecture) -> Net:
    return SPACE.to_net(architecture, (40, 40, 1), 3, "chain")


def filled(untrained: Net) -> Net:
    """Every constant gets its own value."""
    tensors = [
        replace(tensor, data=np.full(tensor.shape, index, np.float32))
        for index, tensor in enumerate(untrained.tensors.values())
        if tensor.constant
    ]
    return untrained.with_ops(untrained.ops, tensors)


def origins(architecture: ChainArchitecture) -> dict[str, str | None]:
    """Child's layer → parent's layer whose weights it has."""
    parent = filled(net(PARENT))
    names = {
        float(np.ravel(tensor.data)[0]): name
        for name, tensor in parent.tensors.items()
        if tensor.data is not None
    }
    child, count = inherit(net(architecture), parent)
    found: dict[str, str | None] = {}
    for name, tensor in child.tensors.items():
        if tensor.constant:
            layer, part = name.split("_", 1) if "logits" not in name else ("logits", name.split("_")[1])
            origin = None if tensor.data is None else names[float(np.ravel(tensor.data)[0])]
            assert origin is None or origin.endswith(part.split("_")[-1])
            source = None if origin is None else origin.split("_")[0]
            assert found.setdefault(layer, source) == source
    assert count == sum(source is not None for source in found.values())
    return found


def with_features(*features: Convolution | Pooling) -> ChainArchitecture:
    return replace(PARENT, features=features)


def test_the_same_architecture_inherits_everything() -> None:
    assert origins(PARENT) == {name: name for name in ("conv1", "conv3", "conv4", "dense1", "logits")}


def test_an_inserted_pooling_moves_layers_but_takes_nothing_from_them() -> None:
    first, pool, *others = PARENT.features
    found = origins(with_features(first, pool, pool, *others))
    # The fully connected layer behind the smaller image has fewer weights and starts anew.
    assert found == {"conv1": "conv1", "conv4": "conv3", "conv5": "conv4", "dense1": None, "logits": "logits"}


def test_an_inserted_layer_starts_anew_and_so_does_what_reads_other_channels() -> None:
    first, pool, *others = PARENT.features
    found = origins(with_features(first, Convolution(5, 7, 8), pool, *others))
    assert found == {
        "conv1": "conv1",
        "conv2": None,
        "conv4": None,
        "conv5": "conv4",
        "dense1": None,
        "logits": "logits",
    }


@pytest.mark.parametrize(
    ("place", "layer", "lost"),
    [
        (0, Convolution(5, 4, 8), {"conv1", "dense1"}),
        (0, Convolution(3, 5, 8), {"conv1", "conv3"}),
        (3, Convolution(5, 7, 8), {"conv4", "dense1"}),
    ],
)
def test_a_changed_layer_starts_anew(place: int, layer: Convolution, lost: set[str]) -> None:
    features = [*PARENT.features]
    features[place] = layer
    assert {name for name, origin in origins(with_features(*features)).items() if origin is None} == lost


def test_a_removed_hidden_layer_leaves_the_convolutions_alone() -> None:
    assert origins(replace(PARENT, dense=())) == {
        "conv1": "conv1",
        "conv3": "conv3",
        "conv4": "conv4",
        "logits": None,
    }


def test_bits_change_no_weight() -> None:
    assert None not in origins(replace(PARENT, bits=2)).values()


def test_networks_with_branches_inherit_too() -> None:
    space, rng = CnnSpace(prior="shallow"), np.random.default_rng(0)
    for _ in range(20):
        architecture = space.sample(rng)
        parent = filled(space.to_net(architecture, (16, 16, 1), 3, "n"))
        same, count = inherit(space.to_net(architecture, (16, 16, 1), 3, "n"), parent)
        assert count > 0
        assert all(tensor.data is not None for tensor in same.tensors.values() if tensor.constant)
        child = space.to_net(space.mutate(architecture, rng)[0], (16, 16, 1), 3, "n")
        for tensor in inherit(child, parent)[0].tensors.values():
            assert tensor.data is None or tensor.data.shape == tensor.shape
