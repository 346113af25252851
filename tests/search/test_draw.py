"""What does not fit is dropped before training; tiny budgets are walked to; impossible ones are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.search.cheap import Limit

from lilliput.errors import BudgetError, StudyError
from lilliput.net.ops import Conv2D, FullyConnected
from lilliput.search.cnn import CnnSpace
from lilliput.search.cnn_architecture import CnnArchitecture
from lilliput.search.draw import WALK_AFTER, Drawn, draw, filled
from lilliput.search.proposal import Proposal

SPACE = CnnSpace()


def weights(architecture: CnnArchitecture) -> int:
    """Weights of the network for 28 x 28 images and ten classes."""
    net = SPACE.to_net(architecture, (28, 28, 1), 10, "candidate")
    return sum(
        net.tensors[op.inputs[1]].elements for op in net.ops if isinstance(op, Conv2D | FullyConnected)
    )


def drawn(
    feasible: Any,
    seen: frozenset[str] = frozenset(),
    max_draws: int = 3000,
    seed: int = 0,
    identity: Any = repr,
) -> Drawn[CnnArchitecture]:
    rng = np.random.default_rng(seed)
    return draw(lambda rng: Proposal(SPACE.sample(rng)), SPACE, identity, seen, feasible, rng, max_draws)


def fits_blocks(limit: int) -> Any:
    def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
        blocks = len(architecture.blocks)
        return (Limit("macs", blocks, limit),) if blocks > limit else ()

    return feasible


def test_the_first_proposal_that_fits_is_taken_and_the_others_are_counted() -> None:
    found = drawn(fits_blocks(2))
    assert len(found.proposal.architecture.blocks) <= 2
    assert found.misses > 0
    assert found.dropped == {"macs": found.misses}
    assert (found.duplicates, found.steps) == (0, 0)


def test_the_same_generator_draws_the_same() -> None:
    assert drawn(fits_blocks(1), seed=4) == drawn(fits_blocks(1), seed=4)


def test_the_sparsity_of_the_proposal_is_asked_about() -> None:
    asked: list[float | None] = []

    def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
        asked.append(sparsity)
        return ()

    rng = np.random.default_rng(0)
    draw(lambda rng: Proposal(SPACE.sample(rng), sparsity=0.3), SPACE, repr, frozenset(), feasible, rng, 9)
    assert asked == [0.3]


def test_a_budget_that_no_draw_meets_is_walked_to() -> None:
    def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
        found = weights(architecture)
        return (Limit("flash_bytes", found, 450),) if found > 450 else ()

    found = drawn(feasible)
    assert found.misses >= WALK_AFTER
    assert found.steps > 0
    assert weights(found.proposal.architecture) <= 450


def test_an_impossible_budget_names_the_bound_and_what_would_do() -> None:
    def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
        blocks = len(architecture.blocks)
        broken = [Limit("ram_bytes", 100 + blocks, 50)]
        return (*broken, Limit("macs", blocks, 5)) if blocks > 5 else tuple(broken)

    with pytest.raises(BudgetError) as caught:
        drawn(feasible, max_draws=600)
    assert caught.value.what == "nothing fits the budget: ram_bytes at most 50"
    assert "in 600 draws" in caught.value.why
    assert caught.value.hint == "set ram_bytes = 101 or more"


@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_value_that_is_told_depends_on_no_seed_and_can_be_kept(seed: int) -> None:
    with pytest.raises(BudgetError) as caught:
        drawn(fits_weights(10), max_draws=4000, seed=seed)
    assert caught.value.hint == "set flash_bytes = 110 or more"
    assert weights(drawn(fits_weights(110), max_draws=4000, seed=seed).proposal.architecture) == 110


def test_what_is_walked_at_last_is_as_sparse_as_can_be() -> None:
    def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
        needed = 1.0 - (sparsity or 0.0)
        return (Limit("macs", needed, 0.4),) if needed > 0.4 else ()

    rng = np.random.default_rng(0)
    found = draw(
        lambda rng: Proposal(SPACE.sample(rng), sparsity=0.1),
        *(SPACE, repr, frozenset(), feasible, rng, 3000, 0.7),
    )
    assert found.proposal.sparsity == 0.7
    assert set(SPACE.widths(found.proposal.architecture)) <= {1, 10}


def test_bounds_that_exclude_each_other_are_named_together() -> None:
    def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
        blocks = len(architecture.blocks)
        return (Limit("macs", blocks, 5),) if blocks > 5 else (Limit("flash_bytes", 20 - blocks, 10),)

    with pytest.raises(BudgetError) as caught:
        drawn(feasible, max_draws=600)
    # The nearest miss has six blocks, one more than the limit; letting that in would do.
    assert caught.value.hint == "set macs = 6 or more"


def test_an_architecture_seen_before_is_drawn_again() -> None:
    first = drawn(fits_blocks(10))
    second = drawn(fits_blocks(10), seen=frozenset({first.identity}))
    assert second.duplicates == 1
    assert second.proposal != first.proposal


def test_a_space_without_anything_new_is_said_to_be_exhausted() -> None:
    with pytest.raises(StudyError, match=r"no new architecture(.|\n)*evaluated before"):
        drawn(fits_blocks(10), seen=frozenset({"same"}), max_draws=50, identity=lambda architecture: "same")


def fits_weights(limit: int) -> Any:
    def feasible(architecture: CnnArchitecture, sparsity: float | None) -> tuple[Limit, ...]:
        found = weights(architecture)
        return (Limit("flash_bytes", found, limit),) if found > limit else ()

    return feasible


@pytest.mark.parametrize("seed", range(12))
def test_filling_uses_up_a_limit_and_keeps_the_shape(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = CnnSpace("log-uniform", "pyramid").sample(rng)
    narrowest = SPACE.with_widths(drawn, [1] * len(SPACE.widths(drawn)))
    limit = 3 * weights(narrowest)
    found = filled(drawn, None, SPACE, fits_weights(limit), rng)
    assert 0.8 * limit <= weights(found) <= limit
    assert SPACE.with_widths(found, SPACE.widths(drawn)) == drawn
    for place, width in enumerate(SPACE.widths(found)):
        widths = list(SPACE.widths(found))
        widths[place] = max(width + 1, round(1.1 * width))
        wider = SPACE.with_widths(found, widths)
        assert wider == found or weights(wider) > limit


def test_what_cannot_be_narrowed_enough_is_left_as_it_is() -> None:
    rng = np.random.default_rng(0)
    drawn = SPACE.sample(rng)
    assert filled(drawn, None, SPACE, fits_weights(0), rng) == drawn
