"""What the generated library promises its user: names, macros, errors, strict compilers, no C library."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.codegen.edge_cases import CASES
from tests.codegen.host_program import STRICT, compile_host, host_compiler, random_input
from tests.codegen.quantized_builder import Builder

from lilliput import __version__
from lilliput.codegen import CodegenOptions, generate
from lilliput.errors import NetError, ToolchainError
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import DType, Net, Normalization, Padding, Quant, Requantize, Softmax
from lilliput.net.reference import run
from lilliput.runtime import runtime_files, runtime_text
from lilliput.targets import board

GOLDEN = Path(__file__).parents[1] / "golden" / "codegen"
M4 = board("generic-m4")


def small_net(name: str = "gesture", target: str = "cortex-m4") -> Net:
    builder = Builder((6, 5, 2), 1, DType.UINT8, zero_point=0)
    builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(1 / 255, 0))
    x = builder.add(Requantize, "x")
    builder.tensors[x] = replace(builder.tensors[x], quant=Quant.per_tensor(1 / 255, -128))
    x = builder.conv(x, 3, (3, 3), strides=(2, 2), padding=Padding(1, 1, 1, 1))
    x = builder.add(Softmax, builder.dense(builder.flat(x), 3))
    return builder.net(x, target, name, labels=("left", 'a "quoted" */', "größer"))


def macros(header: str) -> dict[str, str]:
    return dict(re.findall(r"^#define (\w+) (.+)$", header, re.MULTILINE))


def test_generated_text_is_the_golden_text() -> None:
    files = generate(small_net(), M4, CodegenOptions(include_runtime=False))
    if os.environ.get("LILLIPUT_UPDATE_GOLDEN"):
        GOLDEN.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (GOLDEN / name).write_text(text, encoding="utf-8")
    assert sorted(files) == sorted(path.name for path in GOLDEN.iterdir())
    for name, text in files.items():
        golden = (GOLDEN / name).read_text(encoding="utf-8")
        assert text == golden, f"{name} changed: LILLIPUT_UPDATE_GOLDEN=1 pytest {__file__}"


def test_the_same_network_gives_the_same_text() -> None:
    assert generate(small_net(), M4) == generate(small_net(), M4)


def test_header_states_what_the_network_is() -> None:
    net = small_net()
    found = macros(generate(net, M4)["gesture.h"])
    assert net.plan is not None
    assert int(found["GESTURE_ARENA_BYTES"]) == net.plan.arena_bytes
    assert found["GESTURE_INPUT_TYPE"] == "uint8_t"
    assert found["GESTURE_OUTPUT_TYPE"] == "int8_t"
    assert found["GESTURE_INPUT_SHAPE"] == "{6, 5, 2}"
    assert int(found["GESTURE_INPUT_BYTES"]) == 60
    assert float(found["GESTURE_INPUT_SCALE"].rstrip("f")) == pytest.approx(1 / 255)
    assert found["GESTURE_OUTPUT_ZERO_POINT"] == "(-128)"
    assert int(found["GESTURE_CLASS_COUNT"]) == 3
    assert found["GESTURE_LABELS"] == r'{"left", "a \"quoted\" */", "gr\303\266\303\237er"}'


def test_runtime_version_is_the_package_version() -> None:
    major, minor, patch = (int(part) for part in __version__.split("."))
    assert f"#define LP_VERSION {10000 * major + 100 * minor + patch}\n" in runtime_text("lp.h")


def test_generated_code_refuses_another_runtime(tmp_path: Path) -> None:
    files = generate(small_net(), M4)
    files["lp.h"] = re.sub(r"#define LP_VERSION \d+", "#define LP_VERSION 99999", files["lp.h"])
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [*host_compiler(), "-fsyntax-only", str(tmp_path / "gesture.c")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "different versions of Lilliput" in found.stderr


def test_only_the_kernels_that_are_needed_come_along() -> None:
    names = set(generate(small_net(), M4))
    assert "lp_conv2d_dsp_s8.c" in names
    assert "lp_multiply_block.c" in names
    assert "lp_depthwise_conv2d_s8.c" not in names
    assert {"lp.h", "lp_internal.h", "lp_dsp.h"} <= names
    assert set(generate(small_net(), M4, CodegenOptions(include_runtime=False))) == {
        "gesture.h",
        "gesture.c",
        "gesture_weights.h",
        "gesture_weights.c",
    }


def test_every_kernel_is_one_file_that_names_it() -> None:
    for file in runtime_files():
        if file.endswith(".c"):
            assert re.search(
                rf"^\w[\w ]* \*?{file.removesuffix('.c')}\(", runtime_text(file), re.MULTILINE
            ), file


@pytest.mark.parametrize("language", ["c99", "c++11"])
def test_all_of_it_compiles_without_a_warning(tmp_path: Path, language: str) -> None:
    files: dict[str, str] = {}
    for case in ("residual", "depthwise", "average_pool", "requantize_from_uint8", "dense_5_to_3", "pad"):
        for target, name in (("generic-m4", "m4"), ("rp2040", "m0")):
            net = CASES[case](board(target).core.name, f"{case}_{name}")
            files.update(generate(net, board(target)))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    compiler = list(host_compiler())
    kind = "c" if language == "c99" else "c++"
    sources = [str(tmp_path / name) for name in files if name.endswith(".c")]
    command = [*compiler, "-x", kind, f"-std={language}", *STRICT, "-fsyntax-only", *sources]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if "error trying to exec" in found.stderr or "cannot execute" in found.stderr:
        pytest.skip("the host has no C++ compiler")
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("target", ["generic-m4", "rp2040"])
@pytest.mark.parametrize("option", ["-O0", "-Os", "-O2", "-O3"])
def test_kernels_call_no_c_library(tmp_path: Path, target: str, option: str) -> None:
    try:
        toolchain = find_toolchain(board(target))
    except ToolchainError as error:
        pytest.skip(str(error))
    if "gcc" not in toolchain.command[0]:
        pytest.skip("only gcc's names of library calls are known")
    for file in runtime_files():
        (tmp_path / file).write_text(runtime_text(file), encoding="utf-8")
    sources = [str(tmp_path / file) for file in runtime_files() if file.endswith(".c")]
    joined = tmp_path / "all.o"
    command = [*toolchain.command, *toolchain.flags, option, "-r", "-nostdlib", "-o", str(joined), *sources]
    subprocess.run(command, check=True, capture_output=True)
    symbols = [*_tool(toolchain.command[0], "nm"), "-u", str(joined)]
    missing = subprocess.run(symbols, check=True, capture_output=True, text=True).stdout.split()
    assert all(name == "U" or name.startswith("__aeabi_") for name in missing), missing
    assert not [name for name in missing if name.startswith("__aeabi_mem")], missing


def _tool(compiler: str, tool: str) -> list[str]:
    return [re.sub(r"gcc(\.exe)?$", tool, compiler)]


def test_run_names_what_is_wrong_with_the_arena(tmp_path: Path) -> None:
    files = dict(generate(small_net(), M4))
    files["main.c"] = """
