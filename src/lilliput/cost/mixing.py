"""Which bits each layer's weights get, under limits of flash and RAM: a knapsack over what was measured.

Each layer with weights takes one of the widths from 8 bits down to 2.  The losses that layers cause by
themselves are added up, and so are the bytes of their constants, so that the choice with the least loss is a
multiple-choice knapsack, solved exactly by lists of undominated sums (Kellerer, Pferschy and Pisinger,
Knapsack Problems, 2004, chapter 11).  Code depends on which kernels run: there is a knapsack for each set of
kernels that may.  The arena is predicted for each combination of kernels that is met.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from lilliput.cost.code_size import code_sizes
from lilliput.cost.predict import cost
from lilliput.errors import BudgetError
from lilliput.net.formats import FORMATS, Formats
from lilliput.net.graph import Net
from lilliput.net.ops import Conv2D, DepthwiseConv2D, FullyConnected
from lilliput.passes.quantize import quantize
from lilliput.targets.boards import Board
from lilliput.targets.kernel import Kernel
from lilliput.targets.kernels import constant_bytes, kernel_for

WIDTHS = (8, 7, 6, 5, 4, 3, 2)
"""Bits of weights to choose from; what flows keeps 8, which take a byte as fewer do."""

MOST_KERNELS = 10
"""With more kernels than these to choose from, only two sets are tried: all, and none for 8 bits."""

Losses = Mapping[str, Mapping[int, float]]
"""Op → bits of its weights → loss that it causes by itself, 0 for 8 bits."""


@dataclass(frozen=True)
class Limits:
    """The largest values that will do; None for any.

    Attributes:
        flash_bytes: weights and code.
        ram_bytes: arena.
    """

    flash_bytes: float | None = None
    ram_bytes: float | None = None


@dataclass(frozen=True)
class _Choice:
    size_bytes: float
    loss: float
    bits: tuple[int, ...]


def weighted_ops(net: Net) -> tuple[str, ...]:
    """The ops whose weights have bits to choose."""
    return tuple(op.name for op in net.ops if isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected))


def formats_with(bits: Mapping[str, int]) -> Formats:
    """The formats of a network of int8 whose ops have so many bits of weights."""
    return Formats(ops={name: FORMATS[f"w{width}a8"] for name, width in bits.items() if width != WIDTHS[0]})


def choose_bits(net: Net, board: Board, losses: Losses, limits: Limits) -> Formats:
    """The formats with the least sum of losses that keep the limits.

    Args:
        net: float, batch norm folded and activations fused.
        board: what for.
        losses: of every op of `weighted_ops` and every width of `WIDTHS`.
        limits: of the whole network, as `cost` predicts it.

    Raises:
        BudgetError: nothing keeps the limits; names the smallest values that were found.
    """
    return _Knapsack(net, board, losses, limits).solve()


class _Knapsack:
    def __init__(self, net: Net, board: Board, losses: Losses, limits: Limits) -> None:
        self._net, self._board, self._losses, self._limits = net, board, losses, limits
        self._ops = weighted_ops(net)
        self._widest = (WIDTHS[0],) * len(self._ops)
        self._bytes: dict[tuple[str, int], int] = {}
        self._kernels: dict[tuple[str, int], Kernel] = {}
        for width in WIDTHS:
            quantized = quantize(net, None, formats_with(dict.fromkeys(self._ops, width)))
            for op in quantized.ops:
                if op.name in self._ops:
                    self._bytes[op.name, width] = constant_bytes(op, quantized, board.core)
                    self._kernels[op.name, width] = kernel_for(op, quantized, board.core)
        sizes = code_sizes(board.core)
        self._sizes = {
            pair: self._bytes[pair] + sizes.layer_bytes(kernel.function)
            for pair, kernel in self._kernels.items()
        }
        self._known: dict[tuple[Kernel, ...], tuple[int, int]] = {}

    def solve(self) -> Formats:
        """The best choice that keeps the limits."""
        if self._fits(self._widest):
            return Formats()
        narrow = self._narrow_for_ram()
        choices = [choice for kernels in self._sets() for choice in self._undominated(kernels, narrow)]
        for choice in sorted(choices, key=lambda one: (one.loss, one.size_bytes)):
            if self._fits(choice.bits):
                return formats_with(dict(zip(self._ops, choice.bits, strict=True)))
        raise self._refused(choices)

    def _sets(self) -> Iterator[frozenset[str]]:
        """Sets of kernels that may run: one that only a single layer needs may cost more than it brings."""
        every = sorted({kernel.function for kernel in self._kernels.values()})
        if len(every) > MOST_KERNELS:
            few = (kernel for (_, width), kernel in self._kernels.items() if width != WIDTHS[0])
            yield from (frozenset(every), frozenset(kernel.function for kernel in few))
            return
        for count in range(1, len(every) + 1):
            yield from map(frozenset, combinations(every, count))

    def _undominated(self, kernels: Container[str], narrow: Container[str]) -> list[_Choice]:
        """Choices of these kernels that none beats in loss and size; ops of `narrow` have no 8 bits."""
        front = [_Choice(0.0, 0.0, ())]
        for name in self._ops:
            widths = [
                width
                for width in (WIDTHS[1:] if name in narrow else WIDTHS)
                if self._kernels[name, width].function in kernels
            ]
            grown = sorted(
                (
                    _Choice(
                        choice.size_bytes + self._sizes[name, width],
                        choice.loss + self._losses[name][width],
                        (*choice.bits, width),
                    )
                    for choice in front
                    for width in widths
                ),
                key=lambda one: (one.size_bytes, one.loss),
            )
            front, least = [], math.inf
            for choice in grown:
                if choice.loss < least:
                    front.append(choice)
                    least = choice.loss
        return front

    def _narrow_for_ram(self) -> tuple[str, ...]:
        """Ops whose kernels for 8 bits take more RAM than there is, as few as can be by taking turns."""
        limit, narrow = self._limits.ram_bytes, list[str]()
        if limit is None:
            return ()
        while self._arena(narrow) > limit and len(narrow) < len(self._ops):
            left = [name for name in self._ops if name not in narrow]
            narrow.append(
                min(left, key=lambda name: (self._arena([*narrow, name]), self._losses[name][WIDTHS[1]]))
            )
        for name in sorted(narrow, key=lambda name: -self._losses[name][WIDTHS[1]]):
            rest = [other for other in narrow if other != name]
            if self._arena(rest) <= limit:
                narrow = rest
        return tuple(narrow)

    def _arena(self, narrow: Sequence[str]) -> int:
        return self._predicted([WIDTHS[name in narrow] for name in self._ops])[1]

    def _fits(self, bits: Sequence[int]) -> bool:
        flash, ram = self._needs(bits)
        return flash <= (self._limits.flash_bytes or math.inf) and ram <= (self._limits.ram_bytes or math.inf)

    def _needs(self, bits: Sequence[int]) -> tuple[int, int]:
        """Flash and RAM of a choice."""
        rest, arena = self._predicted(bits)
        return rest + sum(self._bytes[pair] for pair in zip(self._ops, bits, strict=True)), arena

    def _predicted(self, bits: Sequence[int]) -> tuple[int, int]:
        """Flash beside the constants of weighted ops, and RAM; equal wherever the same kernels run."""
        pairs = list(zip(self._ops, bits, strict=True))
        key = tuple(self._kernels[pair] for pair in pairs)
        if key not in self._known:
            found = cost(self._net, self._board, formats_with(dict(pairs)))
            constants = sum(self._bytes[pair] for pair in pairs)
            self._known[key] = (found.flash_bytes - constants, found.arena_bytes)
        return self._known[key]

    def _refused(self, choices: Iterable[_Choice]) -> BudgetError:
        needs = [self._needs(self._widest), *(self._needs(choice.bits) for choice in choices)]
        limits = {"flash": self._limits.flash_bytes, "ram": self._limits.ram_bytes}
        smallest = {"flash": min(flash for flash, _ in needs), "ram": min(ram for _, ram in needs)}
        broken = [name for name, limit in limits.items() if limit is not None and smallest[name] > limit]
        if not broken:  # each alone can be kept, but not both
            flash = min(
                (flash for flash, ram in needs if ram <= (limits["ram"] or math.inf)),
                default=smallest["flash"],
            )
            smallest["flash"], broken = flash, ["flash"]
        named = ", ".join(f"{name} at most {limits[name]:.0f} B" for name in broken)
        enough = ",".join(f"{name}={smallest[name]}B" for name in broken)
        return BudgetError(
            f"network '{self._net.name}' does not fit: {named}",
            "with the fewest bits that there are it needs "
            + " and ".join(f"{smallest[name]} B of {name}" for name in broken),
            f"give {enough} or more, or search a smaller network",
        )
