"""Where problems come from, and which of them a run practises on and is evaluated on.

A source of problems is a module with `matches` and `problem`, listed in SOURCES; what
`skeldpo.problems.reader` reads goes through them row by row. A mistake is a ValueError that names
its place and key; well-formed problems of other people's data sets that cannot be judged here are
left out and counted.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from skeldpo.config import ProblemsConfig
from skeldpo.judging.right_answers import several_answers
from skeldpo.problems import code_contests, effibench, evalplus, leetcode, mercury, own
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.families import all_families
from skeldpo.problems.family import family_problems
from skeldpo.problems.reader import ID_KEYS, has_types, read_rows
from skeldpo.records import Problem, content_id

FAMILIES = "families"
MAX_TESTS_BYTES = 64 << 20
"""Inputs and answers of a problem, in all: they go to the sandbox through one pipe."""
_NUM_NAMED = 3
"""Problems left out that a warning names."""

logger = logging.getLogger(__name__)


class Source(Protocol):
    """What the module of a source has."""

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Whether the row is in this source's format, by its keys."""

    def problem(self, row: Mapping[str, Any]) -> Problem:
        """Its problem. ValueError (or TypeError, KeyError, AttributeError) if the row is malformed,
        UnsupportedProblemError if it is not of a kind that can be judged here."""


