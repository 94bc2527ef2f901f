"""Sessions that are drawn, and the rates of the rule that decides them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.nominal_rates import draw_session, rates
from skeldpo.config import MeasureConfig

MEASURE = MeasureConfig()


def test_session_of_far_programs_ends_at_the_first_look() -> None:
    session = draw_session([1.0, 3.0, 9.0], 0.01, MEASURE, np.random.default_rng(0))
    assert session.num_rounds == MEASURE.confirm_repeats[0]
    assert len(session.comparisons) == 3
    assert {each.p_value for each in session.comparisons} == {1 / 256}
    assert sorted(each.speedup for each in session.comparisons) == pytest.approx([3, 3, 9], rel=0.1)


def test_looking_three_times_errs_more_often_than_once() -> None:
    once = MEASURE.model_copy(update={"confirm_repeats": (8,)})
    found = {}
    for name, measure in (("once", once), ("thrice", MEASURE)):
        rng = np.random.default_rng(1)
        sessions = [draw_session([1.0, 1.05], 0.1, measure, rng) for _ in range(1500)]
        found[name] = sum(s.comparisons[0].p_value <= 0.005 for s in sessions) / 1500
    assert found["once"] < found["thrice"] < 3 * 0.005


def test_rates_have_every_kind_of_session() -> None:
    figures = rates(20, MEASURE)
    assert figures["nominal_p"] == 0.005
    assert {name.split("_")[0] for name in figures} == {"nominal", "level", "equal", "bound"}
    assert all(0 <= value <= 1 for value in figures.values())
    assert figures["equal_false_pair_3_programs_noise_0.02"] == 0
