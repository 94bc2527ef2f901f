"""Reports on the terminal and as pages, and two of them side by side."""

from __future__ import annotations

from skeldpo.console import Display
from skeldpo.storage.files import with_ending
from skeldpo.storage.store import write_file
from skeldpo.suites import compare
from skeldpo.suites.evaluation import (
    MEAN_COLUMNS,
    Evaluation,
    load_evaluation,
    mean_cells,
    mean_scores,
    save_evaluation,
)
from skeldpo.suites.evaluation_page import comparison_page, evaluation_page
from skeldpo.suites.speed import fast_note


def show_evaluation(evaluation: Evaluation, display: Display) -> None:
    """The scores as a table, and the first of what was left out."""
    display.table(
        f"{evaluation.suite}, {evaluation.protocol} protocol",
        MEAN_COLUMNS,
        mean_cells(mean_scores(evaluation.problems)),
    )
    if note := fast_note(evaluation.problems):
        display.tell(note)
    for note, count in evaluation.provenance.get("answer_notes", {}).items():
        display.tell(f"answers: {count} x {note}")
    shown = evaluation.left_out[:10]
    for entry in shown:
        display.tell(f"left out: {entry.problem_id or '?'}: {entry.reason} ({entry.place})")
    if len(evaluation.left_out) > len(shown):
        display.tell(f"... and {len(evaluation.left_out) - len(shown)} more, in the report")


def compare_reports(first: str, second: str, page: str, display: Display) -> None:
    """Shows the differences of two reports; writes them as a page when `page` is given."""
    left, right = load_evaluation(first), load_evaluation(second)
    differences = compare.compare_evaluations(left, right)
    notes = compare.terms_notes(left, right)
    for note in notes:
        display.complain(note)
    display.table(
        f"{left.suite}, {left.protocol} protocol: {first} minus {second}",
        compare.COLUMNS,
        compare.comparison_rows(differences),
    )
    if page:
        text = comparison_page(
            differences, notes, title=f"{left.suite}: two evaluations", first=first, second=second
        )
        write_file(page, text)
        display.tell(f"page: {page}")


def save_and_show(evaluation: Evaluation, out: str, display: Display) -> None:
    """Writes the report and its page, and shows it."""
    save_evaluation(evaluation, out)
    page = with_ending(out, ".html")
    write_file(page, evaluation_page(evaluation))
    show_evaluation(evaluation, display)
    display.tell(f"report: {out}, page: {page}")
