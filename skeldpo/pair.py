"""The preference pairs of one problem, from the verdicts and times of its candidates.

Efficiency pairs: two distinct accepted programs of one confirming session, the chosen one faster
beyond doubt (`timing.is_faster`); they have skeletons if both groups of the problem are large
enough. Correctness pairs: an accepted program over one that is wrong for a reason of its own,
nearest in text first. A failure of the sandbox is evidence for nothing. Whatever gives no pair is
counted by reason. Pure, and the order of the rows does not matter.
"""

from __future__ import annotations

import difflib
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from skeldpo.config import PairConfig, SkeletonConfig
from skeldpo.records import (
    Candidate,
    Dropped,
    Measurement,
    Outcome,
    PairSide,
    PairStage,
    PreferencePair,
    Problem,
    Skeleton,
    content_id,
)
from skeldpo.skeleton.lexical import empty_skeleton, group_skeleton, tokens
from skeldpo.timing import Comparison, compare, estimate_ns, is_faster

CUT_OFF = "length"
"""finish_reason of a completion that reached generate.max_tokens: it is never chosen."""
MAX_COMPARED_PROGRAMS = 8
"""Programs a side among which the nearest two are looked for, by lowest id."""
MAX_COMPARED_TOKENS = 400
"""Tokens at the start of a program that count for nearness."""
_NOT_COMPARED = Comparison(
    speedup=0.0, speedup_low=0.0, p_value=0.0, hodges_lehmann=0.0, min_ratio=0.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPairs:
    """The pairs of one problem, by falling speedup and then the correctness pairs, and the rest.

    `efficiency_reason` and `correctness_reason` say why that stage has no pair (empty if it has).
    `dropped` counts problems: one row if there is no pair at all, else none. `dropped_candidates`
    counts the candidates in no pair, so that with those in a pair they are all.
    """

    pairs: tuple[PreferencePair, ...]
    efficiency_reason: str
    correctness_reason: str
    dropped: tuple[Dropped, ...]
    dropped_candidates: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """A distinct program with a verdict. `time_ratio`: median CPU time over baseline, 0 untimed."""

    candidate: Candidate
    is_accepted: bool
    time_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Race:
    """Two programs of one confirming session; `fast` has the lower median."""

    fast: Measurement
    slow: Measurement
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    """Efficient: less than min_speedup slower than the fastest, fastest first. Inefficient: the
    others, slowest first."""

    efficient: Sequence[_Program]
    inefficient: Sequence[_Program]


def build_pairs(
    *,
    problem: Problem,
    candidates: Sequence[Candidate],
    measurements: Sequence[Measurement],
    pair: PairConfig,
    skeleton: SkeletonConfig,
    round_index: int,
) -> ProblemPairs:
    """Builds the pairs of one problem from all rows that belong to it.

    Rows of other problems or of unknown candidates, and confirming sessions whose rows differ in
    their number of rounds, are a ValueError.
    """
    _check_rows(problem, candidates, measurements)
    programs, reasons = _programs(candidates, measurements)
    accepted = {key: program for key, program in programs.items() if program.is_accepted}
    wrong = {key: program for key, program in programs.items() if not program.is_accepted}
    races = _races(accepted, measurements)
    wins = _wins(races, accepted, pair)[: pair.max_efficiency_pairs]
    contrasts = _contrasts(accepted.values(), wrong.values(), pair.max_correctness_pairs)
    groups = _groups(accepted.values(), pair.min_speedup)
    pairs = []
    for race in wins:
        chosen, rejected = accepted[race.fast.candidate_id], accepted[race.slow.candidate_id]
        first, second = _skeletons(chosen, rejected, groups, skeleton)
        sides = (
            _side(chosen, _session_ratio(race.fast), first),
            _side(rejected, _session_ratio(race.slow), second),
        )
        pairs.append(_preference(problem, round_index, "efficiency", sides, race.comparison))
    for chosen, rejected in contrasts:
        none = empty_skeleton("correctness pairs have no skeletons")
        sides = _side(chosen, chosen.time_ratio, none), _side(rejected, 0.0, none)
        pairs.append(_preference(problem, round_index, "correctness", sides, _NOT_COMPARED))
    efficiency_reason = correctness_reason = "" if accepted else _no_accepted_reason(reasons)
    if accepted and not wins:
        confirmed = any(row.phase == "confirm" for row in measurements)
        efficiency_reason = _no_efficiency_reason(accepted.values(), races, confirmed, pair)
    if accepted and not contrasts:
        correctness_reason = _no_correctness_reason(len(wrong), pair.max_correctness_pairs)
    used = {side.candidate_id for row in pairs for side in (row.chosen, row.rejected)}
    reasons.update(
        {
            key: "accepted, in no pair" if program.is_accepted else "wrong, in no pair"
            for key, program in programs.items()
            if key not in used
        }
    )
    whole = f"efficiency: {efficiency_reason}; correctness: {correctness_reason}"
    return ProblemPairs(
        pairs=tuple(pairs),
        efficiency_reason=efficiency_reason,
        correctness_reason=correctness_reason,
        dropped=() if pairs else (Dropped(reason=whole, num_rows=1),),
        dropped_candidates=tuple(
            Dropped(reason=reason, num_rows=num_rows)
            for reason, num_rows in sorted(Counter(reasons.values()).items())
        ),
    )


def _check_rows(
    problem: Problem, candidates: Sequence[Candidate], measurements: Sequence[Measurement]
) -> None:
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


def _programs(
    candidates: Sequence[Candidate], measurements: Sequence[Measurement]
) -> tuple[dict[str, _Program], dict[str, str]]:
    """The programs that can be in a pair by candidate id, and why each other candidate cannot."""
    rows_by_id = defaultdict(list)
    for row in measurements:
        rows_by_id[row.candidate_id].append(row)
    programs: dict[str, _Program] = {}
    reasons: dict[str, str] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.candidate_id):
        rows = rows_by_id[candidate.candidate_id]
        reason = _reason_against(candidate, rows)
        if reason:
            reasons[candidate.candidate_id] = reason
        else:
            programs[candidate.candidate_id] = _Program(
                candidate=candidate,
                is_accepted=any(row.outcome is Outcome.ACCEPTED for row in rows),
                time_ratio=_time_ratio(rows),
            )
    return programs, reasons


