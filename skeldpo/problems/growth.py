"""What the tests of a problem tell of its arguments, so that they can be grown.

The tests of most data sets take microseconds. `growth_of` makes what `skeldpo.measure.grown` grows
them by: a few tests, and for each argument what holds of it in every test (sorted, no entry twice,
rows of one length, a number that is a length, labels of nodes), the bounds that the statement names
and the contract that comes with the data set. What holds by chance costs variety and no more:
sorted lists are lists. Nothing is run here: tests are data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from skeldpo.problems.constraints import Stated, stated_bounds
from skeldpo.records import Problem
from skeldpo.values import decode, encode

MAX_BASES = 4
MAX_BASE_CHARS = 4000
MAX_TUPLE_ROW = 4
"""Rows of one length up to this, in tests of different numbers of rows, are records (an interval,
an edge with its weight); longer ones are a matrix."""
MIN_FIXED_TESTS = 8
"""Tests of one length after which that length is taken for part of the problem."""

Facts = dict[str, Any]
"""Of an argument, as the guest reads them; JSON."""


def with_growth(problem: Problem, parameters: Sequence[str] = (), contract: str = "") -> Problem:
    """The problem with what its tests are grown by; as it is where it has generators, no test with
    arguments, or one that is long: then it has been given inputs to time programs on.

    `parameters` are the names of the arguments in the statement; `contract` is Python, the body of
    a function of them that raises where it takes no such arguments.
    """
    if problem.generators or problem.kind != "function":
        return problem
    tests = [decode(test.input_text) for test in problem.tests]
    calls = [call for call in tests if call and len(call) == len(tests[0])]
    texts = {encode(call): call for call in calls}
    if not texts or any(len(text) > MAX_BASE_CHARS for text in texts):
        return problem
    longest = sorted(texts, key=len, reverse=True)[:MAX_BASES]
    stated = stated_bounds(problem.statement, parameters)
    named = dict(enumerate(parameters))
    growth = {
        "bases": [texts[text] for text in longest],
        "arguments": [
            _facts(calls, place, [each for each in stated if each.name == named.get(place)])
            for place in range(len(calls[0]))
        ],
        "parameters": list(parameters),
        "contract": contract,
    }
    return replace(problem, growth=encode(growth))


def _facts(calls: Sequence[list[Any]], place: int, stated: Sequence[Stated]) -> Facts:
    values = [call[place] for call in calls]
    if all(type(value) is int for value in values):
        facts = _number_facts(calls, place)
    elif all(isinstance(value, list | tuple) for value in values):
        facts = _list_facts(values)
    else:
        facts = {}
    if all(isinstance(value, str) for value in values):
        facts["is_text"] = any(len(value) > 1 for value in values)
    if all(isinstance(value, list | tuple | str) for value in values):
        facts["same_length"] = [
            other
            for other in range(place)
            if all(_length(call[other]) == len(call[place]) for call in calls)
        ]
        lengths = {len(value) for value in values}
        facts["is_fixed"] = len(lengths) == 1 and len(values) >= MIN_FIXED_TESTS
    facts |= _stated_facts(stated)
    if {"low", "high", "max_length"} <= set(facts):
        has_room = facts["high"] - facts["low"] + 1 >= facts["max_length"]
        facts["is_distinct"] = bool(facts.get("is_distinct")) and has_room
    return facts


def _stated_facts(stated: Sequence[Stated]) -> Facts:
    facts: Facts = {}
    for each in stated:
        if each.is_length:
            key = "inner_length" if each.depth else "length"
            if each.low is not None and each.low == each.high and not each.depth:
                facts["is_fixed"] = True
            if each.high is not None:
                facts[f"max_{key}"] = min(each.high, facts.get(f"max_{key}", each.high))
        else:
            if each.low is not None:
                facts["low"] = each.low
            if each.high is not None:
                facts["high"] = each.high
    return facts


def _number_facts(calls: Sequence[list[Any]], place: int) -> Facts:
    """How an int goes with the other arguments."""
    facts: Facts = {}
    sized = [other for other in range(len(calls[0])) if _always(
        isinstance(call[other], list | tuple | str) for call in calls)]  # fmt: skip
    for other in sized:
        offsets = {call[place] - len(call[other]) for call in calls}
        if len(offsets) == 1 and abs(next(iter(offsets))) <= 1:
            facts.setdefault("length_of", [other, offsets.pop()])
        lists = [call[other] for call in calls]
        ints = [list(_ints(value)) for value in lists]
        is_counted = all(ints) and _always(
            min(own) >= 0 and max(own) <= call[place] for own, call in zip(ints, calls, strict=True)
        )
        is_nested = any(isinstance(item, list | tuple) for value in lists for item in value)
        if is_counted and is_nested:
            facts.setdefault("labels_of", [
                other, int(any(max(own) == call[place] for own, call in
                               zip(ints, calls, strict=True)))])  # fmt: skip
    return facts


def _list_facts(values: Sequence[Any]) -> Facts:
    facts: Facts = {}
    filled = [value for value in values if value]
    entries = [item for value in filled for item in value]
    if not entries:
        return facts
    facts["is_distinct"] = all(_is_distinct(value) for value in filled)
    facts["order"] = _order(filled)
    if all(type(item) is int for item in entries):
        facts |= _range(entries)
        for start in (0, 1):
            if all(sorted(value) == [*range(start, start + len(value))] for value in filled):
                facts["permutation"] = start
            elif "high" not in facts and all(
                start <= item < start + len(v) for v in filled for item in v
            ):
                facts.setdefault("places", start)
        if all(value[0] == -1 for value in filled) and all(
            0 <= item < len(value) for value in filled for item in value[1:]
        ):
            facts["is_parents"] = True
    elif all(isinstance(item, str) for item in entries):
        facts["has_equal_words"] = _always(len(set(map(len, v))) == 1 for v in filled if len(v) > 1)
    elif all(isinstance(item, list | tuple) for item in entries):
        facts |= _row_facts(filled)
    return facts


def _range(numbers: Sequence[int]) -> Facts:
    """The bounds of flags, which nothing else may become; of others the tests tell no bounds."""
    return {"low": 0, "high": 1, "is_distinct": False} if {*numbers} == {0, 1} else {}


def _row_facts(values: Sequence[Any]) -> Facts:
    lengths = [{len(row) for row in value} for value in values]
    widths = set().union(*lengths)
    rows = [row for value in values for row in value]
    facts: Facts = {"row_order": _order(rows), "is_row_distinct": all(map(_is_distinct, rows))}
    flat = [item for row in rows for item in row]
    if all(type(item) is int for item in flat) and flat:
        facts |= _range(flat)
    if all(len(own) == 1 for own in lengths):
        if _always(len(value) in own for value, own in zip(values, lengths, strict=True)):
            facts["shape"] = "square"
        elif len(widths) == 1 and max(widths) <= MAX_TUPLE_ROW:
            facts["shape"] = "records"
            facts["tree"] = _tree_start(values)
        else:
            facts["shape"] = "matrix"
    elif all(0 <= item < len(value) for value in values for row in value for item in row
             if type(item) is int) and all(type(item) is int for item in flat):  # fmt: skip
        facts["places"] = 0
    return facts


def _tree_start(values: Sequence[Any]) -> int | None:
    """0 or 1 where the first two entries of the rows are edges of a tree whose nodes count from
    that; None if they are not."""
    for start in (0, 1):
        if all(_is_tree(value, start) for value in values):
            return start
    return None


def _is_tree(edges: Sequence[Any], start: int) -> bool:
    num_nodes = len(edges) + 1
    nodes = range(start, start + num_nodes)
    parent = {node: node for node in nodes}
    for row in edges:
        ends = row[:2]
        if len(ends) < 2 or not all(type(end) is int and end in parent for end in ends):
            return False
        roots = [_root(parent, end) for end in ends]
        if roots[0] == roots[1]:
            return False
        parent[roots[0]] = roots[1]
    return True


def _root(parent: dict[int, int], node: int) -> int:
    while parent[node] != node:
        node = parent[node]
    return node


def _order(values: Sequence[Any]) -> int:
    """1 where the entries of every value rise (or stay), -1 where they fall, else 0."""
    long = [value for value in values if len(value) > 1]
    if not long:
        return 0
    try:
        for sign, holds in _ORDERS:
            if all(holds(left, right) for value in long for left, right in pairwise(value)):
                return sign
    except TypeError:
        pass
    return 0


_ORDERS: tuple[tuple[int, Callable[[Any, Any], bool]], ...] = (
    (1, lambda left, right: bool(left <= right)),
    (-1, lambda left, right: bool(left >= right)),
)


def _is_distinct(value: Sequence[Any]) -> bool:
    return len({encode(item) for item in value}) == len(value)


def _ints(value: Any) -> Iterator[int]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _ints(item)
    elif type(value) is int:
        yield value


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple | str | dict) else -1


def _always(flags: Any) -> bool:
    """`all`, but false of nothing."""
    found = list(flags)
    return bool(found) and all(found)
