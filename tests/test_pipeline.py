"""The streaming pipeline's own decisions, with made actors' rows in place of Ray's."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.data import ActorPoolStrategy
from sample_records import FUNCTION_PROBLEM, SAMPLED, measurement

from skeldpo import pipeline
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.pipeline import Progress, Sandboxes, read_sampled, sample_and_measure
from skeldpo.records import Assignment, Measurement, Outcome
from skeldpo.store import ASSIGNMENTS, MEASUREMENTS, Store

NUM_SANDBOXES = 3
SANDBOXES = Sandboxes(measure=MeasureConfig(num_cores=NUM_SANDBOXES), evaluate=EvaluateConfig())


def make_assignment(name: str) -> Assignment:
    candidate = replace(SAMPLED, candidate_id=f"{name}-c", problem_id=name)
    return Assignment(
        problem=replace(FUNCTION_PROBLEM, problem_id=name),
        purpose="train",
        round_index=0,
        num_samples=0,
        temperature=0.0,
        seed=0,
        candidates=(candidate,),
    )


@dataclass
class MadeRows:
    """What the actors of one pass would write and yield."""

    output: str
    outcomes: dict[str, Outcome]
    faults: dict[str, list[str]]
    failures: dict[str, str]

    def iter_rows(self) -> Iterator[dict[str, str]]:
        """Writes the parts as the actors do."""
        for name, outcome in self.outcomes.items():
            row = replace(measurement(f"{name}-c", outcome=outcome), problem_id=name)
            Store(self.output).write_part(MEASUREMENTS, name, Measurement, [row])
            yield {
                "problem_id": name,
                "outcomes": json.dumps({outcome.value: 1}),
                "faults": json.dumps(self.faults.get(name, [])),
                "failure": self.failures.get(name, ""),
                "note": "core 1 of host: it shakes" * (name == "fine"),
            }


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Any]]:
    """Names and cores to avoid of each pass; in the first the sandbox fails on the verdicts of
    "lost" and the times of "untimed", and "faulty" is at fault."""
    made: list[tuple[list[str], Any]] = []

    def dataset(one: Any, num_sandboxes: int, pass_id: str) -> MadeRows:
        assert num_sandboxes == min(NUM_SANDBOXES, len(one.waiting))
        for name in one.waiting:
            (asked,) = Store(one.output).read_part(ASSIGNMENTS, name, Assignment)
            assert asked == make_assignment(name)
        names = list(one.waiting)
        outcomes = dict.fromkeys(names, Outcome.ACCEPTED)
        failures = {}
        if not made:
            outcomes |= {"lost": Outcome.SANDBOX_FAILED, "faulty": Outcome.FAULTY_PROBLEM}
            failures = {"lost": "no answer", "untimed": "a long report"}
        made.append((names, list(one.avoid)))
        return MadeRows(one.output, outcomes, {"faulty": ["its reference fails"]}, failures)

    monkeypatch.setattr(pipeline, "_dataset", dataset)
    monkeypatch.setattr(pipeline, "_require_resources", lambda engines, sandboxes: None)
    return made


def test_problem_that_the_sandbox_failed_on_is_measured_once_more_elsewhere(
    tmp_path: Path, passes: list[tuple[list[str], Any]]
) -> None:
    told: list[Progress] = []
    sample_and_measure(
        (make_assignment(name) for name in ("fine", "lost", "untimed", "faulty")),
        engines=None,
        sandboxes=SANDBOXES,
        output=str(tmp_path),
        on_progress=told.append,
    )
    again = ["lost", "untimed"]
    assert passes == [(["fine", *again, "faulty"], []), (again, [("host", 1)])]
    sampled = read_sampled(str(tmp_path))
    assert [row.problem_id for row in sampled.candidates] == ["fine", *again, "faulty"]
    assert Store(str(tmp_path)).part_keys(ASSIGNMENTS) == set()
    outcomes = {row.problem_id: row.outcome.value for row in sampled.measurements}
    assert outcomes.pop("faulty") == "FAULTY_PROBLEM"
    assert outcomes == dict.fromkeys(["fine", *again], "ACCEPTED")
    said = [fault for progress in told for fault in progress.faults]
    assert said == [
        "core 1 of host: it shakes",
        "problem lost: the sandbox failed: no answer",
        "problem untimed: the sandbox failed: a long report",
        "problem faulty: its reference fails",
    ]
    last = told[-1]
    assert (last.num_problems, last.num_done) == (4, 4)
    assert (last.num_measured, last.num_accepted) == (4, 3)


class Raises:
    """An actor of a Ray Data stage that fails where it is told to, as a model's engine may."""

    def __init__(self, error: Exception, *, at_start: bool) -> None:
        self._error = error
        if at_start:
            raise error

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        raise self._error
        yield batch


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.shutdown()  # that of an earlier test has other resources
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    here = sys.modules[__name__]
    ray.cloudpickle.register_pickle_by_value(here)  # workers do not find this folder
    yield
    ray.cloudpickle.unregister_pickle_by_value(here)
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.parametrize("at_start", [True, False], ids=["in init", "in call"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no weights in /x;\n  give\nmore"), "ValueError: no weights in /x; give more"),
        (RuntimeError("problem p7: vLLM refused it"), "RuntimeError: problem p7: vLLM refused it"),
        (AssertionError(), "AssertionError"),
    ],
)  # fmt: skip
def test_error_of_an_actor_is_told_as_it_was_raised(
    cluster: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
    at_start: bool,
) -> None:
    def dataset(one: Any, *_: Any) -> Any:
        return ray.data.from_items([{"problem_id": name} for name in one.waiting]).map_batches(
            Raises,
            batch_size=1,
            compute=ActorPoolStrategy(size=1),
            fn_constructor_kwargs={"error": error, "at_start": at_start},
        )

    monkeypatch.setattr(pipeline, "_dataset", dataset)
    monkeypatch.setattr(pipeline, "_require_resources", lambda engines, sandboxes: None)
    with pytest.raises(RuntimeError) as told:
        sample_and_measure(
            [make_assignment("p7")],
            engines=None,
            sandboxes=SANDBOXES,
            output=str(tmp_path),
            on_progress=lambda _: None,
        )
    assert str(told.value) == (
        f"generating and measuring stopped after 0 of 1 problems: {said}; what is done is kept, "
        "the same command goes on from there"
    )
