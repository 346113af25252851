"""How to train: settings that a TOML file may hold.  Nothing here needs torch.

The classes are plain dataclasses.  Whoever builds one in Python calls `checked` (as `fit` does); pydantic
checks the same constraints when a configuration file is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from lilliput.errors import ConfigError

_STRICT = ConfigDict(extra="forbid")
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class DistillSettings:
    """Learning from a teacher's logits (Hinton et al. 2015).

    Attributes:
        weight: share of the teacher's term in the loss; the rest is the labels' cross entropy.
        temperature: both sides' logits are divided by it before the softmax.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    weight: Share = 0.5
    temperature: Positive = 4.0


@dataclass(frozen=True)
class TrainSettings:
    """One training.

    Attributes:
        epochs: passes over the training data.
        batch_size: examples of one step; a last incomplete batch is left out unless it is the only one.
        optimizer: "sgdw" or "adamw" (Loshchilov and Hutter 2019), both with decoupled weight decay.
        learning_rate: the highest rate of the schedule.
        momentum: of SGD; the first moment's decay of AdamW.
        nesterov: whether SGD looks ahead.
        weight_decay: part of every weight that a step at `learning_rate` takes away; it follows the
            schedule.  Biases and batch norm parameters do not decay.
        schedule: "one-cycle" rises linearly over `warmup` of the steps and falls to zero along a cosine;
            "step" takes the rate of `steps`; "constant" stays.
        steps: for "step": (epoch, rate) pairs, the rate that holds from that epoch (0 is the first) on.
        milestones: for "step", in place of steps: epochs from which the rate is `gamma` times what it was.
        gamma: see milestones.
        warmup: for "one-cycle": share of the steps in which the rate rises.
        label_smoothing: share of the target spread over all classes.
        dropout: share of the inputs of every fully connected layer but the last that is dropped.
        gradient_norm: gradients longer than this (L2, over all weights) are shortened; 0 leaves them.
        average: decay, per step, of a running average of the weights that is kept as the result; 0 keeps
            the last weights.
        examples: use this many examples of the training data, chosen by the seed; None uses all.
        statistics_examples: training examples over which batch norm statistics are estimated before scoring.
        validate_every: score on the validation data every so many epochs; 0 scores after the last one only.
        precision: "float32", or "bfloat16" for the activations of forward and backward pass; "auto" takes
            bfloat16 where the processor computes with it and float32 elsewhere.
        threads: CPU threads of torch; 0 leaves them as they are.
        distill: how to weigh the teacher's logits, if `fit` is given some.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    epochs: Count = 20
    batch_size: Count = 128
    optimizer: Literal["sgdw", "adamw"] = "sgdw"
    learning_rate: Positive = 0.1
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    nesterov: bool = True
    weight_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 5e-5
    schedule: Literal["one-cycle", "step", "constant"] = "one-cycle"
    steps: tuple[tuple[Annotated[int, Field(ge=0)], Positive], ...] = ()
    milestones: tuple[Annotated[int, Field(ge=0)], ...] = ()
    gamma: Positive = 0.1
    warmup: Share = 0.25
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    gradient_norm: NotNegative = 0.0
    average: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    examples: Count | None = None
    statistics_examples: Count = 4096
    validate_every: Annotated[int, Field(ge=0)] = 0
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    threads: Annotated[int, Field(ge=0)] = 0
    distill: DistillSettings = field(default_factory=DistillSettings)

    def __post_init__(self) -> None:
        epochs = [epoch for epoch, _ in self.steps]
        if epochs != sorted(set(epochs)):
            raise ValueError(f"steps must name growing epochs, got {epochs}")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must be growing epochs, got {self.milestones}")
        if self.steps and self.milestones:
            raise ValueError("give steps or milestones, not both")
        if self.schedule == "step" and not (self.steps or self.milestones):
            raise ValueError("schedule 'step' knows no epochs at which to step: give steps or milestones")
        if self.schedule != "step" and (self.steps or self.milestones):
            name = "steps" if self.steps else "milestones"
            raise ValueError(f"{name} belong to the schedule 'step', not '{self.schedule}'")


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes to training images; every image draws its own.

    Attributes:
        rotate_radians: largest angle of rotation, either way.
        rotate_probability: share of the images that is rotated.
        shift: most pixels to move (down or up, right or left).
        flip: mirror half of the images left to right.
        erase: side of a square that is blanked out at a random place (Cutout, DeVries and Taylor 2017); 0
            for none.
        mixup_alpha: parameter of the Beta distribution by which pairs of images are blended; 0 for none.
        cutmix_alpha: the same for pasting a rectangle of another image; with both, each batch picks one.
        mix_probability: share of the batches that is mixed.
        noise: standard deviation of Gaussian noise, in units of the normalized input.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    rotate_radians: Annotated[float, Field(ge=0.0, le=math.pi)] = 0.0
    rotate_probability: Share = 0.3
    shift: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = (0, 0)
    flip: bool = False
    erase: Annotated[int, Field(ge=0)] = 0
    mixup_alpha: NotNegative = 0.0
    cutmix_alpha: NotNegative = 0.0
    mix_probability: Share = 1.0
    noise: NotNegative = 0.0


@dataclass(frozen=True)
class PruneSettings:
    """Structured pruning while training (µNAS section 3.6; Lin et al. 2020).

    Attributes:
        sparsity: share of the prunable channels and units that is gone in the end.
        start_epoch: pruning begins before this epoch (0 is the first).
        end_epoch: from this epoch on the network is as small as it gets; the epochs that remain repair it.
        every_steps: steps between two choices of the channels that are masked.
        feedback: share of their gradient by which masked channels go on learning, so that they can come back.
            Lin et al. give them all of it (1); then they come and go so often that short trainings suffer.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    sparsity: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    start_epoch: Annotated[int, Field(ge=0)] = 3
    end_epoch: Annotated[int, Field(ge=0)] = 18
    every_steps: Count = 16
    feedback: Share = 0.1

    def __post_init__(self) -> None:
        if self.end_epoch < self.start_epoch:
            raise ValueError(f"end_epoch {self.end_epoch} comes before start_epoch {self.start_epoch}")


