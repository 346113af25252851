"""Settings of an experiment: MicroAI's blocks (Novac et al., Sensors 2021, 21, 2984, §5.3) as TOML tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lilliput.config.settings import DataSettings, in_one_line
from lilliput.errors import ConfigError
from lilliput.net.formats import Formats, formats_named
from lilliput.search.templates import Cnn, Mlp, ResNet, Template, resnet_v1_6
from lilliput.train.settings import AugmentSettings, QatSettings, TrainSettings

Size = Annotated[int, Field(ge=1)]
Sizes = Size | tuple[Size, ...]

_NEEDED = {
    "mlp": (),
    "cnn": ("filters", "kernels"),
    "resnet": ("filters", "kernels", "strides", "blocks"),
    "resnet-v1-6": ("filters",),
}
_KEYS = {
    "mlp": {"units"},
    "cnn": {"filters", "kernels", "pools", "units", "padded", "batch_norm"},
    "resnet": {"filters", "kernels", "strides", "blocks", "pool", "batch_norm"},
    "resnet-v1-6": {"filters", "batch_norm"},
}

_TAKEN = ("float", "training")
"""Results have a row "float", and folders of models the files float.* and training.*."""

_LONGEST_FOLDER = 255
"""Letters that the usual file systems take in the name of a folder."""
_LONGEST_MODEL = 128
"""Letters in the name of a model, so that files of generated C can add to it."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Closed):
    """[[model]]: one network; what is not given is taken from [model_template].

    Attributes:
        name: of the network, a C identifier in lower case.
        kind: "mlp" (units), "cnn" (filters, kernels, pools, units, padded, batch_norm), "resnet" (filters,
            kernels, strides, blocks, pool, batch_norm), or "resnet-v1-6" (filters, batch_norm).
        filters: channels: one number for "resnet-v1-6"; of each convolution for "cnn"; of the stem and of
            each stage for "resnet".
        kernels: sides of the kernels, as many as filters; one number is for all.
        pools: sides of the max pooling behind each convolution, 1 for none; one number is for all.
        units: of the hidden fully connected layers.
        strides: of each stage of a "resnet".
        blocks: of each stage of a "resnet".
        pool: kind of the last pooling of a "resnet": max or average.
        padded: whether convolutions of a "cnn" keep the size.
        batch_norm: whether convolutions are followed by batch normalization.
        training: what differs from [training].
    """

    name: str
    kind: Literal["mlp", "cnn", "resnet", "resnet-v1-6"]
    filters: Sizes = ()
    kernels: Sizes = ()
    pools: Sizes = 1
    units: tuple[Size, ...] = ()
    strides: Sizes = ()
    blocks: Sizes = ()
    pool: Literal["max", "average"] = "max"
    padded: bool = True
    batch_norm: bool = False
    training: TrainSettings = Field(default_factory=TrainSettings)

    @model_validator(mode="after")
    def _whole(self) -> ModelSettings:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"name '{self.name}' is not a lower-case C identifier, such as 'resnet_16'")
        if len(self.name) > _LONGEST_MODEL:
            raise ValueError(f"name '{self.name}' has {len(self.name)} letters, more than {_LONGEST_MODEL}")
        lacking = [key for key in _NEEDED[self.kind] if getattr(self, key) == ()]
        if lacking:
            raise ValueError(f"a model of kind '{self.kind}' needs {lacking[0]}")
        strange = self.model_fields_set - _KEYS[self.kind] - {"name", "kind", "training"}
        if strange:
            raise ValueError(f"a model of kind '{self.kind}' has no {min(strange)}")
        if self.kind == "resnet-v1-6" and not isinstance(self.filters, int):
            raise ValueError("a model of kind 'resnet-v1-6' has one number of filters")
        self.template()
        return self

    @property
    def size(self) -> int:
        """What plots have on their horizontal axis: filters, or units of an MLP; 0 if there are none."""
        sizes = self.units if self.kind == "mlp" else self.filters
        return sizes if isinstance(sizes, int) else sizes[0] if sizes else 0

    def template(self) -> Template:
        """The network's shape."""
        if self.kind == "mlp":
            return Mlp(self.units)
        if self.kind == "resnet-v1-6":
            assert isinstance(self.filters, int)
            return resnet_v1_6(self.filters, self.batch_norm)
        filters = self._many("filters", 1)
        if self.kind == "cnn":
            kernels, pools = (self._many(key, len(filters)) for key in ("kernels", "pools"))
            return Cnn(filters, kernels, pools, self.units, self.padded, self.batch_norm)
        kernels = self._many("kernels", len(filters))
        strides, blocks = (self._many(key, len(filters) - 1) for key in ("strides", "blocks"))
        return ResNet(filters, kernels, strides, blocks, self.pool, self.batch_norm)

    def _many(self, key: str, count: int) -> tuple[int, ...]:
        value = getattr(self, key)
        found = (value,) * count if isinstance(value, int) else tuple(value)
        if key != "filters" and len(found) != count:
            raise ValueError(f"{key} must be one number or {count}, got {len(found)}")
        return found


class PreprocessingSettings(_Closed):
    """[preprocessing]: what happens to raw data before the network sees them.

    Attributes:
        normalize: "z-score" subtracts the training split's mean and divides by its deviation, channel by
            channel; it is stored with the network.  "none" leaves the data as they are.
    """

    normalize: Literal["z-score", "none"] = "z-score"


