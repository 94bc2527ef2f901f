"""Preferences: token ids of pairs, the rows of a round, and what is told of a step."""

from __future__ import annotations

import math
from dataclasses import replace

import pair_rows
import pytest
import torch
from model_tokenizers import gemma
from tiny_policy import byte_tokenizer, preference_pair, side, tiny_config, trees_of

from skeldpo.prompts import Prompts
from skeldpo.storage.by_problem import MeasuredProblem
from skeldpo.train.learners.contract import Scored
from skeldpo.train.learners.preferences import (
    DropReason,
    PairTokens,
    Preferences,
    tokenize_pair,
)
from skeldpo.train.learners.preferences_loss import ANSWERS, STATISTICS


def make_prompts() -> Prompts:
    return Prompts(byte_tokenizer(), tiny_config().policy)


def tokenize(pair, max_tokens: int = 1000) -> PairTokens:
    tokens = tokenize_pair(pair, make_prompts(), max_tokens)
    assert isinstance(tokens, PairTokens)
    return tokens


def test_sampled_sides_keep_the_ids_the_engine_wrote():
    sampled = (7, 7, 300, 256)
    pair = replace(preference_pair(0), chosen=side("pass", "pass", sampled))
    assert tokenize(pair).code_chosen == sampled


def test_sampled_side_keeps_the_prompt_that_the_engine_read():
    """Another template's, say; the skeletons' prompt is that of now, the trunk what they share."""
    pair, prompts = preference_pair(0), make_prompts()
    rendered = tuple(prompts.code_prompt_ids(pair.statement, pair.starter_code))
    read = (*rendered[:5], 7, 7)
    for changed in (
        replace(pair, chosen=replace(pair.chosen, prompt_token_ids=read)),
        replace(pair, rejected=replace(pair.rejected, prompt_token_ids=read)),
    ):
        tokens = tokenize(changed)
        assert tokens.code_prompt == read
        assert tokens.skeleton_prompt[:5] == rendered[:5]
        trees = trees_of([tokens])
        assert trees.node_lengths[:2] == (5, 2), "trunk and code tag"
        assert tokens.tokens_id != tokenize(pair).tokens_id
    assert tokenize(pair).code_prompt == rendered


def test_sides_that_were_sampled_behind_different_prompts_are_dropped():
    pair = preference_pair(0)
    sides = [
        replace(s, prompt_token_ids=(1, 2, n)) for n, s in enumerate((pair.chosen, pair.rejected))
    ]
    pair = replace(pair, chosen=sides[0], rejected=sides[1])
    assert tokenize_pair(pair, make_prompts(), 1000) is DropReason.OTHER_PROMPT


def test_program_of_the_data_stands_behind_the_prompt_that_the_sample_was_written_behind():
    """Its ids are those of its text as an answer; the sample keeps the ids of the engine."""
    pair, prompts = preference_pair(0), make_prompts()
    sampled = replace(side("pass", "", (7, 7, 2)), prompt_token_ids=(1, 2, 3))
    for chosen, rejected in ((sampled, pair.rejected), (pair.rejected, sampled)):
        tokens = tokenize_pair(replace(pair, chosen=chosen, rejected=rejected), prompts, 1000)
        known = tuple(prompts.answer_ids(pair.rejected.code, pair.language))
        expected = [known if each is pair.rejected else (7, 7, 2) for each in (chosen, rejected)]
        assert [tokens.code_chosen, tokens.code_rejected] == expected
        assert tokens.code_prompt == (1, 2, 3)


def test_unfinished_sample_gets_no_eos():
    pair = replace(preference_pair(0), chosen=side("pass", "pass", (7, 7, 7)))
    assert tokenize(pair).code_chosen == (7, 7, 7)


def test_given_programs_and_skeletons_of_a_chat_model_end_as_its_turns_do():
    tokenizer = gemma()
    prompts = Prompts(tokenizer, tiny_config().policy)
    tokens = tokenize_pair(preference_pair(0), prompts, 1000)
    end = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    for name in ANSWERS:
        answer = getattr(tokens, name)
        assert (answer[-1], answer.count(end)) == (end, 1)
        assert tokenizer.eos_token_id not in answer


@pytest.mark.parametrize("reasoning", ["masked", "trained"])
def test_thoughts_of_a_sampled_side_are_masked_or_trained_by_choice(reasoning):
    tokenizer = byte_tokenizer()
    thoughts, answer = (tokenizer.encode(text) for text in ("<think>so</think>", "\nx = 1"))
    pair = replace(preference_pair(0), chosen=side("x = 1", "x = _", (*thoughts, *answer)))
    policy = tiny_config().policy.model_copy(update={"reasoning": reasoning})
    tokens = tokenize_pair(pair, Prompts(tokenizer, policy), 1000)
    masked = reasoning == "masked"
    assert tokens.chosen_thoughts == (tuple(thoughts) if masked else ())
    assert tokens.code_chosen == (tuple(answer) if masked else (*thoughts, *answer))
    assert tokens.rejected_thoughts == ()
    cut = replace(pair, chosen=side("", "", tuple(thoughts[:-3])))
    made = tokenize_pair(cut, Prompts(tokenizer, policy), 1000)
    assert (made is DropReason.NO_ANSWER) == masked


