"""`--optimize`: what each way is for is better than in the other ways, and no number changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from microai import float_net
from networks import MLPERF_TINY, quantized
from tests.codegen.quantized_builder import Builder

import lilliput
from lilliput import cli
from lilliput.codegen import generate
from lilliput.cost import cost
from lilliput.errors import ConfigError, ToolchainError
from lilliput.measure.firmware import build_firmware
from lilliput.measure.toolchain import find_toolchain
from lilliput.net import Activation, Add, MaxPool2D, Net, Optimize, Padding, Profile
from lilliput.net.storage import save
from lilliput.passes import plan_for
from lilliput.results import Measurement
from lilliput.targets import board

WAYS = tuple(Optimize)
BOARD = "nucleo-l4r5zi"
ONE = Padding(1, 1, 1, 1)
MOST_RAM_BYTES = {
    Optimize.SPEED: {"ad": 1_000, "kws": 9_500, "ic": 36_000, "vww": 38_000},
    Optimize.RAM: {"ad": 800, "kws": 8_700, "ic": 22_000, "vww": 29_000},
}
"""Arena of the networks of MLPerf Tiny, input included."""
MOST_CODE_BYTES = {Profile.LILLIPUT: 1_620, Profile.TFLM: 1_680}
"""Of MicroAI's ResNetv1-6 with 16 filters."""


def residual_block() -> Net:
    """Three layers over images of 2 KB, then a pool and a dense layer."""
    builder = Builder((16, 16, 8), 1)
    x = builder.conv("x", 8, (3, 3), padding=ONE, activation=Activation.RELU)
    y = builder.depthwise(builder.conv(x, 8, (3, 3), padding=ONE), (3, 3), padding=ONE)
    y = builder.add(MaxPool2D, builder.add(Add, x, y), pool=(4, 4), strides=(4, 4))
    return replace(builder.net(builder.dense(builder.flat(y), 3)), plan=None)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "block.safetensors"
    save(residual_block(), path)
    return path


@pytest.fixture(scope="module")
def measured(model: Path) -> dict[Optimize, Measurement]:
    found = {}
    for way in WAYS:
        folder = model.parent / way.value
        lilliput.compile(model, BOARD, folder, optimize=way)
        try:
            found[way] = lilliput.measure(folder)
        except ToolchainError as error:
            pytest.skip(str(error))
    return found


def test_no_number_changes(measured: dict[Optimize, Measurement]) -> None:
    assert all(found.vectors and found.mismatches == 0 for found in measured.values())


def test_each_way_is_good_at_what_it_is_for(measured: dict[Optimize, Measurement]) -> None:
    cycles = {way: found.cycles or 0 for way, found in measured.items()}
    arena = {way: found.ram_bytes.arena for way, found in measured.items()}
    code = {way: found.flash_bytes.code or 0 for way, found in measured.items()}
    assert min(arena.values()) == arena[Optimize.RAM] < arena[Optimize.FLASH]
    assert min(code.values()) == code[Optimize.FLASH] < 0.9 * code[Optimize.SPEED]
    assert 0 < cycles[Optimize.SPEED] <= 1.02 * min(cycles.values())
    assert cycles[Optimize.RAM] <= 1.4 * cycles[Optimize.SPEED]


@pytest.mark.parametrize("way", MOST_RAM_BYTES, ids=str)
def test_published_networks_need_no_more_memory(way: Optimize) -> None:
    for name, most in MOST_RAM_BYTES[way].items():
        net = replace(quantized(MLPERF_TINY[name](0), Profile.TFLM), optimize=way, plan=None)
        plan = plan_for(net, board(BOARD).core).plan
        assert plan
        assert plan.arena_bytes <= most, name


