"""The problems that the agreement benchmark makes of MBPP+ tasks."""

from __future__ import annotations

import ast
import gzip
import json
from pathlib import Path

import pytest

from benchmarks.mbpp_growth import WAYS, callable_with_lists, growing_problem
from skeldpo.languages.python.data import tuple_depths
from skeldpo.problems.sources import problem_from_row

TASK = {
    "task_id": "Mbpp/0",
    "prompt": "Join them.",
    "entry_point": "join",
    "canonical_solution": "def join(items, pair, n):\n    return items + [pair] * n\n",
    "contract": "\n  assert isinstance(items, list)\n  assert isinstance(pair, tuple)\n"
    "  assert all(isinstance(item, tuple) for item in items)\n  assert n > 0\n",
    "base_input": [[[[1, 2]], [3, 4], 2]],
}


def run(code: str, name: str, *arguments: object) -> object:
    names: dict[str, object] = {}
    exec(compile(code, "program", "exec"), names)
    called = names[name]
    assert callable(called)
    return called(*arguments)


def test_tuples_are_read_from_the_contract() -> None:
    assert tuple_depths(TASK["contract"], ["items", "pair", "n"]) == [2, 1, 0]
    assert tuple_depths("assert isinstance(a, (list, tuple))", ["a"]) == [0]


def test_program_is_called_with_lists_where_it_takes_tuples() -> None:
    code = callable_with_lists(TASK["canonical_solution"], TASK["entry_point"], [2, 1, 0])
    assert run(code, "join", [[1, 2]], [3, 4], 2) == [(1, 2), (3, 4), (3, 4)]
    assert callable_with_lists("x = 1", "f", [0, 0, 0]) == "x = 1"


@pytest.mark.parametrize("way", range(len(WAYS)), ids=WAYS)
def test_generator_grows_what_the_contract_allows(way: int) -> None:
    generator = growing_problem(TASK)["generators"][way]
    small = run(generator, "generate_input", 64, 0)
    large = run(generator, "generate_input", 256, 0)
    assert isinstance(small, list) and isinstance(large, list)
    assert len(small) == 3
    assert len(json.dumps(large)) > 1.5 * len(json.dumps(small))
    assert run(generator, "generate_input", 64, 0) == small


def test_counts_keep_their_proportion_and_squares_their_shape() -> None:
    task = {
        **TASK,
        "canonical_solution": "def join(items, n, big):\n    return sorted(items)[:n]\n",
        "contract": "\n  assert isinstance(items, list)\n",
        "base_input": [[[5, 2, 7, 1, 9, 3, 8, 4], 2, 1000]],
    }
    made = dict(zip(WAYS, growing_problem(task)["generators"], strict=True))
    for way, count in (("cycle", 64), ("sorted", 64), ("fixed", 2), ("scalars", 128)):
        items, n, big = run(made[way], "generate_input", 256, 0)  # type: ignore[misc]
        assert (len(items), n) == (256, count) and (big == 1000 or way == "scalars")
    matrix = {**task, "base_input": [[[[1, 2], [3, 4]], 1, 1000]]}
    for way in ("cycle", "square"):
        generator = growing_problem(matrix)["generators"][WAYS.index(way)]
        rows, *_ = run(generator, "generate_input", 400, 0)  # type: ignore[misc]
        assert [len(row) for row in rows] == [20] * 20


def test_lone_numbers_grow_to_primes_first() -> None:
    task = {**TASK, "contract": "\n  assert items > 0\n", "base_input": [[35, 4, 1]]}
    made = dict(zip(WAYS, growing_problem(task)["generators"], strict=True))
    assert run(made["cycle"], "generate_input", 64, 0) == [37, 5, 1]
    assert run(made["cycle"], "generate_input", 128, 0) == [71, 11, 2]
    assert run(made["fixed"], "generate_input", 128, 0) == [70, 8, 2]


def test_stretched_text_has_longer_words_in_the_same_quotes() -> None:
    task = {**TASK, "contract": "\n  assert items\n", "base_input": [['"ab", "c"', [1], 1]]}
    made = dict(zip(WAYS, growing_problem(task)["generators"], strict=True))
    text, *_ = run(made["stretch"], "generate_input", 18, 0)  # type: ignore[misc]
    assert text == '"aaabbb", "ccc"'


def test_contract_that_refuses_everything_is_an_error() -> None:
    never = {**TASK, "contract": TASK["contract"] + "  assert n > 10**9\n"}
    with pytest.raises(ValueError, match="allows no grown input"):
        run(growing_problem(never)["generators"][0], "generate_input", 64, 0)


def test_every_task_is_a_problem_with_generators_that_compile(real_data: Path) -> None:
    path = real_data / "mbpp_plus" / "MbppPlus.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        tasks = [json.loads(line) for line in lines]
    for task in tasks[::6]:
        problem = problem_from_row(growing_problem(task), source="mbpp_plus")
        assert problem.entry_point == task["entry_point"]
        for generator in problem.generators:
            ast.parse(generator)
