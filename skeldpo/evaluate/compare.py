"""Two evaluations of one suite, paired by problem: differences with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skeldpo.evaluate.evaluation import NUM_RESAMPLES, UNGRADED, Evaluation, counted_text
from skeldpo.evaluate.metrics import num_families, paired_interval

PLOT_CHARACTERS = 33


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
    first: Evaluation, second: Evaluation, seed: int = 0
) -> tuple[Difference, ...]:
    """Every score both have, overall and by difficulty; ValueError if they cannot be compared."""
    for name in ("suite", "protocol"):
        values = getattr(first, name), getattr(second, name)
        if values[0] != values[1]:
            raise ValueError(
                f"the reports are of different {name}s, {values[0]!r} and {values[1]!r}: their "
                "scores are not comparable"
            )
    others = {problem.problem_id: problem for problem in second.problems}
    values_by_name: dict[str, list[_Both]] = {}
    for prefix in ["", *sorted({p.difficulty for p in first.problems} - set(UNGRADED))]:
        for problem in first.problems:
            other = others.get(problem.problem_id)
            if other is None or prefix not in ("", problem.difficulty):
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
    if not values_by_name:
        raise ValueError("the reports have no problem and score in common")
    return tuple(_difference(name, both, seed) for name, both in values_by_name.items())


def comparison_rows(differences: Sequence[Difference]) -> list[tuple[str, ...]]:
    """Cells of the table: name, both means, difference, interval, how far apart problems are, their
    number, and a plot of the interval."""
    widest = max(max(abs(d.low), abs(d.high)) for d in differences) or 1.0
    return [
        (
            d.name,
            f"{d.first:.3f}",
            f"{d.second:.3f}",
            f"{d.value:+.3f}",
            f"{d.low:+.3f} to {d.high:+.3f}",
            f"{d.apart:.3g}",
            counted_text(d.num_problems, d.num_families),
            _text_plot(d, widest),
        )
        for d in differences
    ]


COLUMNS = ("score", "first", "second", "difference", "95 % interval", "apart", "problems", "plot")


def _difference(name: str, both: Sequence[_Both], seed: int) -> Difference:
    first, second = [row.first for row in both], [row.second for row in both]
    families = [row.family for row in both]
    value, low, high = paired_interval(
        first, second, num_resamples=NUM_RESAMPLES, seed=seed, families=families
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


def _text_plot(difference: Difference, widest: float) -> str:
    """The interval on a line whose middle "|" is no difference."""

    def place(value: float) -> int:
        return round((value / widest + 1) / 2 * (PLOT_CHARACTERS - 1))

    cells = [" "] * PLOT_CHARACTERS
    for index in range(place(difference.low), place(difference.high) + 1):
        cells[index] = "-"
    cells[PLOT_CHARACTERS // 2] = "|"
    cells[place(difference.value)] = "o"
    return "".join(cells)
