"""EvalPlus tasks (MBPP+, HumanEval+; arXiv 2305.01210) as suites with pass@k on all tests, and
EvalPerf (arXiv 2408.06450), DPS against references of known speed on an input made to take long.

A row brings inputs and a canonical solution, no answers: the canonical solution gives them, in the
sandbox. Arguments travel as JSON, so where a task's contract asks for tuples, every program gets a
wrapper that makes them of lists. A program has to answer like the canonical solution: equal values,
numbers within 1e-6. Tasks that it fails itself are listed. EvalPerf counts instructions; here its
references and the programs are timed by CPU time, in one session on one core.
"""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skeldpo.answers import Wanted, prompt_preamble
from skeldpo.config import MeasureConfig
from skeldpo.evaluate.cores import Run, map_on_cores
from skeldpo.evaluate.programs import LeftOut
from skeldpo.evaluate.reference_suite import ReferenceSuite
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.problems.formats import read_rows
from skeldpo.records import Example, KnownProgram, Outcome, Problem
from skeldpo.sandbox.container import RunRequest

EVALPERF = "evalperf"
SUITES = ("mbpp_plus", "humaneval_plus", EVALPERF)
COLUMNS = ("task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input")
EVALPERF_COLUMNS = ("task_id", "entry_point", "reference", "scores", "pe_input")
"""base_input, plus_input, prompt and contract of the EvalPlus task may stand beside them."""
CANONICAL_LIMIT_S = 20.0

_WRAPPER = """

_called_with_lists = {entry}


def {entry}(*arguments):
    return _called_with_lists(*[_as_called(v, d) for v, d in zip(arguments, {tuples!r})])


def _as_called(value, depth):
    if depth == 0 or not isinstance(value, list):
        return value
    inner = [tuple(item) if depth > 1 and isinstance(item, list) else item for item in value]
    return tuple(inner) if depth != 2 else inner
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalplusTask:
    """A task before its answers are known. `frame` is what is run, with {program} in it."""

    task_id: str
    suite: str
    prompt: str
    entry_point: str
    references: tuple[str, ...]
    scores: tuple[float, ...]
    frame: str
    input_texts: tuple[str, ...]

    @property
    def preamble(self) -> str:
        """What a prompt that is code promises: EvalPlus runs it before a completion's body."""
        return prompt_preamble(self.prompt, self.entry_point)

    @property
    def canonical(self) -> str:
        """The program whose answers are expected: the last reference, EvalPerf's fastest."""
        return self.references[-1]

    def problem(self, answer_texts: Sequence[str]) -> Problem:
        """The problem, by what the canonical solution answered to each input."""
        is_code = "def " in self.prompt
        words = self.prompt.strip().strip('"').strip() or f"Write the function {self.entry_point}."
        return Problem(
            problem_id=self.task_id,
            source=self.suite,
            split="heldout_family",
            difficulty="unknown",
            kind="function",
            statement="Complete this program; answer with all of it." if is_code else words,
            entry_point=self.entry_point,
            starter_code=self.prompt if is_code else "",
            tests=tuple(
                Example(input_text=given, expected_text=answer)
                for given, answer in zip(self.input_texts, answer_texts, strict=True)
            ),
            generators=(),
            checker="float",
            reference="",
            solutions=tuple(KnownProgram(code=code, speed="unknown") for code in self.references),
            preamble=self.preamble,
        )


def load_evalplus(
    source: str, name: str, config: MeasureConfig, on_done: Callable[[int], None]
) -> ReferenceSuite:
    """The suite of a local file of rows, answered on this node's sandbox cores.

    ValueError when the file has no row that can be used; others are listed in the suite.
    """
    tasks: dict[str, EvalplusTask] = {}
    left_out: list[LeftOut] = []
    for place, row in read_rows(source):
        key = str(row.get("task_id") or "")
        try:
            if key in tasks:
                raise ValueError("this task_id is there twice; the first counts")
            tasks[key] = _task(row, name)
        except (ValueError, TypeError, SyntaxError) as error:
            left_out.append(LeftOut(place=place, problem_id=key, reason=str(error)))
    if not tasks:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{source}: expected EvalPlus rows, found none that can be used{first}")
    answered = map_on_cores(list(tasks.values()), _answered, config, on_done).made
    left_out += [entry for entry in answered if isinstance(entry, LeftOut)]
    problems = tuple(entry for entry in answered if isinstance(entry, Problem))
    return ReferenceSuite(
        name=name,
        problems=problems,
        frames={key: task.frame for key, task in tasks.items() if task.frame != "{program}"},
        left_out=tuple(left_out),
        cluster_scores={key: task.scores for key, task in tasks.items() if task.scores},
        wanted={
            key: Wanted(entry_point=task.entry_point, prompt=task.prompt)
            for key, task in tasks.items()
        },
    )


