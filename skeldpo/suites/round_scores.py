"""A run's held-out problems, scored from the rows of its sample stage by the scorer of the suites.

The known programs of a problem are timed in the same session as the samples and are the reference
distribution of Beyond and of the percentile. Metrics are means over all samples of a problem:
Pass@1, Beyond@1, percentile, fast@p, and the share of right samples that are nearer in time to the
fastest known program than to the slowest. A reference that was stopped when it was timed is no part
of their range.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from skeldpo.config import Config
from skeldpo.records import Assignment
from skeldpo.storage.by_problem import MeasuredProblem
from skeldpo.suites.contract import Judged, Scores, SuiteProblems
from skeldpo.suites.evaluation import Bootstrap, Evaluation, LeftOut, ProblemResult
from skeldpo.suites.scoring import (
    PERCENTILE,
    Terms,
    Timings,
    pass_scores,
    placed_samples,
    reference_timings,
    relative_to,
    score_problem,
    unscored_note,
    untimed_notes,
)
from skeldpo.suites.speed import FAST_RATIOS, fast_name, fast_scores
from skeldpo.timing import estimate_ns

NAME = "held-out problems of a run"
METRICS = (
    "pass@1",
    "beyond@1",
    "percentile@1",
    "fast_share",
    *(fast_name(p, 1) for p in FAST_RATIOS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The policy that wrote a run's samples: the digest of its weights, and the round that it came
    out of (0: the starting one)."""

    model_id: str
    round_index: int


def bootstrap_of(config: Config) -> Bootstrap:
    """How the run's intervals are drawn."""
    return Bootstrap(num_resamples=config.evaluate.num_bootstrap, seed=config.run.seed)


def evaluate_heldout(measured: Iterable[MeasuredProblem], author: Author) -> Evaluation:
    """Scores the policy of a round on its held-out problems, which are gone through once."""
    terms = Terms(score=score_shares, ks=(1,), stopped_ns=0.0)
    hosts: set[str] = set()
    results: list[ProblemResult] = []
    left_out: list[LeftOut] = []
    for each in measured:
        problem = each.problem
        held = SuiteProblems(problems=(problem,))
        scored = score_problem(held, _assignment(each), {}, each.measurements, terms)
        hosts |= {row.host_id for row in each.measurements}
        left_out += scored.left_out
        if scored.result is not None:
            results.append(replace(scored.result, split=problem.split))
    return Evaluation(
        suite=NAME,
        protocol="cpu",
        provenance={
            "model_id": author.model_id,
            "round_index": author.round_index,
            "host_id": ",".join(sorted(hosts)),
            "num_samples": max((len(result.samples) for result in results), default=0),
        },
        problems=tuple(results),
        left_out=tuple(left_out),
    )


def score_shares(judged: Judged, ks: Sequence[int]) -> Scores:
    """METRICS of a problem: pass@1 alone without references or a right sample's time; percentile@1
    and, where a sample is right, fast_share among two known programs or more; and fast@p where they
    were timed in enough rounds."""
    timings = reference_timings(judged, counts_stopped=False)
    samples = placed_samples(judged, timings)
    made = pass_scores(samples, (1,))
    names = ("beyond", PERCENTILE) if timings.is_distribution else ("beyond",)
    passed = [
        (sample.values, judged_sample.verdict.equal_to)
        for sample, judged_sample in zip(samples, judged.samples, strict=True)
        if sample.is_correct and "beyond" in sample.values
    ]
    if passed:
        for name in names:
            mean = sum(values[name] for values, _ in passed) / len(passed)
            made[f"{name}@1"] = made["pass@1"] * mean
        if timings.is_distribution:
            made["fast_share"] = sum(_is_fast(key, timings) for _, key in passed) / len(passed)
    elif timings.references and not any(sample.is_correct for sample in samples):
        made |= {f"{name}@1": 0.0 for name in names}
    if timings.shows_speed:
        made |= fast_scores(samples, (1,))
    return Scores(
        samples=samples,
        scores=made,
        relative_to=relative_to(judged, timings),
        notes=(*untimed_notes(samples, timings), *unscored_note(timings.unscored)),
    )


def _is_fast(key: str, timings: Timings) -> bool:
    """Nearer, as a ratio, to the fastest reference than to the slowest."""
    if key not in timings.times_ns:
        return False
    references = [estimate_ns(times) for times in timings.references.values()]
    return estimate_ns(timings.times_ns[key]) ** 2 < min(references) * max(references)


def _assignment(measured: MeasuredProblem) -> Assignment:
    return Assignment(
        problem=measured.problem,
        purpose="evaluate",
        round_index=0,
        num_samples=0,
        temperature=0.0,
        seed=0,
        candidates=measured.candidates,
    )