#include <stdio.h>
#include "gesture.h"
static const char *const labels[] = GESTURE_LABELS;
static int32_t arena[(GESTURE_ARENA_BYTES + 3) / 4 + 1];
int main(void) {
    int codes[3];
    codes[0] = gesture_run(arena);
    codes[1] = gesture_run(0);
    codes[2] = gesture_run((char *)arena + 1);
    printf("%d %d %d %s", codes[0] == GESTURE_OK, codes[1] == GESTURE_ERROR_NULL_ARENA,
           codes[2] == GESTURE_ERROR_MISALIGNED_ARENA, labels[2]);
    return 0;
}
"""
    assert compile_host(files, tmp_path, "-O1")(b"").decode() == "1 1 1 größer"


def test_raw_floats_become_the_input_that_python_would_give(tmp_path: Path) -> None:
    builder = Builder((2, 2, 3), 0)
    builder.tensors["x"] = replace(builder.tensors["x"], quant=Quant.per_tensor(0.031, -5))
    normalization = Normalization(DType.FLOAT32, (0.5, -1.0, 20.0), (0.25, 2.0, 7.5))
    net = builder.net(builder.conv("x", 2, (1, 1)), name="gesture", normalization=normalization)
    files = dict(generate(net, M4))
    files["main.c"] = """
