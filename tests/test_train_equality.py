"""What must be equal however it is computed: architectures, BOS, rounds, the golden run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_policy import (
    answer_counts,
    answer_logps,
    byte_tokenizer,
    preference_pair,
    save_tiny_policy,
    tiny_config,
    tokens_of,
    trees_of,
)
from tokenizers import Tokenizer, decoders, models, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from skeldpo.prompts import Prompts
from skeldpo.records import ReferenceLogps
from skeldpo.train.attention import row_multiple
from skeldpo.train.learners.preferences import PairTokens, Preferences, tokenize_pair
from skeldpo.train.learners.preferences_loss import ANSWERS, joint_losses
from skeldpo.train.loading import load_network
from skeldpo.train.loop import build_optimizer, plan_steps, run_steps
from skeldpo.train.reference import reference_logps
from skeldpo.train.saving import save_network

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden" / "train" / "loss_curve.json"
LORA = {"rank": 4, "alpha": 8.0}
SHAPE = {
    "vocab_size": 264, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2,
    "max_position_embeddings": 1024,
}  # fmt: skip
ARCHITECTURES = {
    "llama": LlamaConfig(**SHAPE),
    "qwen2": Qwen2Config(**SHAPE, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**SHAPE, head_dim=8),
    "mistral, window longer than any sequence": MistralConfig(**SHAPE, sliding_window=4096),
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def bos_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte; a post-processor puts BOS before a text, as Llama 3's does."""
    tokens = [*sorted(ByteLevel.alphabet()), "<s>", "</s>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")


TOKENIZERS = {"with bos": bos_tokenizer, "without bos": byte_tokenizer}


def tokenized(tokenizer: Any, num_pairs: int = 3) -> list[PairTokens]:
    prompts = Prompts(tokenizer, tiny_config().policy)
    pairs = [preference_pair(i, skeletons=i != 1) for i in range(num_pairs)]
    tokens = [tokenize_pair(pair, prompts, 160) for pair in pairs]
    assert all(isinstance(row, PairTokens) for row in tokens)
    return tokens


