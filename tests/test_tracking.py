"""Metric lines: kept over restarts, counted once, and a sink that lacks its package says so."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from skeldpo.config import TrackingConfig
from skeldpo.rounds.tracking import Tracker, read_metrics
from skeldpo.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(str(tmp_path))


def _tracker(store: Store, *backends: str) -> Tracker:
    return Tracker(store, TrackingConfig.model_validate({"backends": backends}), "run")


def test_log_writes_json_lines_and_goes_on_after_a_restart(store: Store) -> None:
    _tracker(store).log(1, [{"step": 0, "train/loss": 0.7}, {"step": 1, "train/loss": 0.6}])
    _tracker(store).log(2, [{"evaluate/pass@1": 0.5}])
    lines = [json.loads(line) for line in store.read_text("metrics.jsonl").splitlines()]
    assert [line["round"] for line in lines] == [1, 1, 2]
    assert [line.get("step") for line in lines] == [0, 1, None]
    assert lines[1]["train/loss"] == 0.6
    assert all(line["time"] > 1.7e9 for line in lines)
    assert read_metrics(store) == lines


def test_log_without_rows_leaves_a_readable_file(store: Store) -> None:
    _tracker(store).log(1, [])
    assert read_metrics(store) == []
    _tracker(store).log(1, [{"pair/efficiency": 1.0}])
    assert len(read_metrics(store)) == 1


def test_read_metrics_of_an_empty_run_is_empty(store: Store) -> None:
    assert read_metrics(store) == []


def test_read_metrics_counts_a_repeated_stage_once(store: Store) -> None:
    tracker = _tracker(store)
    tracker.log(1, [{"step": 0, "train/loss": 0.7}, {"sample/seconds": 1.0}])
    tracker.log(1, [{"step": 0, "train/loss": 0.5}, {"pair/seconds": 2.0}])
    tracker.log(2, [{"step": 0, "train/loss": 0.4}])
    rows = read_metrics(store)
    assert [row["train/loss"] for row in rows if "train/loss" in row] == [0.5, 0.4]
    assert len(rows) == 4


def test_training_that_is_repeated_with_fewer_steps_has_no_steps_of_the_one_before(
    store: Store,
) -> None:
    tracker = _tracker(store)
    tracker.log(1, [{"step": n, "loss": 0.7 - n / 100, "code/a": 1.0} for n in range(5)])
    tracker.log(1, [{"train/gap": 0.1}])
    tracker.log(2, [{"step": 0, "loss": 0.3}])
    tracker.log(1, [{"step": n, "loss": 0.6, "sft/a": 1.0} for n in range(2)])
    rows = [row for row in read_metrics(store) if "loss" in row]
    found = sorted((row["round"], row["step"], row["loss"]) for row in rows)
    assert found == [(1, 0, 0.6), (1, 1, 0.6), (2, 0, 0.3)]
    assert len(read_metrics(store)) == 4


@pytest.mark.parametrize("line", ['{"round": 1, "ti', "[]", "{}", '{"round": 1, "loss": null}'])
def test_damaged_line_is_named(store: Store, line: str) -> None:
    Tracker(store, TrackingConfig(), "a").log(1, [{"sample/seconds": 1.0}])
    store.write_text("metrics.jsonl", store.read_text("metrics.jsonl") + line)
    with pytest.raises(ValueError, match=r"metrics\.jsonl:2 is no line of metrics"):
        read_metrics(store)


def test_tensorboard_backend_writes_events(store: Store, tmp_path: Path) -> None:
    _tracker(store, "tensorboard").log(3, [{"step": 2, "loss": 0.7, "code/loss": 0.5}])
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert sorted(events.Tags()["scalars"]) == ["code/loss", "loss"]
    (scalar,) = events.Scalars("loss")
    assert scalar.step == 3_000_002
    assert scalar.value == pytest.approx(0.7)


@pytest.mark.parametrize("backend", ["wandb", "mlflow"])
def test_backend_that_is_not_installed_is_runtime_error(store: Store, backend: str) -> None:
    if importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is installed here")
    with pytest.raises(RuntimeError, match=rf"tracking\.backends names '{backend}'.*tracking"):
        _tracker(store, backend)


class _Wandb:
    """As W&B 0.31 does: what is logged at a step below the last one is dropped."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.axes: dict[str, str] = {}
        self._last = 0

    def init(self, **settings: Any) -> _Wandb:
        return self

    def define_metric(self, name: str, step_metric: str) -> None:
        self.axes[name] = step_metric

    def log(self, line: dict[str, Any], step: int | None = None) -> None:
        if step is None or step >= self._last:
            self._last = step or self._last
            self.kept.append(line)


class _Mlflow:
    """As MLflow 3.17 does: names of other characters are refused."""

    def __init__(self) -> None:
        self.kept: list[tuple[dict[str, float], int]] = []

    def set_experiment(self, name: str) -> None: ...

    def start_run(self, run_name: str) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        for name in metrics:
            if not re.fullmatch(r"[/\w.\- :]*", name):
                raise RuntimeError(f"Invalid value {name!r}: Names may only contain alphanumerics")
        self.kept.append((metrics, step))


def test_wandb_keeps_what_is_known_at_the_end_of_a_round(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = _Wandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    tracker = Tracker(store, TrackingConfig(backends=("wandb",)), "run")
    tracker.log(1, [{"step": 0, "loss": 0.7}, {"step": 5, "loss": 0.6}])
    tracker.log(1, [{"train/seconds": 44.0}])
    axis = wandb.axes["*"]
    assert [line[axis] for line in wandb.kept] == [1_000_000, 1_000_005, 1_000_000]
    assert wandb.kept[-1]["train/seconds"] == 44.0


def test_mlflow_is_given_names_that_it_takes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = _Mlflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    tracker = Tracker(store, TrackingConfig(backends=("mlflow",)), "run")
    tracker.log(2, [{"evaluate/heldout_variant/fast_1.2@1": 0.25, "loss": 0.7}])
    kept = {"evaluate/heldout_variant/fast_1.2_at_1": 0.25, "loss": 0.7}
    assert mlflow.kept == [(kept, 2_000_000)]
