"""The score by which skeleton methods are compared, on programs and numbers small enough to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from studies.labelled import (
    LabelledProblem,
    evalperf_problems,
    fit_logistic,
    separation,
)
from studies.skeletons import kept_share, measure_rule, rules

FAST = [f"def f(a):\n    s = set(a)\n    return len(s) + {i}\n" for i in range(6)]
SLOW = [f"def f(a):\n    b = []\n    for x in a:\n        b.append(x * {i})\n" for i in range(6)]


def test_separation_is_the_chance_that_an_efficient_program_scores_above() -> None:
    found = separation([([3.0, 2.0], [1.0, 2.0]), ([1.0], [0.0]), ([], [1.0])], ["", "", "a"])
    assert found.value == pytest.approx((3.5 / 4 + 1) / 2)
    assert found.low <= found.value <= found.high
    assert found.num_problems == 2


def test_separation_resamples_families() -> None:
    scores = [([float(index < 20)], [0.5]) for index in range(40)]
    families = [str(index // 10) for index in range(40)]
    by_family, apart = separation(scores, families), separation(scores, [""] * 40)
    assert by_family.value == apart.value == 0.5
    assert by_family.high - by_family.low > 1.5 * (apart.high - apart.low)


def test_logistic_regression_finds_the_feature_that_decides() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 2)) * (1.0, 100.0)
    labels = (features[:, 0] + 0.5 > 0).astype(float)
    weights, offset = fit_logistic(features, labels)
    guesses = features @ weights + offset > 0
    assert (guesses == labels).mean() > 0.95
    assert abs(weights[0]) > 100 * abs(weights[1])


def test_kept_share_counts_tokens() -> None:
    assert kept_share("a = b", "a = _") == pytest.approx(2 / 3)
    assert kept_share("a = b", "a = b") == 1


def test_every_rule_separates_programs_that_share_nothing() -> None:
    problems = [
        LabelledProblem(problem_id=f"p{i}", efficient=tuple(FAST), inefficient=tuple(SLOW))
        for i in range(10)
    ]
    kept = {}
    for name, rule, least in rules({}):
        found = measure_rule(problems, rule, least)
        kept[name] = found["kept_share"]
        if name not in ("code", "all_masked"):
            assert found["separation"] == 1
    assert kept["all_masked"] < kept["lexical_contrast"] < kept["lexical"] < kept["code"] == 1


def test_evalperf_programs_of_the_sides_are_clusters_apart(real_data: Path) -> None:
    problems = evalperf_problems(real_data, max_programs=2)
    assert len(problems) == 65
    both = [p for p in problems if p.efficient and p.inefficient]
    assert len(both) > 50
    assert not any(set(p.efficient) & set(p.inefficient) for p in both)
