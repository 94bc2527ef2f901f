"""Rewards over HTTP, for trainers on other machines (docs/REWARDS.md has requests and answers).

A request has an id of the client's choice. Its answer is kept on disk before it is sent, so a
client whose connection broke, or whose service was restarted, sends it again and gets one answer.
A repeated request that is still being measured waits for that measurement.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import math
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skeldpo.config import ServeConfig
from skeldpo.problems.sources import problem_from_row
from skeldpo.records import Outcome, Problem, content_id
from skeldpo.rewards.journal import Journal, Kept
from skeldpo.rewards.measured import GroupAnswer, GroupRequest
from skeldpo.rewards.pool import PoolFullError
from skeldpo.storage.rows import to_row

FORGET_EVERY_S = 3600.0
OPEN_PATHS = ("/health",)


class Pool(Protocol):
    """What the service needs of a RewardPool."""

    unverified: str
    cores: tuple[int, ...]

    @property
    def num_waiting(self) -> int:
        """Programs that no core has begun with."""

    @property
    def num_busy(self) -> int:
        """Cores that work."""

    def submit(self, request: GroupRequest) -> Future[GroupAnswer]:
        """The answer to come."""


class RewardsBody(BaseModel):
    """The JSON of a request: a problem that the service was started with, by id, or a whole one.
    What a client may leave out it may also send as null."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    request_id: str = Field(min_length=1, max_length=200)
    problem_id: str = ""
    problem: dict[str, Any] | None = None
    completions: tuple[str, ...] = Field(min_length=1)
    cut_off: tuple[bool, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if value is not None}


class _RefusalError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class _Metrics:
    """Of one service, for Prometheus."""

    def __init__(self, pool: Pool) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "skeldpo_reward_requests", "Requests by status", ["status"], registry=registry
        )
        self.programs = Counter(
            "skeldpo_reward_programs", "Measured by outcome", ["outcome"], registry=registry
        )
        self.repeated = Counter(
            "skeldpo_reward_repeated", "Requests answered from what is kept", registry=registry
        )
        self.seconds = Histogram(
            "skeldpo_reward_group_seconds",
            "Measuring time of a request",
            registry=registry,
            buckets=(0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500),
        )
        gauges: tuple[tuple[str, str, Callable[[], float]], ...] = (
            ("waiting_programs", "Programs that wait for a core", lambda: pool.num_waiting),
            ("busy_cores", "Cores that work", lambda: pool.num_busy),
            ("cores", "Leased cores", lambda: len(pool.cores)),
            ("unverified", "1 if times prove nothing here", lambda: bool(pool.unverified)),
        )
        for name, text, value in gauges:
            Gauge(f"skeldpo_reward_{name}", text, registry=registry).set_function(value)

    def count(self, answer: GroupAnswer) -> None:
        """A group that was measured."""
        self.seconds.observe((answer.ended_ns - answer.started_ns) / 1e9)
        for program in answer.programs:
            self.programs.labels(program.outcome.value).inc()


