"""Parameters that several layers of a network have alike stand in its C once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lilliput.codegen.layers import Layer

_DEFINITION = re.compile(r"    static const (\w+) params = (\{\n.*?\n    \});\n", re.DOTALL)
"""As `lilliput.codegen.calls.call` writes it."""


def share_parameters(layers: Sequence[Layer], name: str) -> tuple[str, list[Layer]]:
    """The definitions that more than one layer of the network `name` wants, and the layers without them.

    Of layers that do the very same all but one keep their own: compilers would make them one function, and
    nobody could tell what each takes.
    """
    first: dict[str, str | None] = {}
    for layer in layers:
        first.setdefault(layer.body, layer.function)
    found = Counter(match for body in first for match in _DEFINITION.findall(body))
    repeated = [match for match, times in found.items() if times > 1]
    shared = {match: f"params_{name}_{i}" for i, match in enumerate(repeated)}

    def without(layer: Layer) -> Layer:
        match = _DEFINITION.search(layer.body)
        if match is None or match.groups() not in shared or first[layer.body] != layer.function:
            return layer
        body = layer.body.replace(match.group(), "").replace("&params", f"&{shared[match.groups()]}")
        return replace(layer, body=body)

    definitions = (
        f"static const {ctype} {constant} = {values};\n".replace("\n    ", "\n")
        for (ctype, values), constant in shared.items()
    )
    return "\n".join(definitions), [without(layer) for layer in layers]
