"""HTML and SVG as text: elements whose every attribute and every piece of text is escaped."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is markup already; everything else is escaped when it enters an element."""

    __slots__ = ()


Piece = Markup | str | int | float | None

_VOID = frozenset({"br", "meta", "link", "hr", "wbr"})


def number(value: float) -> str:
    """A coordinate: at most two decimals, no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def join(*pieces: Piece) -> Markup:
    """Pieces one after the other; text is escaped, None is nothing."""
    return Markup("".join(piece if isinstance(piece, Markup) else escape(_text(piece)) for piece in pieces))


def element(tag: str, *children: Piece, **attributes: Piece) -> Markup:
    """One element.

    Args:
        tag: its name.
        children: markup, or text that is escaped.
        attributes: `_` stands for `-`, a trailing `_` is dropped (`class_`); None leaves an attribute out,
            "" gives it no value.
    """
    words = [tag]
    for key, value in attributes.items():
        if value is None:
            continue
        name = key.removesuffix("_").replace("_", "-")
        words.append(f'{name}="{escape(_text(value))}"' if value != "" else name)
    opening = f"<{' '.join(words)}>"
    return Markup(opening if tag in _VOID else f"{opening}{join(*children)}</{tag}>")


def _text(value: Piece) -> str:
    if value is None:
        return ""
    return number(value) if isinstance(value, float) else str(value)
