"""Where the texts of a real vLLM engine end, and how their seeds go on. What its policy may say is
known: a or b, the end of its thoughts, and then a or b again or the separator of files."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch
from test_generate import assignment
from tiny_policy import EOS, byte_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Tokenizer

from skeldpo.checkpoints import Checkpoint
from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.generate.policy_engine import PolicyEngine
from skeldpo.records import Assignment, Candidate
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, Store

pytestmark = [pytest.mark.vllm]

THINK, END, SEPARATOR = "[THINK]", "[/THINK]", "<|file_sep|>"
"""Special tokens, as Magistral's marks of thoughts and Qwen's separator are."""
FOLLOWERS = {
    "\n": ("a", "b"),
    "a": (END,),
    "b": (END,),
    END: ("a", "b", SEPARATOR),
    SEPARATOR: ("c",),
    "c": (EOS,),
}
"""What comes behind a token, each as likely as the others."""
NUM_SAMPLES = 32


def chain_tokenizer() -> Qwen2Tokenizer:
    """One token a byte, and the special ones."""
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([THINK, END, SEPARATOR], special_tokens=True)
    return tokenizer


def save_chain(folder: Path) -> str:
    """One layer that adds nothing: the head reads the last token alone."""
    tokenizer = chain_tokenizer()
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=288,
        hidden_size=288,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=9,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    (layer,) = model.model.layers
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(288))
        for matrix in (layer.self_attn.o_proj, layer.mlp.down_proj, model.lm_head):
            matrix.weight.zero_()
        for token, followers in FOLLOWERS.items():
            (column,) = tokenizer.encode(token)
            for follower in followers:
                (row,) = tokenizer.encode(follower)
                model.lm_head.weight[row, column] = 10.0
    model.save_pretrained(folder)
    return str(folder)


def write(folder: str, output: str, settings: Sequence[dict[str, object]]) -> list[list[Candidate]]:
    """The samples of a problem of its own for each of the settings, in a process of its own."""
    engine = PolicyEngine(
        checkpoint=Checkpoint(folder=folder, model_id="digest"),
        policy=PolicyConfig(model=folder, max_model_tokens=360, reasoning_marks=(THINK, END)),
        generate=GenerateConfig(max_tokens=100, enforce_eager=True),
        output=output,
    )
    store, written = Store(output), []
    for index, changed in enumerate(settings):
        engine._generate = GenerateConfig(**changed)
        asked = assignment(index, num_samples=NUM_SAMPLES, temperature=1.0)
        key = asked.problem.problem_id
        store.write_part(ASSIGNMENTS, key, Assignment, [asked])
        assert [row["problem_id"] for row in engine({"problem_id": [key]})] == [[key]]
        written.append(list(store.read_part(CANDIDATES, key, Candidate)))
    return written


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Texts of the samples without a stop, with one, and with thoughts."""
    folder = save_chain(tmp_path_factory.mktemp("policy"))
    output = tmp_path_factory.mktemp("output")
    settings = (
        {"max_tokens": 100},
        {"max_tokens": 100, "stop": ("never", SEPARATOR)},
        {"max_tokens": 1, "max_reasoning_tokens": 2},
    )
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        samples = pool.submit(write, folder, str(output), settings).result(timeout=300)
    tokenizer = chain_tokenizer()
    return [
        [tokenizer.decode(candidate.completion_token_ids) for candidate in candidates]
        for candidates in samples
    ]


def test_a_special_token_among_the_stop_texts_ends_a_sample(written: list[list[str]]) -> None:
    free, stopped, _ = written
    assert all(text.endswith(f"{SEPARATOR}c{EOS}") for text in free)
    assert all(text.endswith(SEPARATOR) and text.count(SEPARATOR) == 1 for text in stopped)


def test_thoughts_end_at_a_mark_that_is_a_special_token(written: list[list[str]]) -> None:
    """Their two tokens are all that they may have; the answer's one is beyond them."""
    *_, thinking = written
    says = {f"{thought}{END}{answer}" for thought in "ab" for answer in ("a", "b", SEPARATOR)}
    assert len(thinking) == NUM_SAMPLES and set(thinking) == says


def test_an_answer_is_drawn_with_other_numbers_than_its_thoughts(written: list[list[str]]) -> None:
    """With the same ones it began as they did, in each of the samples."""
    *_, thinking = written
    plain = [text for text in thinking if not text.endswith(SEPARATOR)]
    assert 0 < sum(text[0] == text[-1] for text in plain) < len(plain)
