"""Where in a program a skeleton keeps words: on the lines that take the time, or elsewhere.

A skeleton that keeps what makes a program fast or slow keeps more of the words on its hot lines
(`measure.profile_lines`) than of all others. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from skeldpo.languages.contract import Language, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWords:
    """Words of programs, and how many of them skeletons keep, on hot lines and on all others."""

    num_hot: int
    num_hot_kept: int
    num_other: int
    num_other_kept: int

    @property
    def hot_share(self) -> float:
        """Of the words on hot lines, those that are kept; 0 if there are none."""
        return self.num_hot_kept / max(1, self.num_hot)

    @property
    def other_share(self) -> float:
        """Of the words on the other lines, those that are kept; 0 if there are none."""
        return self.num_other_kept / max(1, self.num_other)


def kept_words(
    code: str, kept_spans: Iterable[Span], hot_lines: Collection[int], language: Language
) -> KeptWords:
    """Counts of one program, of which a skeleton keeps the rising `kept_spans`.

    Lines are numbered from 1. Words are what a skeleton may mask: operators, punctuation and
    layout, which all stay, do not count.
    """
    starts = [0, *(found.end() for found in re.finditer(r"\r\n?|\n", code))]
    kept = iter(kept_spans)
    span = next(kept, None)
    counts = {(is_hot, is_kept): 0 for is_hot in (True, False) for is_kept in (True, False)}
    for lexeme in language.lexemes(code):
        while span is not None and span[1] <= lexeme.start:
            span = next(kept, None)
        if lexeme.kind == "word":
            is_kept = span is not None and span[0] <= lexeme.start
            counts[bisect_right(starts, lexeme.start) in hot_lines, is_kept] += 1
    return KeptWords(
        num_hot=counts[True, True] + counts[True, False],
        num_hot_kept=counts[True, True],
        num_other=counts[False, True] + counts[False, False],
        num_other_kept=counts[False, True],
    )


def total_words(counts: Iterable[KeptWords]) -> KeptWords:
    """Those of several programs together."""
    rows = list(counts)
    return KeptWords(
        num_hot=sum(row.num_hot for row in rows),
        num_hot_kept=sum(row.num_hot_kept for row in rows),
        num_other=sum(row.num_other for row in rows),
        num_other_kept=sum(row.num_other_kept for row in rows),
    )
