"""Efficiency formulas of the suites against values worked out by hand."""

from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.suites.metrics import (
    DifferentialScore,
    EnamelLimits,
    Usage,
    beyond_released,
    differential_score,
    eff_at_k,
    effibench_overheads,
    enamel_efficiency,
    enamel_limits,
    mean_of_first,
)


@pytest.mark.parametrize(
    ("time_s", "reference_times_s", "expected"),
    [
        (0.25, [0.1, 0.2, 0.3], 0.25),  # (0.3 - 0.25) / 0.2: as in the paper below one second
        (0.1, [0.1, 0.2, 0.3], 1.0),
        (0.05, [0.1, 0.2, 0.3], 1.25),  # faster than all: above 1, not clipped to the range
        (0.9, [0.1, 0.3], 0.0),  # slower than all
        (None, [0.1, 0.3], 0.0),  # failed
        (float("inf"), [0.1, 0.3], 0.0),
        (12.0, [2.0, 22.0], 0.05),  # 10 s faster counts as 1 s: 1 / 20, where Beyond is 0.5
        (21.5, [2.0, 22.0], 0.025),
        (0.5, [0.5], 1.0),  # a range of zero, one reference
        (0.6, [0.5, 0.5], 0.0),
        (None, [0.5], 0.0),
    ],
)
def test_beyond_released(
    time_s: float | None, reference_times_s: list[float], expected: float
) -> None:
    assert beyond_released(time_s, reference_times_s) == pytest.approx(expected)


def test_beyond_released_without_references_is_value_error() -> None:
    with pytest.raises(ValueError, match="at least one passing reference"):
        beyond_released(1.0, [])


def test_mean_of_first_is_no_best_of_k() -> None:
    assert mean_of_first([0.2, 0.8, 1.0], 2) == pytest.approx(0.5)
    assert mean_of_first([0.2, 0.8, 1.0], 1) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="n=3, k=4"):
        mean_of_first([0.2, 0.8, 1.0], 4)


def test_enamel_limits_by_hand() -> None:
    limits = enamel_limits([[9.0], [1.0, 2.0], [3.0], [4.0, 5.0]])
    # T = 2 * 5: the 9 of level 0 does not count, its weight is 0.
    assert limits == EnamelLimits(slowest=(9.0, 2.0, 3.0, 5.0), limit=10.0)


@pytest.mark.parametrize(
    ("level_times", "expected"),
    [
        # (3 * 8/8 + 3 * 7/7 + 4 * 5/5) / 10: the reference against itself
        ([[1], [1, 2], [3], [4, 5]], 1.0),
        # (3 * 4/8 + 3 * 0/7 + 4 * 0/5) / 10: f never falls below 0
        ([[1], [6, 2], [10], [12, 1]], 0.15),
        # (3 * 10/8 + 3 * 10/7 + 4 * 10/5) / 10: no clip at 1
        ([[0], [0], [0], [0]], (3.75 + 30 / 7 + 8) / 10),
        # level 2 broke the limit: it and level 3 count 0
        ([[1], [2]], 0.3),
        ([[1]], 0.0),
        ([], 0.0),
    ],
)
def test_enamel_efficiency_by_hand(level_times: list[list[float]], expected: float) -> None:
    limits = enamel_limits([[9.0], [1.0, 2.0], [3.0], [4.0, 5.0]])
    assert enamel_efficiency(level_times, limits) == pytest.approx(expected)


@pytest.mark.parametrize("times", [[[1.0]] * 3, [[1.0], [1.0], [], [1.0]], [[1.0], [0.0]] * 2])
def test_enamel_limits_refuse_missing_levels_and_zero_times(times: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"reference times of 4 levels|must be positive"):
        enamel_limits(times)


@pytest.mark.parametrize(
    ("efficiencies", "k", "expected"),
    [
        ([0, 0, 1], 2, 2 / 3),
        ([0.2, 0.5, 0.9], 2, 0.766667),
        ([0.9, 0.2, 0.5], 2, 0.766667),  # the order of samples is of no account
        ([0.2, 0.5, 0.9], 1, 1.6 / 3),
        ([0.2, 0.5, 0.9], 3, 0.9),
        ([0.4], 1, 0.4),
    ],
)
def test_eff_at_k(efficiencies: list[float], k: int, expected: float) -> None:
    assert eff_at_k(efficiencies, k) == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.floats(0, 1.5), min_size=1, max_size=7), st.data())
def test_eff_at_k_is_the_mean_best_of_all_subsets(values: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(values)))
    best = [max(subset) for subset in itertools.combinations(values, k)]
    assert eff_at_k(values, k) == pytest.approx(statistics.fmean(best), abs=1e-9)


def test_eff_at_k_of_many_samples_is_finite_and_out_of_range_is_value_error() -> None:
    assert eff_at_k([0.5] * 10_000, 5_000) == pytest.approx(0.5)
    for k in (0, 3):
        with pytest.raises(ValueError, match=f"n=2, k={k}"):
            eff_at_k([0.1, 0.2], k)


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (500.0, (0.0, 0.0)),  # slower than all
        (400.0, (20.0, 25.0)),  # as slow as the slowest
        (250.0, (45.0, 50.0)),
        (100.0, (100.0, 100.0)),
        (5.0, (100.0, 100.0)),  # faster than all
        (None, (0.0, 0.0)),
    ],
)
def test_differential_score(cost: float | None, expected: tuple[float, float]) -> None:
    score = differential_score(cost, [400.0, 300.0, 200.0, 100.0], [20.0, 45.0, 80.0, 100.0])
    assert score == DifferentialScore(dps=expected[0], dps_norm=expected[1])


def test_differential_score_without_references_is_value_error() -> None:
    with pytest.raises(ValueError, match="0 references and 0 scores"):
        differential_score(1.0, [], [])


def test_effibench_mean_of_ratios_and_ratio_of_sums_differ() -> None:
    own = [
        Usage(time_s=2, memory_mb=30, memory_mb_s=40),
        Usage(time_s=4, memory_mb=10, memory_mb_s=20),
    ]
    base = [
        Usage(time_s=1, memory_mb=10, memory_mb_s=10),
        Usage(time_s=8, memory_mb=10, memory_mb_s=40),
    ]
    made = effibench_overheads(own, base)
    assert (made.et_s, made.mu_mb, made.tmu_mb_s) == (3, 20, 30)
    assert (made.net, made.nmu, made.ntmu) == (1.25, 2, 2.25)  # (2/1 + 4/8) / 2, ...
    assert made.net_released == pytest.approx(6 / 9)
    assert made.nmu_released == pytest.approx(2)
    assert made.ntmu_released == pytest.approx(60 / 50)


def test_effibench_refuses_unpaired_or_zero_usages() -> None:
    one = Usage(time_s=1, memory_mb=1, memory_mb_s=0)
    with pytest.raises(ValueError, match="0 programs and 1 canonical"):
        effibench_overheads([], [one])
    with pytest.raises(ValueError, match="memory_mb_s of canonical programs must be positive"):
        effibench_overheads([one], [one])
