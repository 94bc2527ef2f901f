"""The vLLM actor, on real engines of tiny models: Qwen2 with plain prompts, Llama with a chat one.

Each engine runs in a process of its own, as it does under Ray: it binds itself to a core.
"""

from __future__ import annotations

import itertools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_policy import byte_tokenizer
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from skeldpo.checkpoints import Checkpoint
from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.generate.engine import engine_dtype
from skeldpo.generate.policy_engine import PolicyEngine
from skeldpo.prompts import Prompts
from skeldpo.records import Assignment, Candidate, Example, Problem
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, Store

CHAT_TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}<end_of_turn>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
END_OF_TURN = 257
"""Of the chat model: the token after EOS."""
NUM_PROBLEMS = 12
NUM_ANSWER_TOKENS = 4
MAX_NUM_SEQS = 16


def problem(index: int) -> Problem:
    return Problem(
        problem_id=f"p{index}",
        language="python",
        source="test",
        split="train",
        difficulty="easy",
        kind="function",
        statement=f"Add {index} to every element of the list." * (1 + index % 3),
        entry_point="add",
        starter_code="def add(xs):",
        tests=(Example(input_text="[[1]]", expected_text=f"[{1 + index}]"),),
        generators=(),
        checker="exact",
        reference="",
        solutions=(),
    )


def assignment(index: int, *, num_samples: int, temperature: float, seed: int = 7) -> Assignment:
    return Assignment(
        problem=problem(index),
        purpose="train",
        round_index=1,
        num_samples=num_samples,
        temperature=temperature,
        seed=seed + index,
        candidates=(),
    )


def save_policy(folder: Path, architecture: str, seed: int = 0) -> str:
    """A tiny random model, Qwen2's with a tied head; its attention heads are the smallest that vLLM
    has a CPU kernel for."""
    torch.manual_seed(seed)
    make_config, make_model = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }[architecture]
    config = make_config(
        vocab_size=264,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.2,
        max_position_embeddings=1024,
        tie_word_embeddings=architecture == "qwen2",
        bos_token_id=None,
        eos_token_id=byte_tokenizer().eos_token_id,
    )
    make_model(config).save_pretrained(folder)
    tokenizer = byte_tokenizer()
    if architecture == "llama":
        tokenizer.add_tokens(["<end_of_turn>"], special_tokens=True)
        tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return str(folder)


def make_actor(folder: str, output: str) -> PolicyEngine:
    return PolicyEngine(
        checkpoint=Checkpoint(folder=folder, model_id="digest"),
        policy=PolicyConfig(model=folder, max_model_tokens=360),
        generate=GenerateConfig(
            max_tokens=24, top_p=0.95, enforce_eager=True, max_num_seqs=MAX_NUM_SEQS
        ),
        output=output,
    )


def generate_batches(
    folder: str, output: str, batches: list[list[Assignment]]
) -> list[list[Assignment]]:
    """Runs one engine over batches, each made anew; called in a process of its own. The last but
    one is asked to stop at the text of the sixth token that the second one wrote; to the last,
    thoughts end there, and an answer has four tokens."""
    engine = make_actor(folder, output)
    store = Store(output)
    generated = []
    for number, batch in enumerate(batches):
        if number == len(batches) - 2:
            stop = sixth_text(generated[1][0].candidates[0], folder)
            engine._generate = engine._generate.model_copy(update={"stop": (stop,)})
        elif number == len(batches) - 1:
            settings = {"stop": (), "max_reasoning_tokens": 24, "max_tokens": NUM_ANSWER_TOKENS}
            engine._generate = engine._generate.model_copy(update=settings)
            engine._reasoning_end = stop
        for item in batch:
            key = item.problem.problem_id
            if store.has_part(CANDIDATES, key):
                store.remove_part(CANDIDATES, key)
            store.write_part(ASSIGNMENTS, key, Assignment, [item])
            if not item.num_samples:
                store.write_part(CANDIDATES, key, Candidate, item.candidates)
        asked = {item.problem.problem_id: item for item in batch}
        ids = [row["problem_id"][0] for row in engine({"problem_id": list(asked)})]
        generated.append(
            [
                replace(asked[key], candidates=tuple(store.read_part(CANDIDATES, key, Candidate)))
                for key in ids
            ]
        )
    return generated


