"""What a search asks of one architecture: does it fit, what would it cost, and how good is its C."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lilliput.config import BudgetSettings, DataSettings, Settings
from lilliput.cost import cost
from lilliput.data import Dataset, load
from lilliput.errors import NetError, TrainingError
from lilliput.flow.building import Built, Quantizer, described
from lilliput.flow.files import write_with
from lilliput.flow.run_directory import RunDirectory
from lilliput.net import Net, Optimize
from lilliput.net.formats import Formats, format_named
from lilliput.net.storage import load as load_net
from lilliput.net.storage import save
from lilliput.results import Cost
from lilliput.search.chain import ChainSpace
from lilliput.search.cnn import CnnSpace
from lilliput.search.evaluation import Job, Outcome
from lilliput.search.inheritance import inherit
from lilliput.search.space import Space, structure
from lilliput.targets import Board, board
from lilliput.train.channels import find_groups, remove_channels
from lilliput.train.settings import AugmentSettings, QatSettings


@dataclass(frozen=True)
class Excess:
    """A hard limit that an architecture breaks."""

    name: str
    value: float
    limit: float


@dataclass(frozen=True)
class Limits:
    """The hard limits of a search: [budget] but for the error, and what the board has.

    Attributes:
        budget: the table.
        board: what for.
    """

    budget: BudgetSettings
    board: Board

    def values(self, found: Cost) -> dict[str, float]:
        """Objective → value of a cost; what is not predicted for the core is left out."""
        ram = found.arena_bytes if self.budget.count_input else found.arena_without_input_bytes
        flash = found.weights_bytes + (found.code_bytes if self.budget.count_code else 0)
        values: dict[str, float] = {"ram_bytes": ram, "flash_bytes": flash, "macs": found.macs}
        if found.cycles is not None:
            values["cycles"] = found.cycles
        if found.board_cycles is not None:
            values["latency_ms"] = self.board.latency_ms(found.board_cycles)
            energy = self.board.energy_uj(found.board_cycles)
            if energy is not None:
                values["energy_uj"] = energy
        return values

    def broken(self, found: Cost) -> tuple[Excess, ...]:
        """The limits that a cost breaks, the board's own among them."""
        values = self.values(found)
        bounds = {name: limit for name, limit in self.budget.bounds.items() if name != "error"}
        excesses = [
            Excess(name, values.get(name, math.inf), limit)
            for name, limit in bounds.items()
            if values.get(name, math.inf) > limit
        ]
        # The board holds input and code too, whatever the budget counts.
        for name, value, limit in (
            ("ram_bytes", found.arena_bytes, self.board.ram_bytes),
            ("flash_bytes", found.flash_bytes, self.board.flash_bytes),
        ):
            if value > limit and all(excess.name != name for excess in excesses):
                excesses.append(Excess(name, value, limit))
        return tuple(excesses)


