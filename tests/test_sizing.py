"""Sizes: counted shapes, a hand-derived worker, a real training's peak, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_policy import byte_tokenizer, save_tiny_policy, tiny_config

from benchmarks.sizing_table import methods, qwen_shapes, table
from skeldpo.cli import USER_ERROR, main
from skeldpo.config import Config
from skeldpo.config.toml_file import load_config
from skeldpo.rounds import kept_engines
from skeldpo.rounds.driver import run_rounds
from skeldpo.rounds.kept_engines import KeptEngines
from skeldpo.sizing.check import check_run, engines_fit, shortages, stages_of
from skeldpo.sizing.needs import GIB, told
from skeldpo.sizing.nodes import Node, Nodes, nodes_of, this_machine
from skeldpo.sizing.sampling import engine_need
from skeldpo.sizing.shape import llama_shape
from skeldpo.sizing.worker import BAND, worker_need

REPOSITORY = Path(__file__).parents[1]
QUICKSTART = str(REPOSITORY / "jobs" / "configs" / "quickstart.toml")
SEVEN_B = str(REPOSITORY / "jobs" / "configs" / "qwen-coder-7b.toml")
SMALL = {
    "vocab_size": 8192, "hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 6,
    "num_attention_heads": 8, "num_key_value_heads": 2, "max_position_embeddings": 8192,
}  # fmt: skip
PAIR_TOKENS = 200 + 2 * (8 + 2 * 64)
"""Of a tree in tests/training_memory.py."""


def shape_like(values: dict[str, int], *, tied: bool):
    return llama_shape(
        hidden_size=values["hidden_size"],
        mlp_size=values["intermediate_size"],
        num_layers=values["num_hidden_layers"],
        heads=(values["num_attention_heads"], values["num_key_value_heads"]),
        vocab_size=values["vocab_size"],
        is_tied=tied,
    )


def h100_node(**values: object) -> Node:
    """Eight GPUs in 512 GiB, as the documented pod has."""
    given = {"name": "n", "host_bytes": 512 * GIB, "num_cpus": 96, "num_gpus": 8,
             "gpu_bytes": 80 * GIB, "sandbox_cores": 0, **values}  # fmt: skip
    return Node(**given)


def training_shortages(config: Config, shape, nodes: Nodes) -> list[str]:
    (train,) = [stage for stage in stages_of(config, shape, 4) if stage.name == "train"]
    return [each.text for each in shortages(train, nodes) if each.is_final]


@pytest.mark.slow
@pytest.mark.parametrize("tied", [True, False])
def test_shape_by_arithmetic_is_that_of_the_built_model(tied):
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    from skeldpo.config import LoraConfig
    from skeldpo.sizing.shape import shape_of
    from skeldpo.train.adapters import add_adapters

    config = Qwen2Config(**SMALL, tie_word_embeddings=tied)
    lora = LoraConfig(rank=4, alpha=8)
    counted = shape_of(config, lora)
    assert counted == shape_like(SMALL, tied=tied)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        add_adapters(model, lora, "")
    trained = sum(each.numel() for each in model.parameters() if each.requires_grad)
    assert 4 * counted.adapters_per_rank == trained
    assert shape_of(config).adapters_per_rank == 0


@pytest.mark.slow
def test_adapters_of_experts_and_of_the_ends_are_counted():
    """Of a Qwen3-MoE the default ones are mostly in experts, of which none were counted."""
    from transformers import Qwen3MoeConfig

    from skeldpo.config import LoraConfig
    from skeldpo.sizing.shape import shape_of

    config = Qwen3MoeConfig(
        vocab_size=264, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, num_experts=4, moe_intermediate_size=16,
    )  # fmt: skip
    attention = 2 * (32 + 32) + 2 * (32 + 16)
    # Experts' gates and ups are one tensor, which has a rank for each.
    experts = 4 * (2 * (32 + 2 * 16) + (16 + 32))
    lora = LoraConfig(rank=4, alpha=8)
    assert shape_of(config, lora).adapters_per_rank == 2 * (attention + experts)
    ends = lora.model_copy(update={"target_modules": ("lm_head",)})
    assert shape_of(config, ends).adapters_per_rank == 32 + 264


@pytest.mark.slow
def test_every_kind_that_trains_has_a_shape(tmp_path):
    """A run of GPT-2, StarCoder, OPT, Falcon, BLOOM, Mamba ended before it began, in an
    AttributeError: their layers and sizes have other names."""
    import transformers as tf
    from tiny_kinds import IN_ROWS, IN_TREES

    from skeldpo.sizing.shape import read_shape

    gpt2 = IN_TREES["positions that are learnt"][1]
    falcon = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    kinds = [each[:2] for each in (*IN_ROWS.values(), *IN_TREES.values())]
    kinds += [(tf.GPTBigCodeConfig, gpt2), (tf.FalconConfig, falcon)]
    for kind, settings in kinds:
        kind(**settings).save_pretrained(tmp_path)
        shape = read_shape(str(tmp_path))
        assert shape.num_layers == 2, kind
        assert 0 < shape.layer_parameters < shape.num_parameters, kind
        assert shape.mlp_size > 0, kind


@pytest.mark.slow
def test_layer_of_states_and_attention_side_by_side_has_a_cache():
    from tiny_kinds import IN_ROWS

    from skeldpo.sizing.shape import shape_of

    counted = {
        name: shape_of(IN_ROWS[name][0](**IN_ROWS[name][1])).num_cached_layers
        for name in ("states and attention side by side", "short convolutions", "states")
    }
    assert list(counted.values()) == [2, 1, 0]


def test_qwen_shapes_have_the_published_numbers_of_parameters():
    """Those of the model cards: 0.49, 1.54, 7.61, 14.7 and 32.5 billion (32.8 by its files)."""
    counts = {name: shape.num_parameters / 1e9 for name, shape in qwen_shapes().items()}
    expected = {"0.5 B": 0.494, "1.5 B": 1.544, "7 B": 7.616, "14 B": 14.77, "32 B": 32.764}
    assert counts == pytest.approx(expected, abs=5e-3)


def test_worker_of_a_full_training_equals_hand_derived_bytes():
    """D 512, I 1408, A 512, K 128, V 8192, fp32, 472 tokens. A layer: 2 x 512 x 640 + 3 x 512 x
    1408 = 2,818,048 weights, 768 biases, 1,024 in norms: 2,819,840; all: 6 of them, 8192 x 512 =
    4,194,304 and a norm of 512: 21,113,856. Activations of a token and layer: 24 x 512 + 4 x (3 x
    512 + 2 x 128) + 16 x 1408 + 4 x (2 x 512 + 4 x 128) = 48,128; gradients 12 x (1408 + 512)."""
    train = tiny_config(max_tokens_per_forward=PAIR_TOKENS).train
    need = worker_need(shape_like(SMALL, tied=True), train, PAIR_TOKENS)
    parts = {part.name: part.num_bytes for part in need.host}
    assert parts["weights"] == parts["gradients"] == 4 * 21_113_856
    assert parts["moments"] == 8 * 21_113_856
    assert parts["whole layers"] == 4 * (2 * 2_819_840 + 4_194_304)
    assert parts["whole gradients"] == 8 * 4_194_304
    assert parts["activations"] == 472 * (6 * 48_128 + 12 * (1408 + 512))
    assert parts["logits"] == 2 * 4 * 472 * 8192
    assert need.device == ()


def test_offloaded_activations_are_on_the_host_of_a_gpu():
    """472 tokens x 512 x 6 layers x 2 bytes are the inputs of all layers."""
    checkpointed = {
        "max_tokens_per_forward": PAIR_TOKENS, "use_gpu": True, "dtype": "bfloat16",
        "activation_checkpointing": True,
    }  # fmt: skip
    needs = [
        worker_need(
            shape_like(SMALL, tied=True),
            tiny_config(**checkpointed, offload_activations=offloaded).train,
            PAIR_TOKENS,
        )
        for offloaded in (False, True)
    ]
    kept, moved = ({part.name: part.num_bytes for part in need.device} for need in needs)
    assert kept["activations"] - moved["activations"] == 472 * 512 * 6 * 2
    (host,) = [part for part in needs[1].host if part.name == "offloaded activations"]
    assert host.num_bytes == 472 * 512 * 6 * 2


CASES = {
    "full": {},
    "checkpointing": {"activation_checkpointing": True},
    "LoRA on two workers": {"lora": {"rank": 8, "alpha": 16.0}, "num_workers": 2},
}


@pytest.mark.slow
def test_measured_peak_of_a_training_lies_in_the_band_of_its_figure(tmp_path):
    common = {"max_tokens_per_forward": PAIR_TOKENS, "correctness_epochs": 0}
    settings = {
        name: {**common, **train, "pairs_per_step": train.get("num_workers", 1)}
        for name, train in CASES.items()
    }
    requests = [
        json.dumps({"name": name, "shape": SMALL, "pairs": 1, "train": train})
        for name, train in settings.items()
    ]
    program = Path(__file__).with_name("training_memory.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), *requests],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [row["name"] for row in rows] == ["full", "checkpointing", *["LoRA on two workers"] * 2]
    for row in rows:
        train = tiny_config(**settings[row["name"]]).train
        need = worker_need(shape_like(SMALL, tied=True), train, PAIR_TOKENS)
        figure = sum(part.num_bytes for part in need.host if part.name != "process")
        measured = row["peak"] - row["before"]
        print(f"{row['name']}: measured {measured >> 20} MiB, figure {figure >> 20}")
        assert figure / BAND <= measured <= figure * BAND, row["name"]


def test_docs_table_is_what_the_function_says():
    text = (REPOSITORY / "docs" / "SIZING.md").read_text(encoding="utf-8")
    assert table() in text, f"docs/SIZING.md lacks this table:\n{table()}"


def test_full_training_of_32b_is_refused_on_eight_gpus_and_qlora_is_not():
    nodes = Nodes(nodes=(h100_node(),), is_cluster=True)
    common = {"num_workers": 8, "use_gpu": True, "dtype": "bfloat16"}
    common |= {"activation_checkpointing": True, "max_tokens_per_forward": 16384}
    shape = qwen_shapes()["32 B"]
    (text,) = training_shortages(tiny_config(**common), shape, nodes)
    assert "training worker: needs a GPU with 96 GiB, and the largest has 80 GiB" in text
    assert "train.num_workers" in text
    assert "train.cpu_offload = true" in text
    for lora in (methods()["LoRA"], methods()["QLoRA"]):
        config = tiny_config(**common, lora=lora.model_dump())
        assert training_shortages(config, shape, nodes) == []


def test_offloaded_weights_are_refused_where_the_host_has_no_room_for_all_workers():
    """32 B: 61 GiB of weights, gradients and moments a worker, 8 workers in 512 GiB with their
    processes; 7 B fits."""
    nodes = Nodes(nodes=(h100_node(host_bytes=380 * GIB),), is_cluster=True)
    common = {"num_workers": 8, "use_gpu": True, "dtype": "bfloat16", "cpu_offload": True}
    common |= {"activation_checkpointing": True, "max_tokens_per_forward": 16384}
    (text,) = training_shortages(tiny_config(**common), qwen_shapes()["32 B"], nodes)
    assert "8 training workers need" in text
    assert "of 1 nodes for them the largest has 380 GiB in all" in text
    assert training_shortages(tiny_config(**common), qwen_shapes()["7 B"], nodes) == []


def test_estimate_above_what_there_is_is_told_though_it_may_fit():
    """7 B, full, on four GPUs: 49 GiB estimated, 28 of them exact."""
    common = {"num_workers": 4, "use_gpu": True, "dtype": "bfloat16"}
    common |= {"activation_checkpointing": True, "max_tokens_per_forward": 16384}
    config, shape = tiny_config(**common), qwen_shapes()["7 B"]
    (train,) = [stage for stage in stages_of(config, shape, 4) if stage.name == "train"]
    for size, expected in ((80, []), (48, [False]), (40, [True])):
        nodes = Nodes(nodes=(h100_node(gpu_bytes=size * GIB),), is_cluster=True)
        assert [each.is_final for each in shortages(train, nodes)] == expected


def test_cluster_waits_for_nodes_and_one_machine_does_not():
    config = tiny_config(num_workers=16, use_gpu=True, dtype="bfloat16")
    shape = qwen_shapes()["0.5 B"]
    (train,) = [stage for stage in stages_of(config, shape, 4) if stage.name == "train"]
    (waits,) = shortages(train, Nodes(nodes=(h100_node(),), is_cluster=True))
    assert not waits.is_final
    assert "16 training workers want 1 CPUs, 1 GPUs each, and 8 have a place now" in waits.text
    here = Nodes(nodes=(h100_node(num_gpus=0, gpu_bytes=0),), is_cluster=False)
    (never,) = shortages(train, here)
    assert never.is_final


def test_engine_parts_its_weights_and_cache_over_its_gpus():
    """7 B in bf16: 28 layers x 2 x 4 heads of 128 x 2 bytes = 57,344 a token."""
    config = load_config(SEVEN_B, ["generate.gpus_per_engine=4"])
    need = engine_need(qwen_shapes()["7 B"], config.generate, 4096)
    parts = {part.name: part.num_bytes for part in need.device}
    assert parts["weights"] == 2 * qwen_shapes()["7 B"].num_parameters // 4
    assert parts["a sequence's cache"] == 57_344 * 4096 // 4
    assert need.device_bytes == int(sum(parts.values()) / 0.9)
    assert "on each GPU" in told(need)
    alone = engine_need(qwen_shapes()["32 B"], load_config(SEVEN_B, []).generate, 4096)
    assert alone.device_bytes < 80 * GIB  # 61 GiB of weights: its owners serve it on one H100
    twice = load_config(SEVEN_B, ["generate.dtype=float32"]).generate
    assert engine_need(qwen_shapes()["32 B"], twice, 4096).device_bytes > 80 * GIB


def kept_config(keep_engines: bool | str = "auto") -> Config:
    """The quickstart, whose engine and training worker take a CPU each."""
    return load_config(QUICKSTART, [f"generate.keep_engines={json.dumps(keep_engines)}"])


def a_node(num_cpus: int = 2, host_gib: int = 8) -> Nodes:
    node = h100_node(num_cpus=num_cpus, num_gpus=0, host_bytes=host_gib * GIB)
    return Nodes(nodes=(node,), is_cluster=True)


def test_engines_stay_where_the_training_fits_beside_them():
    config = kept_config()
    assert engines_fit(config, a_node()) == ""
    reason = engines_fit(config, a_node(num_cpus=1))
    assert reason.startswith("1 training worker want 1 CPUs each, and 0 have a place")
    assert "1 training worker needs" in engines_fit(config, a_node(host_gib=4))
    assert engines_fit(config, a_node(num_cpus=1)) == engines_fit(kept_config(False), a_node(1))
    gone = config.model_copy(
        update={"policy": config.policy.model_copy(update={"model": "/no/such/model"})}
    )
    assert "config.json of /no/such/model cannot be read here" in engines_fit(gone, a_node())


def test_engines_that_have_to_stay_are_workers_of_the_training_stage():
    shape = qwen_shapes()["0.5 B"]
    for keep, kinds in ((True, ["driver", "engine", "training worker"]),
                        ("auto", ["driver", "training worker"])):  # fmt: skip
        train = stages_of(kept_config(keep), shape, 1)[-1]
        assert [need.kind for need in train.needs] == kinds


class MadeKeepers:
    """Keepers without Ray."""

    def __init__(self) -> None:
        self.num_kept = self.num_ended = 0

    @property
    def are_there(self):
        return self.num_kept > 0

    def start(self, generate):
        self.num_kept = generate.num_engines
        return ("keeper",) * generate.num_engines

    def end(self):
        self.num_ended += self.num_kept
        self.num_kept = 0


def test_engines_of_a_run_end_when_nodes_go_and_with_the_run(monkeypatch):
    nodes, told = [a_node()], []
    monkeypatch.setattr(kept_engines, "find_nodes", lambda tell: nodes[0])
    monkeypatch.setattr(kept_engines, "Keepers", MadeKeepers)
    run = KeptEngines(kept_config(), told.append)
    made = run._keepers
    with pytest.raises(KeyboardInterrupt), run:
        assert run.keepers() == ("keeper",)
        run.make_room()
        assert made.num_kept == 1
        nodes[0] = a_node(num_cpus=1)
        run.make_room()
        assert made.num_kept == 0, "the training gets its CPU"
        assert run.keepers() == ()
        nodes[0] = a_node()
        run.keepers()
        raise KeyboardInterrupt
    assert (made.num_kept, made.num_ended) == (0, 2)
    stay = "engines: they stay from round to round (generate.keep_engines)"
    assert told[0] == told[2] == stay
    assert told[1].startswith("engines: each round starts its own, as they do not fit beside")
    assert len(told) == 3
    assert KeptEngines(kept_config(False), told.append).keepers() == ()
    assert KeptEngines(kept_config(True), told.append).keepers() == ("keeper",)


def test_nodes_of_a_cluster_are_read_from_what_ray_tells():
    rows = [
        {"Alive": True, "NodeID": "a", "NodeManagerHostname": "gpu-1", "Resources": {
            "CPU": 32.0, "GPU": 8.0, "memory": 300.0 * GIB, "object_store_memory": 100.0 * GIB,
            "accelerator_type:H100": 1.0, "node:10.0.0.1": 1.0}},
        {"Alive": True, "NodeID": "b", "Resources": {
            "CPU": 4.0, "sandbox_core": 3.0, "memory": 10.0 * GIB}},
        {"Alive": False, "NodeID": "c", "Resources": {}},
    ]  # fmt: skip
    first, second = nodes_of(rows)
    assert first.told() == "gpu-1: 400 GiB, 32 CPUs, 0 sandbox_core, 8 GPUs of 80 GiB"
    assert second.told() == "b: 10 GiB, 4 CPUs, 3 sandbox_core"
    assert 0 < this_machine().host_bytes < 2**50


def large_model(folder: Path) -> str:
    """config.json of the 32 B shape, and no weights."""
    folder.mkdir()
    values = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "hidden_size": 5120,
              "intermediate_size": 27_648, "num_hidden_layers": 64, "num_attention_heads": 40,
              "num_key_value_heads": 8, "vocab_size": 152_064, "dtype": "bfloat16",
              "tie_word_embeddings": False}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(values))
    return str(folder)


@pytest.mark.slow
def test_dry_run_and_run_refuse_a_model_that_cannot_fit_here(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    settings = [f"policy.model={large_model(tmp_path / 'large')}", "run.storage=out"]
    arguments = ["run", "--config", QUICKSTART]
    for setting in settings:
        arguments += ["--set", setting]
    for kind in (["--dry-run"], []):
        assert main([*arguments, *kind]) == USER_ERROR
        message = capsys.readouterr().err.replace("\n", " ")
        assert "this cannot fit: 1 engine needs" in message
        assert re.search(r"1 training worker needs \d{3} GiB of memory", message)
        assert "[train.lora]" in message
        assert 'run.memory_check = "warn"' in message
    lines: list[str] = []
    config = load_config(QUICKSTART, [*settings, 'run.memory_check="warn"'])
    check_run(config, lines.append, shows=True)
    assert any(line.startswith("memory: 1 training worker needs") for line in lines)
    assert any(line.startswith("  train: 1 x training worker:") for line in lines)
    with pytest.raises(ValueError, match="this cannot fit"):
        run_rounds(load_config(QUICKSTART, settings), lines.append)


@pytest.mark.slow
def test_dry_run_refuses_a_policy_that_cannot_be_asked_or_trained(tmp_path, capsys):
    """It was at its first training, after all that the round had sampled and measured."""
    from transformers import PhiConfig

    kept = byte_tokenizer()
    PhiConfig(**SMALL).save_pretrained(tmp_path / "phi")
    for name in ("good", "no template", "no tokenizer"):
        save_tiny_policy(tmp_path / name)
    kept.chat_template = "{{ raise_exception('texts and pictures') }}"
    kept.save_pretrained(tmp_path / "no template")
    for file in (tmp_path / "no tokenizer").glob("*token*"):
        file.unlink()
    refused = {
        "phi": "cannot be trained here",
        "none": "no such model folder",
        "no template": "does not take a conversation of one user's turn",
        "no tokenizer": "has no tokenizer",
        "good": "",
    }
    for name, message in refused.items():
        setting = f"policy.model={tmp_path / name}"
        arguments = ["run", "--config", QUICKSTART, "--dry-run", "--set", setting]
        assert main(arguments) == (USER_ERROR if message else 0), name
        assert message in capsys.readouterr().err.replace("\n", " ")


def test_model_whose_config_cannot_be_had_is_told(tmp_path):
    lines: list[str] = []
    config = load_config(QUICKSTART, [f"policy.model={tmp_path}/none"])
    check_run(config, lines.append, shows=True)
    assert lines[0].startswith("memory: not checked, as config.json of")
