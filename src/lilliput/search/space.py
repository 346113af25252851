"""What a search space is: architectures that can be drawn, changed a little, assembled and written down."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol, TypeVar

import numpy as np

from lilliput.net.formats import Formats
from lilliput.net.graph import Net

Architecture = TypeVar("Architecture", bound=Hashable)


class Space(Protocol[Architecture]):
    """A set of architectures, which are frozen values: equal ones are the same point of the space."""

    @property
    def name(self) -> str:
        """The name in configurations and in stored studies."""
        ...

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture; depends on nothing but `rng`."""
        ...

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> tuple[Architecture, str]:
        """A neighbour, never the architecture itself, and the name of the morphism that leads there."""
        ...

    def widths(self, architecture: Architecture) -> tuple[int, ...]:
        """The free channels and units of an architecture, in the order of the layers."""
        ...

    def with_widths(self, architecture: Architecture, widths: Sequence[int]) -> Architecture:
        """The same shape with these channels and units, each cut to what the space allows."""
        ...

    def to_net(
        self, architecture: Architecture, input_shape: tuple[int, ...], classes: int, name: str
    ) -> Net:
        """The float network, without weights.

        Raises:
            NetError: the space cannot take this input shape.
        """
        ...

    def formats(self, architecture: Architecture) -> Formats:
        """The number formats of that network's ops, which keep their names when activations are fused."""
        ...

    def encode(self, architecture: Architecture) -> dict[str, Any]:
        """The architecture in JSON values; `decode` gives the same architecture back."""
        ...

    def decode(self, encoded: Mapping[str, Any]) -> Architecture:
        """The architecture that `encode` wrote.

        Raises:
            StudyError: not an architecture of this space.
        """
        ...


def structure(net: Net, formats: Formats | None = None) -> str:
    """A fingerprint of what `net` computes: equal for networks that differ in names only.

    Args:
        net: float, weights or not.
        formats: of its ops; int8 if None.

    Different architectures can assemble to one network (a 7 x 7 kernel over a 3 x 3 image is a 3 x 3 kernel);
    a study that compares by structure trains such a network once.
    """
    indices: dict[str, int] = {}
    for name in (*net.inputs, *(name for op in net.ops for name in (*op.inputs, *op.outputs))):
        indices.setdefault(name, len(indices))
    described = [
        (
            type(op).__name__,
            tuple((field.name, getattr(op, field.name)) for field in fields(op) if field.name not in _NAMES),
            tuple(indices[name] for name in op.inputs),
            tuple(net.tensors[name].shape for name in op.inputs),
            *((formats.of(op.name).name,) if formats and op.name in formats.ops else ()),
        )
        for op in net.ops
    ]
    return hashlib.blake2b(repr(described).encode(), digest_size=16).hexdigest()


_NAMES = frozenset({"name", "inputs", "outputs"})
