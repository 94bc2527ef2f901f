"""Engines that outlive a round, with made engines: whose they are, what they hold, how they end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_engines
import pytest
import ray
from fake_engines import FakeEngine, start_fake
from sample_records import FUNCTION_PROBLEM, measurement
from tiny_policy import save_tiny_policy

from skeldpo.accounts.progress import Progress
from skeldpo.accounts.quarantine import read_quarantine
from skeldpo.checkpoints import Checkpoint, load_checkpoint
from skeldpo.config import EvaluateConfig, GenerateConfig, MeasureConfig, PolicyConfig
from skeldpo.connection import SANDBOX_RESOURCE
from skeldpo.generate import engine_keeper
from skeldpo.generate.engine import Asked
from skeldpo.generate.engine_keeper import EngineGone, EngineKeeper, Keepers, Order
from skeldpo.generate.policy_engine import PolicyEngine, _Writing
from skeldpo.pipeline import Engines, Sandboxes, sample_and_measure
from skeldpo.records import Assignment, Candidate, Measurement
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, Store

ASKED = Asked(
    num_samples=1, temperature=1.0, top_p=1.0, max_tokens=4, seed=0, stop_token_ids=(), stop=()
)
NUM_SAMPLES = 2


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> list[Checkpoint]:
    """Three of one architecture; the folders are named 1, 2 and 3."""
    root = tmp_path_factory.mktemp("policies")
    return [
        load_checkpoint(save_tiny_policy(root / str(number), seed=number)) for number in (1, 2, 3)
    ]


def order(checkpoint: Checkpoint, max_model_tokens: int = 160) -> Order:
    policy = PolicyConfig(model="any", max_model_tokens=max_model_tokens)
    # On a GPU, so that this process is bound to no core.
    generate = GenerateConfig(gpus_per_engine=1, max_tokens=8)
    return Order(checkpoint=checkpoint, policy=policy, generate=generate)


def make_keeper(engines: list[FakeEngine] | None = None) -> EngineKeeper:
    def start(folder: str, *_: Any) -> Any:
        engine = FakeEngine(folder)
        if engines is not None:
            engines.append(engine)
        return engine

    return EngineKeeper(GenerateConfig(gpus_per_engine=1), start)


def test_next_policy_is_loaded_in_place_and_what_was_asked_before_is_dropped(
    policies: list[Checkpoint],
) -> None:
    engines: list[FakeEngine] = []
    keeper = make_keeper(engines)
    first = keeper.claim("round 1", "a")
    with pytest.raises(EngineGone, match="no policy yet"):
        keeper.step(first, 0)
    assert keeper.load(first, order(policies[0])).how.startswith("started in")
    keeper.add_request(first, "p1", [1], ASKED)
    keeper.add_request(first, "p2", [1], ASKED)
    assert [answer.request_id for answer in keeper.step(first, 0)[0]] == ["p1"]
    again = keeper.claim("round 1", "a")
    assert keeper.load(again, order(policies[0])).how == "kept as it was"
    assert engines[0].is_idle, "the client that asked for p2 died; it is asked for anew"
    second = keeper.claim("round 2", "b")
    assert keeper.load(second, order(policies[1])).how.startswith("weights reloaded in")
    keeper.add_request(second, "p3", [1], ASKED)
    keeper.add_request(second, "p4", [1], ASKED)
    answers, _ = keeper.step(second, 1)
    assert [(each.request_id, each.texts[0].token_ids[0]) for each in answers] == [
        ("p3", 2), ("p4", 2),
    ]  # fmt: skip
    assert (len(engines), engines[0].reloads) == (1, 1)


def test_engine_is_one_clients_until_it_is_silent_or_a_later_pass_comes(
    policies: list[Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = make_keeper()
    first = keeper.claim("round 1", "a")
    assert keeper.claim("round 1", "b") == 0
    keeper.load(first, order(policies[0]))
    again = keeper.claim("round 1", "a")
    for stale in (first, 0):
        with pytest.raises(EngineGone, match="another client"):
            keeper.step(stale, 0)
    with pytest.raises(EngineGone, match="another client"):
        keeper.load(first, order(policies[1]))
    later = keeper.claim("round 2", "b")
    assert later and keeper.claim("round 1", "a") == 0, "its pass is over"
    with pytest.raises(EngineGone):
        keeper.add_request(again, "p1", [1], ASKED)
    assert keeper.claim("round 2", "c") == 0
    keeper.release("c")
    assert keeper.claim("round 2", "c") == 0, "only b's own claim was b's to give back"
    keeper.release("b")
    assert keeper.claim("round 2", "c")
    assert keeper.claim("round 2", "d") == 0
    monkeypatch.setattr(engine_keeper, "LEASE_S", 0.0)
    assert keeper.claim("round 2", "d"), "c has not called for too long"


@pytest.mark.parametrize("what", ["failed", "refused", "another"])
def test_engine_that_cannot_go_on_says_so_until_its_process_ends(
    policies: list[Checkpoint], what: str
) -> None:
    engines: list[FakeEngine] = []
    keeper = make_keeper(engines)
    claim = keeper.claim("round 1", "a")
    keeper.load(claim, order(policies[0]))
    wanted, said = order(policies[1]), "the engine failed: RuntimeError: CUDA error"
    if what == "failed":
        keeper.add_request(claim, "raising", [1], ASKED)
        with pytest.raises(RuntimeError, match="CUDA error"):
            keeper.step(claim, 1)
        with pytest.raises(EngineGone, match="CUDA error"):
            keeper.add_request(claim, "p1", [1], ASKED)
    elif what == "refused":
        engines[0].refuses = True
        said = "the engine kept its weights: RuntimeError: layers still have the weights before"
    else:
        wanted, said = order(policies[0], 300), "another architecture, tokenizer or setting"
    for number in range(2):
        claim = keeper.claim(f"round {2 + number}", "a")
        assert said in keeper.load(claim, wanted).problem
        if what == "another":
            assert keeper.load(claim, order(policies[0])).how, "it still has its own policy"
        else:
            with pytest.raises(EngineGone):
                keeper.step(claim, 0)


@pytest.fixture
def cluster() -> Iterator[None]:
    """Two CPUs, which the engines hold."""
    ray.shutdown()
    ray.init(
        address="local",
        num_cpus=2,
        resources={SANDBOX_RESOURCE: 2},
        include_dashboard=False,
        log_to_driver=False,
    )
    ours = [sys.modules[__name__], fake_engines, sys.modules["sample_records"]]
    for module in ours:  # workers do not find this folder
        ray.cloudpickle.register_pickle_by_value(module)
    yield
    for module in ours:
        ray.cloudpickle.unregister_pickle_by_value(module)
    ray.shutdown()


class DiesOnce(PolicyEngine):
    """A client that is killed at the problem "killed", the first time."""

    def _commit(self, writing: _Writing) -> None:
        path = "killed-once"
        if writing.assignment.problem.problem_id == "killed" and not self._store.exists(path):
            self._store.write_text(path, "")
            os._exit(1)
        super()._commit(writing)


class Accepts:
    """Measures nothing; in the second round it takes longer than the driver looks away."""

    def __init__(self, *, output: str, **_: Any) -> None:
        self._store = Store(output)

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        (name,) = map(str, batch["problem_id"])
        time.sleep(1.2 * name.startswith("q"))
        written = self._store.read_part(CANDIDATES, name, Candidate)
        rows = [replace(measurement(each.candidate_id), problem_id=name) for each in written]
        self._store.write_part(MEASUREMENTS, name, Measurement, rows)
        yield {
            "problem_id": [name], "outcomes": ["{}"], "faults": ["[]"], "failure": [""],
            "note": [""], "quarantine": [""],
        }  # fmt: skip


def sample(
    keepers: tuple[Any, ...], checkpoint: Checkpoint, names: list[str], output: Path
) -> tuple[dict[str, list[Candidate]], list[str], float]:
    """Candidates by problem, what was told of the engines, and when the first token was written."""
    told: list[Progress] = []
    first_token_at = sample_and_measure(
        [
            Assignment(
                problem=replace(FUNCTION_PROBLEM, problem_id=name),
                purpose="train",
                round_index=1,
                num_samples=NUM_SAMPLES,
                temperature=0.8,
                seed=1,
                candidates=(),
            )
            for name in names
        ],  # fmt: skip
        engines=Engines(
            checkpoint=checkpoint,
            prompting=PolicyConfig(model="any", max_model_tokens=600),
            generate=GenerateConfig(num_engines=2, max_tokens=8, max_retries=1),
            engine=DiesOnce,
            keepers=lambda: keepers,
        ),
        sandboxes=Sandboxes(
            measure=MeasureConfig(num_cores=2), evaluate=EvaluateConfig(), measurer=Accepts
        ),
        output=str(output),
        on_progress=told.append,
    )
    written: dict[str, list[Candidate]] = {name: [] for name in names}
    for row in Store(str(output)).iter_records("candidates.parquet", Candidate):
        written[row.problem_id].append(row)
    return written, [progress.actors.how for progress in told], first_token_at


@pytest.mark.ray
def test_engines_write_two_rounds_though_clients_and_processes_die(
    cluster: None,
    policies: list[Checkpoint],
    tmp_path: Path,
) -> None:
    """In the first round a client is killed and one problem kills its engine's process, each time;
    in the second the engines are the same, and nobody writes as the policy before."""
    keepers = Keepers(start_fake)
    # Two blocks of four, one with each.
    names = ["killed", *(f"p{index}" for index in range(6)), "deadly"]
    actors = keepers.start(GenerateConfig(num_engines=2))
    begun_s = time.time()
    written, _, first_token_at = sample(actors, policies[0], names, tmp_path / "one")
    assert begun_s < first_token_at < time.time()
    (given_up,) = read_quarantine(Store(str(tmp_path / "one")))
    assert given_up.problem_id == "deadly" and "the engine failed: EngineGone" in given_up.reason
    assert Store(str(tmp_path / "one")).exists("killed-once")
    for name, rows in written.items():
        assert len(rows) == (0 if name == "deadly" else NUM_SAMPLES), name
        assert {row.completion_token_ids[0] for row in rows} <= {1}

    assert keepers.start(GenerateConfig(num_engines=2)) == actors
    names = [f"q{index}" for index in range(4)]
    written, told, _ = sample(actors, policies[1], names, tmp_path / "two")
    assert any("weights reloaded in" in how for how in told)
    assert not any("started" in how for how in told)
    for rows in written.values():
        assert {row.model_id for row in rows} == {policies[1].model_id}
        assert [row.completion_token_ids for row in rows] == [(2, 0), (2, 1)]

    assert keepers.end() == 2
    with pytest.raises(ray.exceptions.RayActorError):
        answers_until_killed(actors[0])
    with pytest.raises(ray.exceptions.RayActorError):
        answers_until_killed(actors[1])
    assert keepers.end() == 0


def answers_until_killed(actor: Any) -> None:
    """Ray kills after it has said so: a call of that moment may still be answered."""
    for _ in range(100):
        ray.get(actor.claim.remote("later", "a"), timeout=20)
        time.sleep(0.1)
