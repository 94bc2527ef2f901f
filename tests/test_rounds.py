"""Rounds with scripted sampling and training in the place of engines, sandboxes and workers: they
are killed, extended and given other files; the folder, its books and the report are real."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_run import make_config, make_problem, sample_heldout, sample_training, step_rows

from skeldpo.accounts.quarantine import (
    Quarantined,
    finished_quarantine,
    keep,
    write_quarantine,
)
from skeldpo.checkpoints import Checkpoint, load_checkpoint
from skeldpo.cli import main
from skeldpo.config import Config
from skeldpo.records import Assignment, Candidate, Measurement, Outcome, Problem
from skeldpo.report.summary import summarize_run
from skeldpo.rounds import driver, lease
from skeldpo.rounds.driver import run_rounds
from skeldpo.rounds.lease import driving
from skeldpo.rounds.stages import Stages
from skeldpo.storage.store import CANDIDATES, MEASUREMENTS, Store
from skeldpo.train import trainer
from skeldpo.train.reference import save_reference
from skeldpo.train.trainer import TrainResult

TRAIN, HELDOUT = 6, 3


class KilledError(BaseException):
    """The end of the process, as the rest of the program sees it: it does not."""


def write_policy(folder: str, weights: str) -> Checkpoint:
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, "config.json").write_text("{}")
    Path(folder, "model.safetensors").write_text(weights)
    return load_checkpoint(folder)


class World:
    """Everything around a run: its problem files, who writes programs, who trains."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, storage: Path) -> None:
        self.storage = storage
        self.monkeypatch = monkeypatch
        self.problems = [make_problem(f"train-{i}", "train") for i in range(TRAIN)]
        self.problems += [make_problem(f"held-{i}", "heldout_variant") for i in range(HELDOUT)]
        self.sampled: list[tuple[str, str]] = []
        self.trained: list[str] = []
        self.told: list[str] = []
        self.kill_after_problems = 10**9
        self.kill_before_manifest = ("", "")
        """Name and folder of a stage."""
        self.no_examples: dict[str, str] = {}
        self.machine = ""
        """Another one computes other weights from the same seed."""
        self._finish = Stages.finish
        monkeypatch.setattr(Stages, "finish", lambda *arguments: self.finish(*arguments))
        monkeypatch.setattr(lease, "SETTLE_S", 0.0)
        monkeypatch.setattr(driver, "connect_ray", lambda *_, **__: None)
        monkeypatch.setattr(driver, "check_storage", lambda *_: None)
        monkeypatch.setattr(driver, "load_problems", lambda *_: list(self.problems))
        monkeypatch.setattr(driver, "sample_and_measure", self.sample_and_measure)
        monkeypatch.setattr(driver, "make_starting_checkpoint", self.make_starting_checkpoint)
        monkeypatch.setattr(trainer, "train_checkpoint", self.train_checkpoint)

    def config(self, num_rounds: int) -> Config:
        made = make_config(str(self.storage)).model_dump()
        made["run"]["num_rounds"] = num_rounds
        made["problems"]["num_train"] = TRAIN
        made["generate"]["num_samples"] = 5
        made["generate"]["programs"] = "policy"
        made["evaluate"]["num_bootstrap"] = 100
        return Config.model_validate(made)

    def run(self, num_rounds: int = 2) -> Store:
        return run_rounds(self.config(num_rounds), self.told.append)

    def make_starting_checkpoint(
        self, config: Config, problems: Sequence[Problem], folder: str, tell: Any
    ) -> Checkpoint:
        return write_policy(folder, "start")

    def sample_and_measure(
        self, assignments: Iterable[Assignment], *, engines: Any, sandboxes: Any, output: str,
        on_progress: Any, limits: Any,
    ) -> None:  # fmt: skip
        store, keys = Store(output, visible_within_s=0), []
        for asked in assignments:
            key = asked.problem.problem_id
            keys.append(key)
            if store.has_part(MEASUREMENTS, key):
                continue
            if len(self.sampled) >= self.kill_after_problems:
                raise KilledError
            make = sample_heldout if asked.purpose == "evaluate" else sample_training
            rng = random.Random(f"{key} {asked.round_index}")
            candidates, rows = make(asked.problem, asked.round_index, rng)
            author = engines.checkpoint.model_id
            candidates = [replace(c, model_id=author) if c.model_id else c for c in candidates]
            rows = [
                replace(row, outcome=Outcome.WRONG_ANSWER) if not row.outcome.is_verdict else row
                for row in rows
            ]
            store.write_part(CANDIDATES, key, Candidate, candidates)
            store.write_part(MEASUREMENTS, key, Measurement, rows)
            self.sampled.append((Path(output).name, key))
        store.join_parts(CANDIDATES, Candidate, keys)
        store.join_parts(MEASUREMENTS, Measurement, keys)

    def train_checkpoint(self, **asked: Any) -> TrainResult:
        self.trained.append(Path(asked["output_folder"]).parent.name)
        save_reference([], asked["reference_path"])
        Path(asked["storage_path"]).mkdir()
        Path(asked["storage_path"], "state").write_text("of Ray Train")
        return TrainResult(
            num_steps=4,
            num_examples=len(asked["rows"]),
            metrics=tuple(step_rows(4, random.Random(0))),
            round_metrics={},
            dropped=(),
            errors=self.no_examples,
            checkpoint=write_policy(asked["output_folder"], f"after {asked['seed']}{self.machine}"),
        )

    def finish(self, stages: Stages, stage: Any, *arguments: Any) -> None:
        if (stage.name, stage.place.folder) == self.kill_before_manifest:
            raise KilledError
        self._finish(stages, stage, *arguments)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch, tmp_path)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and content."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in files
    }