@dataclass(frozen=True)
class QatSettings:
    """Fine-tuning with integer arithmetic in the forward pass.

    Attributes:
        epochs: passes over the training data.
        batch_size: examples of one step.
        optimizer: folded weights differ much in size from channel to channel, which "adamw" does not mind.
        learning_rate: the highest rate of a "one-cycle" schedule.
        momentum, weight_decay, warmup, label_smoothing, examples, threads: as in `TrainSettings`.
        scales: "observed" takes them from the data that flow and from the weights; "learned" trains those of
            weights and both ends of activation ranges by their gradients (LSQ, LSQ+), which a few bits need.
        refresh_steps: steps between two choices of the scales; weights are rounded at every step.
        range_epochs: for "observed": epochs in which activation ranges still follow the data; afterwards
            they stay.
        range_momentum: for "observed": how much of the old range a refresh keeps.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    epochs: Count = 3
    batch_size: Count = 128
    optimizer: Literal["sgdw", "adamw"] = "adamw"
    learning_rate: Positive = 0.0005
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    weight_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    warmup: Share = 0.05
    scales: Literal["observed", "learned"] = "observed"
    refresh_steps: Count = 16
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    range_epochs: Annotated[int, Field(ge=0)] = 1
    range_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.95
    examples: Count | None = None
    threads: Annotated[int, Field(ge=0)] = 0
    distill: DistillSettings = field(default_factory=DistillSettings)


Settings = TypeVar("Settings", TrainSettings, AugmentSettings, PruneSettings, QatSettings)


def checked(settings: Settings) -> Settings:
    """The same settings, every field within its bounds.

    Raises:
        ConfigError: a field is not; names the field and the value.
    """
    kind = type(settings)
    try:
        return TypeAdapter(kind).validate_python(_plain(settings))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the settings as a whole"
        raise ConfigError(
            f"{kind.__name__}: {place} is wrong",
            f"{first['msg']}, got {first['input']!r}" if first["loc"] else first["msg"],
            "give a value within the bounds",
        ) from None


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return value
