"""TRL's DPOTrainer on the benchmark's pairs; imported only when `trl` is installed.

The code and the skeleton answers of a pair are two preference examples, which is how TRL can be
trained on both. Its fastest settings on a CPU: reference log-probabilities computed beforehand, no
gradient checkpointing, no logging, no checkpoints. `padding_free` does nothing in TRL 1.x.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, TrainerCallback
from trl import DPOConfig, DPOTrainer

from benchmarks.train_workload import Workload, train_settings
from skeldpo.train.learners.preferences import PairTokens


def time_trl(work: Workload, pairs: Sequence[PairTokens], model: Any) -> dict[str, Any]:
    """Seconds of each optimizer step over the same pairs."""
    settings = train_settings(work)
    examples_per_pair = 2 if work.skeletons else 1
    lora = None
    if settings.lora:
        modules = list(settings.lora.target_modules)
        lora = LoraConfig(
            r=settings.lora.rank, lora_alpha=settings.lora.alpha, target_modules=modules
        )
    with tempfile.TemporaryDirectory() as folder:
        arguments = DPOConfig(
            output_dir=folder,
            per_device_train_batch_size=work.pairs_per_forward * examples_per_pair,
            gradient_accumulation_steps=max(1, work.pairs_per_step // work.pairs_per_forward),
            num_train_epochs=1,
            learning_rate=settings.learning_rate,
            beta=settings.beta,
            max_length=None,
            precompute_ref_log_probs=True,
            gradient_checkpointing=work.activation_checkpointing,
            bf16=work.dtype == "bfloat16",
            use_cpu=work.device == "cpu",
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        timer = _StepTimer()
        trainer = DPOTrainer(
            model=model,
            args=arguments,
            train_dataset=_dataset(pairs),
            processing_class=_tokenizer(work.vocab_size),
            peft_config=lora,
            callbacks=[timer],
        )
        trainer.train()
    return {"seconds": timer.seconds}


class _StepTimer(TrainerCallback):  # type: ignore[misc]
    """Seconds between the ends of optimizer steps; the first includes the start of training."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._last = time.perf_counter()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """The clock starts."""
        self._last = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """One more step."""
        now = time.perf_counter()
        self.seconds.append(now - self._last)
        self._last = now


def _dataset(pairs: Sequence[PairTokens]) -> Dataset:
    rows = []
    for pair in pairs:
        rows.append((pair.code_prompt, pair.code_chosen, pair.code_rejected))
        if pair.has_skeleton:
            rows.append((pair.skeleton_prompt, pair.skeleton_chosen, pair.skeleton_rejected))
    names = ("prompt", "chosen", "rejected")
    return Dataset.from_list(
        [{name: _text(ids) for name, ids in zip(names, row, strict=True)} for row in rows]
    )


def _text(ids: Sequence[int]) -> str:
    """A word an id; ends with a blank, so that prompt and answer stay apart."""
    return "".join(f"t{i} " for i in ids)


def _tokenizer(vocab_size: int) -> PreTrainedTokenizerFast:
    vocab = {f"t{i}": i for i in range(8, vocab_size)} | {"<pad>": 0, "<eos>": 1, "<unk>": 2}
    words = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
