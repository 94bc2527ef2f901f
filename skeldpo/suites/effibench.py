"""EffiBench (arXiv 2402.02037): its rows as problems with the canonical solution as the reference.

A row's asserts are read as data; a row with other tests (lists linked by hand, tolerances) is
listed. Each test calls a fresh `Solution`, and answers are compared on the host. Time and memory
are those of all tests in one process: CPU time where the suite takes the wall clock, and without
the interpreter's start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from skeldpo.problems.effibench import problem
from skeldpo.problems.reader import data_rows
from skeldpo.records import Measurement, Problem
from skeldpo.suites.contract import Judged, Protocol, Scores, Suite, SuiteProblems
from skeldpo.suites.evaluation import LeftOut, SampleResult, require_any
from skeldpo.suites.metrics import Usage, effibench_overheads
from skeldpo.suites.scoring import (
    pass_scores,
    placed_samples,
    reference_timings,
    relative_to,
    unscored_note,
    untimed_notes,
)
from skeldpo.suites.speed import NAMES, fast_scores
from skeldpo.timing import estimate_ns

NAME = "effibench"
HUB_ID = "DONG19/EffiBench"
HUB_SPLIT = "train"
MIB = 1 << 20  # what the suite's own sampler calls a MB
NO_CANONICAL = "its canonical solution has no memory figure: no figures of EffiBench are scored"
NO_MEMORY = "right, but it has no memory figure: it counts in pass@k"


def load_effibench(source: str) -> SuiteProblems:
    """The problems of a local file of rows, or of a Hugging Face dataset with such rows.

    ValueError when it has no row that can be used; others are listed in the suite.
    """
    problems: dict[str, Problem] = {}
    left_out: list[LeftOut] = []
    for line in data_rows(source, HUB_SPLIT):
        row = line.row or {}
        key = str(row.get("problem_idx", ""))
        try:
            if line.row is None:
                raise ValueError(line.reason)
            if key in problems:
                raise ValueError("this problem_idx is there twice; the first counts")
            problems[key] = replace(problem(row), split="heldout_family", checker="equal")
        except ValueError as error:
            left_out.append(LeftOut(place=line.place, problem_id=key, reason=str(error)))
    require_any(problems, "EffiBench rows", source, left_out)
    return SuiteProblems(problems=tuple(problems.values()), left_out=tuple(left_out))


def score_overheads(judged: Judged, ks: Sequence[int]) -> Scores:
    """pass@k, fast@p and the six figures, means over the correct samples that were timed."""
    timings = reference_timings(judged)
    usages = _usages(judged.rows)
    placed = placed_samples(judged, timings)
    samples = tuple(
        replace(sample, values=_used(sample, usages.get(judged_sample.verdict.equal_to)))
        for sample, judged_sample in zip(placed, judged.samples, strict=True)
    )
    canonical = [usages[key] for key in timings.references if key in usages]
    no_canonical = [("references", NO_CANONICAL)] if timings.references and not canonical else []
    return Scores(
        samples=samples,
        scores=pass_scores(samples, ks)
        | _overheads(samples, canonical)
        | (fast_scores(placed, ks) if timings.shows_speed else {}),
        relative_to=relative_to(judged, timings),
        notes=(
            *untimed_notes(placed, timings),
            *(
                (f"sample {s.sample_index}", NO_MEMORY)
                for s in samples
                if s.times_ns and not s.values
            ),
            *no_canonical,
            *unscored_note(timings.unscored),
        ),
    )


def _usages(rows: Sequence[Measurement]) -> dict[str, Usage]:
    """What each timed program used, by the candidate that was run."""
    made = {}
    for row in rows:
        if row.phase == "screen" and row.cpu_times_ns and row.mean_memory_bytes:
            time_s = estimate_ns(row.cpu_times_ns) / 1e9
            made[row.equal_to] = Usage(
                time_s=time_s,
                memory_mb=row.peak_memory_bytes / MIB,
                memory_mb_s=row.mean_memory_bytes / MIB * time_s,
            )
    return made


def _used(sample: SampleResult, usage: Usage | None) -> dict[str, float]:
    """What a correct sample used; nothing if it was not timed."""
    return asdict(usage) if sample.is_correct and usage else {}


def _overheads(
    samples: Sequence[SampleResult], canonical_usages: Sequence[Usage]
) -> dict[str, float]:
    """EffiBench's figures as means over the correct samples, with the canonical solution's: the
    shipped code's normalised figures are ratios of such means over problems."""
    own = [Usage(**sample.values) for sample in samples if sample.values]
    if not own or not canonical_usages:
        return {}
    canonical = canonical_usages[0]
    found = effibench_overheads(own, [canonical] * len(own))
    return {
        "et": found.et_s,
        "mu": found.mu_mb,
        "tmu": found.tmu_mb_s,
        "net": found.net,
        "nmu": found.nmu,
        "ntmu": found.ntmu,
        "canonical_et": canonical.time_s,
        "canonical_mu": canonical.memory_mb,
        "canonical_tmu": canonical.memory_mb_s,
    }


SUITE = Suite(
    name=NAME,
    data="EffiBench rows (JSON array, JSONL or Parquet: `problem_idx`, `markdown_description`, "
    "`canonical_solution`, `test_case`); without `--data` the Hugging Face dataset",
    scores=f"pass@k, {NAMES}; et, mu, tmu and net, nmu, ntmu over the canonical solution",
    equality="it is `equal`, as its asserts have it",
    load=lambda data: load_effibench(data.source),
    protocol=Protocol(score=score_overheads),
    hub_id=HUB_ID,
    needs_data=False,
    profiles_memory=True,
)
