"""Data sets in fixed splits, checked before anything is trained on them."""

from lilliput.data.dataset import SPLITS, Dataset, Split
from lilliput.data.loading import NAMES, load

__all__ = ["NAMES", "SPLITS", "Dataset", "Split", "load"]
