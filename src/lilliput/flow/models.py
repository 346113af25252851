"""MODEL on the command line: a file, a compiled folder, or a trial of a search; always a `Net` in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lilliput.errors import ConfigError, FormatError, NetError
from lilliput.flow.quantizing import in_formats, prepared, tuning
from lilliput.flow.run_directory import opened, split_reference
from lilliput.measure.artifact import MANIFEST, read_artifact
from lilliput.net import Net, Optimize
from lilliput.net.check import Stage, stage_of
from lilliput.net.formats import formats_named
from lilliput.net.storage import load
from lilliput.passes import plan_floats_for, plan_for
from lilliput.targets import Board


def load_model(model: str | Path) -> Net:
    """The network that MODEL names, at whatever stage it is stored.

    Args:
        model: a .safetensors or .tflite file, a folder that `compile` wrote, or RUN#TRIAL.

    Raises:
        ConfigError: there is no such file, folder or trial, or it is of an unknown kind.
        FormatError: the file is damaged.
    """
    reference = split_reference(str(model))
    if reference is not None:
        return load(_trial_path(*reference))
    path = Path(model)
    if (path / MANIFEST).is_file():
        return load(read_artifact(path).model_path)
    if not path.exists():
        raise ConfigError(
            f"model {path} does not exist",
            "there is no such file or folder",
            "give a .safetensors or .tflite file, a compiled folder, or RUN#TRIAL",
        )
    reader = READERS.get(path.suffix.lower())
    if reader is None or path.is_dir():
        raise ConfigError(
            f"{path} is no model that Lilliput reads",
            f"known: {', '.join(READERS)}, a compiled folder, RUN#TRIAL",
            "convert it, or check the path",
        )
    return reader(path)


def _read_tflite(path: Path) -> Net:
    from lilliput.formats.tflite import read_tflite

    return read_tflite(path)


READERS: dict[str, Callable[[Path], Net]] = {".safetensors": load, ".tflite": _read_tflite}
"""Who reads a file, by the end of its name."""


MOST_PATCHES = 32


def optimized(net: Net, optimize: Optimize | str | None, patches: int | None = None) -> Net:
    """The network, to be compiled for `optimize`, its first layers in patches; as it is where that is None.

    Raises:
        ConfigError: there is no such way to optimize, or too many patches.
    """
    if patches is not None:
        if not 0 <= patches <= MOST_PATCHES:
            raise ConfigError(
                f"cannot run layers in {patches} rows and columns of patches",
                f"there can be 0 to {MOST_PATCHES}",
                "choose fewer",
            )
        net = replace(net, patches=patches, plan=None)
    if optimize is None:
        return net
    try:
        return replace(net, optimize=Optimize(optimize), plan=None)
    except ValueError:
        known = ", ".join(Optimize)
        raise ConfigError(f"cannot optimize for '{optimize}'", f"known: {known}", "choose one") from None


def planned_for(
    net: Net, board: Board, data: str | None = None, formats: str | None = None, epochs: int | None = None
) -> Net:
    """The network with a plan for `board`.

    Args:
        net: at any stage; a float network must have weights.
        board: what for; its core's kernels decide scratch memory.
        data: data set that gives a float network its ranges.
        formats: number formats of a float network's layers, as `lilliput.net.formats.formats_named` reads
            them; int8 if None.
        epochs: of fine-tuning a float network with these integers; None for none.

    Raises:
        NetError: the float network has no weights.
        ConfigError: there are no data for its ranges, or the formats are unknown, come too late or leave
            nothing to fine-tune.
        TrainingError: the fine-tuning diverged.
    """
    chosen = quantized(net, data, formats, epochs)
    plans = plan_floats_for if stage_of(chosen) is Stage.FLOAT else plan_for
    return plans(chosen, board.core)


def quantized(
    net: Net, data: str | None = None, formats: str | None = None, epochs: int | None = None
) -> Net:
    """The network in its formats; one that has integers, or a plan, stays as it is.

    Args:
        net: at any stage; a float network must have weights.
        data, formats, epochs: as for `planned_for`.

    Raises:
        NetError, ConfigError, TrainingError: as of `planned_for`.
    """
    chosen = formats_named("int8" if formats is None else formats)
    if stage_of(net) is not Stage.FLOAT:
        wanted = f"take the format '{formats}'" if formats is not None else "be fine-tuned"
        if formats is not None or epochs is not None:
            raise ConfigError(
                f"network '{net.name}' cannot {wanted}",
                "it was quantized before",
                "give the float network, or leave the option out",
            )
        return net
    if any(tensor.constant and tensor.data is None for tensor in net.tensors.values()):
        raise NetError(
            f"network '{net.name}' has no weights", "it was not trained", "train it with lilliput search"
        )
    if chosen.real:
        if epochs is not None:
            raise ConfigError(
                f"network '{net.name}' cannot be fine-tuned as float32",
                "nothing is rounded there",
                "choose a format of integers, or leave --qat out",
            )
        return prepared(net, chosen)
    if data is None:
        raise ConfigError(
            f"network '{net.name}' is float",
            "its integer ranges come from examples",
            "name the data set that it was trained on: --data NAME",
        )
    from lilliput.flow.datasets import named_data

    dataset, _ = named_data(data)
    qat = None if epochs is None else tuning(chosen, epochs)
    return in_formats(net, dataset, chosen, qat=qat)


def _trial_path(folder: Path, trial: int) -> Path:
    """The integer network of a trial: the final one where there is one."""
    run, _ = opened(folder)
    compiled = run.front(trial)
    if (compiled / MANIFEST).is_file():
        return read_artifact(compiled).model_path
    path = run.integer_net(trial)
    if not path.is_file():
        kept = sorted(
            int(found.name.split(".")[0])
            for found in run.weights.glob("*.safetensors")
            if found.name.count(".") == 1 and found.name.split(".")[0].isdigit()
        )
        raise FormatError(
            f"{folder} keeps no network of trial {trial}",
            f"kept: {', '.join(map(str, kept)) or 'none'}",
            'choose one of those; output.weights = "all" keeps every trial\'s',
        )
    return path
