"""Programs that are alike in structure: what two-pointer and dictionary programs do not share.

Two programs are compared by the node types that follow each other in their syntax and the names of
what they call and import (by their tokens where one does not parse), as the share of these that
both have. Groups are made by complete linkage, so every two programs of one are alike. Pure, and
the order of the programs does not matter.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from skeldpo.languages.contract import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    """What a program is compared by; `edges` is None if it does not parse."""

    edges: frozenset[str] | None
    words: frozenset[str]


def similarity(first: str, second: str, language: Language) -> float:
    """What two programs have in common, over what they have in all (0 to 1)."""
    return _likeness(_traits(first, language), _traits(second, language))


def alike_groups(
    programs: Sequence[str], min_similarity: float, language: Language
) -> list[tuple[str, ...]]:
    """The programs in groups of which every two have `min_similarity`; each program is in one.

    The two groups whose least similar programs are most similar are joined until none are similar
    enough. Within a group programs stand as they came, and the groups by their first program.
    """
    distinct = sorted(set(programs))
    groups = [[index] for index in range(len(distinct))]
    traits = [_traits(program, language) for program in distinct]
    alike = {
        (first, second): _likeness(traits[first], traits[second])
        for first, second in itertools.combinations(range(len(distinct)), 2)
    }
    while alike:
        (first, second), best = max(alike.items(), key=lambda item: (item[1], item[0]))
        if best < min_similarity:
            break
        groups[first] += groups[second]
        groups[second] = []
        for other in range(len(groups)):
            with_second = alike.pop((min(second, other), max(second, other)), None)
            key = min(first, other), max(first, other)
            if with_second is not None and key in alike:
                alike[key] = min(alike[key], with_second)
    group_of = {distinct[index]: number for number, group in enumerate(groups) for index in group}
    made: dict[int, list[str]] = {}
    for program in programs:
        made.setdefault(group_of[program], []).append(program)
    return [tuple(group) for group in made.values()]


def _traits(program: str, language: Language) -> _Traits:
    syntax = language.read_syntax(program)
    words = frozenset(language.tokens(program))
    return _Traits(edges=syntax.edges if syntax else None, words=words)


def _likeness(first: _Traits, second: _Traits) -> float:
    if first.edges is None or second.edges is None:
        return _overlap(first.words, second.words)
    return _overlap(first.edges, second.edges)


def _overlap(first: frozenset[str], second: frozenset[str]) -> float:
    union = len(first | second)
    return len(first & second) / union if union else 1.0
