"""The whole run on real parts: killed twice, finished as a Ray job, and asked for once more.

Two families, one round, a starter of half a minute; about four minutes on two cores.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from own_lines import foreign_lines

from skeldpo.records import Candidate, Measurement, Outcome, PreferencePair, ReferenceLogps
from skeldpo.storage.store import Store, round_folder
from skeldpo.suites.evaluation import mean_scores, round_evaluation

pytestmark = [pytest.mark.ray, pytest.mark.vllm, pytest.mark.docker, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[1]
NUM_TRAIN, NUM_HELD_OUT, NUM_SAMPLES = 8, 5, 4
DEADLINE_S = 500
CONFIG = f"""
[run]
name = "small"
num_rounds = 1
storage = "STORAGE"

[policy]
model = "MODEL"
max_model_tokens = 480

[starter]
hidden_size = 96
num_layers = 3
num_heads = 3
num_epochs = 10.0
learning_rate = 0.02
prompt_weight = 0.05

[problems]
families = ["values_in_other_list", "two_sum"]
num_train = {NUM_TRAIN}
num_heldout_variants = {NUM_HELD_OUT}
num_heldout_families = 0

[generate]
num_samples = {NUM_SAMPLES}
max_tokens = 200
enforce_eager = true

[measure]
min_cpu_time_ms = 8.0
max_slow_ratio = 8.0

[pair]
min_speedup = 1.3

[train]
beta = 0.3
skeleton_weight = 0.7
learning_rate = 1e-4
pairs_per_step = 4

[evaluate]
num_samples = 2
"""


class Command:
    """`skeldpo run` in a session of its own, its output in a file."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "skeldpo.cli", "run", "--config", str(config)],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                start_new_session=True,
            )

    def kill_when(self, is_time: Callable[[], bool]) -> None:
        """SIGKILL to the driver and all it started, as soon as `is_time()`."""
        deadline_s = time.monotonic() + DEADLINE_S
        while not is_time():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline_s, self.log.read_text()[-3000:]
            time.sleep(0.2)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def finish(self) -> str:
        """The output of a run that ends well."""
        code = self.process.wait(timeout=DEADLINE_S)
        assert code == 0, self.log.read_text()[-3000:]
        return self.log.read_text()


def write_config(folder: Path, storage: Path, model: str) -> Path:
    path = folder / "small.toml"
    path.write_text(CONFIG.replace("STORAGE", str(storage)).replace("MODEL", model))
    return path


def submit_job(config: Path) -> str:
    """The output of the run as a Ray job on a local head of its own."""
    ports = {"RAY_PORT": "6399", "DASHBOARD_PORT": "8299", "AGENT_PORT": "52399",
             "CLIENT_PORT": "10099", "RAY_DIR": "/tmp/ray-test"}  # fmt: skip
    environment = {
        **os.environ,
        **ports,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    head = ["bash", "cluster/local_head.sh"]
    try:
        subprocess.run([*head, "start"], cwd=REPOSITORY, env=environment, check=True, timeout=300)
        submitted = subprocess.run(
            ["ray", "job", "submit", "--address", "http://127.0.0.1:8299", "--working-dir", ".",
             "--", "python", "-m", "jobs.run", "--config", str(config)],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=DEADLINE_S,
        )  # fmt: skip
        assert submitted.returncode == 0, submitted.stdout[-3000:] + submitted.stderr[-1000:]
    finally:
        subprocess.run([*head, "stop"], cwd=REPOSITORY, env=environment, check=True, timeout=120)
    return submitted.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """A run killed while sampling, when `num_measured` problems were measured, again before
    training, then submitted as a Ray job and asked for once more; the outputs of all four."""

    store: Store
    num_measured: int
    first: str
    second: str
    job: str
    last: str


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory) -> Killed:
    folder = tmp_path_factory.mktemp("run")
    config = write_config(folder, folder / "runs", "starter")
    store = Store(str(folder / "runs" / "small"))
    measured = f"{round_folder(1)}/measurements"
    first = Command(config, folder / "1.log")
    first.kill_when(lambda: len(store.part_keys(measured)) >= 3)
    num_measured = len(store.part_keys(measured))
    second = Command(config, folder / "2.log")
    second.kill_when(lambda: store.read_manifest(round_folder(1), "pair") is not None)
    job = submit_job(config)
    return Killed(
        store=store,
        num_measured=num_measured,
        first=first.log.read_text(),
        second=second.log.read_text(),
        job=job,
        last=Command(config, folder / "3.log").finish(),
    )


