"""Settings of a search: TOML in, typed and checked settings out.

Every table is closed: an unknown key is an error that names the key and the nearest one that exists.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lilliput.errors import ConfigError
from lilliput.net.formats import format_named
from lilliput.results import OBJECTIVES
from lilliput.search.settings import SearchSettings, StudySettings, study_settings
from lilliput.train.settings import AugmentSettings, PruneSettings, QatSettings, TrainSettings

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Bound = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=1)]

_ALWAYS = ("error", "ram_bytes", "flash_bytes", "macs")


def in_one_line(error: ConfigError) -> str:
    """As the message of a `ValueError`, of which what stands behind the last colon says what to do."""
    return f"{error.what} ({error.why}): {error.hint}"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(_Closed):
    """[data]: what to learn from; the arguments of `lilliput.data.load`.

    Attributes:
        name: `digits`, `mnist`, `fashion-mnist`, `uci-har`, `spoken-mnist`, `gtsrb`, `watch-activity`,
            `basic-motions`, `images`, `npz`, `csv`, or `module:function`.
        path: folder or file; relative paths start at the configuration file.
        validation_share, test_share: shares cut off where the data come without these splits.
        seed: of the splits.
        subset: use that many training examples only, for quick tries.
        size: [height, width] to scale images to.
        color: for `images`: auto, gray or rgb.
        shape: for `npz`, `csv` and functions: [height, width, channels] of an example.
        label: for `csv`: name or index of the class column.
        header: for `csv`: whether the first line names the columns; guessed if not set.
        options: keyword arguments of `module:function`; of `watch-activity`, `window` and `step` in samples.
    """

    name: str
    path: Path | None = None
    validation_share: Share = 0.1
    test_share: Share = 0.2
    seed: Annotated[int, Field(ge=0)] = 0
    subset: Size | None = None
    size: tuple[Size, Size] | None = None
    color: Literal["auto", "gray", "rgb"] = "auto"
    shape: tuple[Size, Size, Size] | None = None
    label: str | int = -1
    header: bool | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class BudgetSettings(_Closed):
    """[budget]: the largest value of each objective; what has no bound is free.

    `error` steers the search.  All other bounds are hard: what exceeds them is dropped before any training.
    The search weighs the objectives by these bounds (µNAS, equation 1).

    Attributes:
        error: share of wrong answers on the validation split.
        ram_bytes: arena of the network.
        flash_bytes: weights and code of the network.
        macs: multiply-accumulate operations of one inference.
        cycles: predicted core cycles of one inference, with memory that never waits.
        latency_ms: predicted time of one inference, with the waits of the board's flash.
        energy_uj: predicted energy of one inference; the board must state its current.
        count_input: count the input as part of ram_bytes; papers do not.
        count_code: count the network's code as part of flash_bytes; papers do not.
    """

    error: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    ram_bytes: Bound | None = None
    flash_bytes: Bound | None = None
    macs: Bound | None = None
    cycles: Bound | None = None
    latency_ms: Bound | None = None
    energy_uj: Bound | None = None
    count_input: bool = True
    count_code: bool = True

    @property
    def bounds(self) -> dict[str, float]:
        """Objective → bound, where one is set."""
        found = {name: getattr(self, name) for name in OBJECTIVES}
        return {name: float(value) for name, value in found.items() if value is not None}


class FidelitySettings(_Closed):
    """[fidelity]: candidates that do badly after a few epochs are not trained to the end.

    Attributes:
        rungs: epochs after which a candidate is judged, rising; empty trains every candidate to the end.
        share: a candidate climbs if its validation error is among this share of the best of earlier
            candidates that cost no more than it does.
        after: candidates that climb without a comparison, so that there is something to compare with.
    """

    rungs: tuple[Size, ...] = ()
    share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.4
    after: Annotated[int, Field(ge=0)] = 5

    @field_validator("rungs")
    @classmethod
    def _rising(cls, rungs: tuple[int, ...]) -> tuple[int, ...]:
        if list(rungs) != sorted(set(rungs)):
            raise ValueError(f"{list(rungs)} do not rise: sort them")
        return rungs


class PruningSettings(_Closed):
    """[pruning]: channels and units removed during training.

    Attributes:
        sparsity: [least, most] share of the channels and units; the search chooses.  None prunes nothing.
        start, end: shares of the training at which pruning begins and ends.
        every_steps: steps between two choices of the channels that are masked.
        feedback: share of their gradient by which masked channels go on learning, so that they can come back.
    """

    sparsity: (
        tuple[Annotated[float, Field(ge=0.0, lt=1.0)], Annotated[float, Field(ge=0.0, lt=1.0)]] | None
    ) = None
    start: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    end: Annotated[float, Field(ge=0.0, le=1.0)] = 0.6
    every_steps: Size = 16
    feedback: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1

    @model_validator(mode="after")
    def _ordered(self) -> PruningSettings:
        if self.start > self.end:
            raise ValueError(f"start {self.start} comes after end {self.end}")
        return self

    def over(self, epochs: int, sparsity: float | None) -> PruneSettings | None:
        """The pruning of a training of `epochs` epochs that shall remove the share `sparsity`."""
        if not sparsity:
            return None
        start = min(round(self.start * epochs), epochs - 1)
        end = max(start, min(round(self.end * epochs), epochs))
        return PruneSettings(sparsity, start, end, self.every_steps, self.feedback)


class QuantizationSettings(_Closed):
    """[quantization]: how floats become integers.

    Attributes:
        format: "float32", "int8", "int16x8", "qmn8", "qmn16", "qmn8-network", "qmn16-network", or "wNaM" with
            N and M from 1 to 8, of the whole network; search.bits choose layer by layer instead.
        calibration: how activation ranges follow from examples: "extremes" takes what was seen, "percentile"
            leaves out the rarest values, "error" takes the range with the smallest squared error.
        calibration_examples: training examples from which activation ranges are taken.
        qat: fine-tuning with integer arithmetic for every candidate; left out for none.
    """

    format: str = "int8"
    calibration: Literal["extremes", "percentile", "error"] = "extremes"
    calibration_examples: Size = 1024
    qat: QatSettings | None = None

    @field_validator("format")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return format_named(name).name
        except ConfigError as error:
            raise ValueError(in_one_line(error)) from None


class FinalSettings(_Closed):
    """[final]: what happens to the front when the search is over.

    Attributes:
        networks: at most that many networks of the front within the budget; 0 skips the stage.
        budget: limits that these networks must keep beside those of the search; its counting is [budget]'s.
            If nothing on the front keeps them, an error says so once everything else is done.
        pick: "accurate" takes those with the smallest error, "spread" the best one and then, again and again,
            the one that differs most from those taken.
        start: "weights" goes on from the trial's weights, "structure" trains the same network from scratch,
            "architecture" from scratch with pruning, which may end larger than the trial did.
        seeds: trainings of each network; the best by validation error is kept.
        with_validation: train on the validation split too; then there is nothing to choose the best seed by.
        training, augment, pruning, qat: what differs from the tables of the search.
        vectors: test inputs that the emulated firmware runs and that must agree on every byte.
    """

    networks: Annotated[int, Field(ge=0)] = 5
    budget: BudgetSettings = Field(default_factory=BudgetSettings)
    pick: Literal["accurate", "spread"] = "accurate"
    start: Literal["weights", "structure", "architecture"] = "weights"
    seeds: Size = 1
    with_validation: bool = False
    training: TrainSettings | None = None
    augment: AugmentSettings | None = None
    pruning: PruningSettings | None = None
    qat: QatSettings | None = None
    vectors: Size = 16

    @model_validator(mode="after")
    def _one_seed(self) -> FinalSettings:
        if self.with_validation and self.seeds > 1:
            raise ValueError("seeds above 1 need the validation split: set with_validation = false")
        return self


class OutputSettings(_Closed):
    """[output]: what is kept.

    Attributes:
        weights: "all" trials' weights, or those of the "front" only.
        report: write report.html.
    """

    weights: Literal["all", "front"] = "all"
    report: bool = True


class Settings(_Closed):
    """A whole configuration file.

    Attributes:
        name: of the network, a C identifier in lower case; taken from the data set if not set.
        board: what the network is for: a name of `lilliput boards`, or a TOML file.
        optimize: what counts where one costs another: speed, ram or flash, as `lilliput compile` takes it.
        seed: of the search and of every training.
        device: where to train: cpu, cuda, or auto (cuda where there is one).
        data, budget, search, fidelity, training, augment, pruning, quantization, final, output: the tables.
    """

    name: str = ""
    board: str
    optimize: Literal["speed", "ram", "flash"] = "speed"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    data: DataSettings
    budget: BudgetSettings = Field(default_factory=BudgetSettings)
    search: SearchSettings = Field(default_factory=SearchSettings)
    fidelity: FidelitySettings = Field(default_factory=FidelitySettings)
    training: TrainSettings = Field(default_factory=TrainSettings)
    augment: AugmentSettings = Field(default_factory=AugmentSettings)
    pruning: PruningSettings = Field(default_factory=PruningSettings)
    quantization: QuantizationSettings = Field(default_factory=QuantizationSettings)
    final: FinalSettings = Field(default_factory=FinalSettings)
    output: OutputSettings = Field(default_factory=OutputSettings)

    @model_validator(mode="after")
    def _named(self) -> Settings:
        if self.name and not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"name '{self.name}' is not a lower-case C identifier, such as 'gesture_net'")
        return self

    @model_validator(mode="after")
    def _searchable(self) -> Settings:
        try:
            self.study()
        except ConfigError as error:
            raise ValueError(in_one_line(error)) from None
        return self

    @model_validator(mode="after")
    def _one_choice_of_formats(self) -> Settings:
        name = self.quantization.format
        if name != "int8" and {self.search.bits, self.search.activation_bits} != {(8, 8)}:
            raise ValueError(
                f"search.bits choose each layer's format, quantization.format chose '{name}': leave one out"
            )
        if format_named(name).real and (self.quantization.qat or self.final.qat):
            raise ValueError("format 'float32' has no integers to fine-tune with: leave qat out")
        return self

    @property
    def objectives(self) -> tuple[str, ...]:
        """What the search minimizes: error, RAM, flash and MACs, and whatever else has a bound."""
        return tuple(name for name in OBJECTIVES if name in _ALWAYS or name in self.budget.bounds)

    def study(self, workers: int | None = None) -> StudySettings:
        """What the search room needs to know, from all tables.

        Raises:
            ConfigError: they do not go together.
        """
        return study_settings(
            self.search if workers is None else replace(self.search, workers=workers),
            seed=self.seed,
            objectives=self.objectives,
            bounds=self.budget.bounds,
            sparsity=self.pruning.sparsity,
            rungs=tuple(rung for rung in self.fidelity.rungs if rung < self.training.epochs),
            rung_share=self.fidelity.share,
            rung_after=self.fidelity.after,
            keep_weights=self.output.weights,
        )

    @property
    def net_name(self) -> str:
        """The name that the generated files and symbols carry."""
        if self.name:
            return self.name
        source = (
            self.data.path.stem
            if self.data.path and self.data.name in ("images", "npz", "csv")
            else self.data.name
        )
        word = re.sub(r"[^a-z0-9]+", "_", source.lower()).strip("_")
        return word if word[:1].isalpha() else f"net_{word}".rstrip("_")

    def to_json(self) -> dict[str, Any]:
        """All settings, defaults included, in JSON values."""
        return self.model_dump(mode="json")
