"""Pairs of one problem: what makes one, what does not, and the account of both."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_rows import (
    FAST,
    PAIR,
    PROBLEM,
    SLOW,
    STEADY,
    WRONG,
    build,
    candidate,
    measurement,
    timed,
    whole_problem,
)

from skeldpo.config import PairConfig, RewardsConfig
from skeldpo.pair.earlier import NO_EARLIER, earlier_programs
from skeldpo.records import Example, Outcome
from skeldpo.rewards.of_problem import problem_rewards


def reasons(result):
    return {row.reason: row.num_rows for row in result.dropped_candidates}


def test_problem_of_several_answers_gives_efficiency_pairs_alone():
    statement = "Return the distinct items in any order."
    test = Example(input_text="[[1, 2, 1]]", expected_text="[1, 2]")
    problem = dataclasses.replace(PROBLEM, statement=statement, tests=(test,))
    result = build(*whole_problem(), problem=problem)
    assert [pair.stage for pair in result.pairs] == ["efficiency"]
    assert result.correctness_reason.startswith("several answers are right, by its statement")
    unordered = dataclasses.replace(problem, checker="unordered")
    assert "correctness" in {
        pair.stage for pair in build(*whole_problem(), problem=unordered).pairs
    }


def test_confirmed_difference_becomes_an_efficiency_pair():
    result = build(*whole_problem())
    pair = next(row for row in result.pairs if row.stage == "efficiency")
    assert (pair.chosen.candidate_id, pair.rejected.candidate_id) == ("fast0", "slow1")
    assert pair.speedup == pytest.approx(3.0)
    assert 2.8 < pair.speedup_low <= pair.speedup
    assert pair.p_value == 1 / 256
    assert (pair.chosen.time_ratio, pair.rejected.time_ratio) == pytest.approx((1.0, 3.0))
    assert (pair.problem_id, pair.round_index) == ("p", 3)
    assert pair.chosen.completion_token_ids == (5, 2)
    assert (pair.statement, pair.starter_code) == (PROBLEM.statement, PROBLEM.starter_code)


def test_skeletons_come_from_the_two_groups_apart():
    pair = build(*whole_problem()).pairs[0]
    assert pair.chosen.skeleton.text == FAST[0]
    assert pair.chosen.skeleton.kept_spans == ((0, len(FAST[0])),)
    assert pair.rejected.skeleton.text == (
        "def f(a):\n    _ = []\n    for _ in a:\n        _ _ not in _:\n            _ += [_]\n"
        "    return len(_)\n"
    )


def test_correctness_pair_is_an_accepted_program_over_the_nearest_wrong_one():
    pair = build(*whole_problem()).pairs[-1]
    assert pair.stage == "correctness"
    assert (pair.chosen.candidate_id, pair.rejected.candidate_id) == ("fast0", "wrong")
    assert (pair.speedup, pair.speedup_low, pair.p_value) == (0, 0, 0)
    assert pair.chosen.time_ratio == pytest.approx(1.0) and pair.rejected.time_ratio == 0
    assert pair.chosen.skeleton.text == pair.rejected.skeleton.text == ""
    assert pair.chosen.skeleton.note == "correctness pairs have no skeletons"


def test_line_that_stands_elsewhere_makes_a_correctness_pair():
    """The same words in the same order: one returns within its loop."""
    right = "def f(a):\n    n = 0\n    for x in a:\n        n += x\n    return n\n"
    wrong = right.replace("    return", "        return")
    rows = [measurement("right"), measurement("wrong", outcome=Outcome.WRONG_ANSWER)]
    (pair,) = build([candidate("right", right), candidate("wrong", wrong)], rows).pairs
    assert (pair.chosen.code, pair.rejected.code) == (right, wrong)


def test_program_whose_only_difference_is_where_a_line_stands_has_its_skeleton():
    """Two slow programs that sort within and behind their loop, of which either may be timed."""
    within = (
        "def f(a):\n    b = []\n    for x in a:\n        b += [x]\n        b.sort()\n    return b\n"
    )
    behind = within.replace("        b.sort", "    b.sort")
    codes = {"fast": "def f(a):\n    return sorted(a)\n", "slow": within, "other": behind}
    for slow, other in ((within, behind), (behind, within)):
        codes |= {"slow": slow, "other": other}
        rows = [measurement(key) for key in codes]
        rows += [timed("fast", 1.0), timed("slow", 3.0), timed("other", 2.9, "screen")]
        result = build([candidate(key, code) for key, code in codes.items()], rows)
        (pair,) = result.pairs
        assert pair.rejected.code == slow
        assert pair.rejected.skeleton.text.count("\n") == slow.count("\n")
        assert pair.rejected.skeleton.text.splitlines()[4].rstrip("\n") == (
            "        _.sort()" if slow == within else "    _.sort()"
        )


def test_account_covers_every_candidate():
    candidates, rows = whole_problem()
    result = build(candidates, rows)
    assert reasons(result) == {"accepted, in no pair": 2}
    assert (result.dropped, result.efficiency_reason, result.correctness_reason) == ((), "", "")


def test_pairs_do_not_depend_on_the_order_of_rows():
    candidates, rows = whole_problem()
    rng = random.Random(0)
    expected = build(candidates, rows)
    for _ in range(5):
        assert build(rng.sample(candidates, 5), rng.sample(rows, len(rows))) == expected
    assert len({pair.pair_id for pair in expected.pairs}) == len(expected.pairs) == 2


@pytest.mark.parametrize(
    ("slow_instructions", "num_pairs"), [(11, 1), (10, 0), (None, 1)], ids=["more", "same", "none"]
)
def test_time_without_instructions_is_no_difference(slow_instructions, num_pairs):
    """Instructions decide too: 1.10 times as many, where both were counted."""
    counts = {"fast": (10,) * 8, "slow": (slow_instructions,) * 8 if slow_instructions else ()}
    rows = [measurement(key) for key in counts]
    rows += [
        timed(key, ratio, instructions=counts[key]) for key, ratio in (("fast", 1.0), ("slow", 2.0))
    ]
    result = build([candidate("fast", FAST[0]), candidate("slow", SLOW[0])], rows)
    assert len(result.pairs) == num_pairs


@pytest.mark.parametrize(
    ("fast_us", "slow_us", "num_processes", "num_pairs"),
    [(140, 400, 1, 0), (140, 1_400, 1, 1), (2_240, 6_400, 16, 0), (2_240, 22_400, 16, 1)],
    ids=["types in the signature", "another program", "of a script", "another script"],
)
def test_what_starting_may_take_is_no_difference(fast_us, slow_us, num_processes, num_pairs):
    """The first and third pair are one program, with other imports and names of types."""
    times = {"fast": fast_us, "slow": slow_us}
    rows = [measurement(key) for key in times]
    rows += [timed(key, us / 100_000, num_processes=num_processes) for key, us in times.items()]
    result = build([candidate("fast", FAST[0]), candidate("slow", SLOW[0])], rows)
    assert len(result.pairs) == num_pairs
    assert ("their starting" in result.efficiency_reason) == (not num_pairs)


def test_slight_difference_the_other_way_on_another_input_is_a_doubt():
    """On the other input, which does not grow, the slow program is quicker by 0.2 ms: hardly a
    preference of its own, and enough to have none."""
    rows = [measurement("fast"), measurement("slow"), timed("fast", 1.0), timed("slow", 2.0)]
    rows += [timed("fast", 0.004, "crosscheck"), timed("slow", 0.002, "crosscheck")]
    result = build([candidate("fast", FAST[0]), candidate("slow", SLOW[0])], rows)
    assert result.pairs == ()
    assert (result.funnel.num_decided, result.funnel.num_reversed) == (1, 1)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(Outcome.SANDBOX_FAILED, "the sandbox failed"),
     (Outcome.FAULTY_PROBLEM, "the problem is at fault"),
     (Outcome.VIOLATION, "violation of the sandbox")],
)  # fmt: skip
def test_sandbox_failures_and_violations_are_evidence_for_nothing(outcome, reason):
    result = build(
        [candidate("a", FAST[0]), candidate("b", WRONG)],
        [measurement("a"), measurement("b", outcome=outcome)],
    )
    assert result.pairs == ()
    assert reasons(result) == {"accepted, in no pair": 1, reason: 1}
    assert result.correctness_reason == "no wrong candidate"


@pytest.mark.parametrize(
    "outcome",
    [Outcome.WRONG_ANSWER, Outcome.TIME_LIMIT, Outcome.IDLE_LIMIT, Outcome.MEMORY_LIMIT,
     Outcome.OUTPUT_LIMIT, Outcome.RUNTIME_ERROR, Outcome.COMPILE_ERROR],
)  # fmt: skip
def test_programs_wrong_for_a_reason_of_their_own_are_rejected(outcome):
    result = build(
        [candidate("a", FAST[0]), candidate("b", WRONG)],
        [measurement("a"), measurement("b", outcome=outcome)],
    )
    assert [(row.chosen.candidate_id, row.rejected.candidate_id) for row in result.pairs] == [
        ("a", "b")
    ]
    assert result.efficiency_reason == "one distinct accepted program"


def test_retried_check_counts_once_its_sandbox_works():
    result = build(
        [candidate("a", FAST[0]), candidate("b", WRONG)],
        [
            measurement("a", outcome=Outcome.SANDBOX_FAILED, session_id="try"),
            measurement("a"),
            measurement("b", outcome=Outcome.WRONG_ANSWER),
        ],
    )
    assert len(result.pairs) == 1


def test_same_program_again_is_left_out():
    candidates, rows = whole_problem()
    candidates.append(candidate("again", FAST[0]))
    rows.append(measurement("again", equal_to="fast0"))
    result = build(candidates, rows)
    assert result.pairs == build(*whole_problem()).pairs
    assert reasons(result)["same program as another candidate"] == 1


def test_faster_program_that_was_cut_off_is_the_reason_for_no_pair():
    candidates = [candidate("a", FAST[0], "length"), candidate("b", SLOW[0])]
    rows = [measurement("a"), measurement("b"), timed("a", 1.0), timed("b", 3.0)]
    result = build(candidates, rows)
    assert result.pairs == ()
    assert result.efficiency_reason == "the faster program was cut off at generate.max_tokens"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no accepted candidate"),
        ([measurement("a", outcome=Outcome.SANDBOX_FAILED),
          measurement("b", outcome=Outcome.SANDBOX_FAILED)],
         "the sandbox failed for every candidate"),
        ([measurement("a", outcome=Outcome.FAULTY_PROBLEM),
          measurement("b", outcome=Outcome.FAULTY_PROBLEM)],
         "the problem is at fault for every candidate"),
        ([measurement("a", outcome=Outcome.TIME_LIMIT),
          measurement("b", outcome=Outcome.WRONG_ANSWER)], "no accepted candidate"),
        ([measurement("a"), measurement("b", equal_to="a")], "one distinct accepted program"),
        ([measurement("a"), measurement("b"), timed("a", 1.0, "screen")],
         "fewer than two accepted programs were timed"),
        ([measurement("a"), measurement("b"), timed("a", 1.0), timed("b", 1.15)],
         "no speed difference beyond doubt"),
        ([measurement("a"), measurement("b"), timed("a", 1.0, noise=STEADY[:7]),
          timed("b", 9.0, noise=STEADY[:7])],
         "too few undisturbed rounds in the confirming session for pair.max_p_value"),
        ([measurement("a"), measurement("b"), timed("a", 1.0), timed("b", 9, session_id="other")],
         "no undisturbed round in the confirming session"),
        ([measurement("a"), measurement("b"), timed("a", 1.0, "screen"), timed("b", 9, "screen")],
         "the screening proposed no two programs to confirm"),
    ],
)  # fmt: skip
def test_problem_without_a_pair_says_why(rows, reason):
    result = build([candidate("a", FAST[0]), candidate("b", SLOW[0])], rows)
    assert result.pairs == ()
    assert result.efficiency_reason == reason
    assert [row.num_rows for row in result.dropped] == [1]
    assert reason in result.dropped[0].reason
    assert sum(row.num_rows for row in result.dropped_candidates) == 2


@pytest.mark.parametrize(
    "others", [[measurement("b")], [timed("b", 9.0)], [timed("b", 9.0, "screen")]]
)
def test_a_program_of_two_verdicts_is_on_no_side(others):
    rows = [measurement("a"), timed("a", 1.0), *others]
    rows.append(measurement("b", outcome=Outcome.WRONG_ANSWER))
    result = build([candidate("a", FAST[0]), candidate("b", SLOW[0])], rows)
    assert result.pairs == ()
    assert reasons(result)["verdicts that contradict each other"] == 1
    rewarded = problem_rewards(
        problem=PROBLEM,
        candidates=[candidate("a", FAST[0]), candidate("b", SLOW[0])],
        measurements=rows,
        config=RewardsConfig(),
    )
    assert [row.candidate_id for row in rewarded.rewards] == ["a"]


def test_no_candidates_are_accounted_for():
    result = build([], [])
    assert (result.pairs, result.dropped_candidates) == ((), ())
    assert result.efficiency_reason == "no accepted candidate"


def test_switched_off_stages_say_so():
    off = PairConfig(min_speedup=1.2, max_efficiency_pairs=0, max_correctness_pairs=0)
    result = build(*whole_problem(), pair=off)
    assert result.dropped[0].reason == (
        "efficiency: pair.max_efficiency_pairs is 0; correctness: pair.max_correctness_pairs is 0"
    )


def test_program_that_fails_when_timed_is_in_no_pair():
    candidates, rows = whole_problem()
    rows = [row for row in rows if (row.candidate_id, row.phase) != ("slow1", "confirm")]
    rows.append(measurement("slow1", "confirm", Outcome.WRONG_ANSWER))
    result = build(candidates, rows)
    assert "slow1" not in str(result.pairs)
    assert reasons(result)["accepted by the tests, WRONG_ANSWER on timed inputs"] == 1


@pytest.mark.parametrize("outcome", [Outcome.RUNTIME_ERROR, Outcome.MEMORY_LIMIT,
                                     Outcome.OUTPUT_LIMIT, Outcome.TIME_LIMIT])  # fmt: skip
def test_program_that_fails_on_an_input_made_for_timing_is_on_neither_side(outcome):
    rows = [measurement("a"), measurement("b"), measurement("b", "screen", outcome),
            measurement("c", outcome=Outcome.WRONG_ANSWER)]  # fmt: skip
    programs = [candidate("a", FAST[0]), candidate("b", SLOW[0]), candidate("c", WRONG)]
    result = build(programs, rows)
    assert [(p.chosen.candidate_id, p.rejected.candidate_id) for p in result.pairs] == [("a", "c")]
    assert reasons(result) == {f"accepted by the tests, {outcome} on timed inputs": 1}


@pytest.mark.parametrize("lacking", ["fast0", "slow1"])
@pytest.mark.parametrize("outcome", [Outcome.SANDBOX_FAILED, Outcome.FAULTY_PROBLEM])
def test_pair_of_which_a_crosscheck_is_missing_is_not_taken(lacking, outcome):
    """It was asked for and failed: it might have said the reverse."""
    candidates, rows = whole_problem()
    rows.append(measurement(lacking, "crosscheck", outcome))
    result = build(candidates, rows)
    assert [pair.stage for pair in result.pairs] == ["correctness"]
    assert "cross-check that was asked for is missing" in result.efficiency_reason
    assert (result.funnel.num_decided, result.funnel.num_unchecked) == (1, 1)


def test_crosscheck_missing_of_another_program_is_no_objection():
    candidates, rows = whole_problem()
    rows.append(measurement("fast1", "crosscheck", Outcome.SANDBOX_FAILED))
    assert build(candidates, rows).pairs == build(*whole_problem()).pairs


def test_cut_off_completion_is_never_chosen_but_may_be_rejected():
    candidates, rows = whole_problem()
    cut_fast = [candidate("fast0", FAST[0], "length"), *candidates[1:]]
    chosen = {pair.chosen.candidate_id for pair in build(cut_fast, rows).pairs}
    assert chosen == {"fast1"}
    cut_slow = [*candidates[:3], candidate("slow1", SLOW[1], "length"), candidates[4]]
    assert "slow1" in {pair.rejected.candidate_id for pair in build(cut_slow, rows).pairs}


def test_every_two_programs_of_a_session_are_compared_and_the_largest_come_first():
    keys = {"a": (FAST[0], 1.0), "b": (FAST[1], 1.5), "c": (SLOW[0], 4.0)}
    candidates = [candidate(key, code) for key, (code, _) in keys.items()]
    rows = [measurement(key) for key in keys]
    rows += [timed(key, ratio) for key, (_, ratio) in keys.items()]
    sides = [(row.chosen.candidate_id, row.rejected.candidate_id)
             for row in build(candidates, rows).pairs]  # fmt: skip
    assert sides == [("a", "c"), ("b", "c"), ("a", "b")]
    few = PairConfig(min_speedup=1.2, max_efficiency_pairs=1)
    assert len(build(candidates, rows, pair=few).pairs) == 1


def test_longer_session_decides_alone():
    candidates = [candidate("a", FAST[0]), candidate("b", SLOW[0])]
    checks = [measurement("a"), measurement("b")]
    lucky = [timed("a", 1.0, session_id="z"), timed("b", 2.0, session_id="z")]
    ten = (*STEADY, 1.0, 0.99, 1.01)
    longer = [timed(key, ratio, noise=ten, session_id="y") for key, ratio in (("a", 1), ("b", 1.1))]
    assert len(build(candidates, checks + lucky).pairs) == 1
    assert build(candidates, checks + lucky + longer).pairs == ()


@pytest.mark.parametrize(
    ("crosschecks", "num_pairs"),
    [
        ([], 1),
        ([(1.0, 1.0)], 1),
        ([(1.04, 1.0)], 1),
        ([(1.06, 1.0)], 0),
        ([(1.0, 4.0), (1.0, 0.5)], 0),
        ([(0.5, 0.0)], 1),  # the other program is not in the session
    ],
)
def test_pair_holds_on_other_kinds_of_input_too(crosschecks, num_pairs):
    candidates = [candidate("a", FAST[0]), candidate("b", SLOW[0])]
    rows = [measurement("a"), measurement("b"), timed("a", 1.0), timed("b", 2.0)]
    for number, ratios in enumerate(crosschecks):
        rows += [
            timed(key, ratio, "crosscheck", noise=(*STEADY, 1.0), session_id=f"other{number}")
            for key, ratio in zip("ab", ratios, strict=True)
            if ratio
        ]
    result = build(candidates, rows)
    assert len(result.pairs) == num_pairs
    assert (result.funnel.num_decided, result.funnel.num_reversed) == (1, 1 - num_pairs)
    reason = "which program is faster depends on the input"
    assert result.efficiency_reason == ("" if num_pairs else reason)
    for pair in result.pairs:  # of the confirming session, though the other is longer
        assert (pair.chosen.time_ratio, pair.rejected.time_ratio) == (1.0, 2.0)
        assert pair.speedup == 2.0


def test_small_group_gives_pairs_without_skeletons_and_says_why():
    candidates, rows = whole_problem()
    candidates = [row for row in candidates if row.candidate_id not in ("fast1", "slow0")]
    rows = [row for row in rows if row.candidate_id not in ("fast1", "slow0")]
    pair = build(candidates, rows, alone="none").pairs[0]
    note = "efficient group of 1 program; needs 2; inefficient group of 1 program; needs 2"
    assert pair.chosen.skeleton == pair.rejected.skeleton
    assert (pair.chosen.skeleton.text, pair.chosen.skeleton.note) == ("", note)
    assert [pair.chosen.code[a:b] for a, b in pair.chosen.prone_spans] == ["set"]
    named = build(candidates, rows).pairs[0].chosen.skeleton
    assert (named.text, named.note) == (
        "def f(_):\n    return len(set(_))\n", "by its names: group of 1 program; needs 2",
    )  # fmt: skip
    alone = build(candidates, rows, min_group=1).pairs[0]
    assert (alone.chosen.skeleton.text, alone.rejected.skeleton.text) == (FAST[0], SLOW[1])


def without(candidates, rows, *keys):
    return (
        [row for row in candidates if row.candidate_id not in keys],
        [row for row in rows if row.candidate_id not in keys],
    )


@pytest.mark.parametrize(
    ("settings", "text", "note"),
    [
        ({}, FAST[0], "its group was joined by 1 program less alike"),
        ({"alone": "none"}, "", "efficient group of 1 program; needs 2 (1 more are unlike in "
         "structure); inefficient group of 1 program; needs 2 (1 more are unlike in structure)"),
        ({"min_similarity": 0.0}, FAST[0], ""),
    ],
)  # fmt: skip
def test_most_similar_program_of_its_side_joins_a_lone_one(settings, text, note):
    settings = {"min_similarity": 1.0} | settings
    skeleton = build(*whole_problem(), **settings).pairs[0].chosen.skeleton
    assert (skeleton.text, skeleton.note) == (text, note)


def test_points_are_the_words_that_only_one_side_shares():
    pair = build(*whole_problem()).pairs[0]
    for side, words in ((pair.chosen, ["set"]), (pair.rejected, ["for", "in", "not", "in"])):
        assert [side.code[start:end] for start, end in side.prone_spans] == words
    assert build(*whole_problem()).pairs[-1].chosen.prone_spans == (), "a correctness pair"


def test_known_programs_of_the_problem_are_in_the_groups_and_keep_their_origin():
    candidates, rows = whole_problem()
    candidates = [
        dataclasses.replace(row, origin="dataset") if row.candidate_id != "fast0" else row
        for row in candidates
    ]
    pairs = build(candidates, rows).pairs
    assert pairs[0].chosen.skeleton.text == FAST[0], "of fast0, which was sampled, and fast1"
    found = [(pair.stage, pair.chosen.origin, pair.rejected.origin) for pair in pairs]
    assert found == [
        ("efficiency", "sampled", "dataset"), ("correctness", "sampled", "dataset"),
    ]  # fmt: skip


def test_same_program_with_other_names_is_a_member_of_the_group():
    candidates, rows = without(*whole_problem(), "fast1")
    renamed = FAST[0].replace("a", "items").replace("def f(itemss", "def f(a")
    candidates.append(candidate("twin", renamed))
    rows.append(measurement("twin", equal_to="fast0"))
    skeleton = build(candidates, rows).pairs[0].chosen.skeleton
    assert (skeleton.text, skeleton.note) == ("def f(_):\n    return len(set(_))\n", "")


def test_programs_of_earlier_rounds_are_members_on_the_side_that_they_had_there():
    """Their times there are thrice those of this session: they say nothing here."""
    here = without(*whole_problem(), "fast1", "slow0")
    candidates, rows = without(*whole_problem(), "fast0", "slow1")
    rows = [row for row in rows if row.phase == "check"]
    rows += [timed("fast1", 4.0), timed("slow0", 9.0)]
    earlier = earlier_programs([(candidates, rows)], PAIR)
    assert (earlier.efficient, earlier.inefficient) == ((FAST[1],), (SLOW[0],))
    pair = build(*here, earlier=earlier, alone="none").pairs[0]
    assert pair == build(*whole_problem(), alone="none").pairs[0]
    assert earlier_programs([without(*whole_problem(), "fast0", "slow1")], PAIR) == NO_EARLIER
    there = [timed("fast1", 9.0), timed("slow0", 4.0), *rows[:3]]
    both_sides = earlier_programs([(candidates, rows), (candidates, there)], PAIR)
    assert (both_sides.efficient, both_sides.inefficient) == ((), ())


def test_earlier_program_with_other_names_is_on_one_side():
    """What was fast there is slow here, or was slow in another round: it says nothing."""
    there, here = SLOW[1], SLOW[1].replace("b", "c").replace("x", "item")
    slowest = SLOW[0]

    def measured(fast: str, slow: str):
        rows = [measurement("fast"), measurement("slow"), timed("fast", 1.0), timed("slow", 3.0)]
        return [candidate("fast", fast), candidate("slow", slow)], rows

    before = earlier_programs([measured(there, slowest)], PAIR)
    assert before.efficient == (there,)
    (pair,) = build(*measured(FAST[0], here), earlier=before, min_similarity=0, alone="none").pairs
    assert pair.chosen.skeleton.note.startswith("efficient group of 1 program")
    (pair,) = build(*measured(FAST[0], here), earlier=before, min_similarity=0).pairs
    assert pair.chosen.skeleton.text == "def f(_):\n    return len(set(_))\n"
    reworded = there.replace("    b = ", "    # so far\n    b = ").replace("x", "y")
    both = earlier_programs([measured(there, slowest), measured(FAST[0], reworded)], PAIR)
    assert (both.efficient, both.inefficient) == ((FAST[0],), (slowest,))


def test_groups_are_those_of_the_pair():
    """Of times 1, 1.05, 2 and 3 the third is slow beside the first and fast beside the last."""
    candidates, rows = whole_problem()
    rows += [timed("slow0", 2.0)]
    pairs = build(candidates, rows, min_group=1, min_similarity=0).pairs
    found = {(p.chosen.candidate_id, p.rejected.candidate_id): p for p in pairs}
    assert "set" in found["fast0", "slow0"].chosen.skeleton.text
    assert found["fast0", "slow0"].rejected.skeleton.text.count("_") > 3, "slow1 is in its group"
    assert found["slow0", "slow1"].chosen.skeleton.text.startswith("def f(a):\n    _ = _\n")
    assert found["slow0", "slow1"].rejected.skeleton.text == SLOW[1], "alone in its group"


def test_wrong_programs_are_paired_once_each_and_nearest_first():
    candidates = [
        candidate("a", FAST[0]),
        candidate("b", SLOW[0]),
        candidate("near_a", FAST[0].replace("set", "list")),
        candidate("near_b", SLOW[0].replace("not in", "in")),
        candidate("far", "print('hello')"),
    ]
    rows = [measurement("a"), measurement("b")]
    rows += [measurement(key, outcome=Outcome.WRONG_ANSWER) for key in ("near_a", "near_b", "far")]
    sides = {(row.chosen.candidate_id, row.rejected.candidate_id)
             for row in build(candidates, rows).pairs}  # fmt: skip
    assert sides == {("a", "near_a"), ("b", "near_b")}


@pytest.mark.parametrize(
    ("candidates", "rows", "message"),
    [
        ([candidate("a", "x")], [measurement("b")], "unknown candidates \\['b'\\]"),
        ([candidate("a", "x")], [measurement("a", problem_id="q")], "problems \\['q'\\]"),
        ([candidate("a", "x")] * 2, [], "repeated candidates \\['a'\\]"),
        ([candidate("a", "x"), candidate("b", "y")],
         [measurement("a"), measurement("b"), timed("a", 1), timed("b", 2, noise=STEADY[:5])],
         "as many rounds"),
    ],
)  # fmt: skip
def test_rows_that_do_not_belong_together_are_refused(candidates, rows, message):
    with pytest.raises(ValueError, match=message):
        build(candidates, rows)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Outcome)), st.floats(0.5, 5), st.booleans(), st.booleans()),
        max_size=7,
    )
)
def test_every_candidate_is_in_a_pair_or_dropped(specifications):
    candidates, rows = [], []
    for index, (outcome, ratio, is_confirmed, is_copy) in enumerate(specifications):
        key = f"c{index}"
        candidates.append(candidate(key, f"def f(a):\n    return a + {index}\n"))
        rows.append(measurement(key, outcome=outcome, equal_to="c0" if is_copy else key))
        if outcome is Outcome.ACCEPTED and is_confirmed:
            rows.append(timed(key, ratio))
    result = build(candidates, rows)
    used = {side.candidate_id for row in result.pairs for side in (row.chosen, row.rejected)}
    assert len(candidates) == len(used) + sum(row.num_rows for row in result.dropped_candidates)
    assert bool(result.pairs) != bool(result.dropped)
    outcomes = dict(zip((row.candidate_id for row in candidates), specifications, strict=True))
    for pair in result.pairs:
        assert outcomes[pair.chosen.candidate_id][0] is Outcome.ACCEPTED
        is_efficiency = pair.stage == "efficiency"
        assert (outcomes[pair.rejected.candidate_id][0] is Outcome.ACCEPTED) == is_efficiency