class RewardService:
    """The application `app` over a pool and a journal, which the caller opens and closes."""

    def __init__(
        self,
        *,
        pool: Pool,
        journal: Journal,
        problems: Mapping[str, Problem],
        config: ServeConfig,
        token: str,
        settings_digest: str,
    ) -> None:
        """`settings_digest` is that of [rewards] and [measure]: answers under others are others."""
        if not token:
            raise ValueError("the service needs a token that its clients send, got an empty one")
        self._pool = pool
        self._journal = journal
        self._problems = problems
        self._config = config
        self._token = token
        self._settings_digest = settings_digest
        self._metrics = _Metrics(pool)
        self._digests: dict[str, str] = {}
        self._running: dict[str, tuple[str, asyncio.Future[str]]] = {}
        self.app = Starlette(
            lifespan=self._lifespan,
            routes=[
                Route("/v1/rewards", self._guarded(self._rewards), methods=["POST"]),
                Route("/metrics", self._guarded(self._show_metrics)),
                Route("/health", self._guarded(self._health)),
            ],
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async def forget() -> None:
            while True:
                await asyncio.sleep(FORGET_EVERY_S)
                self._journal.forget_old()

        task = asyncio.create_task(forget())
        yield
        task.cancel()

    def _guarded(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                self._authenticate(request)
                response = await answer(request)
            except _RefusalError as refusal:
                response = _refused(refusal)
            except sqlite3.Error as error:  # a full disk
                text = f"answers cannot be kept: {error}; send it again"
                response = _refused(_RefusalError(503, text, 5.0))
            self._metrics.requests.labels(str(response.status_code)).inc()
            return response

        return guarded

    def _authenticate(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        expected = f"Bearer {self._token}"
        is_known = hmac.compare_digest(given.encode(), expected.encode())
        if request.url.path not in OPEN_PATHS and not is_known:
            raise _RefusalError(401, "expected the header Authorization: Bearer TOKEN")

    async def _rewards(self, request: Request) -> Response:
        body = _parsed(await self._read(request))
        asked = body.model_dump_json(exclude={"request_id"})
        digest = content_id(asked, self._problem_digest(body.problem_id), self._settings_digest)
        kept = self._journal.get(body.request_id)
        if kept is not None:
            _require_same(kept.request_digest, digest, body.request_id)
            self._metrics.repeated.inc()
            return Response(kept.answer, media_type="application/json")
        running = self._running.get(body.request_id)
        if running is not None:
            _require_same(running[0], digest, body.request_id)
            answer = running[1]
        else:
            answer = self._begin(body, digest)
        # Shielded: a client that leaves must not end what another may be waiting for.
        try:
            text = await asyncio.shield(answer)
        except RuntimeError as error:
            raise _RefusalError(503, f"not measured: {error}; send it again", 5.0) from error
        except ValueError as error:
            raise _RefusalError(422, str(error)) from error
        return Response(text, media_type="application/json")

    def _begin(self, body: RewardsBody, digest: str) -> asyncio.Future[str]:
        if self._pool.unverified and self._config.refuse_unverified:
            raise _RefusalError(503, self._pool.unverified)
        request = self._group_request(body)
        try:
            measured = self._pool.submit(request)
        except PoolFullError as full:
            raise _RefusalError(429, str(full), max(1.0, full.retry_after_s)) from full
        except RuntimeError as error:
            raise _RefusalError(503, str(error), 5.0) from error
        task = asyncio.ensure_future(self._finish(body.request_id, digest, measured))
        self._running[body.request_id] = digest, task

        def ended(done: asyncio.Future[str]) -> None:
            del self._running[body.request_id]
            if not done.cancelled():
                done.exception()  # seen, also where every client has left

        task.add_done_callback(ended)
        return task

    async def _finish(self, request_id: str, digest: str, measured: Future[GroupAnswer]) -> str:
        answer = await asyncio.wrap_future(measured)
        self._metrics.count(answer)
        if all(program.outcome is Outcome.SANDBOX_FAILED for program in answer.programs):
            raise RuntimeError(answer.programs[0].failure)  # another time it may be measured
        text = json.dumps(
            {
                "request_id": request_id,
                "rewards": [program.reward for program in answer.programs],
                "is_trusted": not answer.unverified,
                **to_row(answer),
            }
        )
        await asyncio.to_thread(
            self._journal.put, request_id, Kept(request_digest=digest, answer=text)
        )
        return text

    def _group_request(self, body: RewardsBody) -> GroupRequest:
        if len(body.completions) > self._config.max_programs:
            raise _RefusalError(
                413,
                f"{len(body.completions)} completions, serve.max_programs is "
                f"{self._config.max_programs}; send fewer at a time",
            )
        if (body.problem is None) == (not body.problem_id):
            raise _RefusalError(422, "give problem_id or problem, one of them")
        try:
            if body.problem is not None:
                problem = problem_from_row(body.problem, source="own")
            elif body.problem_id in self._problems:
                problem = self._problems[body.problem_id]
            else:
                raise _RefusalError(
                    422,
                    f"no problem {body.problem_id!r} among the {len(self._problems)} that the "
                    "service was started with",
                )
            return GroupRequest(problem=problem, completions=body.completions, cut_off=body.cut_off)
        except ValueError as error:
            raise _RefusalError(422, str(error)) from error

    def _problem_digest(self, problem_id: str) -> str:
        """Of a problem that the service was started with; empty for others."""
        if problem_id not in self._digests and problem_id in self._problems:
            self._digests[problem_id] = content_id(to_row(self._problems[problem_id]))
        return self._digests.get(problem_id, "")

    async def _read(self, request: Request) -> bytes:
        """The body, given up as soon as it is too long: its announced length may be a lie."""
        limit = int(self._config.max_body_mib * (1 << 20))
        content = bytearray()
        try:
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise _RefusalError(413, f"a body above {limit} bytes (serve.max_body_mib)")
        except ClientDisconnect as gone:
            raise _RefusalError(400, "the request ended early") from gone
        return bytes(content)

    async def _show_metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._metrics.registry), media_type="text/plain")

    async def _health(self, _: Request) -> Response:
        return JSONResponse(
            {
                "cores": self._pool.cores,
                "waiting_programs": self._pool.num_waiting,
                "unverified": self._pool.unverified,
            }
        )


def _refused(refusal: _RefusalError) -> Response:
    response = JSONResponse({"error": str(refusal)}, refusal.status)
    if refusal.retry_after_s:
        response.headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _parsed(content: bytes) -> RewardsBody:
    try:
        return RewardsBody.model_validate_json(content)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}"
            for item in error.errors()[:5]
        )
        raise _RefusalError(422, told) from error


def _require_same(kept: str, given: str, request_id: str) -> None:
    if kept != given:
        raise _RefusalError(
            409,
            f"request_id {request_id!r} was used for another request, or under other settings of "
            "the service; use a new one",
        )
