"""Programs that are known to be efficient or inefficient, and how well scores tell them apart."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from skeldpo.languages.python import normalize_program
from skeldpo.measure.folder import PROBLEMS_FILE
from skeldpo.pair.judged import judge_candidates
from skeldpo.problems.family import family_of
from skeldpo.records import Candidate, Measurement, Problem, content_id
from skeldpo.skeleton.extract import HotLines
from skeldpo.storage.store import Store
from skeldpo.suites.metrics import bootstrap_interval

MIN_CLUSTER_DISTANCE = 2
"""EvalPerf's clusters of efficient and inefficient programs are at least this far apart."""
MIN_TIME_RATIO = 1.5
"""Measured programs are inefficient from this many times the fastest's time, efficient below its
root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledProblem:
    """Distinct programs of one problem; each list begins with the most extreme. `hot_lines` of
    those that were profiled; `family` of a built-in problem, else ""."""

    problem_id: str
    efficient: tuple[str, ...]
    inefficient: tuple[str, ...]
    hot_lines: HotLines = field(default_factory=dict)
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """Mean over problems of the chance that an efficient program scores above an inefficient one
    (0.5 says nothing), with its 95 % bootstrap interval over families and problems."""

    value: float
    low: float
    high: float
    num_problems: int


def evalperf_problems(data: Path, max_programs: int) -> list[LabelledProblem]:
    """EvalPerf's tasks, by the clusters it measured with instruction counts (higher is faster)."""
    tasks: dict[str, dict[str, int]] = {}
    with gzip.open(data / "evalperf" / "solutions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            tasks.setdefault(str(row["task_id"]), {})[row["solution"]] = row["cluster"]
    return list(_labelled(tasks, max_programs))


def measured_problems(folder: str, max_programs: int) -> list[LabelledProblem]:
    """The accepted programs of a folder of `skeldpo measure`, by their measured time."""
    store = Store(str(Path(folder).absolute()))
    candidates: dict[str, list[Candidate]] = {}
    rows: dict[str, list[Measurement]] = {}
    for candidate in store.read_records("candidates.parquet", Candidate):
        candidates.setdefault(candidate.problem_id, []).append(candidate)
    for row in store.read_records("measurements.parquet", Measurement):
        rows.setdefault(row.problem_id, []).append(row)
    families = {}
    if store.exists(PROBLEMS_FILE):  # not in a round of a run
        problems = store.iter_records(PROBLEMS_FILE, Problem)
        families = {problem.problem_id: family_of(problem.source) for problem in problems}
    found = []
    for problem_id, own in sorted(candidates.items()):
        judged = judge_candidates(own, rows.get(problem_id, []))
        timed = {p.candidate.code: p.time_ratio for p in judged.programs.values() if p.time_ratio}
        fastest = min(timed.values(), default=0.0)
        efficient = sorted((c for c, t in timed.items() if t < MIN_TIME_RATIO**0.5 * fastest),
                           key=lambda code: timed[code])  # fmt: skip
        inefficient = sorted((c for c, t in timed.items() if t >= MIN_TIME_RATIO * fastest),
                             key=lambda code: -timed[code])  # fmt: skip
        found.append(
            LabelledProblem(
                problem_id=problem_id,
                efficient=tuple(efficient[:max_programs]),
                inefficient=tuple(inefficient[:max_programs]),
                hot_lines={p.candidate.code: p.hot_lines for p in judged.programs.values()
                           if p.hot_lines},
                family=families.get(problem_id, ""),
            )
        )  # fmt: skip
    return found


def separation(
    scores: Sequence[tuple[Sequence[float], Sequence[float]]],
    families: Sequence[str],
    num_bootstrap: int = 2000,
) -> Separation:
    """From (scores of efficient, scores of inefficient programs) and the family of each problem."""
    scored = [
        (area(*both), family)
        for both, family in zip(scores, families, strict=True)
        if both[0] and both[1]
    ]
    areas = [value for value, _ in scored]
    low, high = bootstrap_interval(
        areas,
        num_resamples=num_bootstrap,
        seed=0,
        families=[family for _, family in scored],
    )
    return Separation(value=fmean(areas), low=low, high=high, num_problems=len(areas))


def fit_logistic(
    features: NDArray[np.float64], labels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights and offset of a ridge (1) logistic regression on scaled features, by Newton steps."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    inputs = np.hstack([(features - mean) / scale, np.ones((len(features), 1))])  # (N, F + 1)
    weights = np.zeros(inputs.shape[1])
    for _ in range(20):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (labels - chance) - weights
        curve = (inputs.T * (chance * (1 - chance))) @ inputs + np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    return weights[:-1] / scale, float(weights[-1] - (weights[:-1] * mean / scale).sum())


def _labelled(tasks: dict[str, dict[str, int]], max_programs: int) -> Iterator[LabelledProblem]:
    for problem_id, clusters in sorted(tasks.items()):
        order = sorted(clusters, key=lambda code: (-clusters[code], content_id(code)))
        fastest = clusters[order[0]]
        slowest = clusters[order[-1]]
        middle = (fastest + slowest) / 2
        efficient = [c for c in order if clusters[c] >= middle + MIN_CLUSTER_DISTANCE / 2]
        inefficient = [c for c in order[::-1] if clusters[c] <= middle - MIN_CLUSTER_DISTANCE / 2]
        yield LabelledProblem(
            problem_id=problem_id,
            efficient=_distinct(efficient, max_programs),
            inefficient=_distinct(inefficient, max_programs),
        )


def _distinct(codes: Sequence[str], max_programs: int) -> tuple[str, ...]:
    """The first programs that are not the same but for names, comments and layout."""
    found: dict[str, str] = {}
    for code in codes:
        if len(found) == max_programs:
            break
        found.setdefault(normalize_program(code), code)
    return tuple(found.values())


def area(efficient: Sequence[float], inefficient: Sequence[float]) -> float:
    """The chance that an efficient program scores above an inefficient one; ties count half."""
    wins = [(a > b) + 0.5 * (a == b) for a in efficient for b in inefficient]
    return sum(wins) / len(wins)
