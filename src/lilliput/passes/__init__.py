"""Passes: functions `Net → Net`, one a file.  `lower` is the recipe that runs them all."""

from lilliput.passes.fold_batch_norm import fold_batch_norm
from lilliput.passes.fuse_activations import fuse_activations
from lilliput.passes.lower import access_of, lower, plan_floats_for, plan_for, scratch_of
from lilliput.passes.order import best_order, order, peak
from lilliput.passes.place import arena_bytes, place
from lilliput.passes.quantize import quantize

__all__ = [
    "access_of",
    "arena_bytes",
    "best_order",
    "fold_batch_norm",
    "fuse_activations",
    "lower",
    "order",
    "peak",
    "place",
    "plan_floats_for",
    "plan_for",
    "quantize",
    "scratch_of",
]
