"""The C of patches: the function that runs the first layers on one part of their images after the other."""

from __future__ import annotations

from collections.abc import Sequence

from lilliput.codegen.calls import scaled
from lilliput.net.graph import Net, Patches
from lilliput.net.patches import Region, grid, padding_value, patch_ops, regions
from lilliput.net.rows import row_bytes

FUNCTIONS = ("lp_take_patch", "lp_fill_patch", "lp_put_patch", "lp_copy_rows")
"""What such a function calls beside the layers, and what that calls."""


def patches_function(function: str, patches: Patches, layers: Sequence[str], net: Net) -> str:
    """The C function that runs patches.

    Args:
        function: its name.
        patches: of the plan of `net`.
        layers: C functions of their ops.
        net: planned.
    """
    assert net.plan is not None
    ops, addresses = patch_ops(patches, net), net.plan.addresses
    parts = regions(ops, net, patches.tile)
    images = [ops[0].inputs[0], *(op.outputs[0] for op in ops)]
    at = {name: f"arena + {patches.start + patches.plan.addresses[name]}" for name in images}
    rows, columns = grid(patches, net)
    lines = [_patch(0, images[0], parts[images[0]], net)]
    padding = padding_value(ops[0], net)
    lines.append(f"lp_take_patch(&image_0, arena + {addresses[images[0]]}, {at[images[0]]}, {padding});")
    for number, (op, layer) in enumerate(zip(ops, layers, strict=True), 1):
        (name,) = op.outputs
        lines.append(f"{layer}(arena);")
        is_last = number == len(ops)
        if is_last or any(getattr(ops[number], "padding", ())):
            lines.append(_patch(number, name, parts[name], net))
        if is_last:
            lines.append(f"lp_put_patch(&image_{number}, {at[name]}, arena + {addresses[name]});")
        elif any(getattr(ops[number], "padding", ())):
            value = padding_value(ops[number], net)
            lines.append(f"lp_fill_patch(&image_{number}, {at[name]}, {value});")
    body = "".join(f"            {line}\n" for line in lines)
    return (
        f"static LP_NOINLINE void {function}(int8_t *arena) {{\n"
        f"    for (int32_t y = 0; y < {rows}; y++) {{\n"
        f"        for (int32_t x = 0; x < {columns}; x++) {{\n{body}        }}\n    }}\n}}\n"
    )


def _patch(number: int, name: str, region: Region, net: Net) -> str:
    height, width, _ = net.tensors[name].shape
    top, left = (scaled(index, span.step, span.first) for index, span in zip("yx", region, strict=True))
    sizes = f"{height}, {width}, {region.rows.size}, {region.columns.size}, {row_bytes(net, name) // width}"
    return f"const lp_patch image_{number} = {{{sizes}, {top}, {left}}}; /* {name} */"
