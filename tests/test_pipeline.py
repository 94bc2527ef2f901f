"""The streaming pipeline's own decisions, with made actors' rows in place of Ray's."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.data import ActorPoolStrategy
from sample_records import FUNCTION_PROBLEM, SAMPLED, measurement

from skeldpo import pipeline
from skeldpo.accounts.actors import NO_ACTORS, ActorNote, Actors, read_actors
from skeldpo.accounts.core_use import CORE_USE, CoreUse
from skeldpo.accounts.progress import Counts, Progress, count_teller
from skeldpo.accounts.quarantine import (
    Quarantined,
    Tries,
    finished_quarantine,
    keep,
    read_quarantine,
)
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.connection import SANDBOX_RESOURCE
from skeldpo.measure.actor import Measured, ProgramMeasurer
from skeldpo.measure.core_clock import CoreClock
from skeldpo.pipeline import (
    Limits,
    Sandboxes,
    sample_and_measure,
)
from skeldpo.records import Assignment, Candidate, Measurement, Outcome
from skeldpo.storage.files import LocalFiles
from skeldpo.storage.store import ASSIGNMENTS, CANDIDATES, MEASUREMENTS, Store
from studies.measured_rows import read_rows

NUM_SANDBOXES = 3
SANDBOXES = Sandboxes(measure=MeasureConfig(num_cores=NUM_SANDBOXES), evaluate=EvaluateConfig())


def make_assignment(name: str) -> Assignment:
    candidate = replace(SAMPLED, candidate_id=f"{name}-c", problem_id=name)
    return Assignment(
        problem=replace(FUNCTION_PROBLEM, problem_id=name),
        purpose="train",
        round_index=0,
        num_samples=0,
        temperature=0.0,
        seed=0,
        candidates=(candidate,),
    )


@dataclass
class MadeRows:
    """What the actors of one pass would write and yield."""

    output: str
    outcomes: dict[str, Outcome]
    faults: dict[str, list[str]]
    failures: dict[str, str]

    def iter_rows(self) -> Iterator[dict[str, str]]:
        """Writes the parts as the actors do."""
        for name, outcome in self.outcomes.items():
            row = replace(measurement(f"{name}-c", outcome=outcome), problem_id=name)
            Store(self.output).write_part(MEASUREMENTS, name, Measurement, [row])
            yield {
                "problem_id": name,
                "outcomes": json.dumps({outcome.value: 1}),
                "faults": json.dumps(self.faults.get(name, [])),
                "failure": self.failures.get(name, ""),
                "note": "core 1 of host: it shakes" * (name == "fine"),
                "quarantine": "why" * (name == "given up"),
            }


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Any]]:
    """Names and cores to avoid of each pass; in the first the sandbox fails on the verdicts of
    "lost" and the times of "untimed", and "faulty" is at fault."""
    made: list[tuple[list[str], Any]] = []

    def dataset(one: Any, num_sandboxes: int, pass_id: str) -> MadeRows:
        assert num_sandboxes == min(NUM_SANDBOXES, len(one.waiting))
        for name in one.waiting:
            (asked,) = Store(one.output).read_part(ASSIGNMENTS, name, Assignment)
            assert asked == make_assignment(name)
        names = list(one.waiting)
        outcomes = dict.fromkeys(names, Outcome.ACCEPTED)
        failures = {}
        if not made:
            outcomes |= {"lost": Outcome.SANDBOX_FAILED, "faulty": Outcome.FAULTY_PROBLEM}
            failures = {"lost": "no answer", "untimed": "a long report"}
        made.append((names, list(one.avoid)))
        return MadeRows(one.output, outcomes, {"faulty": ["its reference fails"]}, failures)

    monkeypatch.setattr(pipeline, "_dataset", dataset)
    monkeypatch.setattr(pipeline, "_require_resources", lambda engines, sandboxes: None)
    return made


def test_problem_that_the_sandbox_failed_on_is_measured_once_more_elsewhere(
    tmp_path: Path, passes: list[tuple[list[str], Any]]
) -> None:
    told: list[Progress] = []
    sample_and_measure(
        (make_assignment(name) for name in ("fine", "lost", "untimed", "faulty")),
        engines=None,
        sandboxes=SANDBOXES,
        output=str(tmp_path),
        on_progress=told.append,
    )
    again = ["lost", "untimed"]
    assert passes == [(["fine", *again, "faulty"], []), (again, [("host", 1)])]
    sampled = read_rows(str(tmp_path))
    assert [row.problem_id for row in sampled.candidates] == ["fine", *again, "faulty"]
    assert Store(str(tmp_path)).part_keys(ASSIGNMENTS) == set()
    outcomes = {row.problem_id: row.outcome.value for row in sampled.measurements}
    assert outcomes.pop("faulty") == "FAULTY_PROBLEM"
    assert outcomes == dict.fromkeys(["fine", *again], "ACCEPTED")
    said = [fault for progress in told for fault in progress.faults]
    assert said == [
        "core 1 of host: it shakes",
        "problem lost: the sandbox failed: no answer",
        "problem untimed: the sandbox failed: a long report",
        "problem faulty: its reference fails",
    ]
    last = told[-1]
    assert (last.num_problems, last.num_done) == (4, 4)
    assert (last.num_measured, last.num_accepted) == (4, 3)


class LateFiles(LocalFiles):
    """A disk on which names of files are listed long after they were made, as NFS and some object
    stores do it for seconds; opened by name, they are there."""

    def names(self, folder: str) -> list[str]:
        return []


def test_nothing_is_lost_or_done_again_where_listings_lag(
    tmp_path: Path, passes: list[tuple[list[str], Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another start has done one problem and given one up; a third is given up now, elsewhere."""
    monkeypatch.setattr("skeldpo.storage.store.open_files", LateFiles)
    store = Store(str(tmp_path))
    assert store.part_keys(MEASUREMENTS) == set()
    refused = Quarantined(problem_id="refused", stage="generate", reason="long", num_tries=1,
                          host_id="node-7", actor="engine 1")  # fmt: skip
    for name in ("done", "refused"):
        asked = make_assignment(name)
        store.write_part(CANDIDATES, name, Candidate, asked.candidates)
        row = replace(measurement(f"{name}-c"), problem_id=name)
        store.write_part(MEASUREMENTS, name, Measurement, [row])
        used = CoreUse(problem_id=name, pass_id="p", actor_id="a", host_id="h", core=1,
                       held_from_s=0.0, begun_s=1.0, ended_s=2.0, program_cpu_s=1.0,
                       input_cpu_s=0.0)  # fmt: skip
        store.write_part(CORE_USE, name, CoreUse, [used])
    keep(store, refused)
    keep(store, replace(refused, problem_id="given up", stage="measure"))
    passes.append(([], []))  # so that the sandbox fails on none
    names = ["done", "refused", "new", "given up"]
    told: list[Progress] = []
    sample_and_measure(
        map(make_assignment, names),
        engines=None,
        sandboxes=SANDBOXES,
        output=str(tmp_path),
        on_progress=told.append,
    )
    assert [done for done, _ in passes[1:]] == [["new", "given up"]]
    assert told[-1].num_quarantined == 2
    sampled = read_rows(str(tmp_path))
    assert [row.problem_id for row in sampled.candidates] == names
    assert [row.problem_id for row in sampled.measurements] == names
    uses = store.read_records(f"{CORE_USE}.parquet", CoreUse)
    assert [use.problem_id for use in uses] == ["done", "refused"]
    assert [row.problem_id for row in finished_quarantine(store)] == ["given up", "refused"]


