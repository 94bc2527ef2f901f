"""The one scorer: from the verdicts and times of a problem's programs to its result. Pure.

References and samples of a problem are measured together. `score_problem` sorts out the samples
that have a verdict and leaves the rest to the score of the suite's protocol; that of most suites is
`place_among_references`, the place of a program in the range of the references (Beyond).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
from skeldpo.suites.contract import Judged, JudgedSample, Score, Scores, SuiteProblems
from skeldpo.suites.evaluation import LeftOut, ProblemResult, SampleResult
from skeldpo.suites.metrics import beyond, beyond_released, mean_of_first, pass_at_k, percentile
from skeldpo.suites.speed import IS_FASTER, LEAST_ROUNDS, NAMES, SPEEDUP, fast_scores, speed_values
from skeldpo.timing import estimate_ns

SCORE_NAMES = ("beyond", "beyond_released")
PERCENTILE = "percentile"
PLACE_SCORES = f"pass@k, beyond@k, beyond_released@k, beyond_given_pass, percentile@k, {NAMES}"
"""What `place_among_references` gives, as docs/SUITES.md has it."""
TOO_SLOW = "right, but too slow to be timed with the references"
NOT_TIMED = "right, but it could not be timed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredProblem:
    """A problem's result, and samples or the problem itself that could not be scored."""

    result: ProblemResult | None
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the problems of a suite are scored; `stopped_ns` is where measuring stops a program."""

    score: Score
    ks: tuple[int, ...]
    stopped_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What was measured of a problem, by the candidate that was run.

    `times_ns` of every program that was timed; `stopped` are those that were stopped when they
    were. `references`: times of the passing references, each distinct program once, in the suite's
    order; none if any was lost, as `unscored` then says. `baselines_ns` are the times of the
    problem's own reference in the rounds of a program.
    """

    times_ns: Mapping[str, tuple[int, ...]]
    baselines_ns: Mapping[str, tuple[int, ...]]
    stopped: frozenset[str]
    references: Mapping[str, tuple[int, ...]]
    unscored: str

    @property
    def shows_speed(self) -> bool:
        """Whether it was measured in enough rounds to tell a program from the reference. Not asked
        of each sample: which of them are right must not decide whether a problem counts."""
        num_rounds = max((len(times) for times in self.times_ns.values()), default=0)
        return bool(self.references) and num_rounds >= LEAST_ROUNDS

    @property
    def is_distribution(self) -> bool:
        """Whether there are references to have a percentile among."""
        return len(self.references) > 1


def suite_assignments(
    held: SuiteProblems, programs: Mapping[str, Sequence[str]], seed: int
) -> list[Assignment]:
    """What to measure: each problem that has programs, with its references."""
    made = []
    for problem in held.problems:
        codes = programs.get(problem.problem_id)
        if codes is None:
            continue
        references = [held.assembled(problem.problem_id, known.code) for known in problem.solutions]
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
                    *_samples(held, problem, codes),
                ),
            )
        )
    return made


def score_problem(
    held: SuiteProblems,
    assignment: Assignment,
    codes: Mapping[str, str],
    rows: Sequence[Measurement],
    terms: Terms,
) -> ScoredProblem:
    """The result of one problem; `codes` are the programs as they were given, by candidate, where
    they are not what was run. A sample without a verdict is left out."""
    problem = assignment.problem
    verdicts = {row.candidate_id: row for row in rows if row.phase == "check"}
    samples, noted = [], []
    for candidate in assignment.candidates:
        if candidate.origin != "sampled":
            continue
        row = verdicts.get(candidate.candidate_id)
        if row is None or not row.outcome.is_verdict:
            why = f"{NO_VERDICT[row.outcome]}: {row.failure}" if row else "no verdict"
            noted.append((f"sample {candidate.sample_index}", why))
            continue
        given = replace(candidate, code=codes.get(candidate.candidate_id, candidate.code))
        samples.append(JudgedSample(candidate=given, verdict=row))
    result = None
    too_large = [f"@{k}" for k in terms.ks if k > len(samples)]
    if samples and too_large:
        noted.append((f"{len(samples)} samples", f"too few to be scored {' or '.join(too_large)}"))
    if samples:
        scored = terms.score(
            Judged(
                assignment=assignment,
                samples=tuple(samples),
                rows=tuple(rows),
                stopped_ns=terms.stopped_ns,
                reference_scores=held.reference_scores.get(problem.problem_id, ()),
            ),
            terms.ks,
        )
        noted += scored.notes
        result = ProblemResult(
            problem_id=problem.problem_id,
            difficulty=problem.difficulty,
            samples=scored.samples,
            relative_to=scored.relative_to,
            scores=scored.scores,
            family=family_of(problem.source),
        )
    elif not noted:
        noted.append(("samples", "no program was written"))
    return ScoredProblem(
        result=result,
        left_out=tuple(
            LeftOut(place=place, problem_id=problem.problem_id, reason=reason)
            for place, reason in noted
        ),
    )


