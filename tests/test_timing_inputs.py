"""Inputs on which programs are timed, with a scripted `run` in place of a sandbox."""

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
    input_size,
    linear,
    make_finder,
    make_judge,
    make_report,
    make_script,
    named,
)

from skeldpo.measure.inputs import FIRST_SIZE, MAX_SIZE, TimingInput, generated_tests
from skeldpo.measure.verdict import ProblemFault
from skeldpo.records import Example, Outcome
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.timing import STARTING_NS


def test_find_grows_until_the_fastest_is_worth_timing() -> None:
    script = make_script(fast=linear(100), slow=linear(150))
    found = make_finder(script).find(named("fast", "slow"))
    assert 1e6 / 100 <= input_size(found) <= 4 * 1e6 / 100
    assert found is not None
    assert found.tests[0].expected_text == str(2 * input_size(found))
    sizes = [json.loads(r.input_texts[0])[0] for r in script.requests if r.code == "gen"]
    assert sizes[:2] == [FIRST_SIZE] * 2, "asked twice whether it depends on the seed alone"
    assert sizes[1:] == sorted(set(sizes))
    assert {json.loads(r.input_texts[0])[1] for r in script.requests if r.code == "gen"} == {5}


def test_find_stops_before_the_slowest_takes_too_long() -> None:
    # 6.4 and 12.8 ms; again twice the size might take 12.8 + 4 * 6.4 ms, over the limit of 20 ms.
    script = make_script(fast=linear(1), slow=linear(100_000))
    assert input_size(make_finder(script).find(named("fast", "slow"))) == 2 * FIRST_SIZE
    assert script.codes().count("slow") == 2


def _constant(ms: float, ns_per_unit: int = 1) -> Program:
    """A program that takes `ms` before it looks at its input."""

    def run(request: RunRequest) -> RunReport:
        report = linear(ns_per_unit)(request)
        cpu_time_ns = report.cpu_time_ns + round(ms * 1e6)
        if cpu_time_ns > request.cpu_limit_s * 1e9:
            return make_report(Outcome.TIME_LIMIT)
        return replace(report, cpu_time_ns=cpu_time_ns)

    return run


@pytest.mark.parametrize("ms", [3, 18.5])
def test_find_a_constant_cost_does_not_end_the_search(ms: float) -> None:
    """Of a limit of 20 ms: what does not grow with the input leaves room for what does."""
    script = make_script(fast=linear(10), slow=linear(20), heavy=_constant(ms))
    finder = make_finder(script)
    assert input_size(finder.find(named("fast", "slow", "heavy"))) >= 25_000
    assert finder.refused == {}


@pytest.mark.parametrize("first", [21, 0.01])
def test_find_sets_aside_a_program_that_would_stop_the_search_for_the_others(
    first: float,
) -> None:
    """It is stopped on the first input, or where the one before was not worth timing."""

    def heavy(request: RunRequest) -> RunReport:
        is_first = json.loads(request.input_texts[0])[0] <= FIRST_SIZE
        return _constant(first if is_first else 21)(request)

    script = make_script(fast=linear(10), slow=linear(20), heavy=heavy)
    finder = make_finder(script)
    found = finder.find(named("fast", "slow", "heavy"))
    assert 1e6 / 10 <= input_size(found) <= 4 * 1e6 / 10
    assert {key: v.outcome for key, v in finder.refused.items()} == {"heavy": Outcome.TIME_LIMIT}
    assert finder.refused["heavy"].input_digest


def test_find_sets_nothing_aside_where_too_few_would_be_left() -> None:
    script = make_script(fast=linear(10), slow=linear(100_000_000), heavy=_constant(21))
    finder = make_finder(script)
    assert input_size(finder.find(named("fast", "slow", "heavy"))) == FIRST_SIZE
    assert finder.refused == {}
    assert input_size(finder.find(named("fast", "slow", "heavy"), least_left=1)) >= 1e5
    assert set(finder.refused) == {"slow", "heavy"}


@pytest.mark.parametrize(("max_size", "sizes"), [(300, [64, 256, 300]), (20, [20])])
def test_find_never_asks_for_more_than_the_statement_allows(
    max_size: int, sizes: list[int]
) -> None:
    script = make_script(fast=linear(10), slow=linear(20))
    finder = make_finder(script, replace(PROBLEM, max_size=max_size))
    assert input_size(finder.find(named("fast", "slow"))) == max_size
    asked = [json.loads(r.input_texts[0])[0] for r in script.requests if r.code == "gen"]
    assert asked == [sizes[0], *sizes]


