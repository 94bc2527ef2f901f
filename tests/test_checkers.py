"""Named checkers, and that no answer can raise."""

from __future__ import annotations

import pytest

from skeldpo.judging.checkers import CHECKERS, MAX_ANSWER_CHARS, is_correct, is_named
from skeldpo.records import ProblemKind

CASES: list[tuple[str, ProblemKind, str, str, bool]] = [
    ("exact", "function", "[1, 2]", "[1,2]", True),
    ("exact", "function", "[2, 1]", "[1, 2]", False),
    ("exact", "function", "[1, 2, 3]", "[1, 2]", False),
    ("exact", "function", "1.0", "1", False),
    ("exact", "function", "true", "1", False),
    ("exact", "function", "[[true]]", "[[1]]", False),
    ("exact", "function", '"1"', "1", False),
    ("exact", "function", "null", "0", False),
    ("exact", "function", "NaN", "NaN", True),
    ("exact", "function", '{"a": [1], "b": 2}', '{"b": 2, "a": [1]}', True),
    ("exact", "function", '{"a": 1.0}', '{"a": 1}', False),
    ("exact", "function", '{"a": 1}', '{"b": 1}', False),
    ("exact", "stdio", "1  2\n\n3", "1 2 3\n", True),
    ("exact", "stdio", "1 2", "1 2 3", False),
    ("exact", "stdio", "Yes", "YES", False),
    ("exact", "stdio", "", "\n", True),
    ("float", "function", "0.30000000000000004", "0.3", True),
    ("float", "function", "3", "3.0", True),
    ("float", "function", "1000000.5", "1000001.4", True),
    ("float", "function", "1000000.5", "1000002.5", False),
    ("float", "function", "0.0000005", "0", True),
    ("float", "function", "0.001", "0.002", False),
    ("float", "function", "true", "1.0", False),
    ("float", "function", '"3"', "3", False),
    ("float", "function", '"0110"', '"110"', False),
    ("float", "function", '" 8"', '"8"', False),
    ("float", "function", '"8\\n"', '"8"', False),
    ("float", "function", '"2.50"', '"2.5"', False),
    ("float", "function", '"NAN"', '"nan"', False),
    ("float", "function", '"1e2"', '"100"', False),
    ("float", "function", '"' + "7" * 400 + '"', '"' + "8" * 400 + '"', False),
    ("float", "function", "4000000001", "4000000000", False),
    ("float", "function", "[[5, 4000000001]]", "[[5.0, 4000000000]]", False),
    ("float", "function", "4000000001.0", "4000000000", False),
    ("float", "function", "4000000000.0001", "4000000000", True),
    ("float", "function", "4000000001", "4000000000.0", True),
    ("float", "function", "true", "1", False),
    ("float", "function", '{"a": 0.30000000001}', '{"a": 0.3}', True),
    ("float", "function", "1" + "0" * 400, "1.5", False),
    ("float", "function", '[{"$fraction":[1,3]}]', "[0.3333333333]", True),
    ("float", "function", '{"$decimal":"0.50"}', "0.5", True),
    ("float", "function", '{"$decimal":"0.51"}', "0.5", False),
    ("float", "function", '{"$decimal":"NaN"}', "0.5", False),
    ("float", "function", "0.5", '{"$fraction":[1,2]}', True),
    ("float", "function", '{"$decimal":"2"}', "2", False),
    ("float", "function", "Infinity", "7", False),
    ("float", "function", "Infinity", "Infinity", True),
    ("exact", "function", '{"$tuple":[1,{"$tuple":[2]}]}', "[1, [2]]", True),
    ("exact", "function", '{"$tuple":[1.0]}', "[1]", False),
    ("exact", "function", '{"$set":[1]}', "[1]", False),
    ("exact", "function", '{"$set":[1,2]}', '{"$frozenset":[2,1]}', True),
    ("exact", "function", '{"$set":[true]}', '{"$set":[1]}', False),
    ("exact", "function", '{"$dict":[[1,"a"]]}', '{"1": "a"}', False),
    ("exact", "function", '{"$dict":[[1,"a"]]}', '[[1, "a"]]', False),
    ("exact", "function", '{"$dict":[[1,"a"],[2,"b"]]}', '{"$dict":[[2,"b"],[1,"a"]]}', True),
    ("exact", "function", '{"$dict":[[true,"a"]]}', '{"$dict":[[1,"a"]]}', False),
    ("exact", "function", '{"$deque":[1]}', "[1]", False),
    ("exact", "function", '{"$deque":[1]}', '{"$deque":[1]} ', True),
    ("exact", "function", '{"$object":"map"}', '{"$object":"map"}', False),
    ("exact", "function", "[NaN, [1]]", "[NaN,[1]]", True),
    ("equal", "function", '{"$tuple":[1,[2]]}', '[1.0, {"$tuple":[2]}]', True),
    ("equal", "function", '{"$set":[1]}', "[1]", False),
    ("equal", "function", '{"$dict":[[1,2]]}', '{"$dict":[[true,2.0]]}', True),
    ("equal", "function", '{"a":{"$tuple":[1]}}', '{"a": [1]}', True),
    ("equal", "function", '{"$fraction":[1,2]}', "0.5", True),
    ("equal", "function", '{"$decimal":"2.00"}', "2", True),
    ("equal", "function", '{"$range":[0,2,1]}', "[0, 1]", False),
    ("equal", "function", "[NaN]", "[NaN] ", True),
    ("equal", "function", '"1"', "1", False),
    ("float", "function", '["a", [0.5]]', '["a", [0.5000000001]]', True),
    ("float", "function", "[0.5]", "[0.5, 0.5]", False),
    ("float", "function", "[NaN]", "[NaN, NaN]", False),
    ("float", "function", "[NaN, 1]", "[NaN, 1.0]", True),
    ("float", "function", "NaN", "1.0", False),
    ("float", "function", "Infinity", "1e308", False),
    ("float", "stdio", "0.333333333 yes", "0.3333333334 yes", True),
    ("float", "stdio", "0.333333333 no", "0.3333333334 yes", False),
    ("equal", "function", "[1, true]", "[1.0, 1]", True),
    ("equal", "function", "[1, 2]", "[2, 1]", False),
    ("equal", "stdio", "1.0", "1", False),
    ("float", "stdio", "3.0", "3", True),
    ("float", "stdio", "2.9999999", "3", True),
    ("float", "stdio", "3", "3.0", True),
    ("float", "stdio", "6000000001", "6000000000", False),
    ("float", "stdio", "6000000001.0", "6000000000", False),
    ("float", "stdio", "007", "7", False),
    ("float", "stdio", "7.0", "007", False),
    ("float", "stdio", "1_0.5", "10.5", False),
    ("float", "stdio", "1e-3", "0.001", True),
    ("float", "stdio", "infinity", "inf", False),
    ("float", "stdio", "NAN", "nan", False),
    ("float", "stdio", "0x10", "16.0", False),
    ("float", "stdio", "9" * 500, "9" * 499 + "8", False),
    ("unordered", "function", "[2, 1, 1]", "[1, 1, 2]", True),
    ("unordered", "function", "[2, 2, 1]", "[1, 1, 2]", False),
    ("unordered", "function", "[[1, 2]]", "[[2, 1]]", False),
    ("unordered", "function", "3", "3.0", False),
    ("unordered", "function", '{"$set":[1,2]}', "[2, 1]", True),
    ("unordered", "function", '{"$set":[1,2]}', "[2, 1, 1]", False),
    (
        "unordered",
        "function",
        '[{"$tuple":[1,2]},{"$dict":[[1,2]]}]',
        '[{"$dict":[[1,2]]},[1,2]]',
        True,
    ),
    ("unordered", "function", "[1, 2]", "[2.0, 1]", False),
    ("unordered", "function", '{"a":1}', '["a"]', False),
    ("unordered", "stdio", "b a", "a b", True),
    ("ignore_case", "stdio", "Yes\nno", "YES NO", True),
    ("ignore_case", "stdio", "Yes", "YES NO", False),
    ("ignore_case", "function", '["A", 1]', '["a", 1]', True),
    ("ignore_case", "function", "[1.0]", "[1]", False),
]