#include <stdio.h>
#include "gesture.h"
int main(void) {
    float raw[GESTURE_INPUT_ELEMENTS];
    int8_t input[GESTURE_INPUT_BYTES];
    while (fread(raw, sizeof raw, 1, stdin) == 1) {
        gesture_quantize_input(raw, input);
        fwrite(input, sizeof input, 1, stdout);
    }
    return 0;
}
"""
    program = compile_host(files, tmp_path, "-O1")
    mean, std = np.array(normalization.mean), np.array(normalization.std)
    raw = np.random.default_rng(0).normal(mean, 2 * std, (200, 2, 2, 3)).astype(np.float32)
    raw[0, 0, 0] = (np.nan, np.inf, -np.inf)
    found = np.frombuffer(program(raw.tobytes()), np.int8).reshape(raw.shape)
    with np.errstate(invalid="ignore"):
        steps = (raw.astype(np.float64) - mean) / std / 0.031 - 5
    expected = np.clip(np.nan_to_num(np.floor(steps + 0.5), nan=-128), -128, 127)
    assert np.mean(found == expected) > 0.999
    assert np.max(np.abs(found - expected)) <= 1


def test_two_networks_share_one_runtime(tmp_path: Path) -> None:
    one, two = small_net("one"), CASES["residual"]("cortex-m4", "two")
    files = {**generate(one, M4), **generate(two, M4, CodegenOptions(include_runtime=False))}
    missing = {name: text for name, text in generate(two, M4).items() if name not in files}
    files.update(missing)
    files["main.c"] = """
#include <stdio.h>
#include "one.h"
#include "two.h"
static int32_t first[(ONE_ARENA_BYTES + 3) / 4], second[(TWO_ARENA_BYTES + 3) / 4];
int main(void) {
    fread(one_input(first), 1, ONE_INPUT_BYTES, stdin);
    fread(two_input(second), 1, TWO_INPUT_BYTES, stdin);
    if (one_run(first) != 0 || two_run(second) != 0) return 1;
    fwrite(one_output(first), 1, ONE_OUTPUT_BYTES, stdout);
    fwrite(two_output(second), 1, TWO_OUTPUT_BYTES, stdout);
    return 0;
}
"""
    x, y = random_input(one, 1, 3), random_input(two, 1, 4)
    output = compile_host(files, tmp_path, "-O1", "-Wno-unused-result")(x.tobytes() + y.tobytes())
    assert output == run(one, x).tobytes() + run(two, y).tobytes()


@pytest.mark.parametrize("name", ["lp", "lp_conv", "Gesture", "1net", "a-b", "", "a.b"])
def test_names_that_are_no_identifiers_are_refused(name: str) -> None:
    with pytest.raises(NetError):
        generate(replace(small_net(), name=name), M4)


def test_networks_that_are_not_ready_are_refused() -> None:
    net = small_net()
    weightless = {key: replace(tensor, data=None) for key, tensor in net.tensors.items()}
    with pytest.raises(NetError, match="no plan"):
        generate(replace(net, plan=None), M4)
    with pytest.raises(NetError, match="no values"):
        generate(replace(net, tensors=weightless), M4)
    with pytest.raises(NetError, match="labels"):
        generate(replace(net, labels=("one",)), M4)


def test_a_plan_for_another_core_is_refused() -> None:
    with pytest.raises(NetError, match="scratch"):
        generate(small_net(target="cortex-m0plus"), M4)


def test_dimensions_beyond_the_kernels_are_refused() -> None:
    builder = Builder((1, 70000, 1), 0)
    with pytest.raises(NetError, match="input_width"):
        generate(builder.net(builder.conv("x", 1, (1, 1))), M4)


def test_sums_beyond_32_bits_are_refused() -> None:
    net = small_net()
    bias = next(tensor for tensor in net.tensors.values() if tensor.constant and tensor.dtype is DType.INT32)
    huge = replace(bias, data=np.full(bias.shape, 2**31 - 1, np.int32))
    with pytest.raises(NetError, match=r"int32|32 bits"):
        generate(replace(net, tensors={**net.tensors, bias.name: huge}), M4)


def test_eight_weights_that_are_read_together_share_a_line_of_flash() -> None:
    net = CASES["dense_of_33_rectified_to_48"]("cortex-m4", "net")
    text = generate(net, board("generic-m4"))["net_weights.c"]
    assert "net_layer_00_weights[396] LP_ALIGNED_4" in text
    assert "net_layer_01_weights[1584] LP_ALIGNED_8" in text
