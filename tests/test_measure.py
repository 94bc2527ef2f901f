"""Verdicts and timing rules, with a scripted `run` in place of a sandbox: times are exact there."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sample_records import FUNCTION_PROBLEM, STDIO_PROBLEM

from skeldpo.config import MeasureConfig
from skeldpo.measure.session import FIRST_SIZE, MAX_SIZE, ProgramTimer, TimingInput
from skeldpo.measure.verdict import MAX_INPUT_CHARS, Judge, SandboxFailure
from skeldpo.records import Example, Outcome, Problem
from skeldpo.sandbox.container import RunReport, RunRequest

CONFIG = MeasureConfig(min_cpu_time_ms=1.0, max_slow_ratio=20.0, cpu_limit_s=2.0)
"""Target 1 ms; the search stops programs at 20 ms, a session at 60 ms."""
Program = Callable[[RunRequest], RunReport]
TESTS = tuple(Example(input_text=f"[{n}]", expected_text=str(2 * n)) for n in range(1, 8))
PROBLEM = replace(FUNCTION_PROBLEM, tests=TESTS, generators=("gen",), reference="base")


def _report(outcome: Outcome = Outcome.ACCEPTED, **values: Any) -> RunReport:
    base = RunReport(
        outcome=outcome,
        answer_texts=(),
        cpu_time_ns=0,
        total_cpu_time_ns=0,
        wall_time_ns=0,
        peak_memory_bytes=1 << 20,
        failure="" if outcome is Outcome.ACCEPTED else "Traceback: it failed",
        run_delay_ns=0,
    )
    return replace(base, **values)


def _linear(ns_per_unit: int, answer: Callable[[int], object] = lambda n: 2 * n) -> Program:
    """A program for inputs [n] that takes `ns_per_unit` times n."""

    def run(request: RunRequest) -> RunReport:
        values = [json.loads(text)[0] for text in request.input_texts]
        cpu_time_ns = ns_per_unit * sum(values)
        if cpu_time_ns > request.cpu_limit_s * 1e9:
            return _report(Outcome.TIME_LIMIT)
        answers = tuple(json.dumps(answer(value)) for value in values)
        return _report(answer_texts=answers, cpu_time_ns=cpu_time_ns)

    return run


def _sized(request: RunRequest) -> RunReport:
    size, _ = json.loads(request.input_texts[0])
    return _report(answer_texts=(json.dumps([size]),), cpu_time_ns=1)


@dataclass(slots=True)
class Script:
    """Answers requests by the text of their program, and keeps them."""

    programs: dict[str, Program]
    requests: list[RunRequest] = field(default_factory=list)

    def run(self, request: RunRequest) -> RunReport:
        self.requests.append(request)
        return self.programs[request.code](request)

    def codes(self) -> list[str]:
        """The programs that were run, in order."""
        return [request.code for request in self.requests]


def _judge(script: Script, problem: Problem = PROBLEM) -> Judge:
    return Judge(problem, script.run, CONFIG)


def _timer(script: Script, problem: Problem = PROBLEM) -> ProgramTimer:
    return ProgramTimer(_judge(script, problem), problem, "base", CONFIG, seed=5)


def _script(**programs: Program) -> Script:
    return Script({"base": _linear(10), "gen": _sized, **programs})


def _names(*names: str) -> dict[str, str]:
    """Programs keyed by an id that is their text."""
    return {name: name for name in names}


def _size(found: TimingInput | None) -> int:
    assert found is not None
    (test,) = found.tests
    return int(json.loads(test.input_text)[0])


def _fails(outcome: Outcome) -> Program:
    return lambda request: _report(outcome)


def test_check_accepts_after_a_first_run_of_a_few_tests() -> None:
    script = _script()
    verdict = _judge(script).check("base")
    assert (verdict.outcome, verdict.failure) == (Outcome.ACCEPTED, "")
    assert verdict.peak_memory_bytes == 1 << 20
    assert [len(request.input_texts) for request in script.requests] == [4, 3]
    sent = [text for request in script.requests for text in request.input_texts]
    assert sent == [test.input_text for test in TESTS]
    assert {request.entry_point for request in script.requests} == {"double"}


def test_check_wrong_answer_says_which_and_stops() -> None:
    script = _script(bad=_linear(10, lambda n: 2 * n if n < 3 else -1))
    verdict = _judge(script).check("bad")
    assert verdict.outcome is Outcome.WRONG_ANSWER
    assert verdict.failure == "test 2: expected '6', got '-1'"
    assert len(script.requests) == 1


def test_check_wrong_only_in_later_tests_is_refused() -> None:
    script = _script(bad=_linear(10, lambda n: 2 * n if n < 7 else -1))
    assert _judge(script).check("bad").outcome is Outcome.WRONG_ANSWER


@pytest.mark.parametrize(
    "outcome", [Outcome.RUNTIME_ERROR, Outcome.TIME_LIMIT, Outcome.MEMORY_LIMIT, Outcome.VIOLATION]
)
def test_check_passes_on_what_the_sandbox_says(outcome: Outcome) -> None:
    verdict = _judge(_script(bad=_fails(outcome))).check("bad")
    assert (verdict.outcome, verdict.failure) == (outcome, "Traceback: it failed")


def test_check_failed_sandbox_raises_and_is_no_verdict() -> None:
    with pytest.raises(SandboxFailure, match="it failed"):
        _judge(_script(bad=_fails(Outcome.SANDBOX_FAILED))).check("bad")


def test_check_long_failure_is_cut_to_its_end() -> None:
    script = _script(bad=lambda r: _report(Outcome.RUNTIME_ERROR, failure="x" * 5000 + "end"))
    failure = _judge(script).check("bad").failure
    assert len(failure) < 1000 and failure.endswith("end")


def test_check_without_tests_accepts_without_a_run() -> None:
    script = _script()
    assert _judge(script, replace(PROBLEM, tests=())).check("base").outcome is Outcome.ACCEPTED
    assert script.requests == []


def test_expected_answers_never_enter_a_run_of_the_program() -> None:
    secret = Example(input_text="[1]", expected_text='"secret"')
    script = _script(bad=_linear(1))
    _judge(script, replace(PROBLEM, tests=(secret,))).check("bad")
    assert "secret" not in repr(script.requests)


def test_run_tests_wrong_answer_has_no_time() -> None:
    judge = _judge(_script(bad=_linear(10, lambda n: 0)))
    assert judge.run_tests("base", TESTS, 1.0).cpu_time_ns == 10 * 28
    assert judge.run_tests("bad", TESTS, 1.0).cpu_time_ns == 0


@pytest.mark.parametrize(("says", "outcome"), [("true", "ACCEPTED"), ("false", "WRONG_ANSWER"),
                                               ("1", "WRONG_ANSWER")])  # fmt: skip
def test_python_checker_runs_by_itself_with_input_answer_and_expected(
    says: str, outcome: str
) -> None:
    script = _script(checker=lambda request: _report(answer_texts=(says,)))
    problem = replace(PROBLEM, checker="checker", tests=TESTS[:1])
    assert _judge(script, problem).check("base").outcome == outcome
    (request,) = [request for request in script.requests if request.code == "checker"]
    assert (request.kind, request.entry_point) == ("function", "check")
    assert json.loads(request.input_texts[0]) == [[1], 2, 2]


def test_python_checker_that_fails_accepts_nothing() -> None:
    script = _script(checker=_fails(Outcome.RUNTIME_ERROR))
    verdict = _judge(script, replace(PROBLEM, checker="checker")).check("base")
    assert verdict.outcome is Outcome.WRONG_ANSWER


def test_python_checker_of_stdio_gets_texts() -> None:
    script = _script(
        checker=lambda request: _report(answer_texts=("true",)),
        program=lambda request: _report(answer_texts=("b a\n",), cpu_time_ns=1),
    )
    problem = replace(STDIO_PROBLEM, checker="checker")
    assert _judge(script, problem).check("program").outcome is Outcome.ACCEPTED
    assert json.loads(script.requests[-1].input_texts[0]) == ["a b\n", "b a\n", "a b\n"]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (_report(answer_texts=("[64, [5]]",)), "[64, [5]]"),
        (_report(answer_texts=('"text"',)), None),
        (_report(Outcome.RUNTIME_ERROR), None),
        (_report(Outcome.TIME_LIMIT, answer_texts=("[1]",)), None),
        (_report(answer_texts=("[" + " " * MAX_INPUT_CHARS + "]",)), None),
    ],
)
def test_generate_input_of_a_function_problem(report: RunReport, expected: str | None) -> None:
    script = _script(gen=lambda request: report)
    assert _judge(script).generate_input("gen", 64, 3) == expected
    (request,) = script.requests
    assert (request.kind, request.entry_point) == ("function", "generate_input")
    assert request.input_texts == ("[64, 3]",)


def test_generate_input_of_a_stdio_problem_is_the_text_itself() -> None:
    script = _script(gen=lambda request: _report(answer_texts=('"2\\n\\u00e9"',)))
    assert _judge(script, STDIO_PROBLEM).generate_input("gen", 64, 3) == "2\n\u00e9"
    script = _script(gen=lambda request: _report(answer_texts=("[1]",)))
    assert _judge(script, STDIO_PROBLEM).generate_input("gen", 64, 3) is None


def test_find_input_grows_until_the_fastest_is_worth_timing() -> None:
    script = _script(fast=_linear(100), slow=_linear(150))
    found = _timer(script).find_input(_names("fast", "slow"))
    assert 1e6 / 100 <= _size(found) <= 4 * 1e6 / 100
    assert found is not None
    assert found.tests[0].expected_text == str(2 * _size(found))
    sizes = [json.loads(r.input_texts[0])[0] for r in script.requests if r.code == "gen"]
    assert sizes[0] == FIRST_SIZE and sizes == sorted(set(sizes))
    assert {json.loads(r.input_texts[0])[1] for r in script.requests if r.code == "gen"} == {5}


def test_find_input_stops_before_the_slowest_takes_too_long() -> None:
    # 6.4 ms at the first size; twice the size might take 4 times that, over the limit of 20 ms.
    script = _script(fast=_linear(1), slow=_linear(100_000))
    assert _size(_timer(script).find_input(_names("fast", "slow"))) == FIRST_SIZE
    assert script.codes().count("slow") == 1


def test_find_input_keeps_the_last_size_on_which_every_program_ended() -> None:
    def explodes(request: RunRequest) -> RunReport:
        is_small = json.loads(request.input_texts[0])[0] <= FIRST_SIZE
        return _linear(100)(request) if is_small else _report(Outcome.TIME_LIMIT)

    timer = _timer(_script(fast=_linear(1), slow=explodes))
    assert _size(timer.find_input(_names("fast", "slow"))) == FIRST_SIZE
    assert timer.refused == {}


def test_find_input_stops_where_the_input_grows_no_more() -> None:
    script = _script(
        fast=_linear(1),
        gen=lambda request: _report(answer_texts=("[100]",)),
    )
    assert _size(_timer(script).find_input(_names("fast"))) == 100
    assert script.codes().count("gen") == 2


def test_find_input_never_asks_for_more_than_the_largest_size() -> None:
    script = _script(base=_linear(0), free=lambda r: replace(_linear(0)(r), cpu_time_ns=1))
    assert _size(_timer(script).find_input(_names("free"))) <= MAX_SIZE


def test_find_input_takes_the_generator_that_keeps_programs_busy() -> None:
    constant = lambda request: _report(answer_texts=("[2]",))  # noqa: E731
    script = _script(fast=_linear(100), small=constant)
    for generators in (("small", "gen"), ("gen", "small")):
        problem = replace(PROBLEM, generators=generators)
        assert _size(_timer(script, problem).find_input(_names("fast"))) >= 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {"gen": _fails(Outcome.RUNTIME_ERROR)},
        {"base": _fails(Outcome.MEMORY_LIMIT)},
        {"gen": lambda request: _report(answer_texts=("3",))},
    ],
)
def test_find_input_without_a_usable_generated_input_takes_all_tests(
    changes: dict[str, Program],
) -> None:
    script = _script(**{"fast": _linear(100), **changes})
    found = _timer(script).find_input(_names("fast"))
    assert found is not None and found.tests == TESTS
    bare = replace(PROBLEM, tests=())
    assert _timer(script, bare).find_input(_names("fast")) is None


def test_find_input_refuses_programs_that_are_wrong_where_a_reference_is_trusted() -> None:
    script = _script(fast=_linear(100), bad=_linear(100, lambda n: 2 * n if n < 64 else 0))
    timer = _timer(script)
    assert _size(timer.find_input(_names("fast", "bad"))) >= 10_000
    assert {key: verdict.outcome for key, verdict in timer.refused.items()} == {
        "bad": Outcome.WRONG_ANSWER
    }
    assert script.codes().count("bad") == 1


def test_find_input_on_which_programs_disagree_is_dropped_without_a_reference() -> None:
    script = _script(fast=_linear(100), bad=_linear(100, lambda n: 2 * n if n < 64 else 0))
    timer = _timer(script, replace(PROBLEM, reference=""))
    found = timer.find_input(_names("fast", "bad"))
    assert found is not None and found.tests == TESTS
    assert timer.refused == {}


def test_find_input_keeps_the_last_size_on_which_programs_agreed() -> None:
    script = _script(fast=_linear(100), bad=_linear(100, lambda n: 2 * n if n < 500 else 0))
    timer = _timer(script, replace(PROBLEM, reference=""))
    assert FIRST_SIZE <= _size(timer.find_input(_names("fast", "bad"))) < 500
    assert timer.refused == {}


def test_find_input_few_disagreeing_programs_are_refused_even_without_a_reference() -> None:
    names = [f"p{i}" for i in range(9)]
    programs = {name: _linear(100) for name in names}
    script = _script(**programs, bad=_linear(100, lambda n: 2 * n if n < 64 else 0))
    timer = _timer(script, replace(PROBLEM, reference=""))
    assert _size(timer.find_input(_names(*names, "bad"))) >= 10_000
    assert set(timer.refused) == {"bad"}


INPUT = TimingInput(tests=(Example(input_text="[1000]", expected_text="2000"),), digest="i")


def test_time_gives_aligned_rounds_of_programs_and_baseline() -> None:
    script = _script(fast=_linear(100), slow=_linear(300))
    timer = _timer(script)
    times = timer.time(_names("fast", "slow"), INPUT, num_rounds=3, only_quiet=False)
    assert times.baseline_ns == (10_000,) * 3
    assert times.cpu_times_ns == {"fast": (100_000,) * 3, "slow": (300_000,) * 3}
    assert times.input_digest == "i"
    rounds = [script.codes()[i : i + 3] for i in range(0, 9, 3)]
    assert all(sorted(names) == ["base", "fast", "slow"] for names in rounds)
    confirmed = timer.time(_names("fast", "slow"), INPUT, num_rounds=3, only_quiet=True)
    assert confirmed.session_id != times.session_id
    again = _timer(script).time(_names("fast", "slow"), INPUT, num_rounds=3, only_quiet=False)
    assert again == times


def test_time_shuffles_the_order_by_the_seed() -> None:
    names = [f"p{i}" for i in range(6)]
    script = _script(**{name: _linear(100) for name in names})
    _timer(script).time(_names(*names), INPUT, num_rounds=2, only_quiet=False)
    first, second = script.codes()[:7], script.codes()[7:]
    assert sorted(first) == sorted(second) == ["base", *names]
    assert first != second


def _disturbed_in(rounds: Sequence[int]) -> Program:
    """A program that waits for its core in the rounds of these numbers (from 0)."""
    count = iter(range(100))

    def run(request: RunRequest) -> RunReport:
        index = next(count)
        return replace(_linear(100 + index)(request), run_delay_ns=10**6 * (index in rounds))

    return run


def test_time_only_quiet_drops_the_warm_up_and_repeats_disturbed_rounds() -> None:
    script = _script(fast=_disturbed_in([2]))
    times = _timer(script).time(_names("fast"), INPUT, num_rounds=3, only_quiet=True)
    assert times.cpu_times_ns["fast"] == (101_000, 103_000, 104_000)
    assert len(times.baseline_ns) == 3


def test_time_only_quiet_gives_up_and_returns_fewer_rounds() -> None:
    script = _script(fast=_disturbed_in(range(2, 100)))
    times = _timer(script).time(_names("fast"), INPUT, num_rounds=3, only_quiet=True)
    assert times.cpu_times_ns["fast"] == (101_000,)
    assert script.codes().count("fast") == 3 + 1 + 3
    none = _timer(_script(fast=_disturbed_in(range(100)))).time(
        _names("fast"), INPUT, num_rounds=3, only_quiet=True
    )
    assert (none.baseline_ns, none.cpu_times_ns) == ((), {"fast": ()})


def test_time_only_quiet_drops_rounds_whose_total_jumped() -> None:
    base_ns = iter([10, 10, 10, 40, 10, 10, 10, 10])
    script = _script(fast=_disturbed_in([]), base=lambda request: _linear(next(base_ns))(request))
    times = _timer(script).time(_names("fast"), INPUT, num_rounds=5, only_quiet=True)
    assert times.baseline_ns == (10_000,) * 5
    assert 103_000 not in times.cpu_times_ns["fast"]


def test_time_program_that_fails_in_the_session_is_refused_and_not_run_again() -> None:
    script = _script(fast=_linear(100), slow=_linear(100_000))
    timer = _timer(script)
    times = timer.time(_names("fast", "slow"), INPUT, num_rounds=3, only_quiet=False)
    assert set(times.cpu_times_ns) == {"fast"}
    assert timer.refused["slow"].outcome is Outcome.TIME_LIMIT
    assert script.codes().count("slow") == 1
    assert script.codes().count("fast") == 3


def test_time_baseline_that_fails_is_a_sandbox_failure() -> None:
    script = _script(base=_fails(Outcome.TIME_LIMIT), fast=_linear(100))
    with pytest.raises(SandboxFailure, match="the baseline program failed: .*it failed"):
        _timer(script).time(_names("fast"), INPUT, num_rounds=1, only_quiet=False)


def test_time_sandbox_failure_is_raised_not_blamed_on_the_program() -> None:
    script = _script(fast=_fails(Outcome.SANDBOX_FAILED))
    timer = _timer(script)
    with pytest.raises(SandboxFailure):
        timer.time(_names("fast"), INPUT, num_rounds=1, only_quiet=False)
    assert timer.refused == {}
