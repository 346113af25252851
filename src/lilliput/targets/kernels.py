"""Which C function of the runtime runs an op on a core, what scratch memory and what constants it takes.

Plan, cost and code generation all ask here, so the arena and the flash that are predicted are those of the
generated code.  Everything follows from shapes, so it works on networks without weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lilliput.errors import NetError
from lilliput.net.access import Access
from lilliput.net.fixedpoint import mul_parameters, pool_counts
from lilliput.net.fixedpoint_tflm import Factor, add_factors, mul_factor
from lilliput.net.graph import Net, Optimize
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
from lilliput.net.schedule import as_its_kernel_sees
from lilliput.net.tensor import DType
from lilliput.targets.compact import HEADER as COMPACT_HEADER
from lilliput.targets.compact import compact_kernel, is_compact, not_slower
from lilliput.targets.cores import Core
from lilliput.targets.dense import PRODUCT_LAYOUTS, begins_with_factor, fully_connected, shares_factor
from lilliput.targets.format_kernels import Family, bias_bytes, family_kernel, family_of
from lilliput.targets.kernel import Kernel, Layout, in_profile, to_four
from lilliput.targets.taps import depthwise
from lilliput.targets.weighted import conv2d, without_variants
from lilliput.targets.weights import weights_bytes
from lilliput.targets.wide import wide_channels_bytes

BIAS_BYTES = 4
"""Bias of one output channel."""
CHANNEL_BYTES = 8
"""Bias and multiplier of one output channel."""
POOL_SCALE_BYTES = 8
"""One entry of an average pool's table of scales."""
TFLM_CHANNEL_BYTES = 12
"""Bias, multiplier and scale of one output channel in the profile `tflm`."""
SOFTMAX_TABLE_BYTES = 512
"""256 powers of 16 bits."""
TFLM_SOFTMAX_TABLE_BYTES = 1024
"""256 powers of 32 bits."""
INDEX_BYTES = 2
"""Which row or column of an image another one takes."""
LOOKUP_TABLE_BYTES = 256
"""What each of 256 inputs becomes."""
_WORD_BITS = 32
LOOKUP = "lp_lookup"
"""The kernel of whatever makes of each element another one."""


def kernel_for(op: Op, net: Net, core: Core) -> Kernel:
    """The kernel that runs `op` of `net`, integers or floats, on `core`; in a stream, for its largest turn,
    in patches, for one of them.

    Where memory counts most, the fastest of `kernels_for` that gets by with the scratch memory of the plan.

    Raises:
        NetError: no kernel can.
    """
    kernels = kernels_for(op, net, core)
    if len(kernels) == 1:
        return kernels[0]
    _, room = net.plan.scratch.get(op.name, (0, 0)) if net.plan is not None else (0, 0)
    return within(kernels, room)


def kernels_for(op: Op, net: Net, core: Core) -> tuple[Kernel, ...]:
    """The kernels that can run `op`, the fastest first, the one with least scratch memory last.

    There is a choice only where memory counts most: the fastest one, those with less and with little scratch
    memory, and the portable one.  One that takes no less than that before it is the same.  So the plan, which
    holds how much an op gets, tells which one it is.

    Raises:
        NetError: no kernel can.
    """
    known = net.known.get(op.name)
    if known is None or known[0] is not op or known[1] is not core:
        known = net.known[op.name] = (op, core, _kernels(op, net, core))
    kernels: tuple[Kernel, ...] = known[2]
    return kernels


def within(kernels: Sequence[Kernel], room: int) -> Kernel:
    """The fastest of some kernels with so many bytes of scratch memory; if that is too little, the last."""
    return next((kernel for kernel in kernels if kernel.scratch_bytes <= room), kernels[-1])


