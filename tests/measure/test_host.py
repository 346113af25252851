"""The generated C on this machine."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.measure.small import code, network

from lilliput.errors import MeasureError, NetError, ToolchainError
from lilliput.measure.host import HostModel, run_sanitized
from lilliput.measure.measuring import random_vectors
from lilliput.net.reference import run as run_reference

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture(scope="module")
def model() -> HostModel:
    return HostModel(network(), code("generic-m4"))


def test_every_byte_is_the_references(model) -> None:
    x = random_vectors(network(), 40)
    assert np.array_equal(model.run(x), run_reference(network(), x))


def test_the_arena_is_the_plans(model) -> None:
    assert model.arena_bytes == network().plan.arena_bytes


def test_ten_thousand_images_take_seconds(model) -> None:
    x = np.repeat(random_vectors(network(), 10), 1000, axis=0)
    started = time.perf_counter()
    y = model.run(x)
    assert time.perf_counter() - started < 10
    assert np.array_equal(y[::1000], model.run(x[::1000]))


def test_threads_do_not_disturb_each_other(model) -> None:
    x = random_vectors(network(), 200)
    expected = model.run(x)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(model.run, [x] * 16):
            assert np.array_equal(found, expected)


def test_no_rows_give_no_rows(model) -> None:
    assert model.run(random_vectors(network(), 2)[:0]).shape == (0, 5)


def test_rows_need_not_lie_densely(model) -> None:
    x = random_vectors(network(), 8)
    assert np.array_equal(model.run(x[::-2]), model.run(np.ascontiguousarray(x[::-2])))


@pytest.mark.parametrize("wrong", [np.zeros((2, 8, 8, 4), np.int8), np.zeros((2, 8, 8, 3), np.uint8)])
def test_another_shape_or_type_is_refused(model, wrong) -> None:
    with pytest.raises(NetError, match="does not fit"):
        model.run(wrong)


def test_an_error_code_is_told() -> None:
    files = dict(code("generic-m4"))
    files["small.c"] = files["small.c"].replace("return SMALL_OK;", "return 7;")
    with pytest.raises(MeasureError, match="returned 7"):
        HostModel(network(), files).run(random_vectors(network(), 1))


def test_c_of_another_network_is_refused() -> None:
    files = dict(code("generic-m4"))
    files["small.h"] = files["small.h"].replace("SMALL_OUTPUT_BYTES 5", "SMALL_OUTPUT_BYTES 6")
    with pytest.raises(MeasureError, match="not the C of this network"):
        HostModel(network(), files)


def test_c_that_lacks_a_function_is_refused() -> None:
    files = {**code("generic-m4"), "small.c": ""}
    with pytest.raises(MeasureError, match="cannot be loaded"):
        HostModel(network(), files)


def test_broken_c_is_refused_with_the_compilers_words() -> None:
    files = dict(code("generic-m4"))
    files["small.c"] += "\nint broken(void) { return undeclared_name; }\n"
    with pytest.raises(ToolchainError, match="undeclared_name"):
        HostModel(network(), files)


def test_sanitizers_agree() -> None:
    x = random_vectors(network(), 3)
    assert np.array_equal(run_sanitized(network(), code("generic-m4"), x), run_reference(network(), x))


def test_sanitizers_find_a_step_beyond_the_arena() -> None:
    files = dict(code("generic-m4"))
    files["small.c"] = files["small.c"].replace(
        "return SMALL_OK;", "((int8_t *)arena)[SMALL_ARENA_BYTES] = 1; return SMALL_OK;"
    )
    with pytest.raises(MeasureError, match="heap-buffer-overflow"):
        run_sanitized(network(), files, random_vectors(network(), 1))
