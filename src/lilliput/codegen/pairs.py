"""The C of sums, differences and products of two tensors."""

from __future__ import annotations

import math

from lilliput.codegen.calls import Place, bounds, call, fields, stepped, zero_point
from lilliput.codegen.constants import Constant, lookup_constant, operand_constant, packed_factor
from lilliput.codegen.text import braces
from lilliput.net.fixedpoint import add_parameters, mul_parameters
from lilliput.net.fixedpoint_tflm import Factor, add_factors, mul_factor
from lilliput.net.ops import Add, Mul, Profile, Repetition, Sub, repetition
from lilliput.targets.kernels import LOOKUP, packed_add_factors, packed_mul_factor

Emitted = tuple[tuple[Constant, ...], str]
"""Arrays that a layer reads, and the statements of its function."""


def add(place: Place) -> Emitted:
    """A sum or a difference."""
    op: Add | Sub = place.op
    if place.kernel.function == LOOKUP:
        return lookup(place)
    if "spread" in place.kernel.function:
        return _add_spread(place)
    if op.profile is Profile.TFLM:
        return _add_tflm(place)
    found = add_parameters(op, place.net)
    values = [
        ("multiplier_1", found.multipliers[0]),
        ("multiplier_2", found.multipliers[1]),
        ("offset", found.offset),
        ("elements", place.elements),
        *bounds(place),
        ("shift", found.shift),
    ]
    constants, (first, second) = _operands(place, (0, 1))
    return constants, call(place, "lp_add_params", fields(place, values), first, second, place.output)


def lookup(place: Place) -> Emitted:
    """What becomes of each element by itself, from a table."""
    table = lookup_constant(place.constant("table"), place.op, place.net)
    (image,) = place.images[:-1]
    arguments = (table.name, place.address(image), place.output, place.elements)
    return (table,), f"    {place.kernel.function}({', '.join(arguments)});\n"


def _add_tflm(place: Place) -> Emitted:
    op: Add = place.op
    packed = packed_add_factors(op, place.net)
    if place.kernel.function != "lp_add_tflm_s8" and packed is not None:
        swaps, factors = packed
        order = (1, 0) if swaps else (0, 1)
        texts = ["{0, 0}", *(braces(packed_factor(factor)) for factor in factors)]
    else:
        found = add_factors(op, place.net)
        order = (0, 1)
        texts = [_factor(factor) for factor in (*found.inputs, found.output)]
    values = [
        *zip(("factor_1", "factor_2", "output_factor"), texts, strict=True),
        ("elements", place.elements),
        ("zero_point_1", zero_point(place, op.inputs[order[0]])),
        ("zero_point_2", zero_point(place, op.inputs[order[1]])),
        ("output_zero_point", zero_point(place, op.outputs[0])),
        *bounds(place),
    ]
    constants, (first, second) = _operands(place, order)
    return constants, call(place, "lp_add_tflm_params", fields(place, values), first, second, place.output)


def _factor(factor: Factor) -> str:
    return braces((factor.multiplier, factor.shift))


def _operands(place: Place, order: tuple[int, int]) -> tuple[tuple[Constant, ...], list[str]]:
    """The array of an operand that is constant, if there is one, and the C of both in some order."""
    arrays, found = [], []
    for index in order:
        tensor = place.net.tensors[place.op.inputs[index]]
        if tensor.constant:
            arrays.append(operand_constant(place.constant("operand"), tensor.name, place.net))
            found.append(arrays[0].name)
        else:
            found.append(place.input(index))
    return tuple(arrays), found


def spread_of(place: Place) -> tuple[tuple[int, int], list[tuple[str, object]]]:
    """Which operand has the output's shape and which may be repeated, and how often in a call."""
    whole = math.prod(place.output_shape)
    order = (0, 1) if math.prod(place.shape(0)) == whole else (1, 0)
    loops, step, period = _spread(place, order)
    elements = whole // math.prod(times for times, _ in loops)
    return order, [("elements", elements), ("step", step), ("period", period)]


