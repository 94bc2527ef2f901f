"""Mercury (arXiv 2402.07844): its rows as problems with a distribution of reference programs.

A row's tests, conversions and checks are those of the suite; programs are timed by our sandbox, all
tests in one process, references and samples in turns. `evaluate_offline` compares on the host where
it is a plain comparison with the expected value, else in the sandbox, away from the program.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from skeldpo.answers import Wanted
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.sandbox.guest_source import guest_source
from skeldpo.suites import mercury_guest
from skeldpo.suites.contract import Protocol, Suite, SuiteProblems
from skeldpo.suites.data_rows import suite_rows
from skeldpo.suites.evaluation import LeftOut
from skeldpo.suites.scoring import PLACE_SCORES, place_among_references
from skeldpo.values import encode

NAME = "mercury"
HUB_ID = "Elfsong/Mercury"
HUB_SPLIT = "eval"
ENTRY_POINT = "_skeldpo_mercury"
OWNER = "Solution"
COLUMNS = (
    "slug_name", "difficulty", "pretty_content", "solutions", "prompt", "convert_offline",
    "evaluate_offline", "entry_point", "test_cases",
)  # fmt: skip


def load_mercury(source: str) -> SuiteProblems:
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
            wanted[name] = Wanted(entry_point=f"{OWNER}.{row['entry_point']}")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            left_out.append(LeftOut(place=line.place, problem_id=name, reason=_told(error)))
    if not problems:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{source}: expected rows of Mercury, found none that can be used{first}")
    return SuiteProblems(
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
        source=NAME,
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
        preamble=guest_source(mercury_guest),
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


def compared_value(source: str) -> str:
    """The expression that `evaluate_offline` compares with `expected`, "" if it does more.

    That of `if X == expected: return True` and of `return X == expected` is X.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"evaluate_offline is no Python: {error}") from error
    match body:
        case [ast.FunctionDef(name="evaluate_offline", body=[ast.Return(value=test)])]:
            pass
        case [
            ast.FunctionDef(
                name="evaluate_offline",
                body=[
                    ast.If(test=test, body=[ast.Return(value=ast.Constant(value=True))]),
                    *rest,
                ],
            )
        ] if len(rest) <= 1:
            pass
        case _:
            return ""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Name(id="expected")]) if (
            not any(isinstance(n, ast.Name) and n.id == "expected" for n in ast.walk(left))
        ):
            return ast.unparse(left)
    return ""


def _checker(evaluate_offline: str) -> str:
    return (
        f"{guest_source(mercury_guest)}\n{evaluate_offline}\n"
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


SUITE = Suite(
    name=NAME,
    data=f"rows of `{HUB_ID}` as JSONL or Parquet; without `--data` the Hugging Face dataset",
    scores=PLACE_SCORES,
    equality="it is `equal` (PROBLEMS.md), or the row's own `evaluate_offline` takes it where that "
    "is no comparison",
    load=lambda data: load_mercury(data.source),
    protocol=Protocol(score=place_among_references),
    hub_id=HUB_ID,
    needs_data=False,
)
