"""Are k sandbox cores k times as fast? On one simulated core, then on k of several nodes.

    python -m benchmarks.measure_scaling --json FILE [--nodes 4] [--cores 2] [--problems 24]
        [--seconds 2] [--quick]

The pipeline of `skeldpo measure` gives recorded problems (`benchmarks.recorded`) to actors that
sleep where a sandbox would run programs, so that a machine can stand for many: nodes are Ray's own
(`ray.cluster_utils`), each with its sandbox cores. There are `--problems` for each core, and one
takes between half of `--seconds` and one and a half times them: at the end cores wait for the last
one, which with few problems a core is much of the time. `problems_per_s_K` is the rate on K cores,
from the first problem's beginning to the last one's end; `speedup` over one core is to be at least
0.9 k, `speedup_per_core` is it over k; `fewest_problems` is what the least used core measured,
`sleeping` the share of all cores' time in which they slept as asked.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from benchmarks.recorded import RecordedMeasurer, make_assignment, make_candidates, make_problem
from skeldpo.accounts.core_use import CORE_USE, CoreUse, core_shares
from skeldpo.config import EvaluateConfig, MeasureConfig
from skeldpo.connection import SANDBOX_RESOURCE
from skeldpo.pipeline import Sandboxes, sample_and_measure
from skeldpo.records import Assignment
from skeldpo.storage.store import Store

SECONDS_FILE = "seconds.json"


def main() -> None:
    options = _options()
    num_cores = options.nodes * options.cores
    figures: dict[str, float] = {}
    for nodes, cores in ((1, 1), (options.nodes, options.cores)):
        k = nodes * cores
        one = measure(nodes, cores, options.seconds, options.problems)
        figures |= {
            f"problems_per_s_{k}": one.problems_per_s,
            f"fewest_problems_{k}": one.fewest_problems,
            f"sleeping_{k}": one.sleeping,
        }
        print(f"{k} cores on {nodes} nodes: {one}", flush=True)
    speedup = figures[f"problems_per_s_{num_cores}"] / figures["problems_per_s_1"]
    figures |= {"speedup": speedup, "speedup_per_core": speedup / num_cores}
    print(f"speedup on {num_cores} cores: {speedup:.2f}, a core {speedup / num_cores:.3f}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the cores did (see the module)."""

    problems_per_s: float
    fewest_problems: int
    sleeping: float


def measure(num_nodes: int, cores_per_node: int, seconds: float, problems_a_core: int) -> Measured:
    """So many problems for each core, on a cluster that is made for it."""
    ray.shutdown()
    cluster = Cluster(initialize_head=True, head_node_args=node_arguments(0))
    try:
        for _ in range(num_nodes):
            cluster.add_node(**node_arguments(cores_per_node))
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        with tempfile.TemporaryDirectory() as folder:
            assignments = list(given_assignments(num_nodes * cores_per_node * problems_a_core))
            rng = random.Random(0)
            drawn = [rng.uniform(0.5, 1.5) for _ in assignments]
            # The same mean, however many are drawn.
            factor = seconds * len(drawn) / sum(drawn)
            lasting = {
                assignment.problem.problem_id: factor * share
                for assignment, share in zip(assignments, drawn, strict=True)
            }
            store = Store(folder)
            store.write_text(SECONDS_FILE, json.dumps(lasting))
            sample_and_measure(
                assignments,
                engines=None,
                sandboxes=Sandboxes(
                    measure=MeasureConfig(), evaluate=EvaluateConfig(), measurer=SleepingMeasurer
                ),
                output=folder,
                on_progress=lambda progress: None,
            )
            return _measured(list(store.iter_records(f"{CORE_USE}.parquet", CoreUse)))
    finally:
        ray.shutdown()
        cluster.shutdown()


class SleepingMeasurer:
    """A RecordedMeasurer that sleeps for as long as the programs of a problem are to take."""

    def __init__(self, *, output: str, pass_id: str, **_: Any) -> None:
        self._recorded = RecordedMeasurer(output=output)
        self._store = Store(output)
        self._seconds: dict[str, float] = json.loads(self._store.read_text(SECONDS_FILE))
        self._row = CoreUse(
            problem_id="",
            pass_id=pass_id,
            actor_id=ray.get_runtime_context().get_actor_id(),
            host_id=f"{platform.node()} {ray.get_runtime_context().get_node_id()}",
            core=0,
            held_from_s=time.time(),
            begun_s=0.0,
            ended_s=0.0,
            program_cpu_s=0.0,
            input_cpu_s=0.0,
        )

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[Any]]]:
        (key,) = map(str, batch["problem_id"])
        begun_s = time.time()
        time.sleep(self._seconds[key])
        (row,) = self._recorded(batch)
        self._row = replace(
            self._row,
            problem_id=key,
            held_from_s=self._row.ended_s or self._row.held_from_s,
            begun_s=begun_s,
            ended_s=time.time(),
            program_cpu_s=self._seconds[key],
        )
        self._store.write_part(CORE_USE, key, CoreUse, [self._row])
        yield row


def _measured(rows: Sequence[CoreUse]) -> Measured:
    shares = core_shares(rows)
    assert shares is not None
    seconds = max(row.ended_s for row in rows) - min(row.begun_s for row in rows)
    return Measured(
        problems_per_s=len(rows) / seconds,
        fewest_problems=min(Counter(row.actor_id for row in rows).values()),
        sleeping=shares.programs,
    )


def given_assignments(num_problems: int) -> Iterator[Assignment]:
    """Recorded problems that bring their candidates."""
    for number in range(num_problems):
        problem = make_problem(number)
        candidates = tuple(make_candidates(problem))
        yield replace(make_assignment(problem), num_samples=0, candidates=candidates)


def node_arguments(num_sandbox_cores: int) -> dict[str, Any]:
    """Of a simulated node, for `ray.cluster_utils.Cluster`."""
    return {
        "num_cpus": 1,
        "resources": {SANDBOX_RESOURCE: num_sandbox_cores} if num_sandbox_cores else {},
        "object_store_memory": 100 << 20,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--cores", type=int, default=2, help="sandbox cores of a node")
    parser.add_argument("--problems", type=int, default=24, help="for each sandbox core")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a problem, on average")
    parser.add_argument("--quick", action="store_true", help="two nodes, a second a problem")
    options = parser.parse_args()
    if options.quick:
        options.nodes, options.seconds, options.problems = 2, 1.0, 8
    return options


if __name__ == "__main__":
    main()