def test_find_leaves_out_an_input_that_the_checker_cannot_judge() -> None:
    def checker(request: RunRequest) -> RunReport:
        (n,), answer, expected = json.loads(request.input_texts[0])
        if n > 1000:
            return make_report(Outcome.TIME_LIMIT)
        return make_report(answer_texts=(json.dumps(answer == expected),))

    script = make_script(fast=linear(10), slow=linear(20), checker=checker)
    finder = make_finder(script, replace(PROBLEM, checker="checker"))
    assert input_size(finder.find(named("fast", "slow"))) <= 1000
    assert finder.refused == {}
    assert finder.faults == ["its checker fails on an input of generator 0"]


@pytest.mark.parametrize("reference", ["base", ""])
def test_find_violation_is_refused_however_many_there_are(reference: str) -> None:
    script = make_script(fast=linear(10), a=fails(Outcome.VIOLATION), b=fails(Outcome.VIOLATION))
    finder = make_finder(script, replace(PROBLEM, reference=reference))
    assert input_size(finder.find(named("fast", "a", "b"))) >= 1e5
    assert set(finder.refused) == {"a", "b"}


def test_find_takes_no_input_that_the_baseline_is_too_slow_to_be_timed_on() -> None:
    """A session stops it at 60 ms, though a problem's own limit is 2 s."""
    script = make_script(base=linear(2_000_000), fast=linear(10), slow=linear(20))
    found = make_finder(script).find(named("fast", "slow"))
    assert found is not None and found.tests == TESTS


def test_generated_tests_are_the_first_inputs_with_the_answers_of_the_reference() -> None:
    seeded = lambda r: make_report(answer_texts=(f"[{json.loads(r.input_texts[0])[1]}]",))  # noqa: E731
    script = make_script(seeded=seeded, broken=fails(Outcome.RUNTIME_ERROR))
    problem = replace(PROBLEM, tests=(), generators=("broken", "gen", "seeded"))
    made = generated_tests(make_judge(script, problem), problem, 1.0, seed=7)
    assert [(test.input_text, test.expected_text) for test in made] == [
        ("[64]", "128"), ("[7]", "14"), ("[8]", "16"), ("[9]", "18"), ("[10]", "20")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gen": fails(Outcome.RUNTIME_ERROR)}, "no input"),
        ({"base": fails(Outcome.MEMORY_LIMIT)}, "MEMORY_LIMIT Traceback: it failed"),
    ],
)
def test_generated_tests_none_is_a_fault_of_the_problem(
    changes: dict[str, Program], why: str
) -> None:
    problem = replace(PROBLEM, tests=())
    with pytest.raises(ProblemFault, match=f"no generator gives an input .*: {why}"):
        generated_tests(make_judge(make_script(**changes), problem), problem, 1.0, seed=7)


def test_find_keeps_the_last_size_on_which_every_program_ended() -> None:
    def explodes(request: RunRequest) -> RunReport:
        is_small = json.loads(request.input_texts[0])[0] <= FIRST_SIZE
        return linear(100)(request) if is_small else make_report(Outcome.TIME_LIMIT)

    finder = make_finder(make_script(fast=linear(1), slow=explodes))
    assert input_size(finder.find(named("fast", "slow"))) == FIRST_SIZE
    assert finder.refused == {}


def test_find_stops_where_the_input_grows_no_more() -> None:
    script = make_script(
        fast=linear(1),
        gen=lambda request: make_report(answer_texts=("[100]",)),
    )
    assert input_size(make_finder(script).find(named("fast"))) == 100
    assert script.codes().count("gen") == 3


def test_find_takes_the_longest_tests_of_a_stdio_problem() -> None:
    tests = tuple(Example(input_text="1" * (n % 40), expected_text=str(n)) for n in range(80))
    problem = replace(STDIO_PROBLEM, tests=tests, generators=(), reference="")
    found = make_finder(make_script(), problem).find({})
    assert found is not None
    assert [len(test.input_text) for test in found.tests] == [*range(32, 40)] * 2