def slowness(core: Core) -> tuple[float, ...]:
    """About how many times the cycles of the fastest kernel each of `kernels_for` takes."""
    if core.has_mve:
        return (1, 1.2, 20, 20)
    return (1, 1.2, 2.3, 6) if core.has_dsp else (1, 1.2, 2.5, 2.5)


def _kernels(op: Op, net: Net, core: Core) -> tuple[Kernel, ...]:
    if net.optimize is not Optimize.RAM:
        return (_chosen(op, net, core, net.optimize),)
    ways = ((Optimize.RAM, core), (Optimize.FLASH, core), (Optimize.FLASH, core.portable))
    found = [_chosen(op, net, core, Optimize.RAM)]
    if family_of(op, net) is Family.BYTES:
        fastest = _chosen(op, net, core, Optimize.SPEED)
        if fastest.scratch_bytes < found[0].scratch_bytes:
            # A kernel with more scratch memory that may write its output over its input.
            ways = ((Optimize.SPEED, core), *ways[1:])
        else:
            found = [fastest]
    for optimize, instructions in ways:
        kernel = _chosen(op, net, instructions, optimize)
        found.append(kernel if kernel.scratch_bytes < found[-1].scratch_bytes else found[-1])
    return tuple(found)


def _chosen(op: Op, net: Net, core: Core, optimize: Optimize) -> Kernel:
    choose = KERNELS.get(type(op))
    if choose is None:
        raise NetError(
            f"op '{op.name}' ({type(op).__name__}) has no integer kernel",
            "only networks whose batch normalization is folded are compiled",
            "run `lilliput.passes.lower` first",
        )
    special = family_kernel(op, _made_for(optimize, net), core)
    if special is not None:
        return special
    op, seen = as_its_kernel_sees(op, net)
    seen = _made_for(optimize, seen)
    found = compact_kernel(op, seen, core) or not_slower(choose(op, seen, core), op, seen, core)
    return without_variants(found, op, net)


def _made_for(optimize: Optimize, net: Net) -> Net:
    return net if net.optimize is optimize else replace(net, optimize=optimize)


def constant_bytes(op: Op, net: Net, core: Core) -> int:
    """Bytes of flash that the constants of `op` take: weights, biases, multipliers and tables.

    Each array begins at a multiple of four and is counted as filling it.  Dimensions, addresses and the other
    numbers that a kernel is called with count as code.
    """
    if family_of(op, net) is Family.REAL:
        return sum(to_four(tensor.storage_bytes) for tensor in net.constants(op)) + bias_bytes(op, net)
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            channels = net.tensors[op.outputs[0]].shape[-1]
            kernel = kernel_for(op, net, core)
            layout = kernel.layout
            channel_bytes = TFLM_CHANNEL_BYTES if op.profile is Profile.TFLM else CHANNEL_BYTES
            if layout in PRODUCT_LAYOUTS or begins_with_factor(op, net, kernel):
                factor_bytes = channel_bytes - BIAS_BYTES
                factors = 1 if shares_factor(op, net) else to_four(channels)
                return weights_bytes(op, net, kernel) + channels * BIAS_BYTES + factors * factor_bytes
            if layout is Layout.CHANNEL_FOURS:
                return weights_bytes(op, net, kernel) + wide_channels_bytes(op, net)
            return weights_bytes(op, net, kernel) + channels * channel_bytes
        case AveragePool2D() if op.profile is Profile.TFLM:
            return 0
        case AveragePool2D() | GlobalAveragePool2D():
            return len(pool_counts(op, net)) * POOL_SCALE_BYTES
        case Softmax():
            return TFLM_SOFTMAX_TABLE_BYTES if op.profile is Profile.TFLM else SOFTMAX_TABLE_BYTES
        case Add() | Sub() | Mul() if maps_one(op, net):
            return LOOKUP_TABLE_BYTES
        case Add() | Sub() | Mul() | Concat():
            return sum(to_four(tensor.storage_bytes) for tensor in net.constants(op))
        case ResizeNearest():
            return sum(to_four(INDEX_BYTES * length) for length in op.size)
        case _:
            return LOOKUP_TABLE_BYTES if kernel_for(op, net, core).function == LOOKUP else 0


