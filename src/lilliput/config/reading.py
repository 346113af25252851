"""TOML in, typed and checked settings out; an unknown key is told with the nearest one that exists."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError

from lilliput.config.experiment import ExperimentSettings, origin, with_templates
from lilliput.config.settings import DataSettings, Settings
from lilliput.errors import ConfigError

Place = tuple[int | str, ...]
"""Keys and indices that lead to a value."""


def read(path: str | Path) -> Settings:
    """The settings in a TOML file.

    Raises:
        ConfigError: no such file, not TOML, or a key or value is wrong; names file, key and what is allowed.
    """
    path = Path(path)
    return parse(_loaded(path), str(path), path.parent)


def read_experiment(path: str | Path) -> ExperimentSettings:
    """The experiment in a TOML file; errors as `read`."""
    path = Path(path)
    return parse_experiment(_loaded(path), str(path), path.parent)


def read_data(path: str | Path) -> DataSettings:
    """[data] of a TOML file, of a search or an experiment or alone; errors as `read`."""
    path = Path(path)
    return parse_data(_loaded(path), str(path), path.parent)


def _loaded(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist", "there is no such file", "give the path of a configuration file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read", str(error), "check the file") from error
    except (ValueError, RecursionError) as error:  # beside wrong grammar: numbers and nesting without end
        raise ConfigError(f"{path} is not TOML", str(error), "repair that line") from error


def parse(raw: Mapping[str, Any], source: str, folder: Path | None = None) -> Settings:
    """Settings from the tables of a configuration.

    Args:
        raw: the tables.
        source: where they come from, for messages.
        folder: where relative paths start; None leaves them.

    Raises:
        ConfigError: a key or value is wrong.
    """
    try:
        merged = _with_inherited(raw)
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        raise _explained(error, source) from None
    _check_kinds(merged, settings, source)
    moved: dict[str, Any] = {"data": _placed(settings.data, source, folder)}
    if folder is not None and settings.board.endswith(".toml"):
        moved["board"] = str(_place(folder, Path(settings.board), source, "board"))
    return settings.model_copy(update=moved)


class _WithData(BaseModel):
    data: DataSettings


def parse_data(raw: Mapping[str, Any], source: str, folder: Path | None = None) -> DataSettings:
    """The data set from the tables of any configuration; arguments and errors as for `parse`."""
    try:
        found = _WithData.model_validate(raw)
    except ValidationError as error:
        raise _explained(error, source, _WithData) from None
    _check_kinds(raw, found, source)
    return _placed(found.data, source, folder)


def _placed(data: DataSettings, source: str, folder: Path | None) -> DataSettings:
    """The same data set, its path as seen from where relative ones start."""
    if folder is None or data.path is None:
        return data
    return data.model_copy(update={"path": _place(folder, data.path, source, "data.path")})


def parse_experiment(raw: Mapping[str, Any], source: str, folder: Path | None = None) -> ExperimentSettings:
    """An experiment from its tables; arguments and errors as for `parse`."""
    template = raw.get("model_template", {})
    if not isinstance(template, Mapping):
        raise ConfigError(f"{source}: model_template is wrong", "it is no table", "write [model_template]")
    try:
        merged = with_templates(dict(raw))
        settings = ExperimentSettings.model_validate(merged)
    except ValidationError as error:
        raise _explained(error, source, ExperimentSettings, partial(origin, raw)) from None
    _check_kinds(merged, settings, source)
    if folder is None:
        return settings
    boards = tuple(
        str(_place(folder, Path(name), source, "deploy.boards")) if name.endswith(".toml") else name
        for name in settings.deploy.boards
    )
    moved = {
        "data": _placed(settings.data, source, folder),
        "deploy": settings.deploy.model_copy(update={"boards": boards}),
    }
    return settings.model_copy(update=moved)


def _check_kinds(raw: Mapping[str, Any], settings: BaseModel, source: str) -> None:
    """Refuses text for numbers, and either for a truth value, which pydantic takes where it can be read so.

    Raises:
        ConfigError: names the key.
    """
    for place, given, taken in _leaves(raw, settings.model_dump(), ()):
        if isinstance(given, bool) != isinstance(taken, bool) or (
            isinstance(given, str) and isinstance(taken, int | float)
        ):
            kind = "true or false" if isinstance(taken, bool) else "a number"
            raise ConfigError(
                f"{source}: {_dotted(place)} is wrong",
                f"{kind} is wanted, got {given!r}",
                f"write {taken}".lower(),
            )


def _leaves(given: Any, taken: Any, place: Place) -> Iterator[tuple[Place, Any, Any]]:
    """Place in the file, value there, and what became of it."""
    if isinstance(given, Mapping) and isinstance(taken, Mapping):
        for key in given.keys() & taken.keys():
            yield from _leaves(given[key], taken[key], (*place, key))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple):
        for index, pair in enumerate(zip(given, taken, strict=False)):
            yield from _leaves(*pair, (*place, index))
    else:
        yield place, given, taken


def _place(folder: Path, path: Path, source: str, key: str) -> Path:
    """`path` as seen from `folder`."""
    try:
        return (folder / path.expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"{source}: {key} is wrong", f"{str(path)!r}: {error}", "give another path"
        ) from error


def _with_inherited(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of [final] say what differs from the search: the rest comes from there."""
    found = dict(raw)
    final = raw.get("final")
    if isinstance(final, Mapping):
        quantization = raw.get("quantization")
        qat = quantization.get("qat", {}) if isinstance(quantization, Mapping) else {}
        parents = {key: raw.get(key, {}) for key in ("training", "augment", "pruning")} | {"qat": qat}
        merged = dict(final)
        for key, parent in parents.items():
            if isinstance(final.get(key), Mapping) and isinstance(parent, Mapping):
                merged[key] = {**parent, **final[key]}
                # Rates by epoch belong to the schedule that they were written for.
                if merged[key].get("schedule", "one-cycle") != "step" and "steps" not in final[key]:
                    merged[key].pop("steps", None)
        found["final"] = merged
    return found


