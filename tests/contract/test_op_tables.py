"""Every op has its entry in every consumer's table, and no table has an entry for anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lilliput.codegen import layers as codegen
from lilliput.net import FLOAT_ONLY, IN_PLACE, OPS, Op
from lilliput.net.reference import floating, integer
from lilliput.report.graph import FAMILIES
from lilliput.targets.kernels import KERNELS

Table = Callable[[], Mapping[type[Op], Any]]


def torch_layers() -> Mapping[type[Op], Any]:
    from lilliput.train.layers import LAYERS

    return LAYERS


FLOAT: dict[str, Table] = {
    "net/reference/floating.py": lambda: floating.FLOAT_OPS,
    "train/layers.py": torch_layers,
    "report/graph.py": lambda: FAMILIES,
}
INTEGER: dict[str, Table] = {
    "net/reference/integer.py": lambda: integer.INTEGER_OPS,
    "targets/kernels.py": lambda: KERNELS,
    "codegen/layers.py": lambda: codegen._EMITTERS,
}
"""Consumers that see quantized networks only."""

QUANTIZED = [op for op in OPS if op not in FLOAT_ONLY]


@pytest.mark.parametrize("name", FLOAT)
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_every_op_is_known_to_who_sees_float_networks(op: type[Op], name: str) -> None:
    assert op in FLOAT[name](), f"{name} does not say what {op.__name__} is"


@pytest.mark.parametrize("name", INTEGER)
@pytest.mark.parametrize("op", QUANTIZED, ids=lambda op: op.__name__)
def test_every_integer_op_is_known_to_who_sees_quantized_networks(op: type[Op], name: str) -> None:
    assert op in INTEGER[name](), f"{name} does not say what {op.__name__} is"


@pytest.mark.parametrize(("name", "table"), [*FLOAT.items(), *INTEGER.items()], ids=lambda v: str(v)[:30])
def test_no_table_knows_what_is_no_op(name: str, table: Table) -> None:
    assert set(table()) <= set(OPS), name


def test_every_op_class_is_listed() -> None:
    def leaves(kind: type[Op]) -> set[type[Op]]:
        below = kind.__subclasses__()
        return set().union(*(leaves(inner) for inner in below)) if below else {kind}

    # Other tests may define ops of their own.
    assert {op for op in leaves(Op) if op.__module__ == "lilliput.net.ops"} == set(OPS)


def test_what_works_in_place_is_an_op() -> None:
    assert set(IN_PLACE) <= set(OPS)
    assert set(FLOAT_ONLY) <= set(OPS)
