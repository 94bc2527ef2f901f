"""Token ids of pairs and the layout of prefix trees."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from model_tokenizers import gemma
from tiny_policy import byte_tokenizer, preference_pair, side, tiny_config

from skeldpo.prompts import Prompts
from skeldpo.train.batch import (
    ANSWERS,
    DropReason,
    PairTokens,
    TreeBatch,
    build_trees,
    tokenize_pair,
)


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
        trees = build_trees([tokens])
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


def sees(trees: TreeBatch) -> torch.Tensor:
    """(T, T), True where the query (row) sees the key (column)."""
    places = torch.arange(len(trees.subtree_end))
    query, key = places.unsqueeze(1), places.unsqueeze(0)
    return (key <= query) & (query < trees.subtree_end.unsqueeze(0))


PROMPTS = {
    "shared beginning": ((1, 2, 3, 4), (1, 2, 9)),
    "nothing shared": ((1, 2), (3,)),
    "one is the other's beginning": ((1, 2, 3), (1, 2)),
    "equal": ((1, 2), (1, 2)),
    "one token each": ((1,), (1,)),
}


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS.keys())
def test_answer_tokens_see_exactly_their_prompt_and_earlier_answer(prompts):
    """Reads every answer back through the mask: what its last token sees is its sequence."""
    pair = PairTokens(
        pair_id="p",
        stage="efficiency",
        code_prompt=prompts[0],
        skeleton_prompt=prompts[1],
        code_chosen=(11, 12, 13),
        code_rejected=(21,),
        skeleton_chosen=(31, 32),
        skeleton_rejected=(41, 42, 43, 44, 45),
    )
    other = replace(pair, pair_id="q", skeleton_chosen=(), skeleton_rejected=())
    trees = build_trees([other, pair, other], 16)
    mask = sees(trees)  # (T, T)
    for column, name in enumerate(ANSWERS):
        prompt = pair.code_prompt if name.startswith("code") else pair.skeleton_prompt
        answer = getattr(pair, name)
        chosen = trees.answer_index == len(ANSWERS) + column
        assert tuple(trees.target_ids[chosen].tolist()) == answer
        for place, predictor in enumerate(trees.predictor_index[chosen].tolist()):
            seen = mask[predictor]
            assert tuple(trees.input_ids[0, seen].tolist()) == prompt + answer[:place]
            assert trees.position_ids[0, seen].tolist() == list(range(len(prompt) + place))


def test_shared_prompt_is_laid_out_once():
    tokens = tokenize(preference_pair(0))
    four_rows = sum(len(getattr(tokens, name)) for name in ANSWERS)
    four_rows += 2 * len(tokens.code_prompt) + 2 * len(tokens.skeleton_prompt)
    trees = build_trees([tokens])
    used = trees.input_ids.shape[1]
    assert used == tokens.num_tokens
    assert four_rows - used > 2 * len("Add one to x.\ndef f(x):\n")


def test_padding_sees_itself_and_is_seen_by_no_one():
    """A row of a mask without a True would be NaN in softmax."""
    tokens = [tokenize(preference_pair(0)), tokenize(preference_pair(3))]
    trees = build_trees(tokens, 64)
    used = sum(pair.num_tokens for pair in tokens)
    assert used < trees.input_ids.shape[1] == -(-used // 64) * 64
    mask = sees(trees)
    assert bool(mask.diagonal().all())
    assert not bool(mask[:used, used:].any())
    assert not bool(mask[used:, :used].any())


def test_chains_say_the_same_as_the_ends_of_subtrees():
    trees = build_trees([tokenize(preference_pair(i, skeletons=i != 1)) for i in range(3)], 64)
    starts = [sum(trees.node_lengths[:node]) for node in range(len(trees.node_lengths) + 1)]
    by_chain = torch.zeros_like(sees(trees))
    for chain in trees.chains:
        first, last = starts[chain.own[0]], starts[chain.own[-1] + 1]
        by_chain[first:last, first:last] = torch.ones(last - first, last - first).tril().bool()
        for node in chain.context:
            by_chain[first:last, starts[node] : starts[node + 1]] = True
    assert torch.equal(by_chain, sees(trees))
    own = [node for chain in trees.chains for node in chain.own]
    assert own == list(range(len(trees.node_lengths)))


def test_counts_of_answer_tokens_match_the_targets():
    trees = build_trees([tokenize(preference_pair(i, skeletons=i > 0)) for i in range(3)])
    counted = torch.bincount(trees.answer_index, minlength=12).view(3, 4)
    assert torch.equal(counted, trees.num_answer_tokens)
    assert trees.num_answer_tokens[0, 2:].tolist() == [0, 0]
