"""Inputs that are grown from a problem's own tests: they obey what the tests and statement say."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sample_records import FUNCTION_PROBLEM
from scripted_runs import CONFIG, linear, make_judge, make_report, make_script, named, sized

from skeldpo.measure.grown import WAYS, generators_of, growth_generators
from skeldpo.measure.inputs import FIRST_GROWN_SIZE, InputFinder
from skeldpo.problems.constraints import Stated, stated_bounds
from skeldpo.problems.evalplus import problem as mbpp_problem
from skeldpo.problems.growth import with_growth
from skeldpo.problems.sources import load_problems
from skeldpo.records import Example, Outcome, Problem
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.values import decode, encode


def grown_problem(*calls: list[Any], statement: str = "Do it.", parameters: str = "") -> Problem:
    tests = tuple(Example(input_text=encode(call), expected_text="0") for call in calls)
    problem = replace(
        FUNCTION_PROBLEM, statement=statement, tests=tests, generators=(), reference="base",
        solutions=(), checker="equal",
    )  # fmt: skip
    return with_growth(problem, tuple(parameters.split()))


def generate(problem: Problem, way: str, size: int, seed: int = 3) -> list[Any]:
    names: dict[str, Any] = {}
    exec(generators_of(problem)[WAYS.index(way)], names)
    made = names["generate_input"](size, seed)
    assert encode(made) == encode(names["generate_input"](size, seed))
    assert isinstance(made, list)
    return made


every_way = pytest.mark.parametrize("way", WAYS)


@every_way
def test_list_of_numbers_gets_longer(way: str) -> None:
    problem = grown_problem([[3, 1, 2, 2]], [[7]])
    for size in (16, 500):
        (items,) = generate(problem, way, size)
        assert len(items) == size and all(type(item) is int and item >= 1 for item in items)


@every_way
def test_truth_values_stay_such(way: str) -> None:
    (flags,) = generate(grown_problem([[True, False]], [[True]]), way, 64)
    assert len(flags) == 64 and {type(flag) for flag in flags} == {bool}


@every_way
def test_text_keeps_its_letters_and_gets_longer(way: str) -> None:
    problem = grown_problem(["ab cd"], ["dcba"])
    (text,) = generate(problem, way, 400)
    assert 300 <= len(text) <= 400 and set(text) <= set("ab cd")


@every_way
def test_matrix_and_square_keep_their_shape(way: str) -> None:
    square = grown_problem([[[1, 2], [3, 4]], 1], [[[5]], 2])
    rows, _ = generate(square, way, 400)
    assert [len(row) for row in rows] == [20] * 20
    matrix = grown_problem([[[1, 2, 3], [3, 4, 5]]], [[[5, 1, 2, 2, 2]]])
    (rows,) = generate(matrix, way, 400)
    assert len(rows) > 5 and len({len(row) for row in rows}) == 1


@every_way
def test_arguments_of_one_length_stay_so(way: str) -> None:
    problem = grown_problem([[1, 2, 3], "abc", 3], [[1], "x", 1])
    items, text, count = generate(problem, way, 128)
    assert len(items) == count and count >= 100
    if way != "stretch":  # it is the words of a text that it stretches
        assert len(text) == count


@every_way
def test_sorted_and_distinct_lists_stay_so(way: str) -> None:
    problem = grown_problem([[-3, 1, 4], 4], [[2, 9], 2])
    items, _ = generate(problem, way, 300)
    assert all(left <= right for left, right in pairwise(items))
    falling = grown_problem([[9, 4, 4, 1]], [[3, 2]])
    (items,) = generate(falling, way, 300)
    assert all(left >= right for left, right in pairwise(items))
    distinct = grown_problem([[3, 1, 4]], [[2, 9]])
    (items,) = generate(distinct, way, 300)
    if way in ("distinct", "sorted"):
        assert len(set(items)) == 300


@every_way
def test_intervals_and_trees_are_still_such(way: str) -> None:
    intervals = grown_problem([[[1, 3], [2, 6], [8, 10]]], [[[1, 4], [4, 5]]])
    (rows,) = generate(intervals, way, 200)
    assert len(rows) > 5 and all(start <= end for start, end in rows)
    tree = grown_problem([4, [[0, 1], [1, 2], [1, 3]]], [2, [[1, 0]]])
    count, edges = generate(tree, way, 200)
    assert count == len(edges) + 1 and set(itertools.chain(*edges)) == set(range(count))
    graph = grown_problem([4, [[0, 1], [1, 2], [0, 2]]], [3, [[1, 0]]])
    count, edges = generate(graph, way, 200)
    assert len(edges) > 20 and all(0 <= node < count for edge in edges for node in edge)


@every_way
def test_permutations_parents_and_places_stay_such(way: str) -> None:
    permutation = grown_problem([[2, 0, 1]], [[0, 1]])
    assert sorted(generate(permutation, way, 100)[0]) == list(range(100))
    parents = grown_problem([[-1, 0, 0, 1]], [[-1, 0]])
    (items,) = generate(parents, way, 100)
    assert items[0] == -1 and all(0 <= up < place for place, up in enumerate(items[1:], 1))


@every_way
def test_neighbours_of_a_graph_are_its_nodes(way: str) -> None:
    problem = grown_problem([[[1, 2], [0], [1, 3, 0], []]], [[[2], [], [0, 1]]])
    for size in (9, 64, 400):
        (graph,) = generate(problem, way, size)
        assert all(0 <= node < len(graph) for row in graph for node in row)


def test_lone_numbers_grow_to_primes_first_and_differ_by_seed() -> None:
    problem = grown_problem([35], [4])
    small, large = (generate(problem, "cycle", size)[0] for size in (64, 4096))
    assert large > 10 * small
    assert all(small % divisor for divisor in range(2, small))
    assert len({generate(problem, "scalars", 4096, seed)[0] for seed in range(8)}) > 3


@every_way
def test_stated_bounds_hold(way: str) -> None:
    statement = "Constraints:\n\n1 <= nums.length <= 105\n-3 <= nums[i] <= 20\n1 <= k <= 50\n"
    short = statement.replace("105", "100")
    problem = grown_problem([[1, 20, -3], 2], [[2], 7], statement=short, parameters="nums k")
    items, k = generate(problem, way, 5000)
    assert len(items) == 100 and min(items) >= -3 and max(items) <= 20 and 1 <= k <= 50
    lone = grown_problem([3], statement="Constraints:\n1 <= n <= 45", parameters="n")
    assert 1 <= generate(lone, way, 1 << 20)[0] <= 45


@every_way
def test_flags_stay_flags_and_records_keep_their_range(way: str) -> None:
    (items,) = generate(grown_problem([[1, 0, 1, 1]], [[0]]), way, 100)
    assert set(items) == {0, 1}
    statement = "Constraints:\n0 <= cost[i][j] <= 90"
    costs = [[300, 5, 7], [6, 2, 90], [6, 2, 90]]
    problem = grown_problem([costs], [costs[:1]], statement=statement, parameters="cost")
    (rows,) = generate(problem, way, 100)
    assert len(rows) == 100 and {len(row) for row in rows} == {3}
    if way in ("distinct", "sorted"):
        entries = [item for row in rows for item in row]
        assert min(entries) >= 0 and max(entries) <= 90 and len(set(entries)) > 50


def test_stated_bounds_are_read_as_leetcode_writes_them() -> None:
    text = """Solve it.
    Constraints:

    n == nums.length
    2 <= n <= 3 * 104
    -231 <= nums[i] <= 231 - 1
    1 <= words[i].length, pattern.length < 50
    0 <= k <= nums.length
    x consists of digits.
    """
    found = stated_bounds(text, ["nums", "words", "pattern", "k", "x"])
    assert found == [
        Stated(name="nums", depth=1, is_length=False, low=-(2**31), high=2**31 - 1),
        Stated(name="words", depth=1, is_length=True, low=1, high=49),
        Stated(name="pattern", depth=0, is_length=True, low=1, high=49),
        Stated(name="k", depth=0, is_length=False, low=0, high=None),
        Stated(name="nums", depth=0, is_length=True, low=0, high=None),
        Stated(name="nums", depth=0, is_length=True, low=2, high=30000),
    ]
    (bound,) = stated_bounds("Constraints: \n`105 <= n <= 10^5`", ["n"])
    assert (bound.low, bound.high) == (105, 10**5)
    (bound,) = stated_bounds("Constraints:\n1 <= s.length <= 2 * 10<sup>4</sup>\n", ["s"])
    assert (bound.low, bound.high) == (1, 20000)


def test_own_generators_and_long_tests_are_left_as_they_are() -> None:
    assert with_growth(FUNCTION_PROBLEM).growth == ""
    assert grown_problem([list(range(5000))]).growth == ""
    assert grown_problem([]).growth == ""


TASK = {
    "task_id": "Mbpp/0",
    "prompt": '"""Join them."""',
    "entry_point": "join",
    "canonical_solution": "def join(items, pair, n):\n    return items + [pair] * n\n",
    "contract": "\n  assert isinstance(items, list)\n  assert isinstance(pair, tuple)\n"
    "  assert all(isinstance(item, tuple) for item in items)\n  assert n > 0\n",
    "base_input": [[[[1, 2]], [3, 4], 2]],
    "plus_input": [[[], [3, 4], 1]],
    "atol": 0,
}


@every_way
def test_contract_holds_and_tuples_stay_tuples(way: str) -> None:
    problem = mbpp_problem(TASK)
    items, pair, n = generate(problem, way, 256)
    assert n > 0 and isinstance(pair, tuple) and all(isinstance(item, tuple) for item in items)
    never = mbpp_problem({**TASK, "contract": f"{TASK['contract']}  assert n > 10**9\n"})
    with pytest.raises(ValueError, match="no input of this size is allowed: AssertionError"):
        generate(never, way, 64)


def test_rows_of_mbpp_are_training_problems_and_those_of_humaneval_never(tmp_path: Path) -> None:
    problem = mbpp_problem(TASK)
    assert (problem.split, problem.statement) == ("train", "Join them.")
    assert [test.expected_text for test in problem.tests] == ["", ""]
    assert [known.code for known in problem.solutions] == [problem.reference]
    path = tmp_path / "rows.jsonl"
    for row in ({**TASK, "task_id": "HumanEval/1"}, {**TASK, "pe_input": []}):
        path.write_text(json.dumps(row))
        with pytest.raises(ValueError, match=r"rows\.jsonl:1: .* nothing may be trained on"):
            load_problems([str(path)])


def test_every_task_of_mbpp_is_read(real_data: Path) -> None:
    path = real_data / "mbpp_plus" / "MbppPlus.jsonl.gz"
    problems = load_problems([str(path)])
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        assert len(problems) == sum(1 for _ in lines)
    assert sum(bool(problem.growth) for problem in problems) > 0.95 * len(problems)


CAPPED = 24


def capped(request: RunRequest) -> RunReport:
    """A generator whose inputs are [seed + CAPPED] at most."""
    calls = [json.loads(text) for text in request.input_texts]
    made = [[min(size, CAPPED + seed)] for size, seed in calls]
    return make_report(answer_texts=tuple(map(json.dumps, made)), cpu_time_ns=1)


def finder_of(ways: dict[str, Any], **programs: Any) -> InputFinder:
    """Over scripted ways; the others fail."""
    problem = grown_problem([3])
    script = make_script(**programs)
    for way, code in zip(WAYS, growth_generators(problem.growth), strict=True):
        broken: Any = lambda request: make_report(Outcome.RUNTIME_ERROR)  # noqa: E731
        script.programs[code] = ways.get(way, broken)
    return InputFinder(make_judge(script, problem), problem, "base", CONFIG, seed=5)


def wrong_from(size: int) -> Any:
    return linear(12, lambda n: 2 * n if n < size else -1)


def test_grown_input_on_which_programs_disagree_gives_way_to_another() -> None:
    """Nobody is refused by it."""

    def odd(request: RunRequest) -> RunReport:
        ((size, _),) = (json.loads(text) for text in request.input_texts)
        return make_report(answer_texts=(json.dumps([size + 1]),), cpu_time_ns=1)

    def wrong_on_odd(n: int) -> int:
        return 2 * n if n % 2 == 0 else -1

    finder = finder_of(
        {"cycle": odd, "distinct": sized}, a=linear(10), b=linear(30, wrong_on_odd),
        c=linear(20, wrong_on_odd),
    )  # fmt: skip
    found = finder.find(named("a", "b", "c"))
    assert found is not None and found.generator == WAYS.index("distinct")
    assert finder.refused == {}


def test_program_that_is_wrong_on_all_large_inputs_is_not_timed_and_the_others_are() -> None:
    finder = finder_of({"cycle": sized}, a=linear(10), b=linear(30), late=wrong_from(1000))
    found = finder.find(named("a", "b", "late"))
    assert found is not None and decode(found.tests[0].input_text)[0] * 10 >= 1e6
    assert {key: v.outcome for key, v in finder.refused.items()} == {"late": Outcome.WRONG_ANSWER}
    assert finder.refused["late"].input_digest
    assert not finder.faults, "a way to grow that does not fit is no fault of the problem"


def test_size_is_halved_towards_the_last_that_could_be_timed() -> None:
    finder = finder_of({"cycle": sized}, base=_powers, a=_powers)
    found = finder.find(named("a"), least_left=0)
    assert found is not None
    assert 11 <= max(decode(test.input_text)[0] for test in found.tests) <= 18


def _powers(request: RunRequest) -> RunReport:
    """Takes 62 * 2**n ns: 1 ms at 14, more than may be at 19."""
    values = [decode(text)[0] for text in request.input_texts]
    cpu_time_ns = sum(62 << min(value, 60) for value in values)
    if cpu_time_ns > request.cpu_limit_s * 1e9:
        return make_report(Outcome.TIME_LIMIT)
    return make_report(
        answer_texts=tuple(str(2 * value) for value in values), cpu_time_ns=cpu_time_ns
    )


def test_several_inputs_are_timed_together_where_they_cannot_be_larger() -> None:
    finder = finder_of({"cycle": capped}, a=linear(1000), b=linear(2000))
    found = finder.find(named("a", "b"))
    assert found is not None
    values = [decode(test.input_text)[0] for test in found.tests]
    assert len(values) == len(set(values)) > 10 and min(values) > FIRST_GROWN_SIZE
    assert sum(values) * 1000 >= 1e6
    assert [test.expected_text for test in found.tests] == [str(2 * value) for value in values]


def test_without_an_input_that_can_be_grown_the_tests_are_what_programs_are_timed_on() -> None:
    finder = finder_of({}, a=linear(10), b=linear(20))
    found = finder.find(named("a", "b"))
    assert found is not None and found.generator is None
    assert [decode(test.input_text) for test in found.tests] == [[3]]
