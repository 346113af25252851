"""The C of streams: layers that take turns row by row, and the function that calls them in turn."""

from __future__ import annotations

from collections.abc import Sequence

from lilliput.codegen.calls import scaled
from lilliput.net.graph import Net, Stream
from lilliput.net.rows import RowWindow, row_bytes
from lilliput.net.schedule import window_of

FUNCTIONS = ("lp_drop_rows", "lp_copy_rows")
"""What a stream calls beside the layers, and what that calls."""


def turn_body(window: RowWindow, body: str, uses_arena: bool) -> str:
    """The statements of a layer that makes the rows of its output up to `end`, around those of its call."""
    top = scaled("output->end", window.stride, -window.before)
    lines = [] if uses_arena else ["(void)arena;"]
    if window.before:
        lines += [f"const int32_t top = {top};", "const int32_t first = lp_maximum(top, 0);"]
    else:
        lines += [f"const int32_t first = {top};"]
        body = body.replace("(first - top)", "0")
    return "".join(f"    {line}\n" for line in lines) + body + "    output->end = end;\n"


def stream_function(function: str, stream: Stream, layers: Sequence[str], net: Net) -> str:
    """The C function that runs a stream.

    Args:
        function: its name.
        stream: of the plan of `net`.
        layers: C functions of its ops.
        net: planned.
    """
    assert net.plan is not None
    ops = [op for op in net.ops if op.name in stream.ops]
    made = {op.outputs[0]: index for index, op in enumerate(ops)}
    outside = dict.fromkeys(
        tensor.name for op in ops for tensor in net.activations(op) if tensor.name not in made
    )
    image = {name: f"image_{number}" for number, name in enumerate((*outside, *made))}
    lines = [
        f"lp_image {image[name]} = {{arena + {net.plan.addresses[name]}, {row_bytes(net, name)}, 0,"
        f" {0 if name in made else net.tensors[name].shape[0]}}}; /* {name} */"
        for name in image
    ]
    last = ops[-1].outputs[0]
    height = net.tensors[last].shape[0]
    lines.append(f"while ({image[last]}.end < {height}) {{")
    ends, turns = [], []
    for op, layer in zip(ops, layers, strict=True):
        (name,) = op.outputs
        readers = [other for other in ops if name in other.inputs]
        end = f"end_{made[name]}"
        if name == last:
            ends.append(f"const int32_t {end} = lp_minimum({image[name]}.end + {stream.rows}, {height});")
        else:
            needed = [_bottom(window_of(other, net), f"end_{made[other.outputs[0]]}") for other in readers]
            ends.append(f"const int32_t {end} = {_nested('lp_maximum', needed)};")
            kept = [_top(window_of(other, net), f"{image[other.outputs[0]]}.end") for other in readers]
        sources = dict.fromkeys(tensor.name for tensor in net.activations(op))
        arguments = ["arena", *(f"&{image[source]}" for source in (*sources, name)), end]
        turn = [f"{layer}({', '.join(arguments)});"]
        if name != last:
            turn = [f"lp_drop_rows(&{image[name]}, {_nested('lp_minimum', kept)});", *turn]
            turn = [f"if ({end} > {image[name]}.end) {{", *(f"    {line}" for line in turn), "}"]
        turns += turn
    lines += [f"    {line}" for line in (*reversed(ends), *turns)] + ["}"]
    body = "".join(f"    {line}\n" for line in lines)
    return f"static LP_NOINLINE void {function}(int8_t *arena) {{\n{body}}}\n"


def _bottom(window: RowWindow, rows: str) -> str:
    """C text of the row behind those that `rows` rows of windows need."""
    return f"lp_minimum({scaled(rows, window.stride, window.reach)}, {window.height})"


def _top(window: RowWindow, row: str) -> str:
    """C text of the first row that windows from `row` on need."""
    top = scaled(row, window.stride, -window.before)
    return f"lp_maximum({top}, 0)" if window.before else top


def _nested(function: str, values: Sequence[str]) -> str:
    found = values[0]
    for value in dict.fromkeys(values[1:]):
        found = f"{function}({found}, {value})" if value != found else found
    return found
