"""Candidates and measurements of one problem, from which tests build pairs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from skeldpo.config import PairConfig, SkeletonConfig
from skeldpo.pair import build_pairs
from skeldpo.pair.earlier import NO_EARLIER
from skeldpo.records import Candidate, Example, Measurement, Outcome, Problem, StageManifest
from skeldpo.storage.store import Store

PROBLEM = Problem(
    problem_id="p",
    language="python",
    source="test",
    split="train",
    difficulty="easy",
    kind="function",
    statement="Count the distinct items.",
    entry_point="f",
    starter_code="def f(a):",
    tests=(Example(input_text="[[1]]", expected_text="1"),),
    generators=(),
    checker="exact",
    reference="",
    solutions=(),
)
FAST = ("def f(a):\n    return len(set(a))\n", "def f(a):\n    s = set(a)\n    return len(s)\n")
SLOW = (
    "def f(a):\n    n = 0\n    for i in range(len(a)):\n        n += a[i] not in a[:i]\n"
    "    return n\n",
    "def f(a):\n    b = []\n    for x in a:\n        if x not in b:\n            b += [x]\n"
    "    return len(b)\n",
)
WRONG = "def f(a):\n    return len(list(a))\n"
STEADY = (1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99)
PAIR = PairConfig(min_speedup=1.2, max_efficiency_pairs=4, max_correctness_pairs=2)


def candidate(key, code, finish_reason="stop"):
    return Candidate(
        candidate_id=key,
        problem_id="p",
        language="python",
        code=code,
        origin="sampled",
        model_id="m",
        round_index=3,
        sample_index=0,
        seed=0,
        finish_reason=finish_reason,
        prompt_token_ids=(1,),
        completion_token_ids=(len(key), 2),
    )


def measurement(key, phase="check", outcome=Outcome.ACCEPTED, times=(), **changes):
    row = Measurement(
        candidate_id=key,
        problem_id="p",
        equal_to=key,
        phase=phase,
        session_id=phase,
        outcome=outcome,
        cpu_times_ns=tuple(times),
        baseline_times_ns=(100_000_000,) * len(times),
        peak_memory_bytes=0,
        failure="",
        input_digest="i",
        host_id="h",
        core=1,
        image_digest="d",
        python_version="3.11",
    )
    return dataclasses.replace(row, **changes)


def timed(key, ratio, phase="confirm", noise=STEADY, **changes):
    times = [round(ratio * each * 100_000_000) for each in noise]
    return measurement(key, phase, times=times, **changes)


def build(  # noqa: PLR0913
    candidates, measurements, *, pair=PAIR, problem=PROBLEM, earlier=NO_EARLIER, **skeleton
):
    return build_pairs(
        problem=problem,
        candidates=candidates,
        measurements=measurements,
        pair=pair,
        skeleton=SkeletonConfig(**skeleton),
        round_index=3,
        earlier=earlier,
    )


def whole_problem():
    """Two fast and two slow programs of which one each was confirmed, and a wrong one."""
    programs = {"fast0": FAST[0], "fast1": FAST[1], "slow0": SLOW[0], "slow1": SLOW[1]}
    ratios = {"fast0": 1.0, "fast1": 1.05, "slow0": 2.0, "slow1": 3.0}
    candidates = [candidate(key, code) for key, code in programs.items()]
    candidates.append(candidate("wrong", WRONG))
    rows = [measurement(key) for key in programs]
    rows += [timed(key, ratio, "screen", noise=STEADY[:3]) for key, ratio in ratios.items()]
    rows += [timed("fast0", 1.0), timed("slow1", 3.0)]
    rows += [
        timed(key, ratio, "crosscheck", noise=STEADY[:5])
        for key, ratio in (("fast0", 1.0), ("slow1", 1.25))
    ]
    rows.append(measurement("wrong", outcome=Outcome.WRONG_ANSWER))
    return candidates, rows


def write_measured(folder: Path) -> Path:
    """A folder as `skeldpo measure` leaves it: problem "p", and "q" without an accepted program."""
    store = Store(str(folder))
    candidates, rows = whole_problem()
    other = dataclasses.replace(PROBLEM, problem_id="q", statement="<b>Another</b> problem.")
    lone = dataclasses.replace(candidates[0], candidate_id="lone", problem_id="q")
    store.write_records("problems.parquet", Problem, [PROBLEM, other])
    store.write_records("candidates.parquet", Candidate, [*candidates, lone])
    store.write_records("measurements.parquet", Measurement, rows)
    store.write_manifest(
        ".",
        StageManifest(
            stage="measure", round_index=0, config_digest="d", num_in=0, num_out=0, dropped=(),
            outputs=(), versions=(), seconds=0.0, finished_at="",
        ),
    )  # fmt: skip
    return folder