def place_among_references(judged: Judged, ks: Sequence[int]) -> Scores:
    """pass@k, Beyond, Mercury's released Beyond, the percentile among several known programs, and
    fast@p."""
    timings = reference_timings(judged)
    samples = placed_samples(judged, timings)
    names = [*SCORE_NAMES] if timings.references else []
    names += [PERCENTILE] if timings.is_distribution else []
    return Scores(
        samples=samples,
        scores=beyond_scores(samples, ks, names)
        | (fast_scores(samples, ks) if timings.shows_speed else {}),
        relative_to=relative_to(judged, timings),
        notes=(*untimed_notes(samples, timings), *unscored_note(timings.unscored)),
    )


def pass_scores(samples: Sequence[SampleResult], ks: Sequence[int]) -> dict[str, float]:
    """pass@k for every k that there are samples for."""
    num_correct = sum(sample.is_correct for sample in samples)
    return {f"pass@{k}": pass_at_k(len(samples), num_correct, k) for k in ks if k <= len(samples)}


def beyond_scores(
    samples: Sequence[SampleResult], ks: Sequence[int], names: Sequence[str]
) -> dict[str, float]:
    """pass@k and "@k" of each Beyond-like figure in `names`, and Beyond given pass.

    The latter is the mean over correct samples alone: Beyond is dominated by Pass. A correct sample
    without a figure counts as the mean of the correct ones that have it; where none has, the
    problem has no such score.
    """
    made = pass_scores(samples, ks)
    for name in names:
        passed = [s.values[name] for s in samples if s.is_correct and name in s.values]
        if not passed and any(sample.is_correct for sample in samples):
            continue
        mean = sum(passed) / len(passed) if passed else 0.0
        values = [s.values.get(name, mean) if s.is_correct else 0.0 for s in samples]
        made |= {f"{name}@{k}": mean_of_first(values, k) for k in ks if k <= len(values)}
        if name == "beyond" and passed:
            made["beyond_given_pass"] = mean
    return made


def placed_samples(judged: Judged, timings: Timings) -> tuple[SampleResult, ...]:
    """The samples with their times and, where there are references, their Beyond, percentile and
    speed."""
    return tuple(_placed(sample, timings) for sample in judged.samples)


def untimed_notes(samples: Sequence[SampleResult], timings: Timings) -> list[tuple[str, str]]:
    """The right samples that have no place among the references."""
    return [
        (f"sample {sample.sample_index}", f"{NOT_TIMED}: it counts in pass@k alone")
        for sample in samples
        if timings.references and sample.is_correct and "beyond" not in sample.values
    ]


def unscored_note(reason: str) -> list[tuple[str, str]]:
    """Says why a problem counts in pass@k alone, if there is a reason."""
    return [("references", f"{reason}: only pass@k is scored")] if reason else []


def relative_to(judged: Judged, timings: Timings) -> dict[str, object]:
    """The references' times in ns, those of the problem's own one round by round, and the input
    they and the samples were timed on ("" if none was): where two reports differ in it, their
    scores are not to be compared."""
    baselines_ns = sorted(timings.baselines_ns.values(), key=len)
    return {
        "reference_times_ns": [list(times) for times in timings.references.values()],
        "baseline_times_ns": list(baselines_ns[-1]) if baselines_ns else [],
        "input_digest": next((row.input_digest for row in judged.rows if row.input_digest), ""),
    }


