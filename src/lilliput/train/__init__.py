"""Training, pruning, calibration and fine-tuning with integers: the only home of torch.

`lilliput.train.settings` needs no torch; the functions here import it when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lilliput.train.calibration import calibrate
    from lilliput.train.device import best_device, existing_device
    from lilliput.train.evaluation import evaluate, logits
    from lilliput.train.fine_tuning import qat
    from lilliput.train.sensitivity import integer_loss
    from lilliput.train.training import Fitted, fit

_HOMES = {
    "Fitted": "training",
    "best_device": "device",
    "calibrate": "calibration",
    "evaluate": "evaluation",
    "existing_device": "device",
    "fit": "training",
    "integer_loss": "sensitivity",
    "logits": "evaluation",
    "qat": "fine_tuning",
}

__all__ = [
    "Fitted",
    "best_device",
    "calibrate",
    "evaluate",
    "existing_device",
    "fit",
    "integer_loss",
    "logits",
    "qat",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
