"""What keeps a file from becoming a network: all of it at once, in the file's names, with what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lilliput.errors import FormatError, NetError
from lilliput.formats.tflite.graph import FileGraph
from lilliput.net import (
    AveragePool2D,
    Concat,
    DType,
    MaxPool2D,
    Net,
    Op,
    Pad,
    Quant,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Transpose,
)
from lilliput.net.check import check_op
from lilliput.net.check_numbers import ANEW
from lilliput.net.fixedpoint import BOUNDED

SEE_DOCS = "change the model before the export; docs/tflite.md lists what can be imported"
INTEGERS = "convert with full integer quantization: int8 operators, a representative data set"
_RANGES = "convert again, with representative data whose ranges are those that occur"
_ALIKE = "let both have one scale and zero point, as TensorFlow's converter does, or put a QUANTIZE between"
_MOST_LISTED = 100
_MODEL = "the model"
_KEEPS_NUMBERS = (MaxPool2D, AveragePool2D, Concat, Pad, Reshape, ResizeNearest, Slice, Transpose)
_AN_OP = re.compile(r"(?:op|softmax) '(\w+)'(?: \(\w+\))?")
_A_NAME = re.compile(r"'(\w+)'")


class Unsupported(Exception):  # noqa: N818 - not an error by itself: collected, then reported all at once
    """An operator that cannot be converted, with the reason and what to do about it."""

    def __init__(self, why: str, hint: str = SEE_DOCS) -> None:
        super().__init__(why)
        self.hint = hint


@dataclass(frozen=True)
class Problem:
    """One thing that is in the way.

    Attributes:
        where: the operator's number, title and output, or the model.
        why: the reason, with the offending value.
        hint: what to do.
    """

    where: str
    why: str
    hint: str


def refusal(source: str, problems: Sequence[Problem]) -> FormatError:
    """The error that tells all problems of a file."""
    told = list(dict.fromkeys(problems))
    if len(told) == 1:
        (one,) = told
        return FormatError(f"{source} cannot be imported", f"{one.where}: {one.why}", one.hint)
    lines = [f"{problem.where}: {problem.why} → {problem.hint}" for problem in told[:_MOST_LISTED]]
    lines += [f"and {len(told) - _MOST_LISTED} more"] if len(told) > _MOST_LISTED else []
    what = f"{source} cannot be imported: {len(told)} problems"
    return FormatError(
        what, "\n".join(lines), "change what the lines name, each as it says, and export again"
    )


def label(graph: FileGraph, number: int) -> str:
    """What messages call an operator."""
    operator = graph.operators[number]
    name = graph.tensors[operator.outputs[0]].name if operator.outputs else "no output"
    return f"{number} {operator.title} ('{name}')"


def of_ends(graph: FileGraph) -> list[Problem]:
    """A network has one input and one output."""
    found = []
    for what, ends, hint in (
        ("inputs", graph.inputs, "join them to one tensor and split it inside the model"),
        ("outputs", graph.outputs, "join them with CONCATENATION, or export a model for each"),
    ):
        if len(ends) != 1:
            names = ", ".join(f"'{graph.tensors[index].name}'" for index in ends)
            why = f"it has {len(ends)} {what}{f' ({names})' if names else ''}, but a network has one"
            found.append(Problem(_MODEL, why, hint if ends else "export it again, whole"))
    return found


def of_op(op: Op, net: Net, where: str, names: Mapping[str, str]) -> Problem | None:
    """What is wrong with an op by itself.

    Args:
        op: one of `net`, which need not be complete.
        net: has the tensors of the op.
        where: label of the operator that it came from.
        names: what the file calls the tensors.
    """
    target = net.tensors[op.outputs[0]]
    y = names.get(target.name, target.name)
    flowing = net.activations(op)
    bytes_ = [tensor for tensor in (*flowing, target) if tensor.dtype is DType.UINT8]
    if bytes_ and not isinstance(op, Requantize):
        why = f"'{names.get(bytes_[0].name, bytes_[0].name)}' is uint8, which only QUANTIZE at the ends takes"
        return Problem(where, why, INTEGERS)
    if isinstance(op, _KEEPS_NUMBERS):
        for tensor in (*flowing, *net.constants(op)):
            if tensor.quant != target.quant:
                x = names.get(tensor.name, tensor.name)
                why = (
                    f"'{x}' has {_text(tensor.quant)}, '{y}' {_text(target.quant)}, "
                    "and it cannot change from one to the other"
                )
                return Problem(where, why, _ALIKE)
    if type(op) in BOUNDED and target.quant != BOUNDED[type(op)]:
        why = f"'{y}' has {_text(target.quant)}, but its values need {_text(BOUNDED[type(op)])}"
        return Problem(where, why, "convert again with TensorFlow's converter, which gives it these")
    try:
        check_op(net, op)
    except NetError as error:
        return of_error(error, names, {op.name: where})
    return None


def of_error(error: NetError, names: Mapping[str, str], labels: Mapping[str, str]) -> Problem:
    """A broken rule in the file's words.

    Args:
        error: tells of ops and tensors of the network.
        names: what the file calls the tensors.
        labels: of the operators that ops came from.
    """
    text = error.why or error.what
    op = _AN_OP.search(f"{error.what} {text}")
    text = _AN_OP.sub("this operator", text)
    text = _A_NAME.sub(lambda found: f"'{names.get(found[1], found[1])}'", text)
    where = labels.get(op[1], _MODEL) if op else _MODEL
    hint = "export it again, whole" if where == _MODEL else _RANGES
    return Problem(where, text, hint if error.hint in ("", ANEW) else error.hint)


def _text(quant: Quant | None) -> str:
    return "no scale" if quant is None else f"scale {quant.scale:.6g} and zero point {quant.zero_point}"
