"""Suites whose score is what a program costs beside the problem's reference programs: its place
among them (Beyond, DPS), or time and memory over those of one (EffiBench).

Mercury, EvalPerf, EffiBench, CodeContests with its human programs, the built-in held-out problems,
a user's own problem file. References and samples are measured together by `skeldpo.measure`; this
module says what to measure, and makes the scores of it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean

from skeldpo.answers import Wanted
from skeldpo.evaluate.evaluation import ProblemResult, SampleResult, beyond_scores
from skeldpo.evaluate.metrics import (
    Usage,
    beyond,
    beyond_released,
    differential_score,
    effibench_overheads,
)
from skeldpo.evaluate.programs import LeftOut
from skeldpo.problems.programs import dataset_candidates
from skeldpo.records import (
    NO_VERDICT,
    Assignment,
    Candidate,
    Measurement,
    Outcome,
    Problem,
    content_id,
)
from skeldpo.timing import estimate_ns

SCORE_NAMES = ("beyond", "beyond_released")
MIB = 1 << 20  # what the suite's own sampler calls a MB


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSuite:
    """Problems whose known programs are the references; `frames` has, for a problem that needs
    one, the text to run with "{program}" in the program's place, and `wanted` what a program of it
    is, where that is not what its entry point says. `cluster_scores` are EvalPerf's,
    of the references in their order, from the slowest to the fastest. `has_overheads`: the one
    reference is EffiBench's canonical solution, and memory is measured too."""

    name: str
    problems: tuple[Problem, ...]
    frames: Mapping[str, str]
    left_out: tuple[LeftOut, ...]
    cluster_scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    has_overheads: bool = False
    wanted: Mapping[str, Wanted] = field(default_factory=dict)

    def wanted_of(self, problem: Problem) -> Wanted:
        """What programs for a problem are."""
        return self.wanted.get(problem.problem_id, Wanted(entry_point=problem.entry_point))

    def assembled(self, problem_id: str, code: str) -> str:
        """The text that is run for a program."""
        frame = self.frames.get(problem_id)
        return code if frame is None else frame.replace("{program}", code, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A problem's result, and samples or the problem itself that could not be scored."""

    result: ProblemResult | None
    left_out: tuple[LeftOut, ...]


def suite_assignments(
    suite: ReferenceSuite, programs: Mapping[str, Sequence[str]], seed: int
) -> list[Assignment]:
    """What to measure: each problem that has programs, with its references."""
    made = []
    for problem in suite.problems:
        codes = programs.get(problem.problem_id)
        if codes is None:
            continue
        references = [
            suite.assembled(problem.problem_id, known.code) for known in problem.solutions
        ]
        made.append(
            Assignment(
                problem=problem,
                purpose="evaluate",
                round_index=0,
                num_samples=0,
                temperature=0.0,
                seed=seed,
                candidates=(
                    *dataset_candidates(problem.problem_id, references),
                    *_samples(suite, problem, codes),
                ),
            )
        )
    return made


def score_assignment(
    suite: ReferenceSuite,
    assignment: Assignment,
    codes: Sequence[str],
    rows: Sequence[Measurement],
    ks: Sequence[int],
    stopped_ns: float,
) -> Scored:
    """Verdicts of one problem's samples, with Beyond and Mercury's released Beyond, or, as means
    over the correct samples, EvalPerf's DPS and DPS_norm or EffiBench's six figures. `stopped_ns`
    is where measuring stops a program: the time of a passing reference that was too slow."""
    problem = assignment.problem
    cluster_scores = suite.cluster_scores.get(problem.problem_id, ())
    verdicts = {row.candidate_id: row for row in rows if row.phase == "check"}
    times = {
        row.candidate_id: row.cpu_times_ns
        for row in rows
        if row.phase == "screen" and row.cpu_times_ns
    }
    references = _reference_times(assignment.candidates, rows, times, stopped_ns)
    usages = _usages(rows)
    samples, left_out = _scored_samples(assignment, codes, rows, times, references)
    if suite.has_overheads:
        samples = {
            key: replace(sample, values=_used(sample, usages.get(verdicts[key].equal_to)))
            for key, sample in samples.items()
        }
    if not references:
        left_out.append(
            LeftOut(
                place="references",
                problem_id=problem.problem_id,
                reason="no reference program passes and was timed: only pass@k is scored",
            )
        )
    if not samples:
        return Scored(result=None, left_out=tuple(left_out))
    names = () if suite.has_overheads or cluster_scores or not references else SCORE_NAMES
    made = tuple(samples.values())
    scores = beyond_scores(made, ks, names)
    if suite.has_overheads:
        scores |= _overheads(made, [usages[key] for key in references if key in usages])
    if cluster_scores:
        scores |= _dps(made, _in_order(assignment, verdicts, times), cluster_scores)
    result = ProblemResult(
        problem_id=problem.problem_id,
        difficulty=problem.difficulty,
        samples=made,
        relative_to=_relative_to(references, rows),
        scores=scores,
    )
    return Scored(result=result, left_out=tuple(left_out))


def _scored_samples(
    assignment: Assignment,
    codes: Sequence[str],
    rows: Sequence[Measurement],
    times: Mapping[str, tuple[int, ...]],
    references: Mapping[str, tuple[int, ...]],
) -> tuple[dict[str, SampleResult], list[LeftOut]]:
    """The samples that have a verdict, by candidate; and those that have none, or no time though
    they are not too slow for one, which count in pass@k alone."""
    verdicts = {row.candidate_id: row for row in rows if row.phase == "check"}
    untimed = {
        row.equal_to: f"right, but not timed: {row.outcome.value} {row.failure}".strip()
        for row in rows
        if row.phase == "screen" and row.outcome not in (Outcome.ACCEPTED, Outcome.TIME_LIMIT)
    }
    samples, left_out = {}, []
    for candidate in assignment.candidates:
        if candidate.origin != "sampled":
            continue
        row, reason = verdicts[candidate.candidate_id], ""
        if row.outcome.is_verdict:
            code = codes[candidate.sample_index]
            sample = _sample(replace(candidate, code=code), row, times, references)
            if references and sample.is_correct and not sample.times_ns:
                reason = untimed.get(row.equal_to, "")
            if reason:
                sample = replace(sample, values={}, failure=reason)
            samples[candidate.candidate_id] = sample
        else:
            reason = f"{NO_VERDICT[row.outcome]}: {row.failure}"
        if reason:
            place, key = f"sample {candidate.sample_index}", row.problem_id
            left_out.append(LeftOut(place=place, problem_id=key, reason=reason))
    return samples, left_out


def _relative_to(
    references: Mapping[str, tuple[int, ...]], rows: Sequence[Measurement]
) -> dict[str, object]:
    """The references' times in ns, and the input they and the samples were timed on ("" if none
    was): where two reports differ in it, their scores are not to be compared."""
    return {
        "reference_times_ns": [list(times) for times in references.values()],
        "input_digest": next((row.input_digest for row in rows if row.input_digest), ""),
    }


def _samples(
    suite: ReferenceSuite, problem: Problem, codes: Sequence[str]
) -> tuple[Candidate, ...]:
    assembled = [suite.assembled(problem.problem_id, code) for code in codes]
    return tuple(
        replace(
            candidate,
            origin="sampled",
            candidate_id=content_id(problem.problem_id, "evaluated", candidate.candidate_id),
        )
        for candidate in dataset_candidates(problem.problem_id, assembled)
    )


def _reference_times(
    candidates: Sequence[Candidate],
    rows: Sequence[Measurement],
    times: Mapping[str, tuple[int, ...]],
    stopped_ns: float,
) -> dict[str, tuple[int, ...]]:
    """Times of the passing references, each distinct program once.

    One that was stopped when it was timed has the limit as its one time, or the time of the slowest
    that came through, if its inputs together took longer: without it the range of Beyond would
    depend on whether a reference near the limit came through."""
    verdicts = {row.candidate_id: row for row in rows if row.phase == "check"}
    keys = _reference_keys(candidates, verdicts)
    slowest_ns = max((estimate_ns(times[key]) for key in keys if key in times), default=0.0)
    stopped = {
        row.equal_to: (round(max(stopped_ns, slowest_ns)),)
        for row in rows
        if row.phase == "screen" and row.outcome is Outcome.TIME_LIMIT
    }
    known = stopped | dict(times)
    return {key: known[key] for key in keys if key in known}


def _reference_keys(
    candidates: Sequence[Candidate], verdicts: Mapping[str, Measurement]
) -> list[str]:
    """For each reference, in order, the candidate that was run for it."""
    return [
        verdicts[candidate.candidate_id].equal_to
        for candidate in candidates
        if candidate.origin == "dataset"
    ]


def _in_order(
    assignment: Assignment,
    verdicts: Mapping[str, Measurement],
    times: Mapping[str, tuple[int, ...]],
) -> list[float | None]:
    """The time in ns of every reference in the suite's order; None for one that was not timed."""
    keys = _reference_keys(assignment.candidates, verdicts)
    return [estimate_ns(times[key]) if key in times else None for key in keys]


def _dps(
    samples: Sequence[SampleResult],
    reference_times_ns: Sequence[float | None],
    cluster_scores: Sequence[float],
) -> dict[str, float]:
    """DPS and DPS_norm over the correct samples if every reference was timed."""
    timed = [time_ns for time_ns in reference_times_ns if time_ns is not None]
    correct = [sample for sample in samples if sample.is_correct and sample.values]
    if not correct or len(timed) < len(cluster_scores):
        return {}
    found = [
        differential_score(
            estimate_ns(sample.times_ns[0][0]) if sample.times_ns else None, timed, cluster_scores
        )
        for sample in correct
    ]
    return {
        "dps": fmean(score.dps for score in found),
        "dps_norm": fmean(score.dps_norm for score in found),
    }


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


def _sample(
    candidate: Candidate,
    row: Measurement,
    times: Mapping[str, tuple[int, ...]],
    references: Mapping[str, tuple[int, ...]],
) -> SampleResult:
    passed = row.outcome is Outcome.ACCEPTED
    own = times.get(row.equal_to, ()) if passed else ()
    time_ns = estimate_ns(own) if own else None
    values = {}
    if references:
        against = [estimate_ns(reference) for reference in references.values()]
        values = {
            "beyond": beyond(time_ns, against),
            "beyond_released": beyond_released(
                time_ns / 1e9 if time_ns is not None else None, [t / 1e9 for t in against]
            ),
        }
    slow = passed and bool(references) and not own
    return SampleResult(
        sample_index=candidate.sample_index,
        code=candidate.code,
        outcome=row.outcome,
        is_correct=passed,
        failure="right, but too slow to be timed with the references" if slow else row.failure,
        values=values,
        times_ns=((own,),) if own else (),
    )
