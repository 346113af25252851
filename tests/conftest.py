"""What every test shares: Hypothesis profiles, one torch thread, and the marks' meaning."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

EXACT_NETWORKS = int(os.environ.get("LILLIPUT_EXACT_NETS", "30"))
"""Random networks that the exactness tests make; `make test-exact` sets 300."""

# The same networks on every machine and every run: a red build can be repeated by anyone.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=EXACT_NETWORKS,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# New networks on every run, for hunting: HYPOTHESIS_PROFILE=explore.
settings.register_profile(
    "explore", settings.get_profile("ci"), derandomize=False, max_examples=10 * EXACT_NETWORKS
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Worker processes share the cores; torch's own threads would only fight over them.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives all tests of a file for one target to one worker, which then builds for that target once."""
    for item in items:
        call = getattr(item, "callspec", None)
        target = None if call is None else call.params.get("target")
        if isinstance(target, str):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{target}"))


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Keeps torch, where a test has imported it, on one thread."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)
