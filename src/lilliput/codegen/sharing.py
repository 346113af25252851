"""Parameters that several layers of a network have alike stand in its C once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lilliput.codegen.layers import Layer

_DEFINITION = re.compile(r"    static const (\w+) params = (\{\n.*?\n    \});\n", re.DOTALL)
"""As `lilliput.codegen.calls.call` writes it."""


def share_parameters(layers: Sequence[Layer]) -> tuple[str, list[Layer]]:
    """The definitions that more than one layer wants, and the layers without them."""
    found = Counter(match for layer in layers for match in _DEFINITION.findall(layer.body))
    shared = {match: f"shared_params_{i}" for i, match in enumerate(m for m, n in found.items() if n > 1)}

    def without(layer: Layer) -> Layer:
        match = _DEFINITION.search(layer.body)
        if match is None or match.groups() not in shared:
            return layer
        body = layer.body.replace(match.group(), "").replace("&params", f"&{shared[match.groups()]}")
        return replace(layer, body=body)

    definitions = (
        f"static const {ctype} {name} = {values};\n".replace("\n    ", "\n")
        for (ctype, values), name in shared.items()
    )
    return "\n".join(definitions), [without(layer) for layer in layers]
