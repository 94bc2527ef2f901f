"""What a built-in problem family is, and how it becomes many distinct problems.

A family is one algorithmic task with several variations (each changes the answer), several wordings
of each variation, several sets of names, a seeded input generator that takes a size, and known
programs of at least two running-time classes. Texts are written with the first set of names:
programs as they are, wordings with `$` before each name (`string.Template`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import Template

from skeldpo.languages import python
from skeldpo.records import Example, KnownProgram, Problem, content_id

SOURCE_PREFIX = "families/"
"""Problems whose source is this and a name are variants of the one task of that name."""
HELD_OUT_SHARE = 6
"""One problem in this many of a trained family is kept for the split `heldout_variant`: a wording
of a variation with a set of names that training never shows together."""
ANY_SIZE = 1 << 40
"""`Problem.max_size` of every family: no wording limits how large the input may be."""
_NAMES_IN_ID = ("fn", *"abcdefg")
"""What the entry point and the parameters are called in the text whose hash is a problem's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One meaning of the task: its wordings, its programs and tests that fix the answer.

    `tests` are written out by hand, so that programs and statement can be checked against something
    that no program computed. The first program is the reference, and fast.
    """

    name: str
    wordings: tuple[str, ...]
    programs: tuple[KnownProgram, ...]
    tests: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A task. `generator` is Python source of `generate_input(size, seed)`: the arguments for an
    input of about `size` elements; it must only import from the standard library. `checker` is a
    name of `skeldpo.judging.checkers` or Python source of `check(input, answer, expected)`."""

    name: str
    topic: str
    difficulty: str
    entry_points: tuple[str, ...]
    parameters: tuple[tuple[str, ...], ...]
    variations: tuple[Variation, ...]
    generator: str
    checker: str
    held_out: bool


def family_of(source: str) -> str:
    """The family that a problem's source names; "" for a problem of its own."""
    return source.removeprefix(SOURCE_PREFIX) if source.startswith(SOURCE_PREFIX) else ""


def family_problems(family: Family) -> Iterator[Problem]:
    """Every problem of the family, in a fixed order: variations x wordings x names.

    Names: the i-th entry point goes with the i-th choice of every parameter, so that a family with
    three entry points gives three problems a wording.
    """
    name_sets = list(_name_sets(family))
    for variation in family.variations:
        renamed = [_renamed(variation.programs, names) for names in name_sets]
        for index, wording in enumerate(variation.wordings):
            for names, programs in zip(name_sets, renamed, strict=True):
                statement = Template(wording).substitute(names)
                yield _problem(family, variation, index, statement, names, programs)


def _problem(
    family: Family,
    variation: Variation,
    wording_index: int,
    statement: str,
    names: dict[str, str],
    programs: tuple[KnownProgram, ...],
) -> Problem:
    entry_point, *parameters = names.values()
    in_id = dict(zip(_NAMES_IN_ID, names.values(), strict=False))
    return Problem(
        problem_id=f"{family.name}-{content_id(family.name, variation.name, statement, in_id)}",
        language=python.NAME,
        source=f"{SOURCE_PREFIX}{family.name}",
        split=_split(family, variation, wording_index, entry_point),
        difficulty=family.difficulty,
        kind="function",
        statement=statement,
        entry_point=entry_point,
        starter_code=f"def {entry_point}({', '.join(parameters)}):",
        tests=variation.tests,
        generators=(family.generator,),
        checker=family.checker,
        reference=programs[0].code,
        solutions=programs,
        max_size=ANY_SIZE,
    )


def _renamed(programs: tuple[KnownProgram, ...], names: dict[str, str]) -> tuple[KnownProgram, ...]:
    """The programs with other names. What stands after a dot is an attribute and stays."""
    whole_name = re.compile(rf"(?<![\w.])(?:{'|'.join(names)})(?!\w)")
    return tuple(
        replace(known, code=whole_name.sub(lambda found: names[found[0]], known.code))
        for known in programs
    )


def _split(family: Family, variation: Variation, wording_index: int, entry_point: str) -> str:
    if family.held_out:
        return "heldout_family"
    draw = int(content_id("split", family.name, variation.name, wording_index, entry_point), 16)
    return "heldout_variant" if draw % HELD_OUT_SHARE == 0 else "train"


def _name_sets(family: Family) -> Iterator[dict[str, str]]:
    """Names by those of the first set: the entry point's, then the parameters' in order."""
    choices = (family.entry_points, *family.parameters)
    for index in range(len(family.entry_points)):
        yield {names[0]: names[index % len(names)] for names in choices}