def told_lines(*progress: Progress, is_judged: bool = True) -> list[str]:
    """What a teller says to these reports, its seconds aside."""
    lines: list[str] = []
    show = count_teller("title", lines.append, is_judged=is_judged)
    for one in progress:
        show(one)
    return [re.sub(r"\d+ s ", "N s ", re.sub(r"[\d.]+ candidates/s", "R candidates/s", line))
            for line in (f"{line} " for line in lines)]  # fmt: skip


def report(
    num_done: int,
    num_ready: int = 1,
    tokens_per_s: float = 0.0,
    faults: tuple[str, ...] = (),
    num_quarantined: int = 0,
) -> Progress:
    actors = Actors(num_engines=1, num_ready=num_ready, tokens_per_s=tokens_per_s, num_replaced=0)
    return Progress(
        num_problems=3,
        num_done=num_done,
        num_quarantined=num_quarantined,
        num_measured=4 * num_done,
        num_accepted=3 * num_done,
        faults=faults,
        actors=actors,
    )


STAGES = (
    report(0, num_ready=0),
    report(0, num_ready=0, faults=("core 1: it shakes",)),
    report(0),
    report(0, tokens_per_s=310.4),
    report(1, tokens_per_s=420.0),
    report(3, num_quarantined=1),
)


def test_teller_says_what_starts_what_is_measured_and_how_fast_it_is_written() -> None:
    assert told_lines(*STAGES) == [
        "title: 3 problems to write for; starting the engine ",
        "title: core 1: it shakes ",
        "title: engine ready after N s ",
        "title: measured 0 of 3 problems, 310 tokens/s, N s so far ",
        "title: measured 1 of 3 problems, 3 of 4 candidates accepted, R candidates/s, "
        "420 tokens/s, N s left ",
        "title: measured 3 of 3 problems, 9 of 12 candidates accepted, R candidates/s, "
        "1 quarantined, N s left ",
    ]