def _rescale(op: Op, net: Net, core: Core) -> Kernel:
    source, target = net.tensors[op.inputs[0]], net.tensors[op.outputs[0]]
    if source.dtype is not DType.UINT8:
        return Kernel(LOOKUP if op.profile is Profile.TFLM else "lp_requantize_s8", access=Access.ELEMENTS)
    if isinstance(op, Requantize) and target.dtype is DType.INT8 and source.quant and target.quant:
        moves_only = source.quant.scales == target.quant.scales
        if moves_only and source.quant.zero_point - target.quant.zero_point == 128:
            return Kernel("lp_u8_to_s8", access=Access.ELEMENTS)
    return Kernel(LOOKUP if op.profile is Profile.TFLM else "lp_requantize_u8", access=Access.ELEMENTS)


def _always_in_profile(stem: str, access: Access) -> Callable[[Op, Net, Core], Kernel]:
    def choose(op: Op, net: Net, core: Core) -> Kernel:
        return Kernel(in_profile(stem, op), access=access)

    return choose


def _add(op: Add | Sub, net: Net, core: Core) -> Kernel:
    if maps_one(op, net):
        return Kernel(LOOKUP, access=Access.ELEMENTS)
    first, second = (net.tensors[name] for name in op.inputs)
    is_twice_rounded = op.profile is Profile.TFLM
    is_packed = core.has_dsp and (not is_twice_rounded or packed_add_factors(op, net) is not None)
    if first.shape != second.shape or (isinstance(op, Sub) and is_twice_rounded):
        return _pairwise("lp_add_spread", op, net, core, is_packed)
    if is_compact(net, core) and is_packed:
        return Kernel(in_profile("lp_add_compact", op), access=Access.ELEMENTS, header=COMPACT_HEADER)
    is_special = is_packed and is_twice_rounded
    return Kernel("lp_add_dsp_tflm_s8" if is_special else in_profile("lp_add", op), access=Access.ELEMENTS)


def _mul(op: Mul, net: Net, core: Core) -> Kernel:
    if maps_one(op, net):
        return Kernel(LOOKUP, access=Access.ELEMENTS)
    return _pairwise("lp_mul", op, net, core, core.has_dsp and packed_mul_factor(op, net) is not None)


def _pairwise(stem: str, op: Add | Sub | Mul, net: Net, core: Core, is_packed: bool) -> Kernel:
    """The kernel `stem` of two tensors, one of which may be repeated.

    Args:
        stem: its name in C without profile and type.
        op: the op.
        net: its network.
        core: that it runs on.
        is_packed: whether kernels for cores with DSP instructions can compute it.
    """
    if is_packed and not is_compact(net, core) and not _subtracts_halves(op, net):
        return Kernel(in_profile(f"{stem}_dsp", op), access=Access.ELEMENTS)
    if is_packed and op.profile is Profile.TFLM:
        return Kernel(in_profile(f"{stem}_compact", op), access=Access.ELEMENTS, header=COMPACT_HEADER)
    return Kernel(in_profile(stem, op), access=Access.ELEMENTS)


def _subtracts_halves(op: Add | Sub | Mul, net: Net) -> bool:
    """Whether it may matter that `op` rounds what it takes off before its sign changes, in `tflm`.

    x * m / 2**11 is rounded, halves up, for whole x up to 255 and the factor's multiplier m.  Halves are only
    met where both have ten factors of two together.
    """
    if not isinstance(op, Sub) or op.profile is not Profile.TFLM:
        return False
    found = packed_add_factors(op, net)
    assert found is not None
    swaps, (scaled, _) = found
    twos = (scaled.multiplier & -scaled.multiplier).bit_length() - 1
    return not swaps and 3 <= twos <= 10


