"""Reloads without vLLM: what an engine believes of one, what a worker does to its layers, and which
folders may follow one another; and the seconds of rounds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fake_engines import FakeLLM
from tiny_policy import save_tiny_policy
from transformers import AutoTokenizer

from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.generate.engine import PROBE_TOKENS, Engine, engine_identity, refusal
from skeldpo.generate.engine_worker import PolicyReload
from skeldpo.rounds.round_clock import RoundClock

POLICY = PolicyConfig(model="any", max_model_tokens=160)
GENERATE = GenerateConfig(max_num_seqs=16)


@pytest.fixture(autouse=True)
def no_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its records take seconds to import."""
    vllm = SimpleNamespace(SamplingParams=SimpleNamespace)
    kinds = SimpleNamespace(RequestOutputKind=SimpleNamespace(FINAL_ONLY=2))
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", kinds)


def test_reload_that_changes_what_a_text_is_scored_with_is_believed() -> None:
    llm = FakeLLM()
    Engine(llm).reload("weights/2.0")
    assert llm.weight == 2.0
    assert llm.prompt_ids == list(range(1, PROBE_TOKENS + 1))


@pytest.mark.parametrize(
    ("llm", "folder", "said"),
    [
        (FakeLLM(skips=True), "weights/2.0", "log-probabilities that it gave them before"),
        (FakeLLM(), "weights/1.0", "log-probabilities that it gave them before"),
        (FakeLLM(), "weights/nan", "the value NaN"),
        (FakeLLM(resets=False), "weights/2.0", "prefix cache"),
    ],
    ids=["skipped", "of the same weights", "of no numbers", "with old prefixes"],
)
def test_reload_that_leaves_the_weights_before_is_an_error(
    llm: FakeLLM, folder: str, said: str
) -> None:
    with pytest.raises(RuntimeError, match=said):
        Engine(llm).reload(folder)


class Method:
    """vLLM's way of computing a layer on a CPU: with packed weights, beside which only those of the
    embedding are kept."""

    def process_weights_after_loading(self, layer: Any) -> None:
        if not layer.weight.numel():
            return
        weight = layer.weight.clone()
        layer.cpu_linear = lambda x: x @ weight.T
        if layer.drops_weight:
            layer.weight = torch.nn.Parameter(torch.empty(0))


def make_worker(kind: str, loaded: tuple[str, ...]) -> tuple[PolicyReload, Any]:
    """A worker with a head that is tied to the embedding; it loads these layers, of which it packs
    only those that have weights of their own, as vLLM does."""
    layers = {name: torch.nn.Linear(4, 4, bias=False) for name in ("embedding", "inner", "head")}
    layers["head"].weight = layers["embedding"].weight
    method = type(kind, (Method,), {})()
    for name, layer in layers.items():
        layer.quant_method, layer.drops_weight = method, name == "inner"
        method.process_weights_after_loading(layer)
    model = torch.nn.ModuleDict(layers)

    def load(weights_path: str) -> None:
        if "inner" in loaded:
            layers["inner"].weight = torch.nn.Parameter(torch.empty(4, 4))
        for name in loaded:
            layers[name].weight.data.fill_(float(weights_path))
            method.process_weights_after_loading(layers[name])

    worker = PolicyReload()
    worker.model_runner = SimpleNamespace(get_model=lambda: model)
    worker.reload_weights = load
    return worker, layers


def test_worker_packs_a_tied_head_anew() -> None:
    worker, layers = make_worker("UnquantizedLinearMethod", ("embedding", "inner"))
    worker.reload_policy("3")
    for layer in layers.values():
        assert torch.equal(layer.cpu_linear(torch.ones(4)), torch.full((4,), 12.0))


def test_worker_refuses_layers_that_it_cannot_see_through_or_that_stay_as_they_were() -> None:
    worker, layers = make_worker("FusedMoEMethod", ("embedding", "inner"))
    with pytest.raises(RuntimeError, match="not reloaded: FusedMoEMethod"):
        worker.reload_policy("3")
    assert not torch.equal(layers["head"].cpu_linear(torch.ones(4)), torch.full((4,), 12.0))
    worker, _ = make_worker("UnquantizedLinearMethod", ("embedding",))
    with pytest.raises(RuntimeError, match="weights before: inner"):
        worker.reload_policy("3")