def test_find_names_generators_that_cannot_be_used() -> None:
    sizes = iter(range(100, 200))
    random_size = lambda request: make_report(answer_texts=(f"[{next(sizes)}]",))  # noqa: E731
    script = make_script(fast=linear(100), random=random_size, broken=fails(Outcome.TIME_LIMIT))
    finder = make_finder(script, replace(PROBLEM, generators=("broken", "random", "gen")))
    assert finder.find(named("fast")) is not None
    assert finder.faults == [
        "input generator 0 fails, or gives no input",
        "input generator 1 differs for the same seed",
    ]


def test_find_never_asks_for_more_than_the_largest_size() -> None:
    script = make_script(base=linear(0), free=lambda r: replace(linear(0)(r), cpu_time_ns=1))
    assert input_size(make_finder(script).find(named("free"))) <= MAX_SIZE


def test_find_takes_the_generator_that_keeps_programs_busy() -> None:
    constant = lambda request: make_report(answer_texts=("[2]",))  # noqa: E731
    script = make_script(fast=linear(100), small=constant)
    for generators in (("small", "gen"), ("gen", "small")):
        problem = replace(PROBLEM, generators=generators)
        assert input_size(make_finder(script, problem).find(named("fast"))) >= 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {"gen": fails(Outcome.RUNTIME_ERROR)},
        {"base": fails(Outcome.MEMORY_LIMIT)},
        {"gen": lambda request: make_report(answer_texts=("3",))},
    ],
)
def test_find_without_a_usable_generated_input_takes_all_tests(
    changes: dict[str, Program],
) -> None:
    script = make_script(**{"fast": linear(100), **changes})
    found = make_finder(script).find(named("fast"))
    assert found is not None and found.tests == TESTS
    bare = replace(PROBLEM, tests=())
    assert make_finder(script, bare).find(named("fast")) is None


def test_find_refuses_programs_that_are_wrong_where_a_reference_is_trusted() -> None:
    script = make_script(fast=linear(100), bad=linear(100, lambda n: 2 * n if n < 64 else 0))
    finder = make_finder(script)
    assert input_size(finder.find(named("fast", "bad"))) >= 10_000
    assert {key: verdict.outcome for key, verdict in finder.refused.items()} == {
        "bad": Outcome.WRONG_ANSWER
    }
    assert script.codes().count("bad") == 1


def test_find_input_on_which_programs_disagree_is_dropped_without_a_reference() -> None:
    script = make_script(fast=linear(100), bad=linear(100, lambda n: 2 * n if n < 64 else 0))
    finder = make_finder(script, replace(PROBLEM, reference=""))
    found = finder.find(named("fast", "bad"))
    assert found is not None and found.tests == TESTS
    assert finder.refused == {}


def test_find_keeps_the_last_size_on_which_programs_agreed() -> None:
    script = make_script(fast=linear(100), bad=linear(100, lambda n: 2 * n if n < 500 else 0))
    finder = make_finder(script, replace(PROBLEM, reference=""))
    assert FIRST_SIZE <= input_size(finder.find(named("fast", "bad"))) < 500
    assert finder.refused == {}


@pytest.mark.parametrize("num_agreeing", [9, 4])
def test_find_few_disagreeing_programs_are_refused_even_without_a_reference(
    num_agreeing: int,
) -> None:
    """Four of five are 80 %, which is enough."""
    names = [f"p{i}" for i in range(num_agreeing)]
    programs = {name: linear(100) for name in names}
    script = make_script(**programs, bad=linear(100, lambda n: 2 * n if n < 64 else 0))
    finder = make_finder(script, replace(PROBLEM, reference=""))
    assert input_size(finder.find(named(*names, "bad"))) >= 10_000
    assert set(finder.refused) == {"bad"}


def makes(size: int) -> Program:
    """A generator whose input is always of this size."""
    return lambda request: make_report(answer_texts=(f"[{size}]",))


def test_others_are_inputs_of_the_other_generators() -> None:
    """Of "gen" programs take 20 ms at a size of 10,000; a cross-check needs a fifth of that."""
    script = make_script(fast=linear(2000), slow=linear(3000), odd=makes(9), same=makes(70_000))
    problem = replace(PROBLEM, generators=("odd", "same", "gen"))
    finder = make_finder(script, problem, CONFIG.model_copy(update={"min_cpu_time_ms": 20.0}))
    found = finder.find(named("fast", "slow"))
    assert found is not None and (found.generator, input_size(found)) == (1, 70_000)
    others = list(finder.others(named("fast", "slow"), found))
    assert [other.generator for other in others] == [0, 2]
    assert input_size(others[0]) == 9
    assert 2000 <= input_size(others[1]) <= 8000
    assert others[1].tests[0].expected_text == str(2 * input_size(others[1]))


