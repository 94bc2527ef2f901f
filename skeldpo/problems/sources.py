"""Which problems a run practises on and which it is evaluated on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from skeldpo.config import ProblemsConfig
from skeldpo.problems.families import all_families
from skeldpo.problems.family import family_problems
from skeldpo.problems.formats import LeftOutProblem, iter_problem_file
from skeldpo.records import Problem, content_id

FAMILIES = "families"


def load_problems(sources: Sequence[str], families: Sequence[str] = ()) -> list[Problem]:
    """Every problem of the sources ("families" or a file); ValueError when an id comes twice."""
    return list(iter_problems(sources, families))


def iter_problems(
    sources: Sequence[str],
    families: Sequence[str] = (),
    on_left_out: Callable[[LeftOutProblem], None] | None = None,
) -> Iterator[Problem]:
    """The problems of `load_problems`, one of a file in memory at a time; those of files that are
    left out go to `on_left_out`, else into a warning."""
    seen: set[str] = set()
    for source in sources:
        found: Iterable[Problem]
        if source == FAMILIES:
            found = _family_problems(families)
        else:
            found = iter_problem_file(source, on_left_out)
        for problem in found:
            if problem.problem_id in seen:
                raise ValueError(f"{source}: problem_id {problem.problem_id!r} is there twice")
            seen.add(problem.problem_id)
            yield problem


def training_problems(
    problems: Sequence[Problem], config: ProblemsConfig, *, round_index: int, seed: int
) -> list[Problem]:
    """The `num_train` problems of a round (counted from 1).

    All training problems stand in one seeded order and a round takes the next `num_train` of it,
    so that no problem comes again before every other one was used.
    """
    pool = _shuffled([p for p in problems if p.split == "train"], f"train {seed}")
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


def _spread(pool: Sequence[Problem], count: int) -> list[Problem]:
    """`count` problems that take turns over the sources, so that each family is represented."""
    turns: dict[str, int] = {}
    ranked = []
    for place, problem in enumerate(pool):
        turn = turns[problem.source] = turns.get(problem.source, 0) + 1
        ranked.append((turn, place, problem))
    return [problem for _, _, problem in sorted(ranked, key=lambda item: item[:2])[:count]]
