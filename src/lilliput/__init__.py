"""Lilliput finds, trains, compresses and compiles neural networks that fit a given microcontroller.

The verbs of the command line are functions here: `search`, `run`, `front`, `compile`, `measure`, `export`,
`info`, `report`, `boards`, `doctor`, `demo`.  They are imported when first used: `import lilliput` is quick
and needs no torch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "boards",
    "compile",
    "demo",
    "doctor",
    "export",
    "front",
    "info",
    "measure",
    "report",
    "run",
    "search",
]

if TYPE_CHECKING:
    from lilliput.flow import (
        boards,
        compile,
        demo,
        doctor,
        export,
        front,
        info,
        measure,
        report,
        run,
        search,
    )

_ROOMS = frozenset({"doctor", "measure", "report", "search"})
"""Verbs that share their name with a module of the package."""


class _Verb(ModuleType):
    """A module that can be called as the verb of its name: `lilliput.search` is both."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return getattr(import_module("lilliput.flow"), self.__name__.rpartition(".")[2])(
            *arguments, **options
        )


class _Package(ModuleType):
    """This package.  Python binds a submodule to it on import; those of `_ROOMS` become callable then."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROOMS and isinstance(value, ModuleType):
            value.__class__ = _Verb
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"lilliput.{name}")
    if name in __all__:
        return getattr(import_module("lilliput.flow"), name)
    raise AttributeError(f"module 'lilliput' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Package
