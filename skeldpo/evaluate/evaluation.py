"""A set of programs scored on a suite: the JSON report, and how scores come from raw times.

The file holds all that is needed to compute its scores again: every program, verdict and time. Its
`scores` map names such as "pass@1", "eff@1", "beyond@1" and "Hard/beyond@1" to means over problems,
`intervals` to their 95 % bootstrap intervals (`metrics.family_draws`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skeldpo.evaluate.metrics import (
    bootstrap_interval,
    eff_at_k,
    mean_of_first,
    num_families,
    pass_at_k,
)
from skeldpo.evaluate.programs import LeftOut
from skeldpo.records import Outcome

FORMAT = 1
NUM_RESAMPLES = 10_000
UNGRADED = ("", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult:
    """One program of a problem.

    `values` are its own figures, by name ("eff", "beyond", ...), without those that need a time if
    it is right and could not be timed. `times_ns` are its raw CPU (or, under a released protocol,
    wall) times: of every repeat, of every test, of every level it finished.
    """

    sample_index: int
    code: str
    outcome: Outcome
    is_correct: bool
    failure: str
    values: Mapping[str, float]
    times_ns: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemResult:
    """One problem: its samples, and the times its scores are relative to, as the suite names them.

    `scores` are by name as in the report; a name is absent where the problem does not count in it.
    `family` is that of the built-in problems (`problems.family`), "" for a problem of its own.
    """

    problem_id: str
    difficulty: str
    samples: tuple[SampleResult, ...]
    relative_to: Mapping[str, Any]
    scores: Mapping[str, float]
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A finished evaluation; `provenance` says of what, where, with which settings and data."""

    suite: str
    protocol: str
    provenance: Mapping[str, Any]
    problems: tuple[ProblemResult, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over problems, of `num_families` independent tasks, with its 95 % interval."""

    value: float
    low: float
    high: float
    num_problems: int
    num_families: int


def efficiency_scores(samples: Sequence[SampleResult], ks: Sequence[int]) -> dict[str, float]:
    """pass@k and ENAMEL's eff@k of one problem, for every k it has samples for."""
    efficiencies = [sample.values["eff"] for sample in samples]
    made = _pass_scores(samples, ks)
    return made | {f"eff@{k}": eff_at_k(efficiencies, k) for k in ks if k <= len(samples)}


def beyond_scores(
    samples: Sequence[SampleResult], ks: Sequence[int], names: Sequence[str]
) -> dict[str, float]:
    """pass@k and "@k" of each Beyond-like figure in `names`, and Beyond given pass.

    The latter is the mean over correct samples alone: Beyond is dominated by Pass. A correct sample
    without a figure counts as the mean of the correct ones that have it; where none has, the
    problem has no such score.
    """
    made = _pass_scores(samples, ks)
    for name in names:
        passed = [s.values[name] for s in samples if s.is_correct and name in s.values]
        if not passed and any(sample.is_correct for sample in samples):
            continue
        mean = sum(passed) / len(passed) if passed else 0.0
        values = [s.values.get(name, mean) if s.is_correct else 0.0 for s in samples]
        made |= {f"{name}@{k}": mean_of_first(values, k) for k in ks if k <= len(values)}
        if name == "beyond" and passed:
            made["beyond_given_pass"] = mean
    return made


def mean_scores(problems: Sequence[ProblemResult], seed: int = 0) -> dict[str, Interval]:
    """Every score as a mean over the problems that have it, overall and by difficulty."""
    grades = {problem.difficulty for problem in problems} - set(UNGRADED)
    counted: dict[tuple[str, str], list[ProblemResult]] = {}
    for prefix in ["", *sorted(grades)]:
        for problem in problems:
            if prefix in ("", problem.difficulty):
                for name in problem.scores:
                    counted.setdefault((prefix, name), []).append(problem)
    made = {}
    for (prefix, name), found in counted.items():
        values = [problem.scores[name] for problem in found]
        families = [problem.family for problem in found]
        low, high = bootstrap_interval(
            values, num_resamples=NUM_RESAMPLES, seed=seed, families=families
        )
        made[f"{prefix}/{name}" if prefix else name] = Interval(
            value=sum(values) / len(values),
            low=low,
            high=high,
            num_problems=len(values),
            num_families=num_families(families),
        )
    return made


def counted_text(num_problems: int, num_families: int) -> str:
    """How many problems a score is over, and of how many tasks if some are variants of one."""
    if num_families == num_problems:
        return str(num_problems)
    return f"{num_problems} of {num_families} {'family' if num_families == 1 else 'families'}"


def save_evaluation(evaluation: Evaluation, path: str | Path) -> None:
    """Writes the report."""
    intervals = mean_scores(evaluation.problems)
    held = {
        "format": FORMAT,
        "suite": evaluation.suite,
        "protocol": evaluation.protocol,
        "scores": {name: interval.value for name, interval in intervals.items()},
        "intervals": {name: asdict(interval) for name, interval in intervals.items()},
        "num_problems": len(evaluation.problems),
        "left_out": [asdict(entry) for entry in evaluation.left_out],
        "provenance": dict(evaluation.provenance),
        "problems": [asdict(problem) for problem in evaluation.problems],
    }
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")


def load_evaluation(path: str | Path) -> Evaluation:
    """Reads a report; ValueError says what is wrong with the file."""
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"no report at {file}; `skeldpo evaluate --out` writes one")
    try:
        held = json.loads(file.read_text(encoding="utf-8-sig"))
        if held["format"] != FORMAT:
            raise ValueError(f"its format is {held['format']!r}, this version reads {FORMAT}")
        return Evaluation(
            suite=held["suite"],
            protocol=held["protocol"],
            provenance=held["provenance"],
            problems=tuple(_problem(row) for row in held["problems"]),
            left_out=tuple(LeftOut(**row) for row in held["left_out"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is no report of `skeldpo evaluate`: {type(error).__name__}: {error}"
        ) from error


def _problem(row: Mapping[str, Any]) -> ProblemResult:
    samples = tuple(
        SampleResult(
            **{**sample, "outcome": Outcome(sample["outcome"]),
               "times_ns": _nested(sample["times_ns"])}
        )
        for sample in row["samples"]
    )  # fmt: skip
    return ProblemResult(**{**row, "samples": samples})


def _nested(
    levels: Iterable[Iterable[Iterable[int]]],
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    return tuple(tuple(tuple(times) for times in tests) for tests in levels)


def _pass_scores(samples: Sequence[SampleResult], ks: Sequence[int]) -> dict[str, float]:
    num_correct = sum(sample.is_correct for sample in samples)
    return {f"pass@{k}": pass_at_k(len(samples), num_correct, k) for k in ks if k <= len(samples)}
