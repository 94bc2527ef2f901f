"""Problem files: JSONL (also gzipped) and Parquet, ours, CodeContests' or LeetCodeDataset's.

docs/PROBLEMS.md documents the format. Every mistake is a ValueError that names file, line and key;
well-formed problems of other people's files that cannot be judged here are left out and counted.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skeldpo.answers import plain_text
from skeldpo.checkers import CHECKERS, is_named
from skeldpo.languages import DEFAULT, language, python
from skeldpo.languages.contract import Language
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.leetcode import KEYS as LEETCODE_KEYS
from skeldpo.problems.leetcode import leetcode_problem
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.right_answers import several_answers, stated_checker
from skeldpo.stdio import input_text, line_ends
from skeldpo.values import NotPlainError, encode

_KEYS = {
    "problem_id", "language", "statement", "kind", "entry_point", "starter_code", "tests",
    "generators", "checker", "reference", "solutions", "split", "difficulty", "source", "preamble",
    "max_size",
}  # fmt: skip
_TEXT_KEYS = (
    "language", "kind", "entry_point", "starter_code", "checker", "reference", "split",
    "difficulty", "source", "preamble",
)  # fmt: skip
_LIST_KEYS = ("tests", "generators", "solutions")
_SPLITS = ("train", "heldout_variant", "heldout_family")
_SPEEDS = ("fast", "slow", "unknown")
_CODE_CONTESTS_KEYS = {"problem_id", "statement", "solutions", "tests", "stress_generators"}
_CODE_CONTESTS_PREFIX = "You are an expert Python programmer, and here is your task:"
_BATCH_ROWS = 64
MAX_TESTS_BYTES = 64 << 20
"""Inputs and answers of a problem, in all: they go to the sandbox through one pipe."""
_NUM_NAMED = 3
"""Problems left out that a warning names."""

logger = logging.getLogger(__name__)
_SEEDED_GENERATOR = """

_generate_input = generate_input

def generate_input(size, seed):
    import random
    random.seed(seed)
    return _generate_input()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutProblem:
    """A well-formed problem of a file that cannot be judged here, where it stands and why."""

    place: str
    problem_id: str
    reason: str


def read_problem_file(path: str | Path) -> list[Problem]:
    """Every problem of a file, in order."""
    return list(iter_problem_file(path))


def iter_problem_file(
    path: str | Path, on_left_out: Callable[[LeftOutProblem], None] | None = None
) -> Iterator[Problem]:
    """The problems of a file, one in memory at a time; those left out are told one by one to
    `on_left_out`, else counted in a warning."""
    seen: set[str] = set()
    left_out: list[str] = []
    several: list[str] = []
    for where, row in read_rows(path):
        try:
            problem = problem_from_row(row, source=Path(path).name)
            _check_size(problem)
        except UnsupportedProblemError as error:
            left_out.append(f"{where}: {error}")
            if on_left_out is not None:
                key = str(row.get("problem_id") or row.get("task_id") or "")
                on_left_out(LeftOutProblem(place=where, problem_id=key, reason=str(error)))
            continue
        except (TypeError, KeyError, AttributeError, ValueError) as error:
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
        raise ValueError(f"{path}: expected at least one problem, found none{reason}")
    if left_out and on_left_out is None:
        logger.warning("%s", some)
    if several:
        logger.warning(
            "%d problems take several answers, by their statements, and have no checker for them: "
            "no program is called wrong in a pair; such as %s",
            len(several),
            ", ".join(several[:_NUM_NAMED]),
        )


def read_rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """("file:line", row) of a JSONL, gzipped JSONL or Parquet file."""
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"no file at {file}; expected JSONL (.jsonl, .jsonl.gz) or Parquet")
    if file.suffix == ".parquet":
        try:
            batches = pq.ParquetFile(file).iter_batches(_BATCH_ROWS)
            rows = (row for batch in batches for row in batch.to_pylist())
            yield from ((f"{file}: row {number}", row) for number, row in enumerate(rows, start=1))
        except (OSError, pa.ArrowInvalid) as error:
            raise ValueError(f"{file} is not a Parquet file: {error}") from error
        return
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"{file}:{number}", _parse_line(f"{file}:{number}", line)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{file} is not a whole gzip file: {error}") from error


def problem_from_row(row: Mapping[str, Any], source: str) -> Problem:
    """One problem of our format, of CodeContests when the row has `stress_generators`, or of
    LeetCodeDataset when it has its keys."""
    if "stress_generators" in row:
        problem = code_contests_problem(row)
        several = several_answers(problem)
        if several:
            raise UnsupportedProblemError(
                f"several right answers, and no checker for them: {several!r}"
            )
        return problem
    if set(row) >= LEETCODE_KEYS:
        return leetcode_problem(row)
    unknown = set(row) - _KEYS
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}; known: {sorted(_KEYS)}")
    _check_types(row)
    entry_point = row.get("entry_point") or ""
    default_kind = "function" if entry_point else "stdio"
    kind = _one_of("kind", row.get("kind") or default_kind, ("function", "stdio"))
    written_in = language(row.get("language") or DEFAULT)
    return Problem(
        problem_id=row["problem_id"],
        language=written_in.NAME,
        source=row.get("source") or source,
        split=_one_of("split", row.get("split") or "train", _SPLITS),
        difficulty=row.get("difficulty") or "unknown",
        kind=kind,
        statement=row["statement"],
        entry_point=entry_point,
        starter_code=row.get("starter_code") or "",
        tests=tuple(_example(test, kind) for test in row.get("tests") or ()),
        generators=tuple(_generator(code) for code in row.get("generators") or ()),
        checker=_checker(row.get("checker") or "exact"),
        reference=plain_text(row.get("reference") or ""),
        solutions=tuple(_known_program(code) for code in row.get("solutions") or ()),
        max_size=_max_size(row),
        preamble=_preamble(row, entry_point, written_in),
    )


