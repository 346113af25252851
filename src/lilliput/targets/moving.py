"""How a part of a tensor, or its axes in another order, is made of runs of bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lilliput.net.ops import Slice, Transpose

MOST_LOOPS = 3
"""Loops of `lp_gather_s8` around its runs; it is called again for more."""


@dataclass(frozen=True)
class Runs:
    """What `lp_gather_s8` copies.

    Attributes:
        offset: where the first run begins in the input, bytes.
        loops: (how often, bytes from one to the next) of each loop, the outermost first.
        run_bytes: length of a run.
    """

    offset: int
    loops: tuple[tuple[int, int], ...]
    run_bytes: int


def runs_of(op: Slice | Transpose, shape: tuple[int, ...]) -> Runs:
    """The longest runs that make the output of `op` from a tensor of `shape`."""
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    offset = 0
    if isinstance(op, Slice):
        sizes = op.output_shape([shape])
        loops = [(size, step * stride) for size, step, stride in zip(sizes, op.steps, strides, strict=True)]
        offset = sum(begin * stride for begin, stride in zip(op.begin, strides, strict=True))
    else:
        loops = [(shape[axis], strides[axis]) for axis in op.permutation]
    loops = _merged([loop for loop in loops if loop[0] > 1])
    run_bytes = 1
    if loops and loops[-1][1] == 1:
        run_bytes = loops.pop()[0]
    return Runs(offset, tuple(loops), run_bytes)


def _merged(loops: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Loops of which the outer goes on where the inner ends are one."""
    found: list[tuple[int, int]] = []
    for times, stride in loops:
        if found and found[-1][1] == times * stride:
            found[-1] = (found[-1][0] * times, stride)
        else:
            found.append((times, stride))
    return found


def filled(loops: tuple[tuple[int, int], ...], part: int) -> tuple[Any, ...]:
    """One number of each of the innermost `MOST_LOOPS` loops, with loops that run once in front of fewer."""
    inner = loops[-MOST_LOOPS:]
    return (*((1, 0)[part] for _ in range(MOST_LOOPS - len(inner))), *(loop[part] for loop in inner))


def around(loops: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """The loops for which the kernel has to be called again."""
    return loops[:-MOST_LOOPS]
