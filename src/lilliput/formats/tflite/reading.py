""".tflite → quantized `Net`, every op with the numeric profile `tflm`."""

from __future__ import annotations

import re
from pathlib import Path

from lilliput.errors import FormatError
from lilliput.formats.tflite.context import Context, Unsupported
from lilliput.formats.tflite.graph import FileGraph, FileOperator, read_graph
from lilliput.formats.tflite.operators import CONVERTERS
from lilliput.net import Net


def read_tflite(path: Path | str, name: str | None = None) -> Net:
    """Import an int8 model.

    Float inputs and outputs that are quantized at once (QUANTIZE first, DEQUANTIZE last) are cut off: the
    network takes and gives the integers.

    Args:
        path: the .tflite file.
        name: the network's name, a C identifier; made from the file name if not given.

    Raises:
        FormatError: the file is damaged, or uses what Lilliput does not support; all such operators are
            listed.
    """
    path = Path(path)
    graph = read_graph(path)
    context = Context(graph)
    problems: list[str] = []
    for number, operator in enumerate(graph.operators):
        try:
            _convert(operator, number, context)
        except Unsupported as problem:
            problems.append(f"{number} {operator.title} ('{_label(graph, operator)}'): {problem}")
    if problems:
        raise FormatError(
            f"{path} uses {len(problems)} operators that Lilliput cannot import",
            "; ".join(problems),
            "replace or remove these operators before the export",
        )
    net = Net(
        name=name or identifier(path.stem),
        ops=tuple(context.ops),
        tensors=context.tensors,
        inputs=tuple(context.border(k) for k in graph.inputs),
        outputs=tuple(context.border(k) for k in graph.outputs),
    )
    return net.with_ops(net.ops)


def identifier(text: str) -> str:
    """A lower-case C identifier made from `text`."""
    cleaned = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_") or "model"
    return cleaned if cleaned[0].isalpha() else f"net_{cleaned}"


def _label(graph: FileGraph, operator: FileOperator) -> str:
    return graph.tensors[operator.outputs[0]].name if operator.outputs else "no output"


def _convert(operator: FileOperator, number: int, context: Context) -> None:
    if operator.builtin is None:
        raise Unsupported("no such operator is known")
    converter = CONVERTERS.get(operator.builtin)
    if converter is None:
        raise Unsupported("this operator is not supported")
    converter(operator, f"{operator.builtin.name.lower()}_{number}", context)
