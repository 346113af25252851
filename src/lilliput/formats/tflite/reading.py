""".tflite → quantized `Net`, every op with the numeric profile `tflm`."""

from __future__ import annotations

import re
from pathlib import Path

from lilliput.errors import FormatError, NetError
from lilliput.formats.folding import fold_padding, without_transposes
from lilliput.formats.tflite.context import Call, Context, Unsupported
from lilliput.formats.tflite.graph import FileGraph, FileOperator, parse_graph, read_graph
from lilliput.formats.tflite.operators import CONVERTERS, ON_SHAPES
from lilliput.net import DType, Net, Op
from lilliput.net.check import Stage, check

_LONGEST_NAME = 40
_MOST_LISTED = 100


def read_tflite(path: Path | str, name: str | None = None) -> Net:
    """Import an int8 model.

    Float inputs and outputs that are quantized at once (QUANTIZE first, DEQUANTIZE last) are cut off: the
    network takes and gives the integers.

    Args:
        path: the .tflite file.
        name: the network's name, a C identifier; made from the file name if not given.

    Raises:
        FormatError: the file cannot be read, is damaged, or uses what Lilliput does not support; all such
            operators are listed.
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
    problems: list[str] = []
    for number, operator in enumerate(graph.operators):
        if _is_about_shapes(operator, graph):
            continue
        try:
            _convert(operator, number, context)
        except Unsupported as problem:
            problems.append(f"{_label(graph, operator, number)}: {problem}")
        except NetError as problem:
            problems.append(f"{_label(graph, operator, number)}: {problem.why or problem.what}")
    if problems:
        more = [f"and {len(problems) - _MOST_LISTED} more"] if len(problems) > _MOST_LISTED else []
        raise FormatError(
            f"{graph.source} uses {len(problems)} operators that Lilliput cannot import",
            "; ".join([*problems[:_MOST_LISTED], *more]),
            "replace or remove these operators before the export",
        )
    try:
        net = _connected(context, name)
        check(net, Stage.QUANTIZED)
        net = fold_padding(without_transposes(net))
        check(net, Stage.QUANTIZED)
    except Unsupported as problem:
        raise FormatError(
            f"{graph.source} cannot be imported", str(problem), "export an int8 model"
        ) from None
    except NetError as error:
        raise FormatError(
            f"{graph.source} cannot be imported", error.why or error.what, error.hint
        ) from error
    return net


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
    if operator.builtin is None:
        raise Unsupported("this operator is not supported")
    converter = CONVERTERS.get(operator.builtin)
    if converter is None:
        raise Unsupported("this operator is not supported")
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


def _label(graph: FileGraph, operator: FileOperator, number: int) -> str:
    name = graph.tensors[operator.outputs[0]].name if operator.outputs else "no output"
    return f"{number} {operator.title} ('{name}')"