def test_dataset_sides_and_skeletons_end_with_eos():
    prompts = make_prompts()
    tokens = tokenize(preference_pair(0))
    for name in ANSWERS:
        assert getattr(tokens, name).count(prompts.eos_token_id) == 1
        assert getattr(tokens, name)[-1] == prompts.eos_token_id
    assert prompts.decode(list(tokens.skeleton_chosen)) == "def f(x):\n    return _\n"


@pytest.mark.parametrize("skeletons", [("", "a"), ("a", ""), ("a", "a")])
def test_pair_without_two_different_skeletons_has_none(skeletons):
    pair = replace(
        preference_pair(0), chosen=side("a", skeletons[0]), rejected=side("b", skeletons[1])
    )
    assert not tokenize(pair).has_skeleton


def test_longest_code_sequence_fits_at_its_length_and_is_dropped_one_below():
    tokens = tokenize(preference_pair(2, skeletons=False))
    length = len(tokens.code_prompt) + max(len(tokens.code_chosen), len(tokens.code_rejected))
    pair, prompts = preference_pair(2, skeletons=False), make_prompts()
    assert tokenize_pair(pair, prompts, length) == tokens
    assert tokenize_pair(pair, prompts, length - 1) is DropReason.CODE_TOO_LONG


def test_long_skeleton_drops_the_pair():
    pair = replace(preference_pair(0), rejected=side("b", "_ " * 200))
    assert tokenize_pair(pair, make_prompts(), 200) is DropReason.SKELETON_TOO_LONG


def test_equal_sides_are_dropped():
    pair = replace(preference_pair(0), chosen=side("a", ""), rejected=side("a", ""))
    assert tokenize_pair(pair, make_prompts(), 200) is DropReason.SAME_TOKENS


def test_pair_with_one_skeleton_is_refused():
    with pytest.raises(ValueError, match="both sides have a skeleton or none"):
        replace(tokenize(preference_pair(0)), skeleton_chosen=())


def test_programs_of_earlier_rounds_are_in_the_groups_of_a_rounds_skeletons():
    """The whole problem in an earlier round; in this one only a fast and a slow program of it."""
    candidates, measurements = pair_rows.whole_problem()
    whole = MeasuredProblem(
        problem=pair_rows.PROBLEM, candidates=tuple(candidates), measurements=tuple(measurements)
    )
    here = replace(
        whole,
        candidates=tuple(c for c in candidates if c.candidate_id in ("fast0", "slow1")),
        measurements=tuple(m for m in measurements if m.candidate_id in ("fast0", "slow1")),
    )
    config = tiny_config()
    make = Preferences(config.train).maker(config, 3)
    (pair,) = make(replace(here, earlier=(whole,))).pairs
    expected = make(whole).pairs[0]
    assert pair == expected
    (alone,) = make(here).pairs
    assert alone.chosen.skeleton != expected.chosen.skeleton


def test_balanced_terms_scale_the_skeleton_of_each_pair_by_its_own_tokens():
    """Code tokens have probability e^-0.5, skeleton tokens e^-2; the second pair has none."""
    tokens = [tokenize(preference_pair(0)), tokenize(preference_pair(1, skeletons=False))]
    trees = trees_of(tokens)
    names = [name for _ in tokens for name in ANSWERS]
    counts = [len(getattr(row, name)) for row in tokens for name in ANSWERS]
    logp = {"code": -0.5, "skeleton": -2.0}
    sums = torch.tensor(
        [n * logp[name.split("_")[0]] for n, name in zip(counts, names, strict=True)]
    )
    per_token = (sums / trees.num_sequence_tokens.clamp(min=1))[trees.sequence_index]
    scored = Scored(phase="efficiency", examples=tokens, trees=trees, token_logps=per_token,
                    reference=sums)  # fmt: skip
    learner = Preferences(tiny_config(balance_terms=True).train)
    weights = learner.losses(scored).statistics[:, STATISTICS.index("skeleton/weight")]
    code = sum(counts[:2]) * (1 - math.exp(-0.5)) ** 2
    skeleton = sum(counts[2:4]) * (1 - math.exp(-2.0)) ** 2
    assert weights.tolist() == pytest.approx([0.7 * math.sqrt(code / skeleton), 0.0])
    plain = Preferences(tiny_config(balance_terms=True, loss="sft").train).losses(scored)
    assert plain.statistics[0, STATISTICS.index("skeleton/weight")] == pytest.approx(0.7)


def test_progress_and_the_end_of_training_are_told_in_the_words_of_pairs():
    learner = Preferences(tiny_config(max_chosen_drop_nats=2.0).train)
    row = {
        "loss": 0.5,
        "code/rewards/margins": 0.25,
        "code/rewards/accuracies": 1.0,
        "code/rewards/chosen": -0.3,
    }
    assert learner.progress(row) == "loss 0.5000, margin 0.2500, accuracy 1.00"
    assert learner.reason_to_stop([row] * 4) == ""
    assert learner.reason_to_stop([row] * 5) == (
        "the chosen code is less probable than train.max_chosen_drop_nats=2.0 allows"
    )
