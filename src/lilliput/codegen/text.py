"""How values are written in C."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

COLUMNS = 110


def float_literal(value: float) -> str:
    """The shortest decimal that reads back as the same IEEE single."""
    text = str(np.float32(value))
    return f"{text}f" if any(mark in text for mark in ".en") else f"{text}.0f"


def string_literal(text: str) -> str:
    """`text` between quotes; what is not printable ASCII becomes octal escapes of its UTF-8 bytes."""
    parts = []
    for byte in text.encode("utf-8"):
        character = chr(byte)
        if character in '"\\?':
            parts.append(f"\\{character}")
        elif 32 <= byte < 127:
            parts.append(character)
        else:
            parts.append(f"\\{byte:03o}")
    return f'"{"".join(parts)}"'


def comment_text(text: str) -> str:
    """`text` made safe inside a C comment: one line, ASCII, no end of comment."""
    printable = "".join(character if 32 <= ord(character) < 127 else "?" for character in text)
    return printable.replace("*/", "*?").replace("/*", "?*")


def braces(values: Iterable[object]) -> str:
    """A one-line initializer."""
    return "{" + ", ".join(str(value) for value in values) + "}"


def array_lines(values: Sequence[object], indent: str = "    ") -> str:
    """The inside of an array's initializer, wrapped."""
    lines, line = [], indent
    for value in values:
        piece = f"{value},"
        if len(line) + len(piece) + 1 > COLUMNS and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += f"{piece} "
    lines.append(line.rstrip())
    return "\n".join(lines)


def macro_name(name: str) -> str:
    """The prefix of a network's macros."""
    return name.upper()
