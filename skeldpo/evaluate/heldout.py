"""Pass@1 and Beyond@1 on held-out problems, from candidates and measurements; pure.

The known programs of a problem are timed in the same session as the samples and are the reference
distribution of Beyond. A sample whose sandbox failed is left out; one that is right but was stopped
when it was timed scores 0 in Beyond, and one that is right and has no time for another reason
counts there as the problem's other right samples do. A problem without a verdict is listed, one
whose references were not all judged, or none timed, counts in Pass@1 alone. Intervals resample the
families of the problems, then problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skeldpo.config import Config
from skeldpo.evaluate.metrics import beyond, bootstrap_interval, paired_interval, pass_at_k
from skeldpo.problems.family import family_of
from skeldpo.records import (
    Candidate,
    Measurement,
    Outcome,
    Problem,
    ProblemScore,
    Score,
    SuiteReport,
)
from skeldpo.timing import estimate_ns

SUITE = "heldout"
METRICS = ("pass@1", "beyond@1", "fast_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """How intervals are drawn."""

    num_resamples: int
    seed: int


def bootstrap_of(config: Config) -> Bootstrap:
    """How the run's intervals are drawn."""
    return Bootstrap(num_resamples=config.evaluate.num_bootstrap, seed=config.run.seed)


def evaluate_heldout(
    *,
    problems: Sequence[Problem],
    candidates: Sequence[Candidate],
    measurements: Sequence[Measurement],
    model_id: str,
    round_index: int,
    bootstrap: Bootstrap,
) -> SuiteReport:
    """Scores the policy of a round; rows of other problems are ignored."""
    by_problem: dict[str, list[Candidate]] = {problem.problem_id: [] for problem in problems}
    for candidate in candidates:
        if candidate.problem_id in by_problem:
            by_problem[candidate.problem_id].append(candidate)
    rows: dict[str, list[Measurement]] = {problem.problem_id: [] for problem in problems}
    for row in measurements:
        if row.problem_id in rows:
            rows[row.problem_id].append(row)
    scored, unscored = [], []
    for problem in problems:
        score = _score_problem(problem, by_problem[problem.problem_id], rows[problem.problem_id])
        if score is None:
            unscored.append(problem.problem_id)
        else:
            scored.append(score)
    hosts = sorted({row.host_id for row in measurements})
    return SuiteReport(
        suite=SUITE,
        model_id=model_id,
        round_index=round_index,
        host_id=",".join(hosts),
        num_samples=max((score.num_samples for score in scored), default=0),
        scores=tuple(_scores(scored, bootstrap)),
        per_problem=tuple(scored),
        unscored=tuple(unscored),
    )


def compare_reports(
    report: SuiteReport, against: SuiteReport, bootstrap: Bootstrap
) -> tuple[Score, ...]:
    """Differences of two policies with intervals paired by problem, named as in the reports.

    A difference is over the problems that count in the score of both: that of `fast_share` is over
    those that both solve, and so is not the difference of the two reports' means.
    """
    others = {score.problem_id: score for score in against.per_problem}
    both = [(s, others[s.problem_id]) for s in report.per_problem if s.problem_id in others]
    differences = []
    for split in _splits(score for score, _ in both):
        for metric in METRICS:
            pairs = [
                (left, right)
                for left, right in both
                if _in_split(left, split) and _counts(left, metric) and _counts(right, metric)
            ]
            if pairs:
                value, low, high = paired_interval(
                    [_value(left, metric) for left, _ in pairs],
                    [_value(right, metric) for _, right in pairs],
                    num_resamples=bootstrap.num_resamples,
                    seed=bootstrap.seed,
                    families=[family_of(left.source) for left, _ in pairs],
                )
                differences.append(
                    Score(
                        name=_name(split, metric),
                        value=value,
                        low=low,
                        high=high,
                        num_problems=len(pairs),
                    )
                )
    return tuple(differences)


