"""A set of programs scored on a suite, or on a run's held-out problems: the JSON report.

The file holds all that is needed to compute its scores again: every program, verdict and time. Its
`scores` map names such as "pass@1", "eff@1", "beyond@1" and "Hard/beyond@1" to means over problems,
`intervals` to their 95 % bootstrap intervals (`metrics.family_draws`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skeldpo.records import Outcome
from skeldpo.storage.files import folder_and_name
from skeldpo.storage.store import Store, closing_folder, round_folder, write_file
from skeldpo.suites.metrics import bootstrap_interval, num_families

FORMAT = 1
UNGRADED = ("", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """How intervals are drawn."""

    num_resamples: int = 10_000
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something of the input that was not scored, or scored as failed; `place` says where it is."""

    place: str
    problem_id: str
    reason: str


def require_any(found: Collection[object], rows: str, source: str, left_out: list[LeftOut]) -> None:
    """ValueError, with the first of what was left out, if a source had no row that can be used."""
    if not found:
        first = f"; first: {left_out[0].place}: {left_out[0].reason}" if left_out else ""
        raise ValueError(f"{source}: expected {rows}, found none that can be used{first}")


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
    `split` is set where scores are shown by it, as in a run, and not by difficulty.
    """

    problem_id: str
    difficulty: str
    samples: tuple[SampleResult, ...]
    relative_to: Mapping[str, Any]
    scores: Mapping[str, float]
    family: str = ""
    split: str = ""

    @property
    def group(self) -> str:
        """What its scores are shown by beside the mean over all problems, "" for nothing."""
        return self.split or ("" if self.difficulty in UNGRADED else self.difficulty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A finished evaluation; `provenance` says of what, where, with which settings and data."""

    suite: str
    protocol: str
    provenance: Mapping[str, Any]
    problems: tuple[ProblemResult, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def unscored(self) -> tuple[str, ...]:
        """The problems without any score."""
        scored = {problem.problem_id for problem in self.problems}
        return tuple(
            dict.fromkeys(e.problem_id for e in self.left_out if e.problem_id not in scored)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over problems, of `num_families` independent tasks, with its 95 % interval."""

    value: float
    low: float
    high: float
    num_problems: int
    num_families: int


ORDINARY = Bootstrap()
MEAN_COLUMNS = ("score", "mean", "95 % interval", "problems")


def mean_scores(
    problems: Sequence[ProblemResult], bootstrap: Bootstrap = ORDINARY
) -> dict[str, Interval]:
    """Every score as a mean over the problems that have it, overall and by group."""
    counted: dict[tuple[str, str], list[ProblemResult]] = {}
    for prefix in groups(problems):
        for problem in problems:
            if prefix in ("", problem.group):
                for name in problem.scores:
                    counted.setdefault((prefix, name), []).append(problem)
    made = {}
    for (prefix, name), found in counted.items():
        values = [problem.scores[name] for problem in found]
        families = [problem.family for problem in found]
        low, high = bootstrap_interval(
            values,
            num_resamples=bootstrap.num_resamples,
            seed=bootstrap.seed,
            families=families,
        )
        made[f"{prefix}/{name}" if prefix else name] = Interval(
            value=sum(values) / len(values),
            low=low,
            high=high,
            num_problems=len(values),
            num_families=num_families(families),
        )
    return made


def groups(problems: Iterable[ProblemResult]) -> list[str]:
    """Every group on its own; all problems together are ""."""
    return sorted({problem.group for problem in problems} | {""})


def counted_text(num_problems: int, num_families: int) -> str:
    """How many problems a score is over, and of how many tasks if some are variants of one."""
    if num_families == num_problems:
        return str(num_problems)
    return f"{num_problems} of {num_families} {'family' if num_families == 1 else 'families'}"


def mean_cells(means: Mapping[str, Interval]) -> list[tuple[str, ...]]:
    """Name, mean, interval and number of problems of each score."""
    rows: list[tuple[str, ...]] = []
    for name, mean in means.items():
        digits = num_digits(mean.value, least=4)
        interval = ends_text(mean.low, mean.high, mean.num_problems, f".{digits}f")
        counted = counted_text(mean.num_problems, mean.num_families)
        rows.append((name, f"{mean.value:.{digits}f}", interval, counted))
    return rows


def num_digits(*figures: float, least: int) -> int:
    """Digits behind the point with which the largest of some figures has three, `least` or more:
    seconds may be thousandths, and shares are not."""
    largest = max(map(abs, figures))
    return max(least, 2 - math.floor(math.log10(largest))) if 0 < largest < 1 else least


def ends_text(low: float, high: float, num_problems: int, form: str) -> str:
    """Both ends; of one problem there is no interval, as nothing is known of others."""
    return "-" if num_problems < 2 else f"{low:{form}} to {high:{form}}"


def save_evaluation(evaluation: Evaluation, path: str | Path) -> None:
    """Writes the report."""
    write_file(str(path), evaluation_text(evaluation))


def evaluation_text(evaluation: Evaluation, bootstrap: Bootstrap = ORDINARY) -> str:
    """The report as JSON."""
    intervals = mean_scores(evaluation.problems, bootstrap)
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
    return json.dumps(held, indent=1) + "\n"


def load_evaluation(path: str | Path) -> Evaluation:
    """Reads a report; ValueError says what is wrong with the file."""
    folder, name = folder_and_name(str(path))
    store = Store(folder)
    if not store.exists(name):
        raise ValueError(f"no report at {path}; `skeldpo evaluate --out` writes one")
    return _read(store.read_bytes(name), str(path))


def round_evaluation(store: Store, round_index: int) -> Evaluation | None:
    """Held-out scores of the policy that entered a round of a run, or None; that of the last round
    entered what closed the run."""
    for folder in (round_folder(round_index), closing_folder(round_index - 1)):
        path = f"{folder}/evaluation.json"
        if store.exists(path):
            return _read(store.read_bytes(path), store.location(path))
    return None


def _read(content: bytes, place: str) -> Evaluation:
    try:
        held = json.loads(content.decode("utf-8-sig"))
        if held["format"] != FORMAT:
            raise ValueError(f"its format is {held['format']!r}, this version reads {FORMAT}")
        _require(held, suite=str, protocol=str, provenance=dict)
        problems = {row["problem_id"]: _problem(row) for row in held["problems"]}
        if len(problems) != len(held["problems"]):
            raise ValueError("it has rows of one problem_id twice")
        return Evaluation(
            suite=held["suite"],
            protocol=held["protocol"],
            provenance=held["provenance"],
            problems=tuple(problems.values()),
            left_out=tuple(LeftOut(**row) for row in held["left_out"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(
            f"{place} is no report of `skeldpo evaluate`: {type(error).__name__}: {error}"
        ) from error


def _require(row: Mapping[str, Any], **kinds: type) -> None:
    for name, kind in kinds.items():
        if not isinstance(row[name], kind):
            raise TypeError(f"expected {kind.__name__} as {name}, got {row[name]!r:.40}")


def _problem(row: Mapping[str, Any]) -> ProblemResult:
    _require(row, problem_id=str, difficulty=str, relative_to=dict)
    samples = tuple(
        SampleResult(
            **{**sample, "outcome": Outcome(sample["outcome"]),
               "times_ns": _nested(sample["times_ns"])}
        )
        for sample in row["samples"]
    )  # fmt: skip
    for name, value in dict(row["scores"]).items():
        if not math.isfinite(value):
            raise ValueError(f"{row['problem_id']}: its {name} is {value}")
    return ProblemResult(**{**row, "samples": samples})


def _nested(
    levels: Iterable[Iterable[Iterable[int]]],
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    return tuple(tuple(tuple(times) for times in tests) for tests in levels)
