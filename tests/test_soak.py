"""What a soak rests on: rows that follow from the seed, and finding what is left."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.soak_cluster import processes_below
from benchmarks.soak_parts import (
    NUM_SAMPLES,
    NUM_TRAIN,
    QuickEngine,
    run_in_container,
    soak_config,
    write_inputs,
)
from skeldpo.accounts.actors import ActorNote
from skeldpo.accounts.quarantine import Tries
from skeldpo.checkpoints import load_checkpoint
from skeldpo.generate.engine_keeper import Order
from skeldpo.pair import pairs_or_reason
from skeldpo.problems.programs import training_assignment
from skeldpo.problems.sources import load_problems, training_problems
from skeldpo.records import Assignment, Candidate, Outcome
from skeldpo.storage.by_problem import MeasuredProblem
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, Store


class Engine(QuickEngine):
    """The actor without Ray."""

    def __init__(self, output: Path, config: Any) -> None:
        self._store = Store(str(output))
        self._note = ActorNote(self._store, "engine", "pass")
        self._tries = Tries(self._store, "generate", "pass", "node", "engine 1")
        checkpoint = load_checkpoint(config.policy.model)
        order = Order(checkpoint=checkpoint, policy=config.policy, generate=config.generate)
        self._start(order, "pass", ())


def run_here(request: Any) -> Any:
    """In place of a container."""
    names: dict[str, Any] = {}
    exec(request.code, names)
    answers = (json.dumps(names["add"](*json.loads(text))) for text in request.input_texts)
    return SimpleNamespace(outcome=Outcome.ACCEPTED, answer_texts=tuple(answers))


def pairs_of(folder: Path, config: Any, asked: list[Assignment]) -> list[tuple[str, str, str]]:
    store = Store(str(folder))
    keys = [each.problem.problem_id for each in asked]
    for key, each in zip(keys, asked, strict=True):
        store.write_part(ASSIGNMENTS, key, Assignment, [each])
    done = [row["problem_id"][0] for row in Engine(folder, config)({"problem_id": keys})]
    assert sorted(done) == sorted(keys)
    found = []
    for each in asked:
        written = tuple(store.read_part(CANDIDATES, each.problem.problem_id, Candidate))
        assert len(written) == NUM_SAMPLES and all(row.code for row in written)
        rows = run_in_container(replace(each, candidates=written), run_here, pace_s=0.0)
        assert [row.candidate_id for row in rows if row.phase == "check"] == [
            row.candidate_id for row in written
        ]
        made = pairs_or_reason(
            MeasuredProblem(problem=each.problem, candidates=written, measurements=tuple(rows)),
            pair=config.pair,
            skeleton=config.skeleton,
            round_index=1,
        )
        assert not made.error
        found += [(pair.stage, pair.chosen.code, pair.rejected.code) for pair in made.pairs]
    return found


def test_rows_of_a_soak_follow_from_its_seed(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    config = soak_config(tmp_path, "soak-0", 0, num_rounds=1)
    problems = load_problems(config.problems.sources, config.problems.families)
    chosen = training_problems(problems, config.problems, round_index=1, seed=0)
    assert len(chosen) == NUM_TRAIN
    asked = [training_assignment(problem, config.generate, 1, seed=5) for problem in chosen]
    first = pairs_of(tmp_path / "a", config, asked)
    assert first == pairs_of(tmp_path / "b", config, asked)
    others = [replace(each, seed=6) for each in asked]
    assert first != pairs_of(tmp_path / "c", config, others)
    assert len(first) > NUM_TRAIN
    for stage, fast, slow in first:
        loops = [any(word in code for word in ("for", "while")) for code in (fast, slow)]
        assert loops == [False, True] if stage == "efficiency" else "return x - " in slow


def test_processes_of_processes_are_found() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, time\n"
         "subprocess.Popen(['sleep', '61.5'])\ntime.sleep(60)"],
    )  # fmt: skip

    def below() -> set[int]:
        return {one.process_id for one in processes_below() if one.title == "sleep 61.5"}

    deadline_s = time.monotonic() + 20
    while not below() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    found = below()
    assert len(found) == 1, "the process of our process, once"
    (child,) = found
    parent.kill()
    parent.wait()
    subprocess.run(["kill", str(child)], check=True)
