"""Verdicts, with a scripted `run` in place of a sandbox."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sample_records import STDIO_PROBLEM
from scripted_runs import (
    CONFIG,
    PROBLEM,
    TESTS,
    Program,
    fails,
    linear,
    make_finder,
    make_judge,
    make_report,
    make_script,
)

from skeldpo.measure.verdict import MAX_INPUT_CHARS, Judge, SandboxFailure
from skeldpo.records import Example, KnownProgram, Outcome, Problem
from skeldpo.sandbox.container import RunReport, RunRequest


def test_check_accepts_after_a_first_run_of_a_few_tests() -> None:
    script = make_script()
    verdict = make_judge(script).check("base")
    assert (verdict.outcome, verdict.failure) == (Outcome.ACCEPTED, "")
    assert verdict.peak_memory_bytes == 1 << 20
    assert [len(request.input_texts) for request in script.requests] == [4, 3]
    sent = [text for request in script.requests for text in request.input_texts]
    assert sent == [test.input_text for test in TESTS]
    assert {request.entry_point for request in script.requests} == {"double"}


def test_check_wrong_answer_says_which_and_stops() -> None:
    script = make_script(bad=linear(10, lambda n: 2 * n if n < 3 else -1))
    verdict = make_judge(script).check("bad")
    assert verdict.outcome is Outcome.WRONG_ANSWER
    assert verdict.failure == "test 2: expected '6', got '-1'"
    assert len(script.requests) == 1


def test_a_failure_names_the_test_by_its_place_in_the_problem() -> None:
    script = make_script(bad=linear(10, lambda n: 2 * n if n < 3 else -1))
    few = Judge(PROBLEM, script.run, CONFIG.model_copy(update={"max_tests": 3}))
    assert few.check("bad").failure == "test 3: expected '8', got '-1'"  # of 0, 3 and 6


def test_a_failure_on_an_input_that_was_made_names_no_test_of_the_problem() -> None:
    script = make_script(bad=linear(10, lambda n: -1))
    finder = make_finder(script)
    finder.find({"base": "base", "bad": "bad"})
    assert finder.refused["bad"].failure == "timed input 0: expected '128', got '-1'"


def test_check_wrong_only_in_later_tests_is_refused() -> None:
    script = make_script(bad=linear(10, lambda n: 2 * n if n < 7 else -1))
    assert make_judge(script).check("bad").outcome is Outcome.WRONG_ANSWER


@pytest.mark.parametrize(
    "outcome", [Outcome.RUNTIME_ERROR, Outcome.TIME_LIMIT, Outcome.MEMORY_LIMIT, Outcome.VIOLATION]
)
def test_check_passes_on_what_the_sandbox_says(outcome: Outcome) -> None:
    verdict = make_judge(make_script(bad=fails(outcome))).check("bad")
    assert (verdict.outcome, verdict.failure) == (outcome, "Traceback: it failed")


def test_check_failed_sandbox_raises_and_is_no_verdict() -> None:
    with pytest.raises(SandboxFailure, match="it failed"):
        make_judge(make_script(bad=fails(Outcome.SANDBOX_FAILED))).check("bad")


def test_check_long_failure_is_cut_to_its_end() -> None:
    script = make_script(
        bad=lambda r: make_report(Outcome.RUNTIME_ERROR, failure="x" * 5000 + "end")
    )
    failure = make_judge(script).check("bad").failure
    assert len(failure) < 1000 and failure.endswith("end")


def test_check_without_tests_is_refused_as_nothing_would_be_checked() -> None:
    with pytest.raises(ValueError, match="problem double has no tests"):
        make_judge(make_script(), replace(PROBLEM, tests=())).check("base")


@pytest.mark.parametrize("outcome", [Outcome.SANDBOX_FAILED, Outcome.FAULTY_PROBLEM])
def test_report_that_says_nothing_of_the_program_is_a_sandbox_failure(outcome: Outcome) -> None:
    with pytest.raises(SandboxFailure):
        make_judge(make_script(bad=fails(outcome))).check("bad")


def test_report_with_fewer_answers_than_inputs_is_a_sandbox_failure() -> None:
    short = lambda request: make_report(answer_texts=("2",), cpu_time_ns=1)  # noqa: E731
    with pytest.raises(SandboxFailure, match="1 answers to 4 inputs"):
        make_judge(make_script(bad=short)).check("bad")


def test_expected_answers_never_enter_a_run_of_the_program() -> None:
    secret = Example(input_text="[1]", expected_text='"secret"')
    script = make_script(bad=linear(1))
    make_judge(script, replace(PROBLEM, tests=(secret,))).check("bad")
    assert "secret" not in repr(script.requests)


def test_run_tests_wrong_answer_has_no_time() -> None:
    judge = make_judge(make_script(bad=linear(10, lambda n: 0)))
    assert judge.run_tests("base", TESTS, 1.0).cpu_time_ns == 10 * 28
    assert judge.run_tests("bad", TESTS, 1.0).cpu_time_ns == 0


@pytest.mark.parametrize(("says", "outcome"), [("true", "ACCEPTED"), ("false", "WRONG_ANSWER"),
                                               ("1", "ACCEPTED"), ("0", "WRONG_ANSWER"),
                                               ("null", "WRONG_ANSWER"),
                                               ("[2]", "FAULTY_PROBLEM"),
                                               ('{"$set":[1]}', "FAULTY_PROBLEM")])  # fmt: skip
def test_python_checker_runs_by_itself_with_input_answer_and_expected(
    says: str, outcome: str
) -> None:
    script = make_script(checker=lambda request: make_report(answer_texts=(says,)))
    problem = replace(PROBLEM, checker="checker", tests=TESTS[:1])
    assert make_judge(script, problem).check("base").outcome == outcome
    (request,) = [request for request in script.requests if request.code == "checker"]
    assert (request.kind, request.entry_point) == ("function", "check")
    assert json.loads(request.input_texts[0]) == [[1], 2, 2]


def _checker_failing_on(answer: object, outcome: Outcome) -> Program:
    def run(request: RunRequest) -> RunReport:
        is_bad = json.loads(request.input_texts[0])[1] == answer
        return make_report(outcome) if is_bad else make_report(answer_texts=("true",))

    return run


@pytest.mark.parametrize(
    ("fails_on", "how", "expected"),
    [
        (-1, Outcome.RUNTIME_ERROR, Outcome.WRONG_ANSWER),
        (-1, Outcome.TIME_LIMIT, Outcome.FAULTY_PROBLEM),
        (-1, Outcome.MEMORY_LIMIT, Outcome.FAULTY_PROBLEM),
        (4, Outcome.RUNTIME_ERROR, Outcome.ACCEPTED),
    ],
)
def test_python_checker_that_fails_on_an_answer(
    fails_on: int, how: Outcome, expected: Outcome
) -> None:
    """It has refused what it raises on, if it takes the expected answer; a limit says nothing."""
    answer = {4: lambda n: 2 * n}.get(fails_on, lambda n: -1)
    tests = (TESTS[0],)
    script = make_script(it=linear(1, answer), checker=_checker_failing_on(fails_on, how))
    verdict = make_judge(script, replace(PROBLEM, checker="checker", tests=tests)).check("it")
    assert verdict.outcome is expected
    assert ("checker fails" in verdict.failure) == (expected is Outcome.FAULTY_PROBLEM)


def test_python_checker_that_raises_on_the_expected_answer_says_nothing_of_a_program() -> None:
    script = make_script(checker=_checker_failing_on(4, Outcome.RUNTIME_ERROR), it=linear(1))
    verdict = make_judge(script, replace(PROBLEM, checker="checker")).check("it")
    assert (verdict.outcome, verdict.failure[:36]) == (
        Outcome.FAULTY_PROBLEM, "test 1: the problem's checker fails:",
    )  # fmt: skip


def test_python_checker_is_not_given_an_answer_it_could_not_take() -> None:
    text = "x" * (MAX_INPUT_CHARS + 1)
    script = make_script(it=lambda request: make_report(answer_texts=(text,), cpu_time_ns=1))
    verdict = make_judge(script, replace(STDIO_PROBLEM, checker="checker")).check("it")
    assert verdict.outcome is Outcome.OUTPUT_LIMIT
    assert script.codes() == ["it"]


def test_python_checker_of_stdio_gets_texts() -> None:
    script = make_script(
        checker=lambda request: make_report(answer_texts=("true",)),
        program=lambda request: make_report(answer_texts=("b a\n",), cpu_time_ns=1),
    )
    problem = replace(STDIO_PROBLEM, checker="checker")
    assert make_judge(script, problem).check("program").outcome is Outcome.ACCEPTED
    assert json.loads(script.requests[-1].input_texts[0]) == ["a b\n", "b a\n", "a b\n"]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (make_report(answer_texts=("[64, [5]]",)), "[64, [5]]"),
        (make_report(answer_texts=('"text"',)), None),
        (make_report(Outcome.RUNTIME_ERROR), None),
        (make_report(Outcome.TIME_LIMIT, answer_texts=("[1]",)), None),
        (make_report(answer_texts=("[" + " " * MAX_INPUT_CHARS + "]",)), None),
    ],
)
def test_generate_input_of_a_function_problem(report: RunReport, expected: str | None) -> None:
    script = make_script(gen=lambda request: report)
    assert make_judge(script).generate_input("gen", 64, 3) == expected
    (request,) = script.requests
    assert (request.kind, request.entry_point) == ("function", "generate_input")
    assert request.input_texts == ("[64, 3]",)


def test_generate_input_of_a_stdio_problem_is_the_text_itself() -> None:
    script = make_script(gen=lambda request: make_report(answer_texts=('"2\\n\\u00e9"',)))
    assert make_judge(script, STDIO_PROBLEM).generate_input("gen", 64, 3) == "2\n\u00e9\n"
    script = make_script(gen=lambda request: make_report(answer_texts=("[1]",)))
    assert make_judge(script, STDIO_PROBLEM).generate_input("gen", 64, 3) is None


def test_generated_stdin_has_the_line_ends_of_a_judge() -> None:
    made = json.dumps("\ufeff3\r\nred\r\nblue\rgreen")
    script = make_script(gen=lambda request: make_report(answer_texts=(made,)))
    text = make_judge(script, STDIO_PROBLEM).generate_input("gen", 64, 3)
    assert text == "3\nred\nblue\ngreen\n"


def test_generated_arguments_keep_their_carriage_returns() -> None:
    made = json.dumps(["red\r\nblue"])
    script = make_script(gen=lambda request: make_report(answer_texts=(made,)))
    assert make_judge(script).generate_input("gen", 64, 3) == made


def test_a_checker_in_python_gets_answers_without_carriage_returns() -> None:
    problem = replace(STDIO_PROBLEM, checker="def check(input, answer, expected): ...")
    script = make_script(
        crlf=lambda request: make_report(answer_texts=("a b\r\n",)),
        **{problem.checker: lambda request: make_report(answer_texts=("true",))},
    )
    assert make_judge(script, problem).check("crlf").outcome is Outcome.ACCEPTED
    (given,) = script.requests[-1].input_texts
    assert json.loads(given) == ["a b\n", "a b\n", "a b\n"]


def _with_known(*codes: str) -> Problem:
    known = tuple(KnownProgram(code=code, speed="unknown") for code in codes)
    return replace(PROBLEM, reference="", solutions=known)


def test_problem_fault_says_when_known_programs_refute_the_tests() -> None:
    other = linear(10, lambda n: 2 * n if n < 6 else 0)
    script = make_script(a=linear(10), b=linear(20), c=other, d=other)
    fault = make_judge(script, _with_known("a", "b", "c", "d")).problem_fault()
    assert fault.startswith("2 of 4 known programs do not give the expected answers")


def test_problem_fault_lets_a_wrong_known_program_be() -> None:
    other = linear(10, lambda n: 2 * n if n < 6 else 0)
    dead = fails(Outcome.RUNTIME_ERROR)
    script = make_script(a=linear(10), b=linear(20), c=other, d=dead, e=dead)
    assert make_judge(script, _with_known("a", "b", "c", "d", "e")).problem_fault() == ""


def test_problem_fault_is_empty_for_a_sound_problem() -> None:
    assert make_judge(make_script(base=linear(10))).problem_fault() == ""
    assert make_judge(make_script(), replace(PROBLEM, reference="")).problem_fault() == ""


def test_problem_fault_names_a_reference_that_fails_its_tests() -> None:
    wrong = make_script(base=linear(10, lambda n: 2 * n if n < 6 else 0))
    fault = make_judge(wrong).problem_fault()
    assert fault == "its reference fails its tests: WRONG_ANSWER test 5: expected '12', got '0'"
    slow = make_judge(make_script(base=fails(Outcome.TIME_LIMIT))).problem_fault()
    assert slow.startswith("its reference fails its tests: TIME_LIMIT")


def test_problem_fault_names_a_checker_that_refuses_what_is_right() -> None:
    problem = replace(PROBLEM, checker="def check(i, a, e): raise KeyError")
    script = make_script(**{problem.checker: fails(Outcome.RUNTIME_ERROR)})
    assert "its checker refuses" in make_judge(script, problem).problem_fault()


ODD = '{"$object":"map"}'


def odd_report(*texts: str) -> RunReport:
    """Of a function program that answered all of `texts`, one of them with a map object."""
    return make_report(Outcome.RUNTIME_ERROR, odd_answer_texts=texts,
                       failure="answer 0 is not plain data: map", cpu_time_ns=7)  # fmt: skip


def test_answer_that_is_no_plain_data_is_a_wrong_answer_and_names_its_type() -> None:
    script = make_script(odd=lambda request: odd_report("2", ODD))
    run = make_judge(script).run_tests("odd", TESTS[:2], 1.0, (0, 1))
    assert run.verdict.outcome is Outcome.WRONG_ANSWER
    assert run.verdict.failure == "test 1: expected '4', got what is no plain data: map"
    assert run.cpu_time_ns == 0


def test_answer_that_is_no_plain_data_is_right_where_the_checker_says_so() -> None:
    problem = replace(PROBLEM, checker="evalplus:not_none:0.0",
                      tests=tuple(replace(t, expected_text="true") for t in TESTS))  # fmt: skip
    script = make_script(odd=lambda request: odd_report("2", ODD))
    run = Judge(problem, script.run, CONFIG).run_tests("odd", problem.tests[:2], 1.0)
    assert (run.verdict.outcome, run.verdict.failure) == (Outcome.ACCEPTED, "")
    assert run.cpu_time_ns == 7


def test_program_that_fails_before_its_last_answer_keeps_its_verdict() -> None:
    failed = make_report(Outcome.RUNTIME_ERROR, answer_texts=("2", "4"))
    run = make_judge(make_script(bad=lambda request: failed)).run_tests("bad", TESTS[:2], 1.0)
    assert run.verdict.outcome is Outcome.RUNTIME_ERROR


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"$tuple":[5,{"$set":[2,1]}]}', "[5, [1, 2]]"),
        ('[{"$dict":[[1,{"$tuple":[2]}]]}]', '[{"$dict": [[1, [2]]]}]'),
        ('[{"$deque":[1]}]', None),
        ('{"$set":[1]}', "[1]"),
    ],
)  # fmt: skip
def test_generated_arguments_have_the_types_that_json_has(
    answer: str, expected: str | None
) -> None:
    script = make_script(gen=lambda request: make_report(answer_texts=(answer,)))
    assert make_judge(script).generate_input("gen", 64, 3) == expected


@pytest.mark.parametrize(
    "answer",
    [ODD, '[{"$deque":[]}]', '{"$dict":[[{"$fraction":[1,2]},1]]}', '{"$set":[{"$object":"x"},1]}',
     "[" * 300 + "]" * 300, '{"$dict":[[{"$object":"x"},1]]}'],
    ids=lambda answer: answer[:20],
)  # fmt: skip
def test_answer_that_a_checker_in_python_cannot_be_given_is_wrong(answer: str) -> None:
    checker = "def check(input, answer, expected):\n    return True\n"
    right = make_report(answer_texts=("true",))
    script = make_script(bad=lambda request: make_report(answer_texts=(answer,)))
    script.programs[checker] = lambda request: right
    run = make_judge(script, replace(PROBLEM, checker=checker)).run_tests("bad", TESTS[:1], 1.0)
    assert run.verdict.outcome is Outcome.WRONG_ANSWER
    assert checker not in script.codes()
