"""Parameters that layers have alike."""

from __future__ import annotations

from lilliput.codegen.layers import Layer
from lilliput.codegen.sharing import share_parameters
from lilliput.targets.kernel import Kernel


def _layer(index: int, size: int, address: int) -> Layer:
    body = (
        f"    static const lp_pool_s16_params params = {{\n        /* size */ {size},\n    }};\n"
        f"    lp_max_pool2d_s16(&params, arena + {address});\n"
    )
    return Layer(f"net_layer_{index:02d}", "a pool", (), Kernel("lp_max_pool2d_s16"), body)


def test_what_layers_have_alike_stands_once() -> None:
    definitions, layers = share_parameters([_layer(0, 3, 0), _layer(1, 4, 8), _layer(2, 3, 16)], "net")
    assert definitions == ("static const lp_pool_s16_params params_net_0 = {\n    /* size */ 3,\n};\n")
    assert layers[0].body == "    lp_max_pool2d_s16(&params_net_0, arena + 0);\n"
    assert layers[1] == _layer(1, 4, 8)
    assert layers[2].body == "    lp_max_pool2d_s16(&params_net_0, arena + 16);\n"


def test_layers_that_do_the_same_stay_two_functions() -> None:
    definitions, layers = share_parameters([_layer(0, 3, 0), _layer(1, 3, 0)], "net")
    assert (definitions, layers) == ("", [_layer(0, 3, 0), _layer(1, 3, 0)])
    definitions, layers = share_parameters([_layer(0, 3, 0), _layer(1, 3, 0), _layer(2, 3, 4)], "net")
    assert definitions
    assert layers[1] == _layer(1, 3, 0)
    assert "static" not in layers[0].body + layers[2].body
