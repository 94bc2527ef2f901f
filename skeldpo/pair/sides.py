"""The two groups of a problem's programs, efficient and inefficient, and the skeletons they give.

The groups are those of a pair: a program is efficient if its time is nearer to that of the chosen
program than to that of the rejected one, as a ratio. So both have a group, also where the chosen
program is not the problem's fastest. Accepted programs of earlier rounds are on the side that they
had there: times of two sessions are never compared. Each side is divided into groups of programs
that are alike in structure (`skeleton.structure`), so that what a group shares says something; a
pair's skeletons come from the groups of its two sides. A program that was written several times
with other names is in its group with each text: what these share is what matters of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from skeldpo.config import SkeletonConfig
from skeldpo.languages.contract import Language, Span
from skeldpo.pair.earlier import NO_EARLIER, EarlierPrograms
from skeldpo.pair.judged import Program
from skeldpo.records import Skeleton
from skeldpo.skeleton.extract import (
    HotLines,
    empty_skeleton,
    group_note,
    group_skeleton,
    prone_spans,
)
from skeldpo.skeleton.structure import alike_groups, similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The texts of a side, most telling first and variants last, in groups that are alike."""

    name: str
    groups: tuple[tuple[str, ...], ...]

    def group_of(self, code: str, language: Language) -> tuple[str, ...]:
        """The group of a program, itself first; empty if the program is not of this side. One that
        only stands on other lines has its place there: both are masked alike."""
        tokens = language.tokens(code)
        for group in self.groups:
            others = tuple(each for each in group if language.tokens(each) != tokens)
            if len(others) < len(group):
                return (code, *others)
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Efficient: faster than the limit, fastest first. Inefficient: the others, slowest first.
    `hot_lines` are those of the programs that were profiled, by text."""

    efficient: Side
    inefficient: Side
    hot_lines: HotLines
    language: Language


def divide(
    accepted: Iterable[Program],
    limit: float,
    config: SkeletonConfig,
    language: Language,
    earlier: EarlierPrograms = NO_EARLIER,
) -> Sides:
    """The timed programs of a problem by their time over the baseline's, behind them the `earlier`
    ones that are not among them nor, with other names, on the other side, and each side by
    structure."""
    timed = sorted(
        (program for program in accepted if program.time_ratio > 0),
        key=lambda program: program.time_ratio,
    )
    fast = [program for program in timed if program.time_ratio < limit]
    slow = [program for program in reversed(timed) if program.time_ratio >= limit]
    tokens = language.tokens
    known = {tokens(text) for each in timed for text in (each.candidate.code, *each.variants)}
    before = [
        _of_no_program(
            [text for text in texts if tokens(text) not in known],
            opposite if texts else (),
            language,
        )
        for texts, opposite in ((earlier.efficient, slow), (earlier.inefficient, fast))
    ]
    return Sides(
        efficient=Side(name="efficient", groups=_groups(fast, before[0], config, language)),
        inefficient=Side(name="inefficient", groups=_groups(slow, before[1], config, language)),
        hot_lines={
            **earlier.hot_lines,
            **{
                text: each.hot_lines
                for each in timed
                for text in (each.candidate.code, *each.variants)
                if each.hot_lines and _same_lines(text, each.candidate.code, language)
            },
        },
        language=language,
    )


def pair_skeletons(
    chosen: str, rejected: str, sides: Sides, config: SkeletonConfig
) -> tuple[Skeleton, Skeleton]:
    """Of chosen and rejected code; both are empty, with the reason, unless both exist and differ.

    With one program in a group nothing would be masked: `config.alone` says what happens then.
    """
    reasons = []
    for code, side in ((chosen, sides.efficient), (rejected, sides.inefficient)):
        group = _group(code, side, config, sides.language)
        if code not in group:
            reasons.append(f"the program is not in the {side.name} group")
        elif len(group) < config.min_group and config.alone == "none":
            reasons.append(f"{side.name} {_small_group_note(group, side, config.min_group)}")
    if reasons:
        return _none(reasons, config)
    first, second = (
        _joined(
            group_skeleton(
                code, own, config, sides.language, against=other, hot_lines=sides.hot_lines
            ),
            len(own) - len(side.group_of(code, sides.language)[: config.max_group]),
        )
        for code, own, other, side in _both(chosen, rejected, sides, config)
    )
    for skeleton, side in ((first, sides.efficient), (second, sides.inefficient)):
        if not skeleton.text:
            reasons.append(f"{side.name} {skeleton.note}")
    if not reasons and first.text == second.text:
        reasons.append("chosen and rejected have the same skeleton")
    return _none(reasons, config) if reasons else (first, second)


def pair_points(
    chosen: str, rejected: str, sides: Sides, config: SkeletonConfig
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """What makes the difference, in chosen and rejected code: `PairSide.prone_spans`."""
    first, second = (
        prone_spans(code, own, other, config, sides.language, hot_lines=sides.hot_lines)
        for code, own, other, _ in _both(chosen, rejected, sides, config)
    )
    return first, second


def _both(
    chosen: str, rejected: str, sides: Sides, config: SkeletonConfig
) -> list[tuple[str, list[str], list[str], Side]]:
    """Of either side its code, its group and the other's."""
    efficient = _group(chosen, sides.efficient, config, sides.language)
    inefficient = _group(rejected, sides.inefficient, config, sides.language)
    return [
        (chosen, efficient, inefficient, sides.efficient),
        (rejected, inefficient, efficient, sides.inefficient),
    ]


