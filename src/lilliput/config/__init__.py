"""Settings of a search, from TOML."""

from lilliput.config.reading import parse, read, tables
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
    "FidelitySettings",
    "FinalSettings",
    "OutputSettings",
    "PruningSettings",
    "QuantizationSettings",
    "Settings",
    "parse",
    "read",
    "tables",
]
