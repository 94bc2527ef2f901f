"""Formulas of evaluation against values worked out by hand."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

from skeldpo.suites.metrics import (
    beyond,
    bootstrap_interval,
    family_draws,
    num_families,
    paired_interval,
    pass_at_k,
)


@pytest.mark.parametrize(
    ("num_samples", "num_correct", "k", "expected"),
    [
        (1, 0, 1, 0.0),
        (1, 1, 1, 1.0),
        (4, 1, 1, 0.25),
        (4, 2, 2, 1 - 1 / 6),  # C(2, 2) / C(4, 2)
        (5, 2, 3, 1 - 1 / 10),  # C(3, 3) / C(5, 3)
        (5, 3, 3, 1.0),
        (10, 3, 10, 1.0),
        (200, 0, 100, 0.0),
        (200, 1, 100, 0.5),
    ],
)
def test_pass_at_k(num_samples: int, num_correct: int, k: int, expected: float) -> None:
    assert pass_at_k(num_samples, num_correct, k) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample() -> None:
    right = [True, True, False, False, False, False]
    subsets = list(itertools.combinations(right, 3))
    share = sum(any(subset) for subset in subsets) / len(subsets)
    assert pass_at_k(6, 2, 3) == pytest.approx(share)


@pytest.mark.parametrize("values", [(4, 2, 0), (4, 2, 5), (4, 5, 1), (4, -1, 1), (0, 0, 1)])
def test_pass_at_k_out_of_range_is_value_error(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"n={values[0]}, c={values[1]}, k={values[2]}"):
        pass_at_k(*values)


@pytest.mark.parametrize(
    ("time_ns", "reference_times_ns", "expected"),
    [
        (25.0, [10, 20, 30], 0.25),
        (10.0, [10, 20, 30], 1.0),
        (30.0, [10, 20, 30], 0.0),
        (5.0, [10, 20, 30], 1.0),  # faster than all
        (90.0, [10, 20, 30], 0.0),  # slower than all
        (float("inf"), [10, 20, 30], 0.0),
        (None, [10, 20, 30], 0.0),  # failed
        (10.0, [10], 1.0),  # a range of zero
        (9.0, [10, 10], 1.0),
        (10.5, [10, 10], 0.0),
        (None, [10], 0.0),
        (float("inf"), [10], 0.0),
    ],
)
def test_beyond(time_ns: float | None, reference_times_ns: list[int], expected: float) -> None:
    assert beyond(time_ns, reference_times_ns) == pytest.approx(expected)


def test_beyond_without_references_is_value_error() -> None:
    with pytest.raises(ValueError, match="at least one passing reference"):
        beyond(1.0, [])


def test_bootstrap_interval_golden_and_seeded() -> None:
    values = [0.0, 0.25, 0.5, 1.0, 1.0, 0.75]
    low, high = bootstrap_interval(values, num_resamples=2000, seed=1)
    assert (low, high) == bootstrap_interval(values, num_resamples=2000, seed=1)
    assert (low, high) != bootstrap_interval(values, num_resamples=2000, seed=2)
    assert min(values) <= low < sum(values) / len(values) < high <= max(values)
    # Normal theory: 0.583 +- 1.96 * 0.373 / sqrt(6) = 0.285 to 0.882.
    assert low == pytest.approx(0.285, abs=0.05)
    assert high == pytest.approx(0.882, abs=0.05)


def test_bootstrap_interval_of_equal_values_is_a_point_and_of_none_an_error() -> None:
    assert bootstrap_interval([0.5] * 3, num_resamples=100, seed=0) == (0.5, 0.5)
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap_interval([], num_resamples=100, seed=0)


def test_paired_interval_is_of_the_differences() -> None:
    before = [0.0, 0.2, 0.9, 0.4]
    after = [value + 0.1 for value in before]
    mean, low, high = paired_interval(after, before, num_resamples=500, seed=0)
    assert (mean, low, high) == pytest.approx((0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="differ in number: 1 and 2"):
        paired_interval([1.0], [1.0, 2.0], num_resamples=100, seed=0)


def test_draws_of_families_keep_families_whole_and_draw_problems_within() -> None:
    families = ["a", "a", "a", "", "b", "b", ""]
    rng = np.random.default_rng(0)
    counts = np.vstack(list(family_draws(families, num_resamples=20_000, rng=rng)))
    assert counts.shape == (20_000, 7)
    of_a, of_b = counts[:, :3].sum(axis=1), counts[:, 4:6].sum(axis=1)
    assert set(of_a % 3) == {0} and set(of_b % 2) == {0}  # as many problems as the family has
    drawn = of_a // 3 + of_b // 2 + counts[:, 3] + counts[:, 6]
    assert set(drawn) == {4}  # as many families as there are
    assert np.allclose(counts.mean(axis=0), 1.0, atol=0.05)
    once = counts[of_a == 3][:, :3]  # three draws from three problems, multinomial
    assert np.mean((once == 1).all(axis=1)) == pytest.approx(6 / 27, abs=0.02)


def test_interval_of_families_is_that_of_their_means_where_problems_agree() -> None:
    means = [0.1, 0.9, 0.4, 0.7, 0.2, 0.6]
    values = [mean for mean in means for _ in range(50)]
    families = [f"family {i}" for i in range(6) for _ in range(50)]
    by_family = bootstrap_interval(values, num_resamples=4000, seed=0, families=families)
    assert by_family == pytest.approx(bootstrap_interval(means, num_resamples=4000, seed=0))
    low, high = bootstrap_interval(values, num_resamples=4000, seed=0)
    assert high - low < 0.25 * (by_family[1] - by_family[0])


def test_interval_of_families_holds_the_truth_where_that_of_problems_does_not() -> None:
    rng = np.random.default_rng(3)
    families = [f"{family}" for family in range(12) for _ in range(6)]
    held = {"families": 0, "problems": 0}
    for seed in range(150):
        values = np.repeat(rng.normal(size=12), 6) + rng.normal(size=72) / 2
        for kind, given in (("families", families), ("problems", [])):
            low, high = bootstrap_interval(
                values.tolist(), num_resamples=500, seed=seed, families=given
            )
            held[kind] += low <= 0 <= high
    assert held["families"] > 0.88 * 150
    assert held["problems"] < 0.75 * 150


def test_problems_of_their_own_are_resampled_as_ever_and_in_parts() -> None:
    values = np.random.default_rng(5).random(701)  # more than one part of DRAWS_AT_ONCE
    draws = np.random.default_rng(9).integers(701, size=(3000, 701))
    expected = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    found = bootstrap_interval(values.tolist(), num_resamples=3000, seed=9)
    assert found == pytest.approx(tuple(expected))
    named = [f"family {i}" for i in range(701)]
    assert bootstrap_interval(values.tolist(), num_resamples=3000, seed=9, families=named) == found


def test_draws_of_a_large_suite_are_never_all_in_memory() -> None:
    values = np.linspace(0, 1, 10_000)  # 2,000 draws of 10,000 problems are 160 MB
    tracemalloc.start()
    bootstrap_interval(
        values.tolist(), num_resamples=2000, seed=0, families=["a"] * 1000 + [""] * 9000
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_families_of_another_number_are_an_error() -> None:
    with pytest.raises(ValueError, match="a family for each of 2 values, got 1"):
        bootstrap_interval([0.0, 1.0], num_resamples=10, seed=0, families=["a"])


def test_families_are_counted_with_problems_of_their_own() -> None:
    assert num_families(["a", "", "b", "a", ""]) == 4
    assert num_families([]) == 0
