"""Two evaluations of one suite, paired by problem: differences with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skeldpo.suites.evaluation import (
    ORDINARY,
    Bootstrap,
    Evaluation,
    counted_text,
    ends_text,
    groups,
    num_digits,
)
from skeldpo.suites.metrics import num_families, paired_interval

PLOT_CHARACTERS = 33
_NO_TERMS = ("num_cores", "image", "engine", "runtime", "max_retries")
"""Of [measure]: where programs run, and what is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One score of two evaluations over the problems that both have it; `value` is first - second.

    `first` and `second` are means over those problems alone, so that a score among correct samples
    compares problems that both solve. `low` and `high` bound the difference with 95 %, resampling
    families, then problems (`metrics.family_draws`). `apart` is the mean over problems of the
    difference without its sign: how well two runs of the same programs repeat.
    """

    name: str
    first: float
    second: float
    value: float
    low: float
    high: float
    apart: float
    num_problems: int
    num_families: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Both:
    """A problem's value in both, and its family."""

    first: float
    second: float
    family: str


def compare_evaluations(
    first: Evaluation, second: Evaluation, bootstrap: Bootstrap = ORDINARY
) -> tuple[Difference, ...]:
    """The differences of two reports; ValueError if they cannot be compared."""
    for name in ("suite", "protocol"):
        values = getattr(first, name), getattr(second, name)
        if values[0] != values[1]:
            raise ValueError(
                f"the reports are of different {name}s, {values[0]!r} and {values[1]!r}: their "
                "scores are not comparable"
            )
    found = differences(first, second, bootstrap)
    if not found:
        raise ValueError("the reports have no problem and score in common")
    return found


def differences(
    first: Evaluation, second: Evaluation, bootstrap: Bootstrap = ORDINARY
) -> tuple[Difference, ...]:
    """Every score that both have of a problem, overall and by group.

    Each is over the problems that count in it in both: one among correct samples is over those that
    both solve, and so is not the difference of the two reports' means.
    """
    others = {problem.problem_id: problem for problem in second.problems}
    values_by_name: dict[str, list[_Both]] = {}
    for prefix in groups(first.problems):
        for problem in first.problems:
            other = others.get(problem.problem_id)
            if other is None or prefix not in ("", problem.group):
                continue
            for name, value in problem.scores.items():
                if name in other.scores:
                    label = f"{prefix}/{name}" if prefix else name
                    both = _Both(
                        first=value,
                        second=other.scores[name],
                        family=problem.family or other.family,
                    )
                    values_by_name.setdefault(label, []).append(both)
    return tuple(_difference(name, both, bootstrap) for name, both in values_by_name.items())


def other_terms(first: Evaluation, second: Evaluation) -> str:
    """What of the reports' terms differs, so that a difference may be theirs and not that of the
    programs: the data, by its digest where that is known, and settings of [measure]; "" for
    nothing."""
    one, other = first.provenance, second.provenance
    digests = {each["data_sha256"] for each in (one, other) if each.get("data_sha256")}
    named = ["data"] if len(digests) > 1 else []
    limits, others = one.get("measure", {}), other.get("measure", {})
    named += [
        f"measure.{key} ({value} and {others[key]})"
        for key, value in limits.items()
        if key not in _NO_TERMS and others.get(key, value) != value
    ]
    return f"the reports are of different {', '.join(named)}" if named else ""


def terms_notes(first: Evaluation, second: Evaluation) -> list[str]:
    """What both were not alike in: the data, settings of [measure], or the inputs that problems
    were timed on."""
    inputs = [
        {each.problem_id: each.relative_to.get("input_digest") for each in report.problems}
        for report in (first, second)
    ]
    both = inputs[0].keys() & inputs[1].keys()
    others = sum(
        bool(inputs[0][key] and inputs[1][key]) and inputs[0][key] != inputs[1][key] for key in both
    )
    terms = other_terms(first, second)
    notes = [terms] if terms else []
    if others:
        notes.append(
            f"{others} of the {len(both)} problems of both were timed on other inputs: their speed "
            "is compared on unequal terms"
        )
    return notes


def comparison_rows(found: Sequence[Difference]) -> list[tuple[str, ...]]:
    """Cells of the table: name, both means, difference, interval, how far apart problems are, their
    number, and a plot of the interval."""
    rows: list[tuple[str, ...]] = []
    for each, end in zip(found, axis_ends(found), strict=True):
        digits = num_digits(each.first, each.second, least=3)
        rows.append(
            (
                each.name,
                f"{each.first:.{digits}f}",
                f"{each.second:.{digits}f}",
                f"{each.value:+.{digits}f}",
                ends_text(each.low, each.high, each.num_problems, f"+.{digits}f"),
                f"{each.apart:.3g}",
                counted_text(each.num_problems, each.num_families),
                _text_plot(each, end),
            )
        )
    return rows


def axis_ends(found: Sequence[Difference]) -> list[float]:
    """Of each, the difference at the end of the axis that it is drawn on: that of a score, overall
    and by group, as another score may have another unit."""
    ends: dict[str, float] = {}
    names = [each.name.rpartition("/")[2] for each in found]
    for name, each in zip(names, found, strict=True):
        ends[name] = max(ends.get(name, 0.0), abs(each.low), abs(each.high))
    return [ends[name] or 1.0 for name in names]


COLUMNS = ("score", "first", "second", "difference", "95 % interval", "apart", "problems", "plot")


def _difference(name: str, both: Sequence[_Both], bootstrap: Bootstrap) -> Difference:
    first, second = [row.first for row in both], [row.second for row in both]
    families = [row.family for row in both]
    value, low, high = paired_interval(
        first,
        second,
        num_resamples=bootstrap.num_resamples,
        seed=bootstrap.seed,
        families=families,
    )
    return Difference(
        name=name,
        first=sum(first) / len(first),
        second=sum(second) / len(second),
        value=value,
        low=low,
        high=high,
        apart=sum(abs(row.first - row.second) for row in both) / len(both),
        num_problems=len(both),
        num_families=num_families(families),
    )


def _text_plot(difference: Difference, end: float) -> str:
    """The interval on a line whose middle "|" is no difference."""

    def place(value: float) -> int:
        return round((value / end + 1) / 2 * (PLOT_CHARACTERS - 1))

    cells = [" "] * PLOT_CHARACTERS
    for index in range(place(difference.low), place(difference.high) + 1):
        cells[index] = "-"
    cells[PLOT_CHARACTERS // 2] = "|"
    cells[place(difference.value)] = "o"
    return "".join(cells)
