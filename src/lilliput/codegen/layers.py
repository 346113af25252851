"""One C function for each op: its parameters, its constants, its call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lilliput.codegen.calls import Place, bounds, call, fields, sides, zero_point
from lilliput.codegen.constants import (
    Constant,
    channels_constant,
    pool_scales_constant,
    shared_factor_bytes,
    softmax_constant,
    weights_constant,
)
from lilliput.codegen.format_layers import FORMAT_EMITTERS
from lilliput.codegen.moves import concat, gather, pad, reshape, resize
from lilliput.codegen.pairs import Emitted, add, lookup, mul
from lilliput.codegen.streams import turn_body
from lilliput.codegen.text import comment_text
from lilliput.errors import NetError
from lilliput.net.fixedpoint import (
    AverageOp,
    RescaleOp,
    WeightedOp,
    conv_requant,
    requantize_parameters,
)
from lilliput.net.graph import Net
from lilliput.net.ops import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    GlobalAveragePool2D,
    HardSwish,
    LeakyReLU,
    Logistic,
    MaxPool2D,
    Mul,
    Op,
    Pad,
    Profile,
    ReLU,
    ReLU6,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from lilliput.net.patches import as_a_patch_sees, patches_of
from lilliput.net.schedule import stream_of, window_of
from lilliput.targets.cores import Core
from lilliput.targets.dense import PRODUCT_LAYOUTS, shares_factor
from lilliput.targets.few_bit_kernels import HEADER
from lilliput.targets.kernel import COLUMN_LAYOUTS, Kernel, Layout
from lilliput.targets.kernels import LOOKUP, kernel_for
from lilliput.targets.planes import doublings_of


@dataclass(frozen=True)
class Layer:
    """The C of one op.

    Attributes:
        function: name of its C function, `<net>_layer_<index>`; None where nothing is to be done.
        comment: what it is, for the reader of the C.
        constants: arrays that it reads.
        kernel: what it calls.
        body: statements of the function.
        images: in a stream, the activations that its turns are about: those that it reads, the one it writes.
    """

    function: str | None
    comment: str
    constants: tuple[Constant, ...]
    kernel: Kernel
    body: str
    images: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """Its C function, as it is defined."""
        inputs = "".join(f"const lp_image *input_{i}, " for i in range(len(self.images) - 1))
        turn = f", {inputs}lp_image *output, int32_t end" if self.images else ""
        return f"void {self.function}(int8_t *arena{turn})"


def layer_for(index: int, op: Op, net: Net, core: Core) -> Layer:
    """The C of `op`, number `index` of the planned network `net`.

    Raises:
        NetError: a dimension is too large for the kernel, or the op has no kernel.
    """
    if net.plan is None:
        raise NetError(f"network '{net.name}' has no plan", "addresses are not known", "place it first")
    if patches := patches_of(op, net):
        op, net = as_a_patch_sees(op, net, patches)
    assert net.plan is not None
    kernel = kernel_for(op, net, core)
    prefix = f"{net.name}_layer_{index:02d}"
    window = window_of(op, net) if stream_of(op, net) else None
    place = Place(op, net, net.plan, kernel, prefix, window)
    emitters = FORMAT_EMITTERS if kernel.header == HEADER else _EMITTERS
    constants, body = emitters[type(op)](place)
    if window is not None:
        body = turn_body(window, body, uses_arena=bool(place.scratch))
    shapes = " + ".join(_shape_text(tensor.shape) for tensor in net.activations(op))
    comment = f"{comment_text(op.name)}: {type(op).__name__}, {shapes} to {_shape_text(place.output_shape)}"
    images = place.images if window else ()
    return Layer(prefix if body else None, comment, constants, kernel, body, images)


def _shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape)


def _weighted_constants(place: Place) -> tuple[Constant, Constant]:
    op: WeightedOp = place.op
    return (
        channels_constant(place.constant("channels"), op, place.net, place.kernel),
        weights_constant(place.constant("weights"), op, place.net, place.kernel),
    )


def _shift(place: Place) -> int:
    """The shift of all channels; in the profile `tflm` each channel has its own."""
    if place.op.profile is Profile.TFLM:
        return 0
    return conv_requant(place.op, place.net).shift + doublings_of(place.op, place.net, place.kernel.layout)


_STEPS = ("stride_y", "stride_x", "dilation_y", "dilation_x")
_BEFORE = ("padding_top", "padding_left")


def _sliding(op: Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D) -> list[tuple[str, object]]:
    return [("stride_y", op.strides[0]), ("stride_x", op.strides[1])]


def _before(op: Conv2D | DepthwiseConv2D | MaxPool2D | AveragePool2D) -> list[tuple[str, object]]:
    return [("padding_top", op.padding.top), ("padding_left", op.padding.left)]


def _convolution(place: Place) -> Emitted:
    op: Conv2D | DepthwiseConv2D = place.op
    kernel = place.shape(1)[1:3] if isinstance(op, Conv2D) else place.shape(1)[:2]
    steps = [
        *_sliding(op),
        *zip(("dilation_y", "dilation_x"), op.dilation, strict=True),
        *_before(op),
    ]
    return _convolving(place, place.shape(), place.output_shape, kernel, steps)


def _convolving(
    place: Place,
    source: tuple[int, ...],
    target: tuple[int, ...],
    kernel: tuple[int, ...],
    steps: list[tuple[str, object]],
) -> Emitted:
    """Calls a convolution from `source` to `target`, both (height, width, channels)."""
    op: WeightedOp = place.op
    values = [
        ("weights", place.constant("weights")),
        ("channels", place.constant("channels")),
        *sides("input", source, "height", "width", "channels"),
        *sides("output", target, "height", "width", "channels"),
        *sides("kernel", kernel, "height", "width"),
        *steps,
        ("input_zero_point", zero_point(place, op.inputs[0])),
        ("output_zero_point", zero_point(place, op.outputs[0])),
        *bounds(place),
        ("shift", _shift(place)),
        ("is_transposed", int(place.kernel.layout in COLUMN_LAYOUTS)),
        ("shared_factor_bytes", shared_factor_bytes(op, place.net, place.kernel)),
        ("strip_lines", place.kernel.strip_lines),
    ]
    body = call(place, "lp_conv2d_params", fields(place, values), place.input(), place.output, *place.scratch)
    return _weighted_constants(place), body


def _fully_connected(place: Place) -> Emitted:
    op: FullyConnected = place.op
    if place.kernel.layout is Layout.ROWS:
        shapes = ((1, 1, *place.shape()), (1, 1, *place.output_shape), (1, 1))
        return _convolving(
            place, *shapes, [*dict.fromkeys(_STEPS, 1).items(), *dict.fromkeys(_BEFORE, 0).items()]
        )
    values = [
        ("weights", place.constant("weights")),
        ("channels", place.constant("channels")),
        ("inputs", place.shape()[0]),
        ("outputs", place.output_shape[0]),
        ("output_zero_point", zero_point(place, op.outputs[0])),
        *bounds(place),
        ("shift", _shift(place)),
    ]
    ctype = "lp_fully_connected_params"
    if place.kernel.layout in PRODUCT_LAYOUTS:
        ctype = "lp_fully_connected_dsp_params"
        values.append(("shares_factor", int(shares_factor(op, place.net))))
    body = call(place, ctype, fields(place, values), place.input(), place.output, *place.scratch)
    return _weighted_constants(place), body


def _max_pool(place: Place) -> Emitted:
    op: MaxPool2D = place.op
    values = [
        *sides("input", place.shape(), "height", "width"),
        ("channels", place.shape()[2]),
        *sides("output", place.output_shape, "height", "width"),
        *sides("pool", op.pool, "height", "width"),
        *_sliding(op),
        *_before(op),
        *bounds(place),
    ]
    return (), call(
        place, "lp_max_pool2d_params", fields(place, values), place.input(), place.output, *place.scratch
    )


def _average_pool(place: Place) -> Emitted:
    op: AverageOp = place.op
    if isinstance(op, GlobalAveragePool2D):
        height, width, _ = place.shape()
        window = AveragePool2D(name=op.name, inputs=op.inputs, outputs=op.outputs, pool=(height, width))
        output: tuple[int, ...] = (1, 1)
    else:
        window, output = op, place.output_shape[:2]
    # TensorFlow Lite Micro's pool averages integers as they are; its mean scales them.
    divides = op.profile is Profile.TFLM and isinstance(op, AveragePool2D)
    values = [
        ("scales", 0 if divides else place.constant("scales")),
        *sides("input", place.shape(), "height", "width"),
        ("channels", place.shape()[2]),
        *sides("output", output, "height", "width"),
        *sides("pool", window.pool, "height", "width"),
        *_sliding(window),
        *_before(window),
        ("input_zero_point", 0 if divides else zero_point(place, op.inputs[0])),
        ("output_zero_point", 0 if divides else zero_point(place, op.outputs[0])),
        *bounds(place),
    ]
    scales = () if divides else (pool_scales_constant(place.constant("scales"), op, place.net),)
    body = call(
        place,
        "lp_average_pool2d_params",
        fields(place, values),
        place.input(),
        place.output,
        *place.scratch,
    )
    return scales, body


def _rescale(place: Place) -> Emitted:
    op: RescaleOp = place.op
    if place.kernel.function == "lp_u8_to_s8":
        source = f"(const uint8_t *)({place.input()})"
        return (), f"    {place.kernel.function}({source}, {place.output}, {place.elements});\n"
    if place.kernel.function == LOOKUP:
        return lookup(place)
    found = requantize_parameters(op, place.net)
    values = [
        ("multiplier", found.multiplier),
        ("offset", found.offset),
        ("elements", place.elements),
        *bounds(place),
        ("shift", found.shift),
    ]
    source = place.input()
    if place.kernel.function == "lp_requantize_u8":
        source = f"(const uint8_t *)({source})"
    return (), call(place, "lp_requantize_params", fields(place, values), source, place.output)


def _softmax(place: Place) -> Emitted:
    columns = place.shape()[-1]
    values = [
        ("table", place.constant("table")),
        ("rows", math.prod(place.shape()[:-1])),
        ("columns", columns),
    ]
    table = softmax_constant(place.constant("table"), place.op, place.net)
    parameters = "lp_softmax_tflm_params" if place.op.profile is Profile.TFLM else "lp_softmax_params"
    body = call(place, parameters, fields(place, values), place.input(), place.output)
    return (table,), body


_EMITTERS: Mapping[type[Op], Callable[[Place], Emitted]] = {
    Conv2D: _convolution,
    DepthwiseConv2D: _convolution,
    FullyConnected: _fully_connected,
    MaxPool2D: _max_pool,
    AveragePool2D: _average_pool,
    GlobalAveragePool2D: _average_pool,
    Add: add,
    Sub: add,
    Mul: mul,
    Concat: concat,
    Pad: pad,
    Slice: gather,
    Transpose: gather,
    ResizeNearest: resize,
    Logistic: _rescale,
    Tanh: _rescale,
    HardSwish: _rescale,
    LeakyReLU: _rescale,
    ReLU: _rescale,
    ReLU6: _rescale,
    Reshape: reshape,
    Softmax: _softmax,
    Requantize: _rescale,
}
"""What every op becomes in C."""