SOURCES: tuple[Source, ...] = (code_contests, leetcode, mercury, effibench, evalplus, own)
"""The first that matches reads a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutProblem:
    """A well-formed problem of a data set that cannot be judged here, where it stands and why."""

    place: str
    problem_id: str
    reason: str


def load_problems(sources: Sequence[str], families: Sequence[str] = ()) -> list[Problem]:
    """Every problem of the sources: "families", or what `skeldpo.problems.reader` takes; ValueError
    when an id comes twice."""
    return list(iter_problems(sources, families))


def iter_problems(
    sources: Sequence[str],
    families: Sequence[str] = (),
    on_left_out: Callable[[LeftOutProblem], None] | None = None,
) -> Iterator[Problem]:
    """The problems of `load_problems`, one of a data set in memory at a time; those that are
    left out go to `on_left_out`, else into a warning."""
    seen: set[str] = set()
    for source in sources:
        found: Iterable[Problem]
        if source == FAMILIES:
            found = _family_problems(families)
        else:
            found = _data_problems(source, on_left_out)
        for problem in found:
            if problem.problem_id in seen:
                raise ValueError(f"{source}: problem_id {problem.problem_id!r} is there twice")
            seen.add(problem.problem_id)
            yield problem


def _data_problems(
    source: str, on_left_out: Callable[[LeftOutProblem], None] | None
) -> Iterator[Problem]:
    seen: set[str] = set()
    left_out: list[str] = []
    several: list[str] = []
    is_typed = has_types(source)
    for where, row in read_rows(source):
        try:
            if is_typed:
                own.require_kept_types(row)
            problem = problem_from_row(row, source=Path(source).name)
            _check_size(problem)
        except UnsupportedProblemError as error:
            left_out.append(f"{where}: {error}")
            if on_left_out is not None:
                key = next((str(row[key]) for key in ID_KEYS if row.get(key)), "")
                on_left_out(LeftOutProblem(place=where, problem_id=key, reason=str(error)))
            continue
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if problem.problem_id in seen:
            raise ValueError(f"{where}: problem_id {problem.problem_id!r} is there twice")
        seen.add(problem.problem_id)
        if several_answers(problem):
            several.append(problem.problem_id)
        yield problem
    some = f"{len(left_out)} problems left out, such as {'; '.join(left_out[:_NUM_NAMED])}"
    if not seen:
        reason = f" that can be judged: {some}" if left_out else ""
        raise ValueError(f"{source}: expected at least one problem, found none{reason}")
    if left_out and on_left_out is None:
        logger.warning("%s", some)
    if several:
        logger.warning(
            "%d problems take several answers, by their statements, and have no checker for them: "
            "no program is called wrong in a pair; such as %s",
            len(several),
            ", ".join(several[:_NUM_NAMED]),
        )


def problem_from_row(row: Mapping[str, Any], source: str) -> Problem:
    """The problem of a row; `source` names its data set where it does not do so itself. ValueError
    for what is none."""
    try:
        if not row.get("source"):
            row = {**row, "source": source}
        return next(module for module in SOURCES if module.matches(row)).problem(row)
    except (TypeError, KeyError, AttributeError, SyntaxError) as error:
        raise ValueError(f"no problem: {type(error).__name__}: {error}") from error


def _check_size(problem: Problem) -> None:
    size = sum(len(test.input_text) + len(test.expected_text) for test in problem.tests)
    if size > MAX_TESTS_BYTES:
        raise UnsupportedProblemError(
            f"problem {problem.problem_id!r}: its tests have {size >> 20} MiB, at most "
            f"{MAX_TESTS_BYTES >> 20} MiB are run"
        )


def training_problems(
    problems: Sequence[Problem], config: ProblemsConfig, *, round_index: int, seed: int
) -> list[Problem]:
    """The `num_train` problems of a round (counted from 1).

    All training problems stand in one seeded order and a round takes the next `num_train` of it,
    so that no problem comes again before every other one was used. Each source (a family is one)
    is spread evenly over the order: a round has of each its share, give or take one.
    """
    pool = _interleaved([p for p in problems if p.split == "train"], f"train {seed}")
    if not pool:
        raise ValueError(
            f"no problem of split 'train' in problems.sources {list(config.sources)} "
            f"(families: {list(config.families) or 'all'})"
        )
    start = (round_index - 1) * config.num_train
    count = min(config.num_train, len(pool))
    return [pool[(start + offset) % len(pool)] for offset in range(count)]


def evaluation_problems(
    problems: Sequence[Problem], config: ProblemsConfig, *, seed: int
) -> list[Problem]:
    """The held-out problems of a run: the same for every policy of it."""
    wanted = {
        "heldout_variant": config.num_heldout_variants,
        "heldout_family": config.num_heldout_families,
    }
    chosen = []
    for split, count in wanted.items():
        pool = _shuffled([p for p in problems if p.split == split], f"{split} {seed}")
        chosen += _spread(pool, count)
    return chosen


def _family_problems(names: Sequence[str]) -> list[Problem]:
    families = all_families()
    unknown = set(names) - {family.name for family in families}
    if unknown:
        known = ", ".join(sorted(family.name for family in families))
        raise ValueError(f"problems.families: no family {sorted(unknown)}; known: {known}")
    return [
        problem
        for family in families
        if not names or family.name in names
        for problem in family_problems(family)
    ]


def _shuffled(problems: Sequence[Problem], salt: str) -> list[Problem]:
    return sorted(problems, key=lambda problem: content_id(salt, problem.problem_id))


def _interleaved(problems: Sequence[Problem], salt: str) -> list[Problem]:
    """A seeded order in which the problems of a source stand at even distances."""
    sizes = Counter(problem.source for problem in problems)
    offsets = {source: random.Random(f"{salt} {source}").random() for source in sizes}
    places: Counter[str] = Counter()
    ranked = []
    for problem in _shuffled(problems, salt):
        place = (places[problem.source] + offsets[problem.source]) / sizes[problem.source]
        places[problem.source] += 1
        ranked.append((place, problem.problem_id, problem))
    return [problem for _, _, problem in sorted(ranked, key=lambda item: item[:2])]


def _spread(pool: Sequence[Problem], count: int) -> list[Problem]:
    """`count` problems that take turns over the sources, so that each family is represented."""
    turns: dict[str, int] = {}
    ranked = []
    for place, problem in enumerate(pool):
        turn = turns[problem.source] = turns.get(problem.source, 0) + 1
        ranked.append((turn, place, problem))
    return [problem for _, _, problem in sorted(ranked, key=lambda item: item[:2])[:count]]
