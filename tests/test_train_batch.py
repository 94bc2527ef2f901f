"""The layout of prefix trees in a row."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_policy import byte_tokenizer, preference_pair, tiny_config, trees_of

from skeldpo.prompts import Prompts
from skeldpo.train.batch import Answer, Prompt, Tree, TreeBatch, build_trees
from skeldpo.train.learners.preferences import PairTokens, tokenize_pair
from skeldpo.train.learners.preferences_loss import ANSWERS


def tokenize(pair) -> PairTokens:
    made = tokenize_pair(pair, Prompts(byte_tokenizer(), tiny_config().policy), 1000)
    assert isinstance(made, PairTokens)
    return made


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
    trees = trees_of([other, pair, other], 16)
    mask = sees(trees)  # (T, T)
    for column, name in enumerate(ANSWERS):
        prompt = pair.code_prompt if name.startswith("code") else pair.skeleton_prompt
        answer = getattr(pair, name)
        chosen = trees.sequence_index == len(ANSWERS) + column
        assert tuple(trees.target_ids[chosen].tolist()) == answer
        for place, predictor in enumerate(trees.predictor_index[chosen].tolist()):
            seen = mask[predictor]
            assert tuple(trees.input_ids[0, seen].tolist()) == prompt + answer[:place]
            assert trees.position_ids[0, seen].tolist() == list(range(len(prompt) + place))


def test_thoughts_are_seen_by_their_own_answer_and_not_scored():
    pair = PairTokens(
        pair_id="p",
        stage="efficiency",
        code_prompt=(1, 2),
        skeleton_prompt=(1, 9),
        code_chosen=(11, 12),
        code_rejected=(21, 22),
        skeleton_chosen=(31,),
        skeleton_rejected=(41,),
        chosen_thoughts=(5, 6, 7),
    )
    trees = trees_of([pair])
    assert trees.input_ids.shape[1] == pair.num_tokens == 12
    assert trees.num_sequence_tokens.tolist() == [2, 2, 1, 1]
    seen_by = {
        int(target): trees.input_ids[0, sees(trees)[place]].tolist()
        for target, place in zip(trees.target_ids, trees.predictor_index, strict=True)
    }
    assert seen_by == {
        11: [1, 2, 5, 6, 7], 12: [1, 2, 5, 6, 7, 11], 21: [1, 2], 22: [1, 2, 21],
        31: [1, 9], 41: [1, 9],
    }  # fmt: skip
    assert pair.tokens_id != replace(pair, chosen_thoughts=(5, 6)).tokens_id


def test_shared_prompt_is_laid_out_once():
    tokens = tokenize(preference_pair(0))
    four_rows = sum(len(getattr(tokens, name)) for name in ANSWERS)
    four_rows += 2 * len(tokens.code_prompt) + 2 * len(tokens.skeleton_prompt)
    trees = trees_of([tokens])
    used = trees.input_ids.shape[1]
    assert used == tokens.num_tokens
    assert four_rows - used > 2 * len("Add one to x.\ndef f(x):\n")


def test_padding_sees_itself_and_is_seen_by_no_one():
    """A row of a mask without a True would be NaN in softmax."""
    tokens = [tokenize(preference_pair(0)), tokenize(preference_pair(3))]
    trees = trees_of(tokens, 64)
    used = sum(pair.num_tokens for pair in tokens)
    assert used < trees.input_ids.shape[1] == -(-used // 64) * 64
    mask = sees(trees)
    assert bool(mask.diagonal().all())
    assert not bool(mask[:used, used:].any())
    assert not bool(mask[used:, :used].any())


def test_chains_say_the_same_as_the_ends_of_subtrees():
    trees = trees_of([tokenize(preference_pair(i, skeletons=i != 1)) for i in range(3)], 64)
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
    trees = trees_of([tokenize(preference_pair(i, skeletons=i > 0)) for i in range(3)])
    counted = torch.bincount(trees.sequence_index, minlength=12)
    assert torch.equal(counted, trees.num_sequence_tokens)
    assert trees.num_sequence_tokens[2:4].tolist() == [0, 0]


def test_answers_of_a_deeper_tree_see_their_own_prompts():
    """A prompt with three answers, one of them behind another prompt; sequence 2 is absent."""
    deep = Prompt(token_ids=(4,), below=(Answer(token_ids=(5, 6), sequence=3),))
    answers = (Answer(token_ids=(7,), sequence=0), deep, Answer(token_ids=(8, 9), sequence=1))
    trunk = Prompt(token_ids=(1, 2), below=answers)
    trees = build_trees([Tree(trunk=trunk, num_sequences=4)] * 2)
    assert trees.num_sequence_tokens.tolist() == [1, 2, 0, 2] * 2
    mask = sees(trees)
    expected = {0: (1, 2), 1: (1, 2, 8), 3: (1, 2, 4, 5)}
    for sequence, seen in expected.items():
        last = trees.predictor_index[trees.sequence_index == 4 + sequence][-1]
        assert tuple(trees.input_ids[0, mask[last]].tolist()) == seen
        assert trees.position_ids[0, mask[last]].tolist() == list(range(len(seen)))
    assert [chain.own for chain in trees.chains[:3]] == [(0, 1), (2, 3), (4,)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Answer(token_ids=(), sequence=2), "sequence 2 has no tokens"),
        (lambda: Prompt(token_ids=(1,), below=()), "nothing below it"),
        (
            lambda: Prompt(token_ids=(), below=(Answer(token_ids=(1,), sequence=0),)),
            "needs a token before it",
        ),
        (lambda: build_trees([]), "at least one tree"),
    ],
)
def test_trees_that_score_nothing_or_cannot_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
