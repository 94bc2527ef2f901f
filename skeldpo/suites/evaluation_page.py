"""Evaluations and comparisons as HTML pages: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from skeldpo.charts import Point, Series, Tick, line_chart
from skeldpo.records import Outcome
from skeldpo.suites.compare import COLUMNS, Difference, comparison_rows
from skeldpo.suites.evaluation import Evaluation, ProblemResult, counted_text, mean_scores

MAX_CHART_SCORES = 8
"""Names on the axis of a chart; tables show all."""
_STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;"
    "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;margin:.5rem 0 1.5rem}"
    "td,th{padding:.1rem .8rem;text-align:right}td:first-child,th:first-child{text-align:left}"
    "tr:nth-child(even){background:#8881}svg{max-width:44rem;width:100%}.grid{stroke:#8884}"
    ".line{fill:none;stroke:none}.thin{stroke:#2463c4;stroke-width:2}.fill{fill:#2463c4}"
    ".tick,.small{font-size:8px;fill:#808890}.end{text-anchor:end}.middle{text-anchor:middle}"
)


def evaluation_page(evaluation: Evaluation) -> str:
    """Scores with intervals, every problem, what was left out, and what it was measured with."""
    means = mean_scores(evaluation.problems)
    title = f"{evaluation.suite}, {evaluation.protocol} protocol"
    names = list(dict.fromkeys(n for problem in evaluation.problems for n in problem.scores))
    parts = [
        f"<h1>{escape(title)}</h1>",
        _chart(
            "scores with 95 % intervals",
            [name for name in means if "/" not in name],
            [(m.value, m.low, m.high) for name, m in means.items() if "/" not in name],
        ),
        _table(
            ("score", "mean", "95 % interval", "problems"),
            [
                (
                    name,
                    f"{m.value:.4f}",
                    f"{m.low:.4f} to {m.high:.4f}",
                    counted_text(m.num_problems, m.num_families),
                )
                for name, m in means.items()
            ],
        ),
        "<h2>Problems</h2>",
        _table(
            ("problem", "difficulty", "samples", *names, "first failure"),
            [_problem_row(problem, names) for problem in evaluation.problems],
        ),
    ]
    if evaluation.left_out:
        rows = [(entry.problem_id, entry.reason, entry.place) for entry in evaluation.left_out]
        parts += ["<h2>Left out</h2>", _table(("problem", "reason", "place"), rows)]
    held = [(str(key), str(value)) for key, value in evaluation.provenance.items()]
    parts += ["<h2>Measured with</h2>", _table(("what", "value"), held)]
    return _page(title, parts)


def comparison_page(
    differences: Sequence[Difference], *, title: str, first: str, second: str
) -> str:
    """The table of differences and a chart of them."""
    overall = [d for d in differences if "/" not in d.name]
    return _page(
        title,
        [
            f"<h1>{escape(title)}</h1><p>first: {escape(first)}<br>second: {escape(second)}</p>",
            _chart(
                "differences with 95 % intervals",
                [d.name for d in overall],
                [(d.value, d.low, d.high) for d in overall],
            ),
            _table(COLUMNS[:-1], [row[:-1] for row in comparison_rows(differences)]),
        ],
    )


def _chart(title: str, names: Sequence[str], values: Sequence[tuple[float, float, float]]) -> str:
    shown = list(zip(names, values, strict=True))[:MAX_CHART_SCORES]
    points = tuple(
        Point(x=index, y=value, low=low, high=high)
        for index, (_, (value, low, high)) in enumerate(shown)
    )
    ticks = [Tick(at=index, text=name) for index, (name, _) in enumerate(shown)]
    return line_chart(
        [Series(name=title, color=0, points=points)], title=title, x_label="", x_ticks=ticks
    )


def _problem_row(problem: ProblemResult, names: Sequence[str]) -> tuple[str, ...]:
    wrong = next((s for s in problem.samples if s.outcome is not Outcome.ACCEPTED), None)
    scores = (problem.scores.get(name) for name in names)
    return (
        problem.problem_id,
        problem.difficulty,
        str(len(problem.samples)),
        *("" if score is None else f"{score:.3f}" for score in scores),
        f"{wrong.outcome}: {wrong.failure[:100]}" if wrong else "",
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _page(title: str, parts: Iterable[str]) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"{''.join(parts)}</body></html>\n"
    )
