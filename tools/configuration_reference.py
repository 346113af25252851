"""Writes docs/configuration.md and docs/experiment-keys.md from the settings' docstrings and defaults.

    python tools/configuration_reference.py           writes it
    python tools/configuration_reference.py --check   fails if it is out of date

The settings classes are the source; tests/test_docs.py sees to it that the page follows them.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lilliput.config import ExperimentSettings, Settings

DOCS = Path(__file__).parents[1] / "docs"

INTRODUCTION = """\
# Configuration

A search is described by one TOML file; `examples/` holds complete ones. Only `board` and `data.name` have no
default. An unknown key is an error that names the nearest known one; paths are relative to the file. The run
folder keeps the file as `config.toml`, and every setting, defaults included, as `settings.json`.

This page is written by `make docs` from the settings classes in `src/lilliput/config/`, `search/settings.py`
and `train/settings.py`. Change the words there.
"""


EXPERIMENT_INTRODUCTION = """\
# Keys of an experiment

What a file for `lilliput run` may hold; [experiments](experiments.md) tells what happens with it. A table
in double brackets may be there several times. Only `data.name` and the models have no default. An unknown key
is an error that names the nearest known one; paths are relative to the file.

This page is written by `make docs` from the settings classes. Change the words there.
"""


@dataclass(frozen=True)
class Key:
    """One key of a table."""

    name: str
    kind: Any
    default: Any
    meaning: str
    table: type | None
    many: bool = False


def keys(settings: type) -> Iterator[Key]:
    """The keys of a settings class in their order."""
    meanings = attribute_meanings(settings.__doc__ or "")
    hints = get_type_hints(settings, include_extras=True)
    for name, default in _entries(settings):
        table = next(iter(_tables_in(hints[name])), None)
        many = get_origin(hints[name]) is tuple and table is not None
        yield Key(name, hints[name], default, meanings.get(name, ""), table, many)


def _entries(settings: type) -> Iterator[tuple[str, Any]]:
    if issubclass(settings, BaseModel):
        for name, field in settings.model_fields.items():
            default = MISSING if field.is_required() else field.get_default(call_default_factory=True)
            yield name, default
    else:
        for entry in fields(settings):
            made = entry.default_factory
            yield entry.name, made() if made is not MISSING else entry.default


def _tables_in(kind: Any) -> Iterator[type]:
    if get_origin(kind) in (Union, types.UnionType, Annotated, tuple):
        for inner in get_args(kind):
            yield from _tables_in(inner)
    elif isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, BaseModel)):
        yield kind


def attribute_meanings(docstring: str) -> dict[str, str]:
    """Name → meaning from the "Attributes:" part of a docstring; "a, b: …" describes both."""
    part = docstring.partition("Attributes:")[2]
    found: dict[str, str] = {}
    current: tuple[str, ...] = ()
    for line in part.splitlines():
        start = re.match(r"^ {8}([a-z_]+(?:, [a-z_]+)*): (.*)$", line)
        if start:
            current = tuple(start[1].split(", "))
            found.update(dict.fromkeys(current, start[2].strip()))
        elif current and line.strip():
            for name in current:
                found[name] += f" {line.strip()}"
        elif not line.strip() and found:
            current = ()
    return {
        name: " ".join(words.replace("`TrainSettings`", "[training]").split())
        for name, words in found.items()
    }


def in_words(kind: Any) -> str:
    """A type as a reader of TOML needs it."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *metadata = get_args(kind)
        return " ".join([in_words(base), *_limits(metadata)]).strip()
    if origin is Literal:
        return ", ".join(f'`"{value}"`' for value in get_args(kind))
    if origin in (Union, types.UnionType):
        return " or ".join(in_words(inner) for inner in get_args(kind) if inner is not type(None))
    if origin is tuple:
        inner = get_args(kind)
        if inner[-1] is Ellipsis:
            return f"list of {in_words(inner[0])}"
        return f"[{', '.join(in_words(one) for one in inner)}]"
    if origin is dict:
        return "table"
    return {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}[kind]


def _limits(metadata: list[Any]) -> Iterator[str]:
    for entry in metadata:
        if isinstance(entry, FieldInfo):
            yield from _limits(list(entry.metadata))
            continue
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
            limit = getattr(entry, name, None)
            if limit is not None:
                yield f"{sign} {limit:g}" if limit < 1e6 else f"{sign} 2^{limit.bit_length() - 1}"


def default_in_words(value: Any) -> str:
    """A default as TOML would say it."""
    if value is MISSING:
        return "*required*"
    if value is None or value in ((), {}, ""):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value:g}`"


def section(prefix: str, settings: type, written: dict[type, str], many: bool = False) -> Iterator[str]:
    """A table's part of the page, and after it those of the tables inside."""
    docstring = (settings.__doc__ or "").partition("Attributes:")[0]
    summary = re.sub(r"^\[+[a-z.]+\]+: ", "", " ".join(docstring.split()))
    if settings in written:
        link = f"[[{written[settings]}]](#{anchor(written[settings])})"
        rest = " What is not given here is taken from there." if prefix.startswith("final.") else ""
        yield f"## [{prefix}]\n\nThe keys of {link}.{rest}\n"
        return
    written[settings] = prefix
    if prefix:
        title = f"[[{prefix}]]" if many else f"[{prefix}]"
        yield f"## {title}\n\n{summary[:1].upper()}{summary[1:]}\n"
    known = list(keys(settings))
    plain = [key for key in known if key.table is None]
    if plain:
        rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
        rows += [
            f"| `{key.name}` | {in_words(key.kind)} | {default_in_words(key.default)} | {key.meaning} |"
            for key in plain
        ]
        yield "\n".join(rows) + "\n"
    for key in known:
        if key.table is not None:
            yield from section(f"{prefix}.{key.name}".lstrip("."), key.table, written, key.many)


def anchor(heading: str) -> str:
    """The anchor that a heading "[a.b]" gets."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    return {
        "configuration.md": "\n".join([INTRODUCTION, *section("", Settings, {})]),
        "experiment-keys.md": "\n".join([EXPERIMENT_INTRODUCTION, *section("", ExperimentSettings, {})]),
    }


def main() -> int:
    """Writes or checks the page; 1 if a check fails."""
    status = 0
    for name, text in pages().items():
        path = DOCS / name
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{path} does not say what the settings say; run `make docs`", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
