"""ENAMEL: its file, its inputs, and scores from invented times worked out by hand."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from enamel_rows import NS_PER_UNIT, PAIR_ROW, ROW, UNUSED_ROW, program, run_here, write_csv
from hand_scores import scored_by_session

from skeldpo.measure.verdict import ProblemFault
from skeldpo.records import Outcome, Problem
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.suites import enamel_guest_inputs
from skeldpo.suites.contract import Protocol, SuiteProblems
from skeldpo.suites.enamel import SUITE, load_enamel
from skeldpo.suites.enamel_tests import (
    ECHO,
    LEVEL_OF,
    TIMED,
    echo_preamble,
    make_inputs,
    make_tests,
)
from skeldpo.suites.enamel_timing import REPEATS_ALONE
from skeldpo.suites.evaluation import ProblemResult
from skeldpo.suites.scoring import suite_assignments
from skeldpo.values import encode

assert SUITE.released is not None
RELEASED = SUITE.released
NOT_FAST = {"fast_1@1": 0.0, "fast_1.2@1": 0.0, "fast_2@1": 0.0}


@pytest.fixture
def held(tmp_path: Path) -> SuiteProblems:
    """ROW: T is 2 * 4.3 ms, B is 2.3, 3.3 and 4.3 ms on the levels that count."""
    return load_enamel(write_csv(tmp_path / "enamel.csv", ROW))


@pytest.fixture
def problem(held: SuiteProblems) -> Problem:
    return held.problems[0]


def _scored(held: SuiteProblems, *codes: str) -> ProblemResult:
    return scored_by_session(held, codes, SUITE.protocol, run_here)


def test_inputs_of_the_suite_are_of_its_seeds(problem: Problem) -> None:
    calls = [json.loads(test.input_text) for test in problem.tests]
    assert [list(LEVEL_OF).count(level) for level in range(4)] == [8, 4, 4, 4]
    assert [call[2] for call in calls] == list(LEVEL_OF)
    assert calls[0] == [998244353, 10, 0, 0]
    assert calls[1] == [998244353 ^ 1, 10, 0, 1]
    assert calls[19] == [998244353 ^ 19, 40, 3, 3]


def test_random_brackets_are_balanced_and_as_long_as_asked() -> None:
    random.seed(5)
    text = enamel_guest_inputs.rand_parens(9)
    assert len(text) == 10
    depths = [text[: end + 1].count("(") - text[: end + 1].count(")") for end in range(10)]
    assert min(depths) == 0 == depths[-1]
    halves = enamel_guest_inputs.rand_parens(10, valid=False, par="<>")
    assert halves[4:6] == "><"
    assert len(enamel_guest_inputs.rand_parens(8, sep=None)) >= 1


def test_random_primes_are_prime_and_in_range() -> None:
    random.seed(6)
    for _ in range(20):
        prime = enamel_guest_inputs.rand_probably_prime(1000)
        assert 500 <= prime <= 1000
        assert all(prime % factor for factor in range(2, 32))
    assert [enamel_guest_inputs.rand_primality(10, 0, index) for index in range(4)] == [
        30031,
        561,
        2,
        125,
    ]


def test_reference_against_itself_scores_one(held: SuiteProblems) -> None:
    result = _scored(held, held.problems[0].solutions[0].code)
    assert result.scores == {"pass@1": 1.0, "eff@1": pytest.approx(1.0), **NOT_FAST}
    assert result.relative_to["limit_ns"] == pytest.approx(8.6e6)


@pytest.mark.parametrize(
    ("factor", "efficiency", "num_levels"),
    [
        (2, (3 * 4.0 / 6.3 + 3 * 2.0 / 5.3 + 0) / 10, 4),
        (3, (3 * 1.7 / 6.3) / 10, 4),  # level 2 takes 9.9 ms: over T, under T + 10 ms
        (6, 0.0, 4),  # level 2 takes 19.8 ms, over T + 10 ms: it and level 3 are lost, but passed
    ],
)
def test_slower_programs_by_hand(
    held: SuiteProblems, factor: int, efficiency: float, num_levels: int
) -> None:
    result = _scored(held, program(factor * NS_PER_UNIT))
    (sample,) = result.samples
    assert sample.is_correct
    assert sample.values["eff"] == pytest.approx(efficiency)
    assert len(sample.times_ns) == num_levels


@pytest.mark.parametrize(
    ("code", "scores"),
    [
        (program(NS_PER_UNIT * 2 // 3), [1.0, 1.0, 0.0]),
        (program(NS_PER_UNIT * 2 // 5), [1.0, 1.0, 1.0]),
        (program(NS_PER_UNIT * 19 // 20), [0.0, 0.0, 0.0]),  # 5 % are no difference that is shown
        (program(6 * NS_PER_UNIT), [0.0, 0.0, 0.0]),  # passed, and stopped before the longest test
        (program(NS_PER_UNIT // 3, "return [2 * n]"), [0.0, 0.0, 0.0]),
    ],
)
def test_fast_at_p_is_of_the_test_that_takes_the_reference_longest(
    held: SuiteProblems, code: str, scores: list[float]
) -> None:
    found = _scored(held, code).scores
    assert [found[name] for name in NOT_FAST] == scores


def test_faster_program_is_not_clipped_at_one(held: SuiteProblems) -> None:
    (sample,) = _scored(held, program(NS_PER_UNIT // 2)).samples
    by_hand = (3 * 7.45 / 6.3 + 3 * 6.95 / 5.3 + 4 * 6.45 / 4.3) / 10
    assert sample.values["eff"] == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("return 2 * n if n < 43 else 0", Outcome.WRONG_ANSWER),  # the last test of all
        ("return [2 * n]", Outcome.WRONG_ANSWER),
        ("return type('Equal', (), {'__eq__': lambda *_: True})()", Outcome.RUNTIME_ERROR),
        ("raise ValueError", Outcome.RUNTIME_ERROR),
        ("return (", Outcome.COMPILE_ERROR),
    ],
)
def test_wrong_programs_score_zero(held: SuiteProblems, body: str, outcome: Outcome) -> None:
    result = _scored(held, program(1, body))
    assert result.scores == {"pass@1": 0.0, "eff@1": 0.0, **NOT_FAST}
    assert result.samples[0].outcome is outcome


def test_overflow_loses_levels_but_not_the_program(held: SuiteProblems) -> None:
    body = "return 2 * n if n < 30 else int(float('inf'))"
    (sample,) = _scored(held, program(NS_PER_UNIT, body)).samples
    assert sample.is_correct
    assert sample.values["eff"] == pytest.approx(0.3)
    assert "levels from 2 on are lost" in sample.failure


def test_time_out_at_the_first_level_is_not_passed(held: SuiteProblems) -> None:
    result = _scored(held, program(NS_PER_UNIT * 1000))
    assert result.scores == {"pass@1": 0.0, "eff@1": 0.0, **NOT_FAST}
    assert result.samples[0].outcome is Outcome.TIME_LIMIT


def test_same_program_twice_is_run_once_and_scored_twice(held: SuiteProblems) -> None:
    result = _scored(held, program(NS_PER_UNIT), program(NS_PER_UNIT))
    assert [sample.sample_index for sample in result.samples] == [0, 1]
    assert result.samples[0].times_ns == result.samples[1].times_ns


def test_tuples_and_sets_reach_the_program_and_come_back(tmp_path: Path) -> None:
    held = load_enamel(write_csv(tmp_path / "enamel.csv", PAIR_ROW))
    codes = ("    return (pair[1], pair[0])\n", "    return [pair[1], pair[0]]\n")
    first, second = _scored(held, *codes).samples
    assert first.is_correct, first.failure
    assert second.outcome is Outcome.WRONG_ANSWER


PROMISED_ROW = {
    **ROW,
    "prompt": "from typing import List\n\n\ndef plus(a, b):\n    return a + b\n\n\n"
    'def double(n: int) -> List[int]:\n    """Twice n, in a list."""',
    "reference_solution": "    return [plus(n, n)]\n",
}


@pytest.mark.parametrize("protocol", [SUITE.protocol, RELEASED], ids=["cpu", "released"])
def test_samples_find_what_the_prompt_promises(tmp_path: Path, protocol: Protocol) -> None:
    held = load_enamel(write_csv(tmp_path / "enamel.csv", PROMISED_ROW))
    codes = (
        "    return [plus(n, n)]\n",
        "def double(n: int) -> List[int]:\n    return [plus(n, n)]\n",
        "from __future__ import annotations\n\n\ndef double(n):\n    return [2 * n]\n",
        "def double(n) -> Dict:\n    return [2 * n]\n",
    )
    scored = scored_by_session(held, codes, protocol, run_here)
    # By the released protocol's wall clock a busy machine may be too slow for a right program.
    named = {Outcome.ACCEPTED: "runs", Outcome.TIME_LIMIT: "runs"}
    outcomes = [named.get(sample.outcome, sample.outcome) for sample in scored.samples]
    assert outcomes == ["runs", "runs", "runs", Outcome.RUNTIME_ERROR]


def test_checker_that_takes_other_answers_is_asked(tmp_path: Path) -> None:
    near = "def __check(input, answer, output):\n    return abs(answer - output) < 1\n"
    file = write_csv(tmp_path / "enamel.csv", {**ROW, "checker": near})
    held = load_enamel(file)
    right, wrong = _scored(held, program(1, "return 2 * n + 0.5"), program(1, "return 9")).samples
    assert right.is_correct
    assert not wrong.is_correct


def test_inputs_too_large_together_are_made_one_by_one(problem: Problem) -> None:
    def run(request: RunRequest) -> RunReport:
        report = run_here(request)
        if len(request.input_texts) == 1:
            return report
        return replace(report, outcome=Outcome.OUTPUT_LIMIT, answer_texts=())

    assert make_inputs(problem, run) == make_inputs(problem, run_here)


def test_repeats_whose_answers_are_too_large_together_have_a_process_each(
    held: SuiteProblems,
) -> None:
    def run(request: RunRequest) -> RunReport:
        report = run_here(request)
        is_repeated = request.entry_point == TIMED and json.loads(request.input_texts[0])[4] > 1
        return replace(report, outcome=Outcome.OUTPUT_LIMIT) if is_repeated else report

    asked: list[RunRequest] = []
    (sample,) = scored_by_session(
        held, (program(1),), RELEASED, lambda request: asked.append(request) or run(request)
    ).samples
    assert sample.is_correct, sample.failure
    # Reference and sample: 12 tests each once in vain, and 6 processes; 8 tests of one repeat.
    assert sum(request.entry_point == TIMED for request in asked) == 2 * (12 * 7 + 8)
    assert [len(times) for level in sample.times_ns for times in level] == [1] * 8 + [6] * 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"input_generator": "def generate_input(size, lid, cid):\n    raise OSError\n"},
            "generator",
        ),
        ({"reference_solution": "    return 1 / 0\n"}, "reference"),
    ],
)
def test_broken_suite_program_is_no_verdict(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    held = load_enamel(write_csv(tmp_path / "enamel.csv", {**ROW, **change}))
    (assignment,) = suite_assignments(held, {"HumanEval/0": ("",)}, seed=0)
    with pytest.raises(ProblemFault, match=message):
        make_tests(assignment, run_here)


def test_load_enamel_leaves_out_what_it_cannot_use(tmp_path: Path) -> None:
    bad_levels = {**ROW, "task_id": "HumanEval/3", "input_levels": "1 2 x"}
    nameless = {**ROW, "task_id": "HumanEval/4", "entry_point": " "}
    file = write_csv(tmp_path / "e.csv", ROW, ROW, UNUSED_ROW, bad_levels, nameless)
    data = load_enamel(file)
    assert [problem.problem_id for problem in data.problems] == ["HumanEval/0"]
    assert data.ignored_ids == ("HumanEval/2",)
    assert [entry.place for entry in data.left_out] == [f"{file}: row {n}" for n in (2, 4, 5)]
    reasons = " | ".join(entry.reason for entry in data.left_out)
    assert "twice" in reasons
    assert "input_levels must be 4 sizes, got '1 2 x'" in reasons
    assert "empty columns ['entry_point']" in reasons


def test_load_enamel_missing_columns_and_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "enamel.csv"
    file.write_text("task_id,prompt\nHumanEval/0,def f\n")
    with pytest.raises(ValueError, match=r"missing \['checker', 'entry_point', 'input_generator'"):
        load_enamel(file)
    with pytest.raises(ValueError, match="no file at"):
        load_enamel(tmp_path / "none.csv")


def test_load_enamel_real_file_has_142_problems(real_data: Path) -> None:
    data = load_enamel(real_data / "enamel" / "enamel.csv")
    assert (len(data.problems), len(data.ignored_ids), data.left_out) == (142, 22, ())


def _asked(held: SuiteProblems, *codes: str) -> tuple[ProblemResult, list[RunRequest]]:
    asked: list[RunRequest] = []
    result = scored_by_session(
        held, codes, SUITE.protocol, lambda request: asked.append(request) or run_here(request)
    )
    return result, asked


def _repeats(result: ProblemResult) -> list[int]:
    """Of the reference, in each test."""
    return [len(times) for level in result.relative_to["reference_times_ns"] for times in level]


def test_tests_that_no_program_is_left_for_are_timed_once(held: SuiteProblems) -> None:
    whole, all_runs = _asked(held, program(NS_PER_UNIT))
    wrong, few_runs = _asked(held, program(NS_PER_UNIT, "return 0"))
    # Tests of less than 3 ms (1 to 2.3 ms at level 1) have twelve repeats, the others six.
    assert _repeats(whole) == [1] * 8 + [12] * 4 + [6] * 8
    assert _repeats(wrong) == [1] * 20
    # Wrong at the first test: four requests for inputs, 20 for answers, the sample, its checker.
    assert len(few_runs) == 26 < len(all_runs) / 5


def test_program_that_lost_a_level_keeps_the_limit_of_the_others(held: SuiteProblems) -> None:
    body = "return 2 * n if n < 30 else int(float('inf'))"
    lost, _ = _asked(held, program(NS_PER_UNIT, body))
    whole, _ = _asked(held, program(NS_PER_UNIT))
    assert lost.relative_to["limit_ns"] == pytest.approx(whole.relative_to["limit_ns"])
    assert _repeats(lost) == [1] * 8 + [12] * 4 + [REPEATS_ALONE] * 8
    # Beside one that goes on, all of it is timed as often as ever.
    both, _ = _asked(held, program(NS_PER_UNIT, body), program(NS_PER_UNIT))
    assert _repeats(both) == _repeats(whole)


def test_test_whose_time_moves_no_score_has_few_repeats(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "enamel.csv", {**ROW, "input_levels": "10 2 300 400"})
    steep = load_enamel(file)  # T is 80.6 ms, level 1 takes 0.2 to 0.5 ms
    few, _ = _asked(steep, program(NS_PER_UNIT))
    assert _repeats(few) == [1] * 8 + [4] * 4 + [6] * 8
    assert few.samples[0].values["eff"] == pytest.approx(1.0)
    # A sample that takes 8 to 20 ms there, a tenth of T or more, is timed as often as ever.
    slow, _ = _asked(steep, program(NS_PER_UNIT), program(40 * NS_PER_UNIT))
    assert _repeats(slow)[8:12] == [4, 12, 12, 12]


@pytest.mark.parametrize("begin", [40, 70, 110])
def test_interval_in_which_the_machine_is_slow_moves_no_score(
    held: SuiteProblems, begin: int
) -> None:
    """A sixth of all runs, at some time, take 1.6 times as long."""
    counted = itertools.count()

    def run(request: RunRequest) -> RunReport:
        report = run_here(request)
        is_slow = begin <= next(counted) < begin + 50
        return replace(report, cpu_time_ns=round(report.cpu_time_ns * (1.6 if is_slow else 1.0)))

    code = program(round(1.5 * NS_PER_UNIT))
    disturbed = scored_by_session(held, (code,), SUITE.protocol, run)
    quiet, asked = _asked(held, code)
    assert 280 < len(asked) < 340
    assert disturbed.scores["eff@1"] == pytest.approx(quiet.scores["eff@1"], abs=1e-9)


def test_harness_runs_before_the_clock_and_the_program_after(held: SuiteProblems) -> None:
    _, asked = _asked(held, program(NS_PER_UNIT))
    (problem,) = held.problems
    called = {request.code for request in asked if request.entry_point == problem.entry_point}
    assert called == {
        held.assembled(problem.problem_id, problem.solutions[0].code),
        held.assembled(problem.problem_id, program(NS_PER_UNIT)),
    }
    echoes = [request for request in asked if request.entry_point == ECHO]
    assert echoes
    assert all(f"def {ECHO}(" in each.preamble and each.code == "pass\n" for each in echoes)


@pytest.mark.parametrize("answer", [[1, 2.5, "a"], (1, {2}), "$"])
def test_echo_gives_the_answer_and_compiles_no_more_than_it_needs(answer: object) -> None:
    before = echo_preamble(encode(answer))
    scope: dict[str, Any] = {}
    exec(before, scope)
    assert scope[ECHO]("anything") == answer
    assert ("def decode(" in before) == (not isinstance(answer, list))