def _reason_against(candidate: Candidate, rows: Sequence[Measurement]) -> str:
    checks = [row for row in rows if row.phase == "check"]
    verdicts = {row.outcome for row in checks} - {Outcome.SANDBOX_FAILED}
    timed = {row.outcome for row in rows if row.phase != "check"} - {Outcome.SANDBOX_FAILED}
    if not checks:
        return "no verdict"
    if not verdicts:
        return "the sandbox failed"
    if any(row.equal_to != candidate.candidate_id for row in checks):
        return "same program as another candidate"
    if Outcome.VIOLATION in verdicts | timed:
        return "violation of the sandbox"
    if not candidate.code.strip():
        return "no code in the completion"
    if len(verdicts) > 1:
        return "verdicts that contradict each other"
    if verdicts == {Outcome.ACCEPTED} and timed - verdicts:
        return "accepted by the tests, failed on timed inputs"
    return ""


def _time_ratio(rows: Iterable[Measurement]) -> float:
    """From the confirming session with most rounds if there is one, else from the screening."""
    timed = [row for row in rows if row.cpu_times_ns]
    if not timed:
        return 0.0
    best = max(
        timed, key=lambda row: (row.phase == "confirm", len(row.cpu_times_ns), row.session_id)
    )
    return _session_ratio(best)


def _session_ratio(row: Measurement) -> float:
    return statistics.median(
        cpu / baseline
        for cpu, baseline in zip(row.cpu_times_ns, row.baseline_times_ns, strict=True)
    )


def _races(accepted: Mapping[str, _Program], measurements: Sequence[Measurement]) -> list[_Race]:
    """A comparison for every two programs that share a confirming session.

    Where they share several, the one with most rounds decides, alone: taking the best of several
    would find differences that are not there.
    """
    sessions: dict[str, list[Measurement]] = defaultdict(list)
    for row in measurements:
        if row.phase == "confirm" and row.cpu_times_ns and row.candidate_id in accepted:
            sessions[row.session_id].append(row)
    meetings: dict[tuple[str, str], list[Measurement]] = {}
    for _, rows in sorted(sessions.items()):
        _check_session(rows)
        rows.sort(key=lambda row: row.candidate_id)
        for both in itertools.combinations(rows, 2):
            key = (both[0].candidate_id, both[1].candidate_id)
            before = meetings.get(key)
            if before is None or len(both[0].cpu_times_ns) > len(before[0].cpu_times_ns):
                meetings[key] = sorted(both, key=lambda row: estimate_ns(row.cpu_times_ns))
    return [
        _Race(fast=fast, slow=slow, comparison=compare(fast.cpu_times_ns, slow.cpu_times_ns))
        for fast, slow in meetings.values()
    ]


def _check_session(rows: Sequence[Measurement]) -> None:
    num_rounds = {row.candidate_id: len(row.cpu_times_ns) for row in rows}
    if len(num_rounds) < len(rows) or len(set(num_rounds.values())) > 1:
        raise ValueError(
            f"confirming session {rows[0].session_id} of problem {rows[0].problem_id}: expected "
            f"one row a candidate, as many rounds in each; got {len(rows)} rows with {num_rounds}; "
            "the session was written in part, measure the problem again"
        )


def _wins(
    races: Iterable[_Race], accepted: Mapping[str, _Program], pair: PairConfig
) -> list[_Race]:
    """The races that prove a difference, largest speedup first."""
    limits = {"min_speedup": pair.min_speedup, "max_p_value": pair.max_p_value}
    wins = [
        race
        for race in races
        if is_faster(race.comparison, **limits)
        and accepted[race.fast.candidate_id].candidate.finish_reason != CUT_OFF
    ]
    wins.sort(key=lambda race: (race.fast.candidate_id, race.slow.candidate_id))
    return sorted(wins, key=lambda race: -race.comparison.speedup)


