"""Do our verdicts on MBPP+ agree with EvalPlus's own?

    python -m venv EP && EP/bin/pip install evalplus
    python -m benchmarks.evalplus_agreement --data MbppPlus.jsonl.gz --evalplus-python EP/bin/python
        [--programs FILE ...] [--num-mutants N] [--json FILE]

Both judge the canonical solutions, mutants of them, and a model's answers in the given files
(EvalPlus's format: rows of `task_id` and `solution`), which for both are the programs that
`skeldpo.answers` finds in them. Programs that fail the base tests fail the
extra ones too, as both count. Every disagreement is printed with what we saw of the program.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.mutants import mutants
from skeldpo.answers.reading import Wanted, read_answer
from skeldpo.config import MeasureConfig
from skeldpo.languages import python
from skeldpo.measure.on_cores import Run, map_on_cores
from skeldpo.measure.verdict import Judge
from skeldpo.problems.evalplus import canonical_program
from skeldpo.problems.evalplus_inputs import argument_lists
from skeldpo.problems.reader import read_rows
from skeldpo.records import Outcome, Problem
from skeldpo.suites.evalplus import answered_problem, evalplus_task
from skeldpo.suites.evaluation import LeftOut

SUITE = "mbpp_plus"
NUM_MUTANTS = 4
CONFIG = MeasureConfig(cpu_limit_s=10.0, max_tests=0)
OWN = Path(__file__).with_name("evalplus_own.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedProgram:
    """A program to be judged; `kind` is "canonical", "mutant: ..." or the file it came from."""

    task_id: str
    kind: str
    solution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """Whether a program passes the base tests, and the extra ones too; `reason` says why not."""

    base: bool
    plus: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A verdict of ours beside EvalPlus's."""

    task_id: str
    kind: str
    tests: str
    ours: bool
    theirs: str
    reason: str
    solution: str


def main() -> None:
    """Prints the agreement on base and on all tests, and each disagreement."""
    options = _options()
    python = evalplus_python(options.evalplus_python)
    rows = {str(row["task_id"]): row for _, row in read_rows(options.data)}
    programs = all_programs(rows, options.programs, options.num_mutants)
    print(f"{len(programs)} programs of {len(rows)} tasks", flush=True)
    theirs = evalplus_verdicts(python, options.data, programs)
    print("EvalPlus has judged", flush=True)
    ours, left_out = our_verdicts(rows, programs)
    for task in left_out:
        print(f"left out: {task.problem_id}: {task.reason}")
    figures, found = agreement(programs, ours, theirs)
    for entry in found:
        print(f"{entry.task_id} {entry.kind}, {entry.tests}: {entry.theirs} by EvalPlus, "
              f"{'pass' if entry.ours else 'fail'} by us: {entry.reason}")  # fmt: skip
    for name, value in figures.items():
        print(f"{name:32} {value:.5g}")
    if options.json:
        kept = {**figures, "left_out": [asdict(task) for task in left_out],
                "disagreements": [asdict(entry) for entry in found]}  # fmt: skip
        Path(options.json).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def evalplus_python(named: str) -> str:
    """The interpreter that has EvalPlus: the named one, or this one."""
    if named or importlib.util.find_spec("evalplus"):
        return named or sys.executable
    raise SystemExit(
        "EvalPlus is not installed here: python -m venv EP && EP/bin/pip install evalplus, "
        "then --evalplus-python EP/bin/python"
    )


def all_programs(
    rows: Mapping[str, Mapping[str, Any]], files: Sequence[str], num_mutants: int
) -> list[JudgedProgram]:
    """Canonical solutions, mutants of them and the programs of the files, task by task."""
    made = []
    for task_id, row in rows.items():
        code = canonical_program(row)
        made.append(JudgedProgram(task_id=task_id, kind="canonical", solution=code))
        made += [
            JudgedProgram(task_id=task_id, kind=f"mutant: {kind}", solution=text)
            for kind, text in mutants(code, num_mutants)
        ]
    for path in files:
        for where, row in read_rows(path):
            if row.get("task_id") not in rows or "solution" not in row:
                raise ValueError(f"{where}: expected a known task_id, and a solution")
            wanted = Wanted(
                language=python.NAME, entry_point=str(rows[row["task_id"]]["entry_point"])
            )
            code = read_answer(row["solution"], wanted).code
            name = Path(path).name
            made.append(JudgedProgram(task_id=row["task_id"], kind=name, solution=code))
    order = {task_id: place for place, task_id in enumerate(rows)}
    return sorted(made, key=lambda program: order[program.task_id])


