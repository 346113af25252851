"""`info`: layers, MACs, RAM over time and flash of a network at any stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lilliput.cost import cost
from lilliput.flow.models import load_model, optimized
from lilliput.net import Net, Optimize
from lilliput.net.check import Stage, stage_of
from lilliput.net.macs import op_macs
from lilliput.passes import lower, plan_for
from lilliput.report import memory_profile
from lilliput.targets import board as board_named

DEFAULT_BOARD = "generic-m4"


def info(
    model: str | Path,
    board: str | None = None,
    *,
    optimize: Optimize | str | None = None,
    patches: int | None = None,
    tflm: bool = False,
) -> dict[str, Any]:
    """What a network is and what it costs on a board, predicted without building anything.

    Keys: `name stage optimize patches board core input classes labels parameters macs cycles
    cycles_with_flash ram_bytes{arena,arena_without_input,lower_bound} flash_bytes{weights,code,total}
    layers[{name,op,output,macs,weights_bytes,live_bytes}]`.  Layers are those of the integer network in
    execution order; `live_bytes` is the RAM in use while a layer runs.

    Args:
        model: .safetensors or .tflite file, a compiled folder, or RUN#TRIAL.
        board: name or TOML file; generic-m4 if None.
        optimize: "speed", "ram" or "flash"; what the model was made for if None.
        patches: run the first layers in so many rows and columns of patches; what the model was made for if
            None.
        tflm: also what TensorFlow Lite Micro would need for the same network: the key
            `tflm_bytes{storage,arena,head,tail}`, see `lilliput.formats.tflite.memory`.

    Raises:
        ConfigError: no such model, board or way to optimize.
        FormatError: the file is damaged, or what TensorFlow Lite Micro needs is not known.
    """
    net = optimized(load_model(model), optimize, patches)
    target = board_named(board or DEFAULT_BOARD)
    stage = stage_of(net)
    # Without ranges a float network gets placeholder scales; sizes do not depend on them.
    planned = lower(net, None, target.core) if stage is Stage.FLOAT else plan_for(net, target.core)
    found = cost(planned, target)
    profile = memory_profile(planned)
    told = {
        "name": net.name,
        "stage": stage.value,
        "optimize": planned.optimize.value,
        "patches": planned.patches,
        "board": target.name,
        "core": target.core.name,
        "input": list(net.input.shape),
        "classes": net.output.elements,
        "labels": list(net.labels),
        "parameters": sum(tensor.elements for tensor in planned.tensors.values() if tensor.constant),
        "macs": found.macs,
        "cycles": found.cycles,
        "cycles_with_flash": found.cycles_with_flash,
        "ram_bytes": {
            "arena": found.arena_bytes,
            "arena_without_input": found.arena_without_input_bytes,
            "lower_bound": found.lower_bound_bytes,
        },
        "flash_bytes": {"weights": found.weights_bytes, "code": found.code_bytes, "total": found.flash_bytes},
        "layers": [_layer(planned, index, step.live_bytes) for index, step in enumerate(profile.steps)],
    }
    return told | ({"tflm_bytes": _in_tflm(planned)} if tflm else {})


def _in_tflm(net: Net) -> dict[str, int]:
    """What TensorFlow Lite Micro needs for an integer network; weights that are not there count as zeros."""
    from lilliput.formats.tflite import tflm_memory, write_tflite

    tensors = [
        replace(tensor, data=np.zeros(tensor.shape, tensor.dtype.numpy))
        for tensor in net.tensors.values()
        if tensor.constant and tensor.data is None
    ]
    found = tflm_memory(write_tflite(net.with_ops(net.ops, tensors)), f"network '{net.name}'")
    return {"storage": found.storage, "arena": found.arena, "head": found.head, "tail": found.tail}


def _layer(net: Net, index: int, live_bytes: int) -> dict[str, Any]:
    op = net.ops[index]
    return {
        "name": op.name,
        "op": type(op).__name__,
        "output": list(net.tensors[op.outputs[0]].shape),
        "macs": op_macs(op, net),
        "weights_bytes": sum(tensor.storage_bytes for tensor in net.constants(op)),
        "live_bytes": live_bytes,
    }
