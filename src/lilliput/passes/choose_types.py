"""Which integer type each activation has, and conversions where types meet that no kernel takes together."""

from __future__ import annotations

from dataclasses import replace

from lilliput.net.check_numbers import TABLED
from lilliput.net.fixedpoint import BOUNDED
from lilliput.net.formats import FEW_BITS, Formats
from lilliput.net.graph import Net
from lilliput.net.ops import Op, Requantize
from lilliput.net.tensor import DType, Tensor
from lilliput.passes.naming import Names
from lilliput.passes.sharing import groups, sources


def type_of_source(name: str, net: Net, formats: Formats) -> DType:
    """The type of what an op computes, or of the input; what is merely moved has that of its source."""
    producer = net.producer(name)
    if producer is None:
        return DType.INT16 if formats.default.activations is DType.INT16 else DType.INT8
    found = formats.of(producer.name).activations
    if type(producer) in BOUNDED or (type(producer) in TABLED and found is DType.INT16):
        return DType.INT8
    return found


def separate_sources(net: Net, formats: Formats) -> tuple[Net, dict[str, str]]:
    """Gives a source a change of scale behind it where it cannot share that of the others in its group.

    A softmax always has the scale 1/256; what it is concatenated with may not.  Of different types the widest
    is that of the group.

    Returns:
        The network, and for each source that was separated the tensor that is made of it.
    """
    names, group_of = Names(net), groups(net)
    kinds: dict[str, set[type[Op] | None]] = {}
    types = {name: type_of_source(name, net, formats) for name in sources(net)}
    widest: dict[str, DType] = {}
    for name, found in types.items():
        producer, group = net.producer(name), group_of[name]
        kind = type(producer) if producer is not None and type(producer) in BOUNDED else None
        kinds.setdefault(group, set()).add(kind)
        widest[group] = _wider(widest.get(group, found), found)
    ops: list[Op] = []
    tensors = []
    origins: dict[str, str] = {}
    for op in net.ops:
        target = op.outputs[0]
        group = group_of[target]
        strange = target in types and types[target] is not widest[group]
        if (type(op) in BOUNDED and len(kinds[group]) > 1) or strange:
            apart = replace(net.tensors[target], name=names.fresh(f"{target}_bounded"))
            tensors.append(apart)
            origins[apart.name] = target
            ops.append(replace(op, outputs=(apart.name,)))
            op = Requantize(name=names.fresh(f"{op.name}_rescale"), inputs=(apart.name,), outputs=(target,))
        ops.append(op)
    return (net.with_ops(ops, tensors) if tensors else net), origins


def activation_types(net: Net, formats: Formats) -> dict[str, DType]:
    """The type of every activation of a float network whose sources are separated."""
    group_of = groups(net)
    types = {name: type_of_source(name, net, formats) for name in sources(net)}
    widest: dict[str, DType] = {}
    for name, found in types.items():
        if isinstance(net.producer(name), Requantize) and len(types) > 1:
            continue
        group = group_of[name]
        widest[group] = _wider(widest.get(group, found), found)
    for name, found in types.items():
        widest.setdefault(group_of[name], found)
    return {name: widest[group] for name, group in group_of.items()}


def _wider(one: DType, other: DType) -> DType:
    return other if other.bits > one.bits else one


def few_steps(net: Net, formats: Formats) -> dict[str, int]:
    """The activations of a float network that get few bits, and how many steps these have from end to end."""
    separated, _ = separate_sources(net, formats)
    types = activation_types(separated, formats)
    return {
        name: (1 << dtype.bits) - 1
        for name, dtype in types.items()
        if dtype.bits <= FEW_BITS and name in net.tensors
    }


def bridged(net: Net, types: dict[str, DType]) -> tuple[Net, dict[str, DType], dict[str, str]]:
    """The network with a conversion before each op that takes 8 bits and gets 16, or the other way round.

    Returns:
        The network, the types with those of the conversions' outputs, and the tensor that each of these
        converts.
    """
    names, types = Names(net), dict(types)
    made: dict[tuple[str, DType], Tensor] = {}
    origins: dict[str, str] = {}
    ops: list[Op] = []
    for op in net.ops:
        wide = types[op.outputs[0]] is DType.INT16 and type(op) not in TABLED
        wanted = DType.INT16 if wide else DType.INT8
        inputs = list(op.inputs)
        for index, name in enumerate(inputs):
            fits = name not in types or (types[name] is DType.INT16) == wide
            if isinstance(op, Requantize) or fits:
                continue
            if (name, wanted) not in made:
                found = replace(net.tensors[name], name=names.fresh(f"{name}_{wanted.value}"))
                made[name, wanted] = found
                types[found.name], origins[found.name] = wanted, name
                convert = names.fresh(f"{name}_to_{wanted.value}")
                ops.append(Requantize(name=convert, inputs=(name,), outputs=(found.name,)))
            inputs[index] = made[name, wanted].name
        ops.append(op if inputs == list(op.inputs) else replace(op, inputs=tuple(inputs)))
    return (net.with_ops(ops, made.values()), types, origins) if made else (net, types, {})
