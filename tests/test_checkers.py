"""Named checkers, and that no answer can raise."""

from __future__ import annotations

import pytest

from skeldpo.checkers import MAX_ANSWER_CHARS, is_correct, is_named
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
    ("unordered", "function", "[2, 1, 1]", "[1, 1, 2]", True),
    ("unordered", "function", "[2, 2, 1]", "[1, 1, 2]", False),
    ("unordered", "function", "[[1, 2]]", "[[2, 1]]", False),
    ("unordered", "function", "3", "3.0", False),
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
    assert is_named("exact")
    assert not is_named("def check(input, answer, expected):\n    return True\n")
