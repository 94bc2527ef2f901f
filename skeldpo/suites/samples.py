"""A policy's programs for the problems of a suite, written as JSONL for `evaluate_programs`.

The generate stage is that of a run; nothing is measured. The same command goes on with what was
written, as the runner does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from skeldpo.accounts.progress import count_teller
from skeldpo.answers import CUT_OFF
from skeldpo.checkpoints import fetch_checkpoint, text_digests
from skeldpo.config import EvaluateConfig, GenerateConfig, PolicyConfig
from skeldpo.connection import connect_ray
from skeldpo.measure.on_cores import Run
from skeldpo.pipeline import Engines, Sandboxes, sample_and_measure
from skeldpo.records import Assignment, Example, Measurement, Problem, content_id
from skeldpo.storage.by_problem import Sampled
from skeldpo.storage.files import folder_and_name, open_files
from skeldpo.suites.contract import SuiteProblems
from skeldpo.suites.runner import SuiteRequest, data_identity, parts_of

NO_INPUT = Example(input_text="", expected_text="")
NO_CALL = Example(input_text="[]", expected_text="null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a policy is asked; a temperature of 0 is greedy."""

    prompting: PolicyConfig
    generate: GenerateConfig
    num_samples: int
    temperature: float


def generate_for_suites(generate: GenerateConfig, evaluate: EvaluateConfig) -> GenerateConfig:
    """The settings of a run's answers, with up to `evaluate.max_tokens` tokens each."""
    return generate.model_copy(update={"max_tokens": evaluate.max_tokens})


def write_samples(
    policy: str,
    request: SuiteRequest,
    held: SuiteProblems,
    sampling: Sampling,
    tell: Callable[[str], None],
) -> None:
    """Writes `request.programs`: rows of problem_id, sample_index and code."""
    tell(f"{request.suite.name} samples: {len(held.problems)} problems for {policy}")
    problems = _asked_problems(held)
    fetched = fetch_checkpoint(policy, f"{request.parts_folder}/policy-{content_id(policy)}")
    identity = content_id(
        data_identity(request, problems),
        fetched.model_id,
        *sorted(text_digests(fetched.folder).items()),
        sampling.prompting.model_dump_json(),
        sampling.generate.model_dump_json(),
        sampling.num_samples,
        sampling.temperature,
    )
    folder = parts_of(f"{request.parts_folder}/samples", identity, tell)
    connect_ray(tell, engine=request.measure.engine)
    sample_and_measure(
        [_assignment(problem, sampling) for problem in problems],
        engines=Engines(
            checkpoint=fetched,
            prompting=sampling.prompting.model_copy(update={"model": fetched.folder}),
            generate=sampling.generate,
        ),
        sandboxes=Sandboxes(
            measure=request.measure, evaluate=request.evaluate, session=leave_unmeasured
        ),
        output=folder,
        on_progress=count_teller(f"{request.suite.name} samples", tell, is_judged=False),
    )
    by_id = sorted(held.problems, key=lambda problem: problem.problem_id)
    place, name = folder_and_name(request.programs)
    num_cut = num_rows = 0
    with open_files(place).written(name) as lines:
        for written in Sampled(folder).iter_problems(by_id):
            for row in sorted(written.candidates, key=lambda row: row.sample_index):
                line = {
                    "problem_id": row.problem_id,
                    "sample_index": row.sample_index,
                    "code": row.code,
                    "finish_reason": row.finish_reason,
                    "model_id": row.model_id,
                }
                lines.write(json.dumps(line).encode() + b"\n")
                num_rows += 1
                num_cut += row.finish_reason == CUT_OFF
    if num_cut:
        limit = sampling.generate.max_tokens
        tell(
            f"{request.suite.name} samples: {num_cut} of {num_rows} answers were cut off, at "
            f"{limit} tokens (evaluate.max_tokens) or at policy.max_model_tokens with their prompt"
        )
    tell(f"samples: {request.programs}")


def leave_unmeasured(assignment: Assignment, run: Run) -> list[Measurement]:
    """The session of programs that are only written."""
    return []


def _asked_problems(held: SuiteProblems) -> Sequence[Problem]:
    """Statement and starter code of every problem, and what its programs define, with one test
    that asks nothing."""
    return [
        replace(
            problem,
            entry_point=held.wanted_of(problem).entry_point,
            tests=(NO_CALL if problem.kind == "function" else NO_INPUT,),
            generators=(),
            checker="exact",
            reference="",
            solutions=(),
        )
        for problem in held.problems
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