def test_others_take_so_long_that_a_reversed_order_shows() -> None:
    """A fifth of 6 ms would be 1.2, where 1.9 against 1.2 is what starting may take. With less to
    reach, no cross-check takes more than that."""
    script = make_script(fast=linear(100), slow=linear(150), large=makes(150_000))
    for min_cpu_time_ms, least_ns in ((6.0, 5 * STARTING_NS), (1.0, 1_000_000)):
        config = CONFIG.model_copy(update={"min_cpu_time_ms": min_cpu_time_ms})
        problem = replace(PROBLEM, generators=("large", "gen"))
        finder = make_finder(script, problem, config)
        found = finder.find(named("fast", "slow"))
        assert found is not None and found.generator == 0
        (other,) = finder.others(named("fast", "slow"), found)
        assert least_ns <= 100 * input_size(other) <= 2.5 * least_ns


def test_others_may_be_as_slow_as_the_first_input() -> None:
    """A generator that ignores the size makes programs work as long as it likes: 140 and 364 ms
    here, where 80 ms are the most that an input is grown to for a cross-check."""
    script = make_script(fast=linear(2000), slow=linear(5200), large=makes(70_000))
    config = CONFIG.model_copy(update={"min_cpu_time_ms": 20.0})
    finder = make_finder(script, replace(PROBLEM, generators=("gen", "large")), config)
    found = finder.find(named("fast", "slow"))
    assert found is not None and found.generator == 0
    (other,) = finder.others(named("fast", "slow"), found)
    assert input_size(other) == 70_000


@pytest.mark.parametrize(("crosscheck_inputs", "expected"), [(0, []), (1, [1]), (2, [1, 2])])
def test_others_are_no_more_than_asked_for(crosscheck_inputs: int, expected: list[int]) -> None:
    script = make_script(fast=linear(100), **{f"g{n}": makes(20_000 + n) for n in range(4)})
    problem = replace(PROBLEM, generators=tuple(f"g{n}" for n in range(4)))
    config = CONFIG.model_copy(update={"crosscheck_inputs": crosscheck_inputs})
    finder = make_finder(script, problem, config)
    found = finder.find(named("fast"))
    assert found is not None
    assert [other.generator for other in finder.others(named("fast"), found)] == expected


def test_others_leave_out_what_cannot_be_timed_and_say_so_once() -> None:
    """A generator that fails, one with the same input, one on which the baseline is stopped."""

    def base(request: RunRequest) -> RunReport:
        is_fixed = json.loads(request.input_texts[0]) == [77]
        return fails(Outcome.TIME_LIMIT)(request) if is_fixed else linear(10)(request)

    script = make_script(
        base=base, fast=linear(100), broken=fails(Outcome.RUNTIME_ERROR),
        big=makes(20_000), stuck=makes(77),
    )  # fmt: skip
    problem = replace(PROBLEM, generators=("broken", "big", "big", "stuck"))
    finder = make_finder(script, problem)
    found = finder.find(named("fast"))
    assert found is not None and found.generator == 1
    assert list(finder.others(named("fast"), found)) == []
    assert finder.faults == ["input generator 0 fails, or gives no input"]


def test_others_refuse_programs_that_are_wrong_there() -> None:
    script = make_script(
        fast=linear(100), bad=linear(100, lambda n: 0 if n == 9 else 2 * n), odd=makes(9)
    )
    finder = make_finder(script, replace(PROBLEM, generators=("gen", "odd")))
    found = finder.find(named("fast", "bad"))
    assert found is not None and finder.refused == {}
    assert len(list(finder.others(named("fast", "bad"), found))) == 1
    assert {key: verdict.outcome for key, verdict in finder.refused.items()} == {
        "bad": Outcome.WRONG_ANSWER
    }


def test_others_of_fixed_tests_are_none() -> None:
    tests = TimingInput(tests=(Example(input_text="[1]", expected_text="2"),), digest="t")
    assert list(make_finder(make_script(fast=linear(100))).others(named("fast"), tests)) == []
