"""What `skeldpo export` writes is what TRL's DPOTrainer trains on, unchanged."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from datasets import load_from_disk
from tiny_policy import preference_pair, save_tiny_policy
from transformers import AutoModelForCausalLM, AutoTokenizer

from skeldpo.cli import main
from skeldpo.records import PreferencePair
from skeldpo.storage.store import Store

CHAT_TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--messages", "--skeletons")])
def test_trl_trains_on_an_export(tmp_path: Path, options: tuple[str, ...]) -> None:
    from trl import DPOConfig, DPOTrainer

    pairs = [preference_pair(index) for index in range(6)]
    Store(str(tmp_path)).write_records("pairs.parquet", PreferencePair, pairs)
    folder = str(tmp_path / "dataset")
    arguments = ["export", str(tmp_path / "pairs.parquet"), "--format", "trl", "--out", folder]
    assert main([*arguments, *options]) == 0
    start = save_tiny_policy(tmp_path / "start")
    tokenizer = AutoTokenizer.from_pretrained(start)
    tokenizer.pad_token = tokenizer.eos_token
    if "--messages" in options:
        tokenizer.chat_template = CHAT_TEMPLATE
    rows = load_from_disk(folder)
    assert len(rows) == (12 if "--skeletons" in options else 6)
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(start),
        args=DPOConfig(
            output_dir=str(tmp_path / "trl"),
            per_device_train_batch_size=2,
            max_steps=3,
            learning_rate=1e-3,
            logging_steps=1,
            max_length=None,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5), "the policy is the reference"
    assert losses[-1] < losses[0]
