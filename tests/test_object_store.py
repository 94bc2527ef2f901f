"""Runs on an S3 server: interrupted uploads, policies through the node's cache, and commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk
from made_run import MadeRun, make_config
from object_store import BUCKET, ObjectStore, serve_objects
from pair_rows import write_measured
from sample_records import SAMPLED
from test_evaluation import EVALUATION

from skeldpo.checkpoints import Checkpoint, load_checkpoint, local_folder, push_checkpoint
from skeldpo.cli import USER_ERROR, main
from skeldpo.commands import init_policy
from skeldpo.commands.serve_reward import serve_reward
from skeldpo.console import Display
from skeldpo.probe import answer_probe, try_storage
from skeldpo.records import Candidate
from skeldpo.starter import StarterResult
from skeldpo.storage.files import ObjectFiles, folder_and_name
from skeldpo.storage.node_cache import (
    CACHE_VARIABLE,
    INDEX,
    cache_folder,
    keep_folder,
    new_folder,
    push_folder,
)
from skeldpo.storage.store import CHUNK_ROWS, Store, run_root
from skeldpo.suites import of_run
from skeldpo.suites.evaluation import Evaluation, load_evaluation
from skeldpo.suites.given_programs import read_program_set
from skeldpo.suites.of_run import evaluate_suites, read_suite_scores, suite_folder
from skeldpo.suites.runner import SuiteRequest, file_digest
from skeldpo.suites.shown import save_and_show

NUM_BYTES = 12 << 20
"""More than a stream sends in one part."""
WRITE = f"""
import sys
from skeldpo.storage.files import open_files
with open_files(sys.argv[1]).written("table") as stream:
    stream.write(b"2" * {NUM_BYTES})
