"""One layer at the edges of what its kernel does: each format, case and way to draw numbers is a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pytest
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host

from lilliput.errors import ToolchainError
from lilliput.net import Net, Tensor
from lilliput.net.reference import run
from lilliput.targets import board

_RAM_BYTES = 1 << 21
"""Of the emulated board: enough for the inputs and outputs of all networks."""
EXTREMES = ("drawn", "largest", "smallest", "alternating")
"""How weights are made."""


def constant(name: str, data: np.ndarray) -> Tensor:
    """A float32 constant."""
    return Tensor(name, data.shape, constant=True, data=data.astype(np.float32))


def extreme_weights(extreme: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights of one of `EXTREMES`."""
    match extreme:
        case "largest":
            return np.ones(shape)
        case "smallest":
            return -np.ones(shape)
        case "alternating":
            return rng.choice([-1.0, 1.0], shape)
    return rng.normal(0, 0.5, shape)


@dataclass
class CaseNetworks:
    """The networks of all formats, cases and extremes for a board, and what they put out there.

    Attributes:
        make: (case, format, extreme) → planned network.
        draw: network → inputs, rows by rows.
    """

    target: str
    formats: Sequence[str]
    cases: Sequence[str]
    make: Callable[[str, str, str], Net]
    draw: Callable[[Net], np.ndarray]

    def keys(self, formats: str) -> Iterator[tuple[str, str, str]]:
        """Name of the network, case and extreme, of one format."""
        number = self.formats.index(formats)
        for index, case in enumerate(self.cases):
            for way, extreme in enumerate(EXTREMES):
                yield f"net{number}_{index}_{way}", case, extreme

    @cached_property
    def nets(self) -> dict[str, Net]:
        """By their names."""
        return {
            key: replace(self.make(case, formats, extreme), name=key)
            for formats in self.formats
            for key, case, extreme in self.keys(formats)
        }

    @cached_property
    def inputs(self) -> Arrays:
        """Of every network."""
        return {key: self.draw(net) for key, net in self.nets.items()}

    @cached_property
    def _on_host(self) -> Arrays:
        return run_on_host(self.nets, board(self.target), self.inputs)

    @cached_property
    def _on_chip(self) -> Arrays:
        roomy = replace(board(self.target), ram_bytes=_RAM_BYTES)
        return run_on_chip(self.nets, roomy, self.inputs)

    def check_on_host(self, formats: str) -> None:
        """Asserts that the C of the host, under sanitizers, puts out what the reference does."""
        self._compare(formats, self._on_host)

    def check_on_chip(self, formats: str) -> None:
        """Asserts the same of the emulated C; skips the test without a compiler."""
        try:
            found = self._on_chip
        except ToolchainError as error:
            pytest.skip(str(error))
        self._compare(formats, found)

    def _compare(self, formats: str, found: Arrays) -> None:
        for key, case, extreme in self.keys(formats):
            expected = run(self.nets[key], self.inputs[key])
            assert np.array_equal(found[key], expected), (case, extreme)
