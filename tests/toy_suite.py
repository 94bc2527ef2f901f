"""A suite of one's own in one file: numbers to double, judged and scored its own way.

Rows of --data are {"problem_id", "inputs", "folder"}. A line of the file `log` of that folder is
written for each problem that is measured, and none is while there is a file `stop-PROBLEM`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from skeldpo.measure.actor import session_row
from skeldpo.measure.on_cores import Run
from skeldpo.records import Assignment, Example, KnownProgram, Measurement, Outcome, Problem
from skeldpo.sandbox.container import RunRequest
from skeldpo.suites.contract import Judged, Protocol, Scores, Suite, SuiteData, SuiteProblems
from skeldpo.suites.evaluation import SampleResult
from skeldpo.suites.scoring import pass_scores

REFERENCE = "def double(n):\n    return n + n\n"


def load(data: SuiteData) -> SuiteProblems:
    rows = map(json.loads, Path(data.source).read_text().splitlines())
    return SuiteProblems(problems=tuple(_problem(**row) for row in rows))


def run_tests(assignment: Assignment, run: Run) -> list[Measurement]:
    problem = assignment.problem
    folder = Path(problem.statement)
    if (folder / f"stop-{problem.problem_id}").exists():
        raise OSError("stopped")
    with (folder / "log").open("a") as log:
        log.write(f"{problem.problem_id}\n")
    made = []
    for candidate in assignment.candidates:
        report = run(
            RunRequest(
                language=problem.language,
                kind="function",
                code=candidate.code,
                entry_point="double",
                input_texts=tuple(test.input_text for test in problem.tests),
                cpu_limit_s=1.0,
            )
        )
        expected = tuple(test.expected_text for test in problem.tests)
        is_right = report.answer_texts == expected
        outcome = Outcome.ACCEPTED if is_right else Outcome.WRONG_ANSWER
        made.append(session_row(candidate.candidate_id, assignment, outcome))
        if is_right:
            time_ns = (report.cpu_time_ns,)
            made.append(
                replace(made[-1], phase="screen", cpu_times_ns=time_ns, baseline_times_ns=time_ns)
            )
    return made


def score(judged: Judged, ks: Sequence[int]) -> Scores:
    samples = tuple(
        SampleResult(
            sample_index=sample.candidate.sample_index,
            code=sample.candidate.code,
            outcome=sample.verdict.outcome,
            is_correct=sample.verdict.outcome is Outcome.ACCEPTED,
            failure=sample.verdict.failure,
            values={"length": float(len(sample.candidate.code))},
            times_ns=(),
        )
        for sample in judged.samples
    )
    shortest = min(sample.values["length"] for sample in samples)
    return Scores(
        samples=samples, scores=pass_scores(samples, ks) | {"shortest": shortest}, relative_to={}
    )


def _problem(problem_id: str, inputs: Sequence[int], folder: str) -> Problem:
    return Problem(
        problem_id=problem_id,
        language="python",
        source="toy",
        split="heldout_family",
        difficulty="unknown",
        kind="function",
        statement=folder,
        entry_point="double",
        starter_code="def double(n):",
        tests=tuple(Example(input_text=f"[{n}]", expected_text=str(2 * n)) for n in inputs),
        generators=(),
        checker="exact",
        reference="",
        solutions=(KnownProgram(code=REFERENCE, speed="unknown"),),
    )


SUITE = Suite(
    name="toy",
    data="rows of numbers",
    scores="pass@k, shortest",
    equality="it is twice the number",
    load=load,
    protocol=Protocol(score=score, session=run_tests),
)
