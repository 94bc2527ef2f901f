"""`skeldpo inspect`: pairs side by side, with what is known of where they come from.

A pair is traced to the candidates and measurements it was made of: the two tables that lie beside
it in a run's round, or in the folder that its origin file (`skeldpo pair`) names. Without them the
pair is shown as it is, and that is said. The page is one file without scripts; every text in it is
escaped.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from skeldpo.columns import flowed, wrapped
from skeldpo.console import Display
from skeldpo.pages import render
from skeldpo.pages.side_by_side import ShownSide, pair_sides
from skeldpo.pair.judged import by_candidate
from skeldpo.pair.lengths import num_tokens
from skeldpo.pair.races import crosscheck_ratios
from skeldpo.records import Candidate, Measurement, PairSide, PreferencePair
from skeldpo.report.marks import styled_code
from skeldpo.storage.files import folder_and_name
from skeldpo.storage.store import Store, write_file
from skeldpo.timing import estimate_ns

ORIGIN_SUFFIX = ".origin.json"
TEMPLATE = "commands/pairs.html.j2"
PRONE = {"chosen": "efficiency-prone", "rejected": "inefficiency-prone"}
"""What the words are called that only one side's programs share."""
MAX_SHOWN = 3
"""Pairs shown side by side on the terminal if no problem is asked for."""
TAB_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SideView:
    """One side of a pair, (name, value) facts of its candidate and measurement, and its median CPU
    time in the session that decided (0: not known)."""

    name: str
    side: PairSide
    facts: tuple[tuple[str, str], ...]
    time_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairView:
    """A pair, why it was taken, and what is common to both of its measurements."""

    pair: PreferencePair
    why: str
    facts: tuple[tuple[str, str], ...]
    sides: tuple[SideView, SideView]

    @property
    def shown(self) -> tuple[ShownSide, ShownSide]:
        """Both sides for a page."""
        first, second = self.sides
        return pair_sides(self.pair, (first.time_ns, second.time_ns), (first.facts, second.facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where pairs come from: rows by candidate id, empty if unknown, and the settings."""

    candidates: dict[str, Candidate]
    measurements: dict[str, list[Measurement]]
    settings: dict[str, Any]
    note: str


def inspect_pairs(path: str, *, problem_id: str, html: str, display: Display) -> list[PairView]:
    """Shows the pairs of a file, or of one problem, and writes the page if asked for."""
    folder, name = folder_and_name(path)
    if not Store(folder).exists(name):
        raise ValueError(f"no file at {path}; expected pairs that `skeldpo pair` or a run wrote")
    pairs = Store(folder).read_records(name, PreferencePair)
    if problem_id:
        pairs = _of_problem(pairs, problem_id, path)
    origin = read_origin(path)
    views = [view_pair(pair, origin) for pair in pairs]
    if html:
        write_file(html, _page(views, path, origin))
    _show_overview(pairs, display)
    shown = views if problem_id else views[:MAX_SHOWN]
    for view in shown:
        _show(view, display)
    if origin.note:
        display.tell(f"\n{origin.note}")
    if len(shown) < len(views):
        display.tell(f"\n{len(views) - len(shown)} more pairs; --problem ID or --html FILE")
    if html:
        display.tell(f"page: {html}")
    return views


def read_origin(pairs_path: str) -> Origin:
    """The rows a pairs file was made of, from its origin file or from beside it."""
    folder, name = folder_and_name(pairs_path)
    beside, run = Store(folder), Store(folder_and_name(folder)[0])
    settings = {}
    if beside.exists(name + ORIGIN_SUFFIX):
        settings = beside.read_json(name + ORIGIN_SUFFIX, "measured")
        folder = settings["measured"]
    elif run.exists("config.json"):
        whole = run.read_json("config.json")
        # Of a model, say, in whose folder's folder the pairs are, it has none of them.
        settings = {key: whole[key] for key in ("pair", "skeleton", "measure") if key in whole}
    store = Store(folder)
    if not (store.exists("candidates.parquet") and store.exists("measurements.parquet")):
        note = f"no candidates.parquet and measurements.parquet in {folder}: times are not traced"
        return Origin(candidates={}, measurements={}, settings=settings, note=note)
    candidates = store.read_records("candidates.parquet", Candidate)
    return Origin(
        candidates={row.candidate_id: row for row in candidates},
        measurements=by_candidate(store.iter_records("measurements.parquet", Measurement)),
        settings=settings,
        note="",
    )


def view_pair(pair: PreferencePair, origin: Origin) -> PairView:
    """A pair with everything that is known of it."""
    rows = [origin.measurements.get(side.candidate_id, []) for side in (pair.chosen, pair.rejected)]
    shared = _shared_session(*rows) if pair.stage == "efficiency" else None
    measured = next((row for row in rows[0] if row.session_id == shared), None)
    facts = [("pair", pair.pair_id), ("weight", f"{pair.weight:.3g}")]
    if measured is not None:
        facts += [
            ("session", measured.session_id),
            ("inputs", measured.input_digest),
            ("host", f"{measured.host_id}, core {measured.core}"),
            ("image", measured.image_digest),
            ("Python", measured.python_version),
        ]
        others = crosscheck_ratios(*rows)
        facts += [("on other inputs", " ".join(f"{ratio:.2f}" for ratio in others) or "not timed")]
    lengths = num_tokens(pair)
    sides = (
        _side_view("chosen", pair.chosen, lengths[0], rows[0], shared, origin),
        _side_view("rejected", pair.rejected, lengths[1], rows[1], shared, origin),
    )
    return PairView(pair=pair, why=why_taken(pair), facts=tuple(facts), sides=sides)


def why_taken(pair: PreferencePair) -> str:
    """The evidence for a pair, in a line."""
    if pair.stage == "correctness":
        return "chosen is accepted, rejected is wrong"
    return (
        f"{pair.speedup:.2f} times faster, at least {pair.speedup_low:.2f} (nominal 95 %), "
        f"nominal p = {pair.p_value:.2g}"
    )


def _shared_session(chosen: Iterable[Measurement], rejected: Iterable[Measurement]) -> str | None:
    """The confirming session of both with most rounds: the one that decided."""
    theirs = {row.session_id for row in rejected if row.phase == "confirm" and row.cpu_times_ns}
    both = [
        (len(row.cpu_times_ns), row.session_id)
        for row in chosen
        if row.phase == "confirm" and row.cpu_times_ns and row.session_id in theirs
    ]
    most = max((num_rounds for num_rounds, _ in both), default=0)
    return min((key for num_rounds, key in both if num_rounds == most), default=None)


def _side_view(
    name: str,
    side: PairSide,
    length_tokens: int,
    rows: Sequence[Measurement],
    session: str | None,
    origin: Origin,
) -> SideView:
    facts = [
        ("candidate", side.candidate_id),
        ("origin", side.origin),
        ("tokens", str(length_tokens)),
    ]
    if side.time_ratio:
        facts.append(("time over the baseline's", f"{side.time_ratio:.3f}"))
    candidate = origin.candidates.get(side.candidate_id)
    if candidate is not None and candidate.model_id:
        facts.append(("written by", candidate.model_id))
    verdicts = sorted({row.outcome.value for row in rows if row.phase == "check"})
    if verdicts:
        facts.append(("verdict", ", ".join(verdicts)))
    words = [side.code[start:end] for start, end in side.prone_spans]
    if words:
        facts.append((PRONE[name], " ".join(dict.fromkeys(words))))
    decided = [
        row.cpu_times_ns
        for row in rows
        if session is not None and row.session_id == session and row.phase == "confirm"
    ]
    facts += [
        ("CPU times, ms", " ".join(f"{time_ns / 1e6:.3f}" for time_ns in times_ns))
        for times_ns in decided
    ]
    time_ns = estimate_ns(decided[0]) if decided else 0.0
    return SideView(name=name, side=side, facts=tuple(facts), time_ns=time_ns)


def _of_problem(
    pairs: Sequence[PreferencePair], problem_id: str, path: str
) -> list[PreferencePair]:
    found = [pair for pair in pairs if pair.problem_id == problem_id]
    if not found:
        known = sorted({pair.problem_id for pair in pairs})
        close = difflib.get_close_matches(problem_id, known, n=3) or known[:3]
        raise ValueError(
            f"{path} has no pair of problem {problem_id!r} ({len(known)} problems, such as "
            f"{', '.join(close)})"
        )
    return found


def _page(views: Sequence[PairView], path: str, origin: Origin) -> str:
    settings = json.dumps(origin.settings, indent=1) if origin.settings else ""
    return render(TEMPLATE, views=views, path=path, settings=settings, note=origin.note)


def _show_overview(pairs: Sequence[PreferencePair], display: Display) -> None:
    display.table(
        f"{len(pairs)} pairs",
        ("problem", "stage", "speedup", "at least", "weight", "tokens", "origin", "skeletons"),
        [
            (
                pair.problem_id,
                pair.stage,
                f"{pair.speedup:.2f}" if pair.speedup else "-",
                f"{pair.speedup_low:.2f}" if pair.speedup else "-",
                f"{pair.weight:.2f}",
                "{} over {}".format(*num_tokens(pair)),
                f"{pair.chosen.origin} over {pair.rejected.origin}",
                "yes" if pair.chosen.skeleton.text else "no",
            )
            for pair in pairs
        ],
    )


def _show(view: PairView, display: Display) -> None:
    display.tell("")
    for line in wrapped(f"{view.pair.problem_id}, {view.pair.stage}: {view.why}", display.width):
        display.tell(line)
    for line in flowed([f"{name} {value}" for name, value in view.facts], display.width):
        display.tell(line)
    texts = [
        (styled_code(side.side, side.name), Text(_skeleton_text(view, side))) for side in view.sides
    ]
    programs = [text for s in view.sides for text in (s.side.code, s.side.skeleton.text)]
    for text in itertools.chain(*texts):
        text.expand_tabs(TAB_SIZE)  # a table takes one for a letter, and breaks the line
    lines = (line.expandtabs(TAB_SIZE) for text in programs for line in text.splitlines())
    longest = max(map(cell_len, lines), default=0)
    shown = [
        (side.name, Text("\n".join(f"{name}: {value}" for name, value in side.facts)), *both)
        for side, both in zip(view.sides, texts, strict=True)
    ]
    # Beside each other only if no line of a program is broken; a border is 7 characters in all.
    groups = [shown] if 2 * longest + 7 <= display.width else [[side] for side in shown]
    for group in groups:
        table = Table(show_lines=True)
        for name, *_ in group:
            table.add_column(name, overflow="fold", ratio=1)
        for row in zip(*(cells for _, *cells in group), strict=True):
            table.add_row(*row)
        display.console.print(table, soft_wrap=False)


def _skeleton_text(view: PairView, side: SideView) -> str:
    skeleton = side.side.skeleton
    has_any = any(each.side.skeleton.text for each in view.sides)
    return skeleton.text.rstrip() if has_any else f"(no skeleton: {skeleton.note})"
