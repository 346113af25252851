"""Which bits each layer's weights get, under limits of flash and RAM: a knapsack over what was measured.

Each layer with weights takes one of the widths from 8 bits down to 2.  The losses that layers cause by
themselves are added up, and so are the bytes of their constants, so that the choice with the least loss is a
multiple-choice knapsack, solved exactly by lists of undominated sums (Kellerer, Pferschy and Pisinger,
Knapsack Problems, 2004, chapter 11).  Each function of the runtime counts once, so there is a list for each
set of functions that the layers so far can need.  What takes too much RAM, even beside layers that take the
least, is left out before.  What is chosen was predicted as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lilliput.cost.code_size import code_sizes, layer_calls
from lilliput.cost.predict import cost
from lilliput.errors import BudgetError
from lilliput.net.formats import FORMATS, Formats
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected, Op, Reshape
from lilliput.passes.quantize import quantize
from lilliput.targets.boards import Board
from lilliput.targets.format_kernels import MOST_IMAGE_CHANNELS
from lilliput.targets.kernel import Kernel
from lilliput.targets.kernels import constant_bytes, kernel_for

WIDTHS = (8, 7, 6, 5, 4, 3, 2)
"""Bits of weights to choose from; what flows keeps 8, which take a byte as fewer do."""

MOST_CHOICES = 20_000
"""With more undominated choices for some of the layers than these, only so many of them are gone on with."""

Losses = Mapping[str, Mapping[int, float]]
"""Op → bits of its weights → loss that it causes by itself, 0 for 8 bits."""

Ranges = Mapping[str, tuple[float, float]]
"""Tensor → the least and the largest that flows in it."""


@dataclass(frozen=True)
class Limits:
    """The largest values that will do; None for any.

    Attributes:
        flash_bytes: weights and code.
        ram_bytes: arena.
    """

    flash_bytes: float | None = None
    ram_bytes: float | None = None


class _Item(NamedTuple):
    """A width for an op: the kernel that runs, and what both take beside the kernel's code."""

    width: int
    kernel: Kernel
    size_bytes: float


class _Choice(NamedTuple):
    """Widths for some ops; the size is without code that layers share."""

    size_bytes: float
    loss: float
    bits: tuple[int, ...]


Bits = tuple[int, ...]
"""The width of each weighted op."""
Allowed = tuple[tuple[int, ...], ...]
"""The widths that each weighted op may have."""


def weighted_ops(net: Net) -> tuple[str, ...]:
    """The ops whose weights have bits to choose."""
    return tuple(op.name for op in net.ops if isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected))


def formats_with(bits: Mapping[str, int]) -> Formats:
    """The formats of a network of int8 whose ops have so many bits of weights."""
    return Formats(ops={name: FORMATS[f"w{width}a8"] for name, width in bits.items() if width != WIDTHS[0]})


def choose_bits(
    net: Net,
    board: Board,
    losses: Losses,
    limits: Limits,
    ranges: Ranges | None = None,
) -> Formats:
    """The formats with the least sum of losses that keep the limits.

    Args:
        net: float, batch norm folded and activations fused.
        board: what for.
        losses: of every op of `weighted_ops` and every width of `WIDTHS`.
        limits: of the whole network, as `cost` predicts it.
        ranges: of what flows, by tensor; scales and weights can decide kernels, so without ranges the arena
            is a prediction, too.

    Raises:
        BudgetError: nothing keeps the limits; names the smallest values that can be kept.
    """
    return _Knapsack(net, board, losses, limits, ranges).solve()


