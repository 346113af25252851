"""The edge cases in the numeric profile `tflm`, and those of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.codegen.case_builder import ONE, Case
from tests.codegen.edge_cases import CASES
from tests.codegen.quantized_builder import Builder, placed
from tests.codegen.tflm_form import in_tflm

from lilliput.net import Activation, Add, GlobalAveragePool2D, Net, Quant, Requantize, Softmax, Sub
from lilliput.targets.cores import core

# Shifts left that int32 does not hold.
_REFUSED = ("conv_shift_24", "conv_shift_19")


def _in_tflm(case: Case) -> Case:
    def make(target: str, name: str) -> Net:
        return placed(in_tflm(case(target, name)), core(target))

    return make


def _weighted(kind: str, **attributes: object) -> Case:
    def make(target: str, name: str) -> Net:
        builder = Builder((24,) if kind == "dense" else (5, 6, 6), 5)
        if kind == "dense":
            output = builder.dense("x", 11, **attributes)
        elif kind == "depthwise":
            output = builder.depthwise("x", padding=ONE, **attributes)
        else:
            output = builder.conv("x", 7, padding=ONE, **attributes)
        return builder.net(output, target, name)

    return _in_tflm(make)


def _factor(kind: str, factor: float) -> Case:
    """Weights of -1, 0 and 1, whose sums are multiplied by about `factor`."""

    def make(target: str, name: str) -> Net:
        net = _weighted(kind, bias=False)(target, name)
        weights = net.tensors[net.ops[0].inputs[1]]
        assert weights.quant is not None
        assert weights.data is not None
        assert net.input.quant is not None
        small = replace(weights, data=(weights.data % 3 - 1).astype(np.int8))
        scale = net.input.quant.scale * weights.quant.scales[0] / factor
        output = replace(net.output, quant=Quant.per_tensor(float(np.float32(scale)), -5))
        return replace(net, tensors={**net.tensors, small.name: small, output.name: output})

    return make


def _lowest(kind: str) -> Case:
    """Weights of -128 beside others: pairs of them do not fit int16."""

    def make(target: str, name: str) -> Net:
        net = _weighted(kind)(target, name)
        weights = net.tensors[net.ops[0].inputs[1]]
        assert weights.data is not None
        lowest = np.where(weights.data < -64, -128, weights.data).astype(np.int8)
        tensors = {**net.tensors, weights.name: replace(weights, data=lowest)}
        return placed(replace(net, tensors=tensors, plan=None), core(target))

    return make


def _all_lowest(kind: str) -> Case:
    """Weights of -128 alone: the largest products there are."""

    def make(target: str, name: str) -> Net:
        net = _weighted(kind, bias=False)(target, name)
        weights = net.tensors[net.ops[0].inputs[1]]
        assert weights.data is not None
        assert net.output.quant is not None
        small = replace(weights, data=np.full_like(weights.data, -128))
        scale = net.output.quant.scale * (16 if kind == "conv" else 4)
        output = replace(net.output, quant=Quant.per_tensor(scale, -5))
        tensors = {**net.tensors, small.name: small, output.name: output}
        return placed(replace(net, tensors=tensors, plan=None), core(target))

    return make


def _spread(kind: str, scales: tuple[float, ...]) -> Case:
    """Channels whose scales are `scales` times as large as they were."""

    def make(target: str, name: str) -> Net:
        net = _weighted(kind)(target, name)
        weights = net.tensors[net.ops[0].inputs[1]]
        assert weights.quant is not None
        found = weights.quant.scales
        changed = tuple(scale * scales[index % len(scales)] for index, scale in enumerate(found))
        quant = replace(weights.quant, scales=changed)
        return replace(net, tensors={**net.tensors, weights.name: replace(weights, quant=quant)})

    return make


def _add(first: float, second: float, output: float, activation: Activation = Activation.NONE) -> Case:
    def make(target: str, name: str) -> Net:
        builder = Builder((3, 5, 7), 7)
        builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(first, -7))
        other = builder.add(Requantize, "x", scale=second)
        inputs = ("x", other)
        return builder.net(builder.add(Add, *inputs, scale=output, activation=activation), target, name)

    return _in_tflm(make)


def _sub_halves(twos: int, swaps: bool) -> Case:
    """Nearly nothing is left of a difference, of which the smallest part counts: what is taken off is a half
    of that where a multiplier ends in so many zeros, as an integer in the file's float32 can."""

    def make(target: str, name: str) -> Net:
        builder = Builder((256,), 7)
        builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(0.5, 0))
        scale = 0.5 * (2**23 + 2 ** (twos - 7)) / 2**24
        other = builder.add(Requantize, "x", scale=scale)
        builder.tensors[other] = replace(builder.tensors[other], quant=Quant.per_tensor(scale, 0))
        inputs = (other, "x") if swaps else ("x", other)
        return builder.net(builder.add(Sub, *inputs, scale=2.02 / 2**20), target, name)

    return _in_tflm(make)


def _mean(scale: float) -> Case:
    def make(target: str, name: str) -> Net:
        builder = Builder((7, 9, 6), 3, zero_point=0)
        return builder.net(builder.add(GlobalAveragePool2D, "x", scale=scale), target, name)

    return _in_tflm(make)


def _softmax(features: int, scale: float) -> Case:
    def make(target: str, name: str) -> Net:
        builder = Builder((features,), 3)
        builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(scale, 0))
        return builder.net(builder.add(Softmax, "x"), target, name)

    return _in_tflm(make)


TFLM_CASES: dict[str, Case] = {
    **{f"tflm_{name}": _in_tflm(case) for name, case in CASES.items() if name not in _REFUSED},
    # Shifts right by 3 to 0, and left: the packed kernels hold those by 1 and more.
    **{
        f"tflm_{kind}_times_{factor}": _factor(kind, factor)
        for kind in ("conv", "depthwise", "dense")
        for factor in (0.1, 0.2, 0.3, 0.7, 1.5, 5.0)
    },
    **{
        f"tflm_{kind}_spread_{name}": _spread(kind, scales)
        for kind in ("conv", "depthwise", "dense")
        for name, scales in {
            "small": (1.0, 2.0**-12, 3.0),
            "zero": (1.0, 2.0**-40),
            "wide": (2.0, 2.0**-18, 1.0),
        }.items()
    },
    **{f"tflm_{kind}_lowest": _lowest(kind) for kind in ("conv", "depthwise", "dense")},
    **{f"tflm_{kind}_all_lowest": _all_lowest(kind) for kind in ("conv", "depthwise", "dense")},
    "tflm_dense_per_tensor": _weighted("dense", per_tensor=True, activation=Activation.RELU),
    "tflm_add_half": _add(0.05, 0.05, 0.05),
    "tflm_add_small": _add(0.05, 0.0001, 0.08, Activation.RELU6),
    "tflm_add_large": _add(0.01, 0.05, 0.02, Activation.RELU),
    **{
        f"tflm_sub_halves_{twos}{'_swapped' if swaps else ''}": _sub_halves(twos, swaps)
        for twos in range(7, 12)
        for swaps in (False, True)
    },
    "tflm_mean_narrow": _mean(0.006),
    "tflm_mean_wide": _mean(0.4),
    "tflm_softmax_flat": _softmax(9, 0.001),
    "tflm_softmax_steep": _softmax(9, 2.0),
    "tflm_softmax_many": _softmax(700, 0.02),
}

ALL_CASES = {**CASES, **TFLM_CASES}
