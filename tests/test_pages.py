"""Programs as HTML, and the pages in a browser: in narrow and wide windows, light and dark."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from browser import Browser, find_browser, open_browser
from made_run import MadeRun, make_config
from rich.console import Console

from skeldpo.commands.inspect import inspect_pairs
from skeldpo.console import Display
from skeldpo.pages import Sections, program
from skeldpo.records import Outcome, PreferencePair
from skeldpo.report.page import REPORT, write_report
from skeldpo.suites.compare import compare_evaluations
from skeldpo.suites.evaluation import Evaluation, LeftOut, round_evaluation
from skeldpo.suites.evaluation_page import comparison_page, evaluation_page

CODE = "def f(a):\n    # all of it\n    return len(set(a)) + 1 if a else '<b>'\n"
PAGES = ("report", "pairs", "suite", "comparison")
LONG = "x" * 3000
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
SHOWN = "[...document.querySelectorAll('{}')].filter(each => each.offsetHeight).length"


def _text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_program_is_shown_with_every_character_and_in_colours() -> None:
    shown = program(CODE, "python")
    assert _text(shown) == CODE.rstrip()
    words = {"k": "def", "f": "f", "c": "# all of it", "b": "len", "m": "1", "s": "&lt;b&gt;"}
    for kind, word in words.items():
        assert re.search(f'<span class="{kind}">[^<]*{re.escape(word)}', shown), word


@pytest.mark.parametrize(
    "text",
    ["", "  ", "no program: $ ? `", '"""open', "\x0c\t\u017c\u00f3 = 1\r\nb", "if x:\n\n\n  y"],
)
def test_any_text_is_shown_whole(text: str) -> None:
    sections = Sections(marked=[(1, 3), (4, 6)], kept=[(0, 2)])
    assert _text(program(text, "python", sections)) == text.rstrip()


def test_marked_words_and_those_that_are_left_out() -> None:
    spans = [(at, at + len(word)) for word in ("return", "set") for at in [CODE.index(word)]]
    kept = [(0, CODE.index("len")), (CODE.index("(set"), len(CODE))]
    shown = program(CODE, "python", Sections(marked=spans, kept=kept))
    assert re.findall(r"<mark[^>]*>(.*?)</mark>", shown) == ["return", "set"]
    assert re.findall(r"<u[^>]*>(.*?)</u>", shown) == ["len"]
    # A span that cuts through words marks no more than it names.
    cut = program("abcdef", "python", Sections(marked=[(2, 4)]))
    assert cut == "ab<mark>cd</mark>ef"


def test_long_table_with_many_spans_takes_no_square_of_its_words() -> None:
    code = "".join(f"    {i}, 'a{i}',\n" for i in range(4000))
    words = [found.span() for found in re.finditer(r"\d+,|'\w+'", code)]
    started_s = time.process_time()
    shown = program(code, "python", Sections(marked=words[::2], kept=words[1::2]))
    assert time.process_time() - started_s < 4
    assert shown.count("</mark>") >= 4000 and _text(shown) == code.rstrip()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every page there is, of a run that was made by hand; with texts that are too long for any
    window."""
    folder = tmp_path_factory.mktemp("pages")
    store = MadeRun(make_config(str(folder))).whole()
    write_report(store)
    path = "round-002/pairs.parquet"
    pairs = store.read_records(path, PreferencePair)
    rejected = replace(pairs[0].rejected, code=f"x = {LONG!r}\n")
    pairs[0] = replace(pairs[0], rejected=rejected, statement=LONG)
    store.write_records(path, PreferencePair, pairs[:6])
    display = Display(Console(file=io.StringIO(), width=80))
    html = {name: folder / f"{name}.html" for name in PAGES[1:]}
    inspect_pairs(store.location(path), problem_id="", html=str(html["pairs"]), display=display)
    before, after = (round_evaluation(store, index) for index in (1, 3))
    assert before is not None and after is not None
    html["suite"].write_text(evaluation_page(_with_long_texts(after)))
    compared = comparison_page(
        compare_evaluations(after, before), title="two", first=LONG, second="b.json"
    )
    html["comparison"].write_text(compared)
    return {"report": Path(store.location(REPORT)), **html}


def _with_long_texts(report: Evaluation) -> Evaluation:
    first, *others = report.problems
    wrong = replace(
        first.samples[0], outcome=Outcome.TIME_LIMIT, is_correct=False, failure=LONG, code=LONG
    )
    left_out = LeftOut(place=LONG, problem_id="p", reason=LONG)
    return replace(
        report,
        problems=(replace(first, problem_id=LONG, samples=(wrong,)), *others),
        left_out=(left_out,),
        provenance={"sha256": LONG},
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests; without one they are skipped, but fail in continuous integration."""
    program = find_browser()
    if not program and not os.environ.get("CI"):
        pytest.skip("no chromium; `make setup` installs it as root, or apt-get install chromium")
    assert program, "no chromium, which `make setup` installs"
    with open_browser(program, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_its_window_light_and_dark(
    name: str, pages: dict[str, Path], browser: Browser, tmp_path: Path
) -> None:
    """With all that is folded open, too; images of what was seen are in the test's folder."""
    backgrounds = set()
    for scheme in ("light", "dark"):
        for width in (1200, 400):
            look = browser.look(pages[name], width=width, scheme=scheme)
            assert look.window_px == width
            assert look.page_px <= width, f"{name} is {look.page_px} px wide in {width} px"
            assert look.unfolded_px <= width, f"{name} unfolded: {look.unfolded_px} in {width} px"
            assert look.complaints == ()
            (tmp_path / f"{name}-{scheme}-{width}.png").write_bytes(look.png)
            assert look.png.startswith(b"\x89PNG") and len(look.png) > 5000
            backgrounds.add((scheme, browser.value(BACKGROUND)))
    assert sorted(backgrounds) == [("dark", "rgb(20, 23, 27)"), ("light", "rgb(255, 255, 255)")]


@pytest.mark.browser
def test_filter_leaves_the_problems_of_a_verdict(pages: dict[str, Path], browser: Browser) -> None:
    browser.look(pages["suite"], width=1200, scheme="light")
    problems, samples = SHOWN.format(".problem"), SHOWN.format(".sample")
    num_samples = browser.value(samples)
    assert browser.value(problems) == 20
    browser.value("document.getElementById('only-TIME_LIMIT').click()")
    assert (browser.value(problems), browser.value(samples)) == (1, 1)
    browser.value("document.getElementById('only-all').click()")
    assert (browser.value(problems), browser.value(samples)) == (20, num_samples)


@pytest.mark.browser
def test_browser_sees_what_does_not_fit_and_what_complains(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "wide.html"
    page.write_text("<div style='width:500px'>wide</div><script>console.log(nothing)</script>")
    look = browser.look(page, width=400, scheme="light")
    assert look.page_px > 400
    assert "nothing is not defined" in look.complaints[0]
