"""Rows of Mercury (arXiv 2402.07844): LeetCode problems with many programs of different speed.

In a training problem a program is called as LeetCode calls it; rows whose arguments only code can
make (linked lists, trees), or that judge what became of them, are unsupported. The suite frames a
program with the row's own conversions instead, and takes those too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skeldpo.languages import python
from skeldpo.languages.python.data import compared_value, has_calls, mentions, stub_parameters
from skeldpo.problems import mercury_guest
from skeldpo.problems.asserts import UnsupportedProblemError, compared_by, require_answers
from skeldpo.problems.growth import with_growth
from skeldpo.problems.reader import id_text, read_json, require_texts
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.sandbox.guest_source import guest_source
from skeldpo.values import encode

SOURCE = "mercury"
OWNER = "Solution"
COLUMNS = (
    "slug_name", "difficulty", "pretty_content", "solutions", "prompt", "convert_offline",
    "evaluate_offline", "entry_point", "test_cases",
)  # fmt: skip
_FRAME_ENTRY_POINT = "_skeldpo_mercury"
_FRAMED_CALL = (
    'answer == expected or evaluate_offline(answer["inputs"], answer["outputs"], expected)'
)
"""Of what a framed program answers; the expected answer itself is asked about too, and is right."""


def matches(row: Mapping[str, Any]) -> bool:
    """A row with all columns that are read."""
    return set(row) >= set(COLUMNS)


def problem(row: Mapping[str, Any]) -> Problem:
    """The training problem of a row; UnsupportedProblemError where it cannot be judged so."""
    try:
        framed, _ = framed_problem(row)
        if has_calls(row["convert_offline"]):
            raise ValueError("its arguments are made by code")
        if mentions(row["evaluate_offline"], "inputs"):
            raise ValueError("its answers are judged by what became of the arguments")
        if mentions(row["evaluate_offline"], "lctk"):
            raise ValueError("its answers are linked lists or trees")
        require_answers(framed.tests)
    except (ValueError, KeyError, TypeError, IndexError, SyntaxError) as error:
        raise UnsupportedProblemError(f"{row['slug_name']!r}: {error}") from error
    is_compared = compared_value(row["evaluate_offline"]) == "outputs"
    read = replace(
        framed,
        split="train",
        entry_point=f"{OWNER}.{row['entry_point']}",
        checker=compared_by(framed.tests)
        if is_compared
        else _checker(row["evaluate_offline"], "evaluate_offline(input, answer, expected)"),
    )
    return with_growth(read, _parameters(row["prompt"], str(row["entry_point"])))


def _parameters(prompt: str, entry_point: str) -> tuple[str, ...]:
    """As the code to complete names them; none where it does not say."""
    try:
        return stub_parameters(prompt, entry_point)
    except ValueError:
        return ()


def framed_problem(row: Mapping[str, Any]) -> tuple[Problem, str]:
    """The suite's problem, and the text around a program of it with {program} for the program."""
    missing = [name for name in COLUMNS if not row.get(name)]
    if missing:
        raise ValueError(f"missing or empty columns {missing}")
    require_texts(row, ["prompt", "convert_offline", "evaluate_offline"])
    if not isinstance(row["solutions"], list):
        raise ValueError(f"solutions must be a list, got {row['solutions']!r:.80}")
    entry_point = str(row["entry_point"])
    if not entry_point.isidentifier():
        raise ValueError(f"entry_point must be a name, got {entry_point!r}")
    cases = row["test_cases"]
    cases = read_json(cases) if isinstance(cases, str) else cases
    if not cases:
        raise ValueError("test_cases is empty")
    value = compared_value(row["evaluate_offline"])
    content = row["pretty_content"]
    statement = content if isinstance(content, str) else content[0]
    require_texts({"pretty_content": statement}, ["pretty_content"])
    problem = Problem(
        problem_id=id_text(row["slug_name"]),
        language=python.NAME,
        source=SOURCE,
        split="heldout_family",
        difficulty=row["difficulty"],
        kind="function",
        statement=statement,
        entry_point=_FRAME_ENTRY_POINT,
        starter_code=row["prompt"],
        tests=tuple(_example(case) for case in cases),
        generators=(),
        checker="equal" if value else _checker(row["evaluate_offline"], _FRAMED_CALL),
        reference="",
        solutions=tuple(
            KnownProgram(code=_program(entry), speed="unknown") for entry in row["solutions"]
        ),
        preamble=_guest(),
    )
    given = value or '{"inputs": _skeldpo_flat(inputs), "outputs": _skeldpo_flat(outputs)}'
    after = (
        f"{row['convert_offline']}\n"
        f"_skeldpo_solution = {OWNER}()\n"
        f"def {_FRAME_ENTRY_POINT}(*inputs):\n"
        "    inputs, _ = convert_offline((list(inputs), None))\n"
        f"    outputs = _skeldpo_solution.{entry_point}(*inputs)\n"
        f"    return {given}\n"
    )
    return problem, f"{{program}}\n{after}"


def _guest() -> str:
    """Rows may import the package that a module of ours stands for."""
    return f"{guest_source(mercury_guest)}\nsys.modules['lctk'] = lctk\n"


def _checker(evaluate_offline: str, call: str) -> str:
    return (
        f"{_guest()}{evaluate_offline}\n"
        "def check(input, answer, expected):\n"
        f"    return bool({call})\n"
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