class _Knapsack:
    def __init__(
        self,
        net: Net,
        board: Board,
        losses: Losses,
        limits: Limits,
        ranges: Ranges | None,
    ) -> None:
        self._net, self._board, self._losses, self._limits = net, board, losses, limits
        self._ranges = ranges
        self._flash_limit = math.inf if limits.flash_bytes is None else limits.flash_bytes
        self._ram_limit = math.inf if limits.ram_bytes is None else limits.ram_bytes
        self._ops = weighted_ops(net)
        self._widest: Bits = (WIDTHS[0],) * len(self._ops)
        self._sizes = code_sizes(board.core)
        self._items: dict[str, list[_Item]] = {name: [] for name in self._ops}
        for width in WIDTHS:
            self._add_items(dict.fromkeys(self._ops, width), self._ops)
            for name in filter(self._reads_image, self._ops):
                self._add_items({name: width}, (name,))
        self._known: dict[Bits, tuple[int, int]] = {}

    def _reads_image(self, name: str) -> bool:
        """Whether the kernel of an op can depend on the widths of others (`format_kernels.takes_bytes`)."""
        op = next(op for op in self._net.ops if op.name == name)
        return isinstance(op, Conv2D) and self._net.tensors[op.inputs[1]].shape[3] <= MOST_IMAGE_CHANNELS

    def _add_items(self, bits: Mapping[str, int], names: tuple[str, ...]) -> None:
        quantized = quantize(self._net, self._ranges, formats_with(bits))
        for op in (op for op in quantized.ops if op.name in names):
            kernel = kernel_for(op, quantized, self._board.core)
            item = _Item(bits[op.name], kernel, self._alone_bytes(op, quantized))
            if item not in self._items[op.name]:
                self._items[op.name].append(item)

    def _alone_bytes(self, op: Op, net: Net) -> float:
        """What an op takes by itself: constants and calls."""
        call_bytes = self._sizes.layer_bytes(kernel_for(op, net, self._board.core).function)
        return constant_bytes(op, net, self._board.core) + layer_calls(op, net) * call_bytes

    def solve(self) -> Formats:
        """The best choice that keeps the limits."""
        if self._fits(self._widest):
            return Formats()
        lean = self._leanest() if self._ram_limit < math.inf else self._widest
        if self._arena(lean) > self._ram_limit:
            raise refusal(self._net, self._limits, "ram", self._arena(lean))
        found = self._within_ram(lean, self._least_loss)
        if found is None:
            smallest = self._within_ram(lean, self._smallest)
            assert smallest is not None
            raise refusal(self._net, self._limits, "flash", self._needs(smallest)[0])
        return formats_with(dict(zip(self._ops, found, strict=True)))

    def _within_ram(self, lean: Bits, best: Callable[[Allowed], Bits | None]) -> Bits | None:
        """The best choice within the RAM: where layers take too much together, some become `lean`."""
        allowed = self._allowed(lean)
        while (found := best(allowed)) is not None and self._arena(found) > self._ram_limit:
            leaner = {
                index: (*found[:index], lean[index], *found[index + 1 :])
                for index, widths in enumerate(allowed)
                if widths != (lean[index],)
            }
            index = min(leaner, key=lambda index: self._arena(leaner[index]))
            allowed = (*allowed[:index], (lean[index],), *allowed[index + 1 :])
        return found

    def _allowed(self, lean: Bits) -> Allowed:
        """The widths with which an op keeps the limit of RAM where all others are `lean`."""
        if self._ram_limit == math.inf:
            return (WIDTHS,) * len(self._ops)
        return tuple(
            tuple(
                width
                for like in self._alike(name)
                if self._arena((*lean[:index], like[0], *lean[index + 1 :])) <= self._ram_limit
                for width in like
            )
            for index, name in enumerate(self._ops)
        )

    def _alike(self, name: str) -> list[list[int]]:
        """The widths of an op, together those with the same kernels."""
        found: dict[object, list[int]] = {}
        for width in WIDTHS:
            kernels = [item.kernel for item in self._items[name] if item.width == width]
            found.setdefault((width == WIDTHS[0], *kernels), []).append(width)
        return list(found.values())

    def _leanest(self) -> Bits:
        """The widths with the smallest arena: each op takes what makes it smaller, or its own scratch."""
        scratch = [
            {item.width: item.kernel.scratch_bytes for item in self._items[name]} for name in self._ops
        ]
        starts = [tuple(min(each, key=lambda width: each[width]) for each in scratch)]
        starts += [(width,) * len(self._ops) for width in WIDTHS]
        lean, before = min(starts, key=self._arena), math.inf
        while self._arena(lean) < before:
            before = self._arena(lean)
            for index, name in enumerate(self._ops):
                trials = [
                    (*lean[:index], width, *lean[index + 1 :])
                    for width in (lean[index], *(like[0] for like in self._alike(name)))
                ]
                lean = min(trials, key=lambda bits: (self._arena(bits), scratch[index][bits[index]]))
        return lean

    def _least_loss(self, allowed: Allowed) -> Bits | None:
        """The choice with the least loss that keeps the limit of flash, if one does."""
        choices = self._choices(allowed, self._losses, self._flash_limit)
        for _, choice in sorted(choices, key=lambda one: (one[1].loss, one[0])):
            if self._needs(choice.bits)[0] <= self._flash_limit:
                return choice.bits
        return None

    def _smallest(self, allowed: Allowed) -> Bits:
        """The choice that takes the least flash; none takes less than was added up."""
        alike = {name: dict.fromkeys(WIDTHS, 0.0) for name in self._ops}
        found, least = self._widest, math.inf
        for size_bytes, choice in sorted(self._choices(allowed, alike)):
            if size_bytes >= least:
                break
            flash = self._needs(choice.bits)[0]
            if flash < least:
                found, least = choice.bits, flash
        return found

    def _choices(
        self, allowed: Allowed, losses: Losses, limit_bytes: float = math.inf
    ) -> Iterator[tuple[float, _Choice]]:
        """Choices within a limit, with all that they take: those that none beats in loss and size."""
        rest_bytes, functions = self._others()
        left_bytes = sum(self._least_bytes(name) for name in self._ops)
        fronts = {functions: [_Choice(rest_bytes, 0.0, ())]}
        for name, widths in zip(self._ops, allowed, strict=True):
            left_bytes -= self._least_bytes(name)
            grown: dict[frozenset[str], list[_Choice]] = {}
            for known, front in fronts.items():
                for item in self._items[name]:
                    if item.width not in widths:
                        continue
                    used = known | self._functions(item.kernel)
                    most = limit_bytes + 1 - left_bytes - self._code_bytes(used) - item.size_bytes
                    loss = losses[name][item.width]
                    grown.setdefault(used, []).extend(
                        _Choice(size + item.size_bytes, before + loss, (*bits, item.width))
                        for size, before, bits in front
                        if size <= most
                    )
            fronts = {
                used: _undominated(choices, max(2, MOST_CHOICES // len(grown)))
                for used, choices in grown.items()
            }
        for used, front in fronts.items():
            for choice in front:
                yield choice.size_bytes + self._code_bytes(used), choice

    def _others(self) -> tuple[float, frozenset[str]]:
        """What the network and its other ops take, and their functions; a Reshape may need no code."""
        quantized = quantize(self._net, self._ranges)
        others = [op for op in quantized.ops if op.name not in self._ops and not isinstance(op, Reshape)]
        kernels = [kernel_for(op, quantized, self._board.core) for op in others]
        rest_bytes = self._sizes.network + sum(self._alone_bytes(op, quantized) for op in others)
        return rest_bytes, frozenset[str]().union(*map(self._functions, kernels))

    def _functions(self, kernel: Kernel) -> frozenset[str]:
        names = (kernel.function, *kernel.needs)
        return frozenset(names).union(*(self._sizes.helpers.get(name, ()) for name in names))

    def _code_bytes(self, functions: frozenset[str]) -> float:
        return sum(map(self._sizes.function_bytes, functions))

    def _least_bytes(self, name: str) -> float:
        return min(item.size_bytes for item in self._items[name])

    def _fits(self, bits: Bits) -> bool:
        flash, ram = self._needs(bits)
        return flash <= self._flash_limit and ram <= self._ram_limit

    def _arena(self, bits: Bits) -> int:
        return self._needs(bits)[1]

    def _needs(self, bits: Bits) -> tuple[int, int]:
        """Flash and RAM of a choice."""
        if bits not in self._known:
            formats = formats_with(dict(zip(self._ops, bits, strict=True)))
            found = cost(quantize(self._net, self._ranges, formats), self._board)
            self._known[bits] = (found.flash_bytes, found.arena_bytes)
        return self._known[bits]


def refusal(net: Net, limits: Limits, bound: str, smallest_bytes: int) -> BudgetError:
    """What is told where no bits keep the limits: "flash" or "ram" is `smallest_bytes` at the least."""
    limit_bytes = limits.flash_bytes if bound == "flash" else limits.ram_bytes
    assert limit_bytes is not None
    within_ram = bound == "flash" and limits.ram_bytes is not None
    beside = f" within {limits.ram_bytes:.0f} B of ram" if within_ram else ""
    return BudgetError(
        f"network '{net.name}' does not fit: {bound} at most {limit_bytes:.0f} B{beside}",
        f"with the bits that take the least it needs {smallest_bytes} B of {bound}{beside}",
        f"give {bound}={smallest_bytes}B or more, or search a smaller network",
        bound,
        smallest_bytes,
    )


def _undominated(choices: list[_Choice], most: int) -> list[_Choice]:
    """Choices that none beats in loss and size, from small to large; up to `most` of them."""
    front, least = list[_Choice](), math.inf
    for choice in sorted(choices):
        if choice.loss < least:
            front.append(choice)
            least = choice.loss
    step = -(-len(front) // most)
    return [*front[:-1:step], front[-1]] if front else []