def sequence_logps(model: torch.nn.Module, pairs: list[PairTokens]) -> torch.Tensor:
    """(B, 4), one sequence at a time through the model's own attention and whole logits."""
    sums = torch.zeros(len(pairs), len(ANSWERS))
    for row, pair in enumerate(pairs):
        for column, name in enumerate(ANSWERS):
            answer = getattr(pair, name)
            prompt = pair.code_prompt if name.startswith("code") else pair.skeleton_prompt
            if answer:
                ids = torch.tensor([prompt + answer])
                logps = model(input_ids=ids).logits.log_softmax(dim=2)[0, len(prompt) - 1 : -1]
                sums[row, column] += logps.gather(1, ids[0, len(prompt) :, None]).sum()
    return sums


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS.keys())
@pytest.mark.parametrize("config", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_packed_trees_equal_single_sequences(tmp_path, config, tokenizer):
    """Log-probabilities, joint loss and gradients of all pairs in one row."""
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    pairs, settings = tokenized(tokenizer()), tiny_config().train
    trees = trees_of(pairs)
    counts = answer_counts(trees)
    results = []
    for packed in (True, False):
        if packed:
            model = load_network(str(tmp_path), settings, 160, seed=0)
            logps = answer_logps(model, trees)
        else:
            model = AutoModelForCausalLM.from_pretrained(tmp_path)
            logps = sequence_logps(model, pairs)
        reference = logps.detach() + torch.arange(12.0).view(3, 4).cos()
        loss = joint_losses(logps, reference, counts, settings, 0.7).loss.mean()
        loss.backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        results.append((logps.detach(), loss.detach(), gradients))
    torch.testing.assert_close(results[0][:2], results[1][:2], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(results[0][2], results[1][2], atol=1e-5, rtol=1e-4)


def test_bos_opens_each_sequence_once_and_is_never_an_answer():
    tokenizer = bos_tokenizer()
    for pair in tokenized(tokenizer):
        for prompt in (pair.code_prompt, pair.skeleton_prompt):
            assert prompt[0] == tokenizer.bos_token_id
            assert prompt.count(tokenizer.bos_token_id) == 1
        assert all(tokenizer.bos_token_id not in getattr(pair, name) for name in ANSWERS)


def references_of(
    network: Any, learner: Preferences, tokens: list[PairTokens]
) -> tuple[list[ReferenceLogps], Any]:
    rows = reference_logps(network, learner, tokens, 400, "model")
    return rows, torch.tensor([row.logps for row in rows])


def test_reference_of_each_round_is_a_separate_model_of_the_rounds_start(tmp_path):
    """With adapters the reference is the model they sit on: in round 1 the base, in round 2 the
    policy that round 1 merged and saved, and the base no more."""
    base = save_tiny_policy(tmp_path / "base")
    folders = [base, str(tmp_path / "round-1")]
    settings = tiny_config(lora=LORA, pairs_per_step=2).train
    pairs = [preference_pair(i) for i in range(3)]
    tables = []
    for index, folder in enumerate(folders):
        tokens = tokens_of(pairs, folder, tiny_config())
        network = load_network(folder, settings, 160, seed=index)
        learner = Preferences(settings)
        rows, table = references_of(network, learner, tokens)
        with torch.no_grad():
            expected = sequence_logps(AutoModelForCausalLM.from_pretrained(folder), tokens)
        torch.testing.assert_close(table, expected, atol=1e-4, rtol=1e-5)
        tables.append(table)
        history: list[dict[str, float]] = []
        run_steps(
            network,
            build_optimizer(network, settings),
            plan_steps(tokens, learner, seed=0),
            {row.example_id: row for row in rows},
            learner,
            lambda _, metrics, history=history: history.append(metrics) is not None,
        )
        assert history[0]["code/loss"] == pytest.approx(0.693147, abs=1e-5)
        save_network(network, byte_tokenizer(), str(tmp_path / f"round-{index + 1}"), "")
    assert float((tables[1] - tables[0]).abs().max()) > 0.1


def test_loss_curve_of_a_tiny_run_is_the_golden_one(tmp_path):
    """Two correctness and six efficiency steps. A change of numbers needs a reason: `make golden`
    writes the new curve, and the reason goes into the commit message."""
    folder = save_tiny_policy(tmp_path / "policy")
    config = tiny_config(pairs_per_step=2, efficiency_epochs=3, sft_weight=0.1, schedule="cosine")
    pairs = [preference_pair(i, "correctness") for i in range(4)]
    pairs += [preference_pair(i, skeletons=i != 1) for i in range(4)]
    tokens = tokens_of(pairs, folder, config)
    network = load_network(folder, config.train, 160, seed=0)
    learner = Preferences(config.train)
    rows, _ = references_of(network, learner, tokens)
    curve: list[dict[str, float]] = []
    names = ("loss", "code/rewards/margins", "code/logps/chosen", "grad_norm", "learning_rate")
    run_steps(
        network,
        build_optimizer(network, config.train),
        plan_steps(tokens, learner, seed=0),
        {row.example_id: row for row in rows},
        learner,
        lambda _, row: curve.append({name: round(row[name], 6) for name in names}) is not None,
    )
    if os.environ.get("SKELDPO_UPDATE_GOLDEN"):  # `make golden`, which then shows what changed
        GOLDEN.write_text(json.dumps(curve, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(golden) == len(curve) == 8
    for step, expected in zip(curve, golden, strict=True):
        assert step == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.gpu
def test_policy_on_a_gpu_gives_the_gradients_of_the_cpu(tmp_path):
    """FlexAttention needs heads of 16 or more, so these are larger; TF32 rounds to 1e-3."""
    torch.manual_seed(0)
    config = Qwen2Config(**{**SHAPE, "hidden_size": 64, "initializer_range": 0.05})
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    pairs, results = tokenized(byte_tokenizer()), []
    for device in (torch.device("cpu"), torch.device("cuda")):
        network = load_network(str(tmp_path), tiny_config().train, 160, seed=0).to(device)
        logps = answer_logps(network, trees_of(pairs, row_multiple(device)).to(device))
        logps.sum().backward()
        gradients = [parameter.grad.cpu() for parameter in network.parameters()]
        results.append((logps.detach().cpu(), gradients))
    torch.testing.assert_close(results[1][0], results[0][0], atol=0.05, rtol=1e-3)
    for got, expected in zip(results[1][1], results[0][1], strict=True):
        assert float((got - expected).norm()) < 0.01 * float(expected.norm()) + 1e-3
