"""One bad problem costs one problem: what is given up, when, and where that is shown."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from made_run import MadeRun, make_config
from pair_rows import PAIR
from rich.console import Console
from sample_records import FUNCTION_PROBLEM, SAMPLED, measurement

from skeldpo.accounts.actors import NO_ACTORS, ActorNote
from skeldpo.accounts.progress import Progress
from skeldpo.accounts.quarantine import (
    Quarantined,
    Tries,
    finished_quarantine,
    keep,
    keep_errors,
    kept,
    read_quarantine,
    too_many,
    unwritten_of,
    write_quarantine,
)
from skeldpo.config import GenerateConfig, SkeletonConfig
from skeldpo.console import Display
from skeldpo.generate.engine import Answer, Text
from skeldpo.generate.policy_engine import _BETWEEN, PolicyEngine, _Writing
from skeldpo.pair import pairs_or_reason
from skeldpo.records import Assignment, Candidate
from skeldpo.report.page import show_status, write_report
from skeldpo.rounds.alive import RUNNING, RunNote, read_running, running_text
from skeldpo.rounds.stages import round_place
from skeldpo.storage.by_problem import MeasuredProblem
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, Store

ROW = Quarantined(
    problem_id="p1", stage="measure", reason="it killed its actor", num_tries=3,
    host_id="node-7", actor="sandbox 1",
)  # fmt: skip
NUM_SAMPLES = 2
EVERY = [f"p{index}" for index in range(9)]


class Death(BaseException):
    """What happens to the process is no exception that it could catch."""


@dataclass
class MadeEngine:
    """Finishes a request a step, and dies of one: no real engine does that on demand."""

    deadly: str
    asked: list[str] = field(default_factory=list)
    num_unfinished_tokens: int = 0

    def add_request(self, problem_id: str, prompt: Any, sampling: Any) -> None:
        """Takes a request, but for one."""
        if problem_id == "p2":
            raise ValueError("a token that it does not have")
        self.asked.append(problem_id)

    def step(self) -> list[Answer]:
        """The next request is finished."""
        problem_id = self.asked.pop(0)
        if problem_id == self.deadly:
            raise Death
        texts = tuple(
            Text(index=index, token_ids=(7, index), logps=(-1.0, -1.0), finish_reason="stop")
            for index in range(NUM_SAMPLES)
        )
        return [Answer(request_id=problem_id, texts=texts)]


@dataclass
class MadePrompts:
    """A prompt of one token, but for a statement that is too long."""

    stop_token_ids: tuple[int, ...] = ()

    def code_prompt_ids(self, statement: str, starter_code: str, language: str) -> list[int]:
        """Token ids."""
        return [1] * (999 if statement == "long" else 1)

    def num_reasoning_tokens(self, token_ids: Sequence[int]) -> int:
        """It does not think."""
        return 0

    def decode(self, token_ids: Sequence[int], language: str) -> str:
        """The text of an answer."""
        return f"def double(x):\n    return {token_ids[-1]} * x\n"


def make_engine(output: Path, deadly: str, config: GenerateConfig) -> PolicyEngine:
    """The actor after a start, without vLLM."""
    made = object.__new__(PolicyEngine)
    made._store = Store(str(output))
    made._note = ActorNote(made._store, "engine", "pass")
    made._tries = Tries(made._store, "generate", "pass", made._note.host_id, made._note.name)
    made._model_id, made._generate, made._max_model_tokens = "weights", config, 64
    made._prompts, made._engine = MadePrompts(), MadeEngine(deadly)
    made._reasoning_end = "</think>"
    return made


def write_assignments(output: Path) -> list[Assignment]:
    made = [
        Assignment(
            problem=replace(
                FUNCTION_PROBLEM, problem_id=name, statement="long" if name == "p3" else "short"
            ),
            purpose="train", round_index=1, num_samples=NUM_SAMPLES, temperature=0.8, seed=1,
            candidates=(),
        )
        for name in EVERY
    ]  # fmt: skip
    for each in made:
        Store(str(output)).write_part(ASSIGNMENTS, each.problem.problem_id, Assignment, [each])
    return made


@pytest.mark.parametrize(("max_num_seqs", "max_retries"), [(6, 2), (6, 0), (128, 2), (128, 4)])
def test_engine_that_dies_of_a_problem_writes_for_all_others(
    tmp_path: Path, max_num_seqs: int, max_retries: int
) -> None:
    """It dies of p5, among nine; p2 it refuses, and p3 is longer than the model takes."""
    assignments = write_assignments(tmp_path)
    config = GenerateConfig(
        num_samples=NUM_SAMPLES, max_num_seqs=max_num_seqs, max_retries=max_retries
    )
    lives: list[list[str]] = []
    while not lives or len(lives[-1]) < len(EVERY):
        assert len(lives) < 9
        passed: list[str] = []
        lives.append(passed)
        try:
            for rows in make_engine(tmp_path, "p5", config)({"problem_id": EVERY}):
                passed += rows["problem_id"]
        except Death:
            passed.clear()
    assert sorted(lives[-1]) == EVERY
    store = Store(str(tmp_path))
    rows = {row.problem_id: row for row in read_quarantine(store)}
    assert sorted(rows) == ["p2", "p3", "p5"]
    assert rows["p2"].reason == "vLLM refused it: ValueError: a token that it does not have"
    assert rows["p3"].reason == "its prompt has 999 tokens, policy.max_model_tokens is 64"
    assert rows["p5"].reason == "its actor died without a word, each time"
    in_groups = 2 if max_num_seqs == 6 else 1  # all nine, and the three that fill the engine
    assert len(lives) - 1 == rows["p5"].num_tries == max(max_retries, in_groups) + 1
    for name in EVERY:
        written = store.read_part(CANDIDATES, name, Candidate)
        assert len(written) == (0 if name in rows else NUM_SAMPLES)
    assert list(unwritten_of(list(rows.values()), assignments).values()) == 3 * [NUM_SAMPLES]


def test_engine_that_raises_leaves_the_reason(tmp_path: Path) -> None:
    tries = Tries(Store(str(tmp_path)), "generate", "pass", "node", "engine 1")
    assert tries.begin(["p1"]).num_tries == 1
    tries.fail(["p1"], "the engine failed: CUDA error")
    last = Tries(Store(str(tmp_path)), "generate", "pass", "other", "engine 2").begin(["p1"])
    row = tries.given_up("p1", last, last.num_tries - 1)
    assert (row.reason, row.host_id, row.num_tries) == ("the engine failed: CUDA error", "node", 1)
    assert Tries(Store(str(tmp_path)), "generate", "later", "x", "y").begin(["p1"]).num_tries == 1


def test_pairs_that_cannot_be_built_cost_their_problem_alone(tmp_path: Path) -> None:
    """Rows of a candidate that nobody knows."""
    made = pairs_or_reason(
        MeasuredProblem(
            problem=FUNCTION_PROBLEM,
            candidates=(replace(SAMPLED, problem_id=FUNCTION_PROBLEM.problem_id),),
            measurements=(measurement("unknown"),),
        ),
        pair=PAIR,
        skeleton=SkeletonConfig(),
        round_index=1,
    )
    assert made.error.startswith("ValueError: build_pairs of problem")
    assert made.pairs == () and made.dropped[0].num_rows == 1
    assert made.dropped[0].reason == f"quarantined: {made.error}"
    assert made.funnel.num_candidates == made.dropped_candidates[0].num_rows == 1
    store = Store(str(tmp_path))
    keys = [made.problem_id, "old", "p1", "p2", "p3"]
    keep(store, ROW)
    write_quarantine(store, keys)
    keep_errors(store, {"old": "KeyError: 1"}, keys, 0.25, "round 1: pair")
    keep_errors(store, {made.problem_id: made.error}, keys, 0.25, "round 1: pair")
    assert finished_quarantine(store) == read_quarantine(store)
    row, sampled = finished_quarantine(store)
    assert sampled == ROW
    assert (row.problem_id, row.stage, row.num_tries) == (made.problem_id, "pair", 1)
    with pytest.raises(RuntimeError, match=r"round 1: pair: 1 of 3 problems are quarantined, more"):
        keep_errors(store, {made.problem_id: made.error}, keys[:3], 0.25, "round 1: pair")
    keep_errors(store, {}, keys, 0.25, "round 1: pair")
    assert finished_quarantine(store) == read_quarantine(store) == [ROW]
    write_quarantine(store, [])
    assert finished_quarantine(store) == []


def test_limit_names_reasons_a_problem_and_what_to_do() -> None:
    rows = [ROW, replace(ROW, problem_id="p2"), replace(ROW, problem_id="p3", reason="long")]
    assert too_many(rows, 12, 0.25, "round 1") == ""
    told = too_many(rows, 11, 0.25, "round 1")
    for text in ("3 of 11", "run.max_quarantined = 0.25", "measure: it killed its actor (2)",
                 "measure: long (1)", "problem p1 (sandbox 1 on node-7)", "--set"):  # fmt: skip
        assert text in told


def shown(store: Store) -> str:
    text = io.StringIO()
    show_status(store.root, Display(Console(file=text, width=200, highlight=False)))
    return text.getvalue()


def make_progress(num_done: int) -> Progress:
    actors = replace(NO_ACTORS, num_engines=2, num_ready=1, tokens_per_s=420.0, num_sandboxes=3)
    return Progress(
        num_problems=10, num_done=num_done, num_quarantined=1, num_measured=4 * num_done,
        num_accepted=num_done, faults=(), actors=actors,
    )  # fmt: skip


def test_status_tells_of_a_run_on_another_node_and_of_its_quarantine(tmp_path: Path) -> None:
    run = MadeRun(make_config(str(tmp_path)))
    run.finish("start", round_place(0), 1, ())
    keep(Store(run.store.location("round-001")), ROW)
    told: list[str] = []
    with RunNote(run.store, told.append) as note:
        note.begin("sample", 1)
        follow = note.following(lambda progress: note.tell(f"{progress.num_done} done"))
        follow(make_progress(2))
        time.sleep(0.2)
        follow(make_progress(4))
        note._write()
        status = shown(run.store)
        now = read_running(run.store)
    assert told == ["2 done", "4 done"]
    assert now is not None
    assert 0 < now.candidates_per_s <= 40 and 0.6 <= now.left_s < 60
    for text in ("round 1 sample for", "4 of 10 problems done", "1 of 2 engines ready, 420 tokens",
                 "3 sandboxes, ", "candidates/s", " s left", "1 quarantined",
                 "it said last: 4 done", "Quarantined problems (1)", "sandbox 1 on node-7",
                 "it killed its actor"):  # fmt: skip
        assert text in status, text
    assert "goes on from there" not in status, "it runs"
    assert "said nothing for 90 s: it has ended" in running_text(now, now.written_s + 90)
    assert not run.store.exists(RUNNING)
    assert "goes on from there" in shown(run.store)
    write_report(run.store)
    page = run.store.read_text("report.html")
    assert "Quarantined problems (1)" in page and "it killed its actor" in page


def test_row_is_kept_by_problem(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    keep(store, ROW)
    assert kept(store, "p1") == ROW and kept(store, "p2") is None
    assert ROW.told() == (
        "quarantined in measure after 3 tries: it killed its actor (sandbox 1 on node-7)"
    )


def test_thoughts_that_leave_no_room_for_an_answer_are_cut_and_cost_no_other_sample(
    tmp_path: Path,
) -> None:
    """Two samples end their thoughts behind a prompt of one token: one fills the 64 tokens of the
    model, the other goes on."""
    (assignment, *_) = write_assignments(tmp_path)
    config = GenerateConfig(num_samples=NUM_SAMPLES, max_reasoning_tokens=63)
    engine = make_engine(tmp_path, "", config)
    writing = _Writing(assignment=assignment, prompt_ids=[1])
    texts = tuple(
        Text(index=index, token_ids=(7,) * length, logps=(-1.0,) * length, finish_reason="stop",
             stop="</think>")
        for index, length in enumerate((63, 62))
    )  # fmt: skip
    key = assignment.problem.problem_id
    assert engine._take(writing, Answer(request_id=key, texts=texts)) == ""
    assert {index: text.finish_reason for index, text in writing.written.items()} == {0: "length"}
    assert engine._engine.asked == [f"{key}{_BETWEEN}1"]