def maps_one(op: Add | Sub | Mul, net: Net) -> bool:
    """Whether `op` makes of each int8 another one, as of a tensor and a number: a table says all.

    Where flash counts most, it is not made into one: two tables take more than a kernel.
    """
    if net.optimize is Optimize.FLASH or family_of(op, net) is not Family.BYTES:
        return False
    first, second = (net.tensors[name] for name in op.inputs)
    return first is second or any(tensor.constant and tensor.elements == 1 for tensor in (first, second))


def packed_add_factors(op: Add | Sub, net: Net) -> tuple[bool, tuple[Factor, Factor]] | None:
    """How kernels for cores with DSP instructions compute a sum of the profile `tflm`, if they can.

    The factor of the input with the larger scale is a half, and it comes first; where the other's is too, it
    is written as one, halved: only a shift right by at least 1 is held.

    Returns:
        Whether the inputs change places, and the factors of the second one and of the sum.
    """
    found = add_factors(op, net)
    half = Factor(1 << 30, 0)
    swaps = found.inputs[0] != half
    first, second = found.inputs[:: -1 if swaps else 1]
    if second == half:
        second = Factor(1 << 31, -1)
    fits = all(_is_packed(factor) for factor in (second, found.output))
    return (swaps, (second, found.output)) if fits and first == half else None


def packed_mul_factor(op: Mul, net: Net) -> tuple[int, int] | None:
    """How kernels for cores with DSP instructions scale products, if they can: multiplier and shift.

    In the profile `tflm` they are as in a `Factor`, else the shift is 32.
    """
    if op.profile is Profile.TFLM:
        factor = mul_factor(op, net)
        return (factor.multiplier, factor.shift) if _is_packed(factor) else None
    found = mul_parameters(op, net)
    multiplier = found.multiplier << (_WORD_BITS - found.shift)
    return (multiplier, _WORD_BITS) if multiplier < 1 << (_WORD_BITS - 1) else None


def _is_packed(factor: Factor) -> bool:
    return factor.multiplier > 0 and -31 <= factor.shift <= -1


def _always(
    function: str, *needs: str, access: Access = Access.SEPARATE
) -> Callable[[Op, Net, Core], Kernel]:
    def choose(op: Op, net: Net, core: Core) -> Kernel:
        return Kernel(function, needs=needs, access=access)

    return choose


KERNELS: Mapping[type[Op], Callable[[Any, Net, Core], Kernel]] = {
    Conv2D: conv2d,
    DepthwiseConv2D: depthwise,
    FullyConnected: fully_connected,
    MaxPool2D: _always("lp_max_pool2d_s8", access=Access.WINDOWS),
    AveragePool2D: _always_in_profile("lp_average_pool2d", Access.WINDOWS),
    GlobalAveragePool2D: _always_in_profile("lp_average_pool2d", Access.WINDOWS),
    Add: _add,
    Sub: _add,
    Mul: _mul,
    Concat: _always("lp_copy_rows"),
    Pad: _always("lp_pad_s8", "lp_copy_rows"),
    Slice: _always("lp_gather_s8"),
    Transpose: _always("lp_gather_s8"),
    ResizeNearest: _always("lp_resize_nearest_s8", "lp_copy_rows"),
    Logistic: _always(LOOKUP, access=Access.ELEMENTS),
    Tanh: _always(LOOKUP, access=Access.ELEMENTS),
    HardSwish: _always(LOOKUP, access=Access.ELEMENTS),
    LeakyReLU: _always(LOOKUP, access=Access.ELEMENTS),
    ReLU: _rescale,
    ReLU6: _rescale,
    Reshape: _always("lp_copy_rows", access=Access.ELEMENTS),
    Softmax: _always_in_profile("lp_softmax", Access.ELEMENTS),
    Requantize: _rescale,
}
"""How the kernel of each op is chosen."""