def manifest(store: Store, path: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(store.read_text(f"{path}.manifest.json"))
    return held


def test_finished_run_is_extended_and_what_it_has_is_not_touched(world: World) -> None:
    store = world.run(2)
    root = Path(store.root)
    assert (root / "closing-002" / "closing-evaluate.manifest.json").is_file()
    assert not (root / "round-003").exists()
    first = summarize_run(store)
    assert not first.missing and [policy.round_index for policy in first.policies] == [0, 1, 2]
    kept = ("round-000", "round-001", "round-002", "closing-002", "policy-0")
    before = {name: contents(root / name) for name in kept}
    asked = len(world.sampled)
    world.run(3)
    assert {name: contents(root / name) for name in kept} == before
    assert world.trained == ["round-001", "round-002", "round-003"]
    new = world.sampled[asked:]
    assert {folder for folder, _ in new} == {"round-003", "closing-003"}
    # Policy 2 was scored as the run closed: its held-out programs are not written again.
    assert {key for folder, key in new if folder == "round-003"} == {
        problem.problem_id for problem in world.problems if problem.split == "train"
    }
    third = manifest(store, "round-003/evaluate")
    assert third["num_in"] == manifest(store, "closing-002/closing-evaluate")["num_in"] == HELDOUT
    assert store.read_text("round-003/evaluation.json") == store.read_text(
        "closing-002/evaluation.json"
    )
    summary = summarize_run(store)
    assert not summary.missing and [policy.round_index for policy in summary.policies] == [
        0, 1, 2, 3,
    ]  # fmt: skip
    assert len(world.sampled) == len(set(world.sampled)), "a problem was sampled twice in a place"
    done = len(world.sampled)
    world.run(2)  # the shorter run has all it needs
    assert len(world.sampled) == done and len(world.trained) == 3


def test_extension_of_a_run_that_was_killed_while_it_closed(world: World) -> None:
    world.kill_after_problems = 2 * (TRAIN + HELDOUT) + 2
    with pytest.raises(KilledError):
        world.run(2)
    world.kill_after_problems = 10**9
    store = world.run(3)
    folders = [folder for folder, _ in world.sampled]
    assert (folders.count("closing-002"), folders.count("round-003")) == (2, 9)
    assert not summarize_run(store).missing


def test_killed_while_sampling_it_goes_on_with_the_problems_that_are_left(world: World) -> None:
    for num_problems in (4, TRAIN + HELDOUT + 1):
        world.kill_after_problems = num_problems
        with pytest.raises(KilledError):
            world.run(1)
    world.kill_after_problems = 10**9
    store = world.run(1)
    assert len(world.sampled) == len(set(world.sampled)) == TRAIN + 2 * HELDOUT
    held = manifest(store, "round-001/sample")
    assert held["num_in"] == HELDOUT * (2 + 4) + TRAIN * 5
    assert held["num_in"] == held["num_out"] and held["dropped"] == []


def test_killed_before_the_manifest_of_a_sample_stage_the_parts_are_kept(world: World) -> None:
    world.kill_before_manifest = ("sample", "round-001")
    with pytest.raises(KilledError):
        world.run(1)
    store = Store(str(world.storage / "made-up"))
    assert len(store.part_keys("round-001/measurements")) == len(world.sampled) == 9
    world.kill_before_manifest = ("evaluate", "round-001")
    with pytest.raises(KilledError):
        world.run(1)
    assert len(world.sampled) == 9 and store.exists("round-001/sample.manifest.json")
    assert not store.names("round-001/candidates.parts")
    assert not store.names("round-001/measurements.parts")


def test_lost_rows_are_an_error_and_not_a_shorter_table(world: World) -> None:
    """A part that vanishes as the table is joined; then a table that lacks a program."""
    write_part = Store.write_part

    def losing(store: Store, table: str, key: str, record: type, rows: Any) -> None:
        if (table, key) != (MEASUREMENTS, "train-3"):
            write_part(store, table, key, record, rows)

    world.monkeypatch.setattr(Store, "write_part", losing)
    with pytest.raises(RuntimeError, match="the rows of problem train-3 must be at"):
        world.run(1)
    store = Store(str(world.storage / "made-up"))
    assert not store.exists("round-001/sample.manifest.json")
    assert len(store.part_keys("round-001/measurements")) == 8

    def short(store: Store, table: str, key: str, record: type, rows: Any) -> None:
        kept = [r for r in rows if not getattr(r, "candidate_id", "").startswith("train-3-1-2")]
        write_part(store, table, key, record, kept)

    world.monkeypatch.setattr(Store, "write_part", short)
    with pytest.raises(RuntimeError, match="such as train-3: 5 asked for, 4 there"):
        world.run(1)
    assert not store.exists("round-001/sample.manifest.json")
    assert len(store.part_keys("round-001/measurements")) == 9


def test_what_changed_since_the_run_wrote_it_is_named_at_resume(world: World) -> None:
    root = Path(world.run(1).root)
    for path in (
        "round-001/candidates.parquet",
        "round-001/measurements.parquet",
        "round-001/pairs.parquet",
        "round-001/reference_logps.parquet",
        "round-001/evaluation.json",
        "round-001/policy/model.safetensors",
        "policy-0/model.safetensors",
        "problems.parquet",
        "closing-001/measurements.parquet",
    ):
        whole = (root / path).read_bytes()
        (root / path).write_bytes(whole[:-3])
        named = path.removesuffix("/model.safetensors")
        with pytest.raises(ValueError, match=rf"{named}.* (is|are) not (what|those)"):
            world.run(1)
        (root / path).write_bytes(whole)
    world.run(1)


@pytest.mark.parametrize("name", ["policy-0.json", "problems.json", "config.json"])
@pytest.mark.parametrize("content", ["{}", '{"other": 1}'])
def test_file_of_a_run_that_lacks_what_was_in_it_is_named(
    world: World, name: str, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = world.run(1)
    store.write_text(name, content)
    with pytest.raises(ValueError, match=name):
        world.run(1)
    for command in ("answers", "inspect"):
        file = "/pairs.parquet" if command == "inspect" else ""
        assert main([command, f"{store.root}/round-001{file}"]) == 0
        assert capsys.readouterr().out


def test_changed_problems_at_resume_are_named(world: World) -> None:
    world.kill_after_problems = 4
    with pytest.raises(KilledError):
        world.run(1)
    before = list(world.problems)
    changed = replace(before[4], reference="pass", checker="as_text")
    for problems, named in (
        ([*before[:4], changed, *before[5:]], r"train-4 \(changed: checker, reference\)"),
        ([*before[:4], *before[5:]], r"train-4 \(gone\)"),
        ([*before, make_problem("train-new", "train")], r"train-new \(new\)"),
        (before[::-1], r"train-0 \(moved\)"),
    ):
        world.problems = problems
        with pytest.raises(ValueError, match=f"1 problems are not those .* began with: {named}"):
            world.run(1)
    assert len(world.sampled) == 4
    world.problems = before
    with pytest.raises(KilledError):  # goes on, to where it is killed again
        world.run(1)


def test_mistake_that_ends_a_run_before_its_policy_is_there_can_be_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems, make_start = list(world.problems), world.make_starting_checkpoint
    mended = world.config(1).model_dump()
    mended["run"] |= {"seed": 7, "max_quarantined": 0.5}  # no run is refused for the second
    mended["generate"]["keep_engines"] = False

    def fail(config: Config, problems: Sequence[Problem], folder: str, tell: Any) -> Checkpoint:
        write_policy(f"{folder}/half", "of another model")
        raise ValueError("no such model")

    monkeypatch.setattr(driver, "make_starting_checkpoint", fail)
    world.problems = problems[1:]
    with pytest.raises(ValueError, match="no such model"):
        world.run(1)
    monkeypatch.setattr(driver, "make_starting_checkpoint", make_start)
    world.problems = problems
    store = run_rounds(Config.model_validate(mended), world.told.append)
    assert not store.exists("policy-0/half")
    assert json.loads(store.read_text("config.json"))["run"]["seed"] == 7
    assert {key for _, key in world.sampled} == {problem.problem_id for problem in problems}
    with pytest.raises(ValueError, match=r"another configuration \(run\.seed: 7 there, 0 now\)"):
        world.run(1)
    store.remove("round-000/start.manifest.json")  # as one does to have lost weights made again
    with pytest.raises(ValueError, match="another configuration"):
        world.run(1)
    held = store.read_json("config.json")
    held["generate"]["of_another_version"] = 1
    store.write_text("config.json", json.dumps(held))
    with pytest.raises(ValueError, match=r"unknown key generate\.of_another_.*another version of"):
        world.run(1)


@pytest.mark.parametrize("num_problems", [0, 4, 10**9])
def test_run_without_its_configuration_is_not_gone_on_with(world: World, num_problems: int) -> None:
    """As one may remove it where it says that another configuration made the run."""
    world.kill_after_problems = num_problems
    with contextlib.suppress(KilledError):
        world.run(1)
    world.kill_after_problems = 10**9
    path = world.storage / "made-up" / "config.json"
    held = path.read_bytes()
    path.unlink()
    num_sampled, other = len(world.sampled), world.config(1).model_dump()
    other["run"]["seed"] = 7
    for config in (Config.model_validate(other), world.config(1)):
        with pytest.raises(ValueError, match="made-up holds stages of a run, and no config.json"):
            run_rounds(config, world.told.append)
    assert len(world.sampled) == num_sampled and not path.exists()
    path.write_bytes(held)
    assert not summarize_run(world.run(1)).missing


def test_run_whose_folder_was_moved_goes_on(world: World) -> None:
    store = world.run(1)
    moved = world.storage / "elsewhere \u00e9"
    moved.mkdir()
    Path(store.root).rename(moved / "made-up")
    num_sampled = len(world.sampled)
    world.storage = moved
    assert world.run(1).root == str(moved / "made-up")
    assert world.trained == ["round-001"] and len(world.sampled) == num_sampled


def test_what_ray_train_left_is_there_until_the_manifest_is(world: World) -> None:
    world.kill_before_manifest = ("train", "round-001")
    with pytest.raises(KilledError):
        world.run(1)
    root = world.storage / "made-up" / "round-001"
    assert (root / "ray-train" / "state").is_file()
    assert (root / "policy" / "config.json").is_file()
    world.monkeypatch.setattr(
        trainer,
        "train_checkpoint",
        lambda **asked: TrainResult(
            num_steps=4,
            num_examples=len(asked["rows"]),
            metrics=tuple(step_rows(4, random.Random(0))),
            round_metrics={},
            dropped=(),
            checkpoint=load_checkpoint(asked["output_folder"]),
        ),
    )
    world.kill_before_manifest = ("", "")
    store = world.run(1)
    assert not (root / "ray-train").exists()
    assert len(summarize_run(store).training[0].steps) == 4


def test_problem_that_no_example_can_be_made_of_is_in_the_quarantine(world: World) -> None:
    world.no_examples = {"train-1": "ValueError: nobody thought of it"}
    store = world.run(1)
    (row,) = finished_quarantine(Store(store.location("round-001")))
    assert (row.problem_id, row.stage) == ("train-1", "train")
    assert row.reason == world.no_examples["train-1"]
    ((_, shown),) = summarize_run(store).quarantined
    assert shown == (row,)


def test_policy_that_is_asked_otherwise_since_the_run_began_is_named(world: World) -> None:
    world.kill_after_problems = 4
    with pytest.raises(KilledError):
        world.run(1)
    policy = world.storage / "made-up" / "policy-0"
    for name, content in (("chat_template.jinja", "{{ 1 }}"), ("config.json", '{"a": 1}')):
        whole = (policy / name).read_bytes() if (policy / name).exists() else None
        (policy / name).write_text(content)
        with pytest.raises(ValueError, match=f"^{name} in .*policy-0 changed since the run began"):
            world.run(1)
        (policy / name).write_bytes(whole) if whole else (policy / name).unlink()
    whole = (policy / "config.json").read_bytes()
    (policy / "config.json").unlink()
    with pytest.raises(ValueError, match=r"policy-0 has no config\.json"):
        world.run(1)
    (policy / "config.json").write_bytes(whole)
    policy.rename(policy.with_name("elsewhere"))
    with pytest.raises(ValueError, match=r"no such model folder: .*policy-0"):
        world.run(1)
    policy.with_name("elsewhere").rename(policy)
    (policy / "README.md").write_text("ours")
    assert len(world.sampled) == 4
    world.kill_after_problems = 10**9
    store = world.run(1)
    kept = store.read_json("policy-0.json")
    store.write_text(
        "policy-0.json", json.dumps({key: kept[key] for key in ("folder", "model_id")})
    )
    world.run(1)  # as of a version that kept no more


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        ("round-001/policy round-001/train.manifest.json", "round-002"),
        ("round-001 round-002", "closing-002"),
        ("round-002", "closing-002"),
    ],
)
def test_what_was_made_of_weights_that_are_made_anew_is_named(
    world: World, lost: str, kept: str
) -> None:
    root = Path(world.run(2).root)
    for path in lost.split():
        shutil.rmtree(root / path) if (root / path).is_dir() else (root / path).unlink()
    world.machine = " on another machine"
    with pytest.raises(ValueError, match=rf"{kept} holds programs of other weights"):
        world.run(2)
    assert not summarize_run(Store(str(root))).missing
    for folder in ("round-002", "closing-002"):
        shutil.rmtree(root / folder)
    world.run(2)
    held = json.loads((root / "closing-002" / "evaluation.json").read_text())
    assert held["provenance"]["model_id"] == load_checkpoint(f"{root}/round-002/policy").model_id


