"""The reward function and its HTTP service: limits, repeats, restarts; and both on real cores."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import mercury_rows
import pytest
import scripted_runs
from effibench_rows import effibench_row
from starlette.testclient import TestClient

from skeldpo.api import RewardPool, RewardsConfig, read_problem, reward
from skeldpo.commands.serve_reward import listening, read_token, service_url
from skeldpo.config import MeasureConfig, ServeConfig
from skeldpo.records import Outcome, Problem
from skeldpo.rewards import pool as pool_module
from skeldpo.rewards.journal import Journal, Kept
from skeldpo.rewards.measured import (
    GroupAnswer,
    GroupRequest,
    Place,
    ProgramAnswer,
    Settings,
    measure_group,
)
from skeldpo.rewards.pool import PoolFullError
from skeldpo.rewards.service import RewardService
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.sandbox.image import SandboxImage

ROW = {
    "problem_id": "distinct",
    "statement": "How many different numbers are in the list?",
    "entry_point": "count",
    "tests": [{"input": [[1, 2, 1]], "expected": 2}, {"input": [[]], "expected": 0}],
    "generators": [
        "def generate_input(size, seed):\n"
        "    return [[(seed + place * place) % (size + 1) for place in range(size)]]\n"
    ],
}
PROBLEM = read_problem(ROW)
QUICK = "def count(numbers):\n    return len(set(numbers))\n"
SLOW = "def count(numbers):\n    return len(set(sorted(numbers * 2)))\n"
WRONG = "def count(numbers):\n    return len(numbers)\n"
TOKEN = {"Authorization": "Bearer secret"}


class ScriptedPool:
    """In place of sandboxes, which a test of statuses does not need: answers when it is let, and
    keeps what it was asked."""

    def __init__(self) -> None:
        self.unverified = ""
        self.cores = (1,)
        self.num_waiting = 0
        self.num_busy = 0
        self.is_full = False
        self.outcome = Outcome.ACCEPTED
        self.error: Exception | None = None
        self.requests: list[GroupRequest] = []
        self.let = threading.Event()
        self.let.set()

    def submit(self, request: GroupRequest) -> Future[GroupAnswer]:
        if self.is_full:
            raise PoolFullError(7, 12.3)
        self.requests.append(request)
        future: Future[GroupAnswer] = Future()

        def answer() -> None:
            self.let.wait(10)
            if self.error is not None:
                future.set_exception(self.error)
            else:
                earned = float(len(self.requests))
                future.set_result(made_answer(request, earned, self.outcome))

        threading.Thread(target=answer).start()
        return future


def made_answer(
    request: GroupRequest, earned: float, outcome: Outcome = Outcome.ACCEPTED
) -> GroupAnswer:
    is_right = outcome is Outcome.ACCEPTED
    program = ProgramAnswer(
        reward=earned, is_known=is_right, outcome=outcome, is_right=is_right, level=0, speed=0.0,
        penalty=0.0, failure="" if is_right else "no engine",
    )  # fmt: skip
    return GroupAnswer(
        problem_id=request.problem.problem_id,
        programs=(program,) * len(request.completions),
        num_levels=1, unverified="", faults=(), host_id="h", core=1, started_ns=5, ended_ns=6,
    )  # fmt: skip


def service(
    folder: Path, pool: ScriptedPool, problem: Problem = PROBLEM, **serve: Any
) -> TestClient:
    """A client of a service that was just started on the folder."""
    started = RewardService(
        pool=pool,
        journal=Journal(folder / "answers.sqlite", keep_hours=1.0),
        problems={"distinct": problem},
        config=ServeConfig(**serve),
        token="secret",
        settings_digest="s",
    )
    return TestClient(started.app)


def ask(client: TestClient, request_id: str = "r", **changes: Any) -> Any:
    body = {"request_id": request_id, "problem_id": "distinct", "completions": [QUICK, SLOW]}
    body = {key: value for key, value in {**body, **changes}.items() if value is not None}
    return client.post("/v1/rewards", json=body, headers=TOKEN)


def test_a_request_is_answered_in_order_with_what_is_known_of_its_times(tmp_path):
    pool = ScriptedPool()
    with service(tmp_path, pool) as client:
        given = ask(client)
        assert given.status_code == 200
        answer = given.json()
        assert answer["rewards"] == [1.0, 1.0]
        assert answer["is_trusted"] is True
        assert (answer["core"], answer["started_ns"], answer["ended_ns"]) == (1, 5, 6)
        assert pool.requests[0].problem == PROBLEM
        whole = ask(client, "other", problem_id=None, problem=ROW, cut_off=[True, False])
        assert whole.status_code == 200
        assert pool.requests[1].problem == PROBLEM
        assert pool.requests[1].cut_off == (True, False)


def test_an_answer_is_not_that_of_the_problem_as_it_was_before(tmp_path):
    """A test of the problem was corrected, and the service started again."""
    pool = ScriptedPool()
    with service(tmp_path, pool) as client:
        assert ask(client).status_code == 200
    with service(tmp_path, pool) as client:
        assert ask(client).json()["rewards"] == [1.0, 1.0], "the same problem: it is kept"
    corrected = read_problem({**ROW, "tests": [{"input": [[1, 1]], "expected": 1}]})
    with service(tmp_path, pool, problem=corrected) as client:
        assert ask(client).status_code == 409
        assert ask(client, "new").status_code == 200


def test_where_the_sandbox_broke_nothing_is_kept(tmp_path):
    pool = ScriptedPool()
    pool.outcome = Outcome.SANDBOX_FAILED
    with service(tmp_path, pool) as client:
        refused = ask(client)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "no engine" in refused.json()["error"]
        pool.outcome = Outcome.ACCEPTED
        assert ask(client).status_code == 200


def test_without_the_token_there_is_only_health(tmp_path):
    pool = ScriptedPool()
    with service(tmp_path, pool) as client:
        for headers in ({}, {"Authorization": "Bearer secreT"}, {"Authorization": "secret"}):
            refused = client.post("/v1/rewards", content=b"{}", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert client.get("/metrics", headers=headers).status_code == 401
        assert client.get("/health").json()["cores"] == [1]
        assert not pool.requests
        ask(client)
        shown = client.get("/metrics", headers=TOKEN).text
        assert 'skeldpo_reward_requests_total{status="401"} 6.0' in shown
        assert 'skeldpo_reward_programs_total{outcome="ACCEPTED"} 2.0' in shown
        assert "skeldpo_reward_waiting_programs 0.0" in shown


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"problem_id": "unknown"}, 422, "no problem 'unknown' among the 1"),
        ({"problem": ROW}, 422, "problem_id or problem, one of them"),
        ({"problem_id": None, "problem": {"problem_id": "x"}}, 422, "statement"),
        ({"problem_id": None, "problem": effibench_row(markdown_description=1)}, 422, "must be"),
        ({"problem_id": None, "problem": mercury_rows.row(pretty_content=[1])}, 422, "must be"),
        ({"completions": []}, 422, "completions"),
        ({"completions": ["pass"] * 5}, 413, "serve.max_programs is 4"),
        ({"cut_off": [True]}, 422, "cut_off has 1"),
        ({"request_id": ""}, 422, "request_id"),
        ({"other": 1}, 422, "other"),
        ({"completions": ["#" * 3000]}, 413, "serve.max_body_mib"),
    ],
)
def test_what_is_not_asked_well_is_refused(tmp_path, changes, status, message):
    pool = ScriptedPool()
    with service(tmp_path, pool, max_programs=4, max_body_mib=2500 / (1 << 20)) as client:
        refused = ask(client, **changes)
        assert (refused.status_code, not pool.requests) == (status, True), refused.text
        assert message in refused.json()["error"]
        assert client.post("/v1/rewards", content=b"{", headers=TOKEN).status_code == 422


def test_a_full_queue_says_when_to_come_again_and_keeps_nothing(tmp_path):
    pool = ScriptedPool()
    pool.is_full = True
    with service(tmp_path, pool) as client:
        refused = ask(client)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "13")
        pool.is_full = False
        assert ask(client).status_code == 200


def test_where_times_prove_nothing_it_says_so_or_refuses(tmp_path):
    pool = ScriptedPool()
    pool.unverified = "no core of its own"
    with service(tmp_path, pool) as client:
        assert ask(client).status_code == 200
        assert client.get("/health").json()["unverified"] == "no core of its own"
        assert "skeldpo_reward_unverified 1.0" in client.get("/metrics", headers=TOKEN).text
    with service(tmp_path, pool, refuse_unverified=True) as client:
        refused = ask(client, "next")
        assert (refused.status_code, "no core of its own" in refused.text) == (503, True)


def test_a_repeated_request_gets_the_same_answer_also_after_a_restart(tmp_path):
    first, second = ScriptedPool(), ScriptedPool()
    with service(tmp_path, first) as client:
        answer = ask(client).json()
        assert ask(client).json() == answer
        assert ask(client, completions=[WRONG]).status_code == 409, "another request of that id"
    with service(tmp_path, second) as client:
        assert ask(client).json() == answer
        assert ask(client, "new").json()["request_id"] == "new"
    assert (len(first.requests), len(second.requests)) == (1, 1)


def test_null_is_what_was_left_out(tmp_path):
    """As a client sends whose request is a record with optional fields."""
    pool = ScriptedPool()
    with service(tmp_path, pool) as client:
        for number, given in enumerate(({"problem_id": None, "problem": ROW}, {"problem": None})):
            body = {"request_id": str(number), "problem_id": "distinct", "completions": [QUICK]}
            sent = {**body, **given, "cut_off": None}
            assert client.post("/v1/rewards", json=sent, headers=TOKEN).status_code == 200
        sent["problem_id"] = None
        refused = client.post("/v1/rewards", json={**sent, "request_id": "n"}, headers=TOKEN)
        assert (refused.status_code, "one of them" in refused.text) == (422, True)
    assert [(each.problem, each.cut_off) for each in pool.requests] == [(PROBLEM, ())] * 2


def test_a_problem_that_expects_infinity_is_not_one_that_expects_none(tmp_path):
    with service(tmp_path, ScriptedPool()) as client:
        for number, status in ((math.inf, 200), (math.nan, 409), (None, 409), (math.inf, 200)):
            row = {**ROW, "tests": [{"input": [[1]], "expected": number}]}
            body = json.dumps({"request_id": "r", "problem": row, "completions": [QUICK]})
            given = client.post("/v1/rewards", content=body, headers=TOKEN)
            assert given.status_code == status


def test_an_answer_that_cannot_be_kept_is_not_sent_and_says_why(tmp_path):
    """It was 500 and "Internal Server Error", and no request of the metrics."""
    with service(tmp_path, ScriptedPool()) as client:
        with sqlite3.connect(tmp_path / "answers.sqlite") as base:
            base.execute("CREATE TRIGGER t BEFORE INSERT ON answers BEGIN "
                         "SELECT RAISE(FAIL, 'the disk is full'); END")  # fmt: skip
        failed = ask(client)
        assert (failed.status_code, failed.headers["retry-after"]) == (503, "5")
        assert "answers cannot be kept: the disk is full" in failed.json()["error"]
        assert 'requests_total{status="503"} 1.0' in client.get("/metrics", headers=TOKEN).text
        with sqlite3.connect(tmp_path / "answers.sqlite") as base:
            base.execute("DROP TRIGGER t")
        assert ask(client).status_code == 200


def test_a_request_repeated_while_it_is_measured_is_measured_once(tmp_path):
    pool = ScriptedPool()
    pool.let.clear()
    answers: list[Any] = []
    with service(tmp_path, pool) as client:
        threads = [
            threading.Thread(target=lambda: answers.append(ask(client).json())) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert ask(client, completions=[WRONG]).status_code == 409
        pool.let.set()
        for thread in threads:
            thread.join()
    assert len(pool.requests) == 1
    assert answers[0] == answers[1] == answers[2]


def test_a_request_that_failed_is_measured_again(tmp_path):
    pool = ScriptedPool()
    pool.error = RuntimeError("the engine went away")
    with service(tmp_path, pool) as client:
        failed = ask(client)
        assert (failed.status_code, "went away" in failed.text) == (503, True)
        assert failed.headers["retry-after"] == "5"
        pool.error = None
        assert ask(client).status_code == 200
    assert len(pool.requests) == 2


def test_journal_forgets_what_is_old_and_keeps_the_first(tmp_path):
    path = tmp_path / "folder" / "answers.sqlite"
    journal = Journal(path, keep_hours=1e-7)
    journal.put("r", Kept(request_digest="d", answer="first"))
    journal.put("r", Kept(request_digest="d", answer="second"))
    assert journal.get("r") == Kept(request_digest="d", answer="first")
    time.sleep(0.01)
    journal.close()
    assert Journal(path, keep_hours=1e-7).get("r") is None


def test_a_damaged_journal_is_named(tmp_path):
    """It was a traceback, after the first container had started."""
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"no base " * 100)
    with pytest.raises(RuntimeError, match="answers.sqlite cannot be used: file is not a database"):
        Journal(path, keep_hours=1.0)


def test_token_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "place" / "token"
    token = read_token(path)
    assert len(token) > 40
    assert (path.stat().st_mode & 0o777, read_token(path)) == (0o600, token)
    path.write_text("\n")
    with pytest.raises(ValueError, match="empty"):
        read_token(path)


@pytest.mark.parametrize(("host", "start"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_free_port_is_told_and_a_taken_one_refused(host, start):
    """It said port 0; and of a taken port nothing, but exit code 3."""
    serve = ServeConfig(host=host, port=0)
    with listening(serve) as listener:
        port = listener.getsockname()[1]
        assert service_url(serve, listener) == f"http://{start}:{port}/v1/rewards"
        listener.listen()
        with pytest.raises(OSError, match=f"serve.port {port}: Address already in use"):
            listening(ServeConfig(host=host, port=port))


def test_reward_asks_for_a_problem_beside_each_completion():
    with pytest.raises(ValueError, match="2 problems and 1 completions"):
        reward([PROBLEM, PROBLEM], [QUICK])
    with pytest.raises(ValueError, match="two different problems"):
        reward([PROBLEM, read_problem({**ROW, "statement": "Else?"})], [QUICK, QUICK])


@pytest.mark.parametrize("reference", ["base", ""])
def test_programs_of_exact_times_earn_by_level(reference):
    """log 4 / log 8 = 2/3 between them, relative to the reference, or without one to the first
    right program; a lone program has the reference beside it, and a copy its twin's reward."""
    script = scripted_runs.make_script(
        **{
            "quick\n": scripted_runs.linear(10),
            "slow\n": scripted_runs.linear(40),
            "wrong\n": scripted_runs.linear(5, answer=lambda n: n),
        }
    )
    problem = dataclasses.replace(scripted_runs.PROBLEM, reference=reference)
    settings = Settings(rewards=RewardsConfig(), measure=scripted_runs.CONFIG)

    def earned(*completions: str, unverified: str = "") -> list[float]:
        request = GroupRequest(problem=problem, completions=completions)
        place = Place(image=IMAGE, core=0, unverified=unverified)
        answer = measure_group(request, script.run, settings, place)
        assert (answer.unverified, answer.faults) == (unverified, ())
        return [program.reward for program in answer.programs]

    shift = 0.0 if reference else 1 / 3
    given = earned("wrong", "slow", "quick", "quick")
    assert given == pytest.approx([0.0, 2 / 3 + shift, 1.0 + shift, 1.0 + shift])
    assert earned("slow") == pytest.approx([2 / 3 if reference else 1.0])
    assert earned("slow", "quick", unverified="no core") == [1.0, 1.0]