@pytest.mark.parametrize("profile", list(Profile), ids=str)
def test_a_small_network_takes_little_code(profile: Profile) -> None:
    net = quantized(float_net(16, np.random.default_rng(0)), profile)
    target = board("nucleo-l452re")
    try:
        toolchain = find_toolchain(target)
    except ToolchainError as error:
        pytest.skip(str(error))
    if "gcc" not in toolchain.command[0]:
        pytest.skip("sizes are those of gcc")
    planned = plan_for(replace(net, optimize=Optimize.FLASH), target.core)
    with TemporaryDirectory() as folder:
        image = Path(folder) / "firmware.elf"
        built = build_firmware(generate(planned, target), net.name, target, toolchain, image)
    assert built.flash_bytes.code is not None
    assert built.flash_bytes.code < MOST_CODE_BYTES[profile]
    assert cost(planned, target).code_bytes == pytest.approx(built.flash_bytes.code, rel=0.07)


@pytest.mark.parametrize("name", MLPERF_TINY)
def test_published_networks_take_least_flash_when_that_is_wanted(name: str) -> None:
    net = replace(quantized(MLPERF_TINY[name](0), Profile.TFLM), plan=None)
    costs = {way: cost(replace(net, optimize=way), board(BOARD)) for way in WAYS}
    assert min(costs, key=lambda way: costs[way].flash_bytes) is Optimize.FLASH
    assert costs[Optimize.FLASH].code_bytes < 0.45 * costs[Optimize.SPEED].code_bytes


def test_a_model_keeps_what_it_was_made_for(model: Path, tmp_path: Path) -> None:
    lilliput.compile(model, BOARD, tmp_path / "small", optimize="ram")
    again = lilliput.compile(tmp_path / "small", BOARD, tmp_path / "again")
    assert lilliput.info(tmp_path / "again")["optimize"] == "ram"
    small, default = (lilliput.info(path, BOARD) for path in (tmp_path / "small", model))
    assert default["optimize"] == "speed"
    assert again.cost.arena_bytes == small["ram_bytes"]["arena"] <= default["ram_bytes"]["arena"]
    other = lilliput.info(tmp_path / "small", BOARD, optimize="flash")
    assert other["ram_bytes"]["arena"] > small["ram_bytes"]["arena"]


def test_an_unknown_way_is_an_error(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="cannot optimize for 'size'"):
        lilliput.compile(model, BOARD, tmp_path / "out", optimize="size")
    with pytest.raises(SystemExit) as status:
        cli.main(["compile", str(model), "--board", BOARD, "-o", str(tmp_path / "out"), "--optimize", "size"])
    assert status.value.code == 2
    assert "--optimize" in capsys.readouterr().err


def test_the_first_layers_run_in_patches_on_request(model: Path, tmp_path: Path) -> None:
    out, board_of = tmp_path / "out", ("--board", BOARD)
    assert cli.main(["compile", str(model), *board_of, "-o", str(out), "--patches", "2"]) == 2
    straight = tmp_path / "straight.safetensors"
    builder = Builder((16, 16, 3), 2)
    x = builder.conv("x", 16, (3, 3), padding=ONE, activation=Activation.RELU)
    x = builder.add(MaxPool2D, x, pool=(3, 3), strides=(2, 2), padding=ONE)
    x = builder.depthwise(x, (3, 3), strides=(2, 2), padding=ONE)
    save(replace(builder.net(builder.dense(builder.flat(x), 3)), plan=None), straight)
    arenas = []
    for number in (0, 1, 3):
        folder = tmp_path / str(number)
        command = ["compile", str(straight), *board_of, "-o", str(folder), "--optimize", "flash"]
        assert cli.main([*command, "--patches", str(number)]) == 0
        found = lilliput.measure(folder, on="host")
        assert found.vectors
        assert found.mismatches == 0
        assert lilliput.info(folder)["patches"] == number
        arenas.append(found.ram_bytes.arena)
    assert arenas[2] < arenas[0]
    with pytest.raises(ConfigError, match="-1 rows and columns of patches"):
        lilliput.compile(straight, BOARD, out, patches=-1)


def test_the_command_line_hands_it_on(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli.main(["compile", str(model), "--board", BOARD, "-o", str(out), "--optimize", "flash"]) == 0
    assert lilliput.info(out)["optimize"] == "flash"
