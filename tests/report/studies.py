"""A made-up study for the report's tests: realistic in shape and size, its figures are nobody's result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lilliput.net import (
    Activation,
    Add,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    DType,
    FullyConnected,
    GlobalAveragePool2D,
    MaxPool2D,
    Net,
    Op,
    Padding,
    Plan,
    Requantize,
    Softmax,
    Tensor,
)
from lilliput.report import FrontNetwork, StudyReport, memory_profile
from lilliput.results import FlashBytes, LayerCost, Measurement, RamBytes, Trial

ALIGNMENT_BYTES = 4


class Builder:
    """Collects ops and tensors; every method returns the name of the op's output."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.ops: list[Op] = []
        self.tensors = {"input": Tensor("input", shape, DType.UINT8)}

    def add(self, op: Op) -> str:
        shapes = [self.tensors[name].shape for name in op.inputs]
        (output,) = op.outputs
        self.tensors[output] = Tensor(output, op.output_shape(shapes), DType.INT8)
        self.ops.append(op)
        return output

    def constant(self, name: str, *shape: int) -> str:
        self.tensors[name] = Tensor(name, shape, DType.INT8, constant=True)
        return name

    def _name(self, kind: str) -> str:
        return f"{kind}_{len(self.ops)}"

    def convolution(self, x: str, channels: int, kernel: int, stride: int = 1) -> str:
        name = self._name("conv")
        weights = self.constant(f"{name}_w", channels, kernel, kernel, self.tensors[x].shape[2])
        bias = self.constant(f"{name}_b", channels)
        pad = Padding(*[kernel // 2] * 4)
        op = Conv2D(
            name=name,
            inputs=(x, weights, bias),
            outputs=(f"{name}_out",),
            strides=(stride, stride),
            padding=pad,
            activation=Activation.RELU,
        )
        return self.add(op)

    def depthwise(self, x: str, kernel: int) -> str:
        name = self._name("depthwise")
        weights = self.constant(f"{name}_w", kernel, kernel, self.tensors[x].shape[2])
        op = DepthwiseConv2D(
            name=name, inputs=(x, weights), outputs=(f"{name}_out",), padding=Padding(*[kernel // 2] * 4)
        )
        return self.add(op)

    def simple(self, kind: type[Op], *inputs: str, **attributes: object) -> str:
        name = self._name(kind.__name__.lower())
        return self.add(kind(name=name, inputs=inputs, outputs=(f"{name}_out",), **attributes))  # type: ignore[arg-type]

    def dense(self, x: str, units: int) -> str:
        name = self._name("dense")
        weights = self.constant(f"{name}_w", units, self.tensors[x].shape[0])
        return self.simple(FullyConnected, x, weights, self.constant(f"{name}_b", units))

    def net(self, name: str) -> Net:
        return Net(name, tuple(self.ops), self.tensors, ("input",), self.ops[-1].outputs)


def branched(name: str, width: int, modules: int = 2) -> Net:
    """A network with parallel branches of unlike length, a residual sum, and a plan."""
    make = Builder((28, 28, 1))
    x = make.convolution(make.simple(Requantize, "input"), width, 3, 2)
    for _ in range(modules):
        left = make.convolution(make.convolution(x, width, 1), width, 3)
        right = make.simple(MaxPool2D, x, pool=(3, 3), padding=Padding(1, 1, 1, 1))
        x = make.convolution(make.simple(Concat, left, right), width, 1)
        x = make.simple(Add, x, make.depthwise(x, 3))
    x = make.simple(MaxPool2D, x, strides=(2, 2))
    x = make.dense(make.simple(GlobalAveragePool2D, make.convolution(x, 2 * width, 3)), 10)
    make.simple(Softmax, x)
    return placed(make.net(name))


def placed(net: Net) -> Net:
    """First fit, in place where an op allows it: enough of a plan to draw."""
    births = {"input": 0, **{op.outputs[0]: index for index, op in enumerate(net.ops)}}
    deaths = {
        name: max([births[name], *(i for i, op in enumerate(net.ops) if name in op.inputs)])
        for name in births
    }
    addresses: dict[str, int] = {}
    scratch: dict[str, tuple[int, int]] = {}
    end = 0
    for index, op in enumerate(net.ops):
        for name in ("input",) if index == 0 else ():
            addresses[name] = 0
        (output,) = op.outputs
        heir = op.inputs[0]
        same = net.tensors[heir].storage_bytes == net.tensors[output].storage_bytes
        if isinstance(op, Requantize | Add) and same and deaths[heir] == index:
            addresses[output] = addresses[heir]
        else:
            addresses[output] = _hole(net, addresses, deaths, index, net.tensors[output].storage_bytes)
        end = max(end, addresses[output] + net.tensors[output].storage_bytes)
        if isinstance(op, DepthwiseConv2D):
            start = _hole(net, addresses, deaths, index, 400)
            scratch[op.name] = (start, 400)
            end = max(end, start + 400)
    end += -end % ALIGNMENT_BYTES
    planned = replace(net, plan=Plan(addresses, scratch, end, 0))
    peak = max(step.live_bytes for step in memory_profile(planned).steps)
    return replace(net, plan=Plan(addresses, scratch, end, peak))


def _hole(net: Net, addresses: dict[str, int], deaths: dict[str, int], index: int, size: int) -> int:
    spans = sorted(
        (start, start + net.tensors[name].storage_bytes)
        for name, start in addresses.items()
        if deaths[name] >= index
    )
    place = 0
    for start, stop in spans:
        if start - place >= size:
            break
        place = max(place, stop + -stop % ALIGNMENT_BYTES)
    return place


def measured(net: Net, accuracy: float) -> Measurement:
    """A measurement with figures of the right order."""
    layers = []
    for op in net.ops:
        output = net.tensors[op.outputs[0]]
        weights = [net.tensors[name] for name in op.inputs if net.tensors[name].constant]
        macs = output.elements * (weights[0].elements // output.shape[-1]) if weights else 0
        cycles = int(macs * 1.9 + output.elements * 11 + 300)
        layers.append(LayerCost(op.name, type(op).__name__, macs, cycles))
    cycles = sum(layer.cycles or 0 for layer in layers)
    flash = sum(tensor.storage_bytes for tensor in net.tensors.values() if tensor.constant)
    assert net.plan is not None
    arena = net.plan.arena_bytes
    return Measurement(
        board="nucleo-l4r5zi",
        core="cortex-m4",
        toolchain="arm-none-eabi-gcc 12.2",
        macs=sum(layer.macs for layer in layers),
        ram_bytes=RamBytes(arena, arena - 784, 0, 320, arena + 320),
        flash_bytes=FlashBytes(flash, 4_180, flash + 4_180),
        instructions=int(cycles * 0.8),
        cycles=cycles,
        latency_ms=cycles / 120e3,
        energy_uj=cycles / 120e3 * 22.0,
        vectors=32,
        mismatches=0,
        layers=tuple(layers),
        examples=10_000,
        accuracy=accuracy,
    )


def study(trials: int = 300, front: int = 4, seed: int = 3) -> StudyReport:
    """A study of `trials` trials whose last `front` are the front."""
    rng = np.random.default_rng(seed)
    found, elapsed = [], 0.0
    for number in range(trials):
        weights = float(np.exp(rng.uniform(np.log(900), np.log(90_000))))
        luck = float(rng.gamma(2.0, 1.0)) * (1.6 if number < trials // 3 else 0.9)
        elapsed += float(rng.uniform(15, 70))
        values = {
            "error": min(0.052 + 1.6 / weights**0.42 + 0.012 * luck, 0.9),
            "ram_bytes": float(round(weights**0.62 * rng.uniform(12, 30)) + 784),
            "flash_bytes": round(weights) + 4000.0,
            "macs": float(round(weights * rng.uniform(15, 90))),
        }
        info = {
            "seconds": 40.0,
            "elapsed_seconds": elapsed,
            "morphism": "widen convolution",
            "parent": max(number - 9, 0),
        }
        info["cycles"] = values["macs"] * float(rng.uniform(1.8, 3.0))
        state = "stopped" if values["error"] > 0.15 and number > trials // 4 else "complete"
        found.append(Trial(number, state, {"blocks": []}, values, info))
    chosen = []
    for index in range(front):
        net = branched(f"front_{index}", 8 + 6 * index, modules=1 + index % 3)
        measurement = measured(net, 0.895 + 0.012 * index)
        assert measurement.accuracy is not None
        values = {
            "error": 1 - measurement.accuracy + 0.009,
            "ram_bytes": float(measurement.ram_bytes.arena),
            "flash_bytes": float(measurement.flash_bytes.total or 0),
            "macs": float(measurement.macs),
        }
        elapsed += 60.0
        info = {"seconds": 60.0, "elapsed_seconds": elapsed, "morphism": "add branch", "parent": 17}
        info["cycles"] = float(measurement.cycles or 0)
        trial = Trial(trials + index, "complete", {"blocks": []}, values, info)
        found.append(trial)
        chosen.append(FrontNetwork(trial, net, measurement, directory=f"front/{trial.number}"))
    # Of the last trials of the search two are in the front and were not compiled.
    for trial in found[trials - 2 : trials]:
        chosen.append(FrontNetwork(trial, branched(f"trial_{trial.number}", 9)))
    return StudyReport(
        title="fashion-mnist on nucleo-l4r5zi",
        trials=found,
        front=chosen,
        settings={"data": {"name": "fashion-mnist"}, "train": {"epochs": 12, "batch_size": 128}},
        bounds={"ram_bytes": 32_000, "flash_bytes": 64_000, "macs": 4_400_000, "error": 0.08},
        board="NUCLEO-L4R5ZI, Cortex-M4 at 120 MHz",
        dataset="fashion-mnist: 54,000 training, 6,000 validation, 10,000 test",
        command="lilliput search examples/fashion-mnist.toml -o RUN",
        seconds=elapsed,
        infeasible=812,
        facts={"seed": 0, "lilliput": "0.1.0"},
    )
