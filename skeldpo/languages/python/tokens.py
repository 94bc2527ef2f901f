"""Program text as word, operator and layout tokens.

Texts need not be valid Python, and nothing depends on the Python version: tokens come from one
linear pass of the regular expression below. A string is one token up to its closing quote (or the
end of the line), f-strings too, so one that reuses its own quotes inside splits in parts.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import cast

from skeldpo.languages.contract import Lexeme, LexemeKind, Span

_TOKEN = re.compile(
    r"""
      (?P<comment> \#[^\r\n]*+ )
    | (?P<word>
        (?: [uU] | [bBfFtT][rR]? | [rR][bBfFtT]? )?+      # strings, closed or not
        (?: '''(?: [^'\\]++ | \\[\s\S]?+ | '(?!'') )*+(?:''')?+
          | \"""(?: [^"\\]++ | \\[\s\S]?+ | "(?!"") )*+(?:\""")?+
          | '(?: [^'\\\r\n]++ | \\(?:\r\n|[\s\S])?+ )*+'?+
          | "(?: [^"\\\r\n]++ | \\(?:\r\n|[\s\S])?+ )*+"?+
        )
      | 0[xX](?:_?[0-9a-fA-F])++ | 0[bB](?:_?[01])++ | 0[oO](?:_?[0-7])++         # numbers
      | (?: \d(?:_?\d)*+ (?:\.(?:\d(?:_?\d)*+)?+)?+ | \.\d(?:_?\d)*+ )
        (?: [eE][+-]?+\d(?:_?\d)*+ )?+ [jJ]?+
      | [^\W\d]\w*+                                       # identifiers and keywords
      )
    | (?P<operator>
        \*\*= | //= | >>= | <<= | \.\.\. | != | -> | :=
      | \*\* | // | >> | << | <= | >= | == | [-+*/%@&|^]= | [^\w\s]
      )
    | (?P<layout> \s++ )
    """,
    re.VERBOSE,
)
_STRING_START = re.compile(r"[a-zA-Z]{0,2}['\"]")


def lexemes(code: str) -> Iterator[Lexeme]:
    """The text in pieces that follow each other without a gap."""
    for match in _TOKEN.finditer(code):
        start, end = match.span()
        yield Lexeme(start, end, cast(LexemeKind, match.lastgroup))


@functools.lru_cache(maxsize=256)
def tokens(code: str) -> tuple[str, ...]:
    """The word and operator tokens of a program in order, without comments and blanks."""
    return tuple(
        match.group() for match in _TOKEN.finditer(code) if match.lastgroup in ("word", "operator")
    )


def word_spans(code: str) -> list[Span]:
    """The [start, end) ranges of the word tokens (identifiers, keywords, numbers, strings)."""
    return [match.span() for match in _TOKEN.finditer(code) if match.lastgroup == "word"]


def is_string(word: str) -> bool:
    """Whether a word token is a string literal."""
    return _STRING_START.match(word) is not None
