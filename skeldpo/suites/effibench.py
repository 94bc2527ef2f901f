"""EffiBench (arXiv 2402.02037): its rows as problems with the canonical solution as the reference.

A row's asserts are read as data; a row with other tests (lists linked by hand, tolerances) is
listed. Each test calls a fresh `Solution`, and answers are compared on the host. Time and memory
are those of all tests in one process: CPU time where the suite takes the wall clock, and without
the interpreter's start.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from skeldpo.problems.asserts import assert_examples, parse_asserts
from skeldpo.records import KnownProgram, Measurement, Problem
from skeldpo.suites.contract import Judged, Protocol, Scores, Suite, SuiteProblems
from skeldpo.suites.data_rows import suite_rows
from skeldpo.suites.evaluation import LeftOut, SampleResult
from skeldpo.suites.metrics import Usage, effibench_overheads
from skeldpo.suites.scoring import (
    pass_scores,
    placed_samples,
    reference_timings,
    relative_to,
    unscored_note,
    untimed_notes,
)
from skeldpo.timing import estimate_ns

NAME = "effibench"
HUB_ID = "DONG19/EffiBench"
HUB_SPLIT = "train"
COLUMNS = ("problem_idx", "markdown_description", "canonical_solution", "test_case")
MIB = 1 << 20  # what the suite's own sampler calls a MB
NO_MEMORY = "right, but it has no memory figure: it counts in pass@k"
_OWNER = "Solution"
_OBJECT = "solution"
_STARRED = (
    "typing bisect collections copy datetime heapq math re string random itertools functools "
    "operator"
)
"""Modules whose names the suite gives every program, in its order: later ones hide earlier."""
_NAMED = "string re datetime collections heapq bisect copy math random itertools functools operator"
_NODES = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next


class TreeNode:
    def __init__(self, val=0, left=None, right=None, next=None):
        self.val, self.left, self.right, self.next = val, left, right, next
"""
PRELUDE = "\n".join(
    [f"from {name} import *" for name in _STARRED.split()]
    + [f"import {name}" for name in _NAMED.split()]
    + [_NODES]
)


def load_effibench(source: str) -> SuiteProblems:
    """The problems of a local file of rows, or of a Hugging Face dataset with such rows.

    ValueError when it has no row that can be used; others are listed in the suite.
    """
    problems: dict[str, Problem] = {}
    left_out: list[LeftOut] = []
    for line in suite_rows(source, HUB_SPLIT):
        row = line.row or {}
        key = str(row.get("problem_idx", ""))
        try:
            if line.row is None:
                raise ValueError(line.reason)
            if key in problems:
                raise ValueError("this problem_idx is there twice; the first counts")
            problems[key] = _problem(row)
        except (ValueError, TypeError, SyntaxError, RecursionError) as error:
            left_out.append(LeftOut(place=line.place, problem_id=key, reason=str(error)))
    if not problems:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{source}: expected EffiBench rows, found none that can be used{first}")
    return SuiteProblems(problems=tuple(problems.values()), left_out=tuple(left_out))


def score_overheads(judged: Judged, ks: Sequence[int]) -> Scores:
    """pass@k and the six figures, means over the correct samples that were timed."""
    timings = reference_timings(judged)
    usages = _usages(judged.rows)
    placed = placed_samples(judged, timings)
    samples = tuple(
        replace(sample, values=_used(sample, usages.get(judged_sample.verdict.equal_to)))
        for sample, judged_sample in zip(placed, judged.samples, strict=True)
    )
    canonical = [usages[key] for key in timings.references if key in usages]
    unscored = timings.unscored
    if not unscored and not canonical:
        unscored = "its canonical solution has no memory figure"
    return Scores(
        samples=samples,
        scores=pass_scores(samples, ks) | _overheads(samples, canonical),
        relative_to=relative_to(judged, timings),
        notes=(
            *untimed_notes(placed, timings),
            *(
                (
                    f"sample {s.sample_index}",
                    NO_MEMORY,
                )
                for s in samples
                if s.times_ns and not s.values
            ),
            *unscored_note(unscored),
        ),
    )


