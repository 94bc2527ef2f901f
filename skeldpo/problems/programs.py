"""Given programs (human ones, another tool's) as candidates for problems."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.formats import problem_from_row, read_rows
from skeldpo.records import Candidate, Problem, content_id

_NOT_TEXT = re.compile("[\udc80-\udcff]")


def dataset_candidates(problem_id: str, codes: Iterable[str]) -> tuple[Candidate, ...]:
    """Programs that no policy wrote, in the given order."""
    return tuple(
        Candidate(
            candidate_id=content_id(problem_id, "dataset", index, code),
            problem_id=problem_id,
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


def known_candidates(problem: Problem) -> tuple[Candidate, ...]:
    """The known programs of a problem as candidates."""
    return dataset_candidates(problem.problem_id, (p.code for p in problem.solutions))


def read_programs(
    path: str | Path, known: Collection[str], left_out: Collection[str] = ()
) -> dict[str, list[str]]:
    """problem_id -> programs, for the `known` problem ids; those for problems that are `left_out`
    are passed over.

    Reads JSONL of {problem_id, code}, a problem file whose rows carry `solutions`, or a folder of
    Python files: PROBLEM_ID.py, PROBLEM_ID.anything.py or PROBLEM_ID/anything.py. Bytes that are no
    UTF-8 become NUL, which Python refuses. ValueError names the line or file of a program whose
    problem is unknown.
    """
    programs: dict[str, list[str]] = {}
    source = Path(path)
    names = {*known, *left_out}
    found = _folder_programs(source, names) if source.is_dir() else _row_programs(source)
    for where, problem_id, codes in found:
        if problem_id in left_out:
            continue
        if problem_id not in known:
            raise ValueError(f"{where}: no problem {problem_id!r} among the {len(known)} problems")
        programs.setdefault(problem_id, []).extend(codes)
    if not programs:
        raise ValueError(f"{source}: expected programs, found none")
    return programs


def _row_programs(path: Path) -> Iterable[tuple[str, str, list[str]]]:
    for where, row in read_rows(path):
        if "code" in row and "problem_id" in row:
            yield where, str(row["problem_id"]), [str(row["code"])]
            continue
        if "solutions" not in row and "completion" not in row:
            raise ValueError(
                f"{where}: expected problem_id and code (or solutions), got {set(row)}"
            )
        try:
            problem = problem_from_row(row, source=path.name)
        except UnsupportedProblemError:
            continue
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise ValueError(f"{where}: {error}") from error
        yield where, problem.problem_id, [known.code for known in problem.solutions]


def _folder_programs(folder: Path, known: Collection[str]) -> Iterable[tuple[str, str, list[str]]]:
    for file in sorted(folder.rglob("*.py")):
        in_subfolder = file.parent != folder
        name = file.parent.name if in_subfolder else file.stem
        while name not in known and "." in name:
            name = name.rpartition(".")[0]
        text = file.read_bytes().decode("utf-8", errors="surrogateescape")
        yield str(file), name, [_NOT_TEXT.sub("\0", text)]
