"""A policy's programs for the problems of a suite, written as JSONL for `evaluate_programs`.

The generate stage is that of a run. It is followed by its measure stage with one empty test, as the
two are one pipeline; that verdict is not used.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skeldpo.config import EvaluateConfig, GenerateConfig, PolicyConfig
from skeldpo.console import Display
from skeldpo.evaluate import enamel
from skeldpo.languages import python
from skeldpo.pipeline import (
    Engines,
    Sandboxes,
    connect_ray,
    count_teller,
    read_sampled,
    sample_and_measure,
)
from skeldpo.policy import fetch_policy
from skeldpo.records import Assignment, Example, Problem, content_id
from skeldpo.suites.run import SuiteRequest, load_reference_suite

NO_INPUT = Example(input_text="", expected_text="")
NO_CALL = Example(input_text="[]", expected_text="null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a policy is asked; a temperature of 0 is greedy."""

    prompting: PolicyConfig
    generate: GenerateConfig
    num_samples: int
    temperature: float


def write_samples(policy: str, request: SuiteRequest, sampling: Sampling, display: Display) -> None:
    """Writes `request.programs`: rows of problem_id, sample_index and code."""
    problems = _asked_problems(request, display)
    target = Path(request.programs)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=request.folder, prefix=".skeldpo-samples-") as folder:
        fetched = fetch_policy(policy, f"{folder}/policy")
        connect_ray()
        sample_and_measure(
            [_assignment(problem, sampling) for problem in problems],
            engines=Engines(
                policy=fetched,
                prompting=sampling.prompting.model_copy(update={"model": fetched.folder}),
                generate=sampling.generate,
            ),
            sandboxes=Sandboxes(
                measure=request.measure, evaluate=EvaluateConfig(num_repeats=1, repeat_for_s=0.0)
            ),
            output=f"{folder}/rows",
            on_progress=count_teller(f"{request.suite} samples", display.tell),
        )
        sampled = read_sampled(f"{folder}/rows")
    rows = sorted(sampled.candidates, key=lambda row: (row.problem_id, row.sample_index))
    with target.open("w", encoding="utf-8") as lines:
        for row in rows:
            held = {
                "problem_id": row.problem_id,
                "sample_index": row.sample_index,
                "code": row.code,
                "finish_reason": row.finish_reason,
                "model_id": row.model_id,
            }
            lines.write(json.dumps(held) + "\n")
    display.tell(f"samples: {target}")


def _asked_problems(request: SuiteRequest, display: Display) -> Sequence[Problem]:
    """Statement and starter code of every problem, and what its programs define, with one test
    that asks nothing."""
    if request.suite == enamel.SUITE:
        return [
            Problem(
                problem_id=problem.problem_id,
                language=python.NAME,
                source=enamel.SUITE,
                split="heldout_family",
                difficulty="unknown",
                kind="function",
                statement="Complete this program; answer with all of it.",
                entry_point=problem.entry_point,
                starter_code=problem.prompt,
                tests=(NO_CALL,),
                generators=(),
                checker="exact",
                reference="",
                solutions=(),
            )
            for problem in enamel.load_enamel(request.data).problems
        ]
    suite = load_reference_suite(request, display)
    return [
        replace(
            problem,
            entry_point=suite.wanted_of(problem).entry_point,
            tests=(NO_CALL if problem.kind == "function" else NO_INPUT,),
            generators=(),
            checker="exact",
            reference="",
            solutions=(),
        )
        for problem in suite.problems
    ]


def _assignment(problem: Problem, sampling: Sampling) -> Assignment:
    return Assignment(
        problem=problem,
        purpose="evaluate",
        round_index=0,
        num_samples=sampling.num_samples,
        temperature=sampling.temperature,
        seed=int(content_id("suite", problem.problem_id), 16) % (1 << 31),
        candidates=(),
    )
