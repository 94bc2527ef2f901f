"""The run of a soak: its problems, its policy, and the actors that stand in for vLLM and the clock.

Which programs are written follows from a problem and its seed, and how fast each is from its text,
so that two runs of a seed must have the same rows, whatever happened to one of them. All else is a
run's own: programs run in containers, and Ray Train trains a policy of 30,000 weights.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skeldpo.checkpoints import local_folder
from skeldpo.config import Config
from skeldpo.config.toml_file import parse_config
from skeldpo.generate.engine import Answer, Asked, Engine, Text
from skeldpo.generate.engine_keeper import Order
from skeldpo.generate.policy_engine import PolicyEngine
from skeldpo.measure.actor import session_row
from skeldpo.measure.on_cores import Run
from skeldpo.prompts import Prompts
from skeldpo.records import Assignment, Measurement, Outcome, Problem, content_id
from skeldpo.sandbox.container import RunRequest

NUM_TRAIN, NUM_HELD_OUT, NUM_SAMPLES, NUM_HELD_OUT_SAMPLES = 24, 8, 6, 2
BASELINE_NS = 10**8
NUM_REPEATS = 15
_EOS = "<|endoftext|>"
_SHAPES = (
    "def add(x):\n    return x + {k}\n",
    "def add(x):\n    y = {k}\n    return y + x\n",
    "def add(x):\n    for _ in range({k}):\n        x += 1\n    return x\n",
    "def add(x):\n    n = {k}\n    while n:\n        n -= 1\n        x = x + 1\n    return x\n",
    "def add(x):\n    return x - {k}\n",
)
"""Two fast ones, two slow ones, a wrong one."""
_SLOWNESS = (1.0, 1.02, 2.5, 2.6, 1.0)


def write_inputs(folder: Path) -> None:
    """The files that the run of a soak begins with: problems and a policy."""
    rows = (_problem_row(number) for number in range(3 * NUM_TRAIN + NUM_HELD_OUT))
    (folder / "problems.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    _save_policy(folder / "policy")


def soak_config(folder: Path, name: str, seed: int, num_rounds: int) -> Config:
    """A run in a folder that `write_inputs` filled."""
    return parse_config(
        {
            "run": {
                "name": name,
                "num_rounds": num_rounds,
                "storage": str(folder / "runs"),
                "seed": seed,
                "memory_check": "off",
                "max_node_wait_s": 120.0,
            },
            "policy": {
                "model": str(folder / "policy"),
                "max_model_tokens": 512,
                "code_instruction": "[CODE]",
                "skeleton_instruction": "[SKELETON] of it",
            },
            "problems": {
                "sources": [str(folder / "problems.jsonl")],
                "num_train": NUM_TRAIN,
                "num_heldout_variants": NUM_HELD_OUT,
                "num_heldout_families": 0,
            },
            # Retries are for what a problem does to its actor; here it is never the problem.
            "generate": {
                "programs": "policy",
                "num_samples": NUM_SAMPLES,
                "max_tokens": 256,
                "max_retries": 9,
                "keep_engines": False,
            },
            "measure": {"max_retries": 9},
            "pair": {"min_speedup": 1.3},
            "train": {
                "beta": 0.1,
                "skeleton_weight": 0.7,
                "learning_rate": 1e-3,
                "pairs_per_step": 4,
                "efficiency_epochs": 6,
                "checkpoint_every": 5,
                "num_workers": 2,
                "max_failures": 4,
                "max_sampler_gap_nats": 0.0,
            },
            "evaluate": {"num_samples": NUM_HELD_OUT_SAMPLES, "num_bootstrap": 100},
            "tracking": {"backends": []},
        },
        "soak",
    )


class ScriptedEngine(PolicyEngine):
    """An engine that commits and yields as vLLM's does, and writes what is drawn for a problem."""

    pace_s = 0.6

    def _start(self, order: Order, pass_id: str, keepers: Sequence[Any]) -> str:
        from transformers import AutoTokenizer

        folder = local_folder(order.checkpoint)
        self._model_id = order.checkpoint.model_id
        self._generate = order.generate
        tokenizer = AutoTokenizer.from_pretrained(folder)
        self._prompts = Prompts(tokenizer, order.policy)
        self._max_model_tokens = order.policy.max_model_tokens
        self._reasoning_end = order.policy.reasoning_marks[1]
        self._engine = _Script(tokenizer, self.pace_s)
        return ""

    def _asked(self, assignment: Assignment, **asked: Any) -> Asked:
        plain = super()._asked(assignment, **asked)
        values = {name: getattr(plain, name) for name in Asked.__slots__}
        return _AskedOf(problem=assignment.problem, **values)


class QuickEngine(ScriptedEngine):
    """The same without waiting."""

    pace_s = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _AskedOf(Asked):
    """With the problem that it is asked of."""

    problem: Problem