def _contrasts(
    accepted: Iterable[_Program], wrong: Iterable[_Program], max_pairs: int
) -> list[tuple[_Program, _Program]]:
    """(accepted, wrong) programs, the most alike first; each wrong one at most once."""
    chosen = [each for each in accepted if each.candidate.finish_reason != CUT_OFF]
    alike = []
    for first, second in itertools.product(
        chosen[:MAX_COMPARED_PROGRAMS], list(wrong)[:MAX_COMPARED_PROGRAMS]
    ):
        texts = tokens(first.candidate.code), tokens(second.candidate.code)
        if texts[0] != texts[1]:
            starts = [text[:MAX_COMPARED_TOKENS] for text in texts]
            matcher = difflib.SequenceMatcher(None, starts[0], starts[1], autojunk=False)
            alike.append((matcher.ratio(), first, second))
    contrasts: dict[str, tuple[_Program, _Program]] = {}
    for _, first, second in sorted(alike, key=lambda row: -row[0]):
        if len(contrasts) < max_pairs:
            contrasts.setdefault(second.candidate.candidate_id, (first, second))
    return list(contrasts.values())


def _groups(accepted: Iterable[_Program], min_speedup: float) -> _Groups:
    timed = sorted(
        (program for program in accepted if program.time_ratio > 0),
        key=lambda program: program.time_ratio,
    )
    limit = min_speedup * timed[0].time_ratio if timed else 0.0
    return _Groups(
        efficient=[program for program in timed if program.time_ratio < limit],
        inefficient=[program for program in reversed(timed) if program.time_ratio >= limit],
    )


def _skeletons(
    chosen: _Program, rejected: _Program, groups: _Groups, config: SkeletonConfig
) -> tuple[Skeleton, Skeleton]:
    """Of chosen and rejected; both are empty, with the reason, unless both exist and differ."""
    first = _skeleton_in_group(chosen, groups.efficient, "efficient", config)
    second = _skeleton_in_group(rejected, groups.inefficient, "inefficient", config)
    reasons = [skeleton.note for skeleton in (first, second) if not skeleton.text]
    if not reasons and first.text == second.text:
        reasons = ["chosen and rejected have the same skeleton"]
    if reasons:
        return (empty_skeleton("; ".join(reasons)),) * 2
    return first, second


def _skeleton_in_group(
    program: _Program, group: Sequence[_Program], name: str, config: SkeletonConfig
) -> Skeleton:
    if program not in group:
        return empty_skeleton(f"the program is not in the {name} group")
    members = [member.candidate.code for member in group[: config.max_group]]
    skeleton = group_skeleton(program.candidate.code, members, min_group=config.min_group)
    return skeleton if skeleton.text else empty_skeleton(f"{name} {skeleton.note}")


def _preference(
    problem: Problem,
    round_index: int,
    stage: PairStage,
    sides: tuple[PairSide, PairSide],
    comparison: Comparison,
) -> PreferencePair:
    chosen, rejected = sides
    ids = chosen.candidate_id, rejected.candidate_id
    return PreferencePair(
        pair_id=content_id("pair", problem.problem_id, round_index, stage, *ids),
        problem_id=problem.problem_id,
        round_index=round_index,
        stage=stage,
        statement=problem.statement,
        starter_code=problem.starter_code,
        chosen=chosen,
        rejected=rejected,
        speedup=comparison.speedup,
        speedup_low=comparison.speedup_low,
        p_value=comparison.p_value,
    )


def _side(program: _Program, time_ratio: float, skeleton: Skeleton) -> PairSide:
    return PairSide(
        candidate_id=program.candidate.candidate_id,
        code=program.candidate.code,
        completion_token_ids=program.candidate.completion_token_ids,
        skeleton=skeleton,
        time_ratio=time_ratio,
    )


def _no_accepted_reason(reasons: Mapping[str, str]) -> str:
    failed = set(reasons.values()) == {"the sandbox failed"}
    return "the sandbox failed for every candidate" if failed else "no accepted candidate"


def _no_efficiency_reason(
    accepted: Collection[_Program], races: Sequence[_Race], confirmed: bool, pair: PairConfig
) -> str:
    if pair.max_efficiency_pairs == 0:
        return "pair.max_efficiency_pairs is 0"
    if len(accepted) == 1:
        return "one distinct accepted program"
    if sum(program.time_ratio > 0 for program in accepted) < 2:
        return "fewer than two accepted programs were timed"
    if not races and confirmed:
        return "no undisturbed round in the confirming session"
    if not races:
        return "the screening proposed no two programs to confirm"
    return "no speed difference beyond doubt"


def _no_correctness_reason(num_wrong: int, max_pairs: int) -> str:
    if max_pairs == 0:
        return "pair.max_correctness_pairs is 0"
    if num_wrong == 0:
        return "no wrong candidate"
    return "every accepted candidate was cut off at generate.max_tokens"