def callable_with_lists(code: str, entry_point: str, tuples: Sequence[int]) -> str:
    """The program, made to take lists where the task has tuples (`tuple_depths`)."""
    if not any(tuples):
        return code
    return code.rstrip() + _WRAPPER.format(entry=entry_point, tuples=list(tuples))


def task_tuples(row: Mapping[str, Any]) -> list[int]:
    """`tuple_depths` of a row of EvalPlus."""
    return tuple_depths(str(row.get("contract") or ""), parameters_of(row))


def tuple_depths(contract: str, parameters: Sequence[str]) -> list[int]:
    """By parameter: 0 a list stays one, 1 it is a tuple, 2 a list of tuples, 3 a tuple of them.

    Read from `isinstance(x, tuple)` in the contract, for x a parameter or what one holds.
    """
    tree = ast.parse(textwrap.dedent(contract))
    outer, inner = set(), set()
    for node in ast.walk(tree):
        holders = {}
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            holders = {
                part.target.id: part.iter.id
                for part in node.generators
                if isinstance(part.target, ast.Name) and isinstance(part.iter, ast.Name)
            }
        for call in ast.walk(node):
            match call:
                case ast.Call(
                    func=ast.Name(id="isinstance"), args=[ast.Name(id=name), ast.Name(id="tuple")]
                ):
                    if name in holders:
                        inner.add(holders[name])
                    elif name in parameters:
                        outer.add(name)
    return [(name in outer) + 2 * (name in inner) for name in parameters]


def parameters_of(row: Mapping[str, Any]) -> list[str]:
    """Parameters of the entry point of an EvalPlus row, from the canonical solution."""
    return _parameters(_canonical(row), str(row["entry_point"]))


def _parameters(code: str, entry_point: str) -> list[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef) and node.name == entry_point:
            return [argument.arg for argument in node.args.args]
    raise ValueError(f"no function {entry_point} in its own solution")


def _canonical(row: Mapping[str, Any]) -> str:
    """HumanEval+ has the body of the prompt's function, MBPP+ a whole program."""
    solution = str(row["canonical_solution"])
    is_body = f"def {row['entry_point']}(" not in solution
    return str(row["prompt"]) + solution if is_body else solution


def _task(row: Mapping[str, Any], name: str) -> EvalplusTask:
    is_evalperf = name == EVALPERF
    missing = [key for key in (EVALPERF_COLUMNS if is_evalperf else COLUMNS) if key not in row]
    if missing:
        raise ValueError(f"missing {', '.join(missing)}")
    inputs = [
        each
        for key in ("base_input", "plus_input", "pe_input")
        if row.get(key)
        for each in _inputs(row[key])
    ]
    if not inputs:
        raise ValueError("it has no inputs")
    references = tuple(row["reference"]) if is_evalperf else (_canonical(row),)
    scores = tuple(float(score) for score in row["scores"]) if is_evalperf else ()
    if is_evalperf and not 0 < len(references) == len(scores):
        raise ValueError(f"{len(references)} references, {len(scores)} scores")
    entry_point = str(row["entry_point"])
    return EvalplusTask(
        task_id=str(row["task_id"]),
        suite=name,
        prompt=str(row.get("prompt") or ""),
        entry_point=entry_point,
        references=references,
        scores=scores,
        frame=callable_with_lists(
            "{program}",
            entry_point,
            tuple_depths(str(row.get("contract") or ""), _parameters(references[-1], entry_point)),
        ),
        input_texts=tuple(json.dumps(each) for each in inputs),
    )


def _inputs(value: Any) -> list[list[Any]]:
    """Rows carry them as values or as JSON text."""
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, list) for each in found):
        raise ValueError("inputs must be a list of argument lists")
    return found


def _answered(run: Run, task: EvalplusTask) -> Problem | LeftOut:
    """The problem with the canonical solution's answers as tests."""
    request = RunRequest(
        kind="function",
        code=task.frame.replace("{program}", task.canonical, 1),
        entry_point=task.entry_point,
        input_texts=task.input_texts,
        cpu_limit_s=CANONICAL_LIMIT_S,
        preamble=task.preamble,
    )
    try:
        report = run(request)
    except SandboxFailure as failure:
        return LeftOut(place="answers", problem_id=task.task_id, reason=str(failure))
    if report.outcome is not Outcome.ACCEPTED:
        number = len(report.answer_texts)
        reason = f"its canonical solution fails on input {number}: {report.outcome.value}"
        return LeftOut(place="answers", problem_id=task.task_id, reason=reason)
    return task.problem(report.answer_texts)