class _Script(Engine):
    """In the place of a vLLM engine: finishes a request a step."""

    def __init__(self, tokenizer: Any, pace_s: float) -> None:
        self._tokenizer = tokenizer
        self._pace_s = pace_s
        self._requests: list[tuple[str, _AskedOf]] = []

    @property
    def num_unfinished_tokens(self) -> int:
        """What is not finished is not begun."""
        return 0

    def add_request(self, request_id: str, prompt_ids: Sequence[int], asked: Asked) -> None:
        """Takes a request."""
        assert isinstance(asked, _AskedOf)
        self._requests.append((request_id, asked))

    def step(self) -> list[Answer]:
        """The next request is finished."""
        time.sleep(self._pace_s)
        request_id, asked = self._requests.pop(0)
        drawn = random.Random(f"{asked.problem.problem_id} {asked.seed}")
        texts = []
        for index in range(asked.num_samples):
            code = _program(asked.problem, drawn.choice(_SHAPES))
            ids = self._tokenizer.encode(f"```python\n{code}```\n{_EOS}")
            logps = (-1.0,) * len(ids)
            text = Text(index=index, token_ids=tuple(ids), logps=logps, finish_reason="stop")
            texts.append(text)
        return [Answer(request_id=request_id, texts=tuple(texts))]


def run_in_container(assignment: Assignment, run: Run, pace_s: float) -> list[Measurement]:
    """Verdicts of the programs as they run in a container, with the times of their texts."""
    checks: dict[str, Measurement] = {}
    rows = []
    for candidate in assignment.candidates:
        known = checks.get(candidate.code)
        if known is None:
            time.sleep(pace_s)
            outcome = _verdict(assignment.problem, candidate.code, run)
            row = session_row(candidate.candidate_id, assignment, outcome)
            checks[candidate.code] = row
        else:
            row = replace(known, candidate_id=candidate.candidate_id)
        rows.append(row)
    right = {code: row for code, row in checks.items() if row.outcome is Outcome.ACCEPTED}
    phases = ("screen", "confirm", "crosscheck") if assignment.purpose == "train" else ("screen",)
    return rows + [_timed(row, code, phase) for phase in phases for code, row in right.items()]


def _verdict(problem: Problem, code: str, run: Run) -> Outcome:
    report = run(
        RunRequest(
            language=problem.language,
            kind=problem.kind,
            code=code,
            entry_point=problem.entry_point,
            input_texts=tuple(test.input_text for test in problem.tests),
            cpu_limit_s=2.0,
        )
    )
    if report.outcome is not Outcome.ACCEPTED:
        return report.outcome
    is_right = report.answer_texts == tuple(test.expected_text for test in problem.tests)
    return Outcome.ACCEPTED if is_right else Outcome.WRONG_ANSWER


def _timed(check: Measurement, code: str, phase: Any) -> Measurement:
    drawn = random.Random(f"{check.problem_id} {code} {phase}")
    time_ns = BASELINE_NS * _slowness(code)
    return replace(
        check,
        phase=phase,
        session_id=content_id(check.problem_id, phase),
        cpu_times_ns=tuple(round(time_ns * drawn.uniform(0.99, 1.01)) for _ in range(NUM_REPEATS)),
        baseline_times_ns=(BASELINE_NS,) * NUM_REPEATS,
        input_digest=phase,
    )


def _slowness(code: str) -> float:
    lines = [line for line in code.splitlines() if any(word in line for word in ("for", "while"))]
    return _SLOWNESS[2 + ("while" in lines[0])] if lines else _SLOWNESS["y = " in code]


def _program(problem: Problem, shape: str) -> str:
    return shape.format(k=int(problem.problem_id.rpartition("-")[2]) + 2)


def _problem_row(number: int) -> dict[str, Any]:
    k = number + 2
    is_held_out = number < NUM_HELD_OUT
    programs: Sequence[str] = [shape.format(k=k) for shape in _SHAPES]
    return {
        "problem_id": f"add-{number}",
        "statement": f"Add {k} to x.",
        "entry_point": "add",
        "tests": [{"input": [n], "expected": n + k} for n in (1, 40)],
        "generators": ["def generate_input(size, seed):\n    return [size + seed]\n"],
        "reference": programs[0],
        "solutions": [
            {"code": programs[0], "speed": "fast"},
            {"code": programs[2], "speed": "slow"},
        ],
        "split": "heldout_variant" if is_held_out else "train",
    }


def _save_policy(folder: Path) -> None:
    """A Qwen2 with random weights, and a tokenizer of bytes."""
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

    torch.manual_seed(0)
    vocabulary = {letter: place for place, letter in enumerate(sorted(ByteLevel.alphabet()))}
    vocabulary[_EOS] = len(vocabulary)
    config = Qwen2Config(
        vocab_size=264,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    Qwen2Tokenizer(
        vocab=vocabulary, merges=[], eos_token=_EOS, pad_token=_EOS, unk_token=None
    ).save_pretrained(folder)
