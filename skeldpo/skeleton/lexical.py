"""The lexical skeleton: what the programs of one group share stays, other words become `_`.

The rule (docs/METHOD.md, section 2): the common tokens of a group are those in every one of its
programs, comments and blanks left out. In each program every word token (identifier, keyword,
number or string) that is not common is replaced by one `_`; operators, punctuation and layout
always stay. Keywords get no special treatment, so `import numpy as np` becomes `import numpy _ _`
in a group that shares only `import numpy`, and `[:, 0]` keeps its 0 where 0 is common. Efficient
and inefficient programs are two groups with two sets of common tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from skeldpo.languages.contract import Language
from skeldpo.records import Skeleton
from skeldpo.skeleton.masking import mask_words

METHOD = "lexical"
VERSION = 1


def common_tokens(programs: Sequence[str], language: Language) -> frozenset[str]:
    """The tokens that each of the programs contains; ValueError if there is no program."""
    if not programs:
        raise ValueError("common_tokens: needs at least one program, got none")
    return frozenset.intersection(*(frozenset(language.tokens(program)) for program in programs))


def lexical_skeleton(
    code: str, common: frozenset[str], language: Language, *, note: str = ""
) -> Skeleton:
    """The code with the word tokens outside `common` masked (`masking.mask_words` has the layout).

    Any text is taken, and masking the result again changes nothing.
    """
    masked = mask_words(code, lambda start, end: code[start:end] in common, language)
    return Skeleton(
        text=masked.text, method=METHOD, version=VERSION, kept_spans=masked.kept_spans, note=note
    )
