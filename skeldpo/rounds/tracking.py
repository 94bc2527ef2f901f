"""Metric lines of a run: `metrics.jsonl` always, TensorBoard, W&B and MLflow when asked.

A line is {"round", "step", "time", metrics...}; metric names are `stage/name`, of an optimizer step
also plain ones, such as the loss.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from skeldpo.config import TrackingConfig
from skeldpo.storage.files import is_url
from skeldpo.storage.scratch import scratch_folder
from skeldpo.storage.store import Store

_EVENTS = "tensorboard"
"""Folder of TensorBoard's event files in a run."""
_STEP = "global_step"
"""What W&B draws metrics over."""


class Tracker:
    """Writes metric lines; one per run, on the driver."""

    def __init__(self, store: Store, config: TrackingConfig, run_name: str) -> None:
        self._store = store
        self._lines: list[str] = []
        if store.exists("metrics.jsonl"):
            self._lines = store.read_text("metrics.jsonl").splitlines()
        self._sinks = [_open_sink(name, store, config, run_name) for name in config.backends]

    def log(self, round_index: int, rows: list[Mapping[str, float]]) -> None:
        """Adds rows; a row's "step" (if any) is its step within the round."""
        if not rows:
            return
        for row in rows:
            line = {"round": round_index, "time": round(time.time(), 3), **row}
            self._lines.append(json.dumps(line))
            for sink in self._sinks:
                sink(line)
        for sink in self._sinks:
            if isinstance(sink, _Events):
                sink.push()
        self._store.write_text("metrics.jsonl", "\n".join(self._lines) + "\n")


def read_metrics(store: Store) -> list[dict[str, float]]:
    """Every metric line of a run, oldest first; a stage that was repeated counts once: its last
    line for a round and step, and no further steps of a training before it."""
    if not store.exists("metrics.jsonl"):
        return []
    latest: dict[tuple[object, ...], dict[str, float]] = {}
    for number, text in enumerate(store.read_text("metrics.jsonl").splitlines(), start=1):
        try:
            line = json.loads(text)
            index, step = line["round"], line.get("step")
            for name, value in line.items():
                if not isinstance(value, int | float):
                    raise TypeError(f"{name} is {value!r}")
            names = () if step is not None else tuple(sorted(key for key in line if "/" in key))
            if step is not None and (index, step, ()) in latest:
                latest = {
                    key: row
                    for key, row in latest.items()
                    if key[0] != index or row.get("step", -1) < step
                }
            latest[(index, step, names[:1])] = line
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{store.location('metrics.jsonl')}:{number} is no line of metrics, it was changed "
                f"or cut short ({error!r}); take the line out"
            ) from error
    return list(latest.values())


class _Events:
    """A TensorBoard sink; flushed with every line, as the run may be killed at any time."""

    def __init__(self, store: Store) -> None:
        # Not tensorboardX: its flush does not wait for the queue, so last lines are lost.
        from torch.utils.tensorboard import SummaryWriter

        self._store = store
        # It appends to a file, which an object store cannot.
        self._block = contextlib.ExitStack()
        self._aside = self._block.enter_context(scratch_folder()) if is_url(store.root) else ""
        self._writer: Any = SummaryWriter(self._aside or store.location(_EVENTS))

    def push(self) -> None:
        """Puts the event file on the object store, if the run is on one."""
        if self._aside:
            for file in Path(self._aside).iterdir():
                self._store.write_bytes(f"{_EVENTS}/{file.name}", file.read_bytes())

    def __call__(self, line: Mapping[str, float]) -> None:
        for name, value in _metrics(line).items():
            self._writer.add_scalar(name, value, _global_step(line))
        self._writer.flush()


def _open_sink(
    name: str, store: Store, config: TrackingConfig, run_name: str
) -> Callable[[Mapping[str, float]], object]:
    try:
        if name == "tensorboard":
            return _Events(store)
        if name == "wandb":
            import wandb

            session = wandb.init(project=config.project, name=run_name, resume="allow", id=run_name)
            # Its own step may not go back, as a round's does for what is known at its end.
            session.define_metric("*", step_metric=_STEP)
            return lambda line: session.log({**line, _STEP: _global_step(line)})
        import mlflow

        mlflow.set_experiment(config.project)
        mlflow.start_run(run_name=run_name)
        return lambda line: mlflow.log_metrics(
            # It takes no "@" in a name.
            {name.replace("@", "_at_"): value for name, value in _metrics(line).items()},
            step=_global_step(line),
        )
    except ImportError as error:
        raise RuntimeError(
            f"tracking.backends names {name!r}, which is not installed ({error}); "
            "install skeldpo[tracking] or take it out"
        ) from error


def _metrics(line: Mapping[str, float]) -> dict[str, float]:
    """All of a line but where in the run it is."""
    return {name: value for name, value in line.items() if name not in ("round", "step", "time")}


def _global_step(line: Mapping[str, float]) -> int:
    return int(line["round"]) * 1_000_000 + int(line.get("step", 0))
