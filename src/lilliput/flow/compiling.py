"""`compile`: a model becomes a folder with C, the planned network, and a manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lilliput import __version__
from lilliput.errors import BudgetError, ConfigError
from lilliput.flow.building import build
from lilliput.flow.files import whole_directory, write_atomically, write_with
from lilliput.flow.mixing import check_kept, mixed_format
from lilliput.flow.models import load_model, optimized, planned_for
from lilliput.measure.artifact import MANIFEST, MODEL, manifest_text
from lilliput.net import Net, Optimize
from lilliput.net.storage import save
from lilliput.results import Cost
from lilliput.targets import Board
from lilliput.targets import board as board_named


@dataclass(frozen=True)
class Library:
    """A C library on disk.

    Attributes:
        directory: where it lies.
        name: of the network; the header is <name>.h.
        board: what it was made for.
        files: names of the C files.
        cost: predicted; the arena is the header's.
        format: that was asked for, or chosen for a budget; None if the model's own or the default was taken.
        optimize: what it was made for: speed, ram or flash.
    """

    directory: Path
    name: str
    board: str
    files: tuple[str, ...]
    cost: Cost
    format: str | None = None
    optimize: str = "speed"

    def to_json(self) -> dict[str, Any]:
        """The object that `lilliput compile --json` prints."""
        return {
            "directory": str(self.directory),
            "name": self.name,
            "board": self.board,
            "files": list(self.files),
            "format": self.format,
            "optimize": self.optimize,
            "cost": asdict(self.cost),
        }


def compile(
    model: str | Path,
    board: str,
    out: str | Path,
    *,
    data: str | None = None,
    optimize: Optimize | str | None = None,
    patches: int | None = None,
    format: str | None = None,
    qat: int | None = None,
    mixed: str | None = None,
) -> Library:
    """Writes the C library of a model for a board.

    Args:
        model: .safetensors or .tflite file, a compiled folder, or RUN#TRIAL.
        board: name, or path of a TOML file.
        out: folder; written whole or not at all, and replaced only if Lilliput wrote it.
        data: data set whose training examples give a float network its integer ranges.
        optimize: "speed", "ram" or "flash"; what the model was made for if None.
        patches: run the first layers in so many rows and columns of patches, in none if 0; what the model was
            made for if None.
        format: number format of a float network, such as "int8", "float32" or "w4a4,conv1=w4a8"
            (`docs/formats.md`); int8 if None.
        qat: epochs of fine-tuning a float network in its format on the examples of `data`; None for none.
        mixed: budget such as "flash=20kB", for which the bits of each layer's weights are chosen in place of
            `format` (`lilliput.flow.mixing`).

    Raises:
        ConfigError: no such model, board, format, budget or way to optimize, or `out` holds other things.
        BudgetError: nothing fits the budget, or the board; names the smallest value that would do.
        TrainingError: the fine-tuning diverged.
        FormatError: the model is damaged or uses what Lilliput does not support.
        NetError: the network breaks a rule.
        StorageError: `out` cannot be written.
    """
    target = board_named(board)
    found = optimized(load_model(model), optimize, patches)
    if mixed is not None:
        format, goal = _chosen(found, target, data, mixed, format)
        found = replace(found, optimize=goal)
    net = planned_for(found, target, data, format, qat)
    if mixed is not None and qat is not None:
        check_kept(net, target, mixed)
    out = Path(out)
    with whole_directory(out) as part:
        library = write_library(part, net, target)
        _check_fits(library, target)
    return replace(library, directory=out, format=format)


def _check_fits(library: Library, board: Board) -> None:
    """What is known to the byte: the arena, and the constants."""
    cost = library.cost
    for what, needed, memory, there, other in (
        ("arena needs", cost.arena_bytes, "RAM", board.ram_bytes, Optimize.RAM),
        ("constants need", cost.weights_bytes, "flash", board.flash_bytes, Optimize.FLASH),
    ):
        if needed > there:
            raise BudgetError(
                f"network '{library.name}' does not fit the {memory} of {board.name}",
                f"its {what} {needed} bytes, the board has {there}",
                f"try --optimize {other.value}, fewer bits with --mixed, or a larger board",
            )


def _chosen(
    net: Net, board: Board, data: str | None, budget: str, format: str | None
) -> tuple[str, Optimize]:
    """The format for a budget, and what kernels are for."""
    if format is not None:
        raise ConfigError(
            f"network '{net.name}' cannot have a format and choose one",
            f"format is '{format}', and '{budget}' asks for a choice",
            "leave one of the two options out",
        )
    return mixed_format(net, board, data, budget)


def write_library(folder: Path, net: Net, board: Board) -> Library:
    """Writes C, model and manifest of a planned network into an empty folder.

    Raises:
        StorageError: the folder cannot be written.
    """
    built = build(net, board)
    for name, text in built.files.items():
        write_atomically(folder / name, text)
    write_with(folder / MODEL, lambda part: save(net, part))
    write_atomically(folder / MANIFEST, manifest_text(net.name, board, built.files, __version__))
    files = tuple(sorted(built.files))
    return Library(folder, net.name, board.name, files, built.cost, optimize=net.optimize.value)
