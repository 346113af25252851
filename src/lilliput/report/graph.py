"""A network drawn: a box an op with its shape and parameters, branches side by side."""

from __future__ import annotations

from collections.abc import Mapping

from lilliput.net import ops
from lilliput.net.graph import Net
from lilliput.report.frame import svg, text
from lilliput.report.layout import Layout, arrange
from lilliput.report.markup import Markup, element, join, number
from lilliput.report.units import bytes_, count
from lilliput.results import LayerCost

BOX_WIDTH, BOX_HEIGHT, ROW_HEIGHT, GAP, MARGIN = 184.0, 46.0, 70.0, 18.0, 6.0

FAMILIES: dict[type[ops.Op], str] = {
    ops.Conv2D: "convolution",
    ops.DepthwiseConv2D: "depthwise",
    ops.FullyConnected: "dense",
    ops.MaxPool2D: "pool",
    ops.AveragePool2D: "pool",
    ops.GlobalAveragePool2D: "pool",
    ops.Add: "merge",
    ops.Sub: "merge",
    ops.Mul: "merge",
    ops.Concat: "merge",
    ops.Pad: "other",
    ops.Slice: "other",
    ops.Transpose: "other",
    ops.ResizeNearest: "other",
    ops.Logistic: "other",
    ops.Tanh: "other",
    ops.HardSwish: "other",
    ops.LeakyReLU: "other",
    ops.ReLU: "other",
    ops.ReLU6: "other",
    ops.Reshape: "other",
    ops.Softmax: "other",
    ops.BatchNorm: "other",
    ops.Requantize: "other",
}
"""Op → the colour of its box; every op has one."""

_NAMES: dict[type[ops.Op], str] = {
    ops.Conv2D: "Conv",
    ops.DepthwiseConv2D: "Depthwise",
    ops.FullyConnected: "Fully connected",
    ops.MaxPool2D: "Max pool",
    ops.AveragePool2D: "Average pool",
    ops.GlobalAveragePool2D: "Global average",
    ops.BatchNorm: "Batch norm",
    ops.ResizeNearest: "Resize",
    ops.HardSwish: "Hard swish",
    ops.LeakyReLU: "Leaky ReLU",
}
_ACTIVATIONS: dict[ops.Activation, str] = {
    ops.Activation.RELU: "ReLU",
    ops.Activation.RELU6: "ReLU6",
    ops.Activation.RELU_N1_TO_1: "ReLU −1…1",
}


def shape_text(shape: tuple[int, ...]) -> str:
    """(14, 14, 32) → "14×14×32"."""
    return "×".join(str(size) for size in shape)


def short_title(op: ops.Op, net: Net) -> str:
    """What an op is, without its activation: "Conv 3×3 /2"."""
    words = [_NAMES.get(type(op), type(op).__name__)]
    window = _window(op, net)
    if window is not None:
        words.append(shape_text(window))
    strides = getattr(op, "strides", (1, 1))
    if max(strides) > 1 and strides != window:
        words.append(f"/{strides[0]}" if strides[0] == strides[1] else f"/{shape_text(strides)}")
    return " ".join(words)


def title_of(op: ops.Op, net: Net) -> str:
    """What an op is in a few words: "Conv 3×3 /2 + ReLU"."""
    activation = getattr(op, "activation", ops.Activation.NONE)
    if activation is ops.Activation.NONE:
        return short_title(op, net)
    return f"{short_title(op, net)} + {_ACTIVATIONS[activation]}"


def _window(op: ops.Op, net: Net) -> tuple[int, ...] | None:
    if isinstance(op, ops.Conv2D):
        return net.tensors[op.inputs[1]].shape[1:3]
    if isinstance(op, ops.DepthwiseConv2D):
        return net.tensors[op.inputs[1]].shape[:2]
    return op.pool if isinstance(op, ops.MaxPool2D | ops.AveragePool2D) else None


def parameters_of(op: ops.Op, net: Net) -> int:
    """Number of constants that an op reads."""
    return sum(tensor.elements for tensor in net.constants(op))


