"""Arguments of EvalPlus's tasks as programs are called with: its files are JSON, and the tasks ask
for tuples, sets and complex numbers.

Tuples are read from a row's contract. Where EvalPlus makes other values of a task's JSON
(`mbpp_deserialize_inputs`, evalplus 0.3.1), they are made here by the same task ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from skeldpo.problems.reader import read_json

INPUT_COLUMNS = ("base_input", "plus_input", "pe_input")


def argument_lists(row: Mapping[str, Any], column: str, depths: Sequence[int]) -> list[list[Any]]:
    """The calls of one column; `depths` are the row's `tuple_depths`. ValueError for other data."""
    value = row.get(column) or []  # the dataset has {} for none
    found = read_json(value) if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, list) for each in found):
        raise ValueError(f"{column} must be a list of argument lists")
    made = _MADE.get(str(row["task_id"]))
    if made is not None:
        try:
            return [made(each) for each in found]
        except (AttributeError, IndexError, TypeError) as error:
            raise ValueError(f"{column} is not what {row['task_id']} takes: {error}") from error
    return [
        [with_tuples(value, depth) for value, depth in zip_longest(each, depths[: len(each)])]
        for each in found
    ]


def with_tuples(value: Any, depth: int | None) -> Any:
    """A JSON value with the tuples of its `tuple_depths` entry (none: 0)."""
    if not depth or not isinstance(value, list):
        return value
    inner = [tuple(item) if depth > 1 and isinstance(item, list) else item for item in value]
    return tuple(inner) if depth != 2 else inner


def _all_tuples(value: Any) -> Any:
    return tuple(map(_all_tuples, value)) if isinstance(value, list) else value


def _sets(arguments: list[Any]) -> list[Any]:
    made = [set(item) if isinstance(item, list) and item else {} for item in arguments[0]]
    return [made]


def _number_and_complex(arguments: list[Any]) -> list[Any]:
    return [float(arguments[0]), complex(arguments[1])]


def _tuples_in_dict(arguments: list[Any]) -> list[Any]:
    return [{key: tuple(entry) for key, entry in arguments[0].items()}, *arguments[1:]]


def _tuples_in_tuple(arguments: list[Any]) -> list[Any]:
    return [with_tuples(arguments[0], 3), *arguments[1:]]


_MADE: dict[str, Callable[[list[Any]], list[Any]]] = {
    "Mbpp/115": _sets,
    "Mbpp/124": _number_and_complex,
    "Mbpp/252": lambda arguments: [complex(arguments[0])],
    "Mbpp/278": _tuples_in_tuple,
    "Mbpp/580": lambda arguments: [*map(_all_tuples, arguments)],
    "Mbpp/615": lambda arguments: [*map(_all_tuples, arguments)],
    "Mbpp/722": _tuples_in_dict,
    "Mbpp/791": lambda arguments: [*map(_all_tuples, arguments)],
}
