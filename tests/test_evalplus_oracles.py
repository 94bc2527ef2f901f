"""EvalPlus's rules, each with answers on both sides of it."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.judging.checkers import is_correct, is_named
from skeldpo.judging.evalplus_oracles import evalplus_checker, is_floats, is_right
from skeldpo.values import Opaque, decode, encode, encode_answer


def judged(entry_point: str, answer: Any, expected: Any, *given: Any, atol: float = 0.0) -> bool:
    """By the checker of an MBPP+ task, or HumanEval+'s find_zero."""
    checker = evalplus_checker(
        is_mbpp=entry_point != "find_zero", entry_point=entry_point, atol=atol
    )
    assert is_named(checker)
    texts = encode_answer(answer), encode(expected), encode(list(given))
    return is_correct(checker, "function", *texts)


@pytest.mark.parametrize(
    ("answer", "expected", "atol", "right"),
    [
        (1, True, 0.0, True),
        (1.0, 1, 0.0, True),
        ((1, 2), [1, 2], 0.0, False),
        ([(1, 2)], [[1, 2]], 0.0, False),
        ({1: 2}, {1: 2}, 0.0, True),
        ({1: 2}, {"1": 2}, 0.0, False),
        ({1: 2}, [(1, 2)], 0.0, False),
        ({1, 2}, frozenset({2, 1}), 0.0, True),
        ({1, 2}, [1, 2], 0.0, False),
        (deque([1]), [1], 0.0, False),
        (range(2), [0, 1], 0.0, False),
        ("0101", "101", 0.0, False),
        (" 7", "7", 0.0, False),
        ("7", 7, 0.0, False),
        (0.1 + 0.2, 0.3, 0.0, False),
        (0.1 + 0.2, 0.3, 1e-6, True),
        (2.5 + 2e-6, 2.5, 1e-6, False),
        (250.0 + 2e-5, 250.0, 1e-6, True),  # 1e-6 + 1e-7 * 250
        (10**13 + 1, 10**13, 1e-6, False),
        ([3 * 10**9], [3 * 10**9 + 1], 1e-4, False),
        (3, 3.0000001, 1e-6, False),  # of another type
        ([3, 1.0], [3.0, 1.0000001], 1e-6, True),
        ((0.30000001, [1.0]), (0.3, [1.0]), 1e-6, True),
        ([0.30000001], (0.3,), 1e-6, False),
        ([0.30000001, 1.0], [0.3], 1e-6, False),
        ([0.30000001, "a"], [0.3, "a"], 1e-6, False),
        ({"a": 0.30000001}, {"a": 0.3}, 1e-6, False),
        (math.inf, math.inf, 1e-6, True),
        (-math.inf, math.inf, 1e-6, False),
        ([math.nan, 1.0], [math.nan, 1.0000001], 1e-6, True),
        (1 + 1e-8j, 1 + 0j, 1e-6, True),
        (None, None, 1e-6, True),
        (10**400, 1.5, 1e-6, False),
    ],
)
def test_answers_without_an_oracle(answer: Any, expected: Any, atol: float, right: bool) -> None:
    assert judged("some_task", answer, expected, atol=atol) is right


ENTRY = st.floats(-1e6, 1e6) | st.booleans()
FLOATS = st.floats(-1e3, 1e3)


@given(st.lists(FLOATS, min_size=1), st.floats(-4e-6, 4e-6), st.sampled_from([1e-6, 1e-4]))
def test_tolerance_is_that_of_numpy(expected: list[float], shift: float, atol: float) -> None:
    answer = [each + shift for each in expected]
    theirs = answer == expected or np.allclose(answer, expected, rtol=1e-07, atol=atol)
    assert judged("some_task", answer, expected, atol=atol) is bool(theirs)


def test_set_tasks_take_any_order_and_collection() -> None:
    for answer in ([3, 1], (1, 3), {1, 3}, [1, 1, 3], {1: 0, 3: 0}, deque([3, 1])):
        assert judged("intersection_array", answer, [1, 3])
    for answer in ([1], [1, 3, 4], [[1], [3]], 13, None, range(10**12), "13"):
        assert not judged("intersection_array", answer, [1, 3])
    assert judged("Diff", [0.5000001, 2.0], [0.5, 2.0], atol=1e-6)
    assert not judged("sorted_array", [3, 1], [1, 3])
    assert not is_right("evalplus:equal:0.0", [3, 1], [1, 3], [])


def test_not_none_tasks_ask_whether_there_is_an_answer() -> None:
    for answer, found in (("Found", True), ([], True), (len, True), (None, False), (False, False)):
        assert judged("text_match_three", answer, found)
        assert not judged("text_match_three", answer, not found)
    assert judged("check_str", 0, True)


def test_tasks_with_several_right_answers() -> None:
    for answer in (True, False, None, len, "no"):
        assert judged("are_equivalent", answer, False, 36, 57)
    assert judged("sum_div", 0, 7, 8) and judged("sum_div", 7, 7, 8)
    assert not judged("sum_div", 8, 7, 8)
    assert judged("surface_Area", 96, 33, 6, 4)  # 36 + 4 * 6 * 5 / 2
    assert judged("surface_Area", 33, 33, 6, 4) and not judged("surface_Area", 95, 33, 6, 4)
    assert not judged("surface_Area", "96", 33, 6, 4)
    assert judged("digit_distance_nums", 1, 8, 123, 133)  # 1-1, 2-3, 3-3
    assert judged("digit_distance_nums", 1 + 2 + 1, 0, 123, 2)  # 123 and 002
    assert not judged("digit_distance_nums", 3, 0, 123, 2)


def test_root_of_a_polynomial_is_judged_by_its_value() -> None:
    for answer in (1.0, 2.0, 2.00000001):
        assert judged("find_zero", answer, 1.0, [2, -3, 1, 0], atol=1e-4)
    for answer in (1.5, math.nan, "1.0", None, 1e300):
        assert not judged("find_zero", answer, 1.0, [2, -3, 1, 0], atol=1e-4)
    mbpp = evalplus_checker(is_mbpp=True, entry_point="find_zero", atol=1e-4)
    assert mbpp.split(":")[1] == "equal"


def test_what_is_no_plain_data_is_wrong_without_an_error() -> None:
    for entry_point in ("some_task", "Diff", "sum_div", "surface_Area", "find_zero"):
        assert not judged(entry_point, object(), 1, 2, 3, atol=1e-6)
    odd = encode_answer(map(str, []))
    assert isinstance(decode(odd), Opaque)
    assert not is_correct("evalplus:equal:0.0", "function", odd, odd, "[]")


def test_floats_turn_the_tolerance_on() -> None:
    assert is_floats(0.5) and is_floats([0.5, 1.0]) and is_floats((1.0,))
    assert not any(map(is_floats, (1, [], [1, 0.5], [[0.5]], {"a": 0.5}, "0.5", {0.5}, None)))