def test_rewards_that_no_session_goes_on_for_are_refused():
    with pytest.raises(ValueError, match=r"rewards\.max_p_value \(0\.001\) is below measure"):
        Settings(rewards=RewardsConfig(max_p_value=0.001), measure=MeasureConfig())


class HeldSandbox:
    """In place of a container and the lease of its core: what it is given does not compile, and
    takes until it is let."""

    unverified, core = "", 7

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.has_begun, self.let = threading.Event(), threading.Event()

    def __enter__(self) -> HeldSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, request: RunRequest) -> RunReport:
        self.codes.append(request.code)
        self.has_begun.set()
        assert self.let.wait(10)
        return scripted_runs.make_report(Outcome.COMPILE_ERROR)


IMAGE = SandboxImage(**{field.name: "" for field in dataclasses.fields(SandboxImage)})


@contextlib.contextmanager
def one_core(sandbox: HeldSandbox, max_waiting: int = 0) -> Iterator[RewardPool]:
    """A pool over it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool_module, "ensure_image", lambda *_, **__: IMAGE)
        patch.setattr(pool_module, "lease_cores", lambda _: [sandbox])
        patch.setattr(pool_module, "make_sandbox", lambda *_: sandbox)
        with RewardPool(max_waiting=max_waiting) as pool:
            try:
                yield pool
            finally:
                sandbox.let.set()


def asked_for(*completions: str) -> GroupRequest:
    return GroupRequest(problem=PROBLEM, completions=completions)


def test_a_request_that_nobody_waits_for_any_more_costs_no_core():
    """As `asyncio.wait_for` of a wrapped future does at its timeout: the core went for good."""
    sandbox = HeldSandbox()
    with one_core(sandbox) as pool:
        begun, waiting, last = (pool.submit(asked_for(text)) for text in ("a", "b", "c"))
        assert sandbox.has_begun.wait(10)
        assert (begun.cancel(), waiting.cancel()) == (False, True)
        sandbox.let.set()
        assert last.result(10).programs[0].outcome is Outcome.COMPILE_ERROR
        assert begun.result(10).programs[0].reward == 0.0
        assert [code.strip() for code in sandbox.codes] == ["a", "c"]
        assert pool.num_waiting == 0


def test_what_a_failed_call_had_asked_for_does_not_stay_in_the_queue():
    """Its third problem finds the pool full; made again and again, it would fill the queue."""
    others = [read_problem({**ROW, "problem_id": name}) for name in ("x", "y", "z")]
    sandbox = HeldSandbox()
    with one_core(sandbox, max_waiting=4) as pool:
        begun = pool.submit(asked_for("a"))
        assert sandbox.has_begun.wait(10)
        twice = [problem for problem in others for _ in range(2)]
        with pytest.raises(PoolFullError):
            reward(twice, ["b", "c"] * 3, pool=pool)
        sandbox.let.set()
        assert begun.result(10) and pool.submit(asked_for("d")).result(10)
        assert [code.strip() for code in sandbox.codes] == ["a", "d"]


def test_a_problem_at_fault_is_told(caplog):
    """All completions for it earned 0, step after step, and nothing said why."""
    faulty = read_problem({**ROW, "problem_id": "faulty", "reference": QUICK})
    sandbox = HeldSandbox()
    sandbox.let.set()
    with one_core(sandbox) as pool:
        assert reward([faulty] * 2, [QUICK, SLOW], pool=pool) == [0.0, 0.0]
    assert "problem faulty: its reference fails its tests: COMPILE_ERROR" in caplog.text


def test_what_waits_is_refused_when_the_service_stops_and_what_has_begun_is_finished():
    """It waited until every program that waited for a core was measured."""
    sandbox = HeldSandbox()
    with one_core(sandbox) as pool:
        begun, waiting = pool.submit(asked_for("a")), pool.submit(asked_for("b"))
        assert sandbox.has_begun.wait(10)
        pool.refuse()
        with pytest.raises(RuntimeError, match="closed"):
            pool.submit(asked_for("c"))
        sandbox.let.set()
        with pytest.raises(RuntimeError, match="before this was measured"):
            waiting.result(10)
        assert begun.result(10).programs[0].outcome is Outcome.COMPILE_ERROR
        assert [code.strip() for code in sandbox.codes] == ["a"]
        assert (pool.num_waiting, len(pool.cores)) == (0, 1)


@pytest.mark.parametrize("given", [None, [{"role": "assistant", "content": QUICK}], b"x", 1.5])
def test_a_completion_that_is_no_text_is_named_before_anything_starts(given):
    with pytest.raises(
        ValueError, match=f"completions: number 1 must be text, got {type(given).__name__}"
    ):
        reward([PROBLEM] * 2, [QUICK, given])
    with pytest.raises(ValueError, match="expected a list of texts, got a text"):
        reward([PROBLEM] * len(QUICK), QUICK)


@pytest.mark.docker
def test_rewards_of_measured_programs_in_process_and_over_http(tmp_path):
    """One start of a container: order, fences, equal programs, a lone one, a repeat, the lease."""
    measure = MeasureConfig(min_cpu_time_ms=5.0, num_cores=1)
    rewards = RewardsConfig(min_speedup=1.2)
    lone = read_problem({**ROW, "problem_id": "lone", "reference": SLOW})
    with RewardPool(rewards=rewards, measure=measure) as pool:
        assert not pool.unverified
        fenced = f"Sure:\n\n```python\n{QUICK}```\n"
        renamed = QUICK.replace("numbers", "values")
        problems = [PROBLEM, lone, PROBLEM, PROBLEM, PROBLEM]
        earned = reward(problems, [WRONG, QUICK, SLOW, fenced, renamed], pool=pool)
        assert earned[0] == 0.0
        assert 0.5 <= earned[2] < earned[3] <= 1.5
        assert earned[3] == earned[4], "the same program"
        assert earned[1] > 1.0, "alone, it is timed against the reference"
        started = RewardService(
            pool=pool,
            journal=Journal(tmp_path / "answers.sqlite", keep_hours=1.0),
            problems={"distinct": PROBLEM},
            config=ServeConfig(),
            token="secret",
            settings_digest="s",
        )
        with TestClient(started.app) as client:
            answer = ask(client).json()
            assert answer["rewards"][0] > answer["rewards"][1] >= 0.5
            assert (answer["num_levels"], answer["is_trusted"]) == (2, True)
            assert answer["core"] in pool.cores
            assert answer["ended_ns"] > answer["started_ns"]
            assert ask(client).json() == answer
            assert json.loads(json.dumps(answer)) == answer
    with pytest.raises(RuntimeError, match="closed"):
        reward([PROBLEM], [QUICK], pool=pool)
