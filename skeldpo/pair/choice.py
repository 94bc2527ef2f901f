"""Which of the possible pairs of a problem are taken, and what a pair weighs."""

from __future__ import annotations

import difflib
import functools
import heapq
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from skeldpo.answers import CUT_OFF
from skeldpo.config import PairConfig
from skeldpo.languages import language
from skeldpo.pair.judged import Program
from skeldpo.pair.races import Race
from skeldpo.skeleton.masking import mask_words
from skeldpo.timing import Comparison

MAX_COMPARED_PROGRAMS = 8
"""Programs a side among which the nearest two are looked for, by lowest id; with `pair.origins`
"same" of each origin."""
MAX_COMPARED_TOKENS = 400
"""Tokens at the start of a program that count for nearness."""


def choose_races(
    races: Sequence[Race], accepted: Mapping[str, Program], pair: PairConfig
) -> list[Race]:
    """The races that become pairs, by `pair.choice`; `races` has the largest certain ratio first.

    nearest: by falling share of tokens that both programs have in order. diverse: each next one is
    that whose sides are least like the sides of those taken (mean of both, and of these the
    largest), which leaves the ratio to decide only between equals.
    """

    def likeness(first: Race, second: Race) -> float:
        return (
            _alike(first.fast.candidate_id, second.fast.candidate_id)
            + _alike(first.slow.candidate_id, second.slow.candidate_id)
        ) / 2

    def _alike(first: str, second: str) -> float:
        return _likeness(accepted[first], accepted[second])

    waiting = list(races)
    if pair.choice == "nearest":
        waiting.sort(key=lambda race: -_alike(race.fast.candidate_id, race.slow.candidate_id))
    if pair.choice != "diverse":
        return waiting[: pair.max_efficiency_pairs]
    taken: list[Race] = []
    while waiting and len(taken) < pair.max_efficiency_pairs:
        best = min(
            waiting,
            key=lambda race: max((likeness(race, other) for other in taken), default=0.0),
        )
        waiting.remove(best)
        taken.append(best)
    return taken


def may_pair(first: Program, second: Program, pair: PairConfig) -> bool:
    """Whether `pair.origins` lets the two be a pair."""
    return pair.origins == "any" or first.candidate.origin == second.candidate.origin


def choose_contrasts(
    accepted: Iterable[Program], wrong: Iterable[Program], pair: PairConfig
) -> list[tuple[Program, Program]]:
    """(accepted, wrong) programs, the most alike first; each wrong one at most once."""
    chosen = _compared((each for each in accepted if each.candidate.finish_reason != CUT_OFF), pair)
    both = [
        (first, second)
        for first, second in itertools.product(chosen, _compared(wrong, pair))
        if may_pair(first, second, pair) and _differ(first, second)
    ]
    contrasts: dict[str, tuple[Program, Program]] = {}
    for first, second in _by_likeness(both):
        if len(contrasts) == pair.max_correctness_pairs:
            break
        contrasts.setdefault(second.candidate.candidate_id, (first, second))
    return list(contrasts.values())


def _compared(programs: Iterable[Program], pair: PairConfig) -> list[Program]:
    """The first programs, of each origin if those are not paired with the other's."""
    found: Counter[str] = Counter()
    kept = []
    for program in programs:
        group = program.candidate.origin if pair.origins == "same" else ""
        found[group] += 1
        if found[group] <= MAX_COMPARED_PROGRAMS:
            kept.append(program)
    return kept


def _by_likeness(both: Sequence[tuple[Program, Program]]) -> Iterator[tuple[Program, Program]]:
    """The most alike first, the earlier of equals first. Likeness, which takes most of the time of
    a problem, is found of those whose upper bound is reached."""
    waiting = [
        (-_most_alike(first.candidate.code, second.candidate.code, first.candidate.language), 0, i)
        for i, (first, second) in enumerate(both)
    ]
    heapq.heapify(waiting)
    while waiting:
        _, is_found, index = heapq.heappop(waiting)
        if is_found:
            yield both[index]
        else:
            heapq.heappush(waiting, (-_likeness(*both[index]), 1, index))


def _likeness(first: Program, second: Program) -> float:
    return text_similarity(first.candidate.code, second.candidate.code, first.candidate.language)


def _differ(first: Program, second: Program) -> bool:
    """Whether in more than comments and blanks. How far a line is indented may be all that makes
    one of them right."""
    return _tokens(first) != _tokens(second) or _lines(first) != _lines(second)


def _tokens(program: Program) -> tuple[str, ...]:
    return language(program.candidate.language).tokens(program.candidate.code)


def _lines(program: Program) -> list[tuple[str, tuple[str, ...]]]:
    """Indentation and tokens of each line that has any."""
    spoken = language(program.candidate.language)
    lines = mask_words(program.candidate.code, lambda start, end: True, spoken).text.splitlines()
    return [
        (line[: len(line) - len(line.lstrip())], spoken.tokens(line))
        for line in lines
        if line.strip()
    ]


@functools.lru_cache(maxsize=1024)
def text_similarity(first: str, second: str, language_name: str) -> float:
    """Tokens that two programs have in the same order, over their mean number (0 to 1)."""
    return _matcher(first, second, language_name).ratio()


def _most_alike(first: str, second: str, language_name: str) -> float:
    """An upper bound of `text_similarity`: tokens in any order."""
    return _matcher(first, second, language_name).quick_ratio()


def _matcher(first: str, second: str, language_name: str) -> difflib.SequenceMatcher[str]:
    tokens = language(language_name).tokens
    starts = [tokens(code)[:MAX_COMPARED_TOKENS] for code in (first, second)]
    return difflib.SequenceMatcher(None, starts[0], starts[1], autojunk=False)


def speedup_tier(speedup_low: float, edges: Sequence[float]) -> int:
    """The tier of a certain ratio: 1 below the first edge, one more at each edge reached."""
    return 1 + sum(speedup_low >= edge for edge in edges)


def pair_weight(comparison: Comparison, pair: PairConfig) -> float:
    """The weight of an efficiency pair (above 0, at most 1) by `pair.weighting`.

    tier: tier / number of tiers. certainty: log speedup_low / log speedup, the share of the
    (logarithmic) speedup that is certain; near 0 where the bound is barely above 1.
    """
    if pair.weighting == "tier":
        tier = speedup_tier(comparison.speedup_low, pair.tier_edges)
        return tier / (len(pair.tier_edges) + 1)
    if pair.weighting == "certainty":
        return math.log(comparison.speedup_low) / math.log(comparison.speedup)
    return 1.0
