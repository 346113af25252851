"""How to search: settings that a TOML file may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from lilliput.errors import ConfigError
from lilliput.results import OBJECTIVES

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Bits = Annotated[int, Field(ge=2, le=8)]
Sparsity = Annotated[float, Field(ge=0.0, lt=1.0)]


@dataclass(frozen=True)
class SearchSettings:
    """[search]: how to look for architectures.

    Attributes:
        space: "cnn" (µNAS, Table 1) or "chain": convolutions, poolings and fully connected layers in a row.
        strategy: "aging-evolution" (µNAS §3.5), "tournament" (generations of which the most accurate stay),
            or "random".
        trials: architectures to evaluate, failed ones included.
        minutes: propose nothing new after so much time; resuming starts the clock again.  None sets no limit.
        workers: processes that evaluate at once; 1 evaluates in the main process.
        population: aging evolution: the newest so many trials can be parents; tournament: the most accurate
            so many of all generations before; as many start at random.
        sample: so many are drawn from the population, and the best of them is the parent.
        offspring: tournament: children of one generation, which all come from the same population.
        inherit: layers that a mutation has not touched start from the parent's weights.
        bits: fewest and most bits of a layer's weights; the search chooses for each layer.  The default is
            that of `lilliput compile`, and µNAS's.
        activation_bits: the same of what a layer puts out.  Fewer save no RAM, but kernels may be faster.
        counts: for the space "cnn": how channels and units of random architectures are spread over their
            range: "uniform" as in µNAS, or "log-uniform", which finds small networks sooner.
        prior: for the space "cnn": how the other options of random architectures are drawn: "uniform" as in
            µNAS, "shallow": few blocks, batch norm, 3x3 kernels, rare strides, or "pyramid": also half the
            image and twice the channels in each block.
        fill: probability that the channels and units of a proposal are fitted to the budget: as many as it
            allows.  Of two networks of one shape the wider one learns better, and few random ones use RAM,
            flash and MACs alike.
        sparsity_step: standard deviation of a mutation of the target sparsity.
        max_draws: proposals to draw for one trial before it is concluded that nothing fits the budget.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    space: Literal["cnn", "chain"] = "cnn"
    strategy: Literal["aging-evolution", "tournament", "random"] = "aging-evolution"
    trials: Count = 100
    minutes: Positive | None = None
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    population: Count = 100
    sample: Count = 25
    offspring: Count = 5
    inherit: bool = False
    bits: tuple[Bits, Bits] = (8, 8)
    activation_bits: tuple[Bits, Bits] = (8, 8)
    counts: Literal["uniform", "log-uniform"] = "uniform"
    prior: Literal["uniform", "shallow", "pyramid"] = "uniform"
    fill: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    sparsity_step: Positive = 0.05
    max_draws: Count = 4000


@dataclass(frozen=True)
class StudySettings(SearchSettings):
    """The [search] table together with what the other tables say about the search.

    Attributes:
        seed: of every random choice.  Proposal k draws from `numpy.random.default_rng([seed, k])`.
        objectives: what is minimized and stored as the study's values, in this order.
        bounds: objective → soft upper bound b of equation 1: values above it are penalized most.  Objectives
            without one are recorded only.  A search by evolution needs at least one.
        sparsity: range of the target sparsity that a trial's pruning gets; None searches without pruning.
        rungs: epochs after which a trial may be stopped, rising; empty trains every trial to the end.
        rung_share: a trial climbs if it is among this share of the best of earlier trials that cost no more.
        rung_after: trials that climb without a comparison, so that there is something to compare with.
        keep_weights: "all" keeps the weights of every trial, "front" only those of the Pareto front.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    objectives: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "error",
        "ram_bytes",
        "flash_bytes",
        "macs",
    )
    bounds: Mapping[str, Positive] = field(default_factory=dict)
    sparsity: tuple[Sparsity, Sparsity] | None = None
    rungs: tuple[Count, ...] = ()
    rung_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.4
    rung_after: Annotated[int, Field(ge=0)] = 5
    keep_weights: Literal["all", "front"] = "all"


FREE = frozenset({"trials", "minutes", "workers", "keep_weights", "max_draws"})
"""Settings that may change when a study is resumed: they do not bear on what a proposal is."""


def study_settings(search: SearchSettings, **others: Any) -> StudySettings:
    """The settings of a study from its [search] table and the fields that `StudySettings` adds, checked.

    Raises:
        ConfigError: names the setting and what is wrong with it.
    """
    known = {entry.name: getattr(search, entry.name) for entry in fields(search)}
    return checked(StudySettings(**{**known, **others}))


def checked(settings: StudySettings) -> StudySettings:
    """The same settings, every constraint checked.

    Raises:
        ConfigError: names the setting and what is wrong with it.
    """
    try:
        settings = _ADAPTER.validate_python(
            {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"search setting '{place}' is wrong", f"{first['msg']}, got {first['input']!r}", "correct it"
        ) from None
    names = settings.objectives
    if len(set(names)) != len(names) or "error" not in names or not set(names) <= set(OBJECTIVES):
        raise ConfigError(
            "the objectives of the search are wrong",
            f"{', '.join(names)}: known names, each once, and 'error' among them, expected",
            f"choose from {', '.join(OBJECTIVES)}",
        )
    unknown = [name for name in settings.bounds if name not in settings.objectives]
    if unknown:
        raise ConfigError(
            f"'{unknown[0]}' has a bound but is no objective of the search",
            f"the objectives are {', '.join(settings.objectives)}",
            f"make '{unknown[0]}' an objective or drop its bound",
        )
    if settings.strategy == "aging-evolution" and not settings.bounds:
        raise ConfigError(
            "aging evolution has no bounds to steer by",
            "it weighs the objectives by their bounds (µNAS, equation 1)",
            'set at least one in [budget], for example error = 0.1, or strategy = "random" in [search]',
        )
    if settings.inherit and settings.keep_weights != "all":
        raise ConfigError(
            "children cannot inherit weights that are not kept",
            f"inherit is on, and weights of '{settings.keep_weights}' trials stay",
            'set weights = "all" under [output], or inherit = false',
        )
    if settings.space != "cnn" and (settings.counts, settings.prior) != ("uniform", "uniform"):
        raise ConfigError(
            f"counts and prior do not belong to the space '{settings.space}'",
            "they say how random networks of the space 'cnn' are drawn",
            "remove them",
        )
    for name in ("bits", "activation_bits"):
        low, high = getattr(settings, name)
        if low > high:
            raise ConfigError(f"the range of {name} is wrong", f"{low} to {high} falls", "give fewest, most")
    if settings.sparsity is not None and settings.sparsity[0] > settings.sparsity[1]:
        raise ConfigError(
            "the range of the sparsity is wrong", f"{settings.sparsity} falls", "give least, most"
        )
    if list(settings.rungs) != sorted(set(settings.rungs)):
        raise ConfigError("the rungs of the search are wrong", f"{settings.rungs} do not rise", "sort them")
    return settings


_ADAPTER = TypeAdapter(StudySettings)
