"""Which pairs are taken, what they weigh, how long their sides are, and what a problem tells."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_rows import FAST, SLOW, STEADY, WRONG, build, candidate, measurement, timed
from pair_rows import whole_problem as two_fast_two_slow

from skeldpo.config import PairConfig
from skeldpo.languages.python.tokens import tokens
from skeldpo.pair import ProblemPairs, balance_lengths
from skeldpo.pair.choice import choose_contrasts, speedup_tier, text_similarity
from skeldpo.pair.judged import Program
from skeldpo.pair.lengths import LEFT_OUT, distribution, length_difference
from skeldpo.records import Outcome, PreferencePair

NOISY = (1.0, 1.3, 0.75, 1.28, 0.8, 1.0, 1.25, 0.9)


def settings(**values: object) -> PairConfig:
    return PairConfig.model_validate({"min_speedup": 1.2, **values})


def sides(result: ProblemPairs) -> list[tuple[str, str]]:
    return [(pair.chosen.candidate_id, pair.rejected.candidate_id) for pair in result.pairs]


def confirmed(programs: dict[str, tuple[str, float]]) -> tuple[list, list]:
    """Candidates and rows of accepted programs that met in one confirming session."""
    candidates = [candidate(key, code) for key, (code, _) in programs.items()]
    rows = [measurement(key) for key in programs]
    rows += [timed(key, ratio) for key, (_, ratio) in programs.items()]
    return candidates, rows


def test_largest_certain_ratio_comes_before_a_larger_doubtful_one() -> None:
    candidates = [candidate(key, f"x = {key!r}\n") for key in "abcd"]
    rows = [measurement(key) for key in "abcd"]
    rows += [timed(key, ratio, session_id="one") for key, ratio in (("a", 1.0), ("b", 2.5))]
    rows += [
        timed("c", 1.0, session_id="two", noise=NOISY),
        timed("d", 2.8, session_id="two", noise=NOISY[::-1]),
    ]
    result = build(candidates, rows)
    assert sides(result) == [("a", "b"), ("c", "d")]
    certain, doubtful = result.pairs
    assert certain.speedup < doubtful.speedup
    assert certain.speedup_low > doubtful.speedup_low


def test_nearest_takes_the_programs_most_alike_in_text() -> None:
    near = SLOW[0].replace("in a[:i]", "in set(a[:i])")
    rows = confirmed({"fast": (FAST[0], 1.0), "near": (near, 2.0), "slow": (SLOW[0], 6.0)})
    one = {"max_efficiency_pairs": 1}
    assert sides(build(*rows, pair=settings(choice="largest", **one))) == [("fast", "slow")]
    assert sides(build(*rows, pair=settings(choice="nearest", **one))) == [("near", "slow")]


def test_diverse_takes_the_pair_least_like_those_taken() -> None:
    copy = SLOW[1].replace("b", "c")
    rows = confirmed(
        {"fast": (FAST[0], 1.0), "mid": (SLOW[0], 2.0), "slow": (SLOW[1], 6.0), "same": (copy, 5.9)}
    )
    two = {"max_efficiency_pairs": 2}
    assert sides(build(*rows, pair=settings(choice="largest", **two))) == [
        ("fast", "slow"), ("fast", "same"),
    ]  # fmt: skip
    diverse = sides(build(*rows, pair=settings(choice="diverse", **two)))
    assert diverse[0] == ("fast", "slow")
    assert diverse[1] in [("fast", "mid"), ("mid", "same")]


def test_choice_does_not_depend_on_the_order_of_rows() -> None:
    candidates, rows = confirmed(
        {"a": (FAST[0], 1.0), "b": (FAST[1], 2.0), "c": (SLOW[0], 4.0), "d": (SLOW[1], 8.0)}
    )
    for choice in ("largest", "nearest", "diverse"):
        pair = settings(choice=choice, max_efficiency_pairs=3)
        expected = build(candidates, rows, pair=pair)
        assert build(candidates[::-1], rows[::-1], pair=pair) == expected
        assert len(expected.pairs) == 3


def test_pair_weighs_one_unless_asked() -> None:
    for pair in build(*two_fast_two_slow()).pairs:
        assert pair.weight == 1


def test_tier_weight_is_the_tier_over_their_number() -> None:
    rows = confirmed({"a": (FAST[0], 1.0), "b": (FAST[1], 1.5), "c": (SLOW[0], 4.4)})
    pair = settings(weighting="tier", max_efficiency_pairs=3, tier_edges=(2.0, 4.0))
    result = build(*rows, pair=pair)
    weights = dict(zip(sides(result), (row.weight for row in result.pairs), strict=True))
    assert weights == {("a", "c"): 1.0, ("b", "c"): 2 / 3, ("a", "b"): 1 / 3}


def test_certainty_weight_is_the_certain_share_of_the_log_speedup() -> None:
    candidates, rows = confirmed({"a": (FAST[0], 1.0)})
    candidates.append(candidate("b", SLOW[0]))
    rows += [measurement("b"), timed("b", 3.0, noise=STEADY[::-1])]
    (pair,) = build(candidates, rows, pair=settings(weighting="certainty")).pairs
    assert pair.weight == math.log(pair.speedup_low) / math.log(pair.speedup)
    assert 0.9 < pair.weight < 1


def test_tier_counts_the_edges_that_are_reached() -> None:
    assert [speedup_tier(low, (1.5, 2.0)) for low in (1.1, 1.5, 1.9, 2.0, 9.0)] == [1, 2, 2, 3, 3]


@pytest.mark.parametrize("edges", [[2.0, 1.5], [1.0, 2.0], [2.0, 2.0]])
def test_tier_edges_that_do_not_rise_are_refused(edges: list[float]) -> None:
    with pytest.raises(ValueError, match="tier_edges must rise from above 1"):
        settings(tier_edges=edges)


def test_text_similarity_is_one_for_equal_tokens() -> None:
    assert text_similarity(FAST[0], FAST[0] + "# note\n", "python") == 1
    assert text_similarity(FAST[0], FAST[1], "python") > text_similarity(FAST[0], SLOW[1], "python")


def test_unlike_programs_of_a_side_are_no_group_and_the_note_says_so() -> None:
    candidates, rows = two_fast_two_slow()
    pair = build(candidates, rows, min_similarity=0.9, alone="none").pairs[0]
    assert pair.chosen.skeleton.text == ""
    assert pair.chosen.skeleton.note == (
        "efficient group of 1 program; needs 2 (1 more are unlike in structure); "
        "inefficient group of 1 program; needs 2 (1 more are unlike in structure)"
    )
    assert build(candidates, rows, min_similarity=0).pairs[0].chosen.skeleton.text


def test_program_written_with_other_names_is_a_group_of_its_texts() -> None:
    candidates, rows = two_fast_two_slow()
    renamed = FAST[0].replace("a", "items")
    lone = [row for row in rows if row.candidate_id not in ("fast1", "slow0")]
    lone += [measurement("again", equal_to="fast0"), measurement("twin", equal_to="slow1")]
    candidates = [row for row in candidates if row.candidate_id not in ("fast1", "slow0")]
    candidates += [candidate("again", renamed), candidate("twin", SLOW[1].replace("b", "kept"))]
    pair = build(candidates, lone).pairs[0]
    assert pair.chosen.skeleton.text == "def f(_):\n    return len(set(_))\n"
    assert "_ = []" in pair.rejected.skeleton.text and "for x in a" in pair.rejected.skeleton.text


def test_program_alone_has_a_skeleton_by_its_names_if_asked() -> None:
    candidates, rows = two_fast_two_slow()
    candidates = [row for row in candidates if row.candidate_id not in ("fast1", "slow0")]
    rows = [row for row in rows if row.candidate_id not in ("fast1", "slow0")]
    pair = build(candidates, rows, alone="names").pairs[0]
    assert pair.chosen.skeleton.text == "def f(_):\n    return len(set(_))\n"
    assert "group of 1 program" in pair.chosen.skeleton.note


@pytest.mark.parametrize("method", ["lexical", "syntactic"])
def test_contrast_takes_what_the_other_side_shares(method: str) -> None:
    candidates, rows = two_fast_two_slow()
    plain = build(candidates, rows, method=method).pairs[0]
    contrast = build(candidates, rows, method=method, contrast=True).pairs[0]
    assert contrast.chosen.skeleton.method == plain.chosen.skeleton.method == method
    assert contrast.chosen.skeleton.text.count("_") > plain.chosen.skeleton.text.count("_")


def test_funnel_counts_the_candidates_step_by_step() -> None:
    funnel = build(*two_fast_two_slow()).funnel
    assert dataclasses.asdict(funnel) == {
        "num_candidates": 5,
        "num_distinct": 5,
        "num_accepted": 4,
        "num_timed": 4,
        "efficient_groups": (2,),
        "inefficient_groups": (2,),
        "num_races": 1,
        "num_decided": 1,
        "num_reversed": 0,
        "num_unchecked": 0,
    }


def with_lengths(*lengths: tuple[int, int]) -> list[ProblemPairs]:
    """One problem a pair, whose programs have these numbers of tokens."""
    (template,) = build(*two_fast_two_slow(), pair=settings(max_correctness_pairs=0)).pairs
    whole = build(*two_fast_two_slow(), pair=settings(max_correctness_pairs=0))

    def pair(index: int, chosen: int, rejected: int) -> PreferencePair:
        return dataclasses.replace(
            template,
            pair_id=f"p{index}",
            chosen=dataclasses.replace(template.chosen, code="x " * chosen),
            rejected=dataclasses.replace(template.rejected, code="x " * rejected),
        )

    return [
        dataclasses.replace(whole, pairs=(pair(index, *both),))
        for index, both in enumerate(lengths)
    ]


def test_length_differences_are_of_chosen_less_rejected() -> None:
    pairs = [pair for made in with_lengths((5, 9), (9, 9), (20, 9)) for pair in made.pairs]
    found = distribution(map(length_difference, pairs))
    assert (found.low_tokens, found.median_tokens, found.high_tokens) == (-4, 0, 11)
    assert (found.num_pairs, found.chosen_longer) == (3, 1 / 3)
    with pytest.raises(ValueError, match="at least one pair"):
        distribution([])


def test_balance_leaves_out_the_most_unequal_pairs_of_the_side_that_prevails() -> None:
    made = with_lengths((100, 10), (50, 10), (10, 15), (10, 12))
    kept = list(balance_lengths(lambda: made, 0.5))
    assert [len(problem.pairs) for problem in kept] == [0, 0, 1, 1]
    assert kept[0].efficiency_reason == LEFT_OUT
    assert LEFT_OUT in kept[0].dropped[0].reason
    assert kept[0].dropped_candidates[-1].reason == LEFT_OUT
    assert kept[2:] == made[2:]


def test_balance_stops_when_neither_side_prevails_and_at_its_share() -> None:
    even = with_lengths((20, 10), (10, 20), (10, 10))
    assert list(balance_lengths(lambda: even, 0.9)) == even
    shorter = with_lengths(*[(10, 20 + index) for index in range(8)])
    assert sum(len(problem.pairs) for problem in balance_lengths(lambda: shorter, 0.25)) == 6
    assert list(balance_lengths(lambda: shorter, 0)) == shorter


def test_balance_leaves_out_no_pair_that_brings_nothing() -> None:
    """Where all are as unequal, those that are left are so too, however few."""
    alike = with_lengths(*[(10, 20)] * 8)
    assert list(balance_lengths(lambda: alike, 0.5)) == alike
    first, *others = with_lengths((9, 30), *[(10, 20)] * 7)
    kept = list(balance_lengths(lambda: [first, *others], 0.5))
    assert [len(problem.pairs) for problem in kept] == [0] + [1] * 7


def shape(line: str) -> tuple[int, tuple[str, ...]]:
    """What makes a line another one."""
    return (len(line) - len(line.lstrip())) * bool(tokens(line)), tokens(line)


@given(st.lists(st.lists(st.sampled_from("abc=+ "), max_size=9).map("".join), max_size=8),
       st.lists(st.lists(st.sampled_from("abc=+ "), max_size=9).map("".join), max_size=8),
       st.integers(0, 4))  # fmt: skip
def test_contrasts_are_those_of_all_likenesses(
    right: list[str], wrong: list[str], max_pairs: int
) -> None:
    """Bounds spare most comparisons, and change nothing."""
    programs = [
        [
            Program(
                candidate=candidate(f"{side}{n}", code),
                is_accepted=side == "right",
                time_ratio=1.0,
                variants=(),
                hot_lines=(),
            )
            for n, code in enumerate(codes)
        ]  # fmt: skip
        for side, codes in (("right", right), ("wrong", wrong))
    ]
    every = [
        (text_similarity(a.candidate.code, b.candidate.code, "python"), a, b)
        for a, b in itertools.product(*programs)
        if shape(a.candidate.code) != shape(b.candidate.code)
    ]
    expected: dict[str, object] = {}
    for _, a, b in sorted(every, key=lambda row: -row[0]):
        if len(expected) < max_pairs:
            expected.setdefault(b.candidate.candidate_id, (a, b))
    pair = settings(max_correctness_pairs=max_pairs)
    assert choose_contrasts(*programs, pair) == list(expected.values())


def given_and_sampled(**origins: str) -> tuple[list, list]:
    """Fast and slow, right and wrong programs of these origins."""
    programs = {"fast": FAST[0], "quick": FAST[1], "slow": SLOW[0], "wrong": WRONG}
    candidates = [
        dataclasses.replace(candidate(key, code), origin=origins[key])
        for key, code in programs.items()
    ]
    rows = [measurement(key) for key in ("fast", "quick", "slow")]
    rows += [timed(key, ratio) for key, ratio in (("fast", 1.0), ("quick", 1.5), ("slow", 9.0))]
    rows.append(measurement("wrong", outcome=Outcome.WRONG_ANSWER))
    return candidates, rows


def test_pairs_of_one_origin_leave_out_the_larger_difference_and_the_nearer_text() -> None:
    asked = given_and_sampled(fast="dataset", quick="sampled", slow="sampled", wrong="sampled")
    same = settings(origins="same", max_efficiency_pairs=9, max_correctness_pairs=9)
    assert sides(build(*asked, pair=same)) == [("quick", "slow"), ("quick", "wrong")]
    both = sides(build(*asked, pair=settings(max_efficiency_pairs=9, max_correctness_pairs=9)))
    assert both == [("fast", "slow"), ("quick", "slow"), ("fast", "quick"), ("fast", "wrong")]


@pytest.mark.parametrize("outcomes", [(Outcome.ACCEPTED,), (Outcome.WRONG_ANSWER,)])
def test_many_programs_of_one_origin_do_not_hide_those_of_the_other(outcomes) -> None:
    """Twelve given programs, right or wrong, before a right and a wrong sample."""
    given = [
        dataclasses.replace(candidate(f"a{n:02}", f"{FAST[0]}X = {n}\n"), origin="dataset")
        for n in range(12)
    ]
    rows = [measurement(row.candidate_id, outcome=outcomes[0]) for row in given]
    rows += [measurement("right"), measurement("wrong", outcome=Outcome.WRONG_ANSWER)]
    candidates = [*given, candidate("right", FAST[1]), candidate("wrong", WRONG)]
    result = build(candidates, rows, pair=settings(origins="same"))
    assert (sides(result), result.correctness_reason) == ([("right", "wrong")], "")


def test_two_origins_are_the_reason_where_nothing_else_is() -> None:
    asked = given_and_sampled(fast="dataset", quick="dataset", slow="sampled", wrong="sampled")
    candidates, rows = ([r for r in part if r.candidate_id != "quick"] for part in asked)
    apart = "those that differ are a sampled and a given program (pair.origins)"
    same = build(candidates, rows, pair=settings(origins="same", max_correctness_pairs=0))
    assert (same.pairs, same.efficiency_reason) == ((), apart)
    none = build(candidates, rows, pair=settings(origins="same", max_efficiency_pairs=0))
    assert none.efficiency_reason == "pair.max_efficiency_pairs is 0"
    assert sides(none) == [("slow", "wrong")]
    given = [dataclasses.replace(row, origin="dataset") for row in candidates[:2]]
    contrast = build([*given, candidates[2]], rows, pair=settings(origins="same"))
    assert contrast.correctness_reason == apart
