"""Arguments of EvalPlus's rows as its tasks are called with."""

from __future__ import annotations

from typing import Any

import pytest

from skeldpo.languages.python.data import parameters_of, tuple_depths
from skeldpo.problems.evalplus_inputs import argument_lists


def arguments(task_id: str, inputs: Any, depths: list[int]) -> list[list[Any]]:
    return argument_lists({"task_id": task_id, "base_input": inputs}, "base_input", depths)


def test_tuples_are_made_where_the_contract_has_them() -> None:
    contract = """
  assert isinstance(names, tuple)
  assert all(isinstance(row, tuple) for row in rows)
  assert isinstance(grid, tuple) and all(isinstance(line, tuple) for line in grid)
"""
    depths = tuple_depths(contract, ["names", "rows", "grid", "n"])
    assert depths == [1, 2, 3, 0]
    (made,) = arguments("Mbpp/9001", [[["a", ["b"]], [[1], [2, [3]]], [[4]], [5]]], depths)
    assert made == [("a", ["b"]), [(1,), (2, [3])], ((4,),), [5]]


def test_more_arguments_than_parameters_stay_as_they_are() -> None:
    assert arguments("Mbpp/9001", [[[1], [2], [3]], [[1]]], [1]) == [[(1,), [2], [3]], [(1,)]]


@pytest.mark.parametrize(
    ("task_id", "given", "made"),
    [
        ("Mbpp/115", [[[1, 2], [], {}]], [[{1, 2}, {}, {}]]),
        ("Mbpp/124", ["2", "(3-1j)"], [2.0, 3 - 1j]),
        ("Mbpp/252", ["1j"], [1j]),
        ("Mbpp/278", [[1, [2, [3]]]], [(1, (2, [3]))]),
        ("Mbpp/791", [[1, [2, [3]]]], [(1, (2, (3,)))]),
        ("Mbpp/722", [{"a": [1.5, 60]}, 2.0, 3], [{"a": (1.5, 60)}, 2.0, 3]),
    ],
)
def test_tasks_whose_json_stands_for_other_values(
    task_id: str, given: list[Any], made: list[Any]
) -> None:
    (found,) = arguments(task_id, [given], [0] * len(given))
    assert found == made and repr(found) == repr(made)


def test_columns_are_lists_or_their_json_or_empty() -> None:
    assert arguments("x", "[[1], [2]]", [0]) == [[1], [2]]
    assert arguments("x", {}, [0]) == [] and arguments("x", "", [0]) == []
    with pytest.raises(ValueError, match="base_input must be a list of argument lists"):
        arguments("x", [1], [0])
    with pytest.raises(ValueError, match="base_input is not what Mbpp/722 takes"):
        arguments("Mbpp/722", [[[1]]], [0])
    with pytest.raises(ValueError, match="no function g"):
        parameters_of("def f(a):\n    pass\n", "g")