def generate_reloaded(
    first: str, folder: str, output: str, batch: list[Assignment]
) -> tuple[list[tuple[Candidate, ...]], list[float], list[int]]:
    """An engine writes a batch with one policy and then with another that it reloads; the
    candidates of both, one behind the other, the seconds of its start and of the reload, and what
    was written of unended samples at each step."""
    begun_s = time.perf_counter()
    engine = make_actor(first, output)
    seconds = [time.perf_counter() - begun_s]
    step, unfinished = engine._engine.step, []

    def counted():
        answers = step()
        unfinished.append(engine._engine.num_unfinished_tokens)
        return answers

    engine._engine.step = counted
    store, written = Store(output), []
    for index in range(2):
        for item in batch:
            store.write_part(ASSIGNMENTS, item.problem.problem_id, Assignment, [item])
        if index:
            begun_s = time.perf_counter()
            engine._engine.reload(folder)
            seconds.append(time.perf_counter() - begun_s)
        for row in engine({"problem_id": [item.problem.problem_id for item in batch]}):
            key = row["problem_id"][0]
            written.append(tuple(store.read_part(CANDIDATES, key, Candidate)))
            store.remove_part(CANDIDATES, key)
    return written, seconds, unfinished


def sixth_text(candidate: Candidate, folder: str) -> str:
    """The first character from the sixth token on that one token makes."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [tokenizer.decode([token]) for token in candidate.completion_token_ids[5:]]
    return next(text for text in texts if len(text) == 1 and "!" <= text <= "~")


def in_own_process(call, *arguments):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(call, *arguments).result(timeout=300)


def greedy_by_transformers(folder: str, prompt_ids: tuple[int, ...], length: int) -> list[int]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        ids = model.generate(
            torch.tensor([prompt_ids]), do_sample=False, max_new_tokens=length, eos_token_id=256
        )
    return ids[0, len(prompt_ids) :].tolist()


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def generated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    path = save_policy(folder, request.param)
    output = tmp_path_factory.mktemp("output")
    sampled = [assignment(i, num_samples=4, temperature=0.8) for i in range(NUM_PROBLEMS)]
    greedy = [assignment(100, num_samples=1, temperature=0.0)]
    given = [assignment(101, num_samples=0, temperature=0.8)]
    again = [sampled[3]]
    thinking = [*greedy, assignment(102, num_samples=3, temperature=0.8)]
    batches = [sampled, greedy, given, again, greedy, thinking]
    return path, output, in_own_process(generate_batches, path, str(output), batches)


@pytest.mark.vllm
def test_every_problem_gets_its_samples_in_one_piece(generated):
    _, _, (sampled, *_) = generated
    assert sorted(a.problem.problem_id for a in sampled) == sorted(
        f"p{i}" for i in range(NUM_PROBLEMS)
    )
    for item in sampled:
        assert [c.sample_index for c in item.candidates] == [0, 1, 2, 3]
        assert len({c.completion_token_ids for c in item.candidates}) > 1


@pytest.mark.vllm
def test_prompt_ids_are_those_of_training(generated):
    path, _, (sampled, *_) = generated
    prompts = Prompts(AutoTokenizer.from_pretrained(path), PolicyConfig(model=path))
    for item in sampled:
        expected = prompts.code_prompt_ids(item.problem.statement, item.problem.starter_code)
        assert all(c.prompt_token_ids == tuple(expected) for c in item.candidates)


@pytest.mark.vllm
def test_greedy_tokens_are_those_of_transformers(generated):
    path, _, (_, greedy, *_) = generated
    (candidate,) = greedy[0].candidates
    ids = list(candidate.completion_token_ids)
    assert ids == greedy_by_transformers(path, candidate.prompt_token_ids, len(ids))


@pytest.mark.vllm
def test_log_probabilities_are_those_of_transformers_before_temperature_and_top_p(generated):
    """Both in float32, so they differ by the order of sums only: 1e-4 nats."""
    path, _, (sampled, greedy, *_, stopped, thinking) = generated
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    candidates = [c for item in [*sampled, *greedy, *stopped, *thinking] for c in item.candidates]
    for candidate in candidates:
        prompt, completion = candidate.prompt_token_ids, candidate.completion_token_ids
        assert len(candidate.completion_logps) == len(completion) > 0
        with torch.no_grad():
            logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
        expected = logits.log_softmax(dim=1).gather(1, torch.tensor(completion)[:, None]).squeeze(1)
        got = torch.tensor(candidate.completion_logps)
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


@pytest.mark.vllm
def test_a_stopped_sample_ends_with_eos_or_its_turn_and_a_cut_one_does_not(generated):
    path, _, (sampled, *_) = generated
    candidates = [c for item in sampled for c in item.candidates]
    prompts = Prompts(AutoTokenizer.from_pretrained(path), PolicyConfig(model=path))
    chat = bool(AutoTokenizer.from_pretrained(path).chat_template)
    eos = byte_tokenizer().eos_token_id
    ends = [eos, END_OF_TURN] if chat else [eos]
    assert prompts.stop_token_ids == ends
    assert any(c.finish_reason == "length" for c in candidates)
    for candidate in candidates:
        *written, last = candidate.completion_token_ids
        assert (last in ends) == (candidate.finish_reason == "stop")
        assert not set(ends) & set(written)


@pytest.mark.vllm
def test_stop_text_ends_a_sample_with_the_token_that_completes_it(generated):
    path, _, (_, greedy, _, _, stopped, _) = generated
    (whole,), (cut,) = greedy[0].candidates, stopped[0].candidates
    stop = sixth_text(whole, path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    texts = [tokenizer.decode([token]) for token in whole.completion_token_ids]
    length = texts.index(stop) + 1
    assert length < len(texts)
    assert cut.completion_token_ids == whole.completion_token_ids[:length]
    assert (whole.finish_reason, cut.finish_reason) == ("length", "stop")
    assert cut.code.rstrip().endswith(stop.strip())


@pytest.mark.vllm
def test_an_answer_goes_on_behind_thoughts_with_a_budget_of_its_own(generated):
    path, _, (_, greedy, *_, thinking) = generated
    (whole,) = greedy[0].candidates
    stop = sixth_text(whole, path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    end = [tokenizer.decode([token]) for token in whole.completion_token_ids].index(stop) + 1
    of = {item.problem.problem_id: item.candidates for item in thinking}
    (answered,) = of["p100"]
    longest = end + NUM_ANSWER_TOKENS
    assert end < len(whole.completion_token_ids)
    assert answered.completion_token_ids == whole.completion_token_ids[:longest]
    assert answered.prompt_token_ids == whole.prompt_token_ids
    assert [candidate.sample_index for candidate in of["p102"]] == [0, 1, 2]


@pytest.mark.vllm
def test_the_same_seed_gives_the_same_samples(generated):
    _, _, (sampled, _, _, again, *_) = generated
    first = next(a for a in sampled if a.problem.problem_id == "p3")
    # The last bits of a product depend on how many are computed together, on some CPUs.
    for one, other in zip(again[0].candidates, first.candidates, strict=True):
        assert one.completion_logps == pytest.approx(other.completion_logps, abs=1e-4)
        assert replace(one, completion_logps=()) == replace(other, completion_logps=())


@pytest.mark.vllm
def test_engine_that_took_a_policys_weights_writes_what_a_fresh_one_does(generated, tmp_path):
    """To the last bit, with a tied head (Qwen2) and without."""
    path, _, (sampled, *_) = generated
    other = save_policy(tmp_path / "other", AutoConfig.from_pretrained(path).model_type, seed=1)
    batch = [replace(item, candidates=()) for item in sampled]
    written, (start_s, reload_s), unfinished = in_own_process(
        generate_reloaded, other, path, str(tmp_path / "output"), batch
    )
    before, after = (
        {rows[0].problem_id: rows for rows in written[each : each + NUM_PROBLEMS]}
        for each in (0, NUM_PROBLEMS)
    )
    print(f"engine started in {start_s:.1f} s, other weights reloaded in {reload_s:.2f} s")
    for item in sampled:
        key = item.problem.problem_id
        assert after[key] == item.candidates
        assert before[key] != item.candidates
    assert reload_s < start_s / 2
    # A token for each sample in a step, until they end.
    more = [after - before for before, after in itertools.pairwise([0, *unfinished])]
    assert max(more) == MAX_NUM_SEQS < max(unfinished) and unfinished[-1] == 0


@pytest.mark.vllm
def test_an_assignment_that_asks_for_nothing_passes_through(generated):
    _, _, (_, _, given, *_) = generated
    assert given[0] == assignment(101, num_samples=0, temperature=0.8)


@pytest.mark.parametrize(
    ("stored", "flags", "settings", "expected"),
    [
        ("bfloat16", {"avx512f", "avx512_bf16"}, {}, "bfloat16"),
        ("bfloat16", {"amx_bf16"}, {}, "bfloat16"),
        ("bfloat16", {"avx512f"}, {}, "float32"),
        ("float16", {"avx512_bf16"}, {}, "float32"),
        ("float32", {"avx512_bf16"}, {}, "float32"),
        ("bfloat16", set(), {"dtype": "bfloat16"}, "bfloat16"),
        ("float32", {"avx512_bf16"}, {"dtype": "float16"}, "float16"),
        ("bfloat16", set(), {"gpus_per_engine": 1}, "auto"),
        ("bfloat16", set(), {"gpus_per_engine": 1, "dtype": "float32"}, "float32"),
    ],
)
def test_engine_computes_in_the_dtype_of_the_weights_where_the_cpu_can(
    tmp_path, stored, flags, settings, expected
):
    LlamaConfig(dtype=stored).save_pretrained(tmp_path)
    assert engine_dtype(str(tmp_path), GenerateConfig(**settings), frozenset(flags)) == expected