def test_teller_calls_nothing_accepted_where_nothing_is_judged() -> None:
    assert told_lines(*STAGES, is_judged=False) == [
        "title: 3 problems to write for; starting the engine ",
        "title: core 1: it shakes ",
        "title: engine ready after N s ",
        "title: generated 0 of 3 problems, 310 tokens/s, N s so far ",
        "title: generated 1 of 3 problems, 420 tokens/s, N s left ",
        "title: generated 3 of 3 problems, 1 quarantined, N s left ",
    ]


def test_teller_needs_no_engine_and_misses_no_count_of_a_quick_one() -> None:
    quick = told_lines(report(1, num_ready=0), report(3))
    assert quick[1:] == [
        "title: engine ready after N s ",
        "title: measured 3 of 3 problems, 9 of 12 candidates accepted, R candidates/s, N s left ",
    ]
    given = [replace(one, actors=NO_ACTORS) for one in (report(0), report(2))]
    assert told_lines(*given) == [
        "title: measured 0 of 3 problems, N s so far ",
        "title: measured 2 of 3 problems, 6 of 8 candidates accepted, R candidates/s, N s left ",
    ]


def test_actors_say_how_they_fare_and_a_replaced_one_is_told(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert read_actors(store, "pass", num_engines=1, num_sandboxes=2) == replace(
        NO_ACTORS, num_engines=1
    )
    ActorNote(store, "engine", "earlier").ready()
    engine = ActorNote(store, "engine", "pass")
    for _ in range(2):
        ActorNote(store, "sandbox", "pass")
    engine.ready()
    seen = read_actors(store, "pass", num_engines=1, num_sandboxes=2)
    assert (seen.num_ready, seen.tokens_per_s, seen.num_replaced) == (1, 0.0, 0)
    engine.begin()
    time.sleep(1.1)
    engine.wrote(0, lambda: 500)
    seen = read_actors(store, "pass", num_engines=1, num_sandboxes=2)
    assert 400 / 1.1 < seen.tokens_per_s <= 500 / 1.1, "nothing has ended yet"
    time.sleep(1.1)
    engine.wrote(300, lambda: 100)  # a request whose other sample has ended, too
    seen = read_actors(store, "pass", num_engines=1, num_sandboxes=2)
    assert 400 / 2.2 < seen.tokens_per_s <= 500 / 2.2
    engine.end()
    ActorNote(store, "engine", "pass").ready()
    store.write_text("actors/pass-engine-half.json", '{"is_rea')
    ActorNote(store, "sandbox", "pass")
    seen = read_actors(store, "pass", num_engines=1, num_sandboxes=2)
    assert (seen.tokens_per_s, seen.num_replaced) == (0.0, 3)
    counts = Counts(store, set(), [], 1.0)
    assert counts.look(seen).faults == ("3 of Ray's actors died and were started again",)
    assert counts.look(seen).faults == ()


class Raises:
    """An actor of a Ray Data stage that fails where it is told to, as a model's engine may."""

    def __init__(self, error: Exception, *, at_start: bool) -> None:
        self._error = error
        if at_start:
            raise error

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        raise self._error
        yield batch


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.shutdown()  # that of an earlier test has other resources
    ray.init(
        address="local",  # else what a killed test run left behind is looked for
        num_cpus=2,
        resources={SANDBOX_RESOURCE: NUM_SANDBOXES},
        include_dashboard=False,
        log_to_driver=False,
    )
    ours = [sys.modules[__name__], sys.modules["sample_records"]]
    for module in ours:  # workers do not find this folder
        ray.cloudpickle.register_pickle_by_value(module)
    yield
    for module in ours:
        ray.cloudpickle.unregister_pickle_by_value(module)
    ray.shutdown()


class Sleeps:
    """Measures nothing, for as long as a problem's name says, and notes which actor did it."""

    def __init__(self, *, output: str, **_: Any) -> None:
        self._output = output

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
        for name in map(str, batch["problem_id"]):
            time.sleep(3.0 if name == "long" else 0.1)
            row = replace(measurement(f"{name}-c"), problem_id=name, host_id=str(os.getpid()))
            Store(self._output).write_part(MEASUREMENTS, name, Measurement, [row])
            yield {"problem_id": [name], "outcomes": ["{}"], "faults": ["[]"],
                   "failure": [""], "note": [""], "quarantine": [""]}  # fmt: skip


@pytest.mark.ray
def test_every_sandbox_core_works_and_no_problem_waits_behind_a_long_one(
    cluster: None, tmp_path: Path
) -> None:
    names = ["long", *(f"p{index}" for index in range(11))]
    sample_and_measure(
        [make_assignment(name) for name in names],
        engines=None,
        sandboxes=replace(SANDBOXES, measurer=Sleeps),
        output=str(tmp_path),
        on_progress=lambda _: None,
    )
    done: dict[str, list[str]] = {}
    for row in read_rows(str(tmp_path)).measurements:
        done.setdefault(row.host_id, []).append(row.problem_id)
    assert len(done) == NUM_SANDBOXES
    assert sorted(name for own in done.values() for name in own) == sorted(names)
    (with_long,) = (own for own in done.values() if "long" in own)
    assert with_long[with_long.index("long") :] == ["long"]


class Troubled(ProgramMeasurer):
    """A measurer without a container, for problems that are named after what happens at them."""

    def __init__(self, *, output: str, pass_id: str, measure: MeasureConfig, **_: Any) -> None:
        self._config, self._session, self._is_last = measure, None, False
        self._store = Store(output)
        self._actor = ActorNote(self._store, "sandbox", pass_id)
        host_id = self._actor.host_id
        self._tries = Tries(self._store, "measure", pass_id, host_id, self._actor.name)
        self._sandbox = SimpleNamespace(unverified="")
        self._lease = SimpleNamespace(core=1)
        self._image = SimpleNamespace(digest="image", python_version="3.11")
        self._note, self._calibrated_s = "", time.monotonic()
        self._clock = CoreClock(
            run=print, pass_id=pass_id, host_id=host_id, core=1, held_from_s=time.time()
        )

    def measure(self, assignment: Assignment) -> Measured:
        name = assignment.problem.problem_id
        outcome, faults = Outcome.ACCEPTED, []
        if name == "deadly":
            os._exit(1)
        if name == "raising":
            raise KeyError("nobody thought of this")
        if name == "disk":
            raise OSError("no space left on device")
        if name == "faulty":
            outcome, faults = Outcome.FAULTY_PROBLEM, ["its reference fails its tests"]
        row = replace(measurement(f"{name}-c", outcome=outcome), problem_id=name)
        return Measured(rows=[row], faults=faults)


def sample(output: Path, names: list[str], max_quarantined: float = 1.0) -> list[Progress]:
    told: list[Progress] = []
    sample_and_measure(
        [make_assignment(name) for name in names],
        engines=None,
        sandboxes=Sandboxes(
            measure=MeasureConfig(num_cores=NUM_SANDBOXES, max_retries=1),
            evaluate=EvaluateConfig(),
            measurer=Troubled,
        ),
        output=str(output),
        on_progress=told.append,
        limits=Limits(max_quarantined=max_quarantined),
    )
    return told


@pytest.mark.parametrize("before", [Outcome.ACCEPTED, Outcome.SANDBOX_FAILED])
def test_problem_of_which_an_earlier_try_has_verdicts_is_not_given_up(
    tmp_path: Path, before: Outcome
) -> None:
    store, asked = Store(str(tmp_path)), make_assignment("raising")
    store.write_part(ASSIGNMENTS, "raising", Assignment, [asked])
    store.write_part(CANDIDATES, "raising", Candidate, asked.candidates)
    found = replace(measurement("raising-c", outcome=before), problem_id="raising")
    store.write_part(MEASUREMENTS, "raising", Measurement, [found])
    actor = Troubled(output=str(tmp_path), pass_id="again", measure=MeasureConfig(max_retries=1))
    (counts,) = actor({"problem_id": ["raising"]})
    assert json.loads(counts["outcomes"][0]).keys() == {
        "ACCEPTED" if before is Outcome.ACCEPTED else "QUARANTINED"
    }
    is_lost = before is not Outcome.ACCEPTED
    assert (bool(counts["quarantine"][0]), bool(read_quarantine(store))) == (is_lost, is_lost)


@pytest.mark.ray
def test_problem_that_kills_its_actor_costs_that_problem_alone(
    cluster: None, tmp_path: Path
) -> None:
    fine = [f"p{index}" for index in range(6)]
    names = ["deadly", *fine[:3], "raising", "faulty", *fine[3:]]
    with pytest.raises(RuntimeError, match=r"quarantined, more than run.max_quarantined = 0.2 all"):
        sample(tmp_path, names, max_quarantined=0.2)
    store = Store(str(tmp_path))
    assert store.part_keys(MEASUREMENTS) <= set(fine), "the lost ones are tried again"
    assert read_quarantine(store) == []
    told = sample(tmp_path, names)
    assert (told[-1].num_done, told[-1].num_quarantined) == (9, 3)
    rows = {row.problem_id: row for row in read_rows(str(tmp_path)).measurements}
    assert list(rows) == names
    assert {rows[name].outcome for name in fine} == {Outcome.ACCEPTED}
    assert [rows[name].outcome.value for name in ("deadly", "raising", "faulty")] == [
        "QUARANTINED", "QUARANTINED", "FAULTY_PROBLEM",
    ]  # fmt: skip
    table = {row.problem_id: row for row in store.iter_records("quarantine.parquet", Quarantined)}
    assert {name: (row.stage, row.reason, row.num_tries) for name, row in table.items()} == {
        "deadly": ("measure", "its actor died without a word, each time", 2),
        "raising": ("measure", "KeyError: 'nobody thought of this'", 2),
        "faulty": ("measure", "its reference fails its tests", 1),
    }
    assert all(row.host_id == platform.node() for row in table.values())
    assert re.fullmatch(r"sandbox \w{8} \(process \d+\)", table["deadly"].actor)
    said = [fault for progress in told for fault in progress.faults]
    assert any(
        re.fullmatch(r"problem deadly: quarantined in measure after 2 tries: .+ on .+", fault)
        for fault in said
    )
    assert not store.exists("tries")


@pytest.mark.ray
def test_error_that_is_the_machines_names_problem_actor_and_node(
    cluster: None, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError) as told:
        sample(tmp_path, ["disk"])
    assert re.fullmatch(
        r"generating and measuring stopped after 0 of 1 problems: sandbox \w{8} \(process \d+\) on "
        rf"{platform.node()}, problem disk: OSError: no space left on device; what is done .+",
        str(told.value),
    )


@pytest.mark.ray
@pytest.mark.parametrize("at_start", [True, False], ids=["in init", "in call"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no weights in /x;\n  give\nmore"), "ValueError: no weights in /x; give more"),
        (RuntimeError("problem p7: vLLM refused it"), "RuntimeError: problem p7: vLLM refused it"),
        (AssertionError(), "AssertionError"),
    ],
)  # fmt: skip
def test_error_of_an_actor_is_told_as_it_was_raised(
    cluster: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
    at_start: bool,
) -> None:
    def dataset(one: Any, *_: Any) -> Any:
        return ray.data.from_items([{"problem_id": name} for name in one.waiting]).map_batches(
            Raises,
            batch_size=1,
            compute=ActorPoolStrategy(size=1),
            fn_constructor_kwargs={"error": error, "at_start": at_start},
        )

    monkeypatch.setattr(pipeline, "_dataset", dataset)
    monkeypatch.setattr(pipeline, "_require_resources", lambda engines, sandboxes: None)
    with pytest.raises(RuntimeError) as told:
        sample_and_measure(
            [make_assignment("p7")],
            engines=None,
            sandboxes=SANDBOXES,
            output=str(tmp_path),
            on_progress=lambda _: None,
        )
    assert str(told.value) == (
        f"generating and measuring stopped after 0 of 1 problems: {said}; what is done is kept, "
        "the same command goes on from there"
    )
