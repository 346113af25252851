"""Which C function multiplies a matrix by a vector."""

from __future__ import annotations

from lilliput.net.access import Access
from lilliput.net.fixedpoint import WeightedOp, quant
from lilliput.net.graph import Net, Optimize
from lilliput.net.ops import Activation, Conv2D, DepthwiseConv2D, FullyConnected, Reshape
from lilliput.targets.cores import Core
from lilliput.targets.kernel import Kernel, Layout, in_profile, to_four
from lilliput.targets.vectors import HEADER, fits_vectors
from lilliput.targets.weighted import fits_dsp, fits_halves

PASS_FOURS = 128
"""So many fours of the largest weights and inputs may `lp_fully_connected_dsp_s8` sum at a time."""
SPARSE_ROWS = 8
"""Outputs that `lp_fully_connected_sparse_dsp_s8` computes side by side."""
SPARSE_INPUTS = 256
"""So many of the largest weights and inputs may it sum."""
LEAST_SPARSE_OUTPUTS = 32
"""From so many outputs on, to list the inputs that are not zero takes less than it saves."""
SPARSE_SHARE = 0.5
"""The part of its inputs that is taken to be other than zero."""
PRODUCT_LAYOUTS = frozenset({Layout.SPLIT, Layout.SPARSE})
"""Orders of weights that come with constants as `lp_fully_connected_outputs.h` says."""


def fully_connected(op: FullyConnected, net: Net, core: Core) -> Kernel:
    """The kernel of a matrix product."""
    if core.has_mve and fits_vectors(op, net):
        name = in_profile("lp_fully_connected_mve", op)
        return Kernel(name, header=HEADER, layout=Layout.PLAIN, folds_zero_point=True)
    has_dsp = core.has_dsp and not core.has_mve
    if not (has_dsp and fits_dsp(op, net) and fits_halves(op, net)):
        return Kernel(in_profile("lp_fully_connected", op), layout=Layout.PLAIN, folds_zero_point=True)
    if _is_sparse(op, net):
        return Kernel(
            in_profile("lp_fully_connected_sparse_dsp", op),
            scratch_bytes=to_four(2 * net.tensors[op.inputs[1]].shape[1]) + 4,
            layout=Layout.SPARSE,
            access=Access.INPUTS_FIRST,
        )
    return Kernel(in_profile("lp_fully_connected_dsp", op), layout=Layout.SPLIT, folds_zero_point=True)


def shares_factor(op: WeightedOp, net: Net) -> bool:
    """Whether the sums of all outputs are scaled alike."""
    return len(quant(op.inputs[1], net).scales) == 1


def begins_with_factor(op: WeightedOp, net: Net, kernel: Kernel) -> bool:
    """Whether one factor for all outputs stands before their biases."""
    return kernel.layout is Layout.ROWS and not kernel.in_planes and shares_factor(op, net)


def passes(inputs: int) -> tuple[int, ...]:
    """The inputs, zeros included, that `lp_fully_connected_dsp_s8` sums before each division."""
    fours = -(-inputs // 4)
    further = (fours - 1) // PASS_FOURS
    return (4 * (fours - further * PASS_FOURS), *(4 * PASS_FOURS,) * further)


def _is_sparse(op: FullyConnected, net: Net) -> bool:
    """Whether about half of the inputs are zero: those that a ReLU makes of sums.

    How many are is not known before data are there.  An input that is left takes 1.6 times the cycles, so it
    pays as long as less than five in eight are left, and seven in ten where the flash waits.
    """
    if net.optimize is not Optimize.SPEED:
        return False
    outputs, inputs = net.tensors[op.inputs[1]].shape
    if outputs % SPARSE_ROWS or outputs < LEAST_SPARSE_OUTPUTS or inputs > SPARSE_INPUTS:
        return False
    source = net.producer(op.inputs[0])
    while isinstance(source, Reshape):
        source = net.producer(source.inputs[0])
    return (
        isinstance(source, FullyConnected | Conv2D | DepthwiseConv2D)
        and source.activation is not Activation.NONE
        and quant(op.inputs[0], net).zero_point == -128
    )
