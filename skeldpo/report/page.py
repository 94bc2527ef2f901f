"""The report of a run: `report.html` in its folder, and the same figures on the terminal.

The page is one file without scripts or anything from elsewhere; programs in it are the model's, so
every text is escaped and the page forbids scripts. An unfinished run is reported as far as it got.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from markupsafe import Markup
from rich.text import Text

from skeldpo import __version__
from skeldpo.console import Display
from skeldpo.pages import Table, render
from skeldpo.pages.side_by_side import pair_sides
from skeldpo.processes import is_dead
from skeldpo.records import PreferencePair
from skeldpo.report.before_after import changes, problem_table
from skeldpo.report.core_time import core_table
from skeldpo.report.figures import build_figures, wall_time_chart
from skeldpo.report.marks import styled_code
from skeldpo.report.summary import (
    RunSummary,
    example_pairs,
    finished_stages,
    missing_stages,
    open_run_folder,
    quarantined_problems,
    summarize_run,
)
from skeldpo.report.tables import (
    METRIC_TITLES,
    dropped_table,
    find_score,
    interval_text,
    length_table,
    origin_table,
    pair_table,
    quarantine_table,
    score_tables,
    speed_notes,
    speedup_table,
    stage_table,
    suite_tables,
    training_table,
    verdict_table,
    versions,
)
from skeldpo.rounds.alive import is_silent, read_running, running_text
from skeldpo.rounds.lease import read_driver
from skeldpo.rounds.run_start import read_config
from skeldpo.storage.store import Store

REPORT = "report.html"
TEMPLATE = "report/page.html.j2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A metric of the newest policy: its value, and how that differs from the start."""

    title: str
    value: str
    interval: str
    difference: str


def write_report(store: Store) -> str:
    """Writes the page of a run from what its folder holds; returns where it is."""
    summary = summarize_run(store)
    page = render(
        TEMPLATE,
        summary=summary,
        digest=summary.config.digest(),
        versions=versions(summary) or (f"skeldpo=={__version__}",),
        state=run_state(summary),
        headlines=_headlines(summary),
        score_tables=score_tables(summary),
        suite_tables=suite_tables(summary),
        stages=stage_table(summary),
        dropped=dropped_table(summary),
        cores=core_table(store, summary.config),
        quarantined=quarantine_table(summary),
        verdicts=verdict_table(summary),
        pairs=pair_table(summary),
        origins=origin_table(summary),
        lengths=length_table(summary),
        training=training_table(summary),
        wall_time=Markup(wall_time_chart(summary)),
        figures={figure.name: figure for figure in build_figures(summary)},
        examples=[(pair, pair_sides(pair)) for pair in example_pairs(summary)],
        changes=changes(summary.policies),
        problem_table=problem_table(summary.policies),
        speed_notes=speed_notes(summary),
        num_unscored={p.round_index: len(p.report.unscored) for p in summary.policies},
    )
    store.write_text(REPORT, page)
    return store.location(REPORT)


def report_run(store: Store, display: Display) -> None:
    """Shows the figures, writes the page, where that is possible, and says where it is."""
    show_report(store, display)
    display.tell(f"\nreport: {write_report(store)}")


def show_report(store: Store, display: Display) -> None:
    """The figures of the page as tables on the terminal."""
    summary = summarize_run(store)
    display.tell(
        f"run {summary.config.run.name}: {run_state(summary)}; configuration "
        f"{summary.config.digest()}; {', '.join(versions(summary))}"
    )
    for table in (
        stage_table(summary),
        dropped_table(summary),
        core_table(store, summary.config),
        quarantine_table(summary),
        verdict_table(summary),
        pair_table(summary),
        origin_table(summary),
        speedup_table(summary),
        length_table(summary),
        training_table(summary),
    ):
        _show(table, display)
    for pair in example_pairs(summary):
        display.tell(f"\n{example_title(pair)}")
        for name, side in (("chosen", pair.chosen), ("rejected", pair.rejected)):
            skeleton = side.skeleton.text or f"({side.skeleton.note})"
            display.tell(f"-- {name}, {side.origin}, {side.time_ratio:.2f} x the baseline's time")
            display.show(styled_code(side, name))
            display.tell(f"-- {name}, skeleton")
            display.tell(skeleton.rstrip())
    for table in score_tables(summary):
        _show(table, display, title=f"Scores: {table.title} (95 % intervals)")
    for note in speed_notes(summary):
        display.tell(note)
    for table in suite_tables(summary):
        _show(table, display)


def show_status(run: str, display: Display) -> None:
    """Which stages of a run are finished, with rows in and out, and which are missing."""
    store = open_run_folder(run)
    config = read_config(store)
    summary = RunSummary(
        config=config,
        finished=finished_stages(store, config),
        missing=missing_stages(store, config),
        quarantined=quarantined_problems(store, config),
        policies=(),
        suites=(),
        verdicts=(),
        pairs=(),
        training=(),
    )
    display.tell(f"run {config.run.name} in {store.root}: {run_state(summary)}")
    driver = read_driver(store)
    if driver is not None:
        display.tell(f"{'gone' if is_dead(driver.owner) else 'driven by'}: {driver}")
    now = read_running(store)
    if now is not None:
        # Not told: of two lines that end in "s left" only the second would stay.
        said = f"\nit said last: {now.line}" if now.line else ""
        display.show(Text(running_text(now, time.time()) + said))
    _show(stage_table(summary), display)
    _show(dropped_table(summary), display)
    _show(core_table(store, config), display)
    _show(quarantine_table(summary), display)
    for stage in summary.missing:
        if stage.num_written:
            display.tell(
                f"round {stage.round_index} {stage.stage}: {stage.num_measured} problems measured "
                f"so far, {stage.num_written} generated"
            )
    is_gone = driver is None or is_dead(driver.owner)
    if summary.missing and is_gone and (now is None or is_silent(now, time.time())):
        display.tell("the `skeldpo run` command that made it goes on from there")


def run_state(summary: RunSummary) -> str:
    """A line that says how far the run is."""
    if not summary.missing:
        seconds = sum(manifest.seconds for manifest in summary.finished)
        return f"finished, {summary.config.run.num_rounds} rounds in {duration_text(seconds)}"
    total = len(summary.finished) + len(summary.missing)
    first = summary.missing[0]
    return (
        f"not finished: {len(summary.finished)} of {total} stages done, next is round "
        f"{first.round_index} {first.stage}"
    )


def duration_text(seconds: float) -> str:
    """Seconds in the units one would say."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"


def example_title(pair: PreferencePair) -> str:
    """What was measured of a pair."""
    return (
        f"{pair.problem_id} (round {pair.round_index}): {pair.speedup:.2f} times faster, at least "
        f"{pair.speedup_low:.2f}, nominal p = {pair.p_value:.2g}"
    )


def _headlines(summary: RunSummary) -> list[Headline]:
    if not summary.policies:
        return []
    newest = summary.policies[-1]
    found = []
    for metric, title in METRIC_TITLES.items():
        score = find_score(newest.scores, "", metric)
        difference = find_score(newest.differences, "", metric)
        if score is not None:
            value, _, interval = interval_text(score, "").partition(" ")
            text = f"{interval_text(difference, '+')} against the start" if difference else ""
            found.append(Headline(title=title, value=value, interval=interval, difference=text))
    return found


def _show(table: Table, display: Display, title: str = "") -> None:
    if table.rows:
        display.table(f"\n{title or table.title}", table.columns, table.rows)
