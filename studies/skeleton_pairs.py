"""The skeletons of a round's pairs by every method: how many pairs have them, and where they keep
words; and ten pairs with all methods side by side, for a reader to judge.

    python -m studies.skeleton_pairs FOLDER --set pair.min_speedup=1.3 [--page docs/SKELETONS.md]

FOLDER holds problems, candidates and measurements: `skeldpo measure` writes it, with
`--set measure.profile_lines=true`, which the dynamic method and the figures need.
"""

from __future__ import annotations

import argparse
import html
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skeldpo.config import PairConfig, Section, SkeletonConfig
from skeldpo.config.toml_file import load_sections
from skeldpo.languages import language
from skeldpo.pair import build_pairs
from skeldpo.records import Candidate, Measurement, PairSide, PreferencePair, Problem, content_id
from skeldpo.skeleton.extract import HotLines
from skeldpo.skeleton.placement import KeptWords, kept_words, total_words
from skeldpo.storage.store import Store

NUM_SHOWN = 10
MAX_LINES = 24
"""Of the programs of a pair that is shown."""
METHODS = tuple(
    f"{method}{', contrast' * contrast}"
    for method, contrast in itertools.product(("lexical", "syntactic", "dynamic"), (False, True))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A folder's rows, by problem; `hot_lines` of the programs that were profiled, by text."""

    problems: Sequence[Problem]
    candidates: Mapping[str, list[Candidate]]
    measurements: Mapping[str, list[Measurement]]
    hot_lines: HotLines


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of a method: efficiency pairs, those with skeletons, those whose group was joined by
    programs that are less alike or is of one program, and where the skeletons keep words."""

    num_pairs: int
    num_with_skeletons: int
    num_widened: int
    words: KeptWords


class _Sections(Section):
    pair: PairConfig = PairConfig(min_speedup=1.2)
    skeleton: SkeletonConfig = SkeletonConfig()


def main() -> None:
    options = _options()
    sections = load_sections(_Sections(), options.set)
    measured = read_measured(options.folder)
    made = {
        name: efficiency_pairs(measured, sections.pair, _with_method(sections.skeleton, name))
        for name in METHODS
    }
    lines = list(figure_lines(made, measured.hot_lines))
    print("\n".join(lines))
    if options.page:
        command = f"python -m studies.skeleton_pairs FOLDER --page {options.page}"
        text = "\n".join([*_opening(command, options.note), *lines, "", *page_lines(made)])
        Path(options.page).write_text(text + "\n", encoding="utf-8")


def read_measured(folder: str) -> Measured:
    """The rows of a folder of `skeldpo measure`; ValueError if no program was profiled."""
    store = Store(str(Path(folder).absolute()))
    candidates: dict[str, list[Candidate]] = defaultdict(list)
    measurements: dict[str, list[Measurement]] = defaultdict(list)
    hot_lines = {}
    codes = {}
    for candidate in store.iter_records("candidates.parquet", Candidate):
        candidates[candidate.problem_id].append(candidate)
        codes[candidate.candidate_id] = candidate.code
    for row in store.iter_records("measurements.parquet", Measurement):
        measurements[row.problem_id].append(row)
        if row.hot_lines:
            hot_lines[codes[row.candidate_id]] = row.hot_lines
    if not hot_lines:
        raise ValueError(
            f"{folder}: expected programs that were profiled, found none; measure them with "
            "--set measure.profile_lines=true"
        )
    problems = store.read_records("problems.parquet", Problem)
    return Measured(
        problems=problems, candidates=candidates, measurements=measurements, hot_lines=hot_lines
    )


def efficiency_pairs(
    measured: Measured, pair: PairConfig, skeleton: SkeletonConfig
) -> list[PreferencePair]:
    """Of all problems, as a round makes them."""
    return [
        row
        for problem in measured.problems
        for row in build_pairs(
            problem=problem,
            candidates=measured.candidates[problem.problem_id],
            measurements=measured.measurements[problem.problem_id],
            pair=pair,
            skeleton=skeleton,
            round_index=0,
        ).pairs
        if row.stage == "efficiency"
    ]


def figures(pairs: Sequence[PreferencePair], hot_lines: HotLines) -> Figures:
    """What a method makes of the pairs."""
    having = [pair for pair in pairs if pair.chosen.skeleton.text]
    notes = ("less alike", "by its names")
    widened = [
        pair
        for pair in having
        if any(n in s.skeleton.note for s in (pair.chosen, pair.rejected) for n in notes)
    ]
    words = [
        kept_words(
            side.code, side.skeleton.kept_spans, hot_lines[side.code], language(pair.language)
        )
        for pair in having
        for side in (pair.chosen, pair.rejected)
        if side.code in hot_lines
    ]
    return Figures(
        num_pairs=len(pairs),
        num_with_skeletons=len(having),
        num_widened=len(widened),
        words=total_words(words),
    )


def figure_lines(
    made: Mapping[str, Sequence[PreferencePair]], hot_lines: HotLines
) -> Iterator[str]:
    """A table, in the order of the methods."""
    yield "| method | pairs | with skeletons | of these widened | hot | other | hot - other |"
    yield "|---|---|---|---|---|---|---|"
    for name, pairs in made.items():
        found = figures(pairs, hot_lines)
        hot, other = found.words.hot_share, found.words.other_share
        share = found.num_with_skeletons / max(1, found.num_pairs)
        yield (
            f"| {name} | {found.num_pairs} | {found.num_with_skeletons} ({share:.0%}) | "
            f"{found.num_widened} | {hot:.3f} | {other:.3f} | {hot - other:+.3f} |"
        )


def page_lines(made: Mapping[str, Sequence[PreferencePair]]) -> Iterator[str]:
    """Pairs of different problems whose skeletons all methods have, in a seeded order."""
    by_method = {name: {pair.pair_id: pair for pair in pairs} for name, pairs in made.items()}
    first, *_ = by_method.values()
    shown: dict[str, str] = {}
    for pair in sorted(first.values(), key=lambda pair: content_id(pair.pair_id)):
        sides = pair.chosen, pair.rejected
        fits = all(len(side.code.splitlines()) <= MAX_LINES for side in sides)
        if fits and all(rows[pair.pair_id].chosen.skeleton.text for rows in by_method.values()):
            shown.setdefault(pair.problem_id, pair.pair_id)
    for number, (problem_id, pair_id) in enumerate(list(shown.items())[:NUM_SHOWN], 1):
        pair = first[pair_id]
        yield f"## {number}. {problem_id}: {pair.speedup:.1f} times faster"
        yield ""
        for name in ("chosen", "rejected"):
            yield from _side_lines(
                name, {m: getattr(rows[pair_id], name) for m, rows in by_method.items()}
            )


def _side_lines(name: str, sides: Mapping[str, PairSide]) -> Iterator[str]:
    """A program and its skeletons, those of a method below each other."""
    plain = [method for method in sides if "contrast" not in method]
    code = sides[plain[0]].code
    yield "<table>"
    yield f"<tr><th>{name}</th>{''.join(f'<th>{method}</th>' for method in plain)}</tr>"
    for suffix in ("", ", contrast"):
        cells = [sides[method + suffix].skeleton.text for method in plain]
        shown = [code if not suffix else "with contrast", *cells]
        cells = [f"<td><pre>{html.escape(text.rstrip())}</pre></td>" for text in shown]
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table>"
    yield ""


def _opening(command: str, note: str) -> list[str]:
    return [
        "# Skeletons of ten pairs, by every method",
        "",
        f"Written by `{command}`",
        "from the programs of a round of jobs/configs/quickstart.toml; [METHOD.md](METHOD.md), "
        "section 2, has the rules.",
        "Hot is the share of the words on the lines that take a tenth of a program's time or more",
        "that its skeleton keeps, other that of all other words; words are what may be masked. Of",
        "the widened pairs a group was joined by programs less alike, or had one program. Contrast",
        "masks what the other side's group shares too.",
        *([note] if note else []),
        "",
    ]


def _with_method(section: SkeletonConfig, name: str) -> SkeletonConfig:
    method, _, contrast = name.partition(", ")
    return SkeletonConfig.model_validate(
        section.model_dump() | {"method": method, "contrast": bool(contrast)}
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m studies.skeleton_pairs")
    parser.add_argument("folder", help="of `skeldpo measure`, with measure.profile_lines")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="of [pair] and [skeleton]")  # fmt: skip
    parser.add_argument("--note", default="", help="what the page says of how FOLDER was made")
    parser.add_argument("--page", default="", help="Markdown file of the figures and ten pairs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
