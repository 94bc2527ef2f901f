"""`skeldpo evaluate --policy`: a real, tiny policy writes the programs that are then scored."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mercury_rows import write_rows
from own_lines import foreign_lines
from tiny_policy import byte_tokenizer
from transformers import Qwen2Config, Qwen2ForCausalLM

from skeldpo.cli import LEFT_OUT

pytestmark = [pytest.mark.vllm, pytest.mark.docker, pytest.mark.ray, pytest.mark.slow]


def _save_policy(folder: Path) -> str:
    """Random weights; vLLM on CPU asks for heads of at least 32."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=264,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.2,
        max_position_embeddings=1024,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return str(folder)


def test_policy_is_sampled_and_its_programs_scored(tmp_path: Path) -> None:
    model = _save_policy(tmp_path / "policy")
    problem = {
        "problem_id": "double",
        "statement": "Twice n.",
        "entry_point": "double",
        "tests": [{"input": [3], "expected": 6}],
        "solutions": ["def double(n):\n    return 2 * n\n", "def double(n):\n    return n + n\n"],
    }
    data = write_rows(tmp_path / "problems.jsonl", problem)
    out = tmp_path / "out" / "report.json"
    done = subprocess.run(
        [
            sys.executable, "-m", "skeldpo.cli",
            "evaluate", "--suite", "problems", "--data", str(data), "--policy", model,
            "--num-samples", "2", "--k", "1", "2", "--out", str(out),
            "--set", "policy.max_model_tokens=512", "--set", "evaluate.max_tokens=24",
            "--set", "generate.enforce_eager=true",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500,
    )  # fmt: skip
    # What random weights write is no program, and is named.
    assert done.returncode == LEFT_OUT, done.stdout
    assert foreign_lines(done.stdout) == []
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        f"problems samples: 1 problems for {model}",
        "ray: starting on this machine",
        "problems samples: 1 problems to write for; starting the engine",
    ]
    writing, scoring = done.stdout.split("\nsamples: ")
    assert re.search(r"\nproblems samples: generated 1 of 1 problems, .*0 s left", writing)
    assert "accepted" not in writing and "measured" not in writing
    # What random weights write does not end by itself.
    assert writing.endswith(
        "\nproblems samples: 2 of 2 answers were cut off, at 24 tokens (evaluate.max_tokens) or at "
        "policy.max_model_tokens with their prompt"
    )
    assert re.search(r"\nproblems: measured 1 of 1 problems, 2 of \d candidates accepted", scoring)
    rows = [json.loads(line) for line in (out.parent / "report-samples.jsonl").open()]
    assert [row["sample_index"] for row in rows] == [0, 1]
    assert len({row["model_id"] for row in rows}) == 1
    report = json.loads(out.read_text())
    assert report["scores"]["pass@2"] == 0.0
    assert report["provenance"]["policy"] == model
    (scored,) = report["problems"]
    assert [sample["code"] for sample in scored["samples"]] == [row["code"] for row in rows]