def identity_of(folder: str, **generate: object) -> str:
    return engine_identity(folder, POLICY, GENERATE.model_copy(update=generate))


def test_only_weights_may_differ_between_folders_of_one_engine(tmp_path: Path) -> None:
    folder = save_tiny_policy(tmp_path / "a")
    first = identity_of(folder)
    trained = Path(save_tiny_policy(tmp_path / "b", seed=1))
    assert identity_of(str(trained)) == first
    assert identity_of(folder, temperature=0.1, num_samples=3) == first
    for other in ({"dtype": "bfloat16"}, {"max_num_seqs": 8}, {"enforce_eager": True}):
        assert identity_of(folder, **other) != first
    longer = POLICY.model_copy(update={"max_model_tokens": 320})
    assert engine_identity(folder, longer, GENERATE) != first
    assert identity_of(save_tiny_policy(tmp_path / "c", tied=False)) != first

    config = json.loads((trained / "config.json").read_text())
    (trained / "config.json").write_text(json.dumps({**config, "transformers_version": "9.9"}))
    assert identity_of(str(trained)) == first
    (trained / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-3}))
    assert identity_of(str(trained)) != first
    (trained / "config.json").write_text(json.dumps(config))
    (trained / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 2]}))
    assert identity_of(str(trained)) != first
    (trained / "generation_config.json").unlink()
    without = identity_of(str(trained))
    tokenizer = AutoTokenizer.from_pretrained(trained)
    tokenizer.add_tokens(["<more>"])
    tokenizer.save_pretrained(trained)
    assert identity_of(str(trained)) != without


def test_refusal_of_vllm_says_which_setting_to_change() -> None:
    """Its own advice for a model of 1,024 positions was a variable that lets it compute NaN."""
    said = refusal(
        "/policy",
        "1 validation error for ModelConfig\n  Value error, User-specified max_model_len (2048) is "
        "greater than the derived max_model_len (max_position_embeddings=1024.0 or "
        "model_max_length=None in model's config.json). To allow overriding this maximum, set the "
        "env var VLLM_ALLOW_LONG_MAX_MODEL_LEN=1. [type=value_error, input_value=ArgsKwargs((), "
        "{'model': '/policy'})]\n    For further information visit https://errors.pydantic.dev",
    )
    assert said == (
        "vLLM does not start with /policy: User-specified max_model_len (2048) is greater than the "
        "derived max_model_len (max_position_embeddings=1024.0 or model_max_length=None in model's "
        "config.json). (max_model_len is policy.max_model_tokens)"
    )
    assert refusal("/policy", "no such layer") == "vLLM does not start with /policy: no such layer"


def test_clock_of_two_rounds() -> None:
    """Round 1 from 100 to 200 s: the first token at 130 and sampling to 150, 20 s of steps: 60 s
    are neither. Training ends at 195; round 2's first token is at 201.5."""
    now = [100.0]
    clock = RoundClock(lambda: now[0])
    clock.begin_round()
    now[0] = 110.0
    clock.begin_sampling()
    now[0] = 150.0
    assert clock.sampled(130.0) == {"sample/seconds_to_first_token": 20.0}
    assert clock.since == "sampling began"
    now[0] = 195.0
    clock.trained(20.0)
    now[0] = 200.0
    assert clock.end_round() == {"round/seconds": 100.0, "round/overhead_seconds": 60.0}
    clock.begin_round()
    clock.begin_sampling()
    now[0] = 230.0
    assert clock.sampled(201.5) == {"sample/seconds_to_first_token": 6.5}
    assert clock.since == "training ended"
    assert clock.end_round() == {}, "nothing was trained"
    assert clock.sampled(0.0) == {}, "nothing was written"
