"""Number formats: the one place that says what each name means.

A format says what a layer's weights are, what it puts out, and by which rule scales are chosen.  Every
integer format is an affine quantization (`Quant`); formats differ in types and in the scales that they allow,
so that reference, kernels and training need to know types and scales alone.

| name | weights | what flows | scales |
|---|---|---|---|
| `float32` | float32 | float32 | none |
| `int8` | int8, one scale a channel | int8, with zero point | any |
| `int16x8` | int8, one scale a channel | int16, zero point 0 | any |
| `qmn8`, `qmn16` | int8 or int16, one scale a layer | the same, zero point 0 | powers of two |
| `qmn8-network`, `qmn16-network` | the same | the same | one power of two for the whole network |
| `wNaM` | N bits, one scale a channel | M bits, with zero point | any |

One bit of a weight is its sign; one bit of what flows is 0 or one step, so that 0 stays exact.

Sources: TFLite's quantization specification (int8, int16x8); Novac et al., "Quantization and Deployment of
Deep Neural Networks on Microcontrollers", Sensors 2021, 21, 2984, §4.1.4 (Qm.n).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lilliput.errors import ConfigError
from lilliput.net.tensor import DType, signed

FEW_BITS = 5
"""From so many bits down it is better to cut the largest values than to round all others coarsely."""


class Scales(StrEnum):
    """Which scales a format allows."""

    ANY = "any"
    POWERS = "powers of two"
    ONE_POWER = "one power of two"


@dataclass(frozen=True)
class Format:
    """What a layer's numbers are.

    Attributes:
        name: as users write it.
        weights: type of its weights.
        activations: type of what it puts out.
        scales: which scales are allowed.
        centred: whether the zero point of what flows is 0.
    """

    name: str
    weights: DType
    activations: DType
    scales: Scales = Scales.ANY
    centred: bool = False

    @property
    def real(self) -> bool:
        """Whether it computes with floats."""
        return self.activations is DType.FLOAT32

    @property
    def per_channel(self) -> bool:
        """Whether each output channel's weights have a scale of their own."""
        return self.scales is Scales.ANY


def weights_of(bits: int) -> DType:
    """The type of weights of 1 to 8 bits."""
    return DType.SIGN if bits == 1 else signed(bits)


def _fixed_point(bits: int, scales: Scales) -> Format:
    network = "-network" if scales is Scales.ONE_POWER else ""
    return Format(f"qmn{bits}{network}", signed(bits), signed(bits), scales, centred=True)


FLOAT32 = Format("float32", DType.FLOAT32, DType.FLOAT32)
INT8 = Format("int8", DType.INT8, DType.INT8)

FORMATS: Mapping[str, Format] = {
    known.name: known
    for known in (
        FLOAT32,
        INT8,
        Format("int16x8", DType.INT8, DType.INT16, centred=True),
        *(_fixed_point(bits, scales) for bits in (8, 16) for scales in (Scales.POWERS, Scales.ONE_POWER)),
        *(
            Format(f"w{weights}a{activations}", weights_of(weights), signed(activations))
            for weights in range(1, 9)
            for activations in range(1, 9)
        ),
    )
}
"""Every format by its name."""


def format_named(name: str) -> Format:
    """The format that users call `name`.

    Raises:
        ConfigError: there is none.
    """
    found = FORMATS.get(name)
    if found is None:
        named = ", ".join(known for known in FORMATS if not re.fullmatch(r"w\da\d", known))
        close = difflib.get_close_matches(name, FORMATS, 1)
        raise ConfigError(
            f"there is no number format '{name}'",
            f"known: {named}, and wNaM with N and M from 1 to 8, such as w4a8",
            f"did you mean '{close[0]}'?" if close else "choose one",
        )
    return found


@dataclass(frozen=True)
class Formats:
    """The format of each op of a network; all of them float32, or none.

    Attributes:
        default: of ops that are not named.
        ops: op name → its format.  What no op computes, the network's input, takes the default's type, but
            never less than 8 bits.
    """

    default: Format = INT8
    ops: Mapping[str, Format] = field(default_factory=dict)

    def of(self, op: str) -> Format:
        """The format of the op of that name."""
        return self.ops.get(op, self.default)

    @property
    def real(self) -> bool:
        """Whether the network computes with floats."""
        return self.default.real


def formats_named(text: str) -> Formats:
    """The formats that users write as FORMAT, or as FORMAT,OP=FORMAT,… for ops that have another one.

    Raises:
        ConfigError: a format is unknown, an op has two, floats meet integers, or scales of one rule those of
            another.
    """
    first, *others = text.split(",")
    default = format_named(first.strip())
    ops: dict[str, Format] = {}
    for part in others:
        op, equals, name = part.partition("=")
        if not equals:
            raise ConfigError(
                f"'{part}' does not say which op has another format", "", "write FORMAT,OP=FORMAT,…"
            )
        if op.strip() in ops:
            raise ConfigError(f"op '{op.strip()}' has two formats", f"in '{text}'", "leave one of them out")
        ops[op.strip()] = format_named(name.strip())
    found = Formats(default, ops)
    for chosen in ops.values():
        if (chosen.real, chosen.scales) != (default.real, default.scales):
            raise ConfigError(
                f"'{chosen.name}' and '{default.name}' cannot be in one network",
                "floats do not meet integers, nor scales of one rule those of another",
                "choose formats of one kind",
            )
    return found
