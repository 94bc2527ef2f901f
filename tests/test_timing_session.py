"""Timing rules, with a scripted `run` in place of a sandbox: times are exact there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from scripted_runs import (
    Program,
    fails,
    linear,
    make_finder,
    make_script,
    make_timer,
    named,
)

from skeldpo.measure.inputs import TimingInput
from skeldpo.measure.session import (
    CROSSCHECK_ROUNDS,
    EXTRA_ROUNDS,
    BaselineFailure,
    SessionTimes,
)
from skeldpo.measure.verdict import SandboxFailure
from skeldpo.records import Example, Outcome
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.timing import compare

INPUT = TimingInput(tests=(Example(input_text="[1000]", expected_text="2000"),), digest="i")


def test_screen_gives_aligned_rounds_of_programs_and_baseline() -> None:
    script = make_script(fast=linear(100), slow=linear(300))
    timer = make_timer(script)
    times = timer.screen(named("fast", "slow"), INPUT, 3)
    assert times.baseline_ns == dict.fromkeys(("fast", "slow"), (10_000,) * 3)
    assert times.cpu_times_ns == {"fast": (100_000,) * 3, "slow": (300_000,) * 3}
    assert times.input_digest == "i"
    rounds = [script.codes()[i : i + 3] for i in range(0, 9, 3)]
    assert all(sorted(names) == ["base", "fast", "slow"] for names in rounds)
    confirmed = timer.confirm(named("fast", "slow"), INPUT)
    assert confirmed.session_id != times.session_id
    again = make_timer(script).screen(named("fast", "slow"), INPUT, 3)
    assert again == times


def test_screen_shuffles_the_order_by_the_seed() -> None:
    names = [f"p{i}" for i in range(6)]
    script = make_script(**{name: linear(100) for name in names})
    make_timer(script).screen(named(*names), INPUT, 2)
    first, second = script.codes()[:7], script.codes()[7:]
    assert sorted(first) == sorted(second) == ["base", *names]
    assert first != second


def _disturbed_in(rounds: Sequence[int]) -> Program:
    """A program that waits for its core in the rounds of these numbers (from 0)."""
    count = iter(range(100))

    def run(request: RunRequest) -> RunReport:
        index = next(count)
        return replace(linear(100 + index)(request), run_delay_ns=10**6 * (index in rounds))

    return run


def _confirmed(**programs: Program) -> tuple[SessionTimes, list[str]]:
    """A confirming session of these programs, and what was run in it."""
    script = make_script(**programs)
    names = [name for name in programs if name != "base"]
    return make_timer(script).confirm(named(*names), INPUT), script.codes()


def test_confirm_drops_the_warm_up_and_ends_at_eight_rounds_that_show_a_difference() -> None:
    times, codes = _confirmed(fast=_disturbed_in([]), slow=linear(300))
    assert times.cpu_times_ns["fast"] == tuple(range(101_000, 109_000, 1000))
    assert codes.count("fast") == codes.count("slow") == codes.count("base") == 9


def test_confirm_repeats_rounds_that_were_disturbed() -> None:
    times, codes = _confirmed(fast=_disturbed_in([2, 4]), slow=linear(300))
    kept = [n for n in range(1, 11) if n not in (2, 4)]
    assert times.cpu_times_ns["fast"] == tuple(1000 * (100 + n) for n in kept)
    assert len(times.baseline_ns["fast"]) == 8
    assert codes.count("fast") == 11


def test_a_session_comes_to_its_rounds_where_most_are_disturbed() -> None:
    quiet = range(1, 25, 3)
    times, _ = _confirmed(
        fast=_disturbed_in([n for n in range(100) if n not in quiet]), slow=linear(300)
    )
    assert times.cpu_times_ns["fast"] == tuple(1000 * (100 + n) for n in quiet)


def test_confirm_gives_up_and_returns_fewer_rounds() -> None:
    times, codes = _confirmed(fast=_disturbed_in(range(2, 100)), slow=linear(300))
    assert times.cpu_times_ns["fast"] == (101_000,)
    assert codes.count("fast") == 1 + 1 + EXTRA_ROUNDS + 1
    none, _ = _confirmed(fast=_disturbed_in(range(100)), slow=linear(300))
    assert none.baseline_ns == none.cpu_times_ns == {"fast": (), "slow": ()}


def test_confirm_keeps_rounds_in_which_the_core_was_slow() -> None:
    speeds = iter([1, 1, 1, 9, *[1] * 60])
    speed = [1]

    def baseline(request: RunRequest) -> RunReport:
        speed[0] = next(speeds)
        return linear(10 * speed[0])(request)

    times, _ = _confirmed(
        fast=lambda request: linear(100 * speed[0])(request),
        slow=lambda request: linear(150 * speed[0])(request),
        base=baseline,
    )
    assert 90_000 in times.baseline_ns["fast"]
    shown = compare(times.cpu_times_ns["fast"], times.cpu_times_ns["slow"])
    assert shown.speedup == pytest.approx(1.5, rel=0.01)


def test_confirm_of_equal_programs_ends_at_the_first_look() -> None:
    times, codes = _confirmed(one=linear(100), two=linear(100))
    assert len(times.cpu_times_ns["one"]) == 8
    assert codes.count("one") == 1 + 8


def test_confirm_goes_on_while_looks_are_in_doubt() -> None:
    """One slow run of the fast program takes the largest rank: W = 28 of 36 after 8 rounds, 66 of
    78 after 12 (71 are needed), 190 of 210 after 20 (173)."""

    def rounds_of(fast_ns: Sequence[int], slow: int) -> int:
        outliers = iter([100, *fast_ns, *[100] * 20])
        times, _ = _confirmed(
            fast=lambda request: linear(next(outliers))(request), slow=linear(slow)
        )
        return len(times.cpu_times_ns["fast"])

    assert rounds_of([300], 150) == 20
    assert rounds_of([145], 150) == 12, "lost by 1.5 %, the smallest rank"
    assert rounds_of([300, 300], 150) == 20
    assert rounds_of([300] * 3, 150) < 20, "57 ranks lost, 37 may be"
    assert rounds_of([], 108) == 8, "shown at once, if less than is asked of a pair"


def test_screen_program_that_fails_in_the_session_is_refused_and_not_run_again() -> None:
    script = make_script(fast=linear(100), slow=linear(100_000))
    timer = make_timer(script)
    times = timer.screen(named("fast", "slow"), INPUT, 3)
    assert set(times.cpu_times_ns) == {"fast"}
    assert timer.refused["slow"].outcome is Outcome.TIME_LIMIT
    assert script.codes().count("slow") == 1
    assert script.codes().count("fast") == 3


def test_screen_baseline_that_fails_is_a_sandbox_failure() -> None:
    script = make_script(base=fails(Outcome.TIME_LIMIT), fast=linear(100))
    with pytest.raises(SandboxFailure, match="the baseline program failed: .*it failed"):
        make_timer(script).screen(named("fast"), INPUT, 1)


def test_screen_sandbox_failure_is_raised_not_blamed_on_the_program() -> None:
    script = make_script(fast=fails(Outcome.SANDBOX_FAILED))
    timer = make_timer(script)
    with pytest.raises(SandboxFailure):
        timer.screen(named("fast"), INPUT, 1)
    assert timer.refused == {}


def test_crosscheck_times_rounds_of_its_own_in_which_a_stop_counts_with_the_limit() -> None:
    script = make_script(fast=linear(100), stuck=linear(100_000), wrong=linear(100, lambda n: 0))
    timer = make_timer(script)
    times = timer.crosscheck(named("fast", "stuck", "wrong"), INPUT)
    assert times is not None
    assert times.cpu_times_ns == {
        "fast": (100_000,) * CROSSCHECK_ROUNDS,
        "stuck": (60_000_000,) * CROSSCHECK_ROUNDS,
    }
    assert times.baseline_ns["fast"] == (10_000,) * CROSSCHECK_ROUNDS
    assert set(timer.refused) == {"wrong"}
    screened = make_timer(script).screen(named("fast"), INPUT, CROSSCHECK_ROUNDS)
    assert screened.session_id != times.session_id


def test_crosscheck_on_which_the_baseline_fails_is_not_made() -> None:
    """It says nothing of the programs, and nothing for them either."""
    timer = make_timer(make_script(base=fails(Outcome.RUNTIME_ERROR), fast=linear(100)))
    with pytest.raises(BaselineFailure):
        timer.crosscheck(named("fast"), INPUT)
    assert timer.refused == {}


def test_program_of_which_no_time_was_taken_is_left_out_alone() -> None:
    """Accepted in 0 ns: the clock failed, which says nothing of the program or the others."""
    reports = iter([100, 0])
    script = make_script(
        fast=linear(100), odd=lambda request: linear(next(reports, 100))(request), slow=linear(300)
    )
    timer = make_timer(script)
    times = timer.screen(named("fast", "odd", "slow"), INPUT, 3)
    assert set(times.cpu_times_ns) == {"fast", "slow"}
    assert {key: (v.outcome, v.input_digest) for key, v in timer.refused.items()} == {
        "odd": (Outcome.SANDBOX_FAILED, "i")
    }
    with pytest.raises(SandboxFailure, match="0 ns"):
        make_timer(make_script(base=linear(0), fast=linear(100))).screen(named("fast"), INPUT, 1)


def test_garbage_on_large_inputs_is_refused() -> None:
    """Hostile program 33: right on the small tests, quick and wrong where it is timed."""

    def garbage(request: RunRequest) -> RunReport:
        is_test = len(request.input_texts) > 1
        return linear(100 if is_test else 1, lambda n: 2 * n if n < 100 else 0)(request)

    script = make_script(fast=linear(100), slow=linear(300), cheat=garbage)
    finder = make_finder(script)
    found = finder.find(named("fast", "slow", "cheat"))
    assert found is not None
    timer = make_timer(script, refused=finder.refused)
    times = timer.screen(named("fast", "slow", "cheat"), found, 3)
    assert finder.refused["cheat"].outcome is Outcome.WRONG_ANSWER
    assert set(times.cpu_times_ns) == {"fast", "slow"}