def draw(net: Net, layers: Mapping[str, LayerCost]) -> Markup:
    """The network from top to bottom.

    Args:
        net: any stage.
        layers: op name → what it takes, for the text a pointer shows; may be empty.
    """
    writer = {name: f"in:{name}" for name in net.inputs}
    nodes, edges = list(writer.values()), []
    for op in net.ops:
        nodes.append(f"op:{op.name}")
        edges += [(writer[name], f"op:{op.name}") for name in dict.fromkeys(op.inputs) if name in writer]
        writer.update(dict.fromkeys(op.outputs, f"op:{op.name}"))
    edges = list(dict.fromkeys(edges))
    layout = arrange(nodes, edges, BOX_WIDTH, GAP)
    width = layout.width + 2 * MARGIN
    height = layout.rows * ROW_HEIGHT - (ROW_HEIGHT - BOX_HEIGHT) + 2 * MARGIN
    boxes = [_input_box(net, name, layout) for name in net.inputs]
    boxes += [_op_box(op, net, layout, layers.get(op.name)) for op in net.ops]
    return svg(
        width,
        height,
        f"Network {net.name}",
        join(*(_edge(layout, *edge) for edge in edges)),
        *boxes,
        class_="graph",
    )


def _corner(layout: Layout, node: str) -> tuple[float, float]:
    centre, row = layout.places[node]
    return centre - BOX_WIDTH / 2 + MARGIN, row * ROW_HEIGHT + MARGIN


def _box(x: float, y: float, family: str, title: str, second: str, tip: str) -> Markup:
    return element(
        "g",
        element("title", tip),
        element("rect", x=x, y=y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=6, class_="box"),
        element("rect", x=x, y=y + 8, width=4, height=BOX_HEIGHT - 16, class_="stripe"),
        text(x + 13, y + 19, title, "box-title"),
        text(x + 13, y + 36, second, "box-note"),
        class_=f"op {family}",
    )


def _input_box(net: Net, name: str, layout: Layout) -> Markup:
    tensor = net.tensors[name]
    second = f"{shape_text(tensor.shape)} {tensor.dtype.value}"
    return _box(
        *_corner(layout, f"in:{name}"), "input", "Input", second, f"{name}\n{bytes_(tensor.storage_bytes)}"
    )


def _op_box(op: ops.Op, net: Net, layout: Layout, cost: LayerCost | None) -> Markup:
    output = net.tensors[op.outputs[0]]
    parameters = parameters_of(op, net)
    second = shape_text(output.shape) + (f" · {parameters:,} par." if parameters else "")
    tip = [op.name, f"output {shape_text(output.shape)} {output.dtype.value}, {bytes_(output.storage_bytes)}"]
    if parameters:
        flash_bytes = sum(tensor.storage_bytes for tensor in net.constants(op))
        tip.append(f"{parameters:,} parameters, {bytes_(flash_bytes)}")
    if cost is not None:
        tip.append(f"{count(cost.macs)} MACs, {count(cost.cycles)} cycles")
    return _box(
        *_corner(layout, f"op:{op.name}"), FAMILIES[type(op)], title_of(op, net), second, "\n".join(tip)
    )


def _edge(layout: Layout, start: str, end: str) -> Markup:
    """A curve from box to box; a straight piece beside each row that it passes."""
    x, row = layout.places[start]
    path = [f"M{number(x + MARGIN)} {number(row * ROW_HEIGHT + MARGIN + BOX_HEIGHT)}"]
    y = row * ROW_HEIGHT + MARGIN + BOX_HEIGHT
    for place, passed in (*layout.routes[start, end], layout.places[end]):
        top = passed * ROW_HEIGHT + MARGIN
        middle = (y + top) / 2
        path.append(
            f"C{number(x + MARGIN)} {number(middle)} {number(place + MARGIN)} {number(middle)} "
            f"{number(place + MARGIN)} {number(top)}"
        )
        x, y = place, top + BOX_HEIGHT
        if passed != layout.places[end][1]:
            path.append(f"V{number(y)}")
    return element("path", d="".join(path), class_="edge")
