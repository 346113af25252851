"""Optimizers against torch's own, and schedules at their corners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lilliput.train.optimizer import SGDW, AdamW, Optimizer, make_optimizer, rate_at
from lilliput.train.settings import TrainSettings


def follow(
    mine: Callable[[torch.Tensor], Optimizer], theirs: Callable[[torch.Tensor], torch.optim.Optimizer]
) -> None:
    start = torch.linspace(-1, 1, 12)
    weights, other = start.clone(), start.clone().requires_grad_()
    optimizer, reference = mine(weights), theirs(other)
    for step in range(20):
        gradient = torch.sin(weights * 3 + step)
        other.grad = torch.sin(other.detach() * 3 + step)
        optimizer.step(gradient.clone(), 0.05)
        reference.step()
    assert torch.allclose(weights, other.detach(), atol=1e-5)
    assert not torch.allclose(weights, start, atol=0.1)


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgdw_without_decay_is_sgd(nesterov: bool) -> None:
    follow(
        lambda w: SGDW(w, 12, 0.0, 0.05, 0.9, nesterov),
        lambda w: torch.optim.SGD([w], 0.05, momentum=0.9, nesterov=nesterov),
    )


def test_adamw_is_torchs_with_the_decay_of_one_step() -> None:
    follow(
        lambda w: AdamW(w, 12, 0.001, 0.05, 0.9),
        lambda w: torch.optim.AdamW([w], 0.05, weight_decay=0.001 / 0.05),
    )


@pytest.mark.parametrize("optimizer", ["sgdw", "adamw"])
def test_only_weights_decay_and_the_decay_follows_the_schedule(optimizer: str) -> None:
    settings = TrainSettings(optimizer=optimizer, learning_rate=0.2, weight_decay=0.01)  # type: ignore[arg-type]
    weights = torch.ones(5)
    found = make_optimizer(weights, 3, settings)
    found.step(torch.zeros(5), 0.2)
    assert torch.allclose(weights, torch.tensor([0.99, 0.99, 0.99, 1.0, 1.0]))
    found.step(torch.zeros(5), 0.1)
    assert torch.allclose(weights[:3], torch.tensor(0.99 * 0.995))


@pytest.mark.parametrize("optimizer", ["sgdw", "adamw"])
def test_state_goes_on_where_it_was(optimizer: str) -> None:
    settings = TrainSettings(optimizer=optimizer)  # type: ignore[arg-type]
    one, two = torch.ones(4), torch.ones(4)
    first = make_optimizer(one, 4, settings)
    for step in range(5):
        first.step(torch.full((4,), float(step)), 0.1)
    second = make_optimizer(two.copy_(one), 4, settings)
    second.load({name: value.clone() for name, value in first.state().items()})
    for found in (first, second):
        found.step(torch.full((4,), 0.3), 0.1)
    assert torch.equal(one, two)


def test_one_cycle_rises_to_its_peak_and_falls_to_zero() -> None:
    rate = rate_at(TrainSettings(epochs=10, learning_rate=0.4, warmup=0.3), 20)
    rates = [rate(step) for step in range(200)]
    assert rates[0] == pytest.approx(0.4 / 60)
    assert max(rates) == rates[59] == pytest.approx(0.4)
    assert rates[:60] == sorted(rates[:60])
    assert rates[59:] == sorted(rates[59:], reverse=True)
    assert rates[-1] == pytest.approx(0.0, abs=1e-9)


def test_one_cycle_without_warmup_starts_near_its_peak() -> None:
    rate = rate_at(TrainSettings(epochs=2, learning_rate=0.4, warmup=0.0), 50)
    assert rate(0) == pytest.approx(0.4, rel=0.01)


def test_steps_hold_from_their_epoch_on() -> None:
    settings = TrainSettings(schedule="step", learning_rate=0.01, steps=((20, 0.005), (35, 0.001)), epochs=45)
    rate = rate_at(settings, 10)
    assert [rate(step) for step in (0, 199, 200, 349, 350, 449)] == [0.01, 0.01, 0.005, 0.005, 0.001, 0.001]


def test_constant_stays() -> None:
    rate = rate_at(TrainSettings(schedule="constant", learning_rate=0.3), 10)
    assert {rate(step) for step in range(200)} == {0.3}


def test_milestones_multiply_the_rate() -> None:
    # MicroAI on UCI-HAR: 0.05, times 0.13 at epochs 100, 200 and 250.
    settings = TrainSettings(
        epochs=300, learning_rate=0.05, schedule="step", milestones=(100, 200, 250), gamma=0.13
    )
    rate = rate_at(settings, 10)
    places = {0: 0, 999: 0, 1000: 1, 1999: 1, 2000: 2, 2499: 2, 2500: 3, 2999: 3}
    assert {step: rate(step) for step in places} == pytest.approx(
        {step: 0.05 * 0.13**passed for step, passed in places.items()}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "step", "milestones": (2, 1)},
        {"schedule": "step", "milestones": (1,), "steps": ((0, 0.1),)},
        {"milestones": (1,)},
    ],
)
def test_milestones_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="milestones"):
        TrainSettings(**wrong)
