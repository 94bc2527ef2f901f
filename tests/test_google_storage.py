"""Google Cloud Storage: rows, policies through the cache of a node, and what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from google_server import BUCKET, serve_google_storage
from sample_records import SAMPLED

from skeldpo.checkpoints import load_checkpoint, local_folder, push_checkpoint
from skeldpo.probe import try_storage
from skeldpo.records import Candidate
from skeldpo.storage.node_cache import CACHE_VARIABLE
from skeldpo.storage.store import CHUNK_ROWS, Store

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, serve_google_storage(patch):
        yield


def _url(name: str) -> str:
    return f"gs://{BUCKET}/{name}"


def test_rows_are_written_listed_read_and_removed() -> None:
    store = Store(_url("rows"))
    assert store.part_keys("t") == set()
    rows = [replace(SAMPLED, candidate_id=str(i)) for i in range(2 * CHUNK_ROWS)]
    store.write_part("t", "p1", Candidate, rows)
    store.write_part("t", "p 2%ü", Candidate, rows[:1])
    assert store.part_keys("t") == {"p1", "p 2%ü"}
    assert store.read_part("t", "p1", Candidate) == rows
    store.write_part("t", "p1", Candidate, rows[:3])
    assert store.read_part("t", "p1", Candidate) == rows[:3]
    store.remove("t.parts")
    assert not store.has_part("t", "p1") and store.part_keys("t") == set()


def test_file_of_several_chunks_is_whole() -> None:
    store, content = Store(_url("large")), bytes(range(256)) * (80 << 10)
    store.write_bytes("model", content)
    assert store.read_bytes("model") == content


def test_policy_goes_there_and_comes_back_to_a_nodes_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "policy"
    (folder / "adapter").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "adapter" / "adapter.safetensors").write_bytes(b"a" * 100)
    (folder / "model.safetensors").write_bytes(b"w" * 1000)
    policy = load_checkpoint(str(folder))
    pushed = push_checkpoint(policy, _url("runs/policy"))
    assert load_checkpoint(_url("runs/policy")) == pushed and pushed.model_id == policy.model_id
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    fetched = Path(local_folder(pushed))
    assert fetched.is_relative_to(tmp_path / "cache")
    for name in ("config.json", "model.safetensors", "adapter/adapter.safetensors"):
        assert (fetched / name).read_bytes() == (folder / name).read_bytes()


def test_start_says_whether_it_can_be_used() -> None:
    assert "wrote, read and removed" in try_storage(_url("run"))
    assert Store(_url("run")).part_keys("") == set()
    with pytest.raises(RuntimeError, match=r"cannot write gs://none/run"):
        try_storage("gs://none/run")