def _score_problem(
    problem: Problem, candidates: Sequence[Candidate], rows: Sequence[Measurement]
) -> ProblemScore | None:
    verdicts = {row.candidate_id: row for row in rows if row.phase == "check"}
    judged = {
        origin: [
            verdicts[c.candidate_id]
            for c in candidates
            if c.origin == origin
            and c.candidate_id in verdicts
            and verdicts[c.candidate_id].outcome.is_verdict
        ]
        for origin in ("sampled", "dataset")
    }
    samples = judged["sampled"]
    if not samples:
        return None
    times_ns = _screened(rows)
    known = [times_ns[row.equal_to] for row in judged["dataset"] if row.equal_to in times_ns]
    references = [time_ns for time_ns in known if time_ns is not None]
    passed = [row for row in samples if row.outcome is Outcome.ACCEPTED]
    timed = [times_ns[row.equal_to] for row in passed if row.equal_to in times_ns]
    is_scored = bool(references) and (bool(timed) or not passed) and _is_whole(candidates, rows)
    passes = pass_at_k(len(samples), len(passed), 1)
    fast = [time_ns for time_ns in timed if is_scored and _is_fast(time_ns, references)]
    beyonds = [beyond(time_ns, references) for time_ns in timed] if is_scored else []
    return ProblemScore(
        problem_id=problem.problem_id,
        source=problem.source,
        split=problem.split,
        difficulty=problem.difficulty,
        num_samples=len(samples),
        has_reference=is_scored,
        pass_at_1=passes,
        beyond_at_1=passes * sum(beyonds) / len(beyonds) if beyonds else 0.0,
        fast_share=len(fast) / len(timed) if timed else 0.0,
    )


def _is_whole(candidates: Sequence[Candidate], rows: Sequence[Measurement]) -> bool:
    """Whether every known program was judged and, if right, timed or tried: without one of them the
    range of Beyond may lack an end."""
    verdicts = {row.candidate_id: row for row in rows if row.phase == "check"}
    tried = {r.candidate_id for r in rows if r.phase == "screen" and r.outcome.is_verdict}
    known = [verdicts.get(c.candidate_id) for c in candidates if c.origin == "dataset"]
    return all(
        row is not None
        and row.outcome.is_verdict
        and (row.outcome is not Outcome.ACCEPTED or row.equal_to in tried)
        for row in known
    )


def _screened(rows: Sequence[Measurement]) -> dict[str, float | None]:
    """The time in ns of each program that was timed, None for one that was stopped at the limit,
    by the candidate that was run."""
    found: dict[str, float | None] = {
        row.candidate_id: None
        for row in rows
        if row.phase == "screen" and row.outcome is Outcome.TIME_LIMIT
    }
    return found | {
        row.candidate_id: estimate_ns(row.cpu_times_ns)
        for row in rows
        if row.phase == "screen" and row.cpu_times_ns
    }


def _is_fast(time_ns: float | None, references: Sequence[float]) -> bool:
    """Nearer, as a ratio, to the fastest reference than to the slowest."""
    return time_ns is not None and time_ns**2 < min(references) * max(references)


def _scores(scored: Sequence[ProblemScore], bootstrap: Bootstrap) -> Iterable[Score]:
    for split in _splits(scored):
        for metric in METRICS:
            counted = [s for s in scored if _in_split(s, split) and _counts(s, metric)]
            if counted:
                values = [_value(score, metric) for score in counted]
                low, high = bootstrap_interval(
                    values,
                    num_resamples=bootstrap.num_resamples,
                    seed=bootstrap.seed,
                    families=[family_of(score.source) for score in counted],
                )
                yield Score(
                    name=_name(split, metric),
                    value=sum(values) / len(values),
                    low=low,
                    high=high,
                    num_problems=len(values),
                )


def _splits(scored: Iterable[ProblemScore]) -> list[str]:
    """Every split on its own; all of them together is ""."""
    return ["", *sorted({score.split for score in scored})]


def _in_split(score: ProblemScore, split: str) -> bool:
    return not split or score.split == split


def _counts(score: ProblemScore, metric: str) -> bool:
    """Beyond needs references; the fast share is that of correct samples."""
    if metric == "pass@1":
        return True
    return score.has_reference and (metric == "beyond@1" or score.pass_at_1 > 0)


def _value(score: ProblemScore, metric: str) -> float:
    return {
        "pass@1": score.pass_at_1,
        "beyond@1": score.beyond_at_1,
        "fast_share": score.fast_share,
    }[metric]


def _name(split: str, metric: str) -> str:
    return f"{split}/{metric}" if split else metric
