"""EvalPlus tasks (arXiv 2305.01210): rows of MBPP+, HumanEval+ and EvalPerf as problems.

A row brings inputs and a canonical solution, no answers: the canonical solution gives them, in the
sandbox. Whether a program answers like it is for EvalPlus's rules (`judging.evalplus_oracles`).
Tasks that it fails itself are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skeldpo.answers import Wanted
from skeldpo.judging.evalplus_oracles import evalplus_checker, judged_by
from skeldpo.languages import python
from skeldpo.languages.python.data import parameters_of, tuple_depths
from skeldpo.measure.on_cores import Run, map_on_cores
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.problems.evalplus import canonical_program, statement_of
from skeldpo.problems.evalplus_inputs import (
    INPUT_COLUMNS,
    argument_lists,
)
from skeldpo.problems.reader import read_rows
from skeldpo.records import Example, KnownProgram, Outcome, Problem
from skeldpo.sandbox.container import RunRequest
from skeldpo.suites.contract import SuiteData, SuiteProblems
from skeldpo.suites.evaluation import LeftOut, require_any
from skeldpo.suites.speed import NAMES
from skeldpo.values import encode

COLUMNS = ("task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input")
EQUALITY = "EvalPlus's own rules take it, task by task; below"
ROWS = "EvalPlus rows (`MbppPlus.jsonl`, `HumanEvalPlus.jsonl`)"
SCORES = f"pass@k on all tests; beyond@k, {NAMES} against the canonical solution"
CANONICAL_LIMIT_S = 20.0
REASON_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalplusTask:
    """A task before its answers are known; `scores` are EvalPerf's, of the references."""

    task_id: str
    suite: str
    is_mbpp: bool
    prompt: str
    entry_point: str
    references: tuple[str, ...]
    scores: tuple[float, ...]
    input_texts: tuple[str, ...]
    atol: float

    @property
    def preamble(self) -> str:
        """What a prompt that is code promises: EvalPlus runs it before a completion's body."""
        return python.prompt_preamble(self.prompt, self.entry_point)

    @property
    def canonical(self) -> str:
        """The program whose answers are expected: the last reference, EvalPerf's fastest."""
        return self.references[-1]

    def problem(self, answer_texts: Sequence[str]) -> Problem:
        """The problem, by what the canonical solution answered to each input; ValueError if it
        answered with what is no plain data."""
        checker = evalplus_checker(
            is_mbpp=self.is_mbpp, entry_point=self.entry_point, atol=self.atol
        )
        judged = judged_by(checker, answer_texts)
        is_code = "def " in self.prompt
        return Problem(
            problem_id=self.task_id,
            language=python.NAME,
            source=self.suite,
            split="heldout_family",
            difficulty="unknown",
            kind="function",
            statement="Complete this program; answer with all of it."
            if is_code
            else statement_of(self.prompt, self.entry_point),
            entry_point=self.entry_point,
            starter_code=self.prompt if is_code else "",
            tests=tuple(
                Example(input_text=given, expected_text=answer)
                for given, answer in zip(self.input_texts, judged.expected_texts, strict=True)
            ),
            generators=(),
            checker=judged.checker,
            reference="",
            solutions=tuple(KnownProgram(code=code, speed="unknown") for code in self.references),
            preamble=self.preamble,
        )


def load_tasks(
    data: SuiteData, make_task: Callable[[Mapping[str, Any]], EvalplusTask]
) -> SuiteProblems:
    """The problems of a local file of rows, answered on this node's sandbox cores.

    ValueError when the file has no row that can be used; others are listed.
    """
    tasks: dict[str, EvalplusTask] = {}
    left_out: list[LeftOut] = []
    for place, row in read_rows(data.source):
        key = str(row.get("task_id") or "")
        try:
            if key in tasks:
                raise ValueError("this task_id is there twice; the first counts")
            tasks[key] = make_task(row)
        except (ValueError, TypeError, SyntaxError) as error:
            left_out.append(LeftOut(place=place, problem_id=key, reason=str(error)))
    require_any(tasks, "EvalPlus rows", data.source, left_out)
    answered = map_on_cores(
        list(tasks.values()),
        answered_problem,
        data.measure,
        lambda done: data.tell(f"answers to {done} of {len(tasks)} tasks"),
    )
    left_out += [entry for entry in answered if isinstance(entry, LeftOut)]
    return SuiteProblems(
        problems=tuple(entry for entry in answered if isinstance(entry, Problem)),
        left_out=tuple(left_out),
        wanted={
            key: Wanted(language=python.NAME, entry_point=task.entry_point, prompt=task.prompt)
            for key, task in tasks.items()
        },
        reference_scores={key: task.scores for key, task in tasks.items() if task.scores},
    )


def evalplus_task(row: Mapping[str, Any], suite: str, *, is_human: bool = False) -> EvalplusTask:
    """The task of a row of MBPP+ or HumanEval+ (`is_human`); ValueError, TypeError or SyntaxError
    if it is none."""
    require_columns(row, COLUMNS)
    task = task_of(row, suite, (canonical_program(row),), ())
    return replace(task, is_mbpp=task.is_mbpp and not is_human)


def require_columns(row: Mapping[str, Any], columns: Sequence[str]) -> None:
    """ValueError names the columns that a row lacks."""
    missing = [key for key in columns if key not in row]
    if missing:
        raise ValueError(f"missing {', '.join(missing)}")


def task_of(
    row: Mapping[str, Any], suite: str, references: tuple[str, ...], scores: tuple[float, ...]
) -> EvalplusTask:
    """The task of a row with these references, of MBPP unless its id is one of HumanEval."""
    entry_point = str(row["entry_point"])
    contract = str(row.get("contract") or "")
    depths = tuple_depths(contract, parameters_of(references[-1], entry_point))
    inputs = [each for key in INPUT_COLUMNS for each in argument_lists(row, key, depths)]
    if not inputs:
        raise ValueError("it has no inputs")
    return EvalplusTask(
        task_id=str(row["task_id"]),
        suite=suite,
        is_mbpp=not str(row["task_id"]).startswith("HumanEval"),
        prompt=str(row.get("prompt") or ""),
        entry_point=entry_point,
        references=references,
        scores=scores,
        input_texts=tuple(map(encode, inputs)),
        atol=float(row.get("atol") or 0),
    )


def answered_problem(run: Run, task: EvalplusTask) -> Problem | LeftOut:
    """The problem with the canonical solution's answers as tests."""
    request = RunRequest(
        language=python.NAME,
        kind="function",
        code=task.canonical,
        entry_point=task.entry_point,
        input_texts=task.input_texts,
        cpu_limit_s=CANONICAL_LIMIT_S,
        preamble=task.preamble,
    )
    try:
        report = run(request)
    except SandboxFailure as failure:
        return LeftOut(place="answers", problem_id=task.task_id, reason=str(failure))
    if report.outcome is not Outcome.ACCEPTED and not report.odd_answer_texts:
        number = len(report.answer_texts)
        said = report.failure.strip().rpartition("\n")[2][:REASON_CHARS]
        reason = f"its canonical solution fails on input {number}: {report.outcome.value}: {said}"
        return LeftOut(place="answers", problem_id=task.task_id, reason=reason)
    try:
        return task.problem(report.odd_answer_texts or report.answer_texts)
    except ValueError as error:
        reason = f"its canonical solution {error}"
        return LeftOut(place="answers", problem_id=task.task_id, reason=reason)
