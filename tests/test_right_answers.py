"""What statements and known programs say of the answers that are right."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sample_records import FUNCTION_PROBLEM, STDIO_PROBLEM

from skeldpo.judging.checkers import is_correct
from skeldpo.judging.right_answers import (
    MAX_KNOWN_PROGRAMS,
    known_programs_fault,
    several_answers,
    stated_checker,
)
from skeldpo.records import Example, KnownProgram, Outcome, Problem

SEVERAL = (
    "Find a plan. If there is more than one plan, print any of them.",
    "Print the colours.\nIf there exist several solutions, you may choose any of them.",
    "Output any valid schedule.",
    "In case of multiple answers, output any one.",
    "For each test case, if several permutations fit, any of them will be accepted.",
    "Your program may print the edges in any order.",
    "Return an arbitrary topological order of the graph.",
    "Build the word. Any string that satisfies all of the conditions is accepted.",
    "It is a problem with a special checker.",
    "Return the pairs; the order of the pairs does not matter.",
    "If it is not possible, print -1, otherwise print any such\nsequence.",
    "If there are several plans, print one of them.",
    "If there are multiple solutions, output only one.",
    "Print one of the possible answers.",
    "If more than one solution exists, all of them are accepted.",
    "All correct answers will be accepted.",
    "If the array contains multiple peaks, return the index to any of the peaks.",
    "You can choose any of the answers.",
    "Print the order of the runners. Ties may be broken arbitrarily.",
)
ONE = (
    "If there are several plans, print the lexicographically smallest one.",
    "Any two friends may meet. Print how many meet at most.",
    "You can visit the towns in any order. Print the least total length.",
    "The edges are given in any order. Print the length of each component.",
    "In one step you delete any of the letters. Print the shortest words.",
    "Do not print any spaces at the ends of lines.",
    "You can print each letter in any case.",
    "Any answer with a relative error of at most 1e-6 will be accepted.",
    "Return the largest sum of any path, and its length.",
    "If there are several plans, print one with the least cost.",
    "If there are several piles, choose any. Print what is left.",
    "Print one integer, the number of all answers.",
    "Return the starts of windows whose letters, in any order, are those of the word.",
)


def _stdio(statement: str, *answers: str) -> Problem:
    tests = tuple(Example(input_text="", expected_text=answer) for answer in answers)
    return replace(STDIO_PROBLEM, statement=statement, tests=tests)


def _function(statement: str, answer: object) -> Problem:
    test = Example(input_text="[]", expected_text=json.dumps(answer))
    return replace(FUNCTION_PROBLEM, statement=statement, tests=(test,))


@pytest.mark.parametrize("statement", SEVERAL)
def test_several_answers_are_found(statement: str) -> None:
    assert several_answers(_stdio(statement, "3 1 2\n"))
    assert several_answers(_function(statement, [3, 1, 2]))


@pytest.mark.parametrize("statement", ONE)
def test_one_answer_is_not_taken_for_several(statement: str) -> None:
    assert several_answers(_stdio(statement, "3 1 2\n")) == ""


def test_a_decision_has_one_answer_and_one_member_no_order() -> None:
    decision = "Say whether one can return any of the books."
    assert several_answers(_stdio(decision, "Yes\nNo\n", "No\n")) == ""
    assert several_answers(_function(decision, True)) == ""
    assert several_answers(_stdio("Print the members in any order.", "7\n", "1\n")) == ""
    assert several_answers(_function("Return the members in any order.", [7])) == ""
    assert several_answers(_function("Return the members in any order.", [[7, 1]]))


def test_a_checker_that_knows_of_it_is_enough() -> None:
    in_any_order = _function("Return the members in any order.", [1, 2])
    assert several_answers(replace(in_any_order, checker="unordered")) == ""
    any_such = _function("Return any two of them.", [1, 2])
    assert several_answers(replace(any_such, checker="unordered"))
    own = "def check(input, answer, expected):\n    return sorted(answer) == expected\n"
    assert several_answers(replace(any_such, checker=own)) == ""


def _tests(*answers: str) -> list[Example]:
    return [Example(input_text="", expected_text=answer) for answer in answers]


@pytest.mark.parametrize(
    "sentence",
    ["You may print every letter in any case you want.", "The case of letters does not matter.",
     "Each letter can be output in either register (upper or lower).",
     "The answer is case-insensitive."],
)  # fmt: skip
def test_letters_of_any_case_are_judged_so(sentence: str) -> None:
    statement = f"Print YES or NO for each test case.\n\n{sentence}"
    assert stated_checker(statement, _tests("YES\nNo\n", "no\n")) == "ignore_case"


def test_case_that_tells_words_apart_is_kept() -> None:
    words = [chr(97 + n) + "x" for n in range(20)]
    answers = _tests(" ".join(words), " ".join(word.upper() for word in words))
    assert stated_checker("You can print letters in any case.", answers) == "exact"
    assert stated_checker("Print the word.\n\nIn any case print a line.", _tests("aB")) == "exact"


@pytest.mark.parametrize(
    ("sentence", "checker"),
    [("an absolute or relative error of at most 10^{-6}", "float"),
     ("a precision of 0.000001", "float"),
     ("an absolute error of 10 - 6", "float"),
     ("an error below 10^(-6)", "float"),
     ("an error of 10**-6", "float"),
     ("an error of at most 10\u207b\u2076", "float"),
     ("an error of 10<sup>-6</sup>", "float"),
     ("an error of 1.0e\u22126", "float"),
     ("all digits accurate to 1e-6", "float"),
     ("it; absolute or relative errors less than 10\u22126 will be ignored", "float"),
     ("it; answers within 10-6 of the actual value will be accepted", "float"),
     ("it; your answer must not differ from the jury's by more than 10^-6", "float"),
     ("it; no two weights are within 1e-3", "exact"),
     ("it; weights differ by at least 1e-3", "exact")],
)  # fmt: skip
def test_a_stated_tolerance_is_the_float_checker(sentence: str, checker: str) -> None:
    assert stated_checker(f"Print the mean with {sentence}.", _tests("0.5\n")) == checker
    assert stated_checker(f"Print the mean with {sentence}.", _tests("2e-05 7\n")) == checker
    assert stated_checker(f"Print the name with {sentence}.", _tests("Ann 5\n")) == "exact"


def test_decimals_are_right_where_a_tolerance_is_stated_and_tests_expect_ints() -> None:
    checker = stated_checker("The error of the mean must not exceed 10^{-6}.", _tests("5\n", "0"))
    assert is_correct(checker, "stdio", "5.000000\n", "5\n")
    assert not is_correct(checker, "stdio", "5.1\n", "5\n")
    assert not is_correct(checker, "stdio", "6\n", "5\n")


@pytest.mark.parametrize(
    ("sentence", "tolerance"),
    [("Print it with at least two digits after the decimal point.", "max(1e-2,"),
     ("Output at least 12 digits after the point.", "max(1e-9,"),
     ("Print no less than 4 decimals. The error must be at most 1e-3.", "1e-3 *"),
     ("The weights differ by at most 1e-3. Print the mean with an error below 1e-8.", "1e-8 *"),
     ("Print a number that differs from the exact value by at most 0.01.", "1e-2 *")],
)  # fmt: skip
def test_where_more_digits_may_be_printed_others_are_right(sentence: str, tolerance: str) -> None:
    assert f"<= {tolerance} " in stated_checker(sentence, _tests("0.33\n"))
    exactly = "Print it with exactly two digits after the decimal point."
    assert stated_checker(exactly, _tests("0.33\n")) == "exact"
    given = "The numbers have at least two digits after the point. Print the largest."
    assert stated_checker(given, _tests("0.33\n")) == "exact"


@pytest.mark.parametrize("digits", ["2", "six"])
def test_digits_that_are_asked_for_are_those_of_a_large_answer_too(digits: str) -> None:
    statement = f"Print the cost with at least {digits} digits after the decimal point."
    made: dict[str, object] = {}
    exec(stated_checker(statement, _tests("123456789.125000\n")), made)
    check = made["check"]
    assert callable(check)
    for answer, is_right in [
        ("123456789.125", True), ("123456789.1250004", True),
        ("123456790.125", False), ("123500000.00", False),
    ]:  # fmt: skip
        assert check("", answer, "123456789.125000") == is_right


@pytest.mark.parametrize("digits", [4, 6, 9])
def test_a_stated_tolerance_does_not_hide_several_answers(digits: int) -> None:
    statement = f"Print any point of the disc. The error must not exceed 1e-{digits}."
    problem = _stdio(statement, "0.5 0.5\n")
    problem = replace(problem, checker=stated_checker(statement, problem.tests))
    assert several_answers(problem) == "print any point of the disc."
    known = tuple(KnownProgram(code=f"print({n})", speed="unknown") for n in range(3))
    problem = replace(problem, solutions=known)
    assert known_programs_fault(problem, lambda code: Outcome.WRONG_ANSWER)


def test_another_tolerance_than_that_of_the_named_checker_is_kept() -> None:
    code = stated_checker("The error must not exceed 1e-4.", _tests("0.5 3\n"))
    made: dict[str, object] = {}
    exec(code, made)
    check = made["check"]
    assert callable(check)
    for answer, is_right in [
        ("0.50004 3", True), ("0.5002 3", False), ("0.5 3.00001", True), ("0.5 4", False),
        ("0.5", False), ("nan 3", False), ("half 3", False), ("5e-1 3", True),
    ]:  # fmt: skip
        assert check("", answer, "0.5 3") is is_right, answer
    assert check("", "1000000.5 100000000", "1000000.5 100000001") is False


def _known(*codes: str) -> Problem:
    known = tuple(KnownProgram(code=code, speed="unknown") for code in codes)
    return replace(STDIO_PROBLEM, solutions=known)


def test_known_programs_are_run_once_each_and_not_all_of_many() -> None:
    codes = [f"print({n})" for n in range(50)] + ["print( 0 )  # the same"]
    run: list[str] = []

    def outcome_of(code: str) -> Outcome:
        run.append(code)
        return Outcome.ACCEPTED

    assert known_programs_fault(_known(*codes), outcome_of) == ""
    assert len(run) == len(set(run)) == MAX_KNOWN_PROGRAMS
    assert int(run[-1][6:-1]) > 40
    run.clear()
    assert known_programs_fault(_known("print(1)", "print( 1 )"), outcome_of) == ""
    assert not run


@pytest.mark.parametrize(
    ("outcomes", "is_fault"),
    [("AAWW", True), ("WWW", True), ("AAAW", False), ("AAAAAAAAAW", False),
     ("AAAAAAAAWW", False), ("AAAAAAAWW", True), ("WREC", False), ("AWWRRRRRR", True)],
)  # fmt: skip
def test_known_programs_refute_the_tests_when_many_are_refused(
    outcomes: str, is_fault: bool
) -> None:
    names = {
        "A": Outcome.ACCEPTED,
        "W": Outcome.WRONG_ANSWER,
        "R": Outcome.RUNTIME_ERROR,
        "C": Outcome.COMPILE_ERROR,
        "E": Outcome.TIME_LIMIT,
    }
    codes = {f"print({place})": names[letter] for place, letter in enumerate(outcomes)}
    fault = known_programs_fault(_known(*codes), codes.__getitem__)
    assert bool(fault) is is_fault, fault
