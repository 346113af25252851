"""An architecture of the space `chain`: layers in a row, each with its bit width, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lilliput.net.formats import Formats
from lilliput.search.encoded import Decoder
from lilliput.search.widths import BITS, WHOLE, formats_of

CONVOLUTIONS = (1, 6)
"""Fewest and most convolutions."""
POOLINGS = (0, 4)
"""Fewest and most poolings."""
DENSE = (0, 3)
"""Fewest and most hidden fully connected layers."""
KERNELS = (3, 5, 7)
"""Sides of a convolution's kernel."""
CHANNELS = (1, 128)
"""Fewest and most output channels of a convolution."""
UNITS = (4, 256)
"""Fewest and most units of a hidden fully connected layer."""
POOL = 2
"""Side of a pooling."""

_DECODER = Decoder("chain")
_WIDTHS = {"bits", "activation_bits"}


@dataclass(frozen=True)
class Convolution:
    """A convolution without padding, then batch normalization and ReLU.

    Attributes:
        kernel: side, one of `KERNELS`.
        channels: of the output.
        bits: of its weights.
        activation_bits: of what it puts out.
    """

    kernel: int
    channels: int
    bits: int = WHOLE
    activation_bits: int = WHOLE


@dataclass(frozen=True)
class Pooling:
    """A 2 x 2 max pooling."""


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with ReLU.

    Attributes:
        units: of the output.
        bits: of its weights.
        activation_bits: of what it puts out.
    """

    units: int
    bits: int = WHOLE
    activation_bits: int = WHOLE


@dataclass(frozen=True)
class ChainArchitecture:
    """Convolutions and poolings, hidden fully connected layers, and a last layer with a unit for each class.

    Attributes:
        features: convolutions and poolings in any order, at least one convolution.
        dense: hidden fully connected layers.
        bits: of the weights of the last layer.
    """

    features: tuple[Convolution | Pooling, ...]
    dense: tuple[Dense, ...]
    bits: int = WHOLE

    @property
    def convolutions(self) -> int:
        """How many of the features are convolutions."""
        return sum(isinstance(layer, Convolution) for layer in self.features)

    @property
    def poolings(self) -> int:
        """How many of the features are poolings."""
        return len(self.features) - self.convolutions


def widths(architecture: ChainArchitecture) -> tuple[int, ...]:
    """Channels in the order of the layers, then hidden units."""
    channels = (layer.channels for layer in architecture.features if isinstance(layer, Convolution))
    return (*channels, *(layer.units for layer in architecture.dense))


def with_widths(architecture: ChainArchitecture, wanted: Sequence[int]) -> ChainArchitecture:
    """The same layers with other `widths`, each cut to its bounds."""
    left: Iterator[int] = iter(wanted)
    features = tuple(
        [
            replace(layer, channels=cut(next(left), CHANNELS)) if isinstance(layer, Convolution) else layer
            for layer in architecture.features
        ]
    )
    dense = tuple([replace(layer, units=cut(next(left), UNITS)) for layer in architecture.dense])
    return replace(architecture, features=features, dense=dense)


def cut(value: int, bounds: tuple[int, int]) -> int:
    """The nearest value within the bounds."""
    return min(max(value, bounds[0]), bounds[1])


def layer_name(layer: int) -> str:
    """The op of convolution or pooling `layer` of the features, from 0 on."""
    return f"conv{layer + 1}"


def formats(architecture: ChainArchitecture) -> Formats:
    """The number formats that the bits of the layers ask for."""
    layers = {
        layer_name(index): (layer.bits, layer.activation_bits)
        for index, layer in enumerate(architecture.features)
        if isinstance(layer, Convolution)
    }
    dense = {
        f"dense{number}": (layer.bits, layer.activation_bits)
        for number, layer in enumerate(architecture.dense, start=1)
    }
    return formats_of({**layers, **dense, "logits": (architecture.bits, WHOLE)})


def encode(architecture: ChainArchitecture) -> dict[str, Any]:
    """The architecture in JSON values; activations of 8 bits are left out."""
    return {
        "features": [
            {"type": "convolution", "kernel": layer.kernel, "channels": layer.channels, **_widths(layer)}
            if isinstance(layer, Convolution)
            else {"type": "pooling"}
            for layer in architecture.features
        ],
        "dense": [{"units": layer.units, **_widths(layer)} for layer in architecture.dense],
        "bits": architecture.bits,
    }


def _widths(layer: Convolution | Dense) -> dict[str, int]:
    activations = {} if layer.activation_bits == WHOLE else {"activation_bits": layer.activation_bits}
    return {"bits": layer.bits, **activations}


def decode(encoded: Mapping[str, Any]) -> ChainArchitecture:
    """The architecture that `encode` wrote, with every bound of the space checked.

    Raises:
        StudyError: `encoded` is no architecture of the space; names the place and the value.
    """
    top = _DECODER.mapping(encoded, "architecture", {"features", "dense"}, {"bits"})
    features = tuple(
        _feature(layer, f"features[{index}]")
        for index, layer in enumerate(
            _DECODER.entries(top["features"], "features", (CONVOLUTIONS[0], CONVOLUTIONS[1] + POOLINGS[1]))
        )
    )
    dense = tuple(
        _dense(layer, f"dense[{index}]")
        for index, layer in enumerate(_DECODER.entries(top["dense"], "dense", DENSE))
    )
    found = ChainArchitecture(features, dense, _bits(top, "", "bits"))
    for name, count, bounds in (
        ("convolutions", found.convolutions, CONVOLUTIONS),
        ("poolings", found.poolings, POOLINGS),
    ):
        if not bounds[0] <= count <= bounds[1]:
            raise _DECODER.refuse(f"the number of {name}", count, f"{bounds[0]} to {bounds[1]} expected")
    return found


def _feature(encoded: object, where: str) -> Convolution | Pooling:
    if encoded == {"type": "pooling"}:
        return Pooling()
    found = _DECODER.mapping(encoded, where, {"type", "kernel", "channels"}, _WIDTHS)
    _DECODER.choice(found["type"], f"{where}.type", ("convolution",))
    return Convolution(
        _DECODER.whole(found["kernel"], f"{where}.kernel", KERNELS),
        _DECODER.whole(found["channels"], f"{where}.channels", range(CHANNELS[0], CHANNELS[1] + 1)),
        _bits(found, f"{where}.", "bits"),
        _bits(found, f"{where}.", "activation_bits"),
    )


def _dense(encoded: object, where: str) -> Dense:
    found = _DECODER.mapping(encoded, where, {"units"}, _WIDTHS)
    units = _DECODER.whole(found["units"], f"{where}.units", range(UNITS[0], UNITS[1] + 1))
    return Dense(units, _bits(found, f"{where}.", "bits"), _bits(found, f"{where}.", "activation_bits"))


def _bits(found: Mapping[str, Any], where: str, key: str) -> int:
    return _DECODER.whole(found.get(key, WHOLE), f"{where}{key}", range(BITS[0], BITS[1] + 1))