def _explained(
    error: ValidationError,
    source: str,
    top: type[BaseModel] = Settings,
    origin: Callable[[Place], Place] = lambda place: place,
) -> ConfigError:
    """What pydantic found, in the words of the file.

    Args:
        error: what it found.
        source: the file.
        top: the settings that it was read as.
        origin: place in these settings → place in the file that it was taken from.
    """
    problems: dict[str, tuple[str, str]] = {}
    for found in error.errors():
        key, why, hint = _problem(found, top, origin)
        problems.setdefault(key, (why, hint))  # unions tell for each of their kinds why it is none
    (key, (why, hint)), *others = problems.items()
    more = [f"{other}: {reason}" if other else reason for other, (reason, _) in others]
    title = f"{source}: {key} is wrong" if key else f"{source} is wrong"
    return ConfigError(title, "; also ".join([why, *more]), hint)


def _problem(found: Any, top: type[BaseModel], origin: Callable[[Place], Place]) -> tuple[str, str, str]:
    """Key, reason and hint of one of pydantic's errors."""
    place = tuple(part for part in found["loc"] if isinstance(part, int) or not _is_type_name(part))
    key = _dotted(origin(place))
    kind = found["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        known = sorted(_keys_at(place[:-1], top))
        close = difflib.get_close_matches(str(place[-1]), known, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"remove it; known keys: {', '.join(known)}"
        return key, "there is no such key", hint
    if kind == "missing":
        return key, "it is missing", f"add {key} = … to the file"
    message = str(found["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message[:1].lower() + message[1:]
    why = f"{message}, got {found['input']!r}" if kind != "value_error" and key else message
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(found["ctx"]["expected"]))
        close = difflib.get_close_matches(str(found["input"]), allowed, 1)
        return key, why, f"did you mean '{close[0]}'?" if close else f"one of {', '.join(allowed)}"
    if kind == "tuple_type" and isinstance(found["input"], Mapping):
        return key, "it is one table", f"write [[{key}]], once for each"
    if kind == "value_error":
        # Messages of the settings' own checks end in what to do.
        why, colon, hint = why.rpartition(": ")
        return (key, why, hint) if colon else (key, hint, "correct it")
    return key, why, "give a value within the bounds"


def _is_type_name(part: str) -> bool:
    """Whether pydantic put the branch of a union into the location, which no key is called."""
    return bool(re.search(r"\[|^(constrained-)?(str|int|float|bool)$|Settings$", part))


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _keys_at(place: Place, top: type[BaseModel]) -> set[str]:
    kind: Any = top
    for part in (part for part in place if not isinstance(part, int)):
        kind = next((inner for inner in _settings_in(_fields_of(kind).get(str(part)))), None)
    return set(_fields_of(kind))


def _fields_of(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in fields(kind)}
    return {}


def _settings_in(kind: Any) -> Iterator[Any]:
    if get_origin(kind) in (Union, types.UnionType, Annotated, tuple):
        for inner in get_args(kind):
            yield from _settings_in(inner)
    elif isinstance(kind, type) and _fields_of(kind):
        yield kind


def tables(top: type[BaseModel] = Settings) -> dict[str, dict[str, Any]]:
    """Every table and its keys with their types: what the documentation must describe."""
    found: dict[str, dict[str, Any]] = {}

    def walk(prefix: str, kind: Any) -> None:
        found[prefix] = {}
        for name, inner in _fields_of(kind).items():
            nested = next(_settings_in(inner), None)
            if nested is None:
                found[prefix][name] = inner
            else:
                walk(f"{prefix}.{name}".lstrip("."), nested)

    walk("", top)
    return found