class PostprocessingSettings(_Closed):
    """[[postprocessing]]: a format that every trained network is brought into.

    Attributes:
        format: "float32", "int8", "int16x8", "qmn8", "qmn16", "qmn8-network", "qmn16-network", or "wNaM" with
            N and M from 1 to 8; "FORMAT,OP=FORMAT,…" for ops that have another one.
        name: what tables and folders call it; the format, with "-qat" where it is fine-tuned, if not set.
            Formats of more letters than the name of a folder holds, such as what --mixed prints, need one.
        calibration: how activation ranges follow from examples, as in [quantization] of a search.
        calibration_examples: training examples from which activation ranges are taken.
        qat: fine-tuning in this format (quantization-aware training); left out for none, as floats must.
    """

    format: str = "int8"
    name: str = ""
    calibration: Literal["extremes", "percentile", "error"] = "extremes"
    calibration_examples: Size = 1024
    qat: QatSettings | None = None

    @model_validator(mode="after")
    def _known(self) -> PostprocessingSettings:
        try:
            formats = self.formats
        except ConfigError as error:
            raise ValueError(in_one_line(error)) from None
        if formats.real and self.qat is not None:
            raise ValueError("format 'float32' has no integers to fine-tune with: leave qat out")
        if self.name and not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", self.name):
            raise ValueError(
                f"name '{self.name}' is not made of lower-case letters, digits, '_', '-' and '.'"
            )
        if self.name.split(".")[0] in _TAKEN:
            raise ValueError(
                f"name '{self.name}' is what results and folders call the trained network: choose another"
            )
        if len(self.title) > _LONGEST_FOLDER:
            raise ValueError(
                f"the folder of this format would be called '{self.title[:40]}…', {len(self.title)} letters, "
                f"more than {_LONGEST_FOLDER}: give this step a short name, such as name = 'mixed'"
            )
        return self

    @property
    def formats(self) -> Formats:
        """What the layers' numbers become."""
        return formats_named(self.format)

    @property
    def title(self) -> str:
        """What tables and folders call it."""
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.format)
        return self.name or (plain if self.qat is None else f"{plain}-qat")


class DeploySettings(_Closed):
    """[deploy]: where networks run.

    Attributes:
        boards: names of `lilliput boards`, or TOML files.
        runs: so many of the runs are deployed; what is measured hardly depends on the weights.
        vectors: test inputs that the emulated firmware runs and that must agree on every byte.
    """

    boards: tuple[str, ...] = ()
    runs: Size = 1
    vectors: Size = 4


class ExperimentSettings(_Closed):
    """A whole file for `lilliput run`.

    Attributes:
        runs: trainings of each model, with different seeds; figures are averaged.
        seed: of all of them.
        device: where to train: cpu, cuda, or auto (cuda where there is one).
        data, preprocessing, augment, training, model, postprocessing, deploy: the tables.
    """

    runs: Size = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    data: DataSettings
    preprocessing: PreprocessingSettings = Field(default_factory=PreprocessingSettings)
    augment: AugmentSettings = Field(default_factory=AugmentSettings)
    training: TrainSettings = Field(default_factory=TrainSettings)
    model: tuple[ModelSettings, ...]
    postprocessing: tuple[PostprocessingSettings, ...] = (PostprocessingSettings(),)
    deploy: DeploySettings = Field(default_factory=DeploySettings)

    @model_validator(mode="after")
    def _distinct(self) -> ExperimentSettings:
        if not self.model:
            raise ValueError("there is no model: add a table [[model]]")
        for what, names in (
            ("models", [model.name for model in self.model]),
            ("formats", [post.title for post in self.postprocessing]),
            ("boards", list(self.deploy.boards)),
        ):
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(f"two {what} are called '{twice[0]}'")
        return self

    def to_json(self) -> dict[str, Any]:
        """All settings, defaults included, in JSON values."""
        return self.model_dump(mode="json")


def with_templates(raw: dict[str, Any]) -> dict[str, Any]:
    """The tables with [training] and [model_template] merged into every [[model]]."""
    found = {key: value for key, value in raw.items() if key != "model_template"}
    template, models = raw.get("model_template", {}), raw.get("model")
    if isinstance(template, dict) and isinstance(models, list):
        found["model"] = [
            _merged(template, model, raw.get("training")) if isinstance(model, dict) else model
            for model in models
        ]
    return found


def _merged(template: dict[str, Any], model: dict[str, Any], training: Any) -> dict[str, Any]:
    """A model with what the template gives to its kind."""
    tables = (training, template.get("training"), model.get("training"))
    kind = model.get("kind", template.get("kind"))
    lacked = set().union(*_KEYS.values()) - _KEYS[kind] if isinstance(kind, str) and kind in _KEYS else set()
    merged = {**{key: value for key, value in template.items() if key not in lacked}, **model}
    if all(isinstance(table, dict | None) for table in tables):
        merged["training"] = {key: value for table in tables for key, value in (table or {}).items()}
    return merged


def origin(raw: Mapping[str, Any], place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in the file stands what `with_templates` put at a place.

    Args:
        raw: the tables of the file.
        place: keys and indices, as ("model", 0, "training", "epochs").
    """
    if len(place) < 3 or place[0] != "model" or _holds(raw["model"][place[1]], place[2:]):
        return place
    key = place[2:]
    if _holds(raw.get("model_template"), key):
        return ("model_template", *key)
    return key if key[0] == "training" and _holds(raw, key) else place


def _holds(table: Any, place: tuple[int | str, ...]) -> bool:
    """Whether a table has a value at a place: its first key, of [training] its second one."""
    for key in place[: 2 if place[0] == "training" else 1]:
        if not isinstance(table, Mapping) or key not in table:
            return False
        table = table[key]
    return True
