"""From a planned network to the files of a C library."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lilliput.codegen.header import element_type, header_text, stamp
from lilliput.codegen.layers import Layer, layer_for
from lilliput.codegen.patches import FUNCTIONS as PATCH_FUNCTIONS
from lilliput.codegen.patches import patches_function
from lilliput.codegen.sharing import share_parameters
from lilliput.codegen.streams import FUNCTIONS as STREAM_FUNCTIONS
from lilliput.codegen.streams import stream_function
from lilliput.codegen.text import comment_text, macro_name
from lilliput.errors import NetError
from lilliput.net.check import Stage, check
from lilliput.net.graph import Net, Plan
from lilliput.net.patches import patches_of
from lilliput.net.schedule import stream_of
from lilliput.net.tensor import DType, Tensor, signed
from lilliput.runtime import runtime_text
from lilliput.targets.boards import Board

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_INCLUDE = re.compile(r'#include "(\w+\.h)"')
_ELEMENTS = {*(signed(bits) for bits in range(1, 9)), DType.UINT8, DType.INT16, DType.FLOAT32}


@dataclass(frozen=True)
class CodegenOptions:
    """How to write the library.

    Attributes:
        include_runtime: whether the kernels' files come along; False where several networks share them.
    """

    include_runtime: bool = True


def generate(net: Net, board: Board, options: CodegenOptions | None = None) -> dict[str, str]:
    """The C library of a planned network: file name → text.

    The same network, board and version give the same texts.  Files: `<net>.h` (the only one that a user
    includes), `<net>.c`, `<net>_weights.c`, `<net>_weights.h`, and the runtime's `lp*.c` and `lp*.h` that
    the network uses.

    Raises:
        NetError: the network is not planned, has no weights, or does not fit the kernels.
    """
    options = options or CodegenOptions()
    plan = _require_planned(net)
    check(net, Stage.PLANNED)
    layers = [layer_for(index, op, net, board.core) for index, op in enumerate(net.ops)]
    files = {
        f"{net.name}.h": header_text(net, board, plan.arena_bytes),
        f"{net.name}.c": _source(net, board, plan, layers),
        f"{net.name}_weights.h": _weights_header(net, board, layers),
        f"{net.name}_weights.c": _weights_source(net, board, layers),
    }
    if options.include_runtime:
        streams = STREAM_FUNCTIONS if plan.streams else ()
        files.update(_runtime(layers, (*streams, *(PATCH_FUNCTIONS if plan.patches else ()))))
    return files


def _runtime(layers: list[Layer], more: tuple[str, ...]) -> dict[str, str]:
    """The kernels that the layers call, what those call, and the headers that all of them include."""
    kernels = [layer.kernel for layer in layers if layer.function]
    functions = {function for kernel in kernels for function in (kernel.function, *kernel.needs)} | {*more}
    files = {f"{function}.c": runtime_text(f"{function}.c") for function in sorted(functions)}
    headers = ["lp.h", *(kernel.header for kernel in kernels)]
    for text in files.values():
        headers += _INCLUDE.findall(text)
    for header in headers:  # grows while it is read: headers include headers
        if header not in files:
            files[header] = runtime_text(header)
            headers += _INCLUDE.findall(files[header])
    return files


def _require_planned(net: Net) -> Plan:
    if not _NAME.fullmatch(net.name) or net.name == "lp" or net.name.startswith("lp_"):
        raise NetError(
            f"a network cannot be called {net.name!r}",
            "its name begins C identifiers and file names; 'lp' is the runtime's",
            "use lower-case letters, digits and '_', a letter first",
        )
    if net.plan is None:
        raise NetError(
            f"network '{net.name}' has no plan", "the arena is not laid out", "run `lilliput.passes.lower`"
        )
    if len(net.inputs) != 1 or len(net.outputs) != 1 or not net.ops:
        raise NetError(
            f"network '{net.name}' has not one input, one output and at least one layer",
            f"it has {len(net.inputs)} inputs, {len(net.outputs)} outputs and {len(net.ops)} ops",
            "",
        )
    if len(net.labels) not in (0, net.output.shape[-1]):
        raise NetError(
            f"network '{net.name}' has {len(net.labels)} labels for {net.output.shape[-1]} outputs",
            "every output has one name",
            "correct `labels`",
        )
    for op in net.ops:
        for tensor in (*net.activations(op), *(net.tensors[name] for name in op.outputs)):
            if tensor.dtype not in _ELEMENTS:
                raise NetError(
                    f"op '{op.name}' ({type(op).__name__}) works on {tensor.dtype.value}",
                    f"tensor '{tensor.name}' has a type that no kernel takes",
                    "quantize the network first",
                )
    return net.plan


def _source(net: Net, board: Board, plan: Plan, layers: list[Layer]) -> str:
    name, upper = net.name, macro_name(net.name)
    source, target = element_type(net.input), element_type(net.output)
    shared, layers = share_parameters(layers, net.name)
    functions = "\n".join(
        f"/* {layer.comment} */\nstatic LP_NOINLINE {layer.signature} {{\n{layer.body}}}\n"
        for layer in layers
        if layer.function
    )
    if shared:
        functions = f"{shared}\n{functions}"
    groups, run = _groups(net, plan, layers)
    if groups:
        functions = f"{functions}\n{groups}"
    calls = "".join(f"    {function}((int8_t *)arena);\n" for function in run)
    headers = {layer.kernel.header for layer in layers if layer.function} - {"lp.h"}
    includes = "".join(f'#include "{header}"\n' for header in sorted(headers))
    return f"""/* {comment_text(stamp(net, board))} */
