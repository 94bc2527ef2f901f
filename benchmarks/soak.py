"""Soak of a run on a cluster whose parts are killed: the books must balance at the end.

    python -m benchmarks.soak --minutes 60 --seed 0 [--every 60 120] [--rounds 3] [--json FILE]
        [--engine-start "bash cluster/setup.sh engine"]

On a head and three nodes of this machine a driver runs `--rounds` rounds (benchmarks.soak_parts),
and then those of the next seed, until the minutes are over. At random moments a random part is
killed with SIGKILL: the driver, a node with all that is on it, an engine, a sandbox actor, a
training worker, a container. A driver that has ended for any reason is started again, with the same
command, at a random node. Then every seed is run once more, undisturbed. All must hold: a run ends;
each manifest's rows in are rows out and dropped, and its digests are those of the files; every
program once, with one verdict; the same programs, verdicts, times, pairs and training steps as in
the undisturbed run; no lease, part file, container or process left. Exit code 1 if anything is not
so. It needs a container engine, which is killed too where a command is given that starts it again:
a machine may share it. Never killed: the head, without which no cluster of Ray goes on.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.soak_books import book_faults, differences
from benchmarks.soak_cluster import (
    GONE_WITHIN_S,
    SoakCluster,
    own_containers,
    processes_below,
)
from benchmarks.soak_parts import write_inputs
from skeldpo.storage.store import Store

RUN_DEADLINE_S = 1800.0
"""Longest time that a run may take; one that takes longer counts as stuck."""
MAX_STARTS = 60
"""Of a driver, for one run."""
LOOK_EVERY_S = 0.5


@dataclass(slots=True)
class Tally:
    """What was done, and what was wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    runs: int = 0
    ended_by_error: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Killer:
    """Kills something every so many seconds, until it is told to stop."""

    def __init__(
        self, cluster: SoakCluster, every_s: tuple[float, float], seed: int, tally: Tally
    ) -> None:
        self._cluster = cluster
        self._every_s = every_s
        self._drawn = random.Random(f"kills {seed}")
        self._tally = tally
        self._begun_s = time.monotonic()
        self._next_s = self._later()

    def look(self, driver: subprocess.Popen[bytes], node: str) -> None:
        """Kills something if it is time to; the driver with its node."""
        if time.monotonic() < self._next_s:
            return
        targets = self._cluster.targets()
        targets["driver"] = [lambda: _kill_driver(driver)]
        kind = self._drawn.choice(sorted(targets))
        what = self._drawn.choice(targets[kind])()
        if node not in self._cluster.nodes:
            what += f" and {_kill_driver(driver)}, the driver"
        self._tally.kills[kind] += 1
        say(f"{time.monotonic() - self._begun_s:.0f} s: killed {kind} {what}")
        self._next_s = self._later()

    def _later(self) -> float:
        return time.monotonic() + self._drawn.uniform(*self._every_s)