def test_weights_that_are_made_anew_and_are_the_same_go_on(world: World) -> None:
    root = Path(world.run(2).root)
    shutil.rmtree(root / "round-001" / "policy")
    (root / "round-001" / "train.manifest.json").unlink()
    num_sampled = len(world.sampled)
    world.run(2)
    assert len(world.sampled) == num_sampled and world.trained[2:] == ["round-001"]


def test_half_a_round_of_other_weights_is_not_gone_on_with(world: World) -> None:
    world.kill_after_problems = TRAIN + HELDOUT + 4
    with pytest.raises(KilledError):
        world.run(2)
    world.kill_after_problems = 10**9
    shutil.rmtree(world.storage / "made-up" / "round-001")
    world.machine = " on another machine"
    with pytest.raises(ValueError, match="round-002 holds programs of other weights"):
        world.run(2)
    assert {folder for folder, _ in world.sampled[-TRAIN - HELDOUT :]} == {"round-001"}


def test_evaluation_that_closed_a_run_of_other_weights_is_not_taken_over(world: World) -> None:
    shutil.rmtree(Path(world.run(1).root) / "round-001")
    world.machine = " on another machine"
    with pytest.raises(ValueError, match="closing-001 holds programs of other weights"):
        world.run(2)


def test_problem_that_was_given_up_as_the_run_closed_is_shown(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    store = world.run(1)
    row = Quarantined(
        problem_id="held-1", stage="measure", reason="its checker never ends", num_tries=3,
        host_id="node-4", actor="sandbox 7",
    )  # fmt: skip
    closing = Store(store.location("closing-001"))
    keep(closing, row)
    write_quarantine(closing, ["held-1"])
    for command in ("status", "report"):
        assert main([command, store.root]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "Quarantined problems (1)" in said and "never ends" in said
        assert "closing-1 measure" in said


def test_what_a_desktop_leaves_among_parts_is_no_part(world: World) -> None:
    world.kill_after_problems = 4
    with pytest.raises(KilledError):
        world.run(1)
    store = Store(str(world.storage / "made-up"))
    for folder in (CANDIDATES, MEASUREMENTS, "core_use", "assignments", "quarantine"):
        for name in (".DS_Store", "._held-0.parquet", "Thumbs.db", ".fuse_hidden01"):
            store.write_text(f"round-001/{folder}.parts/{name}", "no rows")
    (sample, *_) = summarize_run(store).missing
    assert (sample.num_written, sample.num_measured) == (4, 4)
    assert sum(sum(row.outcomes.values()) for row in summarize_run(store).verdicts) > 0
    assert main(["status", store.root]) == 0
    world.kill_after_problems = 10**9
    assert not summarize_run(world.run(1)).missing


def test_second_driver_changes_nothing(world: World) -> None:
    world.run(1)
    store = Store(str(world.storage / "made-up"))
    with driving(store, world.told.append):
        before = {k: v for k, v in contents(Path(store.root)).items() if k != lease.FILE}
        with pytest.raises(RuntimeError, match="is driven by process"):
            world.run(3)
        after = {k: v for k, v in contents(Path(store.root)).items() if k != lease.FILE}
        assert after == before
