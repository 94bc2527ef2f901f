"""Rows of MBPP+ (EvalPlus, arXiv 2305.01210) as training problems.

They have no answers: the canonical solution is the reference, which answers the tests where they
are measured. Rows of HumanEval+ are refused: nothing may be trained on what ENAMEL evaluates on.
So are EvalPerf's, whose inputs are the suite. MBPP+ is a suite too: a run that reports it names it
in keep_out.files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeldpo.judging.evalplus_oracles import evalplus_checker
from skeldpo.languages import python
from skeldpo.languages.python.data import parameters_of, tuple_depths
from skeldpo.problems.asserts import UnsupportedProblemError
from skeldpo.problems.evalplus_inputs import INPUT_COLUMNS, argument_lists
from skeldpo.problems.growth import with_growth
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.values import NotPlainError, encode

SOURCE = "mbpp_plus"
_INPUTS = {"plus_input", "pe_input"}
_KEYS = {"task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input"}


def matches(row: Mapping[str, Any]) -> bool:
    """A task with inputs of EvalPlus's or EvalPerf's."""
    return set(row) >= {"task_id", "entry_point"} and bool(set(row) & _INPUTS)


def problem(row: Mapping[str, Any]) -> Problem:
    """The training problem of a row of MBPP+; ValueError for other rows of EvalPlus."""
    task_id = str(row["task_id"])
    if not task_id.startswith("Mbpp/") or "pe_input" in row:
        raise ValueError(
            f"{task_id!r} is a row of EvalPlus that nothing may be trained on; evaluate on it with "
            "--suite humaneval_plus or evalperf and --data"
        )
    missing = _KEYS - set(row)
    if missing:
        raise ValueError(f"a row of MBPP+ needs {sorted(missing)}")
    entry_point, code = str(row["entry_point"]), canonical_program(row)
    contract = str(row.get("contract") or "")
    parameters = parameters_of(code, entry_point)
    depths = tuple_depths(contract, parameters)
    calls = [call for column in INPUT_COLUMNS for call in argument_lists(row, column, depths)]
    if not calls:
        raise UnsupportedProblemError(f"{task_id!r} has no inputs")
    try:
        texts = [encode(call) for call in calls]
    except NotPlainError as error:
        raise UnsupportedProblemError(
            f"{task_id!r}: an input that is no plain data: {error}"
        ) from error
    read = Problem(
        problem_id=task_id,
        language=python.NAME,
        source=SOURCE,
        split="train",
        difficulty="unknown",
        kind="function",
        statement=statement_of(str(row["prompt"]), entry_point),
        entry_point=entry_point,
        starter_code="",
        tests=tuple(Example(input_text=text, expected_text="") for text in texts),
        generators=(),
        checker=evalplus_checker(
            is_mbpp=True, entry_point=entry_point, atol=float(row.get("atol") or 0)
        ),
        reference=code,
        solutions=(KnownProgram(code=code, speed="unknown"),),
    )
    return with_growth(read, parameters, contract)


def canonical_program(row: Mapping[str, Any]) -> str:
    """HumanEval+ has the body of the prompt's function, MBPP+ a whole program."""
    solution = str(row["canonical_solution"])
    is_body = f"def {row['entry_point']}(" not in solution
    return str(row["prompt"]) + solution if is_body else solution


def statement_of(prompt: str, entry_point: str) -> str:
    """The words of a prompt that is no code."""
    return prompt.strip().strip('"').strip() or f"Write the function {entry_point}."