#include "{name}.h"

#include "{name}_weights.h"
#include "lp.h"
{includes}{_includes(plan)}
#if LP_VERSION != {upper}_LILLIPUT_VERSION
#error "{name}.c and lp.h come from different versions of Lilliput: generate {name} again"
#endif

{functions}
{source} *{name}_input(void *arena) {{
    return {_at(net.input, plan, "")};
}}

const {target} *{name}_output(const void *arena) {{
    return {_at(net.output, plan, "const ")};
}}

int {name}_run(void *arena) {{
    if (arena == 0) {{
        return {upper}_ERROR_NULL_ARENA;
    }}
    if (((uintptr_t)arena & ({upper}_ARENA_ALIGNMENT - 1u)) != 0u) {{
        return {upper}_ERROR_MISALIGNED_ARENA;
    }}
{calls}    return {upper}_OK;
}}
"""


def _includes(plan: Plan) -> str:
    headers = (("lp_image.h", plan.streams), ("lp_patch.h", plan.patches))
    return "".join(f'#include "{header}"\n' for header, used in headers if used)


def _groups(net: Net, plan: Plan, layers: list[Layer]) -> tuple[str, list[str]]:
    """The C of the functions that run streams and patches, and all functions to call, in turn."""
    layer_of = {op.name: str(layer.function) for op, layer in zip(net.ops, layers, strict=True)}
    functions: list[str] = []
    run: list[str] = []
    for op, layer in zip(net.ops, layers, strict=True):
        stream, patches = stream_of(op, net), patches_of(op, net)
        if patches is not None:
            if patches.ops[0] == op.name:
                run.append(layer_of[op.name].replace("_layer_", "_patches_"))
                inside = [layer_of[name] for name in patches.ops]
                functions.append(patches_function(run[-1], patches, inside, net))
        elif stream is None and layer.function:
            run.append(layer.function)
        elif stream is not None and stream.ops[0] == op.name:
            run.append(layer_of[op.name].replace("_layer_", "_stream_"))
            functions.append(stream_function(run[-1], stream, [layer_of[name] for name in stream.ops], net))
    return "\n".join(functions), run


def _at(tensor: Tensor, plan: Plan, qualifier: str) -> str:
    """C expression of a tensor's address; what is no byte is counted in bytes all the same."""
    ctype, address = f"{qualifier}{element_type(tensor)}", plan.addresses[tensor.name]
    if tensor.element_bytes == 1:
        return f"({ctype} *)arena + {address}"
    return f"({ctype} *)({qualifier}void *)(({qualifier}int8_t *)arena + {address})"


def _weights_header(net: Net, board: Board, layers: list[Layer]) -> str:
    guard = f"{macro_name(net.name)}_WEIGHTS_H"
    declarations = "\n".join(constant.declaration for layer in layers for constant in layer.constants)
    return f"""/* {comment_text(stamp(net, board))} */
#ifndef {guard}
#define {guard}

#include "lp.h"

#ifdef __cplusplus
extern "C" {{
#endif

{declarations}

#ifdef __cplusplus
}}
#endif

#endif /* {guard} */
"""


def _weights_source(net: Net, board: Board, layers: list[Layer]) -> str:
    parts = [f'/* {comment_text(stamp(net, board))} */\n#include "{net.name}_weights.h"\n']
    for layer in layers:
        for constant in layer.constants:
            parts.append(f"/* {layer.comment} */\n{constant.definition}\n")
    return "\n".join(parts)