def _usages(rows: Sequence[Measurement]) -> dict[str, Usage]:
    """What each timed program used, by the candidate that was run."""
    made = {}
    for row in rows:
        if row.phase == "screen" and row.cpu_times_ns and row.mean_memory_bytes:
            time_s = estimate_ns(row.cpu_times_ns) / 1e9
            made[row.equal_to] = Usage(
                time_s=time_s,
                memory_mb=row.peak_memory_bytes / MIB,
                memory_mb_s=row.mean_memory_bytes / MIB * time_s,
            )
    return made


def _used(sample: SampleResult, usage: Usage | None) -> dict[str, float]:
    """What a correct sample used; nothing if it was not timed."""
    return asdict(usage) if sample.is_correct and usage else {}


def _overheads(
    samples: Sequence[SampleResult], canonical_usages: Sequence[Usage]
) -> dict[str, float]:
    """EffiBench's figures as means over the correct samples, with the canonical solution's: the
    shipped code's normalised figures are ratios of such means over problems."""
    own = [Usage(**sample.values) for sample in samples if sample.values]
    if not own or not canonical_usages:
        return {}
    canonical = canonical_usages[0]
    found = effibench_overheads(own, [canonical] * len(own))
    return {
        "et": found.et_s,
        "mu": found.mu_mb,
        "tmu": found.tmu_mb_s,
        "net": found.net,
        "nmu": found.nmu,
        "ntmu": found.ntmu,
        "canonical_et": canonical.time_s,
        "canonical_mu": canonical.memory_mb,
        "canonical_tmu": canonical.memory_mb_s,
    }


def _problem(row: Mapping[str, Any]) -> Problem:
    missing = [name for name in COLUMNS if row.get(name) in (None, "")]
    if missing:
        raise ValueError(f"missing or empty columns {missing}")
    checks = parse_asserts(row["test_case"])
    method = _called_method(checks[0])
    head, parameters = _signature(row["canonical_solution"], method)
    return Problem(
        problem_id=str(row["problem_idx"]),
        source=NAME,
        split="heldout_family",
        difficulty=str(row.get("difficulty") or "unknown"),
        kind="function",
        statement=row["markdown_description"],
        entry_point=f"{_OWNER}.{method}",
        starter_code=head,
        tests=tuple(assert_examples(checks, f"{_OBJECT}.{method}", parameters)),
        generators=(),
        checker="equal",
        reference="",
        solutions=(KnownProgram(code=row["canonical_solution"], speed="unknown"),),
        preamble=PRELUDE,
    )


def _called_method(check: ast.Assert) -> str:
    for node in ast.walk(check.test):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name == _OBJECT
            ):
                return method
    raise ValueError(f"test_case: expected calls of {_OBJECT}, got {ast.unparse(check)[:60]}")


def _signature(canonical: str, method: str) -> tuple[str, tuple[str, ...]]:
    """The head of the method in its class, as a program to complete, and its parameters."""
    for node in ast.walk(ast.parse(canonical)):
        if isinstance(node, ast.ClassDef) and node.name == _OWNER:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == method:
                    returned = f" -> {ast.unparse(item.returns)}" if item.returns else ""
                    head = f"    def {method}({ast.unparse(item.args)}){returned}:"
                    names = tuple(argument.arg for argument in item.args.args[1:])
                    return f"class {_OWNER}:\n{head}\n", names
    raise ValueError(f"canonical_solution has no method {_OWNER}.{method}")


SUITE = Suite(
    name=NAME,
    data="EffiBench rows (JSON array, JSONL or Parquet: `problem_idx`, `markdown_description`, "
    "`canonical_solution`, `test_case`); without `--data` the Hugging Face dataset",
    scores="pass@k; et, mu, tmu and net, nmu, ntmu over the canonical solution",
    equality="it is `equal`, as its asserts have it",
    load=lambda data: load_effibench(data.source),
    protocol=Protocol(score=score_overheads),
    hub_id=HUB_ID,
    needs_data=False,
    profiles_memory=True,
)
