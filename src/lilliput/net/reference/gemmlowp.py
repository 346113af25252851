"""Fixed-point arithmetic as gemmlowp defines it, on int64 arrays whose values fit int32.

An int32 r with i integer bits stands for r * 2**(i - 31).  Source: gemmlowp, `fixedpoint.h`.
"""

from __future__ import annotations

import math

import numpy as np

from lilliput.net.reference.windows import Array

_LARGEST = (1 << 31) - 1
_SMALLEST = -(1 << 31)


def high_product(first: Array, second: Array | int) -> Array:
    """first * second * 2**-31, to nearest, halves up; the integer bits of the numbers add."""
    product = first * second
    nudged: Array = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    # C truncates; NumPy's division rounds down.
    result: Array = np.where(nudged >= 0, nudged >> 31, -(-nudged >> 31))
    return np.minimum(result, _LARGEST)


def high_product_16(first: Array, second: int) -> Array:
    """first * second * 2**-15 of int16 numbers, to nearest, halves up."""
    product = first * second
    nudged: Array = product + np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    result: Array = np.where(nudged >= 0, nudged >> 15, -(-nudged >> 15))
    return result


def saturated_16(x: Array) -> Array:
    """The nearest int16."""
    result: Array = np.clip(x, -(1 << 15), (1 << 15) - 1)
    return result


def wrapped_16(x: Array) -> Array:
    """The int16 with the same lower 16 bits."""
    return x.astype(np.int16).astype(np.int64)


def shifted_right(x: Array, by: Array | int) -> Array:
    """x * 2**-by, to nearest, halves away from zero."""
    mask = (1 << by) - 1
    result: Array = (x >> by) + ((x & mask) > (mask >> 1) + (x < 0))
    return result


def divide_rounding_away(x: Array, by: Array) -> Array:
    """x / by for positive `by`, to nearest, halves away from zero."""
    quotient = (np.abs(x) + by // 2) // by
    result: Array = np.where(x > 0, quotient, -quotient)
    return result


def exponential(x: Array, integer_bits: int = 5) -> Array:
    """exp(x) for x <= 0 with some integer bits, at most 5; the result has none."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    below = (x & (quarter - 1)) - quarter
    result = _exponential_of_a_quarter(below << integer_bits)
    remainder = below - x
    for power in range(-2, integer_bits):
        factor = round(math.ldexp(math.exp(-(2.0**power)), 31))
        chosen = (remainder >> (fraction_bits + power)) & 1
        result = np.where(chosen == 1, high_product(result, factor), result)
    return np.where(x == 0, _LARGEST, result)


def reciprocal(x: Array, integer_bits: int) -> tuple[Array, Array]:
    """1 / x for x > 0 with some integer bits.

    Returns:
        The significand with no integer bits, and how many bits x has above one.
    """
    headroom = 32 - np.frompyfunc(lambda value: int(value).bit_length(), 1, 1)(x).astype(np.int64)
    fraction = (x << headroom) - (1 << 31)
    return _inverse_of_one_plus(fraction), integer_bits - headroom


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)) for x with 4 integer bits; the result has none."""
    positive = _inverse_of_one_plus(exponential(-np.abs(x), 4))
    result: Array = np.where(x > 0, positive, _LARGEST - positive)
    return np.where(x == 0, 1 << 30, result)


def hyperbolic_tangent(x: Array) -> Array:
    """tanh(x) for x with 4 integer bits; the result has none."""
    # exp(-2 |x|): the same integer with one integer bit more is the double.
    double = _inverse_of_half_of_one_plus(exponential(-np.abs(x), 5))
    positive: Array = np.clip((double - (1 << 29)) << 2, _SMALLEST, _LARGEST)
    return np.where(x == 0, 0, np.where(x > 0, positive, -positive))


def _exponential_of_a_quarter(x: Array) -> Array:
    """exp(x) for -1/4 <= x < 0 without integer bits: the Taylor polynomial around -1/8."""
    around, third = round(math.ldexp(math.exp(-0.125), 31)), round(2**31 / 3)
    y = x + (1 << 28)
    y2 = high_product(y, y)
    y3 = high_product(y2, y)
    y4 = high_product(y2, y2)
    quarter_y4 = shifted_right(y4, 2)
    rest = shifted_right(high_product(quarter_y4 + y3, third) + y2, 1)
    result: Array = around + high_product(y + rest, around)
    return result


def _inverse_of_one_plus(x: Array) -> Array:
    """1 / (1 + x) for 0 <= x < 1 without integer bits."""
    result: Array = np.clip(_inverse_of_half_of_one_plus(x) << 1, _SMALLEST, _LARGEST)
    return result


def _inverse_of_half_of_one_plus(x: Array) -> Array:
    """2 / (1 + x) for 0 <= x < 1, with 2 integer bits: three steps of Newton and Raphson."""
    total = x + _LARGEST
    half = (total + np.where(total >= 0, 1, -1)) // 2
    guess = 1515870810 + high_product(half, -1010580540)
    for _ in range(3):
        rest = (1 << 29) - high_product(half, guess)
        guess = guess + np.clip(high_product(guess, rest) << 2, _SMALLEST, _LARGEST)
    return guess
