"""The dynamic skeleton: the lexical one, and what the slow lines of a group's programs share.

EffiSkel's rule (arXiv 2606.06821; docs/METHOD.md, section 2): the tokens that a static method
keeps, and those of lines common to the group that take at least a tenth of the run time. Lines are
hardly ever equal as text, since programs name their variables differently. So, and this is a
departure, a line counts by the parts of the syntax that start in it, and is common if a hot line of
enough other programs has a part like it, as in the syntactic method.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from skeldpo.languages.contract import Language, Part, Syntax
from skeldpo.records import Skeleton
from skeldpo.skeleton.masking import mask_words
from skeldpo.skeleton.syntactic import SharedParts, flags, kept_spans

METHOD = "dynamic"
VERSION = 1


def hot_parts(code: str, syntax: Syntax, hot_lines: Collection[int]) -> tuple[Part, ...]:
    """The parts of a program that start in one of the lines (numbered from 1)."""
    starts = syntax.line_starts
    lines = {number for number in hot_lines if 0 < number <= len(starts)}
    ends = [*starts[1:], len(code) + 1]
    ranges = [(starts[number - 1], ends[number - 1]) for number in lines]
    return tuple(
        part
        for part in syntax.parts
        if any(first <= part.spans[-1][0] < end for first, end in ranges)
    )


def dynamic_skeleton(
    code: str,
    parts: Sequence[Part],
    shared: SharedParts,
    elsewhere: SharedParts,
    common: frozenset[str],
    language: Language,
) -> Skeleton:
    """The code with the words masked that are neither `common` nor in one of its hot `parts` that
    is `shared` by hot parts of the group and not `elsewhere` (`SharedParts([])`: nowhere)."""
    is_hot = flags(len(code), kept_spans(parts, shared, elsewhere))
    masked = mask_words(
        code, lambda start, end: bool(is_hot[start]) or code[start:end] in common, language
    )
    return Skeleton(
        text=masked.text, method=METHOD, version=VERSION, kept_spans=masked.kept_spans, note=""
    )
