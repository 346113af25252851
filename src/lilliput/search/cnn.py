"""The space `cnn`: µNAS's search space (Liberis et al., 2021, Table 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lilliput.net.formats import Formats
from lilliput.net.graph import Net
from lilliput.search import cnn_architecture
from lilliput.search.cnn_architecture import CnnArchitecture
from lilliput.search.cnn_assemble import assemble
from lilliput.search.cnn_morphisms import moves
from lilliput.search.cnn_sample import PRIORS, Counts, Prior, Sampler
from lilliput.search.widths import WHOLE, Range, Widths


class CnnSpace:
    """Convolutional networks in serial and parallel blocks, as fine-grained as single channels.

    Args:
        counts: how random channels and units are spread over their range: "uniform" as in µNAS, or
            "log-uniform", which finds networks of a few hundred parameters.
        prior: how the other options are drawn: "uniform" as in µNAS, or "shallow", which favours what trains
            well in few epochs, or "pyramid", whose blocks also halve the image and double the channels.  The
            space itself is the same.
        bits: fewest and most bits of a layer's weights; 8 and no others in µNAS.
        activation_bits: the same of what a layer puts out.
    """

    name = "cnn"

    def __init__(
        self,
        counts: Counts = "uniform",
        prior: Prior = "uniform",
        bits: Range = (WHOLE, WHOLE),
        activation_bits: Range = (WHOLE, WHOLE),
    ) -> None:
        self._sampler = Sampler(counts, PRIORS[prior], Widths(bits, activation_bits))

    def sample(self, rng: np.random.Generator) -> CnnArchitecture:
        """A random architecture."""
        return self._sampler.architecture(rng)

    def mutate(self, architecture: CnnArchitecture, rng: np.random.Generator) -> tuple[CnnArchitecture, str]:
        """A child by one morphism, drawn uniformly from all that apply, and the name of the morphism."""
        options = moves(architecture, self._sampler.widths)
        name, change = options[int(rng.integers(len(options)))]
        return change(architecture, self._sampler, rng), name

    def widths(self, architecture: CnnArchitecture) -> tuple[int, ...]:
        """The free channels of all layers, then the hidden units."""
        return cnn_architecture.widths(architecture)

    def with_widths(self, architecture: CnnArchitecture, widths: Sequence[int]) -> CnnArchitecture:
        """The same layers with other `widths`, cut to Table 1's bounds."""
        return cnn_architecture.with_widths(architecture, widths)

    def to_net(
        self, architecture: CnnArchitecture, input_shape: tuple[int, ...], classes: int, name: str
    ) -> Net:
        """The float network, without weights; see `lilliput.search.cnn_assemble`."""
        return assemble(architecture, input_shape, classes, name)

    def formats(self, architecture: CnnArchitecture) -> Formats:
        """The number formats of the network's layers."""
        return cnn_architecture.formats(architecture)

    def encode(self, architecture: CnnArchitecture) -> dict[str, Any]:
        """The architecture in JSON values."""
        return cnn_architecture.encode(architecture)

    def decode(self, encoded: Mapping[str, Any]) -> CnnArchitecture:
        """The architecture that `encode` wrote; raises StudyError for anything else."""
        return cnn_architecture.decode(encoded)
