"""Cross-checks in a real sandbox: what is faster on one kind of input only makes no pair."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from pair_rows import PROBLEM, candidate

from skeldpo.config import EvaluateConfig, MeasureConfig, PairConfig, SkeletonConfig
from skeldpo.measure.actor import ProgramMeasurer
from skeldpo.pair import build_pairs
from skeldpo.records import Assignment

pytestmark = pytest.mark.docker

LOOP = "def f(n, kind):\n    for _ in range(n * {steps}): pass\n    return n\n"
PROGRAMS = {
    "depends": LOOP.format(steps="(24 if kind else 1)"),
    "quick": LOOP.format(steps="3"),
    "slow": LOOP.format(steps="9"),
}
GENERATORS = tuple(
    f"def generate_input(size, seed):\n    return [size * 100, {kind}]" for kind in (0, 1)
)


@pytest.mark.parametrize(
    ("crosscheck_inputs", "expected"),
    [
        (0, {("depends", "quick"), ("depends", "slow"), ("quick", "slow")}),
        (8, {("quick", "slow")}),
    ],
)
def test_pairs_that_another_kind_of_input_reverses_are_not_taken(
    crosscheck_inputs: int, expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    problem = replace(PROBLEM, generators=GENERATORS, reference=PROGRAMS["quick"], tests=())
    candidates = tuple(itertools.starmap(candidate, PROGRAMS.items()))
    measurer = ProgramMeasurer(
        measure=MeasureConfig(min_cpu_time_ms=4.0, crosscheck_inputs=crosscheck_inputs),
        evaluate=EvaluateConfig(),
        output=str(tmp_path),
    )
    with contextlib.closing(measurer):
        done = measurer.measure(
            Assignment(
                problem=problem, candidates=candidates, purpose="train", round_index=0,
                num_samples=0, temperature=1.0, seed=1,
            )
        )  # fmt: skip
    assert (list(done.faults), done.failure) == ([], "")
    found = build_pairs(
        problem=problem,
        candidates=candidates,
        measurements=done.rows,
        pair=PairConfig(min_speedup=1.2, max_efficiency_pairs=9),
        skeleton=SkeletonConfig(),
        round_index=0,
    )
    assert {(p.chosen.candidate_id, p.rejected.candidate_id) for p in found.pairs} == expected
    assert (found.funnel.num_races, found.funnel.num_decided) == (3, 3)
    assert found.funnel.num_reversed == 3 - len(expected)
    (confirmed,) = {row.input_digest for row in done.rows if row.phase == "confirm"}
    assert confirmed not in {row.input_digest for row in done.rows if row.phase == "crosscheck"}
