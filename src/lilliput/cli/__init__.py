"""The command line: parses and prints, nothing else."""

from lilliput.cli.entry import main

__all__ = ["main"]
