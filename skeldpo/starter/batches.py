"""Training texts of the starter policy as padded batches of token ids.

Every epoch holds each problem twice: with one of its fast and one of its slow programs, taking
turns. Shapes: B rows, T tokens.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from skeldpo.prompts import Prompts
from skeldpo.records import Problem

_LENGTH_JITTER_TOKENS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows padded on the right (B, T); the two masks are 1.0 on tokens of their kind, else 0.0.

    The first token of a prompt is in neither mask, as nothing predicts it.
    """

    ids: Tensor
    is_prompt: Tensor
    is_completion: Tensor
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Study:
    """One problem: its prompt and the completions it is learnt with, by speed."""

    prompt_ids: list[int]
    by_speed: tuple[list[list[int]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    prompt_ids: list[int]
    completion_ids: list[int]

    @property
    def num_tokens(self) -> int:
        return len(self.prompt_ids) + len(self.completion_ids)


class Studies:
    """The training problems as ids."""

    def __init__(self, problems: Sequence[Problem], prompts: Prompts, max_tokens: int) -> None:
        self._studies = [_study(problem, prompts, max_tokens) for problem in problems]

    def batches(self, num_epochs: float, batch_tokens: int, seed: int) -> list[Batch]:
        """Batches of at most `batch_tokens` tokens with padding (one row may have more), in the
        order of training; the last epoch may be a part."""
        chooser = random.Random(seed)
        batches: list[Batch] = []
        remaining, epoch = num_epochs, 0
        while remaining > 0:
            groups = _grouped(self._rows(epoch), batch_tokens, chooser)
            kept = max(1, round(len(groups) * min(1.0, remaining)))
            batches.extend(_padded(group) for group in groups[:kept])
            remaining, epoch = remaining - 1.0, epoch + 1
        return batches

    def _rows(self, epoch: int) -> list[_Row]:
        return [
            _Row(
                prompt_ids=study.prompt_ids,
                completion_ids=completions[(epoch + index) % len(completions)],
            )
            for index, study in enumerate(self._studies)
            for completions in study.by_speed
        ]


def _study(problem: Problem, prompts: Prompts, max_tokens: int) -> _Study:
    """Programs of speed "unknown" join both sides; a side that is empty is left out."""
    prompt_ids = prompts.code_prompt_ids(problem.statement, problem.starter_code, problem.language)
    completions = [
        (known.speed, prompts.completion_ids(known.code, problem.language))
        for known in problem.solutions
    ]
    longest = len(prompt_ids) + max(len(ids) for _, ids in completions)
    if longest > max_tokens:
        raise ValueError(
            f"problem {problem.problem_id}: prompt and program have {longest} tokens, "
            f"policy.max_model_tokens is {max_tokens}; raise it"
        )
    fast = [ids for speed, ids in completions if speed != "slow"]
    slow = [ids for speed, ids in completions if speed != "fast"]
    return _Study(prompt_ids=prompt_ids, by_speed=tuple(side for side in (fast, slow) if side))


def _grouped(rows: list[_Row], batch_tokens: int, chooser: random.Random) -> list[list[_Row]]:
    """Rows of about equal length together, the groups in random order."""
    shuffled = sorted(
        rows, key=lambda row: row.num_tokens + _LENGTH_JITTER_TOKENS * chooser.random()
    )
    groups: list[list[_Row]] = []
    widest = 0
    for row in shuffled:
        widest = max(widest, row.num_tokens)
        if not groups or widest * (len(groups[-1]) + 1) > batch_tokens:
            groups.append([])
            widest = row.num_tokens
        groups[-1].append(row)
    chooser.shuffle(groups)
    return groups


def _padded(rows: list[_Row]) -> Batch:
    width = max(row.num_tokens for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    is_prompt = torch.zeros(len(rows), width)
    is_completion = torch.zeros(len(rows), width)
    for index, row in enumerate(rows):
        border, end = len(row.prompt_ids), row.num_tokens
        ids[index, :end] = torch.tensor(row.prompt_ids + row.completion_ids)
        is_prompt[index, 1:border] = 1.0
        is_completion[index, border:end] = 1.0
    return Batch(
        ids=ids,
        is_prompt=is_prompt,
        is_completion=is_completion,
        num_tokens=sum(row.num_tokens for row in rows),
    )
