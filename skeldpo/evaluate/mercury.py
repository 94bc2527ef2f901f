"""Mercury (arXiv 2402.07844): its rows as problems with a distribution of reference programs.

A row's tests, conversions and checks are those of the suite; programs are timed by our sandbox, all
tests in one process, references and samples in turns. `evaluate_offline` compares on the host where
it is a plain comparison with the expected value, else in the sandbox, away from the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from skeldpo.answers import Wanted
from skeldpo.evaluate import guest_mercury
from skeldpo.evaluate.programs import LeftOut
from skeldpo.evaluate.reference_suite import ReferenceSuite
from skeldpo.evaluate.rows import suite_rows
from skeldpo.languages import python
from skeldpo.languages.python.data import compared_value
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.sandbox.guest_source import guest_source
from skeldpo.values import encode

SUITE = "mercury"
HUB_ID = "Elfsong/Mercury"
HUB_SPLIT = "eval"
ENTRY_POINT = "_skeldpo_mercury"
OWNER = "Solution"
COLUMNS = (
    "slug_name", "difficulty", "pretty_content", "solutions", "prompt", "convert_offline",
    "evaluate_offline", "entry_point", "test_cases",
)  # fmt: skip


def load_mercury(source: str) -> ReferenceSuite:
    """The problems of a local file of rows, or of a Hugging Face dataset with such rows.

    ValueError when the source is no such file; a row that cannot be used is listed.
    """
    problems: dict[str, Problem] = {}
    frames: dict[str, str] = {}
    wanted: dict[str, Wanted] = {}
    left_out: list[LeftOut] = []
    for line in suite_rows(source, HUB_SPLIT):
        row = line.row or {}
        name = str(row.get("slug_name") or "")
        try:
            if line.row is None:
                raise ValueError(line.reason)
            if name in problems:
                raise ValueError("this slug_name is there twice; the first counts")
            problems[name], frames[name] = _problem(row)
            wanted[name] = Wanted(language=python.NAME, entry_point=f"{OWNER}.{row['entry_point']}")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            left_out.append(LeftOut(place=line.place, problem_id=name, reason=_told(error)))
    if not problems:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{source}: expected rows of Mercury, found none that can be used{first}")
    return ReferenceSuite(
        name=SUITE,
        problems=tuple(problems.values()),
        frames=frames,
        left_out=tuple(left_out),
        wanted=wanted,
    )


def _problem(row: Mapping[str, Any]) -> tuple[Problem, str]:
    """The problem, and the text around a program of it with {program} for the program."""
    missing = [name for name in COLUMNS if not row.get(name)]
    if missing:
        raise ValueError(f"missing or empty columns {missing}")
    entry_point = str(row["entry_point"])
    if not entry_point.isidentifier():
        raise ValueError(f"entry_point must be a name, got {entry_point!r}")
    cases = row["test_cases"]
    cases = json.loads(cases) if isinstance(cases, str) else cases
    if not cases:
        raise ValueError("test_cases is empty")
    value = compared_value(row["evaluate_offline"])
    statement = row["pretty_content"]
    problem = Problem(
        problem_id=row["slug_name"],
        language=python.NAME,
        source=SUITE,
        split="heldout_family",
        difficulty=row["difficulty"],
        kind="function",
        statement=statement if isinstance(statement, str) else statement[0],
        entry_point=ENTRY_POINT,
        starter_code=row["prompt"],
        tests=tuple(_example(case) for case in cases),
        generators=(),
        checker="equal" if value else _checker(row["evaluate_offline"]),
        reference="",
        solutions=tuple(
            KnownProgram(code=_program(entry), speed="unknown") for entry in row["solutions"]
        ),
        preamble=guest_source(guest_mercury),
    )
    given = value or "_skeldpo_flat([inputs, outputs])"
    after = (
        f"{row['convert_offline']}\n"
        f"_skeldpo_solution = {OWNER}()\n"
        f"def {ENTRY_POINT}(*inputs):\n"
        "    inputs, _ = convert_offline((list(inputs), None))\n"
        f"    outputs = _skeldpo_solution.{entry_point}(*inputs)\n"
        f"    return {given}\n"
    )
    return problem, f"{{program}}\n{after}"


def _checker(evaluate_offline: str) -> str:
    return (
        f"{guest_source(guest_mercury)}\n{evaluate_offline}\n"
        "def check(input, answer, expected):\n"
        "    return bool(evaluate_offline(answer[0], answer[1], expected))\n"
    )


def _example(case: Any) -> Example:
    if not isinstance(case, Mapping) or not {"input", "expected"} <= set(case):
        raise ValueError(f"a test case has input and expected, got {case!r:.80}")
    if not isinstance(case["input"], list):
        raise ValueError(f"the input of a test case is a list of arguments, got {case!r:.80}")
    return Example(input_text=encode(case["input"]), expected_text=encode(case["expected"]))


def _program(entry: Any) -> str:
    code = entry.get("solution") if isinstance(entry, Mapping) else entry
    if not isinstance(code, str):
        raise ValueError(f"a solution has program text, got {entry!r:.80}")
    return code


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
