"""What the C of one op is made of: where its tensors lie, and how its kernel is called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lilliput.errors import NetError
from lilliput.net.fixedpoint import activation_range, quant
from lilliput.net.graph import Net, Plan
from lilliput.net.ops import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D
from lilliput.net.rows import RowWindow
from lilliput.targets.kernel import SCRATCH_ALIGNMENT_BYTES, Kernel

_UINT16_LIMIT = 1 << 16
_UNSIGNED_16 = {
    "input_height",
    "input_width",
    "input_channels",
    "output_height",
    "output_width",
    "output_channels",
    "kernel_height",
    "kernel_width",
    "stride_y",
    "stride_x",
    "dilation_y",
    "dilation_x",
    "padding_top",
    "padding_left",
    "inputs",
    "outputs",
    "channels",
    "pool_height",
    "pool_width",
    "top",
    "bottom",
    "left",
    "right",
    "rows",
    "columns",
    "window_fours",
}


@dataclass(frozen=True)
class Place:
    """What an emitter may ask about its op: shapes, C expressions of addresses, names of constants."""

    op: Any
    net: Net
    plan: Plan
    kernel: Kernel
    prefix: str
    window: RowWindow | None = None

    @property
    def images(self) -> tuple[str, ...]:
        """The activations that it reads, then the one that it writes."""
        return (*dict.fromkeys(tensor.name for tensor in self.net.activations(self.op)), *self.op.outputs)

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """Shape of an input, constants included."""
        return self.net.tensors[self.op.inputs[index]].shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.net.tensors[self.op.outputs[0]].shape

    @property
    def element_bytes(self) -> int:
        """Bytes of an element of the output."""
        return self.net.tensors[self.op.outputs[0]].element_bytes

    def input(self, index: int = 0) -> str:
        """Address of an input."""
        return self.address(self.op.inputs[index])

    @property
    def output(self) -> str:
        """Address of the output."""
        return self.address(self.op.outputs[0])

    def address(self, tensor: str) -> str:
        """Address of any activation; in a stream, of the first of its rows that the turn is about."""
        if self.window is None:
            return f"arena + {self.plan.addresses[tensor]}"
        if tensor in self.op.outputs:
            return "lp_row(output, output->end)"
        return f"lp_row(input_{self.images.index(tensor)}, first)"

    @property
    def elements(self) -> str:
        """Number of elements of the output; in a stream, of the rows that the turn makes."""
        if self.window is None:
            return str(math.prod(self.output_shape))
        return f"(uint32_t)((end - output->end) * {math.prod(self.output_shape[1:])})"

    @property
    def scratch(self) -> tuple[str, ...]:
        """The last argument of a kernel that uses scratch memory."""
        if not self.kernel.scratch_bytes:
            return ()
        address, size = self.plan.scratch.get(self.op.name, (0, 0))
        if size < self.kernel.scratch_bytes or address % SCRATCH_ALIGNMENT_BYTES:
            raise NetError(
                f"op '{self.op.name}': the plan's scratch memory does not fit",
                f"'{self.kernel.function}' needs {self.kernel.scratch_bytes} bytes at a multiple of"
                f" {SCRATCH_ALIGNMENT_BYTES}, the plan has {size} at {address}",
                "place the network again, for this board's core",
            )
        return (f"arena + {address}",)

    def constant(self, what: str) -> str:
        """Name of one of the layer's arrays."""
        return f"{self.prefix}_{what}"


def bounds(place: Place) -> list[tuple[str, object]]:
    """Smallest and largest output."""
    low, high = activation_range(place.op, place.net)
    return [("minimum", low), ("maximum", high)]


def sides(prefix: str, shape: tuple[int, ...], *names: str) -> list[tuple[str, object]]:
    """Lengths of some axes by name."""
    return [(f"{prefix}_{name}", length) for name, length in zip(names, shape, strict=False)]


def zero_point(place: Place, tensor: str) -> int:
    """Zero point of any tensor."""
    return quant(tensor, place.net).zero_point


def stepped(address: str, steps: Sequence[int]) -> str:
    """An address that each of some loops around a call moves on by so many bytes."""
    return address + "".join(f" + i{depth} * {step}" for depth, step in enumerate(steps) if step)


def call(place: Place, ctype: str, parameters: str, *arguments: str, repeats: Sequence[int] = ()) -> str:
    """Statements that call the kernel with parameters: constant ones, but for the sizes of turns.

    Args:
        place: the op's.
        ctype: of the parameters.
        parameters: their initializer.
        arguments: what the kernel takes beside them.
        repeats: how often each of the loops around the call runs, the outermost first.
    """
    storage = "static const " if place.window is None else ""
    sizes = "".join(f"    params.{name} = {value};\n" for name, value in _turn_sizes(place))
    body = f"    {place.kernel.function}({', '.join(('&params', *arguments))});\n"
    for depth, times in reversed(list(enumerate(repeats))):
        inner = "".join(f"    {line}\n" for line in body.splitlines())
        body = f"    for (uint32_t i{depth} = 0; i{depth} < {times}; i{depth}++) {{\n{inner}    }}\n"
    return f"    {storage}{ctype} params = {{{parameters}}};\n{sizes}{body}"


def _turn_sizes(place: Place) -> list[tuple[str, str]]:
    """The heights and paddings that differ from turn to turn."""
    window = place.window
    if window is None:
        return []
    if not isinstance(place.op, Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D):
        return []
    bottom = f"lp_minimum({scaled('end', window.stride, window.reach)}, {window.height})"
    return [
        ("input_height", f"(uint16_t)({bottom} - first)"),
        ("output_height", "(uint16_t)(end - output->end)"),
        ("padding_top", "(uint16_t)(first - top)"),
    ]


def scaled(value: str, factor: int, more: int) -> str:
    """C text of value * factor + more."""
    product = value if factor == 1 else f"{value} * {factor}"
    return product if not more else f"{product} {'+' if more > 0 else '-'} {abs(more)}"


def fields(place: Place, values: list[tuple[str, object]]) -> str:
    """An initializer in the order of the struct, a comment before every value: C++ has no names here.

    Raises:
        NetError: a value does not fit its field.
    """
    for name, value in values:
        if isinstance(value, int) and name in _UNSIGNED_16 and not 0 <= value < _UINT16_LIMIT:
            raise NetError(
                f"op '{place.op.name}': its {name} is {value}",
                f"the C kernels take at most {_UINT16_LIMIT - 1}",
                "make the layer smaller",
            )
    lines = [f"        /* {name} */ {value},\n" for name, value in values]
    return "\n" + "".join(lines) + "    "
