"""Boards: a core with its clock, memories and current, read from TOML.

The boards that ship with Lilliput lie in `targets/boards/`; a path to a TOML file of the same form works
wherever a board's name does.  A figure that nobody published stays out of the file and is None here.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from lilliput.errors import ConfigError
from lilliput.targets.cores import Core, core

_SHIPPED = Path(__file__).parent / "boards"


@dataclass(frozen=True)
class FlashCache:
    """The cache between core and flash.

    Attributes:
        instruction_bytes, data_bytes: sizes of its two halves, 0 where there is none.
        line_bytes: what one miss fetches.
        unified: True if instructions and data share `instruction_bytes`.
        ways: places in which a line may lie, 0 for any.
        prefetch: whether the line behind the one that is executed is fetched ahead.
    """

    instruction_bytes: int
    data_bytes: int
    line_bytes: int
    unified: bool = False
    ways: int = 0
    prefetch: bool = False


@dataclass(frozen=True)
class Board:
    """A board that a network is made for.

    Attributes:
        name: what the user types, such as "nucleo-l4r5zi".
        title: full name of board and chip.
        core: the processor.
        clock_hz: clock at which latency is stated: the data sheet's highest unless the file says otherwise.
        flash_bytes: flash for program and weights.
        ram_bytes: largest contiguous RAM that a program can use.
        flash_origin, ram_origin: where these memories begin on the chip (elsewhere than in the emulator).
        flash_wait_states: cycles by which an uncached flash access is late at `clock_hz`; None unknown.
        flash_cache: the cache before the flash; None where there is none or it is unknown.
        supply_volts: voltage at which `active_ma_per_mhz` holds; None unknown.
        active_ma_per_mhz: current while computing, divided by the clock; None unknown.
        pyocd_target: what pyocd calls the chip; None where it is unknown to it.
        sources: where the figures come from.
    """

    name: str
    title: str
    core: Core
    clock_hz: int
    flash_bytes: int
    ram_bytes: int
    flash_origin: int = 0
    ram_origin: int = 0x20000000
    flash_wait_states: int | None = None
    flash_cache: FlashCache | None = None
    supply_volts: float | None = None
    active_ma_per_mhz: float | None = None
    pyocd_target: str | None = None
    sources: tuple[str, ...] = ()

    @property
    def active_mw(self) -> float | None:
        """Power while computing at `clock_hz`, milliwatts; None where current or voltage is unknown."""
        if self.supply_volts is None or self.active_ma_per_mhz is None:
            return None
        return self.supply_volts * self.active_ma_per_mhz * self.clock_hz / 1e6

    def latency_ms(self, cycles: int) -> float:
        """Time that `cycles` take, milliseconds."""
        return cycles / self.clock_hz * 1e3

    def energy_uj(self, cycles: int) -> float | None:
        """Energy that `cycles` take, microjoules; None where current or voltage is unknown."""
        power = self.active_mw
        return None if power is None else power * self.latency_ms(cycles)

    def to_dict(self) -> dict[str, Any]:
        """The board as its TOML file would say it; `board_from_dict` reads it back."""
        found = {key: value for key, value in asdict(self).items() if value is not None}
        found["core"] = self.core.name
        found["sources"] = list(self.sources)
        return found


def board(name: str | Path) -> Board:
    """The board called `name`, or the one that the TOML file at path `name` describes.

    Raises:
        ConfigError: no such board or file, or the file is wrong.
    """
    text = str(name)
    if text.endswith(".toml") or "/" in text or "\\" in text:
        return _load(Path(text))
    shipped = _shipped()
    if text in shipped:
        return _load_shipped(text)
    near = difflib.get_close_matches(text, shipped, n=3, cutoff=0.4)
    why = f"the nearest names are {', '.join(near)}" if near else f"known boards: {', '.join(shipped)}"
    raise ConfigError(
        f"there is no board '{text}'", why, "choose one of `lilliput boards`, or give a path to a .toml file"
    )


def boards() -> tuple[Board, ...]:
    """Every board that ships with Lilliput, by name."""
    return tuple(_load_shipped(name) for name in _shipped())


def board_from_dict(values: Mapping[str, Any], where: str = "the board") -> Board:
    """The board that a TOML table or a JSON object describes.

    Args:
        values: the keys of `Board`, with `core` as a name and `flash_cache` as a table.
        where: what to call the table in an error.

    Raises:
        ConfigError: a key is unknown, missing, of the wrong type or out of range.
    """
    _known_keys(values, Board, where)
    for key in ("name", "title", "core", "clock_hz", "flash_bytes", "ram_bytes"):
        if key not in values:
            raise ConfigError(f"{where} lacks the key '{key}'", "", f"add {key} = …")
    name = _text(values, "name", where)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ConfigError(
            f"{where}: name = {name!r}",
            "a name has lower-case letters, digits, '.', '_' and '-'",
            "rename it",
        )
    sources = values.get("sources", ())
    if not isinstance(sources, list | tuple) or not all(isinstance(line, str) for line in sources):
        raise ConfigError(f"{where}: sources = {sources!r}", "it must be a list of texts", "")
    return Board(
        name=name,
        title=_text(values, "title", where),
        core=core(_text(values, "core", where)),
        clock_hz=_whole(values, "clock_hz", where, least=1),
        flash_bytes=_whole(values, "flash_bytes", where, least=1),
        ram_bytes=_whole(values, "ram_bytes", where, least=1),
        flash_origin=_whole(values, "flash_origin", where, default=0),
        ram_origin=_whole(values, "ram_origin", where, default=0x20000000),
        flash_wait_states=_whole(values, "flash_wait_states", where)
        if "flash_wait_states" in values
        else None,
        flash_cache=_cache_from_dict(values["flash_cache"], where) if "flash_cache" in values else None,
        supply_volts=_positive(values, "supply_volts", where),
        active_ma_per_mhz=_positive(values, "active_ma_per_mhz", where),
        pyocd_target=_text(values, "pyocd_target", where) if "pyocd_target" in values else None,
        sources=tuple(sources),
    )


def _cache_from_dict(values: object, where: str) -> FlashCache:
    where = f"{where}, flash_cache"
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} = {values!r}", "it must be a table", "")
    _known_keys(values, FlashCache, where)
    line_bytes = _whole(values, "line_bytes", where, least=1, default=0)
    if line_bytes & (line_bytes - 1):
        raise ConfigError(f"{where}: line_bytes = {line_bytes}", "it must be a power of two", "")
    return FlashCache(
        _whole(values, "instruction_bytes", where, default=0),
        _whole(values, "data_bytes", where, default=0),
        line_bytes,
        _flag(values, "unified", where),
        _whole(values, "ways", where, default=0),
        _flag(values, "prefetch", where),
    )


def _flag(values: Mapping[str, Any], key: str, where: str) -> bool:
    value = values.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: {key} = {value!r}", "it must be true or false", "")
    return value


def _known_keys(values: Mapping[str, Any], kind: type, where: str) -> None:
    known = [field.name for field in fields(kind)]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
            raise ConfigError(f"{where} has the unknown key '{key}'", "", hint)


def _text(values: Mapping[str, Any], key: str, where: str) -> str:
    value = values[key]
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{where}: {key} = {value!r}", "it must be a text", "")
    return value


def _whole(
    values: Mapping[str, Any], key: str, where: str, least: int = 0, default: int | None = None
) -> int:
    value = values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**32:
        raise ConfigError(
            f"{where}: {key} = {value!r}", f"it must be a whole number, {least} to 2^32 - 1", ""
        )
    return value


def _positive(values: Mapping[str, Any], key: str, where: str) -> float | None:
    value = values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigError(
            f"{where}: {key} = {value!r}", "it must be a positive number", "leave it out where it is unknown"
        )
    return float(value)


def _load(path: Path) -> Board:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the board file {path}", error.strerror or str(error), "check the path"
        ) from error
    except (ValueError, RecursionError) as error:  # wrong bytes, grammar or depth, numbers without end
        raise ConfigError(
            f"{path} is not a TOML file", str(error), "see `lilliput boards` for the keys of a board"
        ) from error
    return board_from_dict(values, str(path))


@cache
def _shipped() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


@cache
def _load_shipped(name: str) -> Board:
    return _load(_SHIPPED / f"{name}.toml")
