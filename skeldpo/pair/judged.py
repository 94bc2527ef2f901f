"""The programs of a problem that can be in a pair, and why each other candidate cannot."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skeldpo.records import NO_VERDICT, Candidate, Measurement, Outcome, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A distinct program with a verdict. `time_ratio`: median CPU time over baseline, 0 untimed.

    `variants` are the texts of the candidates that are the same program and were not run
    themselves: it with other names, comments or layout. `hot_lines`: empty if not profiled.
    """

    candidate: Candidate
    is_accepted: bool
    time_ratio: float
    variants: tuple[str, ...]
    hot_lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The programs by candidate id, and the reason against each other candidate by its id."""

    programs: dict[str, Program]
    reasons: dict[str, str]

    @property
    def accepted(self) -> dict[str, Program]:
        """The right ones."""
        return {key: program for key, program in self.programs.items() if program.is_accepted}


def by_candidate(measurements: Iterable[Measurement]) -> dict[str, list[Measurement]]:
    """The rows of each candidate; none of one that has no row."""
    found: dict[str, list[Measurement]] = defaultdict(list)
    for row in measurements:
        found[row.candidate_id].append(row)
    return found


def judge_candidates(
    candidates: Sequence[Candidate], measurements: Sequence[Measurement]
) -> Judged:
    """Every candidate as a program or with a reason, in order of their ids."""
    rows_by_id = by_candidate(measurements)
    variants = defaultdict(list)
    for candidate in sorted(candidates, key=lambda candidate: candidate.candidate_id):
        for run_id in {row.equal_to for row in rows_by_id[candidate.candidate_id]}:
            if run_id != candidate.candidate_id:
                variants[run_id].append(candidate.code)
    judged = Judged(programs={}, reasons={})
    for candidate in sorted(candidates, key=lambda candidate: candidate.candidate_id):
        rows = rows_by_id[candidate.candidate_id]
        reason = _reason_against(candidate, rows)
        if reason:
            judged.reasons[candidate.candidate_id] = reason
        else:
            judged.programs[candidate.candidate_id] = Program(
                candidate=candidate,
                is_accepted=any(row.outcome is Outcome.ACCEPTED for row in rows),
                time_ratio=_time_ratio(rows),
                variants=tuple(variants[candidate.candidate_id]),
                hot_lines=next((row.hot_lines for row in rows if row.hot_lines), ()),
            )
    return judged


def check_rows(
    problem: Problem, candidates: Sequence[Candidate], measurements: Sequence[Measurement]
) -> None:
    """ValueError unless all rows are the problem's own and each candidate is there once."""
    known = Counter(candidate.candidate_id for candidate in candidates)
    foreign = {row.problem_id for row in candidates} | {row.problem_id for row in measurements}
    foreign.discard(problem.problem_id)
    unknown = {row.candidate_id for row in measurements} - set(known)
    repeated = [key for key, count in known.items() if count > 1]
    if foreign or unknown or repeated:
        raise ValueError(
            f"build_pairs of problem {problem.problem_id}: expected its own rows, each candidate "
            f"once; got rows of problems {sorted(foreign)}, measurements of unknown candidates "
            f"{sorted(unknown)}, repeated candidates {sorted(repeated)}"
        )


def session_ratio(row: Measurement) -> float:
    """The median over the session's rounds of CPU time over the baseline's."""
    return statistics.median(
        cpu / baseline
        for cpu, baseline in zip(row.cpu_times_ns, row.baseline_times_ns, strict=True)
    )


def middle(first: Program, second: Program) -> float:
    """The time ratio that is as far from the one program's as from the other's."""
    return math.sqrt(first.time_ratio * second.time_ratio)


def _reason_against(candidate: Candidate, rows: Sequence[Measurement]) -> str:
    checks = [row for row in rows if row.phase == "check"]
    verdicts = {row.outcome for row in checks if row.outcome.is_verdict}
    timed = {row.outcome for row in rows if row.phase != "check" and row.outcome.is_verdict}
    if not checks:
        return "no verdict"
    if not verdicts:
        return NO_VERDICT[max(row.outcome for row in checks)]
    if any(row.equal_to != candidate.candidate_id for row in checks):
        return "same program as another candidate"
    if Outcome.VIOLATION in verdicts | timed:
        return "violation of the sandbox"
    if not candidate.code.strip():
        return "no code in the completion"
    if len(verdicts | timed & {Outcome.ACCEPTED}) > 1:
        return "verdicts that contradict each other"
    if verdicts == {Outcome.ACCEPTED} and timed - verdicts:
        return f"accepted by the tests, {'/'.join(sorted(timed - verdicts))} on timed inputs"
    return ""


def _time_ratio(rows: Iterable[Measurement]) -> float:
    """From the confirming session with most rounds if there is one, else from the screening."""
    timed = [row for row in rows if row.cpu_times_ns and row.phase != "crosscheck"]
    if not timed:
        return 0.0
    best = max(
        timed, key=lambda row: (row.phase == "confirm", len(row.cpu_times_ns), row.session_id)
    )
    return session_ratio(best)
