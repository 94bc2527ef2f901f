"""Code with some of its words marked, for a terminal. Pure."""

from __future__ import annotations

from rich.text import Text

from skeldpo.records import PairSide

STYLES = {"chosen": "bold green", "rejected": "bold red"}
"""Of marked words, by the side of a pair."""


def styled_code(side: PairSide, name: str) -> Text:
    """The code with its `prone_spans` in the style of the side of that name; without blanks at the
    end. Put together, as a whole text loses its form feeds before it is marked."""
    code, done = side.code.rstrip(), 0
    parts: list[str | tuple[str, str]] = []
    for start, end in side.prone_spans:
        parts += [code[done:start], (code[start:end], STYLES[name])]
        done = end
    return Text.assemble(*parts, code[done:])