def _preamble(row: Mapping[str, Any], entry_point: str, written_in: Language) -> str:
    """The row's own, or the imports and helpers of its starter code."""
    given = row.get("preamble")
    if given is None:
        starter_code = row.get("starter_code") or ""
        return written_in.prompt_preamble(starter_code, entry_point) if entry_point else ""
    text = plain_text(given)
    if written_in.parsed(text) is None:
        reason = written_in.syntax_error(text) or "it does not compile"
        raise ValueError(f"preamble must be {written_in.TITLE} source: {reason}")
    return text


def _check_size(problem: Problem) -> None:
    size = sum(len(test.input_text) + len(test.expected_text) for test in problem.tests)
    if size > MAX_TESTS_BYTES:
        raise UnsupportedProblemError(
            f"problem {problem.problem_id!r}: its tests have {size >> 20} MiB, at most "
            f"{MAX_TESTS_BYTES >> 20} MiB are run"
        )


def _parse_line(where: str, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"{where}: expected a JSON object, got {type(row).__name__}")
    if rb"\ud" in line.lower():
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{where}: half a surrogate pair is no character: {error}") from error
    return row


def _check_types(row: Mapping[str, Any]) -> None:
    for key in ("problem_id", "statement"):
        if not isinstance(row.get(key), str):
            raise ValueError(f"{key} must be a string, got {row.get(key)!r}")
    for key in _TEXT_KEYS:
        if not isinstance(row.get(key), str | None):
            raise ValueError(f"{key} must be a string, got {row[key]!r}")
    for key in _LIST_KEYS:
        if not isinstance(row.get(key), list | None):
            raise ValueError(f"{key} must be a list, got {row[key]!r}")


def _one_of(key: str, value: Any, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise ValueError(f"{key} must be one of {', '.join(known)}, got {value!r}")
    return value


def _generator(code: Any) -> str:
    if not isinstance(code, str) or "generate_input" not in code:
        raise ValueError(f"a generator is Python that defines generate_input, got {code!r}")
    return plain_text(code)


def _max_size(row: Mapping[str, Any]) -> int:
    size = row.get("max_size")
    if size is None:
        return 0
    if type(size) is not int or size < 1:
        raise ValueError(f"max_size must be a whole number from 1, got {size!r}")
    if not row.get("generators"):
        raise ValueError(f"max_size is a size of generators, got {size} without generators")
    return size


def _checker(checker: str) -> str:
    if not is_named(checker) and "check" not in checker:
        raise ValueError(
            f"checker must be one of {', '.join(sorted(CHECKERS))}, or Python that defines "
            f"check(input, answer, expected), got {checker!r}"
        )
    return plain_text(checker)


def _example(test: Mapping[str, Any], kind: str) -> Example:
    if not isinstance(test, Mapping) or set(test) != {"input", "expected"}:
        raise ValueError(f"a test has the keys input and expected, got {test!r}")
    arguments, expected = test["input"], test["expected"]
    if kind == "stdio":
        if not (isinstance(arguments, str) and isinstance(expected, str)):
            raise ValueError(f"input and expected of a stdio test are strings, got {test!r}")
        return _stdio_example(arguments, expected)
    if isinstance(arguments, str) and isinstance(expected, str):
        try:
            arguments, expected = json.loads(arguments), json.loads(expected)
        except ValueError as error:
            raise ValueError(
                f"a function test given as two strings is JSON ({error}); got {test!r}"
            ) from error
    if not isinstance(arguments, list):
        raise ValueError(f"the input of a function test is a list of arguments, got {arguments!r}")
    try:
        return Example(input_text=encode(arguments), expected_text=encode(expected))
    except NotPlainError as error:
        raise UnsupportedProblemError(f"a test that cannot be handed over: {error}") from error


def _stdio_example(given: str, expected: str) -> Example:
    return Example(input_text=input_text(given), expected_text=line_ends(expected))


def _known_program(entry: Any) -> KnownProgram:
    if isinstance(entry, str):
        return KnownProgram(code=plain_text(entry), speed="unknown")
    if not (isinstance(entry, Mapping) and isinstance(entry.get("code"), str)):
        raise ValueError(f"a solution is a program or an object with code and speed, got {entry!r}")
    unknown = set(entry) - {"code", "speed"}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)} of a solution; known: code, speed")
    speed = _one_of("speed of a solution", entry.get("speed") or "unknown", _SPEEDS)
    return KnownProgram(code=plain_text(entry["code"]), speed=speed)


def code_contests_problem(row: Mapping[str, Any]) -> Problem:
    """The problem of a CodeContests row, also if it has several right answers."""
    missing = _CODE_CONTESTS_KEYS - set(row)
    if missing:
        raise ValueError(f"a CodeContests row needs {sorted(missing)}")
    statement = row["statement"].removeprefix(_CODE_CONTESTS_PREFIX).strip()
    tests = tuple(_stdio_example(test["input"], test["output"]) for test in row["tests"])
    return Problem(
        problem_id=row["problem_id"],
        language=python.NAME,
        source="code_contests",
        split="train",
        difficulty="unknown",
        kind="stdio",
        statement=statement,
        entry_point="",
        starter_code="",
        tests=tests,
        generators=tuple(plain_text(code) + _SEEDED_GENERATOR for code in row["stress_generators"]),
        checker=stated_checker(statement, tests),
        reference="",
        solutions=tuple(
            KnownProgram(code=plain_text(code), speed="unknown") for code in row["solutions"]
        ),
    )
