"""Tables as lines: what fits a width, and what is done with what does not."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from skeldpo.columns import Layout, flowed, lay_out, wrapped
from skeldpo.console import Display

NAMES = ("two_sum-000-1a2b", "minimum-number-of-operations-to-make-array-continuous")
REASON = (
    "no two programs whose times differ beyond doubt in the confirming session by the lower bound"
)
FUNNEL = ("problem", "candidates", "distinct", "accepted", "timed", "efficient", "inefficient")


def header_of(layout: Layout) -> list[str]:
    return list(layout.lines[: layout.num_header])


def test_rows_that_fit_are_lines_with_figures_to_the_right() -> None:
    layout = lay_out("counts", ("verdict", "of", "programs"), [("ACCEPTED", "all", "1,200")], 80)
    assert layout.title == ("counts",)
    assert layout.lines == ("verdict   of   programs", "ACCEPTED  all     1,200")
    assert header_of(layout) == ["verdict   of   programs"]


def test_negative_shares_and_missing_figures_are_figures_and_names_are_not() -> None:
    rows = [("1", "-0.5", "-", "12 of 30"), ("20", "+0.25", "7 %", "1 of 3")]
    layout = lay_out("", ("round", "value", "share", "decided"), rows, 80)
    assert layout.lines == (
        "round  value  share   decided",
        "1       -0.5      -  12 of 30",
        "20     +0.25    7 %    1 of 3",
    )


def test_headers_and_texts_are_wrapped_between_words_before_a_figure_is() -> None:
    rows = [("efficiency", REASON, "62%")]
    layout = lay_out("", ("stage", "not in a pair", "chosen longer"), rows, 48)
    assert layout.num_header == 2
    assert [line.split() for line in header_of(layout)] == [
        ["stage", "not", "in", "a", "pair", "chosen"],
        ["longer"],
    ]
    body = layout.lines[2:]
    assert body[0].startswith("efficiency  no two programs")
    assert body[0].endswith("62%")
    assert all(line.startswith(" " * 12) for line in body[1:])
    text = " ".join(line[12:].removesuffix("62%").strip() for line in body)
    assert text == REASON


def test_rows_that_do_not_fit_are_paragraphs_with_every_word_whole() -> None:
    rows = [
        (NAMES[0], "40", "31", "22", "20", "3+2", "5", "efficiency: " + REASON),
        (NAMES[1], "4", "3", "2", "2", "1", "1", ""),
    ]
    layout = lay_out("", (*FUNNEL, "not in a pair"), rows, 80)
    assert layout.num_header == 0
    assert layout.lines == (
        NAMES[0],
        "  candidates 40  distinct 31  accepted 22  timed 20  efficient 3+2",
        "  inefficient 5",
        "  not in a pair: efficiency: no two programs whose times differ beyond doubt in",
        "    the confirming session by the lower bound",
        NAMES[1],
        "  candidates 4   distinct 3   accepted 2   timed 2   efficient 1",
        "  inefficient 1",
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("num_columns", [1, 2, 4, 7, 12])
def test_no_line_is_longer_than_the_width_whatever_the_cells(width: int, num_columns: int) -> None:
    cells = ["1,234", REASON, "x" * 150, "", "12.3 [1.0, 20.5] of 36", "a [red]cell[/red]", "two"]
    names = ["problem", "chosen longer", "not in a pair", "95 % interval", "inefficient"]
    choice = itertools.cycle(cells)
    rows = [[next(choice) for _ in range(num_columns)] for _ in range(len(cells))]
    columns = [names[i % len(names)] for i in range(num_columns)]
    layout = lay_out("a title " * 20, columns, rows, width)
    assert max(map(len, (*layout.title, *layout.lines))) <= width
    shown = " ".join(layout.lines).split()
    for word in " ".join(columns[layout.num_header == 0 :]).split():
        assert {word, f"{word}:"} & set(shown), word
    assert "".join("".join(layout.lines).split()).count("x") >= 150 * ("x" * 150 in sum(rows, []))


def test_the_plot_of_a_comparison_keeps_its_blanks() -> None:
    plot = "      ---o-----|                "
    layout = lay_out("", ("score", "plot"), [("pass@1", plot)], 80)
    assert layout.lines[-1] == f"pass@1  {plot}".rstrip()


@pytest.mark.parametrize("width", [10, 40, 80, 200])
def test_a_table_without_rows_is_laid_out(width: int) -> None:
    layout = lay_out("none", (*FUNNEL, "not in a pair"), [], width)
    assert len(layout.lines) == layout.num_header


def test_letters_that_are_two_wide_leave_columns_in_line() -> None:
    rows = [("两数之和", "难度 " * 12, "1"), ("two sum", "x", "20")]
    layout = lay_out("", ("problem", "reason", "n"), rows, 43)
    assert layout.lines == (
        "problem   reason                          n",
        "两数之和  难度 难度 难度 难度 难度 难度   1",
        "          难度 难度 难度 难度 难度 难度",
        "two sum   x                              20",
    )


def test_flowed_items_are_not_broken() -> None:
    items = [f"image sha256:{'0' * 64}", "host node, core 1", "weight 1"]
    assert flowed(items, 80) == [f"  {items[0]}", f"  {items[1]}  {items[2]}"]
    assert wrapped("one two", 3) == ["one", "two"]


def test_a_table_on_a_display_is_as_it_is_laid_out_markup_and_all() -> None:
    text = io.StringIO()
    display = Display(Console(file=text, width=80, highlight=False, soft_wrap=True))
    display.table("\ntitle [bold]", ("[name]", "n"), [("[red]x", "1"), ("a[:x:2]", "2")])
    display.tell("problem apps:on:1")
    table = "\ntitle [bold]\n[name]   n\n[red]x   1\na[:x:2]  2\n"
    assert text.getvalue() == f"{table}problem apps:on:1\n"