"""


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectStore]:
    with pytest.MonkeyPatch.context() as patch, serve_objects(patch) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def policy(tmp_path: Path) -> Checkpoint:
    """A folder with what a checkpoint is recognised by, and a folder in it."""
    folder = tmp_path / "policy"
    (folder / "adapter").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "empty.txt").write_text("")
    (folder / "adapter" / "adapter.safetensors").write_bytes(b"a" * 100)
    for name in ("model-1.safetensors", "model-2.safetensors"):
        (folder / name).write_bytes(name.encode() * 1000)
    return load_checkpoint(str(folder))


def _url(name: str) -> str:
    return f"s3://{BUCKET}/{name}"


@pytest.mark.parametrize(
    ("end", "before"), [(signal.SIGKILL, b""), (signal.SIGKILL, b"1"), (signal.SIGINT, b"1")]
)
def test_interrupted_upload_is_not_there_and_is_done_again(
    objects: ObjectStore, end: signal.Signals, before: bytes
) -> None:
    """A part waits at the server while the writer is ended: killed, it leaves what was there; asked
    to end, it leaves that or the whole."""
    store = Store(_url(f"interrupted-{end.name}-{len(before)}"))
    if before:
        store.write_bytes("table", before)
    objects.is_held.clear()
    objects.released.clear()
    objects.held = 2
    writer = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-c", WRITE, store.root],
        stderr=subprocess.PIPE,
    )
    assert objects.is_held.wait(60)
    writer.send_signal(end)
    if end is signal.SIGKILL:
        writer.wait(60)
    assert store.exists("table") == bool(before)
    objects.held = 0
    objects.released.set()
    assert writer.wait(60) != 0
    found = store.read_bytes("table") if store.exists("table") else b""
    whole = b"2" * NUM_BYTES
    assert found == before or (end is signal.SIGINT and found == whole)
    store.write_bytes("table", whole)
    assert store.read_bytes("table") == whole


def test_rows_are_there_by_name_before_they_are_listed(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "hidden_s", 2.0)
    store = Store(_url("late"))
    store.write_part("t", "p1", Candidate, [SAMPLED])
    assert store.part_keys("t") == set()
    assert store.has_part("t", "p1") and store.read_part("t", "p1", Candidate) == [SAMPLED]
    time.sleep(2.1)
    assert store.part_keys("t") == {"p1"}


def test_table_is_read_with_a_request_a_row_group(objects: ObjectStore) -> None:
    store, num_groups = Store(_url("table")), 4
    rows = [replace(SAMPLED, candidate_id=str(i)) for i in range(num_groups * CHUNK_ROWS)]
    store.write_records("t.parquet", Candidate, rows)
    assert store.read_records("t.parquet", Candidate) == rows
    assert objects.num_reads("table/t.parquet") <= num_groups + 2


def test_bucket_that_is_not_there_says_what_to_check(objects: ObjectStore) -> None:
    with pytest.raises(RuntimeError, match=r"cannot write s3://none/.*AWS_ENDPOINT_URL"):
        try_storage("s3://none/runs/a")


def test_policy_is_fetched_once_a_node_and_is_the_one_that_was_pushed(
    objects: ObjectStore, cache: Path, policy: Checkpoint
) -> None:
    url = _url("fetched/policy")
    pushed = push_checkpoint(policy, url)
    assert pushed == Checkpoint(folder=url, model_id=policy.model_id) == load_checkpoint(url)
    assert push_checkpoint(pushed, _url("elsewhere")) == pushed
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(local_folder(pushed))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and len(set(found)) == 1 and Path(found[0]).is_relative_to(cache)
    assert objects.num_reads("fetched/policy/model-1.safetensors") == 1
    there, here = (
        {path.relative_to(root): path.read_bytes() for path in Path(root).rglob("*.*")}
        for root in (policy.folder, found[0])
    )
    assert here == there
    Path(found[0], "model-1.safetensors").write_bytes(b"cut")
    assert local_folder(pushed) == found[0]
    assert load_checkpoint(found[0]).model_id == policy.model_id


def test_policy_without_weights_is_fetched_without_them(
    objects: ObjectStore, cache: Path, policy: Checkpoint
) -> None:
    pushed = push_checkpoint(policy, _url("text/policy"))
    folder = Path(local_folder(pushed, weights=False))
    assert (folder / "config.json").is_file() and not list(folder.glob("*.safetensors"))
    assert objects.num_reads("text/policy/model-1.safetensors") == 0
    whole = local_folder(pushed)
    assert whole != str(folder) and local_folder(pushed, weights=False) == whole


def test_policy_that_was_pushed_half_or_changed_is_refused(
    objects: ObjectStore, cache: Path, policy: Checkpoint
) -> None:
    url = _url("changed/policy")
    pushed = push_checkpoint(policy, url)
    Store(url).write_bytes("model-2.safetensors", b"other")
    with pytest.raises(RuntimeError, match=r"model-2\.safetensors: expected SHA-256 .*damaged"):
        local_folder(pushed)
    assert not [path for path in (cache / "folders").iterdir() if path.suffix != ".lock"]
    Path(policy.folder, "model-2.safetensors").write_bytes(b"trained on")
    push_checkpoint(load_checkpoint(policy.folder), url)
    with pytest.raises(RuntimeError, match=r"expected weights .*were replaced"):
        local_folder(pushed)
    Store(url).remove(INDEX)
    with pytest.raises(ValueError, match=r"changed/policy has no files\.json.*not whole"):
        load_checkpoint(url)
    for content in ('[{"path": "config.json"', '[{"path": "config.json"}]', "7"):
        Store(url).write_text(INDEX, content)
        with pytest.raises(ValueError, match=r"changed/policy/files\.json is damaged"):
            load_checkpoint(url)


def test_folder_that_a_node_pushed_is_not_fetched_by_it(
    objects: ObjectStore, cache: Path, policy: Checkpoint
) -> None:
    url = _url("made/policy")
    with new_folder() as folder:
        shutil.copytree(policy.folder, folder, dirs_exist_ok=True)
        keep_folder(folder, push_folder(folder, url))
    made = load_checkpoint(url)
    assert made.model_id == load_checkpoint(local_folder(made)).model_id == policy.model_id
    assert objects.num_reads("made/policy/model-1.safetensors") == 0


def test_what_a_node_did_not_use_for_a_day_is_removed(
    objects: ObjectStore, cache: Path, policy: Checkpoint, tmp_path: Path
) -> None:
    first = local_folder(push_checkpoint(policy, _url("old/policy")))
    os.utime(first, (0, 0))
    (cache / "folders" / "gone").symlink_to(tmp_path / "removed by another process meanwhile")
    (tmp_path / "policy" / "config.json").write_text('{"a": 1}')
    second = local_folder(push_checkpoint(policy, _url("new/policy")))
    assert not Path(first).exists() and Path(second).is_dir()
    assert cache_folder() == cache


def test_export_to_an_object_store_is_a_data_set_there(
    objects: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = tmp_path / "pairs.parquet"
    assert main(["pair", str(write_measured(tmp_path / "measured")), "--out", str(pairs)]) == 0
    export = ["export", str(pairs), "--format", "trl", "--out", _url("exported/trl")]
    assert main(export) == 0
    assert "dataset_info.json" in (names := Store(_url("exported/trl")).names(""))
    for name in names:
        content = Store(_url("exported/trl")).read_bytes(name)
        (tmp_path / "trl").mkdir(exist_ok=True)
        (tmp_path / "trl" / name).write_bytes(content)
    assert load_from_disk(str(tmp_path / "trl")).num_rows == 1
    assert main(export) == USER_ERROR
    assert "exported/trl exists already" in capsys.readouterr().err


def test_storage_that_is_a_file_or_leads_nowhere_is_refused_by_a_dry_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("notes")
    (tmp_path / "link").symlink_to(tmp_path / "unmounted")
    for name in ("file", "link"):
        with pytest.raises(RuntimeError, match=f"cannot write {tmp_path}/{name}/.skeldpo-probe-"):
            try_storage(str(tmp_path / name), "run")
    assert (tmp_path / "file").read_text() == "notes" and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", ["folder", "object store"])
def test_storage_is_tried_and_left_as_it_was(
    objects: ObjectStore, tmp_path: Path, kind: str
) -> None:
    root = str(tmp_path / "not" / "there") if kind == "folder" else _url("tried/run")
    said = try_storage(root)
    assert root in said and kind in said and "wrote, read and removed a token" in said
    assert not list(tmp_path.iterdir())
    assert Store(_url("tried/run")).names("") == []


def test_node_says_why_it_cannot_use_storage(objects: ObjectStore, tmp_path: Path) -> None:
    store = Store(_url("probed/run"))
    store.write_text("probe/1/driver", "token")
    assert answer_probe(store.root, "probe/1", "node", "token") == ""
    assert store.read_text("probe/1/node") == "token"
    assert "expected other, read 'token'" in answer_probe(store.root, "probe/1", "node", "other")
    apart = str(tmp_path / "apart")
    fault = answer_probe(apart, "probe/1", "node", "token", seen_after_s=0.1)
    assert "probe/1/driver, which the driver wrote, is not seen after 0.1 s" in fault
    assert not Path(apart).exists()
    assert "RuntimeError" not in fault and "none" in answer_probe(
        "s3://none/run", "probe/1", "node", "token", seen_after_s=0.1
    )


def test_commands_take_a_run_on_an_object_store(
    objects: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = MadeRun(make_config(_url("storage"))).whole().root
    for command in ("status", "report"):
        assert main([command, root]) == 0
        assert "round" in capsys.readouterr().out
    assert "<table" in Store(root).read_text("report.html")
    pairs = f"{root}/round-001/pairs.parquet"
    page = str(tmp_path / "pairs.html")
    assert main(["inspect", pairs, "--html", page]) == 0
    assert "times are not traced" not in capsys.readouterr().out and Path(page).is_file()
    assert main(["export", pairs, "--format", "trl", "--out", str(tmp_path / "trl")]) == 0
    assert main(["inspect", f"{root}/round-001/none.parquet"]) == 2
    assert "no file at s3://" in capsys.readouterr().err


def test_reports_of_suites_and_their_programs_are_at_urls(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a run with evaluate.suites, and `evaluate --out` and `compare`, read and write."""
    row = {"problem_id": "a", "sample_index": 0, "code": "def f():\n    return 1\n"}
    asked = []

    def write(policy: str, request: SuiteRequest, *_: Any) -> None:
        asked.append(policy)
        folder, name = folder_and_name(request.programs)
        Store(folder).write_text(name, json.dumps(row) + "\n{}\n")
        assert request.parts_folder == f"{folder}/.problems.parts"
        Store(request.parts_folder).write_text("scores/identity.txt", "left behind")

    def score(request: SuiteRequest, *_: Any) -> Evaluation:
        given = read_program_set(request.programs, ["a"])
        assert given.programs == {"a": (row["code"],)}
        assert given.left_out[0].place.startswith(request.programs)
        return replace(EVALUATION, provenance={"programs_sha256": file_digest(request.programs)})

    monkeypatch.setattr(of_run, "write_samples", write)
    monkeypatch.setattr(of_run, "evaluate_programs", score)
    monkeypatch.setattr(SuiteRequest, "load", lambda *_: None)
    config = make_config(_url("suites"))
    config = config.model_copy(
        update={"evaluate": config.evaluate.model_copy(update={"suites": {"problems": __file__}})}
    )
    store = Store(run_root(config.run.storage, config.run.name))
    checkpoint = Checkpoint(folder=store.location("policy-0"), model_id="m")
    for _ in range(2):
        evaluate_suites(config, checkpoint, store.location(suite_folder(0)), lambda line: None)
    assert asked == [checkpoint.folder]
    assert store.names(suite_folder(0)) == ["problems.json", "problems.samples.jsonl"]
    ((found),) = read_suite_scores(store, config)
    assert found.scores["pass@1"].value == 0.5
    report = store.location(f"{suite_folder(0)}/problems.json")
    assert main(["compare", report, report, "--page", store.location("compared.html")]) == 0
    assert "<table" in store.read_text("compared.html")
    save_and_show(load_evaluation(report), store.location("again.json"), Display())
    assert "<table" in store.read_text("again.html")
    assert main(["compare", store.location("none.json"), report]) == 2
    assert "no report at s3://" in capsys.readouterr().err


