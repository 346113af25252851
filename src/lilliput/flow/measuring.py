"""`measure`: a compiled folder is built, run, and compared with the reference on every byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lilliput.data import Split
from lilliput.errors import ConfigError, DataError
from lilliput.flow.building import network_input
from lilliput.flow.datasets import named_data
from lilliput.flow.files import write_with
from lilliput.measure.artifact import read_artifact
from lilliput.measure.measuring import measure_with_outputs
from lilliput.net import Net
from lilliput.net.storage import load
from lilliput.results import Measurement


def measure(
    directory: str | Path,
    on: str = "emulator",
    *,
    data: str | None = None,
    vectors: Sequence[str | Path] | None = None,
    cc: str | None = None,
) -> Measurement:
    """Builds a compiled network, runs it, and compares every byte with the reference.

    Args:
        directory: what `compile` wrote; gets firmware.elf.
        on: "emulator", "host" or "board".
        data: NAME[:SPLIT]; also takes the accuracy of the C over that split, on the host.
        vectors: two .npy files: inputs (n, *input shape) to run, in the network's input type; and where the
            outputs go.
        cc: compiler to use instead of the one that is found.

    Raises:
        FormatError: the folder holds no compiled network, or it is damaged.
        DataError: the data or vectors are missing, damaged, or do not fit the network.
        ToolchainError: a compiler is missing or failed.
        MeasureError: the firmware faulted or does not fit.
        StorageError: the outputs could not be written.
    """
    net = load(read_artifact(directory).model_path)
    inputs = None if vectors is None else read_vectors(Path(vectors[0]), net)
    examples = None
    if data is not None:
        dataset, name = named_data(data)
        split = dataset.split(name)
        if not len(split):
            raise DataError(f"the {name} split of '{data}' is empty", "", "choose another split")
        if len(dataset.labels) != net.output.elements:
            raise DataError(
                f"data set '{data}' does not belong to network '{net.name}'",
                f"{len(dataset.labels)} classes against {net.output.elements} outputs",
                "name the data set that it was trained on",
            )
        examples = inputs_and_classes(net, split)
    found, outputs = measure_with_outputs(directory, on, vectors=inputs, examples=examples, cc=cc)
    if vectors is not None:
        write_vectors(Path(vectors[1]), outputs)
    return found


def inputs_and_classes(net: Net, split: Split) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """A split as the integer network takes it."""
    return network_input(net, split.x), split.y


def read_vectors(path: Path, net: Net) -> NDArray[np.generic]:
    """The rows of a .npy file as inputs of a network.

    Raises:
        DataError: missing, damaged, empty, or of another type or shape.
    """
    try:
        # Mapped: a header cannot make numpy allocate more than the file holds.
        x = np.load(path, allow_pickle=False, mmap_mode="r")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", "there is no such file", "give a .npy file") from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{path} is not a readable .npy file", str(error), "write it with numpy.save"
        ) from error
    if (
        not isinstance(x, np.ndarray)
        or x.shape[1:] != net.input.shape
        or x.dtype != net.input.dtype.numpy
        or not len(x)
    ):
        found = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else "an archive"
        shape = ", ".join(map(str, net.input.shape))
        raise DataError(
            f"{path} does not fit network '{net.name}'",
            f"{found}, expected {net.input.dtype} (n, {shape}) with n at least 1",
            "convert the array",
        )
    return np.array(x)


def write_vectors(path: Path, y: NDArray[np.generic]) -> None:
    """Writes rows to a .npy file, whole or not at all.

    Raises:
        ConfigError: the file is not called .npy.
        StorageError: it could not be written.
    """
    if path.suffix != ".npy":
        raise ConfigError(
            f"{path} is no .npy file", "the outputs are written in that format", "call it OUT.npy"
        )

    def write(part: Path) -> None:
        with part.open("wb") as stream:
            np.save(stream, y, allow_pickle=False)

    write_with(path, write)
