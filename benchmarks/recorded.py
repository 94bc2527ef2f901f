"""A round that was never run: problems, programs of a given length, and measurements of them.

For benchmarks of everything but engines and sandboxes. All follows from the problem's name.
"""

from __future__ import annotations

import json
import platform
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import ray

from skeldpo.accounts.actors import ActorNote
from skeldpo.accounts.quarantine import QUARANTINE
from skeldpo.measure.actor import session_row
from skeldpo.records import (
    Assignment,
    Candidate,
    Example,
    KnownProgram,
    Measurement,
    Outcome,
    Problem,
    content_id,
)
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, Store

NUM_CANDIDATES = 16
NUM_TOKENS = 1000
CODE_TOKENS = 150
"""Python tokens of a program; the rest of the completion is an explanation, as models write it."""
VOCABULARY = 150_000
PROMPT_TOKENS = 200
NUM_WRONG = 6
NUM_CONFIRMED = 4
HELDOUT_EVERY = 20
"""One problem in so many is held out."""
BASELINE_NS = 10**8
WRITTEN = "written"
_STATEMENTS = (
    ("    {a} = [item * {n} for item in {b}]", 12),
    ("    for {c} in range(len({b})):\n        {a} += {b}[{c}] % {n}", 18),
    ("    if {a} > {n} and len({b}) > {n}:\n        {a} = min({a}, {n})", 20),
    ("    {d}[{a}] = {d}.get({a}, 0) + {n}", 16),
    ("    while {a} > {n}:\n        {a} = {a} // 2 - {c}", 15),
)
"""Lines of the programs, with their Python tokens."""


def make_problem(number: int) -> Problem:
    """Held out or for training."""
    is_held_out = number % HELDOUT_EVERY == 0
    return Problem(
        problem_id=f"made/{number}",
        language="python",
        source="made",
        split="heldout_variant" if is_held_out else "train",
        difficulty="easy",
        kind="function",
        statement=f"Problem {number}: " + "count what is asked for in the list of items. " * 10,
        entry_point="solve",
        starter_code="def solve(items):",
        tests=(Example(input_text="[[1]]", expected_text="1"),),
        generators=("def generate_input(size, seed):\n    return [[seed] * size]\n",),
        checker="exact",
        reference="def solve(items):\n    return 1\n",
        solutions=(
            KnownProgram(code="def solve(items):\n    return 1\n", speed="fast"),
            KnownProgram(code="def solve(items):\n    return sum(items)\n", speed="slow"),
        ),
    )


def make_assignment(problem: Problem) -> Assignment:
    """What a round asks; the candidates are committed beside it (`make_candidates`)."""
    return Assignment(
        problem=problem,
        purpose="train" if problem.split == "train" else "evaluate",
        round_index=1,
        num_samples=NUM_CANDIDATES,
        temperature=1.0,
        seed=0,
        candidates=(),
    )


def make_candidates(problem: Problem) -> list[Candidate]:
    """Programs of two structures, of which those of one are the fast ones."""
    rng = random.Random(problem.problem_id)
    drawn = np.random.default_rng(rng.getrandbits(32))
    prompt, *completions = np.split(
        drawn.integers(VOCABULARY, size=PROMPT_TOKENS + NUM_CANDIDATES * NUM_TOKENS),
        range(PROMPT_TOKENS, PROMPT_TOKENS + NUM_CANDIDATES * NUM_TOKENS, NUM_TOKENS),
    )
    logps = -drawn.random((NUM_CANDIDATES, NUM_TOKENS), dtype=np.float32)
    orders = [rng.choices(_STATEMENTS, k=CODE_TOKENS) for _ in range(2)]
    return [
        Candidate(
            candidate_id=content_id(problem.problem_id, index),
            problem_id=problem.problem_id,
            language="python",
            code=_program(orders[index % 2], rng),
            origin="sampled",
            model_id="made",
            round_index=1,
            sample_index=index,
            seed=index,
            finish_reason="stop",
            prompt_token_ids=tuple(prompt.tolist()),
            completion_token_ids=tuple(completions[index].tolist()),
            completion_logps=tuple(logps[index].tolist()),
        )
        for index in range(NUM_CANDIDATES)
    ]


