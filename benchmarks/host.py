"""Inferences on this machine: the generated C against the numpy reference."""

from __future__ import annotations

from collections.abc import Iterator

from comparison import Comparison, seconds
from networks import RANGES, layers

from lilliput.codegen import generate
from lilliput.measure.host import HostModel
from lilliput.measure.measuring import random_vectors
from lilliput.net.reference import run as run_reference
from lilliput.passes import lower
from lilliput.targets import board

EXAMPLES = 64


def run(seed: int) -> Iterator[Comparison]:
    """Inferences in a second over an array of examples."""
    target = board("generic-m4")
    for what, net in layers(seed).items():
        planned = lower(net, RANGES, target.core)
        model = HostModel(planned, generate(planned, target))
        x = random_vectors(planned, EXAMPLES, seed)
        compiled, reference = (
            EXAMPLES / seconds(work)
            for work in (lambda m=model, x=x: m.run(x), lambda n=planned, x=x: run_reference(n, x))
        )
        yield Comparison(
            what, "inferences/s", ("C", compiled), ("reference", reference), smaller_is_better=False
        )
