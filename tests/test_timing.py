"""The decision rule and its statistics, against hand counts and their symmetries."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.timing import (
    Comparison,
    compare,
    estimate_ns,
    hodges_lehmann,
    hodges_lehmann_ratio,
    is_faster,
    is_noisy,
    is_settled,
    mann_whitney_p_value,
    valid_rounds,
)

times = st.lists(st.integers(min_value=1, max_value=10**12), min_size=1, max_size=12)
seven_times = st.lists(st.integers(min_value=10**6, max_value=10**9), min_size=7, max_size=7)


def accepted(fast, slow, *, min_speedup=1.2, max_p_value=0.005):
    return is_faster(compare(fast, slow), min_speedup=min_speedup, max_p_value=max_p_value)


@pytest.mark.parametrize(("num_runs", "threshold"), [(5, 25), (7, 45), (10, 84)])
def test_mann_whitney_thresholds_are_those_of_the_protocol(num_runs, threshold):
    assert mann_whitney_p_value(threshold, num_runs, num_runs) <= 0.005
    assert mann_whitney_p_value(threshold - 1, num_runs, num_runs) > 0.005


def test_mann_whitney_p_value_by_hand():
    # 7 + 7 runs: 1 + 1 + 2 + 3 + 5 = 12 of C(14, 7) = 3432 orderings have at least 45 wins.
    assert mann_whitney_p_value(45, 7, 7) == 12 / 3432
    assert mann_whitney_p_value(25, 5, 5) == 1 / 252
    assert mann_whitney_p_value(0, 5, 5) == 1.0


@pytest.mark.parametrize(("num_fast", "num_slow"), [(1, 1), (1, 4), (2, 3), (3, 3), (4, 3)])
def test_mann_whitney_p_value_equals_enumeration(num_fast, num_slow):
    runs = range(num_fast + num_slow)
    wins = [
        sum(slow > fast for fast in fasts for slow in set(runs) - set(fasts))
        for fasts in itertools.combinations(runs, num_fast)
    ]
    for threshold in range(num_fast * num_slow + 1):
        exact = sum(count >= threshold for count in wins) / len(wins)
        assert mann_whitney_p_value(threshold, num_fast, num_slow) == pytest.approx(exact)


def test_mann_whitney_impossible_wins_are_refused():
    with pytest.raises(ValueError, match=r"wins must be in 0\.\.49"):
        mann_whitney_p_value(50, 7, 7)


def test_hodges_lehmann_golden():
    assert hodges_lehmann([1, 2, 3, 4, 5, 100]) == 3.5
    assert hodges_lehmann([4.0]) == 4.0


@given(times)
def test_hodges_lehmann_lies_between_the_extremes(values):
    assert min(values) <= hodges_lehmann(values) <= max(values)


def test_hodges_lehmann_ratio_by_hand():
    # ratios 2/1, 4/1, 2/2, 4/2 -> 1, 2, 2, 4 -> 2; ratios 3/1, 3/2 -> sqrt(4.5)
    assert hodges_lehmann_ratio([1, 2], [2, 4]) == 2
    assert hodges_lehmann_ratio([1, 2], [3]) == pytest.approx(math.sqrt(4.5))


@given(times, times)
def test_hodges_lehmann_ratio_is_antisymmetric(first, second):
    product = hodges_lehmann_ratio(first, second) * hodges_lehmann_ratio(second, first)
    assert product == pytest.approx(1.0)


@given(seven_times, seven_times)
def test_compare_is_antisymmetric_in_its_ratios(first, second):
    forward, backward = compare(first, second), compare(second, first)
    assert forward.speedup * backward.speedup == pytest.approx(1.0)
    assert forward.min_ratio * backward.min_ratio == pytest.approx(1.0)
    assert not (accepted(first, second) and accepted(second, first))


@given(seven_times, seven_times, st.integers(min_value=-8, max_value=8))
def test_compare_does_not_depend_on_the_unit(fast, slow, exponent):
    scale = 2.0**exponent
    scaled = compare([t * scale for t in fast], [t * scale for t in slow])
    assert scaled == compare(fast, slow)


@given(seven_times, seven_times, st.randoms(use_true_random=False))
def test_compare_does_not_depend_on_the_order_of_runs(fast, slow, rng):
    assert compare(rng.sample(fast, 7), rng.sample(slow, 7)) == compare(fast, slow)


@given(times, st.floats(min_value=1.001, max_value=3), st.floats(min_value=0.001, max_value=0.05))
def test_identical_times_are_never_faster(runs, min_speedup, max_p_value):
    assert not accepted(runs, runs, min_speedup=min_speedup, max_p_value=max_p_value)


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=1, max_value=20))
def test_constant_equal_times_are_never_faster(time_ns, num_runs):
    comparison = compare([time_ns] * num_runs, [time_ns] * num_runs)
    assert comparison.p_value == 1.0
    assert not is_faster(comparison, min_speedup=1.01, max_p_value=0.49)


@given(
    st.lists(st.integers(1, 1000), min_size=3, max_size=14),
    st.lists(st.integers(1, 1000), min_size=3, max_size=14),
)
def test_bound_never_exceeds_the_speedup(fast, slow):
    comparison = compare(fast, slow)
    assert 0 < comparison.speedup_low <= comparison.speedup


@given(seven_times, seven_times)
def test_significant_difference_has_a_bound_above_the_discount(fast, slow):
    comparison = compare(fast, slow)
    if comparison.p_value <= 0.05:
        assert comparison.speedup_low > 1.05


def test_bound_is_the_order_statistic_of_the_pairwise_ratios():
    # 7 + 7 runs: P(U <= 11) = 0.049 and P(U <= 12) = 0.064, so the bound is the 12th ratio of 49.
    fast = [100, 101, 102, 103, 104, 105, 106]
    slow = [200, 204, 208, 212, 216, 220, 224]
    ratios = sorted(s / f for s in slow for f in fast)
    assert compare(fast, slow).speedup_low == ratios[11]


def test_bound_of_two_runs_a_side_does_not_exist():
    assert compare([1, 1], [5, 5]).speedup_low == 0.0


def test_bound_covers_the_true_ratio_19_times_in_20():
    rng = random.Random(7)
    covered = 0
    for _ in range(2000):
        fast = [rng.lognormvariate(0, 0.1) for _ in range(7)]
        slow = [1.3 * rng.lognormvariate(0, 0.1) for _ in range(7)]
        covered += compare(fast, slow).speedup_low <= 1.3
    assert 0.94 <= covered / 2000 <= 0.985


def test_same_program_timed_twice_is_hardly_ever_faster():
    rng = random.Random(11)

    def run():
        spike = rng.random() if rng.random() < 0.05 else 0.0
        return rng.lognormvariate(0, 0.05) * (1 + spike)

    false = sum(accepted([run() for _ in range(7)], [run() for _ in range(7)]) for _ in range(3000))
    assert false == 0


def test_twice_slower_program_is_found():
    rng = random.Random(3)
    found = sum(
        accepted(
            [rng.lognormvariate(0, 0.05) for _ in range(7)],
            [2 * rng.lognormvariate(0, 0.05) for _ in range(7)],
        )
        for _ in range(200)
    )
    assert found == 200


def test_one_outlier_of_seven_is_tolerated_and_two_are_not():
    fast = [100, 101, 102, 103, 104, 105, 106]
    # One fast run at 140 (147 discounted) is above 117 only: 48 of 49 wins, 45 are needed.
    slow = [117, 150, 151, 152, 153, 154, 155]
    assert accepted(fast, slow)
    assert accepted([*fast[:6], 140], slow)
    assert not accepted([*fast[:5], 160, 160], slow)


@pytest.mark.parametrize(
    ("change", "value"),
    [("speedup", 1.19), ("p_value", 0.006), ("hodges_lehmann", 1.09), ("min_ratio", 1.09),
     ("speedup_low", 1.0)],
)  # fmt: skip
def test_each_rule_alone_refuses(change, value):
    good = {"speedup": 1.3, "speedup_low": 1.2, "p_value": 0.001, "hodges_lehmann": 1.3}
    good["min_ratio"] = 1.25
    assert is_faster(Comparison(**good), min_speedup=1.2, max_p_value=0.005)
    changed = Comparison(**{**good, change: value})
    assert not is_faster(changed, min_speedup=1.2, max_p_value=0.005)


def test_ties_with_the_discounted_times_do_not_count_as_wins():
    fast = [100.0] * 5
    assert compare(fast, [125.0] * 5, discount=1.25).p_value == 1.0
    assert compare(fast, [125.5] * 5, discount=1.25).p_value == 1 / 252


@pytest.mark.parametrize("bad", [[], [0], [-1, 5], [math.nan], [math.inf]])
def test_impossible_times_are_refused(bad):
    with pytest.raises(ValueError, match="positive finite times"):
        compare(bad, [1, 2, 3])
    with pytest.raises(ValueError, match="positive finite times"):
        estimate_ns(bad)


def test_discount_below_one_is_refused():
    with pytest.raises(ValueError, match="discount"):
        compare([1], [2], discount=0.9)


def test_estimate_is_the_median():
    assert estimate_ns([5, 1, 100]) == 5
    assert estimate_ns([1, 2]) == 1.5


def test_noise_is_delay_beyond_a_tenth_and_the_allowance_of_each_run():
    def noisy(run_delay_ns, num_runs):
        return is_noisy(cpu_time_ns=100_000_000, run_delay_ns=run_delay_ns, num_runs=num_runs)

    assert not noisy(10_250_000, 1)
    assert noisy(10_250_001, 1)
    assert not noisy(11_000_000, 4)
    assert noisy(11_000_001, 4)


def test_valid_rounds_drops_the_spike_and_keeps_the_drift():
    assert valid_rounds([100, 100, 130, 101, 99, 100, 100]) == (0, 1, 3, 4, 5, 6)
    assert valid_rounds([100, 104, 108, 112, 116, 120, 124]) == tuple(range(7))
    assert valid_rounds([150, 100, 100, 100, 100]) == (1, 2, 3, 4)
    assert valid_rounds([]) == ()
    assert valid_rounds([7]) == (0,)


@given(seven_times)
def test_valid_rounds_of_a_mirrored_session_are_mirrored(baseline):
    mirrored = valid_rounds(baseline[::-1])
    assert valid_rounds(baseline) == tuple(sorted(6 - index for index in mirrored))


def settled(fast, slow, *, looks=(7, 10), min_ratio=1.15, max_p_value=0.005):
    return is_settled(fast, slow, looks=looks, min_ratio=min_ratio, max_p_value=max_p_value)


@given(
    st.lists(st.tuples(*[st.integers(min_value=90, max_value=140)] * 2), min_size=10, max_size=10)
)
def test_settled_sessions_show_what_ten_rounds_would_have_shown(rounds):
    """Before the first look a session is only left if the test at ten rounds fails as well."""
    fast, slow = zip(*rounds, strict=True)
    early = [n for n in range(1, 7) if settled(fast[:n], slow[:n])]
    if early:
        assert compare(fast, slow).p_value > 0.005
        assert compare(fast[:7], slow[:7]).p_value > 0.005
        assert all(settled(fast[:n], slow[:n]) for n in range(early[0], 11))


def test_settled_at_the_first_look_if_shown_or_too_near():
    assert settled([100] * 7, [150] * 7)
    assert not settled([100] * 6, [150] * 6)
    lost = [100] * 6 + [150]
    assert not settled(lost, [130] * 7), "7 of 49 comparisons lost, and medians 1.3 apart"
    assert settled(lost, [110] * 7), "7 of 49 lost, and medians 1.1 apart"
    assert not settled([100] * 7 + [150], [130] * 8), "no look between 7 and 10"
    assert settled([100] * 9 + [150], [130] * 10)


def test_settled_needs_a_round():
    assert not settled([], [])
