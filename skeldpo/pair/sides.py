"""The two groups of a problem's programs, efficient and inefficient, and the skeletons they give.

The groups are those of a pair: a program is efficient if its time is nearer to that of the chosen
program than to that of the rejected one, as a ratio. So both have a group, also where the chosen
program is not the problem's fastest. Each side is divided into groups of programs that are alike in
structure (`skeleton.structure`), so that what a group shares says something; a pair's skeletons
come from the groups of its two sides. A program that was written several times with other names is
in its group with each text: what these share is what matters of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skeldpo.config import SkeletonConfig
from skeldpo.languages.contract import Language
from skeldpo.pair.judged import Program
from skeldpo.records import Skeleton
from skeldpo.skeleton.extract import HotLines, empty_skeleton, group_note, group_skeleton
from skeldpo.skeleton.structure import alike_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The texts of a side, most telling first and variants last, in groups that are alike."""

    name: str
    groups: tuple[tuple[str, ...], ...]

    def group_of(self, code: str) -> tuple[str, ...]:
        """The group of a program; empty if the program is not of this side."""
        return next((group for group in self.groups if code in group), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Efficient: faster than the limit, fastest first. Inefficient: the others, slowest first.
    `hot_lines` are those of the programs that were profiled, by text."""

    efficient: Side
    inefficient: Side
    hot_lines: HotLines
    language: Language


def divide(
    accepted: Iterable[Program], limit: float, config: SkeletonConfig, language: Language
) -> Sides:
    """The timed programs of a problem by their time over the baseline's, and each side by
    structure."""
    timed = sorted(
        (program for program in accepted if program.time_ratio > 0),
        key=lambda program: program.time_ratio,
    )
    fast = [program for program in timed if program.time_ratio < limit]
    slow = [program for program in reversed(timed) if program.time_ratio >= limit]
    return Sides(
        efficient=Side(name="efficient", groups=_groups(fast, config, language)),
        inefficient=Side(name="inefficient", groups=_groups(slow, config, language)),
        hot_lines={each.candidate.code: each.hot_lines for each in timed if each.hot_lines},
        language=language,
    )


def middle(first: Program, second: Program) -> float:
    """The time ratio that is as far from the one program's as from the other's."""
    return math.sqrt(first.time_ratio * second.time_ratio)


def pair_skeletons(
    chosen: str, rejected: str, sides: Sides, config: SkeletonConfig
) -> tuple[Skeleton, Skeleton]:
    """Of chosen and rejected code; both are empty, with the reason, unless both exist and differ.

    With one program in a group nothing would be masked: `config.alone` says what happens then.
    """
    groups = []
    reasons = []
    for code, side in ((chosen, sides.efficient), (rejected, sides.inefficient)):
        group = side.group_of(code)
        groups.append([code, *(each for each in group if each != code)][: config.max_group])
        if not group:
            reasons.append(f"the program is not in the {side.name} group")
        elif len(group) < config.min_group and config.alone == "none":
            reasons.append(f"{side.name} {_small_group_note(group, side, config.min_group)}")
    if reasons:
        return _none(reasons, config)
    first, second = (
        group_skeleton(code, own, config, sides.language, against=other, hot_lines=sides.hot_lines)
        for code, own, other in (
            (chosen, groups[0], groups[1]),
            (rejected, groups[1], groups[0]),
        )
    )
    for skeleton, side in ((first, sides.efficient), (second, sides.inefficient)):
        if not skeleton.text:
            reasons.append(f"{side.name} {skeleton.note}")
    if not reasons and first.text == second.text:
        reasons.append("chosen and rejected have the same skeleton")
    return _none(reasons, config) if reasons else (first, second)


def _none(reasons: Sequence[str], config: SkeletonConfig) -> tuple[Skeleton, Skeleton]:
    empty = empty_skeleton("; ".join(reasons), config.method)
    return empty, empty


def _groups(
    programs: Sequence[Program], config: SkeletonConfig, language: Language
) -> tuple[tuple[str, ...], ...]:
    tokens = language.tokens
    texts = {tokens(program.candidate.code): program.candidate.code for program in programs}
    for program in programs:
        for variant in program.variants:
            texts.setdefault(tokens(variant), variant)
    codes = tuple(texts.values())
    if config.min_similarity == 0:
        return (codes,) if codes else ()
    return tuple(alike_groups(codes, config.min_similarity, language))


def _small_group_note(group: Sequence[str], side: Side, min_group: int) -> str:
    num_others = sum(len(other) for other in side.groups) - len(group)
    unlike = f" ({num_others} more are unlike in structure)" if num_others else ""
    return group_note(len(group), min_group) + unlike
