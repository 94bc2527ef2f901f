"""The syntactic skeleton: parts of the syntax that a group shares stay, other words become `_`.

EffiSkel's rule (arXiv 2606.06821; docs/METHOD.md, section 2): syntax subtrees whose sets of node
types overlap by more than 0.8 and that are in at least half of the solutions; their tokens are
kept. Departures, each because the rule as it stands would keep everything or break the syntax:

- a compound statement counts by its header, and its body by itself: else the whole program is a
  subtree that its group shares;
- a subtree needs MIN_NODE_TYPES node types: `f(x)` and `x[i]` are in every program;
- half of the group, but never fewer than two programs: of two, half would be the program itself;
- keywords and what a `match` pattern cannot say with `_` stay, strings that are joined become one
  mask: so the result parses, with `_` as a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skeldpo.languages.contract import Language, Part, Span, Syntax
from skeldpo.records import Skeleton
from skeldpo.skeleton.masking import mask_words

METHOD = "syntactic"
VERSION = 1
MIN_OVERLAP = 0.8
"""Of two sets of node types (common over all); subtrees overlap if theirs is larger."""
MIN_SHARE = 0.5
MIN_NODE_TYPES = 3


class SharedParts:
    """Which parts the programs of a group, given by theirs, share. No programs: none."""

    def __init__(self, group: Sequence[Sequence[Part]]) -> None:
        self._programs = [
            frozenset(part.node_types for part in parts if _counts(part.node_types))
            for parts in group
        ]
        self._num_needed = min(max(2, -int(-MIN_SHARE * len(group) // 1)), len(group))
        self._known: dict[int, bool] = {}

    def has(self, node_types: int) -> bool:
        """Whether enough of the programs have a part like it."""
        if node_types not in self._known:
            count = sum(_is_in(node_types, program) for program in self._programs)
            self._known[node_types] = bool(self._programs) and count >= self._num_needed
        return self._known[node_types]


def syntactic_skeleton(
    code: str, syntax: Syntax, shared: SharedParts, elsewhere: SharedParts, language: Language
) -> Skeleton:
    """The code with the words masked that are in no part `shared` by the group; parts that are
    shared `elsewhere` too do not count (`SharedParts([])`: they all do).

    `syntax` is that of the code. Masking the result again changes nothing, and it parses.
    """
    kept = kept_spans(syntax.parts, shared, elsewhere)
    is_kept = flags(len(code), [*kept, *syntax.fixed_spans])
    masked = mask_words(
        code, lambda start, end: bool(is_kept[start]), language, joined=syntax.joined
    )
    return Skeleton(
        text=masked.text, method=METHOD, version=VERSION, kept_spans=masked.kept_spans, note=""
    )


def kept_spans(parts: Iterable[Part], shared: SharedParts, elsewhere: SharedParts) -> list[Span]:
    """Where the parts are that are `shared` and not `elsewhere`."""
    return [
        span
        for part in parts
        if _counts(part.node_types)
        and shared.has(part.node_types)
        and not elsewhere.has(part.node_types)
        for span in part.spans
    ]


def flags(length: int, spans: Iterable[Span]) -> bytearray:
    """1 for every character in one of the spans."""
    made = bytearray(length)
    for start, end in spans:
        made[start:end] = b"\1" * (end - start)
    return made


def _counts(node_types: int) -> bool:
    return node_types.bit_count() >= MIN_NODE_TYPES


def _is_in(node_types: int, program: frozenset[int]) -> bool:
    return node_types in program or any(
        (node_types & other).bit_count() > MIN_OVERLAP * (node_types | other).bit_count()
        for other in program
    )
