"""What can go wrong, told so that the reader knows what to do next.

Every error has three parts: what happened, why, and what to do about it.  The command line prints them and
exits with `exit_status`; nobody sees a traceback for input that Lilliput can recognise as wrong.
"""

from __future__ import annotations

import math


class LilliputError(Exception):
    """Base of all errors that Lilliput raises on purpose.

    Args:
        what: what happened, naming the file and key or the network and op.
        why: the reason, with the offending value.
        hint: what to do next.
    """

    exit_status = 2

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what, why, hint)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append("  why:  " + self.why.replace("\n", "\n        "))
        if self.hint:
            lines.append(f"  next: {self.hint}")
        return "\n".join(lines)


class ConfigError(LilliputError):
    """A setting, a command-line argument or a TOML file is wrong."""


class DataError(LilliputError):
    """A data set is missing, damaged, or does not have the stated form."""


class NetError(LilliputError):
    """A network breaks a rule of `lilliput.net.check`."""


class FormatError(LilliputError):
    """A model file is damaged, hostile, or uses what Lilliput does not support."""


class BudgetError(LilliputError):
    """Nothing fits the budget; names the bound and the smallest value that would do.

    Attributes:
        bound: its name; empty where it stands in the text alone.
        smallest: that value; infinite where it stands in the text alone.
    """

    def __init__(
        self, what: str, why: str = "", hint: str = "", bound: str = "", smallest: float = math.inf
    ) -> None:
        super().__init__(what, why, hint)
        self.bound, self.smallest = bound, smallest


class StudyError(LilliputError):
    """A search's storage is damaged or belongs to another search."""


class ToolchainError(LilliputError):
    """A compiler or emulator is missing or failed."""

    exit_status = 1


class MeasureError(LilliputError):
    """A build ran but did not do what was promised: mismatching bytes, a fault, an overflow."""

    exit_status = 1


class TrainingError(LilliputError):
    """Training diverged or could not go on."""

    exit_status = 1


class StorageError(LilliputError):
    """A file could not be written: disk full, no permission."""

    exit_status = 1
