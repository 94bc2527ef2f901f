"""Engines that outlive a round: an actor that holds one, and the client that asks it.

The driver starts `EngineKeeper` actors, which take the engine's CPUs and GPUs and end with it. In
each round the actors of Ray Data take none: each claims a keeper (`connect_keeper`), which reads
the round's policy in place of the one it has, or says that it cannot; then its process ends and
Ray starts another. The same happens after an engine has raised. What it was asked for and has not
answered is asked again by the client, which keeps the books (`generate`, `quarantine`).

A claim is one client's until a client of a later pass takes the keeper, or the same actor started
anew, or nothing was heard for LEASE_S; calls under a claim that is over are refused, so no client
reads answers of a policy that another one has loaded.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from skeldpo.checkpoints import Checkpoint, local_folder
from skeldpo.config import GenerateConfig, PolicyConfig
from skeldpo.generate.engine import (
    Answer,
    Asked,
    Engine,
    bind_process,
    engine_identity,
    start_engine,
)

LEASE_S = 120.0
"""A client that has not called for so long is gone; it writes what it got in far less."""
LOOP_S = 0.2
"""How long an engine writes before it answers a client, which waits for the first token alone."""
POLL_S = 0.5
ANSWER_S = 10.0
"""A keeper that takes longer to say whether it is free is starting, or loading for another."""
MAX_LOADS = 3
"""Attempts of a client at a policy: a node may be lost meanwhile, or an engine be given up."""
END_S = 5.0
"""What an engine has to end its own processes before Ray ends it."""

Start = Callable[[str, PolicyConfig, GenerateConfig], Engine]


class EngineGone(RuntimeError):
    """The engine cannot be asked any more; another claim may find it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an engine is to write with."""

    checkpoint: Checkpoint
    policy: PolicyConfig
    generate: GenerateConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How an engine came to a policy, in words; or `problem`, why it takes another process."""

    how: str = ""
    problem: str = ""


class EngineKeeper:
    """A Ray actor with one engine."""

    def __init__(self, generate: GenerateConfig, start: Start = start_engine) -> None:
        bind_process(generate)
        self._start = start
        self._engine: Engine | None = None
        self._identity = ""
        self._model_id = ""
        self._problem = ""
        self._pass_id = ""
        self._over: set[str] = set()
        self._owner = ""
        self._claim = 0
        self._heard_s = 0.0

    def claim(self, pass_id: str, owner: str) -> int:
        """A number for this client's calls, or 0 if another one has the engine. `owner` is the id
        of its actor, which it keeps when Ray starts it anew."""
        if pass_id in self._over:
            return 0
        is_later = pass_id != self._pass_id
        is_heard = time.monotonic() - self._heard_s < LEASE_S
        if not is_later and owner != self._owner and is_heard:
            return 0
        if is_later:
            self._over.add(self._pass_id)
        self._pass_id, self._owner, self._claim = pass_id, owner, self._claim + 1
        self._heard_s = time.monotonic()
        return self._claim

    def release(self, owner: str) -> None:
        """Takes back a claim of this client whose answer came too late for it."""
        if owner == self._owner:
            self._pass_id = self._owner = ""

    def load(self, claim: int, order: Order) -> Loaded:
        """Makes the engine write with a policy; raises what a cold start does."""
        with self._heard(claim):
            folder = local_folder(order.checkpoint)
            identity = engine_identity(folder, order.policy, order.generate)
            if self._problem:
                return Loaded(problem=self._problem)
            if self._engine is None:
                began_s = time.monotonic()
                self._engine = self._start(folder, order.policy, order.generate)
                self._identity, self._model_id = identity, order.checkpoint.model_id
                return Loaded(how=f"started in {time.monotonic() - began_s:.1f} s")
            if identity != self._identity:
                return Loaded(problem="the policy has another architecture, tokenizer or setting")
            return self._reload(self._engine, folder, order.checkpoint.model_id)

    def _reload(self, engine: Engine, folder: str, model_id: str) -> Loaded:
        began_s = time.monotonic()
        # Until all has gone well nothing is known of the engine.
        self._problem = "it ended while the engine took other weights"
        try:
            engine.drop_requests()
            if model_id == self._model_id:
                how = "kept as it was"
            else:
                self._model_id = ""
                engine.reload(folder)
                self._model_id = model_id
                how = f"weights reloaded in {time.monotonic() - began_s:.1f} s"
        except Exception as error:  # of many kinds
            self._problem = f"the engine kept its weights: {type(error).__name__}: {error}"
            return Loaded(problem=self._problem)
        self._problem = ""
        return Loaded(how=how)

    def add_request(
        self, claim: int, request_id: str, prompt_ids: Sequence[int], asked: Asked
    ) -> None:
        """As `Engine.add_request`."""
        with self._heard(claim):
            self._loaded().add_request(request_id, prompt_ids, asked)

    def step(self, claim: int, longest_s: float) -> tuple[list[Answer], int]:
        """Answers of one step, and of further ones for so many seconds; with them
        `Engine.num_unfinished_tokens`."""
        with self._heard(claim):
            engine = self._loaded()
            answers: list[Answer] = []
            until_s = time.monotonic() + longest_s
            try:
                while True:
                    answers += engine.step()
                    if engine.is_idle or time.monotonic() >= until_s:
                        return answers, engine.num_unfinished_tokens
            except Exception as error:
                self._problem = f"the engine failed: {type(error).__name__}: {error}"
                raise

    def end_engine(self) -> None:
        """Ends the processes of the engine."""
        if self._engine is not None:
            self._engine.end()

    def end_process(self) -> None:
        """Ends without a word, so that Ray starts a process without an engine."""
        os._exit(1)

    @contextlib.contextmanager
    def _heard(self, claim: int) -> Iterator[None]:
        """The call of a client, which lives when it begins and when it ends."""
        if claim != self._claim:
            raise EngineGone("another client has claimed this engine")
        self._heard_s = time.monotonic()
        yield
        self._heard_s = time.monotonic()

    def _loaded(self) -> Engine:
        if self._engine is None or self._problem:
            raise EngineGone(self._problem or "it has no policy yet")
        return self._engine


