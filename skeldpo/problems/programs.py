"""Given programs (human ones, another tool's) as candidates for problems."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from skeldpo.answers import Wanted
from skeldpo.config import GenerateConfig
from skeldpo.problems.program_files import program_entries
from skeldpo.records import Assignment, Candidate, Problem, content_id


def require_list_of_texts(what: str, texts: Iterable[str]) -> None:
    """ValueError unless they are texts, and not one: that would be taken for its letters."""
    if isinstance(texts, str):
        raise ValueError(f"{what}: expected a list of texts, got a text; put it into a list")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"{what}: number {place} must be text, got {type(text).__name__}; of a "
                "conversation give message[-1]['content']"
            )


def dataset_candidates(problem: Problem, codes: Iterable[str]) -> tuple[Candidate, ...]:
    """Programs for a problem that no policy wrote, in the given order."""
    return tuple(
        Candidate(
            candidate_id=content_id(problem.problem_id, "dataset", index, code),
            problem_id=problem.problem_id,
            language=problem.language,
            code=code,
            origin="dataset",
            model_id="",
            round_index=0,
            sample_index=index,
            seed=0,
            finish_reason="",
            prompt_token_ids=(),
            completion_token_ids=(),
        )
        for index, code in enumerate(codes)
    )


def given_assignment(problem: Problem, codes: Iterable[str]) -> Assignment:
    """Asks for the measurements, as for pairs, of given programs alone."""
    return Assignment(
        problem=problem,
        purpose="train",
        round_index=0,
        num_samples=0,
        temperature=0.0,
        seed=0,
        candidates=dataset_candidates(problem, codes),
    )


def known_candidates(problem: Problem) -> tuple[Candidate, ...]:
    """The known programs of a problem as candidates."""
    return dataset_candidates(problem, (p.code for p in problem.solutions))


def training_assignment(
    problem: Problem, generate: GenerateConfig, round_index: int, seed: int
) -> Assignment:
    """Asks for samples of a training problem, for programs that it brings, or for both."""
    uses_data = generate.programs != "policy"
    return Assignment(
        problem=problem,
        purpose="train",
        round_index=round_index,
        num_samples=0 if generate.programs == "data" else generate.num_samples,
        temperature=generate.temperature,
        seed=seed,
        candidates=training_candidates(problem, generate.max_known, seed) if uses_data else (),
    )


def training_candidates(problem: Problem, max_known: int, seed: int) -> tuple[Candidate, ...]:
    """At most `max_known` of the programs that a training problem brings, for a round of it.

    They are taken in turns from its fast, slow, unrated and wrong programs, in a seeded order of
    each. A program has the same id in every choice.
    """
    by_kind: dict[str, list[Candidate]] = {"fast": [], "slow": [], "unknown": [], "wrong": []}
    kinds = [known.speed for known in problem.solutions] + ["wrong"] * len(problem.wrong_programs)
    codes = [*(known.code for known in problem.solutions), *problem.wrong_programs]
    for kind, candidate in zip(kinds, dataset_candidates(problem, codes), strict=True):
        by_kind[kind].append(candidate)
    order = random.Random(seed)
    for group in by_kind.values():
        order.shuffle(group)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_kind.values()))
    chosen = [candidate for candidate in turns if candidate is not None][:max_known]
    return tuple(sorted(chosen, key=lambda candidate: candidate.sample_index))


def read_programs(
    path: str | Path, wanted: Mapping[str, Wanted], left_out: Collection[str] = ()
) -> dict[str, list[str]]:
    """problem_id -> programs, for the problems of `wanted`, which says what programs of each are;
    those for problems that are `left_out` are passed over.

    Reads what `skeldpo.problems.program_files` does. Bytes that are no UTF-8 become NUL, which
    no language takes. ValueError names the line or file of an entry that has no program, or whose
    problem is unknown.
    """
    programs: dict[str, list[str]] = {}
    source = Path(path).expanduser()  # in --programs=FILE no shell has done it
    if not source.exists():
        raise ValueError(f"no file at {source}; expected a file or folder of programs")
    for entry in program_entries(source):
        if entry.reason and entry.held_as != "file":
            raise ValueError(f"{entry.place}: {entry.reason}")
        problem_id = next((name for name in entry.names if name in wanted), None)
        if problem_id is None and any(name in left_out for name in entry.names):
            continue
        if problem_id is None:
            raise ValueError(
                f"{entry.place}: no problem {entry.names[-1]!r} among the {len(wanted)} problems"
            )
        code = entry.answer(wanted[problem_id]).code
        programs.setdefault(problem_id, []).append(code)
    if not programs:
        raise ValueError(f"{source}: expected programs, found none")
    return programs
