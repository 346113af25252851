"""The page around every report: head, styles, navigation, sections, footer."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import lilliput
from lilliput.report.markup import Markup, element, join

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def document(title: str, heading: Markup, sections: Sequence[tuple[str, str, Markup]]) -> str:
    """A whole page as text; it needs no network and no other file, and works without its script.

    Args:
        title: of the window.
        heading: what stands above all sections.
        sections: anchor, title and body of each; those without a body are left out.
    """
    shown = [(name, words, body) for name, words, body in sections if body]
    links = (element("a", words, href=f"#{name}") for name, words, _ in shown)
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="generator", content=f"lilliput {lilliput.__version__}"),
            element("title", f"{title} – Lilliput"),
            element("style", template("report.css")),
        ),
        element(
            "body",
            element("header", heading, element("nav", *links)),
            element(
                "main",
                *(
                    element("section", element("h2", words), body, id=name, class_=f"part-{name}")
                    for name, words, body in shown
                ),
            ),
            element("footer", element("p", f"Lilliput {lilliput.__version__}")),
            element("div", id="tip", hidden=""),
            element("script", template("report.js")),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def template(name: str) -> Markup:
    """A style sheet or script of the package; the page's style is the three sheets in one."""
    folder = resources.files("lilliput.report") / "templates"
    if name == "report.css":
        return join(*(template(part) for part in ("colours.css", "page.css", "charts.css")))
    return Markup(folder.joinpath(name).read_text(encoding="utf-8"))
