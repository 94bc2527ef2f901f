"""A hand-made ENAMEL file, and a `run` that calls programs here with times they name themselves.

Only programs of these tests are called; a program says what a call costs with `cost_ns(*args)`.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest
from skeldpo.suites.enamel import COLUMNS
from skeldpo.values import decode, encode

OVERHEAD_NS = 50_000
"""What every run costs beside the call."""
NS_PER_UNIT = 100_000
CHECKER = """def __check(input, answer, output):
    return type(output) == type(answer) and output == answer
"""
ROW = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(n: int) -> int:\n    """Twice n.\n    """',
    "input_generator": "def generate_input(size, lid, cid):\n    return size + cid,\n",
    "input_levels": "10 20 30 40",
    "reference_solution": f"    return 2 * n\n\ndef cost_ns(n):\n    return {NS_PER_UNIT} * n\n",
    "checker": CHECKER,
    "entry_point": "double",
}
PAIR_ROW = {
    "task_id": "HumanEval/1",
    "prompt": 'def halves(pair: tuple) -> tuple:\n    """Swap."""',
    "input_generator": (
        "def generate_input(size, lid, cid):\n    return (random.randint(0, size), {cid}),\n"
    ),
    "input_levels": "10 20 30 40",
    "reference_solution": "    return pair[::-1]\n",
    "checker": CHECKER,
    "entry_point": "halves",
}
UNUSED_ROW = {**ROW, "task_id": "HumanEval/2"}


def write_csv(path: Path, *rows: dict[str, str]) -> Path:
    """The rows as the suite's CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def program(ns_per_unit: int, body: str = "return 2 * n") -> str:
    """A sample for ROW, its time linear in n."""
    return f"def double(n):\n    {body}\n\ndef cost_ns(n):\n    return {ns_per_unit} * n\n"


def run_here(request: RunRequest) -> RunReport:
    """Calls the program in this process, with invented times; no sandbox."""
    names: dict[str, Any] = {"__name__": "program"}
    answers: list[str] = []
    cpu_time_ns = 0
    outcome, failure = Outcome.ACCEPTED, ""
    exec(compile(request.preamble, "<preamble>", "exec", dont_inherit=True), names)
    try:
        exec(compile(request.code, "<program>", "exec", dont_inherit=True), names)
        for text in request.input_texts:
            arguments = decode(text)
            cost: Any = names.get("cost_ns", lambda *given: 0)
            cpu_time_ns += OVERHEAD_NS + cost(*arguments)
            owner, _, name = request.entry_point.rpartition(".")
            call = getattr(names[owner](), name) if owner else names[name]
            answers.append(encode(call(*arguments)))
    except SyntaxError as error:
        outcome, failure = Outcome.COMPILE_ERROR, str(error)
    except Exception as error:
        outcome, failure = Outcome.RUNTIME_ERROR, f"{type(error).__name__}: {error}"
    if cpu_time_ns > request.cpu_limit_s * 1e9:
        outcome, failure = Outcome.TIME_LIMIT, "stopped at the time limit"
    return RunReport(
        outcome=outcome,
        answer_texts=tuple(answers),
        cpu_time_ns=cpu_time_ns,
        total_cpu_time_ns=cpu_time_ns,
        wall_time_ns=cpu_time_ns,
        peak_memory_bytes=1 << 20,
        failure=failure,
        run_delay_ns=0,
    )
