"""EvalPerf (arXiv 2408.06450): DPS against references of known speed on an input made to take long.

EvalPerf counts instructions; here its references and the programs are timed by CPU time, in one
session on one core.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from skeldpo.suites.contract import Judged, Protocol, Scores, Suite
from skeldpo.suites.evalplus import EQUALITY, EvalplusTask, load_tasks, require_columns, task_of
from skeldpo.suites.evaluation import SampleResult
from skeldpo.suites.metrics import differential_score
from skeldpo.suites.scoring import (
    pass_scores,
    placed_samples,
    reference_keys,
    reference_timings,
    relative_to,
    unscored_note,
    untimed_notes,
)
from skeldpo.timing import estimate_ns

NAME = "evalperf"
COLUMNS = ("task_id", "entry_point", "reference", "scores", "pe_input")
"""base_input, plus_input, prompt and contract of the EvalPlus task may stand beside them."""


def evalperf_task(row: Mapping[str, Any]) -> EvalplusTask:
    """The task of a row; ValueError, TypeError or SyntaxError if it is none."""
    require_columns(row, COLUMNS)
    references = tuple(row["reference"])
    scores = tuple(float(score) for score in row["scores"])
    if not 0 < len(references) == len(scores):
        raise ValueError(f"{len(references)} references, {len(scores)} scores")
    return task_of(row, NAME, references, scores)


def score_differences(judged: Judged, ks: Sequence[int]) -> Scores:
    """pass@k, and DPS and DPS_norm as means over the correct samples that were timed, or stopped
    at the limit."""
    timings = reference_timings(judged)
    samples = placed_samples(judged, timings)
    keys = [key for key in reference_keys(judged) if key in timings.times_ns]
    times_ns = [estimate_ns(timings.times_ns[key]) for key in keys]
    unscored, num_references = timings.unscored, len(judged.reference_scores)
    if not unscored and len(times_ns) < num_references:
        unscored = f"{len(times_ns)} of {num_references} references pass and were timed"
    made = {} if unscored else _means(samples, times_ns, judged.reference_scores)
    return Scores(
        samples=samples,
        scores=pass_scores(samples, ks) | made,
        relative_to=relative_to(judged, timings),
        notes=(*untimed_notes(samples, timings), *unscored_note(unscored)),
    )


def _means(
    samples: Sequence[SampleResult],
    reference_times_ns: Sequence[float],
    cluster_scores: Sequence[float],
) -> dict[str, float]:
    found = [
        differential_score(
            estimate_ns(sample.times_ns[0][0]) if sample.times_ns else None,
            reference_times_ns,
            cluster_scores,
        )
        for sample in samples
        if sample.is_correct and "beyond" in sample.values
    ]
    if not found:
        return {}
    return {
        "dps": fmean(score.dps for score in found),
        "dps_norm": fmean(score.dps_norm for score in found),
    }


SUITE = Suite(
    name=NAME,
    data="EvalPerf rows (`task_id`, `entry_point`, `reference`, `scores`, `pe_input`; the task's "
    "EvalPlus columns may stand beside them)",
    scores="pass@k, dps, dps_norm",
    equality=EQUALITY,
    load=lambda data: load_tasks(data, evalperf_task),
    protocol=Protocol(score=score_differences),
)
