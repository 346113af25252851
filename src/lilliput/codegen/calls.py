"""What the C of one op is made of: where its tensors lie, and how its kernel is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lilliput.errors import NetError
from lilliput.net.fixedpoint import activation_range, quant
from lilliput.net.graph import Net, Plan
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
}


@dataclass(frozen=True)
class Place:
    """What an emitter may ask about its op: shapes, C expressions of addresses, names of constants."""

    op: Any
    net: Net
    plan: Plan
    kernel: Kernel
    prefix: str

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """Shape of an input, constants included."""
        return self.net.tensors[self.op.inputs[index]].shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.net.tensors[self.op.outputs[0]].shape

    def input(self, index: int = 0) -> str:
        """Address of an input."""
        return self.address(self.op.inputs[index])

    @property
    def output(self) -> str:
        """Address of the output."""
        return self.address(self.op.outputs[0])

    def address(self, tensor: str) -> str:
        """Address of any activation."""
        return f"arena + {self.plan.addresses[tensor]}"

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


def zero_point(place: Place, tensor: str) -> int:
    """Zero point of any tensor."""
    return quant(tensor, place.net).zero_point


def call(place: Place, ctype: str, parameters: str, *arguments: str) -> str:
    """Statements that call the kernel with constant parameters."""
    return (
        f"    static const {ctype} params = {{{parameters}}};\n"
        f"    {place.kernel.function}({', '.join(('&params', *arguments))});\n"
    )


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
