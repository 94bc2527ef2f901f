"""Code with some of its words marked: for a page, and for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape
from rich.text import Text

from skeldpo.records import PairSide

STYLES = {"chosen": "bold green", "rejected": "bold red"}
"""Of a terminal's marked words, by the side of a pair."""


def marked_code(side: PairSide) -> Markup:
    """The code as HTML, escaped, its `prone_spans` in <mark>; without blanks at the end."""
    pieces = [
        Markup("<mark>{}</mark>").format(text) if is_marked else escape(text)
        for text, is_marked in _pieces(side.code.rstrip(), side.prone_spans)
    ]
    return Markup("").join(pieces)


def styled_code(side: PairSide, name: str) -> Text:
    """The same for a terminal; `name` is that of the side."""
    text = Text(side.code.rstrip())
    for start, end in side.prone_spans:
        text.stylize(STYLES[name], start, end)
    return text


def _pieces(code: str, spans: Iterable[tuple[int, int]]) -> Iterable[tuple[str, bool]]:
    done = 0
    for start, end in spans:
        yield code[done:start], False
        yield code[start:end], True
        done = end
    yield code[done:], False
