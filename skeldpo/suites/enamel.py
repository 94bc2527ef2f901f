"""ENAMEL (arXiv 2406.06647): its CSV as problems, and its protocols.

The tests of a problem are calls of its input generator, level by level. The suite's own code (input
generators, reference programs, checkers) is as little trusted as the programs it judges: all of it
runs in the sandbox, each piece away from the others (`enamel_tests`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from skeldpo.answers import Wanted
from skeldpo.languages import python
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.suites.contract import Protocol, Suite, SuiteProblems
from skeldpo.suites.enamel_released import score_released, time_released
from skeldpo.suites.enamel_tests import NUM_REPEATS, NUM_TESTS
from skeldpo.suites.enamel_timing import score_levels, time_levels
from skeldpo.suites.evaluation import LeftOut, require_any

NAME = "enamel"
SEED = 998_244_353
"""The suite's own; a test's seed is SEED ^ problem number ^ number of the test."""
UNUSED = frozenset(
    {2, 23, 41, 45, 53, 60, 71, 92, 97, 99, 102, 123, 124, 135, 137, 138, 144, 148, 156, 157,
     159, 160}
)  # fmt: skip
"""HumanEval problems that the suite leaves out: 142 of 164 remain."""
COLUMNS = (
    "task_id", "prompt", "input_generator", "input_levels", "reference_solution", "checker",
    "entry_point",
)  # fmt: skip
MEMORY_LIMIT_MIB = 1024
"""Its inputs are larger than those of other suites; ENAMEL itself allows 4 GiB."""
_FIELD_LIMIT_CHARS = 10_000_000


def load_enamel(path: str | Path) -> SuiteProblems:
    """Reads the suite's CSV; ValueError when it is none, a bad row is listed in `left_out`."""
    file = Path(path).expanduser()  # in SUITE=FILE no shell has done it
    if not file.is_file():
        raise ValueError(f"no file at {file}; expected ENAMEL's enamel.csv")
    csv.field_size_limit(_FIELD_LIMIT_CHARS)
    try:
        rows = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""))
        missing = set(COLUMNS) - set(rows.fieldnames or ())
        if missing:
            raise ValueError(
                f"{file}: expected the columns {', '.join(COLUMNS)}; missing {sorted(missing)}"
            )
        return _sorted_out(file, list(rows))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file} is not ENAMEL's CSV: {error}") from error


def generator_calls(number: int, sizes: Sequence[int]) -> tuple[Example, ...]:
    """The arguments of `enamel_tests.MAKE` for each test, level by level: seed, size, level and
    index of the test in it; `sizes` are the generator's argument at each level."""
    calls: list[list[int]] = []
    for level, (size, count) in enumerate(zip(sizes, NUM_TESTS, strict=True)):
        calls += [[SEED ^ number ^ (len(calls) + i), size, level, i] for i in range(count)]
    return tuple(Example(input_text=json.dumps(call), expected_text="null") for call in calls)


def _sorted_out(file: Path, rows: Sequence[dict[str, str]]) -> SuiteProblems:
    problems: dict[str, Problem] = {}
    unused: list[str] = []
    left_out: list[LeftOut] = []
    for index, row in enumerate(rows, start=1):
        name = row["task_id"] or ""
        place = f"{file}: row {index}"
        try:
            problem = _problem(row)
            if problem.problem_id in problems or problem.problem_id in unused:
                raise ValueError("this task_id is there twice; the first counts")
        except ValueError as error:
            left_out.append(LeftOut(place=place, problem_id=name, reason=str(error)))
            continue
        if _number(row["task_id"]) in UNUSED:
            unused.append(problem.problem_id)
        else:
            problems[problem.problem_id] = problem
    require_any(problems, "problems", str(file), left_out)
    return SuiteProblems(
        problems=tuple(problems.values()),
        left_out=tuple(left_out),
        ignored_ids=tuple(unused),
        wanted={
            key: Wanted(
                language=python.NAME, entry_point=problem.entry_point, prompt=problem.starter_code
            )
            for key, problem in problems.items()
        },
        goes_on=True,
    )


def _problem(row: dict[str, str]) -> Problem:
    empty = [name for name in COLUMNS if not (row[name] or "").strip()]
    if empty:
        raise ValueError(f"empty columns {empty}")
    number = _number(row["task_id"])
    sizes = row["input_levels"].split()
    if len(sizes) != len(NUM_TESTS) or not all(size.isdecimal() for size in sizes):
        raise ValueError(
            f"input_levels must be {len(NUM_TESTS)} sizes, got {row['input_levels']!r}"
        )
    if not row["entry_point"].isidentifier():
        raise ValueError(f"entry_point must be a name, got {row['entry_point']!r}")
    return Problem(
        problem_id=row["task_id"],
        language=python.NAME,
        source=NAME,
        split="heldout_family",
        difficulty="",
        kind="function",
        statement="Complete this program; answer with all of it.",
        entry_point=row["entry_point"],
        starter_code=row["prompt"],
        tests=generator_calls(number, [int(size) for size in sizes]),
        generators=(row["input_generator"],),
        checker=row["checker"],
        reference="",
        solutions=(KnownProgram(code=row["reference_solution"], speed="unknown"),),
        preamble=python.prompt_preamble(row["prompt"], row["entry_point"]),
    )


def _number(task_id: str) -> int:
    number = task_id.rpartition("/")[2]
    if not number.isdecimal():
        raise ValueError(f"task_id must be such as HumanEval/0, got {task_id!r}")
    return int(number)


SUITE = Suite(
    name=NAME,
    data="its `enamel.csv`",
    scores="pass@k, eff@k, fast_p@k",
    equality="the task's own checker takes it",
    load=lambda data: load_enamel(data.source),
    protocol=Protocol(score=score_levels, session=time_levels, num_repeats=NUM_REPEATS),
    released=Protocol(score=score_released, session=time_released, num_repeats=NUM_REPEATS),
    memory_limit_mib=MEMORY_LIMIT_MIB,
)
