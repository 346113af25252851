"""Every consumer of networks knows every op: a missing entry is named here, not by a user."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest

from lilliput.net import FLOAT_ONLY, IN_PLACE, OPS

INTEGER = frozenset(OPS) - FLOAT_ONLY

Table = Mapping[type, Any]


def _reference_float() -> Table:
    from lilliput.net.reference import FLOAT_OPS

    return FLOAT_OPS


def _reference_integer() -> Table:
    from lilliput.net.reference import INTEGER_OPS

    return INTEGER_OPS


def _reference_tflm() -> Table:
    from lilliput.net.reference import TFLM_OPS

    return TFLM_OPS


def _kernels() -> Table:
    from lilliput.targets.kernels import KERNELS

    return KERNELS


def _emitters() -> Table:
    from lilliput.codegen.layers import _EMITTERS

    return _EMITTERS


def _cycles() -> Table:
    from lilliput.cost.cycle_counts import COUNTS

    return COUNTS


def _torch_layers() -> Table:
    from lilliput.train.layers import LAYERS

    return LAYERS


def _torch_integer_layers() -> Table:
    from lilliput.train.integer_layers import INTEGER_LAYERS

    return INTEGER_LAYERS


def _report_families() -> Table:
    from lilliput.report.graph import FAMILIES

    return FAMILIES


def _tflite_emitters() -> Table:
    from lilliput.formats.tflite.emitters import EMITTERS

    return EMITTERS


TABLES: dict[str, tuple[Callable[[], Table], Collection[type]]] = {
    "net.reference.FLOAT_OPS": (_reference_float, OPS),
    "net.reference.INTEGER_OPS": (_reference_integer, INTEGER),
    "net.reference.TFLM_OPS": (_reference_tflm, INTEGER),
    "targets.kernels.KERNELS": (_kernels, INTEGER),
    "codegen.layers._EMITTERS": (_emitters, INTEGER),
    "cost.cycle_counts.COUNTS": (_cycles, OPS),
    "train.layers.LAYERS": (_torch_layers, OPS),
    "train.integer_layers.INTEGER_LAYERS": (_torch_integer_layers, INTEGER),
    "report.graph.FAMILIES": (_report_families, OPS),
    "formats.tflite.emitters.EMITTERS": (_tflite_emitters, INTEGER),
}
"""Where it is → how to get it, and the ops that it must hold, no less and no more."""


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_every_op(name: str) -> None:
    get, wanted = TABLES[name]
    table = get()
    assert not set(wanted) - set(table), f"{name} lacks {_names(set(wanted) - set(table))}"
    assert not set(table) - set(wanted), f"{name} has no use for {_names(set(table) - set(wanted))}"


def test_sets_of_ops_hold_only_known_ops() -> None:
    assert set(OPS) >= FLOAT_ONLY
    assert set(OPS) >= IN_PLACE
    assert len(set(OPS)) == len(OPS)


def _names(ops: Collection[type]) -> str:
    return ", ".join(sorted(op.__name__ for op in ops))
