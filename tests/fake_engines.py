"""Stands in for vLLM's engine where a test is about who asks it, and when it fails."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.generate.engine import Answer, Asked, Text


@dataclass
class FakeLLM:
    """vLLM's `LLMEngine` as far as a reload asks it: scores a text by one weight. It may skip the
    reload, and keep its prefix cache."""

    weight: float = 1.0
    skips: bool = False
    resets: bool = True
    asked: list[str] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)

    def add_request(self, request_id: str, prompt: dict[str, Any], sampling: Any) -> None:
        self.asked.append(request_id)
        self.prompt_ids = prompt["prompt_token_ids"]

    def has_unfinished_requests(self) -> bool:
        return bool(self.asked)

    def abort_request(self, request_ids: Sequence[str]) -> None:
        self.aborted += request_ids
        self.asked = [each for each in self.asked if each not in request_ids]

    def step(self) -> list[Any]:
        self.asked.pop(0)
        rows = [{token: SimpleNamespace(logprob=-self.weight * token)} for token in self.prompt_ids]
        return [SimpleNamespace(finished=True, prompt_logprobs=[None, *rows[1:]])]

    def collective_rpc(self, method: str, args: tuple[str, ...]) -> None:
        assert method == "reload_policy"
        if not self.skips:
            self.weight = float(Path(args[0]).name)

    def reset_prefix_cache(self) -> bool:
        return self.resets


@dataclass
class FakeEngine:
    """An `Engine` whose answers are the digest of its policy, a token each request; of the problem
    "deadly" its process dies, "raising" it fails of, and of "slow" it is never done."""

    folder: str
    asked: list[tuple[str, int]] = field(default_factory=list)
    reloads: int = 0
    refuses: bool = False
    num_unfinished_tokens: int = 0

    @property
    def is_idle(self) -> bool:
        return not self.asked

    def add_request(self, request_id: str, prompt_ids: Sequence[int], asked: Asked) -> None:
        self.asked.append((request_id, asked.num_samples))

    def step(self) -> list[Answer]:
        time.sleep(0.01)
        request_id, num_samples = self.asked[0]
        if request_id == "deadly":
            os._exit(1)
        if request_id == "raising":
            raise RuntimeError("CUDA error")
        if request_id == "slow":
            return []
        self.asked.pop(0)
        written = int(Path(self.folder).name)
        texts = tuple(
            Text(index=index, token_ids=(written, index), logps=(-1.0,) * 2, finish_reason="stop")
            for index in range(num_samples)
        )
        return [Answer(request_id=request_id, texts=texts)]

    def drop_requests(self) -> None:
        self.asked.clear()

    def reload(self, folder: str) -> None:
        if self.refuses:
            raise RuntimeError("layers still have the weights before")
        self.folder = folder
        self.reloads += 1

    def end(self) -> None:
        return


def start_fake(folder: str, policy: PolicyConfig, generate: GenerateConfig) -> FakeEngine:
    """Takes a moment, as a real one takes minutes."""
    time.sleep(0.05)
    return FakeEngine(folder)
