"""Lilliput against qualia-codegen-core, MicroAI's code generator, on MicroAI's ResNetv1-6, random weights.

Both sides get the same float network, are built with the same compiler and options, and are measured by
the same emulator and cycle model.  The generator is under the AGPL: it is called if it is installed, to
compare with, and nothing of Lilliput needs it (`pip install qualia-codegen-core`).
"""

from __future__ import annotations

import importlib.util
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from comparison import Comparison
from peers import Figures, Subject, known_figures, measured, shim
from side_by_side import table as table

from lilliput.codegen import generate
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Net, Optimize
from lilliput.net.formats import Formats, format_named
from lilliput.net.ops import Activation, Add, Conv2D, FullyConnected, MaxPool2D, Op, Reshape
from lilliput.net.reference import run_all
from lilliput.passes import fold_batch_norm, fuse_activations, plan_floats_for, plan_for, quantize
from lilliput.search.templates import build, resnet_v1_6
from lilliput.targets import board

FILTERS = (16, 24, 32, 40, 48, 64, 80)
"""Those of the paper (Novac et al., Sensors 2021, 21, 2984, §6)."""
SHAPE, CLASSES = (1, 128, 6), 7
"""Of the data set watch-activity."""
BOARD = "nucleo-l452re"
"""The paper's."""
GOALS = (Optimize.SPEED, Optimize.FLASH)
"""What ours is compiled for: the default, and the smallest."""
EXAMPLES = 16
PACKAGE = "qualia_codegen_core"


@dataclass(frozen=True)
class Width:
    """A format of both sides.

    Attributes:
        ours: its name here.
        bits: of weights and of what flows; 0 for floats.
        one_scale: binary digits behind the point for the whole network, as the paper's 16 bits have; None
            where each layer has its own.
    """

    ours: str
    bits: int
    one_scale: int | None = None


WIDTHS = {"float32": Width("float32", 0), "int16": Width("qmn16", 16, 9), "int8": Width("int8", 8)}
"""The paper's name of a format → what it is."""


def run(seed: int) -> Iterator[Comparison]:
    """Cycles, RAM and ROM without weights for each number of filters and each format."""
    if importlib.util.find_spec(PACKAGE) is None:
        print("  qualia-codegen-core is not installed: pip install qualia-codegen-core", file=sys.stderr)
        return
    rng = np.random.default_rng(seed)
    for filters in FILTERS:
        net = float_net(filters, rng)
        x = rng.normal(0, 1, (EXAMPLES, *SHAPE)).astype(np.float32)
        flows = run_all(net, x)
        for name, width in WIDTHS.items():
            theirs = qualia_figures(net, flows, width)
            ours = {goal: lilliput_figures(replace(net, optimize=goal), flows, width) for goal in GOALS}
            told: list[dict[str, float]] = []
            for goal, found in ours.items():
                known = known_figures(found, net)
                # Some formats have one kernel for all goals.
                if known not in told:
                    told.append(known)
                    subject = Subject(net, board(BOARD), f", {name}, for {goal}")
                    yield from subject.against("qualia-codegen", known, known_figures(theirs, net))
            exact = flows[net.output.name][0].ravel()
            for engine, found in (("Lilliput", ours[GOALS[0]]), ("qualia-codegen", theirs)):
                off = np.abs(found.output - exact).max() / np.abs(exact).max()
                print(f"  {net.name}, {name}: {engine} is off by {off:.2g} of the largest", file=sys.stderr)


def float_net(filters: int, rng: np.random.Generator) -> Net:
    """ResNetv1-6 with random weights, as both sides take it."""
    net = fuse_activations(fold_batch_norm(build(resnet_v1_6(filters), SHAPE, CLASSES, f"resnet_{filters}")))
    tensors = dict(net.tensors)
    for name, tensor in tensors.items():
        if tensor.constant:
            fan_in = math.prod(tensor.shape[1:]) if len(tensor.shape) > 1 else 100
            data = rng.normal(0, 1 / math.sqrt(fan_in), tensor.shape).astype(np.float32)
            tensors[name] = replace(tensor, data=data)
    return replace(net, tensors=tensors)


def lilliput_figures(net: Net, flows: Mapping[str, np.ndarray], width: Width) -> Figures:
    """Ours; the output is in real numbers."""
    target, x = board(BOARD), flows[net.input.name][0]
    if not width.bits:
        planned = plan_floats_for(net, target.core)
    else:
        ranges = {name: (float(y.min()), float(y.max())) for name, y in flows.items()}
        planned = plan_for(quantize(net, ranges, Formats(format_named(width.ours))), target.core)
        quant, dtype = planned.input.quant, planned.input.dtype
        assert quant is not None
        x = np.clip(np.rint(x / quant.scale) + quant.zero_point, *dtype.range).astype(dtype.numpy)
    files = generate(planned, target)
    found = measured(files, planned, target, x, find_toolchain(target), f"{net.name}_")
    if planned.output.quant is None:
        return found
    steps = found.output.astype(np.float64) - planned.output.quant.zero_point
    return replace(found, output=steps * planned.output.quant.scale)