def _program(order: Sequence[tuple[str, int]], rng: random.Random) -> str:
    lines = ["def solve(items):"]
    num_left = CODE_TOKENS
    for text, num_tokens in order:
        num_left -= num_tokens
        if num_left < 0:
            break
        names = {name: rng.choice("pqrstuvw") for name in "abcd"}
        lines.append(text.format(n=rng.randrange(1, 9), **names))
    return "\n".join([*lines, "    return 1\n"])


def make_rows(assignment: Assignment) -> list[Measurement]:
    """Verdicts of all, screening of the right ones, and a confirming session with cross-checks of
    the fastest and the slowest; of a held-out problem what is timed for an evaluation."""
    rng = random.Random(f"times of {assignment.problem.problem_id}")
    right = assignment.candidates[: len(assignment.candidates) - NUM_WRONG]
    rows = [
        session_row(
            c.candidate_id, assignment, Outcome.ACCEPTED if c in right else Outcome.WRONG_ANSWER
        )
        for c in assignment.candidates
    ]
    checks = rows[: len(right)]
    ratios = [(1.0 if index % 2 else 2.5) * (1 + 0.3 * rng.random()) for index in range(len(right))]
    phases: list[tuple[Any, Sequence[int], int]] = [("screen", range(len(right)), 5)]
    if assignment.purpose == "train":
        by_time = sorted(range(len(right)), key=ratios.__getitem__)
        chosen = by_time[: NUM_CONFIRMED // 2] + by_time[-(NUM_CONFIRMED // 2) :]
        phases += [("confirm", chosen, 15), ("crosscheck", chosen, 5)]
    for phase, members, num_rounds in phases:
        rows += [
            replace(
                checks[index],
                phase=phase,
                session_id=content_id(assignment.problem.problem_id, phase),
                cpu_times_ns=tuple(
                    round(ratios[index] * BASELINE_NS * rng.uniform(0.99, 1.01))
                    for _ in range(num_rounds)
                ),
                baseline_times_ns=(BASELINE_NS,) * num_rounds,
                input_digest="made",
            )
            for index in members
        ]
    return rows


class RecordedMeasurer:
    """In place of `ProgramMeasurer`: reads and commits as it does, and runs nothing."""

    def __init__(self, *, output: str, **_: Any) -> None:
        self._store = Store(output)

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        for key in map(str, batch["problem_id"]):
            (assignment,) = self._store.read_part(ASSIGNMENTS, key, Assignment)
            candidates = tuple(self._store.read_part(CANDIDATES, key, Candidate))
            rows = [
                replace(row, host_id=platform.node(), core=1)
                for row in make_rows(replace(assignment, candidates=candidates))
            ]
            self._store.write_part(MEASUREMENTS, key, Measurement, rows)
            outcomes = {Outcome.ACCEPTED.value: len(candidates) - NUM_WRONG,
                        Outcome.WRONG_ANSWER.value: NUM_WRONG}  # fmt: skip
            yield {"problem_id": [key], "outcomes": [json.dumps(outcomes)], "faults": ["[]"],
                   "failure": [""], "note": [""], QUARANTINE: [""]}  # fmt: skip


class RecordedEngine:
    """In place of `PolicyEngine`: commits what `make_candidates` gives, a problem every `pace_s`,
    and notes on which node it wrote it (`written_by`)."""

    pace_s = 0.3

    def __init__(self, *, output: str, pass_id: str, **_: Any) -> None:
        self._store = Store(output)
        self._node_id = ray.get_runtime_context().get_node_id()
        self._note = ActorNote(self._store, "engine", pass_id)
        self._note.ready()

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
        for key in map(str, batch["problem_id"]):
            if not self._store.has_part(CANDIDATES, key):
                (assignment,) = self._store.read_part(ASSIGNMENTS, key, Assignment)
                time.sleep(self.pace_s)
                rows = make_candidates(assignment.problem)
                self._store.write_part(CANDIDATES, key, Candidate, rows)
                self._store.write_text(f"{WRITTEN}/{content_id(key)}-{self._node_id}", key)
            yield {"problem_id": [key]}


def written_by(store: Store) -> list[tuple[str, str]]:
    """(problem, node) of each time that a RecordedEngine wrote for a problem."""
    names = store.names(WRITTEN)
    return [(store.read_text(f"{WRITTEN}/{n}"), n.rpartition("-")[2]) for n in names]
