"""The decision rule and its statistics, against hand counts and their symmetries."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.timing import (
    Comparison,
    compare,
    estimate_ns,
    hodges_lehmann,
    is_faster,
    is_noisy,
    is_settled,
    lower_half_mean,
    signed_rank_p_value,
)

times = st.lists(st.integers(min_value=1, max_value=10**12), min_size=1, max_size=12)
eight_times = st.lists(st.integers(min_value=10**6, max_value=10**9), min_size=8, max_size=8)


def accepted(fast, slow, *, min_speedup=1.2, max_p_value=0.005):
    return is_faster(compare(fast, slow), min_speedup=min_speedup, max_p_value=max_p_value)


@pytest.mark.parametrize(("num_rounds", "threshold"), [(8, 36), (10, 52), (12, 71), (20, 173)])
def test_signed_rank_thresholds_are_those_of_the_tables(num_rounds, threshold):
    """W of Hollander, Wolfe & Chicken, table A.4, at 0.005 one-sided."""
    assert signed_rank_p_value(threshold, num_rounds) <= 0.005
    assert signed_rank_p_value(threshold - 1, num_rounds) > 0.005


def test_signed_rank_p_value_by_hand():
    # 8 rounds: all won is 1 of 256 patterns; losing only the smallest difference is the next.
    assert signed_rank_p_value(36, 8) == 1 / 256
    assert signed_rank_p_value(35, 8) == 2 / 256
    assert signed_rank_p_value(0, 8) == 1.0


@pytest.mark.parametrize("num_rounds", [1, 2, 5, 9])
def test_signed_rank_p_value_equals_enumeration(num_rounds):
    ranks = range(1, num_rounds + 1)
    sums = [
        sum(rank for rank, won in zip(ranks, pattern, strict=True) if won)
        for pattern in itertools.product((False, True), repeat=num_rounds)
    ]
    for threshold in range(max(sums) + 1):
        exact = sum(total >= threshold for total in sums) / len(sums)
        assert signed_rank_p_value(threshold, num_rounds) == pytest.approx(exact)


def test_signed_rank_impossible_ranks_are_refused():
    with pytest.raises(ValueError, match=r"won_ranks must be in 0\.\.36"):
        signed_rank_p_value(37, 8)
    with pytest.raises(ValueError, match="at least one round"):
        signed_rank_p_value(0, 0)


def test_hodges_lehmann_golden():
    assert hodges_lehmann([1, 2, 3, 4, 5, 100]) == 3.5
    assert hodges_lehmann([4.0]) == 4.0


def test_lower_half_mean_golden():
    assert lower_half_mean([9, 4, 100, 6]) == 5.0
    assert lower_half_mean([30, 10, 20]) == 15.0
    assert lower_half_mean([7]) == 7.0
    with pytest.raises(ValueError, match="lower_half_mean"):
        lower_half_mean([])


def test_repeats_that_others_disturb_move_the_lower_half_least():
    """Quiet repeats at 150 us, some of them up to 100 us longer: of 300 sessions of twelve the
    means of the lower half spread less than half as far as Hodges-Lehmann estimates do."""
    drawn = random.Random(7)

    def session() -> list[float]:
        return [
            150_000 + drawn.gauss(0, 2_000) + (drawn.random() < 0.3) * drawn.uniform(0, 100_000)
            for _ in range(12)
        ]

    sessions = [session() for _ in range(300)]
    lower = statistics.pstdev(lower_half_mean(times) for times in sessions)
    assert lower < 0.5 * statistics.pstdev(hodges_lehmann(times) for times in sessions)


@given(times)
def test_hodges_lehmann_lies_between_the_extremes(values):
    assert min(values) <= hodges_lehmann(values) <= max(values)


@given(eight_times, eight_times)
def test_compare_is_antisymmetric_in_its_ratios(first, second):
    forward, backward = compare(first, second), compare(second, first)
    assert forward.speedup * backward.speedup == pytest.approx(1.0)
    assert forward.median_ratio * backward.median_ratio == pytest.approx(1.0)
    assert not (accepted(first, second) and accepted(second, first))


@given(eight_times, eight_times, st.integers(min_value=-8, max_value=8))
def test_compare_does_not_depend_on_the_unit(fast, slow, exponent):
    scale = 2.0**exponent
    scaled = compare([t * scale for t in fast], [t * scale for t in slow])
    assert scaled == compare(fast, slow)


@given(eight_times, eight_times, st.randoms(use_true_random=False))
def test_compare_does_not_depend_on_the_order_of_rounds(fast, slow, rng):
    rounds = list(zip(fast, slow, strict=True))
    assert compare(*zip(*rng.sample(rounds, 8), strict=True)) == compare(fast, slow)


@given(
    st.lists(st.floats(min_value=0.1, max_value=10), min_size=8, max_size=8),
    eight_times,
    eight_times,
)
def test_a_core_that_changes_its_speed_between_rounds_changes_nothing(speeds, fast, slow):
    before, moved = (
        compare(fast, slow),
        compare(
            [time * speed for time, speed in zip(fast, speeds, strict=True)],
            [time * speed for time, speed in zip(slow, speeds, strict=True)],
        ),
    )
    assert moved.speedup == pytest.approx(before.speedup)
    assert moved.speedup_low == pytest.approx(before.speedup_low)


@given(times, st.floats(min_value=1.001, max_value=3), st.floats(min_value=0.001, max_value=0.05))
def test_identical_times_are_never_faster(runs, min_speedup, max_p_value):
    assert not accepted(runs, runs, min_speedup=min_speedup, max_p_value=max_p_value)


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=1, max_value=20))
def test_constant_equal_times_are_never_faster(time_ns, num_rounds):
    comparison = compare([time_ns] * num_rounds, [time_ns] * num_rounds)
    assert comparison.p_value == 1.0
    assert not is_faster(comparison, min_speedup=1.01, max_p_value=0.49)


@given(st.lists(st.tuples(*[st.integers(1, 1000)] * 2), min_size=5, max_size=14))
def test_bound_never_exceeds_the_speedup(rounds):
    comparison = compare(*zip(*rounds, strict=True))
    assert 0 < comparison.speedup_low <= comparison.speedup


@given(eight_times, eight_times)
def test_significant_difference_has_a_bound_above_the_discount(fast, slow):
    comparison = compare(fast, slow)
    if comparison.p_value <= 0.05:
        assert comparison.speedup_low >= 1.05 * (1 - 1e-12)


def test_estimate_and_bound_are_order_statistics_of_the_means_of_pairs():
    # 8 rounds: P(W <= 5) = 10/256 = 0.039 and P(W <= 6) = 14/256 = 0.055, so the bound is the 6th
    # of the 36 means of two logarithms. Ratios 2^1 ... 2^8: the 6th is (1 + 4)/2 or (2 + 3)/2, and
    # the median of all is 4.5.
    ratios = compare([1] * 8, [2**power for power in range(1, 9)])
    assert ratios.speedup_low == pytest.approx(2**2.5)
    assert ratios.speedup == pytest.approx(2**4.5)


def test_bound_of_four_rounds_does_not_exist():
    assert compare([1] * 4, [5] * 4).speedup_low == 0.0
    assert compare([1] * 5, [5] * 5).speedup_low == pytest.approx(5)


def test_bound_covers_the_true_ratio_19_times_in_20():
    rng = random.Random(7)
    covered = 0
    for _ in range(2000):
        fast = [rng.lognormvariate(0, 0.1) for _ in range(8)]
        slow = [1.3 * rng.lognormvariate(0, 0.1) for _ in range(8)]
        covered += compare(fast, slow).speedup_low <= 1.3
    assert 0.94 <= covered / 2000 <= 0.985


def _core_speeds(rng, num_rounds):
    """A core that drifts, and in one round of four is slower by half."""
    return [
        (1 + 0.02 * index) * (1.5 if rng.random() < 0.25 else 1.0) for index in range(num_rounds)
    ]


def _run(rng, speed):
    spike = rng.random() if rng.random() < 0.05 else 0.0
    return speed * rng.lognormvariate(0, 0.1) * (1 + spike)


def test_same_program_timed_twice_is_hardly_ever_faster():
    rng = random.Random(11)
    false = 0
    for _ in range(3000):
        speeds = _core_speeds(rng, 8)
        false += accepted([_run(rng, s) for s in speeds], [_run(rng, s) for s in speeds])
    assert false <= 3, "one in a thousand"


def test_twice_slower_program_is_found():
    rng = random.Random(3)
    found = 0
    for _ in range(200):
        speeds = _core_speeds(rng, 12)
        found += accepted([_run(rng, s) for s in speeds], [2 * _run(rng, s) for s in speeds])
    assert found == 200


def test_one_lost_round_is_tolerated_if_it_is_not_by_much():
    fast, slow = [100] * 12, [150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161]
    assert accepted(fast, slow)
    # A lost round by 1 % takes the smallest of the ranks; one by 100 % the largest, 12 of 78.
    assert accepted([*fast[:11], 155], slow)
    assert not accepted([*fast[:11], 322], slow)


@pytest.mark.parametrize(
    ("change", "value"),
    [("speedup", 1.19), ("p_value", 0.006), ("median_ratio", 1.09), ("speedup_low", 1.0)],
)
def test_each_rule_alone_refuses(change, value):
    good = {"speedup": 1.3, "speedup_low": 1.2, "p_value": 0.001, "median_ratio": 1.3}
    assert is_faster(Comparison(**good), min_speedup=1.2, max_p_value=0.005)
    changed = Comparison(**{**good, change: value})
    assert not is_faster(changed, min_speedup=1.2, max_p_value=0.005)


def test_ties_count_against_the_claim():
    fast = [100.0] * 8
    assert compare(fast, [125.0] * 8, discount=1.25).p_value == 1.0
    assert compare(fast, [125.5] * 8, discount=1.25).p_value == 1 / 256
    # Of two differences of one size the lost one has the higher rank: W = 36 - 2.
    level = [400.0] * 6 + [200.0, 50.0]
    assert compare(fast, level, discount=1.0).p_value == signed_rank_p_value(34, 8)


def test_times_of_other_rounds_are_refused():
    with pytest.raises(ValueError, match="same rounds, got 2 and 3"):
        compare([1, 2], [1, 2, 3])


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


def settled(fast, slow, *, looks=(8, 12, 20), min_ratio=1.15, max_p_value=0.005):
    return is_settled(fast, slow, looks=looks, min_ratio=min_ratio, max_p_value=max_p_value)


@given(
    st.lists(st.tuples(*[st.integers(min_value=90, max_value=140)] * 2), min_size=20, max_size=20)
)
def test_sessions_settled_between_looks_could_show_nothing_at_any_look(rounds):
    fast, slow = zip(*rounds, strict=True)
    early = [n for n in range(1, 20) if n not in (8, 12) and settled(fast[:n], slow[:n])]
    for look in (8, 12, 20):
        if early and early[0] < look:
            assert compare(fast[:look], slow[:look]).p_value > 0.005
    if early:
        assert all(settled(fast[:n], slow[:n]) for n in range(early[0], 21))


def test_settled_at_a_look_if_shown_or_too_near():
    assert settled([100] * 8, [150] * 8)
    assert not settled([100] * 7, [150] * 7)
    lost = [100] * 7 + [125]
    assert not settled(lost, [130] * 8), "in doubt, and 1.3 apart"
    assert settled(lost, [112] * 8), "in doubt, and 1.12 apart"
    assert not settled([100] * 8 + [125], [130] * 9), "no look between 8 and 12"
    assert settled([100] * 11 + [125], [130] * 12), "shown: only the smallest rank is lost"
    assert not settled([100] * 11 + [170], [130] * 12), "the largest rank is lost"
    assert settled([100] * 20, [101] * 20), "nothing shown, but the last look"


def test_settled_needs_a_round():
    assert not settled([], [])
