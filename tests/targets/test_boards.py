"""What a board's TOML file may say, and what it tells the rest of Lilliput."""

import dataclasses

import pytest

from lilliput.errors import ConfigError
from lilliput.targets import CORES, Board, board, board_from_dict, boards, core

SHIPPED = {
    "generic-m4",
    "nucleo-f446re",
    "nucleo-h743zi",
    "nucleo-l452re",
    "generic-m55",
    "generic-rv32imc",
    "nucleo-l4r5zi",
    "nucleo-u575zi-q",
    "rp2040",
    "sparkfun-edge",
}

LEAST = {
    "name": "mine",
    "title": "My board",
    "core": "cortex-m4",
    "clock_hz": 1_000_000,
    "flash_bytes": 65536,
    "ram_bytes": 8192,
}


def test_every_promised_board_ships() -> None:
    assert {found.name for found in boards()} == SHIPPED


@pytest.mark.parametrize("found", boards(), ids=lambda found: found.name)
def test_a_shipped_board_says_where_its_figures_come_from(found: Board) -> None:
    assert found.sources
    assert board(found.name) is found


@pytest.mark.parametrize("found", boards(), ids=lambda found: found.name)
def test_a_board_survives_the_way_through_a_dictionary(found: Board) -> None:
    assert board_from_dict(found.to_dict()) == found


def test_energy_follows_the_published_current() -> None:
    # 4.80 mA at 3.3 V and 48 MHz: 48 million cycles, one second, cost 15.84 mJ.
    assert board("nucleo-l452re").energy_uj(48_000_000) == pytest.approx(15840, rel=1e-6)
    assert board("sparkfun-edge").energy_uj(48_000_000) == pytest.approx(0.82 * 3.3 * 1000, rel=1e-6)


def test_latency_follows_the_clock() -> None:
    assert board("nucleo-l4r5zi").latency_ms(120_000) == pytest.approx(1.0)


def test_an_unknown_current_gives_no_energy() -> None:
    assert board("rp2040").energy_uj(1000) is None


def test_an_unknown_board_is_refused_with_close_names() -> None:
    with pytest.raises(ConfigError, match="nucleo-l452re"):
        board("nucleo-l452")


def test_a_path_to_a_toml_file_is_a_board(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(f"{key} = {value!r}" for key, value in LEAST.items()))
    found = board(path)
    assert (found.name, found.core.name, found.ram_bytes) == ("mine", "cortex-m4", 8192)
    assert found.supply_volts is None
    assert found.flash_wait_states is None


def test_a_missing_board_file_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        board(tmp_path / "none.toml")


def test_a_broken_board_file_is_named(tmp_path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(b"name = \xff")
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        board(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clock_hz": 0}, "clock_hz"),
        ({"clock_hz": True}, "clock_hz"),
        ({"clock_hz": "fast"}, "clock_hz"),
        ({"ram_bytes": -1}, "ram_bytes"),
        ({"flash_bytes": 2**40}, "flash_bytes"),
        ({"supply_volts": float("nan")}, "supply_volts"),
        ({"active_ma_per_mhz": 0}, "active_ma_per_mhz"),
        ({"core": "cortex-m5"}, "cortex-m5"),
        ({"name": "../x"}, "name"),
        ({"ram_byte": 3}, "did you mean 'ram_bytes'"),
        ({"flash_cache": 3}, "flash_cache"),
        ({"flash_cache": {"line_bytes": 0}}, "line_bytes"),
        ({"flash_cache": {"lines": 1, "line_bytes": 8}}, "lines"),
        ({"sources": [1]}, "sources"),
    ],
)
def test_a_wrong_key_is_named(change, message) -> None:
    with pytest.raises(ConfigError, match=message):
        board_from_dict({**LEAST, **change})


@pytest.mark.parametrize("key", sorted(LEAST))
def test_a_missing_key_is_named(key) -> None:
    with pytest.raises(ConfigError, match=f"'{key}'"):
        board_from_dict({name: value for name, value in LEAST.items() if name != key})


def test_cores_have_distinct_names_and_a_float_switch() -> None:
    assert len({known.name for known in CORES}) == len(CORES)
    for known in CORES:
        assert core(known.name) is known
        assert ("-mfloat-abi=hard" in known.gcc_flags) == known.has_fpu
        assert dataclasses.is_dataclass(known)