def evalplus_verdicts(
    python: str, data: str, programs: Sequence[JudgedProgram]
) -> list[dict[str, str]]:
    """ "base" and "plus" of each program: "pass", "fail" or "timeout"."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "programs.jsonl"), Path(folder, "verdicts.jsonl")
        given.write_text("".join(json.dumps(asdict(program)) + "\n" for program in programs))
        subprocess.run(
            [python, OWN, given, made, str(os.cpu_count())],
            env=os.environ | {"MBPP_OVERRIDE_PATH": str(Path(data).absolute()), "PYTHONPATH": ""},
            check=True,
        )
        return [json.loads(line) for line in made.read_text().splitlines()]


def our_verdicts(
    rows: Mapping[str, Mapping[str, Any]], programs: Sequence[JudgedProgram]
) -> tuple[list[Passes | None], list[LeftOut]]:
    """Ours of each program, None where the task is left out; and what is left out."""
    by_task: dict[str, list[int]] = {}
    for index, program in enumerate(programs):
        by_task.setdefault(program.task_id, []).append(index)

    def judge(run: Run, task_id: str) -> LeftOut | list[Passes]:
        task = evalplus_task(rows[task_id], SUITE)
        problem = answered_problem(run, task)
        if isinstance(problem, LeftOut):
            return problem
        num_base = len(argument_lists(rows[task_id], "base_input", ()))
        codes = [programs[index].solution for index in by_task[task_id]]
        return [passes_of(run, problem, num_base, code) for code in codes]

    measured = map_on_cores(list(by_task), judge, CONFIG, _tell)
    ours: list[Passes | None] = [None] * len(programs)
    left_out = []
    for task_id, made in zip(by_task, measured, strict=True):
        if isinstance(made, LeftOut):
            left_out.append(made)
            continue
        for index, passes in zip(by_task[task_id], made, strict=True):
            ours[index] = passes
    return ours, left_out


def agreement(
    programs: Sequence[JudgedProgram],
    ours: Sequence[Passes | None],
    theirs: Sequence[Mapping[str, str]],
) -> tuple[dict[str, float], list[Disagreement]]:
    """The share of equal verdicts by tests and kind of program, and the unequal ones. A program of
    a task that we leave out counts as one on which we disagree."""
    found: list[Disagreement] = []
    counts: dict[str, list[bool]] = {}
    for program, passes, verdict in zip(programs, ours, theirs, strict=True):
        passes = passes or Passes(base=False, plus=False, reason="the task is left out")
        source = program.kind.partition(":")[0]
        for tests, mine in (("base", passes.base), ("plus", passes.plus)):
            is_equal = mine == (verdict[tests] == "pass")
            counts.setdefault(f"{source}/{tests}", []).append(is_equal)
            counts.setdefault(f"all/{tests}", []).append(is_equal)
            if not is_equal:
                found.append(
                    Disagreement(
                        task_id=program.task_id,
                        kind=program.kind,
                        tests=tests,
                        ours=mine,
                        theirs=verdict[tests],
                        reason=passes.reason,
                        solution=program.solution,
                    )
                )
    figures: dict[str, float] = {"num_programs": len(programs)}
    figures["num_passing_plus"] = sum(verdict["plus"] == "pass" for verdict in theirs)
    for name, equal in sorted(counts.items()):
        figures[f"agreement/{name}"] = sum(equal) / len(equal)
    return figures, found


def passes_of(run: Run, problem: Problem, num_base: int, code: str) -> Passes:
    """Of one program; a task may have no extra tests."""
    base, extra = problem.tests[:num_base], problem.tests[num_base:]
    verdict = Judge(replace(problem, tests=base), run, CONFIG).check(code)
    is_base = verdict.outcome is Outcome.ACCEPTED
    if is_base and extra:
        verdict = Judge(replace(problem, tests=extra), run, CONFIG).check(code)
    return Passes(
        base=is_base,
        plus=verdict.outcome is Outcome.ACCEPTED,
        reason=f"{verdict.outcome.value} {' '.join(verdict.failure.split())[-200:]}".strip(),
    )


def _tell(num_done: int) -> None:
    if num_done % 50 == 0:
        print(f"{num_done} tasks judged", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evalplus_agreement")
    parser.add_argument("--data", required=True, help="MbppPlus.jsonl or .jsonl.gz")
    parser.add_argument("--programs", nargs="*", default=[], help="files in EvalPlus's format")
    parser.add_argument("--evalplus-python", default="", help="an interpreter with EvalPlus")
    parser.add_argument("--num-mutants", type=int, default=NUM_MUTANTS, help="a task")
    parser.add_argument("--json", help="write the figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
