"""What a built-in problem family is, and how it becomes many distinct problems.

A family is one algorithmic task with several variations (each changes the answer), several wordings
of each variation, several sets of names, a seeded input generator that takes a size, and known
programs of at least two running-time classes. Texts are `string.Template`s: `$fn` is the entry
point and the parameters are `$a`, `$b`, ... in signature order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from string import Template

from skeldpo.languages import python
from skeldpo.records import Example, KnownProgram, Problem, content_id
from skeldpo.values import encode

SOURCE_PREFIX = "families/"
"""Problems whose source is this and a name are variants of the one task of that name."""
HELD_OUT_SHARE = 6
"""One problem in this many of a trained family is kept for the split `heldout_variant`: a wording
of a variation with a set of names that training never shows together."""
ANY_SIZE = 1 << 40
"""`Problem.max_size` of every family: no wording limits how large the input may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One meaning of the task: its wordings, its programs and tests that fix the answer.

    `tests` are (arguments, expected) written out by hand, so that programs and statement can be
    checked against something that no program computed. The first fast program is the reference.
    """

    name: str
    wordings: tuple[str, ...]
    fast: tuple[str, ...]
    slow: tuple[str, ...]
    tests: tuple[tuple[list, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A task. `generator` is Python source of `generate_input(size, seed)`: the arguments for an
    input of about `size` elements; it must only import from the standard library. `checker` is a
    name of `skeldpo.checkers` or Python source of `check(input, answer, expected)`."""

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
    for variation in family.variations:
        for index, wording in enumerate(variation.wordings):
            for names in _name_sets(family):
                yield _problem(family, variation, wording, index, names)


def _problem(
    family: Family, variation: Variation, wording: str, wording_index: int, names: dict[str, str]
) -> Problem:
    def fill(text: str) -> str:
        return Template(text).substitute(names)

    statement = fill(wording)
    parameters = [names[key] for key in itertools.islice(_parameter_keys(), len(family.parameters))]
    known = [KnownProgram(code=fill(code), speed="fast") for code in variation.fast]
    known += [KnownProgram(code=fill(code), speed="slow") for code in variation.slow]
    return Problem(
        problem_id=f"{family.name}-{content_id(family.name, variation.name, statement, names)}",
        language=python.NAME,
        source=f"{SOURCE_PREFIX}{family.name}",
        split=_split(family, variation, wording_index, names),
        difficulty=family.difficulty,
        kind="function",
        statement=statement,
        entry_point=names["fn"],
        starter_code=f"def {names['fn']}({', '.join(parameters)}):",
        tests=tuple(_example(arguments, expected) for arguments, expected in variation.tests),
        generators=(family.generator,),
        checker=family.checker,
        reference=known[0].code,
        solutions=tuple(known),
        max_size=ANY_SIZE,
    )


def _example(arguments: list, expected: object) -> Example:
    return Example(input_text=encode(arguments), expected_text=encode(expected))


def _split(family: Family, variation: Variation, wording_index: int, names: dict[str, str]) -> str:
    if family.held_out:
        return "heldout_family"
    draw = int(content_id("split", family.name, variation.name, wording_index, names["fn"]), 16)
    return "heldout_variant" if draw % HELD_OUT_SHARE == 0 else "train"


def _name_sets(family: Family) -> Iterator[dict[str, str]]:
    for index, entry_point in enumerate(family.entry_points):
        names = {"fn": entry_point}
        for key, choices in zip(_parameter_keys(), family.parameters, strict=False):
            names[key] = choices[index % len(choices)]
        yield names


def _parameter_keys() -> Iterator[str]:
    return iter("abcdefg")
