"""A search of chains by tournament with inherited weights: survives an interruption, ends measured."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from lilliput import config, flow
from lilliput.cost.few_bit_counts import is_shifted
from lilliput.net import Conv2D, Net, Op
from lilliput.net.storage import load
from lilliput.search.chain import ChainSpace
from lilliput.search.inheritance import inherit

CONFIG = """
board = "nucleo-f446re"
[data]
name = "digits"
subset = 300
[budget]
error = 0.1
ram_bytes = 131_072
flash_bytes = 524_288
[search]
space = "chain"
strategy = "tournament"
trials = 7
population = 3
offspring = 2
sample = 2
inherit = true
bits = [2, 8]
activation_bits = [4, 8]
[training]
epochs = 2
batch_size = 32
examples = 150
threads = 1
[final]
networks = 1
vectors = 2
[final.budget]
flash_bytes = 30_000
[final.training]
examples = 300
epochs = 3
"""


class Stops:
    """A watcher that interrupts after some steps."""

    def __init__(self, after: int) -> None:
        self.left = after

    def stage(self, title: str, total: int, done: int = 0) -> None:
        pass

    def step(self, detail: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def front(self, trials: object) -> None:
        pass

    def note(self, text: str) -> None:
        pass


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same search, once in one go and once interrupted in its second generation."""
    folder = tmp_path_factory.mktemp("chain")
    settings = config.parse(tomllib.loads(CONFIG), "x")
    flow.search(settings, folder / "whole")
    with pytest.raises(KeyboardInterrupt):
        flow.search(settings, folder / "cut", watcher=Stops(5))
    flow.search(settings, folder / "cut", resume=True)
    return folder / "whole", folder / "cut"


def trials(run: Path) -> list[dict[str, object]]:
    found = json.loads((run / "study.json").read_text())["trials"]
    for trial in found:
        del trial["info"]["seconds"]
    return list(found)


def test_an_interrupted_study_ends_as_one_that_was_not(runs: tuple[Path, Path]) -> None:
    whole, cut = runs
    assert trials(whole) == trials(cut)


def test_children_say_how_much_they_inherited(runs: tuple[Path, Path]) -> None:
    space = ChainSpace((2, 8), (4, 8))
    for trial in trials(runs[0]):
        info = trial["info"]
        assert isinstance(info, dict)
        if info["parent"] is None:
            assert info["inherited"] == 0
            continue
        child = space.to_net(space.decode(trial["architecture"]), (8, 8, 1), 10, "digits")  # type: ignore[arg-type]
        parent = load(runs[0] / "weights" / f"{info['parent']}.float.safetensors")
        assert info["inherited"] == inherit(child, parent)[1]


def test_the_winner_is_retrained_within_its_own_limits_and_measured(runs: tuple[Path, Path]) -> None:
    measured = [row for row in flow.front(runs[0]) if row["measurement"]]
    assert len(measured) == 1
    assert measured[0]["weights_bytes"] + measured[0]["code_bytes"] <= 30_000
    assert measured[0]["measurement"]["mismatches"] == 0


def test_trials_have_the_bits_that_they_were_proposed_with_and_the_cost_that_was_predicted(
    runs: tuple[Path, Path],
) -> None:
    space, narrow, known = ChainSpace((2, 8), (4, 8)), 0, 0
    for trial in trials(runs[0]):
        formats = space.formats(space.decode(trial["architecture"]))  # type: ignore[arg-type]
        net = load(runs[0] / "weights" / f"{trial['number']}.safetensors")
        for op in net.ops:
            if len(op.inputs) == 3:
                assert net.tensors[op.inputs[1]].dtype is formats.of(op.name).weights
                narrow += formats.of(op.name).weights.narrow
        info, values = trial["info"], trial["values"]
        assert isinstance(info, dict)
        assert isinstance(values, dict)
        predicted = info["predicted"]
        assert {name: values[name] for name in ("ram_bytes", "macs")} == {
            name: predicted[name] for name in ("ram_bytes", "macs")
        }
        if not any(has_doubled_sums(op, net) for op in net.ops):
            assert values["flash_bytes"] == predicted["flash_bytes"]
            known += 1
        # Scales decide between two ways to multiply few bits, whose code differs.
        assert values["flash_bytes"] == pytest.approx(predicted["flash_bytes"], rel=0.15)
        assert values["flash_bytes"] <= 524_288
    assert narrow > 5
    assert known > 0


def has_doubled_sums(op: Op, net: Net) -> bool:
    """Whether it is a convolution of few bits whose factors leave the fractions of 2**32."""
    return isinstance(op, Conv2D) and net.tensors[op.inputs[1]].dtype.narrow and is_shifted(op, net)