def test_finished_work_is_not_repeated(killed_run):
    second, job, last = killed_run.second, killed_run.job, killed_run.last
    total = NUM_TRAIN + NUM_HELD_OUT
    counts = re.search(rf"round 1: measured (\d+) of {total} problems", second)
    assert counts is not None
    # Workers live for a moment after their driver, so one more problem may have been committed.
    assert killed_run.num_measured <= int(counts.group(1)) < total
    assert "starter: step" not in second
    assert "round 1: sample was finished" in job
    assert "round 1: measured" not in job
    assert "round 1: train was finished" in last
    assert "measured" not in last and "starting the engine" not in last


def test_every_row_is_accounted_for(killed_run):
    store = killed_run.store
    for index, stages in ((0, ["start"]), (1, ["sample", "evaluate", "pair", "train"]), (2, [])):
        for stage in stages:
            assert store.read_manifest(round_folder(index), stage) is not None
    candidates = store.read_records(f"{round_folder(1)}/candidates.parquet", Candidate)
    sampled = Counter(c.problem_id for c in candidates if c.origin == "sampled")
    assert len(sampled) == NUM_TRAIN + NUM_HELD_OUT
    assert sum(sampled.values()) == NUM_TRAIN * NUM_SAMPLES + NUM_HELD_OUT * 2
    measurements = store.read_records(f"{round_folder(1)}/measurements.parquet", Measurement)
    verdicts = Counter(m.candidate_id for m in measurements if m.phase == "check")
    assert verdicts == Counter(c.candidate_id for c in candidates)
    assert not [m for m in measurements if m.outcome is Outcome.SANDBOX_FAILED]


def test_the_policy_writes_programs_and_the_round_trains_on_them(killed_run):
    store = killed_run.store
    before, after = round_evaluation(store, 1), round_evaluation(store, 2)
    assert before is not None
    assert after is not None
    assert mean_scores(before.problems)["pass@1"].value > 0.2
    assert before.provenance["model_id"] != after.provenance["model_id"]
    pairs = store.read_records(f"{round_folder(1)}/pairs.parquet", PreferencePair)
    logps = store.read_records(f"{round_folder(1)}/reference_logps.parquet", ReferenceLogps)
    assert {row.example_id for row in logps} == {pair.pair_id for pair in pairs}
    assert {row.model_id for row in logps} == {before.provenance["model_id"]}
    candidates = store.read_records(f"{round_folder(1)}/candidates.parquet", Candidate)
    ids = {c.candidate_id: c.completion_token_ids for c in candidates}
    for pair in pairs:
        assert pair.chosen.completion_token_ids == ids[pair.chosen.candidate_id]


def test_the_report_is_there(killed_run):
    assert "<html" in killed_run.store.read_text("report.html")
    assert "Pass@1" in killed_run.job and "Pass@1" in killed_run.last


def test_every_line_of_the_output_is_ours(killed_run):
    """Standard output and standard error, of two runs that were killed and one that ended well."""
    for output in (killed_run.first, killed_run.second, killed_run.last):
        assert foreign_lines(output) == []
    first = killed_run.first
    assert "starting the engine\n" in first and "engine ready after" in first
    assert "starting the engine" in killed_run.job  # the last round's


def test_another_configuration_is_refused_with_what_differs(killed_run, tmp_path):
    store = killed_run.store
    folder = Path(store.root).parent
    config = write_config(tmp_path, folder, "starter")
    arguments = ["run", "--config", str(config), "--set", "train.beta=0.5"]
    done = subprocess.run(
        [sys.executable, "-m", "skeldpo.cli", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "train.beta: 0.3 there, 0.5 now" in done.stderr
