"""Random networks as .tflite files: TensorFlow Lite Micro, reference and generated C agree on every byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from tests.codegen.host_program import random_input
from tests.codegen.many_networks import run_on_host
from tests.codegen.tflm_form import in_tflm
from tests.conftest import EXACT_NETWORKS
from tests.formats.tflite.files import oracle_outputs
from tests.strategies import random_net

from lilliput.errors import LilliputError
from lilliput.formats.tflite import parse_tflite, write_tflite
from lilliput.net import Net
from lilliput.net.reference import run
from lilliput.passes import plan_for
from lilliput.targets import board

NETWORKS = min(200, EXACT_NETWORKS)
"""`make test-exact` compares 200, `make test` fewer."""
NETWORKS_OF_A_BUILD = 10
SEEDS_OF_A_BUILD = 1000
ROWS = 4


def written(seed: int) -> Iterator[tuple[bytes, Net]]:
    """Files of random networks that TensorFlow Lite's operators can express, and what is read from them."""
    for offset in range(SEEDS_OF_A_BUILD):
        rng = np.random.default_rng([seed, offset])
        try:
            data = write_tflite(in_tflm(random_net(rng)))
        except LilliputError:
            continue  # paddings of average pools and scales that nobody can express
        yield data, parse_tflite(data)


@pytest.mark.exact
@pytest.mark.parametrize("seed", range(NETWORKS // NETWORKS_OF_A_BUILD))
def test_three_executors_agree(seed: int) -> None:
    target = board("generic-m4")
    found = [pair for pair, _ in zip(written(seed), range(NETWORKS_OF_A_BUILD), strict=False)]
    assert len(found) == NETWORKS_OF_A_BUILD
    nets = {
        str(index): plan_for(replace(net, name=f"net{index}"), target.core)
        for index, (_, net) in enumerate(found)
    }
    inputs = {key: random_input(net, ROWS, seed) for key, net in nets.items()}
    host = run_on_host(nets, target, inputs)
    for (data, net), (key, x) in zip(found, inputs.items(), strict=True):
        expected = oracle_outputs(data, x).reshape(ROWS, *net.output.shape)
        np.testing.assert_array_equal(run(net, x), expected)
        np.testing.assert_array_equal(host[key], expected)
