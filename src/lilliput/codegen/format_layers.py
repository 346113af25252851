"""The C of ops whose numbers are not int8: floats, 16-bit integers, weights of less than a byte."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from lilliput.codegen.calls import Place, bounds, call, fields, zero_point
from lilliput.codegen.constants import (
    Constant,
    channels_constant,
    pool_scales_constant,
    real_constant,
    weights_constant,
)
from lilliput.codegen.pairs import Emitted, spread_call, spread_of
from lilliput.codegen.text import float_literal
from lilliput.net.fixedpoint import (
    AverageOp,
    WeightedOp,
    add_parameters,
    conv_requant,
    mul_parameters,
    pad_value,
    real_range,
    requantize_parameters,
)
from lilliput.net.ops import (
    Add,
    AveragePool2D,
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
    Padding,
    ReLU,
    ReLU6,
    Requantize,
    Softmax,
    Sub,
    Tanh,
)
from lilliput.targets.binary import zero_point_of_bits
from lilliput.targets.format_kernels import Family, family_of
from lilliput.targets.kernel import LANE_LAYOUTS, NIBBLE_LAYOUTS, ROWS_LAYOUTS, Layout
from lilliput.targets.lanes import (
    band_rows,
    blocks_of,
    held_groups,
    nibble_segment,
    pass_segments,
    segment_fours,
)
from lilliput.targets.pixels import pixel_lanes, row_eights
from lilliput.targets.planes import channel_words, chunk_channels, doublings_of, planes_bytes
from lilliput.targets.slots import slots_of, slots_rows
from lilliput.targets.wide import run_length, window_fours

Values = list[tuple[str, object]]


def _is_real(place: Place) -> bool:
    return family_of(place.op, place.net) is Family.REAL


def _suffix(place: Place) -> str:
    return "f32" if _is_real(place) else "s16"


def _bounds(place: Place) -> Values:
    if not _is_real(place):
        return bounds(place)
    low, high = real_range(place.op)
    return [("minimum", float_literal(low)), ("maximum", float_literal(high))]


def _geometry(place: Place) -> Values:
    """The images and the window of any op that slides one, or sees its input as one pixel."""
    op, shape, output = place.op, place.shape(), place.output_shape
    strides, dilation, padding = (1, 1), (1, 1), Padding()
    kernel: tuple[int, ...]
    match op:
        case FullyConnected():
            shape, output, kernel = (1, 1, *shape), (1, 1, *output), (1, 1)
        case GlobalAveragePool2D():
            output, kernel = (1, 1, *output), shape[:2]
        case Conv2D() | DepthwiseConv2D():
            kernel = place.shape(1)[1:3] if isinstance(op, Conv2D) else place.shape(1)[:2]
            strides, dilation, padding = op.strides, op.dilation, op.padding
        case _:
            kernel, strides, padding = op.pool, op.strides, op.padding
    names = ("height", "width", "channels")
    return [
        *((f"input_{name}", length) for name, length in zip(names, shape, strict=True)),
        *((f"output_{name}", length) for name, length in zip(names, output, strict=True)),
        ("kernel_height", kernel[0]),
        ("kernel_width", kernel[1]),
        ("stride_y", strides[0]),
        ("stride_x", strides[1]),
        ("dilation_y", dilation[0]),
        ("dilation_x", dilation[1]),
        ("padding_top", padding.top),
        ("padding_left", padding.left),
    ]


def _nested(place: Place, values: Values) -> str:
    return f"{{{fields(place, values)}}}"


def _weighted(place: Place) -> Emitted:
    op: WeightedOp = place.op
    if family_of(op, place.net) is Family.PACKED:
        return _packed(place)
    weights = weights_constant(place.constant("weights"), op, place.net, place.kernel)
    values: Values = [("windows", _nested(place, _geometry(place))), *_bounds(place)]
    second: Constant
    if _is_real(place):
        bias = op.inputs[2] if len(op.inputs) == 3 else None
        second = real_constant(place.constant("biases"), bias, place.output_shape[-1], place.net)
    else:
        second = channels_constant(place.constant("channels"), op, place.net, place.kernel)
        values.append(("shift", conv_requant(op, place.net).shift))
    parameters, scratch = f"lp_weighted_{_suffix(place)}_params", place.scratch
    if place.kernel.layout is Layout.CHANNEL_FOURS:
        parameters, scratch = "lp_fours_s16_params", scratch or ("0",)
        values[-1:] = [
            ("window_fours", window_fours(op, place.net)),
            ("run_length", run_length(op, place.net)),
            ("multiplier_bytes", 0 if len(conv_requant(op, place.net).multipliers) == 1 else 4),
        ]
    values = [("weights", weights.name), (second.name.rsplit("_", 1)[1], second.name), *values]
    arguments = (place.input(), place.output, *scratch)
    return (second, weights), call(place, parameters, fields(place, values), *arguments)


def _packed(place: Place) -> Emitted:
    op: WeightedOp = place.op
    weights = weights_constant(place.constant("weights"), op, place.net, place.kernel)
    channels = channels_constant(place.constant("channels"), op, place.net, place.kernel)
    is_binary = place.kernel.layout is Layout.SIGNS
    padding_value = zero_point_of_bits(op, place.net) if is_binary else zero_point(place, op.inputs[0])
    doublings = doublings_of(op, place.net, place.kernel.layout) if place.kernel.in_planes else 0
    conv: Values = [
        ("weights", 0),
        ("channels", channels.name),
        *_geometry(place),
        ("input_zero_point", padding_value),
        ("output_zero_point", zero_point(place, op.outputs[0])),
        *bounds(place),
        ("shift", conv_requant(op, place.net).shift + doublings),
        ("is_transposed", int(place.kernel.layout is Layout.COLUMNS_FIRST)),
        ("shared_factor_bytes", 0),
        ("strip_lines", 0),
    ]
    bits: Values = [("weight_bits", place.net.tensors[op.inputs[1]].dtype.bits)]
    values: Values = [("conv", _nested(place, conv)), ("weights", weights.name)]
    parameters = "lp_packed_params"
    if place.kernel.in_planes and place.kernel.layout is Layout.ROWS:
        parameters = "lp_row_planes_params"
        row_words = planes_bytes(op, place.net, place.kernel.layout) // 4 // place.output_shape[-1]
        values += [("multiply", place.kernel.needs[0]), ("row_words", row_words)]
    elif place.kernel.in_planes:
        parameters = "lp_planes_params"
        chunk = chunk_channels(op, place.net, place.kernel.layout)
        channel = channel_words(op, place.net, place.kernel.layout)
        values += [("unpack", place.kernel.needs[0]), ("chunk_channels", chunk), ("channel_words", channel)]
        bits = [("doublings", doublings)]
    elif place.kernel.layout in LANE_LAYOUTS:
        parameters = "lp_lanes_params"
        held = held_groups if place.kernel.layout is Layout.LANES_STRIP else blocks_of
        blocks = band_rows if place.kernel.layout in ROWS_LAYOUTS else held
        values += [
            ("multiply", place.kernel.needs[0] if place.kernel.needs else 0),
            ("segment_fours", segment_fours(op, place.net)),
            ("pass_segments", pass_segments(op, place.net)),
            ("blocks", blocks(op, place.net)),
        ]
    elif place.kernel.layout in NIBBLE_LAYOUTS:
        parameters = "lp_lanes_params"
        values += [("multiply", 0), ("segment_fours", nibble_segment(op, place.net))]
        values += [("pass_segments", 1), ("blocks", 1)]
    elif place.kernel.layout is Layout.BIT_EIGHTS:
        parameters = "lp_eights_params"
        lanes, segment = pixel_lanes(op, place.net)
        values += [("multiply", place.kernel.needs[0]), ("segment_eights", segment)]
        bits += [("input_bits", place.net.tensors[op.inputs[0]].dtype.bits), ("lanes", lanes)]
    elif place.kernel.layout is Layout.BIT_PAIRS:
        parameters = "lp_row_pairs_params"
        values += zip(("upper", "lower"), (*place.kernel.needs, 0), strict=False)
        values.append(("segment_eights", row_eights(op, place.net)))
        bits.append(("input_bits", place.net.tensors[op.inputs[0]].dtype.bits))
    elif is_binary:
        parameters, bits = "lp_binary_params", []
    elif place.kernel.layout is Layout.SLOTS:
        found = slots_of(op, place.net)
        assert found is not None
        assert isinstance(op, Conv2D)
        parameters = "lp_slots_params"
        values += [
            *zip(("multiply", "take", "unpack"), place.kernel.needs, strict=True),
            ("begin", f"{{{found.begin & 0xFFFFFFFF}u, {found.begin >> 32}u}}"),
            ("segment_steps", found.segment_steps),
            ("rows", slots_rows(op, place.net, found.form)),
        ]
        bits += [
            ("slots", found.form.slots),
            ("taps", found.form.taps),
            ("lines_are_columns", int(found.by_columns)),
        ]
    arguments = (place.input(), place.output, *place.scratch)
    return (channels, weights), call(place, parameters, fields(place, values + bits), *arguments)


def _max_pool(place: Place) -> Emitted:
    scales: Values = [] if _is_real(place) else [("scales", 0)]
    return (), _pool(place, scales)


def _average_pool(place: Place) -> Emitted:
    op: AverageOp = place.op
    if _is_real(place):
        return (), _pool(place, [])
    scales = pool_scales_constant(place.constant("scales"), op, place.net)
    return (scales,), _pool(place, [("scales", scales.name)])


def _pool(place: Place, scales: Values) -> str:
    values = [*scales, ("windows", _nested(place, _geometry(place))), *_bounds(place)]
    parameters = f"lp_pool_{_suffix(place)}_params"
    return call(place, parameters, fields(place, values), place.input(), place.output)


def _pair(place: Place) -> Emitted:
    op: Add | Sub | Mul = place.op
    order, values = spread_of(place)
    signs = (1, -1) if isinstance(op, Sub) else (1, 1)
    shift: Values = []
    if _is_real(place):
        factors: tuple[object, ...] = tuple(float_literal(signs[index]) for index in order)
        names = ("whole_sign", "other_sign")
    else:
        names = ("whole_multiplier", "other_multiplier")
        if isinstance(op, Mul):
            product = mul_parameters(op, place.net)
            factors, shift = (product.multiplier, 0), [("shift", product.shift)]
        else:
            found = add_parameters(op, place.net)
            factors, shift = tuple(found.multipliers[index] for index in order), [("shift", found.shift)]
    values = [*values, *zip(names, factors, strict=True), *_bounds(place), *shift]
    operands = (place.input(index) for index in order)
    parameters = f"lp_pair_{_suffix(place)}_params"
    return (), spread_call(place, parameters, fields(place, values), order, *operands)


def _pad(place: Place) -> Emitted:
    op: Pad = place.op
    height, width, channels = place.shape()
    value = float_literal(op.value) if _is_real(place) else pad_value(op, place.net)
    values: Values = [
        ("input_height", height),
        ("input_width", width),
        ("channels", channels),
        *op.padding._asdict().items(),
        ("value", value),
    ]
    parameters = f"lp_pad_{_suffix(place)}_params"
    return (), call(place, parameters, fields(place, values), place.input(), place.output)


def _rescale(place: Place) -> Emitted:
    if _is_real(place):
        low, high = (float_literal(end) for end in real_range(place.op))
        return (), _each(place, low, high)
    found = requantize_parameters(place.op, place.net)
    values: Values = [
        ("multiplier", found.multiplier),
        ("offset", found.offset),
        ("elements", math.prod(place.output_shape)),
        *bounds(place),
        ("shift", found.shift),
    ]
    return (), call(place, "lp_requantize_params", fields(place, values), place.input(), place.output)


def _function(place: Place) -> Emitted:
    return (), _each(place)


def _leaky_relu(place: Place) -> Emitted:
    return (), _each(place, float_literal(place.op.alpha))


def _each(place: Place, *more: str) -> str:
    arguments = (place.input(), place.output, str(math.prod(place.output_shape)), *more)
    return f"    {place.kernel.function}({', '.join(arguments)});\n"


def _softmax(place: Place) -> Emitted:
    op: Softmax = place.op
    shape = place.shape()
    values: Values = [
        ("beta", float_literal(op.beta)),
        ("rows", math.prod(shape[:-1])),
        ("columns", shape[-1]),
    ]
    return (), call(place, "lp_softmax_f32_params", fields(place, values), place.input(), place.output)


FORMAT_EMITTERS: Mapping[type[Op], Callable[[Place], Emitted]] = {
    Conv2D: _weighted,
    DepthwiseConv2D: _weighted,
    FullyConnected: _weighted,
    MaxPool2D: _max_pool,
    AveragePool2D: _average_pool,
    GlobalAveragePool2D: _average_pool,
    Add: _pair,
    Sub: _pair,
    Mul: _pair,
    Pad: _pad,
    Logistic: _function,
    Tanh: _function,
    HardSwish: _function,
    LeakyReLU: _leaky_relu,
    ReLU: _rescale,
    ReLU6: _rescale,
    Requantize: _rescale,
    Softmax: _softmax,
}
"""What an op becomes whose kernel stands in `lp_formats.h`."""
