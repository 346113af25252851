""".tflite → quantized `Net`, every op with the numeric profile `tflm`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lilliput.errors import FormatError, NetError
from lilliput.formats.folding import fold_padding, without_transposes
from lilliput.formats.tflite.context import Call, Context
from lilliput.formats.tflite.graph import FileGraph, FileOperator, parse_graph, read_graph
from lilliput.formats.tflite.operators import CONVERTERS, ON_SHAPES
from lilliput.formats.tflite.problems import (
    SEE_DOCS,
    Problem,
    Unsupported,
    label,
    of_ends,
    of_error,
    of_op,
    refusal,
)
from lilliput.net import DType, Net, Op
from lilliput.net.check import Stage, check

_LONGEST_NAME = 40


def read_tflite(path: Path | str, name: str | None = None) -> Net:
    """Import an int8 model.

    Float inputs and outputs that are quantized at once (QUANTIZE first, DEQUANTIZE last) are cut off: the
    network takes and gives the integers.

    Args:
        path: the .tflite file.
        name: the network's name, a C identifier; made from the file name if not given.

    Raises:
        FormatError: the file cannot be read, is damaged, or uses what Lilliput does not support; all that is
            in the way is listed, in the names of the file.
    """
    path = Path(path)
    return _network(read_graph(path), name or identifier(path.stem))


def parse_tflite(data: bytes, name: str = "model", source: str = "the model") -> Net:
    """The network in the bytes of a .tflite file.

    Args:
        data: the file's content.
        name: the network's name, a C identifier.
        source: what messages call the data.

    Raises:
        FormatError: as `read_tflite`.
    """
    return _network(parse_graph(data, source), name)


def identifier(text: str) -> str:
    """A lower-case C identifier made from `text`, good as the name of a network."""
    cleaned = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:_LONGEST_NAME] or "model"
    usable = cleaned[0].isalpha() and cleaned != "lp" and not cleaned.startswith("lp_")
    return cleaned if usable else f"net_{cleaned}"


def _network(graph: FileGraph, name: str) -> Net:
    _refuse_floats(graph)
    context = Context(graph)
    made, problems = _converted(graph, context)
    problems += of_ends(graph)
    labels = {op.name: label(graph, number) for number, op in made}
    try:
        if not problems:
            net = _connected(context, name)
            needed = {op.name for op in net.ops}
            made = [(number, op) for number, op in made if op.name in needed]
        problems += _judged(made, context, labels)
        if not problems:
            check(net, Stage.QUANTIZED)
            net = fold_padding(without_transposes(net))
            check(net, Stage.QUANTIZED)
    except Unsupported as problem:
        problems.append(Problem("the model", str(problem), problem.hint))
    except NetError as error:
        problems.append(of_error(error, context.names, labels))
    if problems:
        places = {label(graph, number): number for number in range(len(graph.operators))}
        problems.sort(key=lambda problem: places.get(problem.where, len(places)))
        raise refusal(graph.source, problems)
    return net


def _converted(graph: FileGraph, context: Context) -> tuple[list[tuple[int, Op]], list[Problem]]:
    """The ops of all operators, each with its operator's number, and what is wrong with the others."""
    made: list[tuple[int, Op]] = []
    problems: list[Problem] = []
    for number, operator in enumerate(graph.operators):
        if _is_about_shapes(operator, graph):
            continue
        before, where = len(context.ops), label(graph, number)
        try:
            _convert(operator, number, context)
        except Unsupported as problem:
            problems.append(Problem(where, str(problem), problem.hint))
        except NetError as error:
            problems.append(replace(of_error(error, context.names, {}), where=where))
        made += [(number, op) for op in context.ops[before:]]
    return made, problems


def _judged(made: Sequence[tuple[int, Op]], context: Context, labels: Mapping[str, str]) -> list[Problem]:
    """What is wrong with ops by themselves."""
    graph = context.graph
    first, last = (tuple(context.name(index) for index in ends) for ends in (graph.inputs, graph.outputs))
    net = Net("model", tuple(op for _, op in made), context.tensors, first, last)
    found = (of_op(op, net, labels[op.name], context.names) for _, op in made)
    return [problem for problem in found if problem is not None]


def _refuse_floats(graph: FileGraph) -> None:
    """Tell at once what would be wrong with every single operator."""
    made = {graph.tensors[index].dtype for operator in graph.operators for index in operator.outputs}
    if made and made <= {DType.FLOAT32, DType.INT32}:
        raise FormatError(
            f"{graph.source} is a float model",
            "its operators compute in float32",
            "convert it with full integer quantization: int8 operators, a representative data set",
        )


def _convert(operator: FileOperator, number: int, context: Context) -> None:
    converter = None if operator.builtin is None else CONVERTERS.get(operator.builtin)
    if operator.builtin is None or converter is None:
        raise Unsupported("this operator is not supported", f"leave it out or replace it: {SEE_DOCS}")
    converter(Call(operator, f"{operator.builtin.name.lower()}_{number}", context))


def _is_about_shapes(operator: FileOperator, graph: FileGraph) -> bool:
    """Whether the operator computes whole numbers, of which a file with fixed shapes needs none."""
    kinds = {graph.tensors[index].dtype for index in operator.outputs}
    return operator.builtin in ON_SHAPES and kinds == {DType.INT32}


def _connected(context: Context, name: str) -> Net:
    """The network of all ops that the outputs depend on."""
    graph = context.graph
    inputs = tuple(context.activation(index).name for index in graph.inputs)
    outputs = tuple(context.activation(index).name for index in graph.outputs)
    needed, ops = set(outputs), list[Op]()
    for op in reversed(context.ops):
        if needed.intersection(op.outputs):
            needed.update(op.inputs)
            ops.append(op)
    net = Net(name, tuple(reversed(ops)), context.tensors, inputs, outputs)
    return net.with_ops(net.ops)
