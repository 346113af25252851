"""Settings of searches and experiments, from TOML."""

from lilliput.config.experiment import ExperimentSettings, ModelSettings, PostprocessingSettings
from lilliput.config.reading import (
    parse,
    parse_data,
    parse_experiment,
    read,
    read_data,
    read_experiment,
    tables,
)
from lilliput.config.settings import (
    BudgetSettings,
    DataSettings,
    FidelitySettings,
    FinalSettings,
    OutputSettings,
    PruningSettings,
    QuantizationSettings,
    Settings,
)

__all__ = [
    "BudgetSettings",
    "DataSettings",
    "ExperimentSettings",
    "FidelitySettings",
    "FinalSettings",
    "ModelSettings",
    "OutputSettings",
    "PostprocessingSettings",
    "PruningSettings",
    "QuantizationSettings",
    "Settings",
    "parse",
    "parse_data",
    "parse_experiment",
    "read",
    "read_data",
    "read_experiment",
    "tables",
]
