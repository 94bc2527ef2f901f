"""Code with some of its words marked, for a terminal. Pure."""

from __future__ import annotations

from rich.text import Text

from skeldpo.records import PairSide

STYLES = {"chosen": "bold green", "rejected": "bold red"}
"""Of marked words, by the side of a pair."""


def styled_code(side: PairSide, name: str) -> Text:
    """The code with its `prone_spans` in the style of the side of that name; without blanks at the
    end."""
    text = Text(side.code.rstrip())
    for start, end in side.prone_spans:
        text.stylize(STYLES[name], start, end)
    return text
