"""Evaluations and comparisons as HTML pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from skeldpo.languages import DEFAULT
from skeldpo.pages import Table, render
from skeldpo.records import Outcome
from skeldpo.suites.compare import COLUMNS, Difference, axis_ends, comparison_rows
from skeldpo.suites.evaluation import (
    MEAN_COLUMNS,
    Evaluation,
    ProblemResult,
    SampleResult,
    mean_cells,
    mean_scores,
    num_digits,
)
from skeldpo.suites.speed import fast_note
from skeldpo.timing import estimate_ns

SAID_CHARACTERS = 160
"""Of a failure in the line that opens its program; all of it is below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """A line of a table whose interval is drawn: its ends and its value in percent of the axis."""

    cells: tuple[str, ...]
    low: float
    at: float
    high: float
    is_plotted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalTable:
    """Scores with intervals; `axis` says what is drawn, `zero` where 0 is, if not at its left."""

    columns: tuple[str, ...]
    axis: str
    rows: tuple[IntervalRow, ...]
    zero: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A verdict of samples, and how many have it."""

    name: str
    title: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSample:
    """A program, written once or several times, and what is said of it in a line; `failure` is the
    whole text where the line has not all of it."""

    verdict: str
    said: str
    failure: str
    code: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProblem:
    """A problem with its programs, those that failed first."""

    problem_id: str
    said: str
    verdicts: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    samples: tuple[ShownSample, ...]


def evaluation_page(evaluation: Evaluation) -> str:
    """Scores with intervals, every problem with its programs, what was left out, and what it was
    measured with."""
    counts = Counter(s.outcome for problem in evaluation.problems for s in problem.samples)
    rows = tuple((entry.problem_id, entry.reason, entry.place) for entry in evaluation.left_out)
    return render(
        "suites/evaluation.html.j2",
        title=f"{evaluation.suite}, {evaluation.protocol} protocol",
        scores=_score_table(evaluation),
        speed_note=fast_note(evaluation.problems),
        verdicts=[
            Verdict(name=outcome.value, title=outcome.in_words, count=counts[outcome])
            for outcome in Outcome
            if counts[outcome]
        ],
        num_samples=sum(counts.values()),
        problems=[_shown_problem(p) for p in sorted(evaluation.problems, key=_hardness)],
        left_out=Table(title="Left out", columns=("problem", "reason", "place"), rows=rows),
        provenance=[(str(key), str(value)) for key, value in evaluation.provenance.items()],
    )


def comparison_page(
    differences: Sequence[Difference],
    notes: Sequence[str] = (),
    *,
    title: str,
    first: str,
    second: str,
) -> str:
    """The table of differences, with a drawing of each interval; `notes` are lines below it."""
    rows = tuple(
        IntervalRow(
            cells=row[:-1],
            low=50 + 50 * difference.low / end,
            at=50 + 50 * difference.value / end,
            high=50 + 50 * difference.high / end,
        )
        for difference, row, end in zip(
            differences, comparison_rows(differences), axis_ends(differences), strict=True
        )
    )
    scores = IntervalTable(
        columns=COLUMNS[:-1], axis="each score to its own scale", rows=rows, zero=50.0
    )
    return render(
        "suites/comparison.html.j2",
        title=title,
        first=first,
        second=second,
        scores=scores,
        notes=notes,
    )


def _score_table(evaluation: Evaluation) -> IntervalTable:
    """Scores that are shares are drawn between 0 and 1; others have units of their own."""
    means = mean_scores(evaluation.problems)
    rows = tuple(
        IntervalRow(
            cells=cells,
            low=100 * mean.low,
            at=100 * mean.value,
            high=100 * mean.high,
            is_plotted=mean.low >= 0 and mean.high <= 1,
        )
        for cells, mean in zip(mean_cells(means), means.values(), strict=True)
    )
    return IntervalTable(columns=MEAN_COLUMNS, axis="0 to 1", rows=rows)


def _hardness(problem: ProblemResult) -> tuple[float, float, str]:
    """Few right samples first, then low scores."""
    right = sum(sample.is_correct for sample in problem.samples) / max(1, len(problem.samples))
    return right, sum(problem.scores.values()), problem.problem_id


def _shown_problem(problem: ProblemResult) -> ShownProblem:
    counts = Counter(sample.outcome for sample in problem.samples)
    right = sum(sample.is_correct for sample in problem.samples)
    failed = [f"{counts[o]} {o.in_words}" for o in Outcome if counts[o] and o != "ACCEPTED"]
    said = [problem.group, f"{right} of {len(problem.samples)} right", *failed]
    return ShownProblem(
        problem_id=problem.problem_id,
        said=", ".join(filter(None, said)),
        verdicts=tuple(outcome.value for outcome in counts),
        figures=tuple((name, _figure(value)) for name, value in problem.scores.items()),
        samples=_shown_samples(problem.samples),
    )


def _shown_samples(samples: Sequence[SampleResult]) -> tuple[ShownSample, ...]:
    """Equal programs with one verdict stand once."""
    groups: dict[tuple[bool, str, str, str], list[SampleResult]] = {}
    for sample in samples:
        key = (sample.is_correct, sample.outcome.value, sample.code, sample.failure)
        groups.setdefault(key, []).append(sample)
    return tuple(
        ShownSample(
            verdict=outcome,
            said=_said(own),
            failure=failure.strip() if _one_line(failure) != failure.strip() else "",
            code=code,
            language=DEFAULT,
        )
        for (_, outcome, code, failure), own in sorted(groups.items(), key=lambda item: item[0][0])
    )


def _said(samples: Sequence[SampleResult]) -> str:
    numbers = ", ".join(str(sample.sample_index) for sample in samples)
    first = samples[0]
    said = f"sample{'s' * (len(samples) > 1)} {numbers}"
    if first.failure.strip():
        return f"{said}: {_one_line(first.failure)}"
    figures = [f"{name} {_figure(value)}" for name, value in first.values.items() if value == value]
    times = [times for level in first.times_ns for times in level if times]
    time = [f"{sum(map(estimate_ns, times)) / 1e6:,.2f} ms"] if times else []
    return ", ".join([said, *time, *figures])


def _figure(value: float) -> str:
    return f"{value:.{num_digits(value, least=3)}f}"


def _one_line(failure: str) -> str:
    text = " ".join(failure.split())
    return text if len(text) <= SAID_CHARACTERS else f"{text[:SAID_CHARACTERS]}..."