class KeptEngine:
    """A keeper's engine under a claim, asked as an `Engine` is. EngineGone where it is lost; other
    errors are the engine's own."""

    def __init__(self, keeper: Any, claim: int) -> None:
        self._keeper = keeper
        self._claim = claim
        self._has_written = False
        self.num_unfinished_tokens = 0
        """As `Engine.num_unfinished_tokens`, at the last step."""

    def load(self, order: Order) -> Loaded:
        """As `EngineKeeper.load`."""
        loaded: Loaded = _get(self._keeper.load.remote(self._claim, order))
        return loaded

    def add_request(self, request_id: str, prompt_ids: Sequence[int], asked: Asked) -> None:
        """As `Engine.add_request`."""
        _get(self._keeper.add_request.remote(self._claim, request_id, prompt_ids, asked))

    def step(self) -> list[Answer]:
        """As `Engine.step`, for LOOP_S once there is a first token."""
        longest_s, self._has_written = LOOP_S * self._has_written, True
        stepped = _get(self._keeper.step.remote(self._claim, longest_s))
        answers, self.num_unfinished_tokens = stepped
        return list(answers)


def connect_keeper(keepers: Sequence[Any], pass_id: str, order: Order) -> tuple[KeptEngine, str]:
    """A free keeper's engine with a policy, and how it came to it; waits until there is one.

    Raises what a cold start does; RuntimeError if processes die of taking the policy.
    """
    owner = ray.get_runtime_context().get_actor_id() or str(os.getpid())
    problems: list[str] = []
    for _ in range(MAX_LOADS):
        keeper, claim = _claim(keepers, pass_id, owner)
        engine = KeptEngine(keeper, claim)
        try:
            loaded = engine.load(order)
        except EngineGone as error:
            problems.append(str(error))
            continue
        if not loaded.problem:
            return engine, "; ".join([loaded.how, *problems])
        problems.append(loaded.problem)
        keeper.end_process.remote()
    raise RuntimeError(
        f"no engine took the policy in {MAX_LOADS} attempts ({problems[-1]}); if its process died, "
        "its node may lack memory (docs/SIZING.md); generate.keep_engines = false starts each "
        "round's engines anew"
    )


def _claim(keepers: Sequence[Any], pass_id: str, owner: str) -> tuple[Any, int]:
    asked: dict[int, Any] = {}
    while True:
        for index, keeper in enumerate(keepers):
            answer = asked.pop(index, None) or keeper.claim.remote(pass_id, owner)
            try:
                claim = int(ray.get(answer, timeout=ANSWER_S))
            except GetTimeoutError:
                asked[index] = answer
                continue
            except RayActorError:
                continue
            if claim:
                for other in asked:
                    keepers[other].release.remote(owner)
                return keeper, claim
        time.sleep(POLL_S)


def _get(answer: Any) -> Any:
    """What a call gives, or the error that it raised as it was."""
    try:
        return ray.get(answer)
    except RayActorError as error:
        raise EngineGone(f"{type(error).__name__}: {error}") from error
    except RayTaskError as error:
        raise (error.cause or error) from None


class Keepers:
    """The keepers of a driver, which end with it: none of them is detached."""

    def __init__(self, start: Start = start_engine) -> None:
        self._start = start
        self._actors: list[Any] = []

    @property
    def are_there(self) -> bool:
        """Whether any were started and not ended."""
        return bool(self._actors)

    def start(self, generate: GenerateConfig) -> tuple[Any, ...]:
        """As many as generate asks for; Ray starts one that dies anew, without an engine."""
        actor = ray.remote(EngineKeeper)
        while len(self._actors) < generate.num_engines:
            self._actors.append(
                actor.options(
                    num_cpus=generate.cpus_per_engine,
                    num_gpus=generate.gpus_per_engine,
                    max_restarts=-1,
                    max_task_retries=0,
                ).remote(generate, self._start)
            )
        return tuple(self._actors)

    def end(self) -> int:
        """Ends them, and says how many there were."""
        actors, self._actors = self._actors, []
        if actors and ray.is_initialized():
            ended = [actor.end_engine.remote() for actor in actors]
            ray.wait(ended, num_returns=len(ended), timeout=END_S)
            for actor in actors:
                ray.kill(actor, no_restart=True)
        return len(actors)
