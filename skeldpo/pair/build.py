"""The preference pairs of one problem, from the verdicts and times of its candidates.

Efficiency pairs: two distinct accepted programs of one confirming session, the chosen one faster
beyond doubt (`timing.is_faster`) and not slower in a cross-check, all that were asked for being
there; they have skeletons if the groups
of both sides are large enough. Correctness pairs: an accepted program over one that is wrong for a
reason of its own, nearest in text first. A failure of the sandbox is evidence for nothing. Whatever
gives no pair is counted by reason. Pure, and the order of the rows does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from skeldpo.answers import CUT_OFF
from skeldpo.config import PairConfig, SkeletonConfig
from skeldpo.judging.right_answers import several_answers
from skeldpo.languages import language
from skeldpo.languages.contract import Language
from skeldpo.pair.choice import choose_contrasts, choose_races, may_pair, pair_weight
from skeldpo.pair.earlier import NO_EARLIER, EarlierPrograms
from skeldpo.pair.judged import (
    Judged,
    Program,
    check_rows,
    judge_candidates,
    middle,
    session_ratio,
)
from skeldpo.pair.races import Race, decided_races, find_races, is_shown
from skeldpo.pair.sides import Sides, divide, pair_points, pair_skeletons
from skeldpo.records import (
    NO_VERDICT,
    Candidate,
    Dropped,
    Measurement,
    PairSide,
    PairStage,
    PreferencePair,
    Problem,
    Skeleton,
    content_id,
)
from skeldpo.skeleton.extract import empty_skeleton
from skeldpo.timing import Comparison, signed_rank_p_value

_OF_TWO_ORIGINS = "those that differ are a sampled and a given program (pair.origins)"
_NOT_COMPARED = Comparison(speedup=0.0, speedup_low=0.0, p_value=0.0, median_ratio=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """What became of a problem's candidates, step by step.

    `efficient_groups` and `inefficient_groups` are the numbers of texts, those with other names
    included, in the groups of programs that are alike, of those nearer in time to the fastest
    program and of those nearer to the slowest; `num_races` counts two programs that
    met in a confirming session, `num_decided` those of them that differ beyond doubt,
    `num_reversed` those of these whose order is the reverse on another kind of input,
    `num_unchecked` those of which a cross-check is missing.
    """

    num_candidates: int
    num_distinct: int
    num_accepted: int
    num_timed: int
    efficient_groups: tuple[int, ...]
    inefficient_groups: tuple[int, ...]
    num_races: int
    num_decided: int
    num_reversed: int
    num_unchecked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPairs:
    """The efficiency pairs of one problem in order of choice, its correctness pairs, and the rest.

    `efficiency_reason` and `correctness_reason` say why that stage has no pair (empty if it has).
    `dropped` counts problems: one row if there is no pair at all, else none. `dropped_candidates`
    counts the candidates in no pair, so that with those in a pair they are all. `error` says why
    they could not be built (`pair.guarded`), empty if they were.
    """

    problem_id: str
    pairs: tuple[PreferencePair, ...]
    funnel: Funnel
    efficiency_reason: str
    correctness_reason: str
    dropped: tuple[Dropped, ...]
    dropped_candidates: tuple[Dropped, ...]
    error: str = ""


def build_pairs(  # noqa: PLR0913
    *,
    problem: Problem,
    candidates: Sequence[Candidate],
    measurements: Sequence[Measurement],
    pair: PairConfig,
    skeleton: SkeletonConfig,
    round_index: int,
    earlier: EarlierPrograms = NO_EARLIER,
) -> ProblemPairs:
    """Builds the pairs of one problem from all rows that belong to it; programs of `earlier`
    rounds are members of its skeletons' groups.

    Rows of other problems or of unknown candidates, and confirming sessions whose rows differ in
    their number of rounds, are a ValueError.
    """
    check_rows(problem, candidates, measurements)
    written_in = language(problem.language)
    judged = judge_candidates(candidates, measurements)
    accepted = judged.accepted
    wrong = {key: program for key, program in judged.programs.items() if not program.is_accepted}
    races = find_races(accepted, measurements)
    decided = decided_races(races, accepted, pair)
    holding = [race for race in decided if not (race.is_reversed or race.is_unchecked)]
    holding = [race for race in holding if may_pair(*_programs(race, accepted), pair)]
    chosen_races = choose_races(holding, accepted, pair)
    several = several_answers(problem)
    contrasts = choose_contrasts(accepted.values(), () if several else wrong.values(), pair)
    pairs = [
        _preference(
            problem,
            round_index,
            _race_sides(race, accepted, skeleton, written_in, earlier),
            race.comparison,
            pair_weight(race.comparison, pair),
        )
        for race in chosen_races
    ]
    pairs += [_correctness_pair(problem, round_index, *programs) for programs in contrasts]
    efficiency_reason = correctness_reason = "" if accepted else _no_accepted_reason(judged)
    if accepted and not chosen_races:
        confirmed = any(row.phase == "confirm" for row in measurements)
        unverified = next((row.unverified for row in measurements if row.unverified), "")
        efficiency_reason = unverified or _no_efficiency_reason(
            accepted.values(), races, decided, confirmed, pair
        )
    if accepted and not contrasts:
        correctness_reason = _no_correctness_reason(accepted.values(), len(wrong), pair, several)
    whole = f"efficiency: {efficiency_reason}; correctness: {correctness_reason}"
    return ProblemPairs(
        problem_id=problem.problem_id,
        pairs=tuple(pairs),
        funnel=_funnel(judged, _extremes(accepted.values(), skeleton, written_in), races, decided),
        efficiency_reason=efficiency_reason,
        correctness_reason=correctness_reason,
        dropped=() if pairs else (Dropped(reason=whole, num_rows=1),),
        dropped_candidates=_dropped_candidates(judged, pairs),
    )


def _programs(race: Race, accepted: Mapping[str, Program]) -> tuple[Program, Program]:
    return accepted[race.fast.candidate_id], accepted[race.slow.candidate_id]


def _race_sides(
    race: Race,
    accepted: Mapping[str, Program],
    config: SkeletonConfig,
    written_in: Language,
    earlier: EarlierPrograms,
) -> list[PairSide]:
    """Chosen and rejected, with their skeletons and what makes the difference."""
    fast, slow = _programs(race, accepted)
    sides = divide(accepted.values(), middle(fast, slow), config, written_in, earlier)
    codes = fast.candidate.code, slow.candidate.code
    skeletons = pair_skeletons(*codes, sides, config)
    points = pair_points(*codes, sides, config)
    return [
        replace(_side(accepted[row.candidate_id], session_ratio(row), skeleton), prone_spans=spans)
        for row, skeleton, spans in zip((race.fast, race.slow), skeletons, points, strict=True)
    ]


def _extremes(accepted: Iterable[Program], config: SkeletonConfig, written_in: Language) -> Sides:
    """The groups of the fastest program and the slowest."""
    timed = sorted((p for p in accepted if p.time_ratio > 0), key=lambda p: p.time_ratio)
    limit = middle(timed[0], timed[-1]) if timed else 0.0
    return divide(timed, limit, config, written_in)


def _funnel(judged: Judged, sides: Sides, races: Sequence[Race], decided: Sequence[Race]) -> Funnel:
    programs = judged.programs.values()
    return Funnel(
        num_candidates=len(programs) + len(judged.reasons),
        num_distinct=len(programs),
        num_accepted=sum(program.is_accepted for program in programs),
        num_timed=sum(program.time_ratio > 0 for program in programs),
        efficient_groups=tuple(len(group) for group in sides.efficient.groups),
        inefficient_groups=tuple(len(group) for group in sides.inefficient.groups),
        num_races=len(races),
        num_decided=len(decided),
        num_reversed=sum(race.is_reversed for race in decided),
        num_unchecked=sum(race.is_unchecked for race in decided),
    )


def _dropped_candidates(judged: Judged, pairs: Sequence[PreferencePair]) -> tuple[Dropped, ...]:
    used = {side.candidate_id for row in pairs for side in (row.chosen, row.rejected)}
    reasons = list(judged.reasons.values())
    reasons += [
        "accepted, in no pair" if program.is_accepted else "wrong, in no pair"
        for key, program in judged.programs.items()
        if key not in used
    ]
    return tuple(
        Dropped(reason=reason, num_rows=num_rows)
        for reason, num_rows in sorted(Counter(reasons).items())
    )


def _correctness_pair(
    problem: Problem, round_index: int, chosen: Program, rejected: Program
) -> PreferencePair:
    none = empty_skeleton("correctness pairs have no skeletons")
    sides = [_side(chosen, chosen.time_ratio, none), _side(rejected, 0.0, none)]
    return _preference(problem, round_index, sides, _NOT_COMPARED, 1.0)


def _preference(
    problem: Problem,
    round_index: int,
    sides: Sequence[PairSide],
    comparison: Comparison,
    weight: float,
) -> PreferencePair:
    stage: PairStage = "correctness" if comparison is _NOT_COMPARED else "efficiency"
    chosen, rejected = sides
    ids = chosen.candidate_id, rejected.candidate_id
    return PreferencePair(
        pair_id=content_id("pair", problem.problem_id, round_index, stage, *ids),
        problem_id=problem.problem_id,
        language=problem.language,
        round_index=round_index,
        stage=stage,
        statement=problem.statement,
        starter_code=problem.starter_code,
        chosen=chosen,
        rejected=rejected,
        speedup=comparison.speedup,
        speedup_low=comparison.speedup_low,
        p_value=comparison.p_value,
        weight=weight,
    )


def _side(program: Program, time_ratio: float, skeleton: Skeleton) -> PairSide:
    return PairSide(
        candidate_id=program.candidate.candidate_id,
        code=program.candidate.code,
        origin=program.candidate.origin,
        completion_token_ids=program.candidate.completion_token_ids,
        skeleton=skeleton,
        time_ratio=time_ratio,
        prompt_token_ids=program.candidate.prompt_token_ids,
    )


def _no_accepted_reason(judged: Judged) -> str:
    reasons = set() if judged.programs else set(judged.reasons.values())
    for lost in NO_VERDICT.values():
        if reasons == {lost}:
            return f"{lost} for every candidate"
    return "no accepted candidate"


def _no_efficiency_reason(
    accepted: Collection[Program],
    races: Sequence[Race],
    decided: Sequence[Race],
    confirmed: bool,
    pair: PairConfig,
) -> str:
    if pair.max_efficiency_pairs == 0:
        return "pair.max_efficiency_pairs is 0"
    if any(not (race.is_reversed or race.is_unchecked) for race in decided):
        return _OF_TWO_ORIGINS
    if len(accepted) == 1:
        return "one distinct accepted program"
    if sum(program.time_ratio > 0 for program in accepted) < 2:
        return "fewer than two accepted programs were timed"
    if not races and confirmed:
        return "no undisturbed round in the confirming session"
    if not races:
        return "the screening proposed no two programs to confirm"
    if not any(_can_be_shown(race, pair.max_p_value) for race in races):
        return "too few undisturbed rounds in the confirming session for pair.max_p_value"
    if any(race.is_unchecked for race in decided):
        return "a cross-check that was asked for is missing; measure the problem again"
    if decided:
        return "which program is faster depends on the input"
    shown = [race for race in races if is_shown(race, pair)]
    cut_off = {p.candidate.candidate_id for p in accepted if p.candidate.finish_reason == CUT_OFF}
    if any(race.fast.candidate_id in cut_off and not race.is_slight for race in shown):
        return "the faster program was cut off at generate.max_tokens"
    if any(race.is_slight for race in shown):
        return "programs differ by no more than their starting may; larger inputs would tell"
    return "no speed difference beyond doubt"


def _can_be_shown(race: Race, max_p_value: float) -> bool:
    """Whether the session has the rounds in which a difference could be shown at all."""
    num_rounds = len(race.fast.cpu_times_ns)
    won_ranks = num_rounds * (num_rounds + 1) // 2
    return signed_rank_p_value(won_ranks, num_rounds) <= max_p_value


def _no_correctness_reason(
    accepted: Iterable[Program], num_wrong: int, pair: PairConfig, several: str
) -> str:
    if pair.max_correctness_pairs == 0:
        return "pair.max_correctness_pairs is 0"
    if num_wrong == 0:
        return "no wrong candidate"
    if several:
        return "several answers are right, by its statement: none is known to be wrong"
    if all(program.candidate.finish_reason == CUT_OFF for program in accepted):
        return "every accepted candidate was cut off at generate.max_tokens"
    return _OF_TWO_ORIGINS