def main() -> int:
    """Parses the command line and runs the soak."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=float, nargs=2, default=(60.0, 120.0), metavar="SECONDS")
    parser.add_argument("--folder", help="kept at the end; else a temporary one")
    parser.add_argument("--engine-start", default="", metavar="COMMAND", help="kills it, too")
    parser.add_argument("--json", help="file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return run_soak(options, folder)


def run_soak(options: argparse.Namespace, folder: Path) -> int:
    """Exit code; prints a line of JSON."""
    write_inputs(folder)
    tally, begun_s = Tally(), time.monotonic()
    cluster = SoakCluster(options.seed, options.engine_start)
    try:
        killer = Killer(cluster, tuple(options.every), options.seed, tally)
        seeds: list[int] = []
        while not seeds or time.monotonic() - begun_s < 60 * options.minutes:
            seeds.append(options.seed + len(seeds))
            ended_s = begun_s + 60 * options.minutes

            def disturb(driver: subprocess.Popen[bytes], node: str, to_s: float = ended_s) -> None:
                if time.monotonic() < to_s:
                    killer.look(driver, node)

            drive(cluster, folder, f"soak-{seeds[-1]}", options, tally, disturb)
            tally.runs += 1
        disturbed_s = time.monotonic() - begun_s
        for seed in seeds:
            compare(cluster, folder, seed, options, tally)
    finally:
        cluster.shutdown()
    tally.faults += left_over()
    shown = {
        "seconds": round(disturbed_s, 1),
        "runs": tally.runs,
        "driver_starts": tally.starts,
        "kills": sum(tally.kills.values()),
        **{f"kills_{kind}": number for kind, number in sorted(tally.kills.items())},
        "drivers_ended_by_error": len(tally.ended_by_error),
        "faults": len(tally.faults),
    }
    for line in tally.ended_by_error:
        say(f"a driver ended: {line}")
    for fault in tally.faults:
        say(f"FAULT: {fault}")
    print(json.dumps(shown), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    return 1 if tally.faults else 0


def drive(  # noqa: PLR0913
    cluster: SoakCluster,
    folder: Path,
    name: str,
    options: argparse.Namespace,
    tally: Tally,
    disturb: Callable[[subprocess.Popen[bytes], str], None] | None,
) -> None:
    """Starts the driver of a run again and again until it ends well; RuntimeError if it is stuck,
    with the log's end."""
    deadline_s, drawn = time.monotonic() + RUN_DEADLINE_S, random.Random(name)
    log = folder / f"{name}.log"
    for _ in range(MAX_STARTS):
        node = drawn.choice(cluster.nodes) if disturb else cluster.head
        driver = _start_driver(cluster, folder, name, options, node, quick=disturb is None)
        tally.starts += 1
        say(f"{name}: driver {driver.pid} at {node}")
        while driver.poll() is None:
            if time.monotonic() > deadline_s:
                driver.kill()
                raise RuntimeError(f"{name} is stuck: {log.read_text()[-3000:]}")
            if disturb is not None:
                disturb(driver, node)
            for back in cluster.bring_back():
                say(f"{back} is back")
            time.sleep(LOOK_EVERY_S)
        if driver.returncode == 0:
            return
        if driver.returncode > 0:
            tally.ended_by_error.append(log.read_text().strip().rpartition("\n")[2][:600])
        time.sleep(1.0)
    raise RuntimeError(f"{name}: started {MAX_STARTS} times: {log.read_text()[-3000:]}")


def compare(
    cluster: SoakCluster, folder: Path, seed: int, options: argparse.Namespace, tally: Tally
) -> None:
    """Looks at the books of a run, and runs its seed once more for comparison."""
    name, runs = f"soak-{seed}", folder / "runs"
    store, undisturbed = Store(str(runs / name)), Store(str(runs / f"{name}-undisturbed"))
    drive(cluster, folder, f"{name}-undisturbed", options, tally, None)
    tally.faults += [f"{name}: {fault}" for fault in book_faults(store, options.rounds)]
    tally.faults += [f"{name}: {each}" for each in differences(store, undisturbed, options.rounds)]
    tally.faults += [
        f"undisturbed {name}: {fault}" for fault in book_faults(undisturbed, options.rounds)
    ]


def left_over() -> list[str]:
    """Processes and containers that are there although all nodes have ended."""
    deadline_s = time.monotonic() + GONE_WITHIN_S
    while True:
        found = [f"process {one.process_id} is left: {one.title[:80]}" for one in processes_below()]
        found += [f"container {key} is left" for key in own_containers()]
        if not found or time.monotonic() > deadline_s:
            return found
        time.sleep(1.0)


def say(line: str) -> None:
    """Shows a line at once."""
    print(line, flush=True)


def _start_driver(  # noqa: PLR0913
    cluster: SoakCluster,
    folder: Path,
    name: str,
    options: argparse.Namespace,
    node: str,
    quick: bool,
) -> subprocess.Popen[bytes]:
    seed = name.split("-")[1]
    command = [sys.executable, "-m", "benchmarks.soak_driver", "--folder", str(folder)]
    command += ["--name", name, "--seed", seed, "--rounds", str(options.rounds)]
    command += ["--address", cluster.address, "--at", node, *["--quick"] * quick]
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def _kill_driver(driver: subprocess.Popen[bytes]) -> str:
    driver.kill()
    return f"process {driver.pid}"


if __name__ == "__main__":
    sys.exit(main())