@dataclass(frozen=True)
class Evaluator:
    """Trains an architecture and scores its C; goes to worker processes as it is.

    Attributes:
        settings: of the search.
        run: where networks are kept.
        workers: processes that share this machine's cores.
    """

    settings: Settings
    run: RunDirectory
    workers: int = 1

    @cached_property
    def dataset(self) -> Dataset:
        """Training and validation data; the test split is not even here."""
        return load_data(self.settings.data).without_test()

    @cached_property
    def board(self) -> Board:
        """What the networks are for."""
        return board(self.settings.board)

    @cached_property
    def space(self) -> Space[Any]:
        """Where the search looks."""
        search = self.settings.search
        bits = (search.bits, search.activation_bits)
        if search.space == "chain":
            return ChainSpace(*bits)
        return CnnSpace(search.counts, search.prior, *bits)

    @cached_property
    def limits(self) -> Limits:
        """The hard limits."""
        return Limits(self.settings.budget, self.board)

    @cached_property
    def device(self) -> str:
        """Where torch computes."""
        return device_for(self.settings.device)

    def formats(self, architecture: Any) -> Formats:
        """Number formats of the network's layers: the architecture's own, else that of the settings."""
        chosen = format_named(self.settings.quantization.format)
        return replace(self.space.formats(architecture), default=chosen)

    def quantizer(self, architecture: Any, qat: QatSettings | None, augment: AugmentSettings) -> Quantizer:
        """How the trained network of an architecture becomes integers, in the bits that it asks for."""
        formats = self.formats(architecture)
        return Quantizer(self.settings.quantization, qat, augment, self.board, self.device, formats)

    def __getstate__(self) -> dict[str, Any]:
        """Workers load their own data."""
        return {name: getattr(self, name) for name in ("settings", "run", "workers")}

    def net(self, architecture: Any) -> Net:
        """The float network of an architecture, without weights."""
        found = self.space.to_net(
            architecture, self.dataset.input_shape, self.dataset.classes, self.settings.net_name
        )
        return replace(described(found, self.dataset), optimize=Optimize(self.settings.optimize))

    def cost(self, architecture: Any, sparsity: float | None = None) -> Cost:
        """What an architecture will cost when the share `sparsity` of its channels is gone.

        Which channels go is known after training only; until then they are taken evenly from all layers.
        """
        net = self.net(architecture)
        formats = self.formats(architecture)
        return cost(thinned(net, sparsity) if sparsity else net, self.board, formats)

    def identity(self, architecture: Any) -> str:
        """Equal for architectures that need not be evaluated twice."""
        return structure(self.net(architecture), self.formats(architecture))

    def violations(self, architecture: Any, sparsity: float | None = None) -> tuple[Excess, ...]:
        """The hard limits that an architecture breaks."""
        return self.limits.broken(self.cost(architecture, sparsity))

    def predicted(self, architecture: Any, sparsity: float | None = None) -> Mapping[str, float]:
        """What the untrained network costs, by objective."""
        return self.limits.values(self.cost(architecture, sparsity))

    def __call__(self, job: Job) -> Outcome:
        """Trains, prunes, quantizes, generates, and scores the C on the validation split.

        Raises:
            TrainingError: this architecture cannot be trained or expressed in integers, or its C breaks a
                hard limit that its shapes promised to keep.
        """
        from lilliput import train

        settings, epochs = self.settings, self.settings.training.epochs
        rungs = _Rungs(job)
        architecture = self.space.decode(job.architecture)
        net, inherited = self._start(job, architecture)
        fitted = train.fit(
            net,
            self.dataset,
            replace(
                settings.training,
                validate_every=rungs.validate_every,
                threads=settings.training.threads or self.threads,
            ),
            augment=settings.augment,
            prune=settings.pruning.over(epochs, job.sparsity),
            seed=job.seed,
            device=self.device,
            on_epoch=rungs,
        )
        try:
            # What was stopped is not worth fine-tuning.
            qat = None if rungs.stopped else settings.quantization.qat
            quantizer = self.quantizer(architecture, qat, settings.augment)
            built = quantizer.build(fitted.net, self.dataset, job.seed)
        except NetError as unfit:
            raise TrainingError(
                f"trial {job.number} cannot be expressed in integers",
                str(unfit),
                "the search goes on without it",
            ) from unfit
        self._check_kept(job, built.cost)
        error = 1.0 - built.accuracy(self.dataset.validation)
        write_with(self.run.float_net(job.number), lambda part: save(fitted.net, part))
        write_with(self.run.integer_net(job.number), lambda part: save(built.net, part))
        values = {"error": error, **self.limits.values(built.cost)}
        return Outcome(
            values={name: values[name] for name in settings.objectives},
            info={
                **facts(built),
                "float_error": _error(fitted.validation_accuracy),
                "epochs": rungs.epoch,
                "inherited": inherited,
            },
            rung_errors=tuple(rungs.errors),
            stopped=rungs.stopped,
        )

    def _check_kept(self, job: Job, found: Cost) -> None:
        """Weights can rule out the kernel that was predicted; what is pruned takes what pruning leaves."""
        broken = self.limits.broken(found) if job.sparsity is None else ()
        if broken:
            raise TrainingError(
                f"trial {job.number} takes more than was predicted",
                ", ".join(f"{one.name} {one.value:.0f} of {one.limit:.0f}" for one in broken),
                "the search goes on without it",
            )

    def _start(self, job: Job, architecture: Any) -> tuple[Net, int]:
        """The network to train, and how many of its layers have the parent's weights."""
        net = self.net(architecture)
        if not self.settings.search.inherit or job.parent is None:
            return net, 0
        return inherit(net, load_net(self.run.float_net(job.parent)))

    @property
    def threads(self) -> int:
        """Threads of torch in this process, where the settings leave it open; 0 leaves it to torch."""
        return 0 if self.workers == 1 else max(1, cpus() // self.workers)


class _Rungs:
    """Judges a training while it runs; a true answer ends it."""

    def __init__(self, job: Job) -> None:
        self._judge = job.judge
        self.errors: list[float] = []
        self.stopped = False
        self.epoch = 0
        self.validate_every = math.gcd(*job.judge.epochs) if job.judge.epochs else 0

    def __call__(self, record: Mapping[str, Any]) -> bool:
        self.epoch = int(record["epoch"])
        if self.epoch in self._judge.epochs:
            error = 1.0 - float(record["validation_accuracy"])
            self.errors.append(error)
            self.stopped = not self._judge.goes_on(self._judge.epochs.index(self.epoch), error)
        return self.stopped


def thinned(net: Net, sparsity: float) -> Net:
    """The network without the share `sparsity` of its prunable channels, taken evenly from all layers."""
    groups = find_groups(net)
    prunable = frozenset(groups.prunable)
    rank: dict[int, float] = {}
    for numbers in groups.makers.values():
        for index, number in enumerate(dict.fromkeys(numbers.tolist())):
            if number in prunable:
                rank.setdefault(number, (index + 1) / len(numbers))
    ranked = sorted(rank, key=lambda number: (-rank[number], number))
    return remove_channels(net, groups.removable(ranked, round(sparsity * len(prunable))), groups)


def facts(built: Built) -> dict[str, Any]:
    """Figures of a built network that are no objectives, in JSON values."""
    found = built.cost
    return {
        "arena_bytes": found.arena_bytes,
        "arena_without_input_bytes": found.arena_without_input_bytes,
        "weights_bytes": found.weights_bytes,
        "code_bytes": found.code_bytes,
        "macs": found.macs,
        "cycles": found.cycles,
        "cycles_with_flash": found.cycles_with_flash,
    }


def load_data(settings: DataSettings) -> Dataset:
    """The data set that [data] describes.

    Raises:
        DataError: missing, damaged or useless data.
    """
    return load(**settings.model_dump())


def device_for(wanted: str) -> str:
    """ "cpu" or "cuda", as the setting `device` and the machine have it.

    Raises:
        ConfigError: CUDA is wanted, and there is none.
    """
    if wanted == "cpu":
        return wanted
    from lilliput import train

    return train.best_device() if wanted == "auto" else train.existing_device(wanted).type


def cpus() -> int:
    """Cores that this process may use."""
    import os

    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _error(accuracy: float | None) -> float | None:
    return None if accuracy is None else 1.0 - accuracy
