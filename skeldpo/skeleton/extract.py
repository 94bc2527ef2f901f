"""The skeleton of a program by the configured method: what pairs and commands call.

A program is masked by what its group shares (`lexical`, `syntactic`, `dynamic`); with `contrast`,
by what its group shares and another group does not. All rules look at distinct programs only, and
too small a group gives an empty skeleton whose note says so. Where another method cannot work, the
lexical one takes its place and the note says why. Pure, and the order of the programs does not
matter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from skeldpo.config import SkeletonConfig
from skeldpo.program import own_names
from skeldpo.records import Skeleton
from skeldpo.skeleton import dynamic, lexical, syntactic
from skeldpo.skeleton.masking import tokens
from skeldpo.skeleton.syntactic import SharedParts
from skeldpo.skeleton.syntax import FEATURE_VERSION, Part, Syntax, read_syntax

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
    *,
    against: Sequence[str] = (),
    hot_lines: HotLines | None = None,
) -> Skeleton:
    """The skeleton of `code` by its group, of which it is one; `against` is for contrast only,
    `hot_lines` for the dynamic method.

    With one program nothing would be masked, so a group of fewer than `config.min_group` distinct
    programs gives an empty skeleton, or with `config.alone` "names" one by the lexical method for
    which the names that a program could change are not common. `config.min_similarity` and
    `config.max_group` are for the caller, who makes the groups (`structure.alike_groups`).
    """
    members = _distinct([code, *group])
    others = _distinct(against) if config.contrast else []
    note = ""
    if len(members) < config.min_group:
        note = group_note(len(members), config.min_group)
    elif config.contrast and len(others) < config.min_group:
        note = f"nothing to contrast with: {group_note(len(others), config.min_group)}"
    if note and (config.alone == "none" or (config.contrast and not others)):
        return empty_skeleton(note, config.method)
    if note:
        return _alone(code, members, others, config.min_group, note)
    if config.method == lexical.METHOD:
        return lexical.lexical_skeleton(code, _common(members, others))
    if config.method == dynamic.METHOD:
        return _dynamic(code, members, others, hot_lines or {}, config.min_group)
    return _syntactic(code, members, others, config.min_group)


def empty_skeleton(note: str, method: str = lexical.METHOD) -> Skeleton:
    """No skeleton; `note` says why."""
    return Skeleton(text="", method=method, version=VERSIONS[method], kept_spans=(), note=note)


def group_note(num_programs: int, min_group: int) -> str:
    """Says that a group is too small."""
    noun = "program" if num_programs == 1 else "programs"
    return f"group of {num_programs} {noun}; needs {min_group}"


def _syntactic(
    code: str, members: Sequence[str], others: Sequence[str], min_group: int
) -> Skeleton:
    syntax = read_syntax(code)
    parsed = [_parsed(members), _parsed(others)]
    version = ".".join(map(str, FEATURE_VERSION))
    if syntax is None:
        note = f"the program does not parse as Python {version}"
    elif len(parsed[0]) < min_group or (others and len(parsed[1]) < min_group):
        note = f"too few of the group parse as Python {version}"
    else:
        return syntactic.syntactic_skeleton(
            code, syntax, *(SharedParts([each.parts for each in side]) for side in parsed)
        )
    return lexical.lexical_skeleton(
        code, _common(members, others), note=f"lexical instead of syntactic: {note}"
    )


def _dynamic(
    code: str,
    members: Sequence[str],
    others: Sequence[str],
    hot_lines: HotLines,
    min_group: int,
) -> Skeleton:
    own = _hot_parts(code, hot_lines)
    sides = [
        [parts for each in side if (parts := _hot_parts(each, hot_lines)) is not None]
        for side in (members, others)
    ]
    if own is None:
        note = "the program was not profiled, or does not parse"
    elif len(sides[0]) < min_group or (others and len(sides[1]) < min_group):
        note = "too few of the group were profiled"
    else:
        return dynamic.dynamic_skeleton(
            code, own, SharedParts(sides[0]), SharedParts(sides[1]), _common(members, others)
        )
    return lexical.lexical_skeleton(
        code, _common(members, others), note=f"lexical instead of dynamic: {note}"
    )


def _hot_parts(code: str, hot_lines: HotLines) -> tuple[Part, ...] | None:
    """None of a program that was not profiled or does not parse."""
    syntax = read_syntax(code) if code in hot_lines else None
    return None if syntax is None else dynamic.hot_parts(code, syntax, hot_lines[code])


def _alone(
    code: str, members: Sequence[str], others: Sequence[str], min_group: int, note: str
) -> Skeleton:
    sides = [_common_beside_names(side, min_group) for side in (members, others)]
    skeleton = lexical.lexical_skeleton(code, sides[0] - sides[1], note=f"by its names: {note}")
    if tokens(skeleton.text) == tokens(code):
        return empty_skeleton(f"{note}, and no name of the program can be masked")
    return skeleton


def _common_beside_names(programs: Sequence[str], min_group: int) -> frozenset[str]:
    """The common tokens; in a small group without the names that a program could change."""
    if not programs:
        return frozenset()
    common = lexical.common_tokens(programs)
    small = programs if len(programs) < min_group else ()
    return common.difference(*(own_names(program) for program in small))


def _common(members: Sequence[str], others: Sequence[str]) -> frozenset[str]:
    common = lexical.common_tokens(members)
    return common - lexical.common_tokens(others) if others else common


def _parsed(programs: Sequence[str]) -> list[Syntax]:
    return [syntax for syntax in map(read_syntax, programs) if syntax is not None]


def _distinct(programs: Sequence[str]) -> list[str]:
    """One program for each sequence of tokens, in order of those."""
    return [
        program for _, program in sorted({tokens(each): each for each in sorted(programs)}.items())
    ]
