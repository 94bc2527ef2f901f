"""No fault may turn into a label: faults injected into every run of a problem, measured and paired
by the code that a run uses."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import docker
import pytest
from docker.models.containers import Container
from fault_layer import (
    CONFIG,
    IMAGE,
    REFERENCE,
    REVERSED,
    SIZED,
    TRUTHS,
    Fault,
    Made,
    MadeProgram,
    Truth,
    When,
    broken,
    ever_from,
    is_crosscheck,
    jumped_ahead,
    jumped_back,
    measure_and_pair,
    once,
    paused,
    refusing,
    timeless,
    too_few_answers,
    too_many_answers,
    whenever,
    wrong_labels,
)
from pair_rows import PAIR
from sample_records import FUNCTION_PROBLEM, SAMPLED, measurement
from scripted_runs import make_report

from skeldpo.config import EvaluateConfig, MeasureConfig, SkeletonConfig
from skeldpo.measure.actor import fuller
from skeldpo.measure.calibration import calibrate
from skeldpo.measure.lines import hot_lines
from skeldpo.measure.memory import mean_memory
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.measure.work import ProblemWork
from skeldpo.pair import build_pairs
from skeldpo.records import Assignment, Outcome
from skeldpo.rounds.driver import failed_problems
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox
from skeldpo.storage.by_problem import measured_problems
from skeldpo.suites.round_scores import Author, evaluate_heldout

FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        broken, paused, timeless, jumped_ahead, jumped_back, too_few_answers, too_many_answers,
        refusing,
    )
}  # fmt: skip
SPANS = {"once": once, "for good": ever_from}
NUM_PLACES = 4
"""In a problem, of each fault: each combination begins at another run."""


def _never(index: int, request: object) -> bool:
    return False


def _measured(truth: Truth, fault: Fault, when: When) -> Made:
    return measure_and_pair(truth, truth.sandbox(fault, when).run)


def _pairs(made: Made, stage: str) -> set[tuple[str, str]]:
    return {
        (pair.chosen.candidate_id, pair.rejected.candidate_id)
        for pair in made.pairs.pairs
        if pair.stage == stage
    }


def _outcomes(made: Made, phase: str) -> dict[str, Outcome]:
    return {
        row.candidate_id: row.outcome
        for row in made.rows
        if row.phase == phase and not row.cpu_times_ns
    }


def _num_runs(truth: Truth) -> int:
    sandbox = truth.sandbox(broken, _never)
    measure_and_pair(truth, sandbox.run)
    return len(sandbox.requests)


@pytest.mark.parametrize("name", TRUTHS)
def test_without_a_fault_the_labels_are_all_there(name: str) -> None:
    """Else no wrong label would be no proof."""
    truth = TRUTHS[name]
    made = _measured(truth, broken, _never)
    assert (made.failure, list(made.faults), wrong_labels(truth, made)) == ("", [], [])
    assert {row.candidate_id for row in made.rows if row.phase == "check"} == set(truth.verdicts)
    found = _pairs(made, "efficiency")
    assert ("fast", "slow") in found if truth.purpose == "train" else not found
    rejected = {rejected for _, rejected in _pairs(made, "correctness")}
    assert rejected >= {"off", "crashing"}
    assert ("garbage" in rejected) == (name in ("trusted", "no tests"))
    assert ("deep" in rejected) == (name == "trusted")


@pytest.mark.parametrize("name", ["untrusted", "evaluation"])
def test_machine_whose_times_prove_nothing_gives_verdicts_and_no_times(name: str) -> None:
    """A container without a core of its own (docs/SANDBOX.md, promises)."""
    truth = TRUTHS[name]
    sandbox = truth.sandbox(broken, _never)
    made = measure_and_pair(truth, sandbox.run, unverified="no core of its own")
    assert (made.failure, wrong_labels(truth, made)) == ("", [])
    assert {row.candidate_id for row in made.rows} == set(truth.verdicts)
    assert {(row.phase, row.cpu_times_ns, row.unverified) for row in made.rows} == {
        ("check", (), "no core of its own")
    }
    assert made.pairs.efficiency_reason == "no core of its own"
    assert _pairs(made, "correctness") and not _pairs(made, "efficiency")


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_run_gives_no_wrong_label(
    name: str, span: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    truth = TRUTHS[name]
    step = _num_runs(truth) // NUM_PLACES
    first = zlib.crc32(f"{name} {span} {fault}".encode()) % step
    places = range(first, NUM_PLACES * step, step)
    found = [
        (place, wrong_labels(truth, _measured(truth, FAULTS[fault], SPANS[span](place))))
        for place in places
    ]
    assert [each for each in found if each[1]] == []
    assert len(places) == NUM_PLACES
    print(f"{len(places)} faults ({fault}, {span}, {name}): 0 wrong labels")


def test_crosscheck_that_the_sandbox_failed_in_leaves_no_pair_until_it_is_made() -> None:
    """Here it would say that "depends" is the slowest, not the fastest."""
    truth = TRUTHS["untrusted"]
    made = _measured(truth, broken, whenever(is_crosscheck))
    assert made.failure.startswith("ChannelError")
    assert _pairs(made, "efficiency") == set()
    assert "cross-check that was asked for is missing" in made.pairs.efficiency_reason
    assert made.pairs.funnel.num_unchecked == made.pairs.funnel.num_decided == 3
    assert set(_outcomes(made, "crosscheck").values()) == {Outcome.SANDBOX_FAILED}
    assert _pairs(made, "correctness"), "what the tests said stays"
    again = _measured(truth, broken, _never)
    assert _pairs(again, "efficiency") == {("fast", "slow")}


def test_crosscheck_without_a_time_is_missing_for_that_program_alone() -> None:
    truth = TRUTHS["untrusted"]
    (depends,) = (program for program in truth.programs if program.name == "depends")
    picks = lambda r: is_crosscheck(r) and r.code == depends.code  # noqa: E731
    made = _measured(truth, timeless, whenever(picks))
    assert made.failure == ""
    assert _outcomes(made, "crosscheck") == {"depends": Outcome.SANDBOX_FAILED}
    assert _pairs(made, "efficiency") == {("fast", "slow")}


def test_verdicts_and_refusals_found_before_a_failure_stay() -> None:
    """The sandbox breaks for good after the search for an input: what was seen until then holds."""
    truth = TRUTHS["trusted"]
    whole = truth.sandbox(broken, _never)
    measure_and_pair(truth, whole.run)
    place = next(i for i, request in enumerate(whole.requests) if is_crosscheck(request)) - 1
    made = _measured(truth, broken, ever_from(place))
    assert made.failure
    assert _outcomes(made, "check") == {
        **dict.fromkeys(("fast", "slow", "depends"), Outcome.ACCEPTED),
        "off": Outcome.WRONG_ANSWER, "crashing": Outcome.RUNTIME_ERROR,
        "deep": Outcome.RUNTIME_ERROR, "garbage": Outcome.WRONG_ANSWER,
    }  # fmt: skip


def test_second_try_elsewhere_that_shows_less_does_not_take_away_the_first() -> None:
    first = [measurement("a"), measurement("b", outcome=Outcome.WRONG_ANSWER)]
    second = [measurement("a"), measurement("b", outcome=Outcome.SANDBOX_FAILED)]
    assert fuller(second, first) == first
    assert fuller(first, second) == first
    assert fuller([measurement("b")], [measurement("a")])[0].candidate_id == "b"


def test_program_that_breaks_every_sandbox_costs_no_other_its_verdict() -> None:
    truth = TRUTHS["untrusted"]
    (fast,) = (program for program in truth.programs if program.name == "fast")
    made = _measured(truth, broken, whenever(lambda request: request.code == fast.code))
    outcomes = _outcomes(made, "check")
    assert outcomes.pop("fast") is Outcome.SANDBOX_FAILED
    assert outcomes == {name: next(iter(truth.verdicts[name])) for name in outcomes}
    assert wrong_labels(truth, made) == []


def test_failure_on_an_input_that_was_made_is_a_row_of_its_own_and_no_verdict() -> None:
    made = _measured(TRUTHS["untrusted"], broken, _never)
    assert _outcomes(made, "check")["deep"] is Outcome.ACCEPTED
    failed = {row.candidate_id: row for row in made.rows if row.phase == "screen"
              and row.outcome is not Outcome.ACCEPTED}  # fmt: skip
    assert {key: row.outcome for key, row in failed.items()} == {
        "deep": Outcome.RUNTIME_ERROR, "garbage": Outcome.WRONG_ANSWER,
    }  # fmt: skip
    assert failed["deep"].failure == "RecursionError" and failed["deep"].input_digest
    reasons = {row.reason for row in made.pairs.dropped_candidates}
    assert "accepted by the tests, RUNTIME_ERROR on timed inputs" in reasons


@pytest.mark.parametrize("outcome", [Outcome.MEMORY_LIMIT, Outcome.OUTPUT_LIMIT,
                                     Outcome.IDLE_LIMIT, Outcome.TIME_LIMIT])  # fmt: skip
def test_limit_of_ours_is_no_proof_even_where_the_input_is_trusted(outcome: Outcome) -> None:
    truth = TRUTHS["trusted"]
    (slow,) = (program for program in truth.programs if program.name == "slow")

    def reaches(request: RunRequest) -> bool:
        return request.code == slow.code and request.input_texts == ("[64]",)

    made = _measured(truth, lambda report: make_report(outcome), whenever(reaches))
    assert _outcomes(made, "check")["slow"] is Outcome.ACCEPTED
    assert _outcomes(made, "screen")["slow"] is outcome
    assert "slow" not in str(made.pairs.pairs)
    assert wrong_labels(truth, made) == []


@pytest.mark.parametrize("name", ["untrusted", "trusted", "no reference"])
def test_violation_on_an_input_that_was_made_stays_one(name: str) -> None:
    truth = TRUTHS[name]
    (slow,) = (program for program in truth.programs if program.name == "slow")
    picks = lambda r: r.code == slow.code and r.input_texts == ("[64]",)  # noqa: E731
    made = _measured(truth, lambda report: make_report(Outcome.VIOLATION), whenever(picks))
    assert _outcomes(made, "check")["slow"] is Outcome.VIOLATION
    assert "slow" not in str(made.pairs.pairs)


def test_programs_that_are_not_drawn_are_checked_without_tests_too() -> None:
    """Five of 41 programs are timed: 31 more guess, and none is right by not having run."""
    truth = TRUTHS["no tests"]
    guesses = tuple(MadeProgram(name=f"more{n}", us=n + 1, wrong_from=0) for n in range(31))
    verdicts = truth.verdicts | {g.name: {Outcome.WRONG_ANSWER} for g in guesses}
    truth = replace(truth, programs=(*truth.programs, *guesses), verdicts=verdicts)
    made = _measured(truth, broken, _never)
    accepted = {key for key, o in _outcomes(made, "check").items() if o is Outcome.ACCEPTED}
    assert accepted == {"fast", "slow", "depends"}
    assert wrong_labels(truth, made) == []


FAULTY = {
    "generators": lambda r: r.code in (SIZED, REVERSED),
    "reference": lambda r: r.code == REFERENCE,
}


@pytest.mark.parametrize("name", ["no tests", "untrusted"])
@pytest.mark.parametrize("part", FAULTY)
def test_faulty_problem_is_told_apart_from_a_failed_sandbox(name: str, part: str) -> None:
    truth = TRUTHS[name]
    honest = tuple(program for program in truth.programs if program.name != "garbage")
    truth = replace(truth, programs=honest)
    crash = lambda report: make_report(Outcome.RUNTIME_ERROR, failure="KeyError")  # noqa: E731
    made = _measured(truth, crash, whenever(FAULTY[part]))
    assert made.failure == "" and made.faults
    # Timed on the tests alone, the order of "depends" is that of one kind of input.
    labels = [label for label in wrong_labels(truth, made) if not label.startswith("efficiency")]
    assert labels == []
    if name == "untrusted" and part == "generators":
        assert _outcomes(made, "check")["fast"] is Outcome.ACCEPTED, "its tests ran"
        return
    assert set(_outcomes(made, "check").values()) == {Outcome.FAULTY_PROBLEM}
    assert made.pairs.pairs == ()
    assert made.pairs.efficiency_reason == "the problem is at fault for every candidate"


def test_faulty_problems_are_not_counted_as_failures_of_the_machine() -> None:
    """Three problems of sixteen are more than the share at which a run stops."""

    def verdicts(outcome: Outcome, num_lost: int = 12) -> Counter[tuple[str, Outcome]]:
        return Counter({("bad", outcome): num_lost, ("good", Outcome.ACCEPTED): 52})

    assert not failed_problems(verdicts(Outcome.FAULTY_PROBLEM))
    assert failed_problems(verdicts(Outcome.SANDBOX_FAILED)) == {"bad": 12}
    assert not failed_problems(verdicts(Outcome.SANDBOX_FAILED, 4))


def test_baseline_that_fails_where_it_is_timed_is_a_fault_of_the_problem() -> None:
    """It answers an input every other time: no other machine would help."""
    truth, seen = TRUTHS["untrusted"], Counter()

    def again(request: RunRequest) -> bool:
        if request.code != REFERENCE or len(request.input_texts) > 1:
            return False
        seen[request.input_texts] += 1
        return seen[request.input_texts] % 2 == 0

    made = _measured(truth, lambda report: make_report(Outcome.RUNTIME_ERROR), whenever(again))
    assert made.failure == ""
    assert [fault[:27] for fault in made.faults] == ["the baseline program failed"]
    assert _outcomes(made, "check")["fast"] is Outcome.ACCEPTED
    assert _pairs(made, "efficiency") == set()


@pytest.mark.parametrize("figure", ["profile_memory", "profile_lines"])
def test_profile_that_the_sandbox_failed_in_is_taken_again(figure: str) -> None:
    """The first try fails, and does not end as a program without hot lines or memory."""
    truth = TRUTHS["untrusted"]
    config = CONFIG.model_copy(update={figure: True})
    failed = []

    def run(request: RunRequest) -> RunReport:
        if request.samples_memory or request.entry_point == "line_times":
            failed.append(request)
            if len(failed) == 1:
                return broken(make_report())
            answer = "[[2, 100]]" if figure == "profile_lines" else "0"
            return make_report(answer_texts=(answer,), cpu_time_ns=1, mean_memory_bytes=5)
        return sandbox.run(request)

    sandbox = truth.sandbox(broken, _never)
    made = measure_and_pair(truth, run, config)
    screened = [row for row in made.rows if row.phase == "screen" and row.cpu_times_ns]
    assert len(screened) >= 3
    expected = ((2,), 0) if figure == "profile_lines" else ((), 5)
    assert {(row.hot_lines, row.mean_memory_bytes) for row in screened} == {expected}


@pytest.mark.parametrize("profile", [hot_lines, mean_memory])
def test_profile_of_a_sandbox_that_fails_is_no_figure(profile: Callable[..., object]) -> None:
    request = RunRequest(language="python", kind="function", code="x", entry_point="f",
                         input_texts=("[1]",), cpu_limit_s=1.0)  # fmt: skip
    with pytest.raises(SandboxFailure, match="profiling"):
        profile(lambda request: broken(make_report()), request)


def test_sample_without_a_time_counts_in_pass_at_1_alone() -> None:
    """Its Beyond would be 0 by a fault of the clock, or of an input that was made."""
    truth = TRUTHS["evaluation"]
    (slow,) = (program for program in truth.programs if program.name == "slow")
    made = _measured(truth, timeless, whenever(lambda r: r.code == slow.code))
    assert _outcomes(made, "screen") == {
        "slow": Outcome.SANDBOX_FAILED, "deep": Outcome.RUNTIME_ERROR,
    }  # fmt: skip
    samples = [
        replace(SAMPLED, candidate_id=program.name, problem_id=truth.problem.problem_id,
                origin="dataset" if program.name.startswith("known") else "sampled")
        for program in truth.programs
    ]  # fmt: skip
    report = evaluate_heldout(
        measured_problems([truth.problem], samples, made.rows),
        Author(model_id="m", round_index=0),
    )  # fmt: skip
    (score,) = report.problems
    assert (len(score.samples), score.scores["pass@1"]) == (6, pytest.approx(4 / 6))
    # "fast" between 80 and 400 ns a unit, "depends" faster than both, two are wrong.
    assert score.scores["beyond@1"] == pytest.approx(4 / 6 * ((400 - 100) / (400 - 80) + 1) / 2)
    assert score.scores["fast_share"] == 1.0


def test_calibration_without_a_time_is_a_sandbox_failure() -> None:
    with pytest.raises(SandboxFailure, match="took 0 ns"):
        calibrate(lambda request: make_report(answer_texts=("1",)))


BUSY = "def double(x):\n    for _ in range(3_000_000):\n        pass\n    return 2 * x\n"
OFF = "def double(x):\n    return 2 * x + 1\n"


def _pause(container: Container) -> None:
    """Longer than the wall limit of a run, 2.2 s."""
    container.pause()
    time.sleep(4)
    container.unpause()


@pytest.mark.docker
@pytest.mark.parametrize("disturb", [_pause, lambda container: container.kill()])
def test_container_that_is_paused_or_killed_in_a_check_refuses_no_right_program(
    disturb: Callable[[Container], None], shared_sandbox: Sandbox
) -> None:
    """A right program that is busy, frozen or cut off in its first run."""
    problem = replace(FUNCTION_PROBLEM, generators=(), reference="")
    candidates = tuple(
        replace(SAMPLED, candidate_id=name, code=code)
        for name, code in (("busy", BUSY), ("off", OFF), ("slow", BUSY.replace("3_", "4_")))
    )
    threads: list[threading.Thread] = []

    def run(request: RunRequest) -> RunReport:
        if request.code == BUSY and not threads:
            container = docker.from_env().containers.get(shared_sandbox.container_id)
            threads.append(threading.Timer(0.05, disturb, [container]))
            threads[0].start()
        return shared_sandbox.run(request)

    config = MeasureConfig(cpu_limit_s=0.4, min_cpu_time_ms=5.0, confirm_repeats=(8,))
    work = ProblemWork(
        Assignment(problem=problem, purpose="train", round_index=0, num_samples=0,
                   temperature=0.0, seed=0, candidates=candidates),
        run, config, EvaluateConfig(),
    )  # fmt: skip
    failure = work.run()
    threads[0].join()
    assert failure == ""
    rows = list(work.rows(IMAGE, core=1))
    assert {row.candidate_id: row.outcome for row in rows if row.phase == "check"} == {
        "busy": Outcome.ACCEPTED, "off": Outcome.WRONG_ANSWER, "slow": Outcome.ACCEPTED,
    }  # fmt: skip
    made = build_pairs(
        problem=problem, candidates=candidates, measurements=rows, pair=PAIR,
        skeleton=SkeletonConfig(), round_index=0,
    )  # fmt: skip
    sides = {(pair.chosen.candidate_id, pair.rejected.candidate_id) for pair in made.pairs}
    assert sides <= {("busy", "slow"), ("busy", "off"), ("slow", "off")} and len(sides) >= 1
