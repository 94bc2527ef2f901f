"""Sessions for a score, with a scripted `run` in place of a sandbox."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from scripted_runs import Program, fails, linear, make_report, make_script, make_timer, named

from skeldpo.config import EvaluateConfig
from skeldpo.measure.session import ProgramTimer, SessionTimes, TimingInput
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Example, Outcome

INPUT = TimingInput(tests=(Example(input_text="[1000]", expected_text="2000"),), digest="i")
SCORE = EvaluateConfig(num_repeats=3, repeat_for_s=0.0)


def scored(
    timer: ProgramTimer,
    *samples: str,
    references: Sequence[str] = (),
    config: EvaluateConfig = SCORE,
) -> SessionTimes:
    """A session for a score of these samples."""
    programs = named(*samples, *references)
    return timer.score(programs, INPUT, config, samples=samples, references=references)


def _stopped_in(rounds: Sequence[int]) -> Program:
    """A program of 1000 ns a unit that is stopped in the rounds of these numbers (from 0)."""
    count = iter(range(100))
    return lambda request: linear(100_000 if next(count) in rounds else 1000)(request)


@pytest.mark.parametrize("stopped_round", [0, 1, 2])
def test_score_a_stop_in_few_rounds_counts_with_the_limit(stopped_round: int) -> None:
    script = make_script(fast=linear(100), near=_stopped_in([stopped_round]))
    timer = make_timer(script)
    times = scored(timer, "fast", "near")
    assert timer.refused == {}
    expected = [1_000_000] * 3
    expected[stopped_round] = 60_000_000
    assert times.cpu_times_ns == {"fast": (100_000,) * 3, "near": tuple(expected)}


def test_score_a_stop_counts_no_less_than_the_slowest_round() -> None:
    """Several processes may take longer together than the limit of each."""
    reports = iter([make_report(answer_texts=("2000",), cpu_time_ns=90_000_000)] * 2)
    script = make_script(
        long=lambda request: next(reports, make_report(Outcome.TIME_LIMIT)),
    )
    times = scored(make_timer(script), "long")
    assert times.cpu_times_ns == {"long": (90_000_000,) * 3}


def test_score_programs_stopped_in_most_rounds_are_refused_and_run_no_more() -> None:
    script = make_script(fast=linear(100), slow=_stopped_in([0, 2, 3]), stuck=linear(100_000))
    timer = make_timer(script)
    times = scored(timer, "fast", "slow", "stuck")
    assert set(times.cpu_times_ns) == {"fast"}
    assert {key: verdict.outcome for key, verdict in timer.refused.items()} == {
        "slow": Outcome.TIME_LIMIT,
        "stuck": Outcome.TIME_LIMIT,
    }
    assert script.codes().count("stuck") == 2
    assert script.codes().count("slow") == 3


def test_score_a_wrong_answer_refuses_at_once() -> None:
    script = make_script(fast=linear(100), wrong=linear(100, lambda n: n))
    timer = make_timer(script)
    assert set(scored(timer, "fast", "wrong").cpu_times_ns) == {"fast"}
    assert timer.refused["wrong"].outcome is Outcome.WRONG_ANSWER
    assert script.codes().count("wrong") == 1


def test_score_a_slow_baseline_has_times_too() -> None:
    script = make_script(base=linear(100_000), fast=linear(100))
    times = scored(make_timer(script), "fast")
    assert times.baseline_ns == {"fast": (60_000_000,) * 3}
    with pytest.raises(SandboxFailure):
        scored(make_timer(make_script(base=fails(Outcome.MEMORY_LIMIT), fast=linear(100))), "fast")


def test_score_quick_programs_have_more_rounds() -> None:
    """A round of 0.11 ms with the baseline's 0.01: the fifth further one ends past 0.5 ms."""
    for seconds, num_rounds in ((0.0, 3), (0.0001, 4), (0.0005, 8), (9.0, 30)):
        config = EvaluateConfig(num_repeats=3, repeat_for_s=seconds)
        times = scored(make_timer(make_script(fast=linear(100))), "fast", config=config)
        assert times.cpu_times_ns == {"fast": (100_000,) * num_rounds}
        assert times.baseline_ns == {"fast": (10_000,) * num_rounds}


def test_score_further_rounds_are_of_samples_and_the_ends_of_the_range() -> None:
    """Ten references of 100 to 1000 ns a unit; one in the middle looks fastest for three rounds,
    and goes on until its median is where it belongs."""
    references = {f"r{i}": linear(100 * (i + 1)) for i in range(10)}
    lucky = iter([50] * 3 + [500] * 99)
    references["r4"] = lambda request: linear(next(lucky))(request)
    timer = make_timer(make_script(sample=linear(450), **references))
    config = EvaluateConfig(num_repeats=3, repeat_for_s=9.0)
    times = scored(timer, "sample", references=tuple(references), config=config).cpu_times_ns
    rounds = {key: len(own) for key, own in times.items()}
    assert {key for key, count in rounds.items() if count == 30} == {
        "sample", "r0", "r1", "r7", "r8", "r9"
    }  # fmt: skip
    assert rounds["r2"] == 30 - 4 and rounds["r4"] == 3 + 4, (
        "its fourth slow round moves the median"
    )
    assert all(rounds[key] == 3 for key in ("r3", "r5", "r6"))