def _group(code: str, side: Side, config: SkeletonConfig, language: Language) -> list[str]:
    """The programs that skeletons of a program are made of, itself first."""
    group = list(side.group_of(code, language))
    if len(group) < config.min_group and config.alone == "nearest":
        known = set(map(language.tokens, group))
        others = [
            each for other in side.groups for each in other if language.tokens(each) not in known
        ]
        others.sort(key=lambda each: -similarity(code, each, language))
        group += others[: config.min_group - len(group)]
    return group[: config.max_group]


def _joined(skeleton: Skeleton, num_joined: int) -> Skeleton:
    """With a note of the programs that joined the group."""
    if num_joined < 1 or not skeleton.text:
        return skeleton
    noun = "program" if num_joined == 1 else "programs"
    note = f"its group was joined by {num_joined} {noun} less alike"
    return replace(skeleton, note="; ".join(filter(None, (skeleton.note, note))))


def _none(reasons: Sequence[str], config: SkeletonConfig) -> tuple[Skeleton, Skeleton]:
    empty = empty_skeleton("; ".join(reasons), config.method)
    return empty, empty


def _groups(
    programs: Sequence[Program], earlier: Sequence[str], config: SkeletonConfig, language: Language
) -> tuple[tuple[str, ...], ...]:
    tokens = language.tokens
    texts = {tokens(program.candidate.code): program.candidate.code for program in programs}
    for program in programs:
        for variant in program.variants:
            texts.setdefault(tokens(variant), variant)
    for text in earlier:
        texts.setdefault(tokens(text), text)
    codes = tuple(texts.values())
    if config.min_similarity == 0:
        return (codes,) if codes else ()
    return tuple(alike_groups(codes, config.min_similarity, language))


def _of_no_program(
    texts: Sequence[str], programs: Iterable[Program], language: Language
) -> list[str]:
    """Those that are none of the programs with other names or comments."""
    key = language.normalize_program
    known = {key(program.candidate.code) for program in programs}
    return [text for text in texts if key(text) not in known]


def _same_lines(first: str, second: str, language: Language) -> bool:
    """Whether two texts of a program have the same in each line, but for names: then the lines that
    take the time of one are those of the other."""
    numbers = (
        [len(language.tokens(line)) for line in text.splitlines()] for text in (first, second)
    )
    return first == second or next(numbers) == next(numbers)


def _small_group_note(group: Sequence[str], side: Side, min_group: int) -> str:
    num_others = sum(len(other) for other in side.groups) - len(group)
    unlike = f" ({num_others} more are unlike in structure)" if num_others else ""
    return group_note(len(group), min_group) + unlike
