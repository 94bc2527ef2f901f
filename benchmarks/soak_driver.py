"""The driver of a soak's run, a process of its own: what `skeldpo run` does, with the parts of
`benchmarks.soak_parts`.

    python -m benchmarks.soak_driver --folder F --name NAME --seed S --rounds R --address A --at IP

It joins the cluster at the node of that IP address.
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from benchmarks.soak_parts import QuickEngine, ScriptedEngine, run_in_container, soak_config
from skeldpo.cli import run_guarded
from skeldpo.console import Display
from skeldpo.pipeline import Engines, Sandboxes, sample_and_measure
from skeldpo.records import Assignment
from skeldpo.report.page import write_report
from skeldpo.rounds.driver import run_rounds

PACE_S = 0.4
"""Before each program that runs in a container."""


def main() -> int:
    """Parses the command line and drives the run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--at", required=True)
    parser.add_argument("--quick", action="store_true", help="without the waits")
    options = parser.parse_args()
    return run_guarded(lambda display: _run(options, display))


def _run(options: argparse.Namespace, display: Display) -> None:
    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    ray.init(
        address=options.address,
        _node_ip_address=options.at,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    config = soak_config(options.folder, options.name, options.seed, options.rounds)
    engine = QuickEngine if options.quick else ScriptedEngine
    session = functools.partial(run_in_container, pace_s=0.0 if options.quick else PACE_S)

    def sample(
        assignments: Iterable[Assignment],
        *,
        engines: Engines,
        sandboxes: Sandboxes,
        **asked: Any,
    ) -> float:
        return sample_and_measure(
            assignments,
            engines=replace(engines, engine=engine),
            sandboxes=replace(sandboxes, session=session),
            **asked,
        )

    write_report(run_rounds(config, display.tell, sample))


if __name__ == "__main__":
    sys.exit(main())
