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
from skeldpo.problems.family import family_of
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
TOO_SLOW = "right, but too slow to be timed with the references"
NOT_TIMED = "right, but it could not be timed"
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
        return self.wanted.get(
            problem.problem_id, Wanted(language=problem.language, entry_point=problem.entry_point)
        )

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
                    *dataset_candidates(problem, references),
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
    timings = _timings(assignment.candidates, rows, stopped_ns)
    usages = _usages(rows)
    samples, noted = [], []
    for candidate in assignment.candidates:
        if candidate.origin != "sampled":
            continue
        place = f"sample {candidate.sample_index}"
        row = timings.verdicts.get(candidate.candidate_id)
        if row is None or not row.outcome.is_verdict:
            why = f"{NO_VERDICT[row.outcome]}: {row.failure}" if row else "no verdict"
            noted.append((place, why))
            continue
        code = codes[candidate.sample_index]
        sample = _sample(replace(candidate, code=code), row, timings)
        if timings.references and sample.is_correct and "beyond" not in sample.values:
            noted.append((place, f"{NOT_TIMED}: it counts in pass@k alone"))
        if suite.has_overheads:
            sample = replace(sample, values=_used(sample, usages.get(row.equal_to)))
            if sample.times_ns and not sample.values:
                noted.append((place, "right, but it has no memory figure: it counts in pass@k"))
        samples.append(sample)
    result = None
    if samples:
        scores, unscored = _scores(suite, assignment, samples, timings, usages, ks)
        if unscored:
            noted.append(("references", f"{unscored}: only pass@k is scored"))
        result = ProblemResult(
            problem_id=problem.problem_id,
            difficulty=problem.difficulty,
            samples=tuple(samples),
            relative_to=_relative_to(timings.references, rows),
            scores=scores,
            family=family_of(problem.source),
        )
    return Scored(
        result=result,
        left_out=tuple(
            LeftOut(place=place, problem_id=problem.problem_id, reason=reason)
            for place, reason in noted
        ),
    )


def _scores(
    suite: ReferenceSuite,
    assignment: Assignment,
    samples: Sequence[SampleResult],
    timings: _Timings,
    usages: Mapping[str, Usage],
    ks: Sequence[int],
) -> tuple[dict[str, float], str]:
    """The problem's scores by name, and why it has none but pass@k ("" if it has)."""
    cluster_scores = suite.cluster_scores.get(assignment.problem.problem_id, ())
    if not timings.references:
        return beyond_scores(samples, ks, ()), timings.unscored
    if suite.has_overheads:
        canonical = [usages[key] for key in timings.references if key in usages]
        made = beyond_scores(samples, ks, ()) | _overheads(samples, canonical)
        return made, "" if canonical else "its canonical solution has no memory figure"
    if cluster_scores:
        made, times_ns = beyond_scores(samples, ks, ()), _in_order(assignment, timings)
        if len(times_ns) < len(cluster_scores):
            return made, f"{len(times_ns)} of {len(cluster_scores)} references pass and were timed"
        return made | _dps(samples, times_ns, cluster_scores), ""
    return beyond_scores(samples, ks, SCORE_NAMES), ""


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
        for candidate in dataset_candidates(problem, assembled)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timings:
    """What was measured of a problem, by the candidate that was run.

    `times_ns` of every program that was timed, `tried` those and the ones that were stopped or
    failed when they were to be timed. `references`: times of the passing references, each distinct
    program once, in the suite's order; none if any was lost, as `unscored` then says.
    """

    verdicts: Mapping[str, Measurement]
    times_ns: Mapping[str, tuple[int, ...]]
    stopped: frozenset[str]
    tried: frozenset[str]
    references: Mapping[str, tuple[int, ...]]
    unscored: str


def _timings(
    candidates: Sequence[Candidate], rows: Sequence[Measurement], stopped_ns: float
) -> _Timings:
    """A reference that was stopped when it was timed has the limit as its one time, or the time of
    the slowest that came through, if its inputs together took longer: without it the range of
    Beyond would depend on whether a reference near the limit came through. Without one whose
    sandbox failed, the range may lack an end, so there is none."""
    verdicts = {row.candidate_id: row for row in rows if row.phase == "check"}
    screened = [row for row in rows if row.phase == "screen"]
    times = {row.candidate_id: row.cpu_times_ns for row in screened if row.cpu_times_ns}
    stopped = {row.candidate_id for row in screened if row.outcome is Outcome.TIME_LIMIT}
    tried = {row.candidate_id for row in screened if row.outcome.is_verdict}
    known = [verdicts.get(each.candidate_id) for each in candidates if each.origin == "dataset"]
    lost = [
        f"no verdict on, or no time of, reference {index}"
        for index, row in enumerate(known)
        if row is None
        or not row.outcome.is_verdict
        or (tried and row.outcome is Outcome.ACCEPTED and row.equal_to not in tried)
    ]
    keys = [row.equal_to for row in known if row is not None]
    slowest_ns = max((estimate_ns(times[key]) for key in keys if key in times), default=0.0)
    limit = (round(max(stopped_ns, slowest_ns)),)
    range_ns = {} if lost else {
        key: times.get(key, limit) for key in keys if key in times or key in stopped
    }  # fmt: skip
    reason = "" if range_ns else "no reference program passes and was timed"
    return _Timings(
        verdicts=verdicts,
        times_ns=times,
        stopped=frozenset(stopped),
        tried=frozenset(tried),
        references=range_ns,
        unscored=lost[0] if lost else reason,
    )


def _in_order(assignment: Assignment, timings: _Timings) -> list[float]:
    """The time in ns of every reference that was timed, in the suite's order."""
    keys = [
        timings.verdicts[candidate.candidate_id].equal_to
        for candidate in assignment.candidates
        if candidate.origin == "dataset"
    ]
    return [estimate_ns(timings.times_ns[key]) for key in keys if key in timings.times_ns]


def _dps(
    samples: Sequence[SampleResult],
    reference_times_ns: Sequence[float],
    cluster_scores: Sequence[float],
) -> dict[str, float]:
    """DPS and DPS_norm over the correct samples that were timed, or stopped at the limit."""
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


def _sample(candidate: Candidate, row: Measurement, timings: _Timings) -> SampleResult:
    passed = row.outcome is Outcome.ACCEPTED
    own = timings.times_ns.get(row.equal_to, ()) if passed else ()
    time_ns = estimate_ns(own) if own else None
    is_slow = passed and not own and row.equal_to in timings.stopped
    failure = row.failure
    if passed and not own and timings.references:
        failure = TOO_SLOW if is_slow else NOT_TIMED
    values = {}
    if timings.references and (not passed or own or is_slow):
        against = [estimate_ns(reference) for reference in timings.references.values()]
        values = {
            "beyond": beyond(time_ns, against),
            "beyond_released": beyond_released(
                time_ns / 1e9 if time_ns is not None else None, [t / 1e9 for t in against]
            ),
        }
    return SampleResult(
        sample_index=candidate.sample_index,
        code=candidate.code,
        outcome=row.outcome,
        is_correct=passed,
        failure=failure,
        values=values,
        times_ns=((own,),) if own else (),
    )
