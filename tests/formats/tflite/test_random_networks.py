"""Random .tflite files: TensorFlow Lite Micro, the reference and generated C agree on every byte.

Half are random networks, written to files; half are drawn operator by operator, in all forms of files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import Arrays, run_on_chip, run_on_host
from tests.codegen.tflm_form import in_tflm
from tests.conftest import EXACT_NETWORKS
from tests.formats.tflite.files import oracle_integers
from tests.formats.tflite.random_operators import random_file
from tests.strategies import random_net

from lilliput.errors import LilliputError, MeasureError, ToolchainError
from lilliput.formats.tflite import parse_tflite, write_tflite
from lilliput.formats.tflite.graph import parse_graph
from lilliput.formats.tflite.operators import CONVERTERS
from lilliput.net import DepthwiseConv2D, DType, Net
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import Board, board
from lilliput.targets.cores import CORES, Core

NETWORKS = min(200, EXACT_NETWORKS * 2 // 3)
"""`make test-exact` compares 200, `make test` a tenth of them."""
NETWORKS_OF_A_BUILD = 20
SEEDS_OF_A_BUILD = 1000
ROWS = 4

Drawn = tuple[bytes, Net]


def written(seed: int) -> Iterator[Drawn]:
    """Files of random networks that TensorFlow Lite's operators can express, and what is read from them."""
    for offset in range(SEEDS_OF_A_BUILD):
        rng = np.random.default_rng([seed, offset])
        try:
            data = write_tflite(in_tflm(random_net(rng)))
        except LilliputError:
            continue  # paddings of average pools and scales that nobody can express
        yield data, parse_tflite(data)


def drawn(seed: int) -> Iterator[Drawn]:
    """Files of random operators, and what is read from them."""
    for offset in range(SEEDS_OF_A_BUILD):
        data = random_file([seed, offset])
        try:
            yield data, parse_tflite(data)
        except LilliputError as error:
            # A logistic or tanh of an input that no fixed point holds: the oracle stops there, too.
            if "its input's scale" not in error.why:
                raise


@cache
def files(seed: int) -> tuple[Drawn, ...]:
    half = NETWORKS_OF_A_BUILD // 2
    found = (*islice(written(seed), half), *islice(drawn(seed), half))
    assert len(found) == NETWORKS_OF_A_BUILD
    return found


def planned(seed: int, target: Board) -> dict[str, Net]:
    nets = (net for _, net in files(seed))
    return {str(k): plan_for(replace(net, name=f"net{k}"), target.core) for k, net in enumerate(nets)}


@cache
def inputs(seed: int) -> Arrays:
    return {str(k): random_input(net, ROWS, seed) for k, (_, net) in enumerate(files(seed))}


@cache
def expected(seed: int) -> Arrays:
    """What TensorFlow Lite Micro computes."""
    rows = zip(inputs(seed).items(), files(seed), strict=True)
    return {key: oracle_integers(data, net, x) for (key, x), (data, net) in rows}


BUILDS = pytest.mark.parametrize("seed", range(NETWORKS // NETWORKS_OF_A_BUILD))


@pytest.mark.exact
@BUILDS
def test_the_reference_is_tensorflow_lite_micro(seed: int) -> None:
    for (key, x), (_, net) in zip(inputs(seed).items(), files(seed), strict=True):
        np.testing.assert_array_equal(run(net, x), expected(seed)[key])


@pytest.mark.exact
@pytest.mark.parametrize("name", ["generic-m4", "rp2040"])
@BUILDS
def test_host_c_is_tensorflow_lite_micro(seed: int, name: str) -> None:
    target = board(name)
    same(run_on_host(planned(seed, target), target, inputs(seed)), expected(seed))


@pytest.mark.exact
@pytest.mark.parametrize("of", CORES, ids=lambda of: of.name)
@BUILDS
def test_emulated_c_is_tensorflow_lite_micro(seed: int, of: Core) -> None:
    target = replace(board("generic-m4"), name=f"any-{of.name}", core=of)
    try:
        found = run_on_chip(planned(seed, target), target, inputs(seed))
    except ToolchainError as error:
        pytest.skip(str(error))
    except MeasureError as error:
        if "no emulator" not in error.what:
            raise
        pytest.skip(error.what)
    same(found, expected(seed))


def same(found: Arrays, wanted: Arrays) -> None:
    for key, values in wanted.items():
        np.testing.assert_array_equal(found[key], values, err_msg=f"network {key}")


def test_files_have_every_operator_that_can_be_imported() -> None:
    used: Counter[object] = Counter()
    for seed in range(6):
        for data in (random_file([seed, offset]) for offset in range(20)):
            used.update(operator.builtin for operator in parse_graph(data, "file").operators)
    assert set(used) == set(CONVERTERS)


def test_files_have_what_is_rare() -> None:
    nets = [net for seed in range(4) for _, net in islice(drawn(seed), 40)]
    multipliers, per_tensor, types = set(), set(), set()
    for net in nets:
        types.add(net.input.dtype)
        for op in net.ops:
            if isinstance(op, DepthwiseConv2D):
                depths = (net.tensors[name].shape[2] for name in (op.inputs[1], op.inputs[0]))
                multipliers.add(next(depths) // next(depths))
            if len(op.inputs) > 1 and "weights" in op.inputs[1]:
                quant = net.tensors[op.inputs[1]].quant
                per_tensor.add(quant is not None and quant.axis is None)
    assert types == {DType.INT8, DType.UINT8}
    assert per_tensor == {True, False}
    assert {1, 2, 3, 8} <= multipliers
