"""The skeleton of a program by the configured method: what pairs and commands call.

A program is masked by what its group shares (`lexical`, `syntactic`); with `contrast`, by what its
group shares and another group does not. Both rules look at distinct programs only, and too small a
group gives an empty skeleton whose note says so. Where the syntactic method cannot work, the
lexical one takes its place and the note says why. Pure, and the order of the programs does not
matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from skeldpo.config import SkeletonConfig
from skeldpo.records import Skeleton
from skeldpo.skeleton import lexical, syntactic
from skeldpo.skeleton.masking import tokens
from skeldpo.skeleton.syntactic import SharedParts
from skeldpo.skeleton.syntax import FEATURE_VERSION, Syntax, read_syntax

VERSIONS = {lexical.METHOD: lexical.VERSION, syntactic.METHOD: syntactic.VERSION}


def group_skeleton(
    code: str, group: Sequence[str], config: SkeletonConfig, *, against: Sequence[str] = ()
) -> Skeleton:
    """The skeleton of `code` by its group, of which it is one; `against` is for contrast only.

    A group of fewer than `config.min_group` distinct programs gives an empty skeleton: with one
    program nothing would be masked. `config.min_similarity` and `config.max_group` are for the
    caller, who makes the groups (`structure.alike_groups`).
    """
    members, others = _distinct([code, *group]), _distinct(against)
    if len(members) < config.min_group:
        return empty_skeleton(group_note(len(members), config.min_group), config.method)
    if config.contrast and len(others) < config.min_group:
        note = f"nothing to contrast with: {group_note(len(others), config.min_group)}"
        return empty_skeleton(note, config.method)
    if not config.contrast:
        others = []
    if config.method == lexical.METHOD:
        return _lexical(code, members, others, "")
    syntax = read_syntax(code)
    parsed = [_parsed(members), _parsed(others)]
    version = ".".join(map(str, FEATURE_VERSION))
    if syntax is None:
        note = f"lexical instead of syntactic: the program does not parse as Python {version}"
    elif len(parsed[0]) < config.min_group or (others and len(parsed[1]) < config.min_group):
        note = f"lexical instead of syntactic: too few of the group parse as Python {version}"
    else:
        return syntactic.syntactic_skeleton(
            code, syntax, SharedParts(parsed[0]), SharedParts(parsed[1])
        )
    return _lexical(code, members, others, note)


def empty_skeleton(note: str, method: str = lexical.METHOD) -> Skeleton:
    """No skeleton; `note` says why."""
    return Skeleton(text="", method=method, version=VERSIONS[method], kept_spans=(), note=note)


def group_note(num_programs: int, min_group: int) -> str:
    """Says that a group is too small."""
    noun = "program" if num_programs == 1 else "programs"
    return f"group of {num_programs} {noun}; needs {min_group}"


def _lexical(code: str, members: Sequence[str], others: Sequence[str], note: str) -> Skeleton:
    common = lexical.common_tokens(members)
    if others:
        common -= lexical.common_tokens(others)
    return lexical.lexical_skeleton(code, common, note=note)


def _parsed(programs: Sequence[str]) -> list[Syntax]:
    return [syntax for syntax in map(read_syntax, programs) if syntax is not None]


def _distinct(programs: Sequence[str]) -> list[str]:
    """One program for each sequence of tokens, in order of those."""
    return [
        program for _, program in sorted({tokens(each): each for each in sorted(programs)}.items())
    ]