def spread_call(place: Place, ctype: str, parameters: str, order: tuple[int, int], *operands: str) -> str:
    """Calls the kernel once, or for each part of the whole operand that meets another one of the other."""
    loops, whole, other = _spread(place, order).loops, [], []
    part = math.prod(place.output_shape) * place.element_bytes
    for times, between in loops:
        part //= times
        whole.append(part)
        other.append(between * place.element_bytes)
    first, second = (stepped(text, steps) for text, steps in zip(operands, (whole, other), strict=True))
    repeats = [times for times, _ in loops]
    return call(place, ctype, parameters, first, second, stepped(place.output, whole), repeats=repeats)


def _spread(place: Place, order: tuple[int, int]) -> Repetition:
    found = repetition(place.shape(order[1]), place.output_shape)
    assert found is not None
    return found


def _zero_points(place: Place, order: tuple[int, int]) -> list[tuple[str, object]]:
    names = ("whole_zero_point", "other_zero_point")
    points = [zero_point(place, place.op.inputs[index]) for index in order]
    return [*zip(names, points, strict=True), ("output_zero_point", zero_point(place, place.op.outputs[0]))]


def _add_spread(place: Place) -> Emitted:
    op: Add | Sub = place.op
    order, sizes = spread_of(place)
    constants, operands = _operands(place, order)
    if op.profile is Profile.LILLIPUT:
        found = add_parameters(op, place.net)
        values = [
            ("whole_multiplier", found.multipliers[order[0]]),
            ("other_multiplier", found.multipliers[order[1]]),
            ("offset", found.offset),
            *sizes,
            *bounds(place),
            ("shift", found.shift),
        ]
        return constants, spread_call(place, "lp_add_spread_params", fields(place, values), order, *operands)
    inputs, output = _spread_factors(place)
    signs = (1, -1) if isinstance(op, Sub) else (1, 1)
    values = [
        ("whole_factor", inputs[order[0]]),
        ("other_factor", inputs[order[1]]),
        ("output_factor", output),
        *sizes,
        *_zero_points(place, order),
        ("whole_sign", signs[order[0]]),
        ("other_sign", signs[order[1]]),
        *bounds(place),
    ]
    return constants, spread_call(place, "lp_add_spread_tflm_params", fields(place, values), order, *operands)


def _spread_factors(place: Place) -> tuple[list[str], str]:
    """The factors of both inputs and of the sum, as the kernel wants them."""
    op: Add | Sub = place.op
    packed = packed_add_factors(op, place.net)
    if place.kernel.function == "lp_add_spread_tflm_s8" or packed is None:
        found = add_factors(op, place.net)
        return [_factor(factor) for factor in found.inputs], _factor(found.output)
    swaps, (second, output) = packed
    inputs = ["{0, 0}", braces(packed_factor(second))]
    return inputs[:: -1 if swaps else 1], braces(packed_factor(output))


def mul(place: Place) -> Emitted:
    """A product."""
    if place.kernel.function == LOOKUP:
        return lookup(place)
    order, sizes = spread_of(place)
    constants, operands = _operands(place, order)
    multiplier, shift = _product_factor(place)
    values = [
        ("multiplier", multiplier),
        ("shift", shift),
        *sizes,
        *_zero_points(place, order),
        *bounds(place),
    ]
    return constants, spread_call(place, "lp_mul_params", fields(place, values), order, *operands)


def _product_factor(place: Place) -> tuple[int, int]:
    """Multiplier and shift, as the kernel wants them."""
    op: Mul = place.op
    packed = packed_mul_factor(op, place.net)
    if place.kernel.function in ("lp_mul_s8", "lp_mul_tflm_s8", "lp_mul_s16") or packed is None:
        found = mul_factor(op, place.net) if op.profile is Profile.TFLM else mul_parameters(op, place.net)
        return found.multiplier, found.shift
    return packed_factor(Factor(*packed)) if op.profile is Profile.TFLM else packed