def qualia_figures(net: Net, flows: Mapping[str, np.ndarray], width: Width) -> Figures:
    """Those of the C that qualia-codegen-core makes; the output is in real numbers."""
    target, x = board(BOARD), flows[net.input.name][0]
    points = {name: digits(width, flow) for name, flow in flows.items()}
    dtype = np.dtype(f"int{width.bits}" if width.bits else "float32")
    if width.bits:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        x = np.clip(np.floor(x * 2.0 ** points[net.input.name]), low, high)
    text = generated(net, points, width)
    files = {f"{net.name}.h": shim(net, dtype), f"peer_{net.name}.c": text}
    toolchain = replace(find_toolchain(target), libraries=("-lm", "-lc", "-lgcc"))
    found = measured(files, net, target, x.astype(dtype), toolchain, "peer_", dtype)
    return replace(found, output=found.output / 2.0 ** points[net.output.name])


def digits(width: Width, *numbers: np.ndarray) -> int:
    """Binary digits behind the point (§4.1.4, equations 1 and 2); 0 for floats."""
    if not width.bits:
        return 0
    if width.one_scale is not None:
        return width.one_scale
    return width.bits - 2 - math.floor(math.log2(max(float(np.abs(one).max()) for one in numbers)))


def generated(net: Net, points: Mapping[str, int], width: Width) -> str:
    """One C file; its function is peer_<network>(input, output).

    Args:
        net: float, with weights; series of height 1.
        points: tensor → binary digits behind its point.
        width: of the numbers.
    """
    from qualia_codegen_core import Converter
    from qualia_codegen_core.graph import ModelGraph, Quantization
    from qualia_codegen_core.graph.LayerNode import LayerNode
    from qualia_codegen_core.graph.layers import TInputLayer
    from qualia_codegen_core.graph.RoundMode import RoundMode

    rounding = RoundMode.FLOOR if width.bits else RoundMode.NONE

    def node(layer: Any, output: str, constants: tuple[np.ndarray, ...] = ()) -> Any:
        quantization = Quantization(
            number_type=int if width.bits else float,
            width=width.bits or 32,
            long_width=32,
            weights_scale_factor=digits(width, *constants) if constants else None,
            output_scale_factor=points[output],
            weights_round_mode=rounding,
            output_round_mode=rounding,
        )
        return LayerNode(layer, q=quantization)

    graph = ModelGraph()
    source = net.input.name
    nodes = {
        source: node(
            TInputLayer((series(net, source),), (series(net, source),), (np.float32,), "input"), source
        )
    }
    graph.add_node(nodes[source])
    for op in net.ops:
        constants = tuple(net.tensors[name].data for name in op.inputs if net.tensors[name].constant)
        feeding = [nodes[name] for name in op.inputs if not net.tensors[name].constant]
        nodes[op.outputs[0]] = node(layer_of(op, net), op.outputs[0], constants)
        graph.add_node(nodes[op.outputs[0]], feeding)
    with tempfile.TemporaryDirectory() as folder:
        text = Converter(Path(folder), f"peer_{net.name}").convert_model(graph)
    assert isinstance(text, str)
    return text


def layer_of(op: Op, net: Net) -> Any:
    """The layer of qualia-codegen-core that does what `op` does.

    Raises:
        NotImplementedError: an op that ResNetv1-6 does not have.
    """
    from qualia_codegen_core.graph import layers
    from qualia_codegen_core.graph.layers.TActivationLayer import TActivation

    flowing = tuple(series(net, name) for name in op.inputs if not net.tensors[name].constant)
    common = (flowing, (series(net, op.outputs[0]),), (np.float32,), op.name)
    relu = getattr(op, "activation", Activation.NONE) is Activation.RELU
    activation = TActivation.RELU if relu else TActivation.LINEAR
    if isinstance(op, Conv2D):
        kernel, bias = (net.tensors[name].data for name in op.inputs[1:])
        filters, _, width, _ = kernel.shape
        padding = (op.padding.left, op.padding.right)
        weights = (kernel[:, 0], (width,), op.strides[1:], filters, True, bias, 1, padding)
        return layers.TConv1DLayer(*common, activation, *weights)
    if isinstance(op, FullyConnected):
        kernel, bias = (net.tensors[name].data for name in op.inputs[1:])
        return layers.TDenseLayer(*common, activation, kernel, len(kernel), True, bias)
    if isinstance(op, MaxPool2D):
        return layers.TMaxPooling1DLayer(*common, activation, op.pool[1:], op.strides[1:])
    if isinstance(op, Add):
        return layers.TAddLayer(*common, activation)
    if isinstance(op, Reshape):
        return layers.TFlattenLayer(*common)
    raise NotImplementedError(type(op).__name__)


def series(net: Net, name: str) -> tuple[int, ...]:
    """A tensor's shape with a batch of one in place of the height of one."""
    shape = net.tensors[name].shape
    return shape if len(shape) == 3 else (1, *shape)
