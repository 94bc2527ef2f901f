"""EvalPlus's own verdicts, from its own functions. Runs with an interpreter that has EvalPlus:

    MBPP_OVERRIDE_PATH=MbppPlus.jsonl.gz PYTHON benchmarks/evalplus_own.py PROGRAMS VERDICTS WORKERS

PROGRAMS has rows of `task_id` and `solution`; VERDICTS gets, in their order, rows of `base` and
`plus` (base and extra tests): "pass", "fail" or "timeout". A program that fails on the base tests
is not run on the extra ones. Imports nothing of this project.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from evalplus.data import get_mbpp_plus
from evalplus.eval import PASS, untrusted_check
from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
from evalplus.gen.util import trusted_exec

MIN_TIME_LIMIT_S = 4.0
"""A test's; EvalPlus's default is 1 s, which a machine with other work may spend waiting."""

_Task = dict[str, Any]


def main() -> None:
    """Answers all tasks with their canonical solutions, then judges all programs."""
    programs_path, verdicts_path, num_workers = sys.argv[1:4]
    programs = [json.loads(line) for line in Path(programs_path).read_text().splitlines()]
    wanted = {program["task_id"] for program in programs}
    tasks = {key: task for key, task in get_mbpp_plus().items() if key in wanted}
    with ProcessPoolExecutor(int(num_workers)) as pool:
        answered = dict(zip(tasks, pool.map(_answered, tasks.values()), strict=True))
        given = [(answered[program["task_id"]], program["solution"]) for program in programs]
        with Path(verdicts_path).open("w") as file:
            for verdict in pool.map(_judged, given, chunksize=4):
                file.write(json.dumps(verdict) + "\n")


def _answered(task: _Task) -> _Task:
    """The task with `expected` and times of the canonical solution, as evalplus.evaluate has it."""
    made: _Task = {key: task[key] for key in ("entry_point", "base_input", "plus_input", "atol")}
    for part in ("base", "plus"):
        with contextlib.redirect_stdout(io.StringIO()):
            made[part], made[f"{part}_time"] = trusted_exec(
                task["prompt"] + task["canonical_solution"],
                task[f"{part}_input"],
                task["entry_point"],
                record_time=True,
                output_not_none=task["entry_point"] in MBPP_OUTPUT_NOT_NONE_TASKS,
            )
    return made


def _judged(given: tuple[_Task, str]) -> dict[str, str]:
    task, solution = given
    verdict = {"base": "", "plus": ""}
    for part in verdict:
        status, _ = untrusted_check(
            "mbpp",
            solution,
            task[f"{part}_input"],
            task["entry_point"],
            expected=task[part],
            atol=task["atol"],
            ref_time=task[f"{part}_time"],
            fast_check=True,
            min_time_limit=MIN_TIME_LIMIT_S,
        )
        verdict[part] = status
        if status != PASS:
            break
    verdict["plus"] = verdict["plus"] or verdict["base"]
    return verdict


if __name__ == "__main__":
    main()