def reference_keys(judged: Judged) -> list[str]:
    """The candidate that was run for each reference that has a check row, in the suite's order."""
    verdicts = {row.candidate_id: row for row in judged.rows if row.phase == "check"}
    found = (verdicts.get(key) for key in _reference_ids(judged))
    return [row.equal_to for row in found if row is not None]


def reference_timings(judged: Judged, *, counts_stopped: bool = True) -> Timings:
    """A reference that was stopped when it was timed has the limit as its one time, or the time of
    the slowest that came through, if its inputs together took longer: without it the range of
    Beyond would depend on whether a reference near the limit came through. Unless `counts_stopped`
    it is no part of the range. Without one whose sandbox failed, the range may lack an end, so
    there is none."""
    verdicts = {row.candidate_id: row for row in judged.rows if row.phase == "check"}
    screened = [row for row in judged.rows if row.phase == "screen"]
    timed = [row for row in screened if row.cpu_times_ns]
    times = {row.candidate_id: row.cpu_times_ns for row in timed}
    stopped = {row.candidate_id for row in screened if row.outcome is Outcome.TIME_LIMIT}
    tried = {row.candidate_id for row in screened if row.outcome.is_verdict}
    lost = [
        f"no verdict on, or no time of, reference {index}"
        for index, row in enumerate(verdicts.get(key) for key in _reference_ids(judged))
        if row is None
        or not row.outcome.is_verdict
        or (tried and row.outcome is Outcome.ACCEPTED and row.equal_to not in tried)
    ]
    keys = reference_keys(judged)
    slowest_ns = max((estimate_ns(times[key]) for key in keys if key in times), default=0.0)
    limit = (round(max(judged.stopped_ns, slowest_ns)),)
    in_range = {key for key in keys if key in times or (counts_stopped and key in stopped)}
    range_ns = {} if lost else {key: times.get(key, limit) for key in keys if key in in_range}
    reason = "" if range_ns else "no reference program passes and was timed"
    return Timings(
        times_ns=times,
        baselines_ns={row.candidate_id: row.baseline_times_ns for row in timed},
        stopped=frozenset(stopped),
        references=range_ns,
        unscored=lost[0] if lost else reason,
    )


def _reference_ids(judged: Judged) -> list[str]:
    return [c.candidate_id for c in judged.assignment.candidates if c.origin == "dataset"]


def _samples(held: SuiteProblems, problem: Problem, codes: Sequence[str]) -> tuple[Candidate, ...]:
    assembled = [held.assembled(problem.problem_id, code) for code in codes]
    return tuple(
        replace(
            candidate,
            origin="sampled",
            candidate_id=content_id(problem.problem_id, "evaluated", candidate.candidate_id),
        )
        for candidate in dataset_candidates(problem, assembled)
    )


def given_codes(assignment: Assignment, codes: Sequence[str]) -> dict[str, str]:
    """The programs of an assignment's samples as they were given, by candidate."""
    return {
        candidate.candidate_id: codes[candidate.sample_index]
        for candidate in assignment.candidates
        if candidate.origin == "sampled"
    }


def _placed(sample: JudgedSample, timings: Timings) -> SampleResult:
    candidate, row = sample.candidate, sample.verdict
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
        if timings.is_distribution:
            values[PERCENTILE] = percentile(time_ns, against)
    if timings.shows_speed and own:
        values |= speed_values(own, timings.baselines_ns[row.equal_to])
    elif timings.shows_speed and is_slow:
        values |= {SPEEDUP: 0.0, IS_FASTER: 0.0}
    return SampleResult(
        sample_index=candidate.sample_index,
        code=candidate.code,
        outcome=row.outcome,
        is_correct=passed,
        failure=failure,
        values=values,
        times_ns=((own,),) if own else (),
    )