@pytest.mark.parametrize(("checker", "kind", "answer", "expected", "right"), CASES)
def test_is_correct(
    checker: str, kind: ProblemKind, answer: str, expected: str, right: bool
) -> None:
    assert is_correct(checker, kind, answer, expected) is right


@pytest.mark.parametrize("checker", [*CHECKERS, "evalplus:set:0.0", "evalplus:equal:1e-06"])
@pytest.mark.parametrize(
    "answer",
    ['{"$decimal":"sNaN"}', '[{"$decimal":"sNaN"}]', '{"$range":[0,1000000000000000,1]}',
     '{"$decimal":"1E+999999999999999999"}', '{"$fraction":[1,0]}', '{"$set":[[]]}'],
)  # fmt: skip
def test_is_correct_of_values_that_resist_comparison_is_wrong(checker: str, answer: str) -> None:
    for expected in ("[1]", "1.5", "2", '{"$set": [1]}', '{"$decimal": "1.5"}'):
        assert is_correct(checker, "function", answer, expected, "[]") is False


@pytest.mark.parametrize("checker", ["exact", "equal", "float", "unordered", "ignore_case"])
@pytest.mark.parametrize(
    "answer", ["", "[1", "[" * 100_000, "9" * 5000, "nan nan", "{}", '"\\ud800"']
)
def test_is_correct_malformed_answer_is_wrong_not_an_error(checker: str, answer: str) -> None:
    assert is_correct(checker, "function", answer, "[1]") is False


def test_is_correct_expected_number_too_long_to_parse_is_compared_as_text() -> None:
    assert is_correct("exact", "function", "9" * 5000, "9" * 5000)
    assert not is_correct("exact", "function", "1", "9" * 5000)


def test_is_correct_too_long_answer_is_wrong() -> None:
    long = "1" * (MAX_ANSWER_CHARS + 1)
    assert not is_correct("exact", "stdio", long, long)


def test_is_correct_unknown_checker_is_value_error() -> None:
    with pytest.raises(ValueError, match="unknown checker 'exactly'; known: equal, exact, float"):
        is_correct("exactly", "stdio", "", "")
    with pytest.raises(ValueError, match="unknown checker 'evalplus:sets:0.0'"):
        is_correct("evalplus:sets:0.0", "function", "1", "1")
    with pytest.raises(ValueError, match="unknown checker 'evalplus:set:0.0'"):
        is_correct("evalplus:set:0.0", "stdio", "1", "1")
    assert is_named("exact")
    assert not is_named("def check(input, answer, expected):\n    return True\n")
