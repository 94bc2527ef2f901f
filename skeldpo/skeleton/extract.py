"""The skeleton of a program by the configured method: what pairs and commands call.

A program is masked by what its group shares (`lexical`, `syntactic`, `dynamic`); with `contrast`,
by what its group shares and another group does not. All rules look at distinct programs only, and
too small a group gives an empty skeleton whose note says so. Where another method cannot work, the
lexical one takes its place and the note says why. Pure, and the order of the programs does not
matter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from skeldpo.config import SkeletonConfig
from skeldpo.languages.contract import Language, Part, Span
from skeldpo.records import Skeleton
from skeldpo.skeleton import dynamic, lexical, syntactic
from skeldpo.skeleton.syntactic import SharedParts

VERSIONS = {
    lexical.METHOD: lexical.VERSION,
    syntactic.METHOD: syntactic.VERSION,
    dynamic.METHOD: dynamic.VERSION,
}
HotLines = Mapping[str, Collection[int]]
"""The lines that take a program's time, by its text; programs that were not profiled are not there.
"""


def group_skeleton(
    code: str,
    group: Sequence[str],
    config: SkeletonConfig,
    language: Language,
    *,
    against: Sequence[str] = (),
    hot_lines: HotLines | None = None,
) -> Skeleton:
    """The skeleton of `code` by its group, of which it is one; `against` is for contrast only,
    `hot_lines` for the dynamic method.

    With one program nothing would be masked, so a group of fewer than `config.min_group` distinct
    programs gives one by the lexical method for which the names that a program could change are not
    common, or with `config.alone` "none" an empty skeleton. `config.min_similarity` and
    `config.max_group` are for the caller, who makes the groups (`structure.alike_groups`).
    """
    members = _distinct([code, *group], language)
    others = _distinct(against, language) if config.contrast else []
    note = ""
    if len(members) < config.min_group:
        note = group_note(len(members), config.min_group)
    elif config.contrast and len(others) < config.min_group:
        note = f"nothing to contrast with: {group_note(len(others), config.min_group)}"
    if note and (config.alone == "none" or (config.contrast and not others)):
        return empty_skeleton(note, config.method)
    groups = _Groups(members=members, others=others, min_group=config.min_group, language=language)
    if note:
        return _alone(code, groups, note)
    if config.method == lexical.METHOD:
        return lexical.lexical_skeleton(code, groups.common, language)
    if config.method == dynamic.METHOD:
        return _dynamic(code, groups, hot_lines or {})
    return _syntactic(code, groups)


def prone_spans(
    code: str,
    group: Sequence[str],
    against: Sequence[str],
    config: SkeletonConfig,
    language: Language,
    *,
    hot_lines: HotLines | None = None,
) -> tuple[Span, ...]:
    """The words [start, end) of `code` that its group shares by the configured rule and the group
    that it stands against does not: efficiency-prone points of an efficient program,
    inefficiency-prone ones of an inefficient program.

    Any size of group will do; in one of fewer than `config.min_group` distinct programs the names
    that a program could change are no points.
    """
    groups = _Groups(
        members=_distinct([code, *group], language),
        others=_distinct(against, language),
        min_group=config.min_group,
        language=language,
    )
    common = _common_beside_names(groups.members, groups)
    if groups.others:
        common -= lexical.common_tokens(groups.others, language)
    kept = _kept_parts(code, groups, config, hot_lines or {})
    by_word = kept is None or config.method == dynamic.METHOD
    is_in_part = syntactic.flags(len(code), kept or ())
    return tuple(
        (lexeme.start, lexeme.end)
        for lexeme in language.lexemes(code)
        if lexeme.kind == "word"
        and (is_in_part[lexeme.start] or (by_word and code[lexeme.start : lexeme.end] in common))
    )


def _kept_parts(
    code: str, groups: _Groups, config: SkeletonConfig, hot_lines: HotLines
) -> list[Span] | None:
    """Where the parts are that only the members share; None of a method, or program, without."""
    read: list[list[Sequence[Part]]] = []
    for side in ([code], groups.members, groups.others):
        parts = [_parts(each, config, hot_lines, groups.language) for each in side]
        read.append([each for each in parts if each is not None])
    if not read[0]:
        return None
    return syntactic.kept_spans(read[0][0], SharedParts(read[1]), SharedParts(read[2]))


def _parts(
    code: str, config: SkeletonConfig, hot_lines: HotLines, language: Language
) -> Sequence[Part] | None:
    """What the method compares of a program; None if that is its words alone."""
    if config.method == dynamic.METHOD:
        return _hot_parts(code, hot_lines, language)
    syntax = language.read_syntax(code) if config.method == syntactic.METHOD else None
    return None if syntax is None else syntax.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    """Distinct programs: those of the group, and those it is contrasted with, or none."""

    members: Sequence[str]
    others: Sequence[str]
    min_group: int
    language: Language

    @property
    def common(self) -> frozenset[str]:
        """The tokens of all members that are not those of all others."""
        common = lexical.common_tokens(self.members, self.language)
        if not self.others:
            return common
        return common - lexical.common_tokens(self.others, self.language)

    def are_enough(self, members: Sequence[object], others: Sequence[object]) -> bool:
        """Whether what is left of both will do."""
        return len(members) >= self.min_group and (not self.others or len(others) >= self.min_group)


def empty_skeleton(note: str, method: str = lexical.METHOD) -> Skeleton:
    """No skeleton; `note` says why."""
    return Skeleton(text="", method=method, version=VERSIONS[method], kept_spans=(), note=note)


def group_note(num_programs: int, min_group: int) -> str:
    """Says that a group is too small."""
    noun = "program" if num_programs == 1 else "programs"
    return f"group of {num_programs} {noun}; needs {min_group}"


def _syntactic(code: str, groups: _Groups) -> Skeleton:
    language = groups.language
    syntax = language.read_syntax(code)
    members, others = (
        [read for read in map(language.read_syntax, side) if read is not None]
        for side in (groups.members, groups.others)
    )
    if syntax is None:
        note = f"the program does not parse as {language.GRAMMAR}"
    elif not groups.are_enough(members, others):
        note = f"too few of the group parse as {language.GRAMMAR}"
    else:
        shared, elsewhere = (
            SharedParts([read.parts for read in side]) for side in (members, others)
        )
        return syntactic.syntactic_skeleton(code, syntax, shared, elsewhere, language)
    note = f"lexical instead of syntactic: {note}"
    return lexical.lexical_skeleton(code, groups.common, language, note=note)


def _dynamic(code: str, groups: _Groups, hot_lines: HotLines) -> Skeleton:
    language = groups.language
    own = _hot_parts(code, hot_lines, language)
    members, others = (
        [parts for each in side if (parts := _hot_parts(each, hot_lines, language)) is not None]
        for side in (groups.members, groups.others)
    )
    if own is None:
        note = "the program was not profiled, or does not parse"
    elif not groups.are_enough(members, others):
        note = "too few of the group were profiled"
    else:
        return dynamic.dynamic_skeleton(
            code, own, SharedParts(members), SharedParts(others), groups.common, language
        )
    note = f"lexical instead of dynamic: {note}"
    return lexical.lexical_skeleton(code, groups.common, language, note=note)


def _hot_parts(code: str, hot_lines: HotLines, language: Language) -> tuple[Part, ...] | None:
    """None of a program that was not profiled or does not parse."""
    syntax = language.read_syntax(code) if code in hot_lines else None
    return None if syntax is None else dynamic.hot_parts(code, syntax, hot_lines[code])


def _alone(code: str, groups: _Groups, note: str) -> Skeleton:
    language = groups.language
    members, others = (
        _common_beside_names(side, groups) for side in (groups.members, groups.others)
    )
    skeleton = lexical.lexical_skeleton(
        code, members - others, language, note=f"by its names: {note}"
    )
    if language.tokens(skeleton.text) == language.tokens(code):
        return empty_skeleton(f"{note}, and no name of the program can be masked")
    return skeleton


def _common_beside_names(programs: Sequence[str], groups: _Groups) -> frozenset[str]:
    """The common tokens; in a small group without the names that a program could change."""
    if not programs:
        return frozenset()
    common = lexical.common_tokens(programs, groups.language)
    small = programs if len(programs) < groups.min_group else ()
    return common.difference(*(groups.language.own_names(program) for program in small))


def _distinct(programs: Sequence[str], language: Language) -> list[str]:
    """One program for each sequence of tokens, in order of those."""
    by_tokens = {language.tokens(each): each for each in sorted(programs)}
    return [program for _, program in sorted(by_tokens.items())]
