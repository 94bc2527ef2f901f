"""What must hold of a run when it has ended, and of two runs of a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.soak_parts import NUM_HELD_OUT, NUM_HELD_OUT_SAMPLES, NUM_SAMPLES, NUM_TRAIN
from skeldpo.checkpoints import load_checkpoint
from skeldpo.records import Candidate, Measurement, PreferencePair, StageManifest
from skeldpo.report.summary import finished_stages, missing_stages
from skeldpo.rounds import alive, lease
from skeldpo.rounds.run_start import read_config
from skeldpo.rounds.stages import Place, closing_place, round_place
from skeldpo.rounds.tracking import read_metrics
from skeldpo.storage.by_problem import CANDIDATES_FILE, MEASUREMENTS_FILE
from skeldpo.storage.store import WEIGHTS, Store

_LEFT_OVER = ("actors", "tries", "ray-train", "assignments.parts", "candidates.parts",
              "measurements.parts", "core_use.parts", "pair.parts")  # fmt: skip


def book_faults(store: Store, num_rounds: int) -> list[str]:
    """What is wrong with a finished run."""
    config = read_config(store)
    faults = [f"{row.stage} of round {row.round_index} is missing"
              for row in missing_stages(store, config)]  # fmt: skip
    manifests = finished_stages(store, config)
    for manifest in manifests:
        faults += _manifest_faults(store, manifest, _folder(manifest))
    for index in range(1, num_rounds + 1):
        faults += _table_faults(store, round_place(index), NUM_TRAIN)
    faults += _table_faults(store, closing_place(num_rounds), 0)
    faults += [f"{name} is left" for name in (lease.FILE, alive.RUNNING, "probe")
               if store.exists(name)]  # fmt: skip
    for folder in {_folder(manifest) for manifest in manifests}:
        faults += [
            f"{folder}/{name} is left" for name in _LEFT_OVER if store.names(f"{folder}/{name}")
        ]
    return faults


def differences(store: Store, undisturbed: Store, num_rounds: int) -> list[str]:
    """Where the rows of two runs of a seed differ; moments and places aside."""
    pairs = zip(_contents(store, num_rounds), _contents(undisturbed, num_rounds), strict=True)
    return [
        f"{name}: {sum(own.values())} rows, {sum(other.values())} in the undisturbed run; only "
        f"here {[*(own - other)][:2]}, only there {[*(other - own)][:2]}"
        for (name, own), (_, other) in pairs
        if own != other
    ]


def _manifest_faults(store: Store, manifest: StageManifest, folder: str) -> list[str]:
    faults = []
    num_dropped = sum(row.num_rows for row in manifest.dropped)
    where = f"{folder} {manifest.stage}"
    if manifest.num_in != manifest.num_out + num_dropped:
        faults.append(f"{where}: {manifest.num_in} in, {manifest.num_out} + {num_dropped} out")
    for output in manifest.outputs:
        path = f"{folder}/{output.path}"
        is_weights = output.path == WEIGHTS
        found = load_checkpoint(store.location(path)).model_id if is_weights else store.digest(path)
        if found != output.digest:
            faults.append(f"{where}: {path} is not what was written")
    return faults


def _table_faults(store: Store, place: Place, num_train: int) -> list[str]:
    faults = []
    candidates = store.read_records(f"{place.folder}/{CANDIDATES_FILE}", Candidate)
    checks = [
        row
        for row in store.read_records(f"{place.folder}/{MEASUREMENTS_FILE}", Measurement)
        if row.phase == "check"
    ]
    written = Counter(row.problem_id for row in candidates if row.origin == "sampled")
    counts = Counter(written.values())
    expected = +Counter({NUM_HELD_OUT_SAMPLES: NUM_HELD_OUT, NUM_SAMPLES: num_train})
    if counts != expected:
        faults.append(f"{place.folder}: candidates a problem {dict(counts)}, not {dict(expected)}")
    ids = Counter(row.candidate_id for row in candidates)
    twice = [key for key, count in ids.items() if count > 1]
    faults += [f"{place.folder}: candidate {key} is there twice" for key in twice]
    if Counter(row.candidate_id for row in checks) != ids:
        faults.append(f"{place.folder}: {len(checks)} verdicts of {len(candidates)} candidates")
    lost = Counter(row.outcome.value for row in checks if not row.outcome.is_verdict)
    return faults + [f"{place.folder}: {n} programs are {name}" for name, n in lost.items()]


def _contents(store: Store, num_rounds: int) -> Iterator[tuple[str, Counter[Any]]]:
    """Rows by what a seed decides of them: ids hold the digest of weights, which sums of floats in
    another order change."""
    places = [*map(round_place, range(1, num_rounds + 1)), closing_place(num_rounds)]
    for place in places:
        candidates = store.read_records(f"{place.folder}/{CANDIDATES_FILE}", Candidate)
        named = {row.candidate_id: (row.problem_id, row.sample_index, row.code)
                 for row in candidates}  # fmt: skip
        yield f"{place.folder} candidates", Counter(named.values())
        rows = store.read_records(f"{place.folder}/{MEASUREMENTS_FILE}", Measurement)
        yield (
            f"{place.folder} measurements",
            Counter(
                (named[row.candidate_id], row.phase, row.outcome.value, row.cpu_times_ns)
                for row in rows
            ),
        )
    for index in range(1, num_rounds + 1):
        path = f"{round_place(index).folder}/pairs.parquet"
        yield (
            path,
            Counter(
                (row.problem_id, row.stage, row.chosen.code, row.rejected.code)
                for row in store.read_records(path, PreferencePair)
            ),
        )
    steps = Counter((row["round"], row["step"]) for row in read_metrics(store) if "step" in row)
    yield "training steps", steps


def _folder(manifest: StageManifest) -> str:
    index = manifest.round_index
    is_closing = manifest.stage.startswith("closing-")
    return (closing_place(index) if is_closing else round_place(index)).folder