def test_starting_policy_is_put_at_an_url_and_a_journal_is_not(
    objects: ObjectStore, policy: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = StarterResult(
        folder="", num_parameters=1, num_problems=1, num_steps=1, num_tokens=1,
        first_loss=1.0, last_loss=0.5, training_s=1.0,
    )  # fmt: skip

    def train(*, output_folder: str, **_: Any) -> StarterResult:
        shutil.copytree(policy.folder, output_folder, dirs_exist_ok=True)
        return replace(made, folder=output_folder)

    monkeypatch.setattr(init_policy, "train_starter", train)
    url = _url("starter")
    families = ["--set", 'problems.families=["two_sum"]']
    assert main(["init-policy", "--out", url, *families]) == 0
    assert load_checkpoint(url).model_id == policy.model_id
    with pytest.raises(ValueError, match="a folder of this machine, got s3://"):
        serve_reward(folder=url, problem_paths=(), overrides=(), display=Display())


def test_dry_run_and_doctor_try_the_storage(
    objects: ObjectStore, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", "jobs/configs/quickstart.toml", "--dry-run"]
    assert main(["run", *config, "--set", f"run.storage={_url('dry')}"]) == 0
    assert "storage: s3://runs/dry/quickstart, an object store at http" in capsys.readouterr().out
    assert main(["run", *config, "--set", "run.storage=s3://none/dry"]) == 1
    assert "cannot write s3://none/dry/quickstart" in capsys.readouterr().err
    assert main(["doctor", "--storage", "s3://none/dry"]) == 0
    assert "cannot write s3://none/dry" in " ".join(capsys.readouterr().out.split())


def test_streams_of_an_error_would_leave_half_an_object(objects: ObjectStore) -> None:
    """Why content waits in a file: the client's own stream ends what an error cut."""
    files = ObjectFiles(_url("half"))
    with pytest.raises(KeyError), files.files.open_output_stream(f"{BUCKET}/half/own") as stream:
        stream.write(b"half")
        raise KeyError
    with pytest.raises(KeyError), files.written("ours") as content:
        content.write(b"half")
        raise KeyError
    assert files.names("") == ["own"]


def test_index_names_every_file_of_a_policy(
    objects: ObjectStore, cache: Path, policy: Checkpoint
) -> None:
    push_checkpoint(policy, _url("indexed"))
    rows = json.loads(Store(_url("indexed")).read_text(INDEX))
    assert [row["path"] for row in rows] == [
        "adapter/adapter.safetensors",
        "config.json",
        "empty.txt",
        "model-1.safetensors",
        "model-2.safetensors",
    ]
