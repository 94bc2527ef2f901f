"""A program as HTML: in colours, with some of its words marked. Pure."""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from operator import itemgetter

from markupsafe import Markup
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Operator, String

COLOURED = {
    Comment: "c",
    Keyword: "k",
    Operator.Word: "k",
    Name.Builtin: "b",
    Name.Function: "f",
    Name.Class: "f",
    Number: "m",
    String: "s",
}
"""Kinds of words, and the CSS class that has their colour."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """Rising [start, end) ranges of a program's characters that are shown in another way: `marked`
    on a colour, and with a line under them what is not `kept`, unless all is (None)."""

    marked: Sequence[Span] = ()
    kept: Sequence[Span] | None = None


PLAIN = Sections()


def program(code: str, language: str, sections: Sections = PLAIN) -> Markup:
    """The code without blanks at its end, escaped; what is marked is a <mark>, and a word that is
    left out a <u>."""
    text = code.rstrip()
    left_out = [] if sections.kept is None else list(_gaps(sections.kept, len(text)))
    edges = sorted({edge for span in (*sections.marked, *left_out) for edge in span})
    pieces = []
    for start, end, kind in _words(text, language):
        inner = edges[bisect_right(edges, start) : bisect_left(edges, end)]
        for left, right in itertools.pairwise((start, *inner, end)):
            is_word = not text[left:right].isspace()
            tag = "span"
            if is_word and _is_in(left, left_out):
                tag = "u"
            if is_word and _is_in(left, sections.marked):
                tag = "mark"
            pieces.append(_piece(text[left:right], tag, kind))
    return Markup("".join(pieces))


def _words(text: str, language: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, CSS class) of the pieces of a text, without a gap."""
    for start, kind, value in _lexer(language).get_tokens_unprocessed(text):
        if value:
            yield start, start + len(value), _css_class(kind)


@functools.cache
def _css_class(kind: object) -> str:
    return next((name for parent, name in COLOURED.items() if kind in parent), "")


@functools.lru_cache(maxsize=8)
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language)


def _gaps(spans: Sequence[Span], length: int) -> Iterator[Span]:
    done = 0
    for start, end in spans:
        if start > done:
            yield done, start
        done = end
    if done < length:
        yield done, length


def _is_in(place: int, spans: Sequence[Span]) -> bool:
    index = bisect_right(spans, place, key=itemgetter(0))
    return index > 0 and place < spans[index - 1][1]


def _piece(text: str, tag: str, kind: str) -> str:
    escaped = escape(text)
    if kind:
        return f'<{tag} class="{kind}">{escaped}</{tag}>'
    return escaped if tag == "span" else f"<{tag}>{escaped}</{tag}>"
