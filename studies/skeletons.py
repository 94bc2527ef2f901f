"""What skeletons say, and what they cost: the methods side by side, without training anything.

Separation: of each problem half of the efficient and of the inefficient programs make the groups;
the other half is unseen. An unseen program is masked by either group; what is kept of it and how
like the group's skeletons its own is are the features of a logistic regression, which is fitted on
other problems (five folds); "by share" uses the share kept alone. The score is the chance that an
efficient program is put above an inefficient one of its problem; 0.5 says nothing.
"hot" is the share of the words on the lines that take the time that are kept, "other" that of all
other words; both are 0 unless programs were profiled. Those of pairs: `studies.skeleton_pairs`.

    python -m studies.skeletons --json skeletons.json [--quick] [--measured FOLDER] [--least 6]
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeldpo.config import SkeletonConfig
from skeldpo.languages import python
from skeldpo.languages.python import read_syntax, tokens
from skeldpo.records import content_id
from skeldpo.skeleton.extract import HotLines, group_skeleton
from skeldpo.skeleton.lexical import common_tokens, lexical_skeleton
from skeldpo.skeleton.masking import MASK, Masked, mask_words
from skeldpo.skeleton.placement import KeptWords, kept_words, total_words
from skeldpo.skeleton.structure import alike_groups
from skeldpo.skeleton.syntactic import SharedParts, syntactic_skeleton
from studies.labelled import (
    LabelledProblem,
    evalperf_problems,
    fit_logistic,
    measured_problems,
    separation,
)

NUM_FOLDS = 5
MAX_PROGRAMS = 12
"""Programs a side of a problem; the first, third, ... make the group, the others are unseen."""
LENGTHS = (1, 2, 4, 8, 16, 32)
"""Programs of which the text is made whose cost is measured."""


Rule = Callable[[str, Sequence[str], Sequence[str]], Masked]
"""(code, its group, the other side's) -> its skeleton."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """An unseen program: its features and whether it is efficient."""

    features: tuple[float, ...]
    is_efficient: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of one side, the largest of the other, and its programs' skeletons as token pairs."""

    codes: tuple[str, ...]
    other: tuple[str, ...]
    skeletons: tuple[Masked, ...]
    grams: tuple[frozenset[tuple[str, ...]], ...]


def main() -> None:
    options = _options()
    data = Path(options.data)
    if options.measured:
        problems = measured_problems(options.measured, MAX_PROGRAMS)
    else:
        problems = evalperf_problems(data, MAX_PROGRAMS)
    problems = [p for p in problems if min(len(p.efficient), len(p.inefficient)) >= options.least]
    if not problems:
        raise ValueError(
            f"no problem has {options.least} efficient and {options.least} inefficient programs in "
            f"{options.measured or options.data}; measure more programs of each problem"
        )
    if options.quick:
        problems = sorted(problems, key=lambda p: content_id(p.problem_id))[:16]
    figures: dict[str, float] = {"num_problems": len(problems)}
    programs = human_programs(data, 300 if options.quick else 1500)
    figures |= speed(programs)
    for name, value in figures.items():
        print(f"{name:34} {value:12.4g}")
    print(
        f"\n{'method':28} {'kept':>6} {'hot':>6} {'other':>6} {'by share':>9} 95 % interval   "
        f"{'by both':>8} 95 % interval"
    )
    hot_lines = {code: lines for p in problems for code, lines in p.hot_lines.items()}
    for name, rule, least in rules(hot_lines):
        found = measure_rule(problems, rule, least)
        figures |= {f"{name}_{key}": value for key, value in found.items()}
        shares = (f"{found['kept_share' + part]:6.3f}" for part in ("", "_hot", "_other"))
        print(f"{name:28} {' '.join(shares)} {_cells(found, 'separation_by_share')}   "
              f"{_cells(found, 'separation')}")  # fmt: skip
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _cells(found: dict[str, float], key: str) -> str:
    return f"{found[key]:8.3f} [{found[key + '_low']:.3f}, {found[key + '_high']:.3f}]"


def rules(hot_lines: HotLines) -> Iterator[tuple[str, Rule, float]]:
    """Name, rule and least similarity of a group: the methods between nothing and all masked, the
    dynamic one if programs were profiled."""
    yield "code", lambda code, group, other: Masked(text=code, kept_spans=((0, len(code)),)), 0.0
    yield "all_masked", lambda code, group, other: _all_masked(code), 0.0
    for method, contrast, least in itertools.product(
        ("lexical", "syntactic", *["dynamic"] * bool(hot_lines)),
        (False, True),
        (0.0, SkeletonConfig().min_similarity),
    ):
        config = SkeletonConfig.model_validate(
            {"method": method, "contrast": contrast, "min_similarity": least}
        )

        def rule(
            code: str, group: Sequence[str], other: Sequence[str], config: SkeletonConfig = config
        ) -> Masked:
            made = group_skeleton(code, group, config, python, against=other, hot_lines=hot_lines)
            return Masked(text=made.text, kept_spans=made.kept_spans)

        yield method + "_contrast" * contrast + "_grouped" * bool(least), rule, least


def _all_masked(code: str) -> Masked:
    return mask_words(code, lambda start, end: False, python)


def measure_rule(problems: Sequence[LabelledProblem], rule: Rule, least: float) -> dict[str, float]:
    """Of the groups' own programs the share of tokens kept, and of words on the lines that take the
    time and on all others; and separation of unseen ones."""
    kept: list[float] = []
    placed: list[KeptWords] = []
    unseen: list[list[Unseen]] = []
    for problem in problems:
        sides = problem.efficient, problem.inefficient
        groups = _groups((sides[0][::2], sides[1][::2]), rule, least)
        made = [
            both
            for side in groups
            for group in side
            for both in zip(group.codes, group.skeletons, strict=True)
        ]
        kept += [kept_share(code, skeleton.text) for code, skeleton in made]
        placed += [
            kept_words(code, skeleton.kept_spans, problem.hot_lines[code], python)
            for code, skeleton in made
            if code in problem.hot_lines
        ]
        unseen.append(
            [
                Unseen(features=_features(code, groups, rule), is_efficient=side is sides[0])
                for side in sides
                for code in side[1::2]
            ]
        )
    families = [problem.family for problem in problems]
    found = separation(_held_out_scores(problems, unseen, slice(None)), families)
    by_share = separation(_held_out_scores(problems, unseen, slice(None, None, 2)), families)
    words = total_words(placed)
    return {
        "kept_share": statistics.mean(kept),
        "kept_share_hot": words.hot_share,
        "kept_share_other": words.other_share,
        "separation": found.value,
        "separation_low": found.low,
        "separation_high": found.high,
        "separation_by_share": by_share.value,
        "separation_by_share_low": by_share.low,
        "separation_by_share_high": by_share.high,
    }


def kept_share(code: str, skeleton: str) -> float:
    """Tokens of the code that the skeleton keeps, over all of them."""
    masks = sum(token == MASK for token in tokens(skeleton))
    return 1 - masks / max(1, len(tokens(code)))


def speed(programs: Sequence[str]) -> dict[str, float]:
    """Programs per second of one core for each method, and how cost grows with length."""
    common = common_tokens(programs[:2], python)
    group = [syntax.parts for syntax in map(read_syntax, programs[:5]) if syntax is not None]
    shared, nothing = SharedParts(group), SharedParts([])

    def lexical(code: str) -> None:
        lexical_skeleton(code, common, python)

    def syntactic(code: str) -> None:
        syntax = read_syntax(code)
        if syntax is not None:
            syntactic_skeleton(code, syntax, shared, nothing, python)

    return {
        "mean_program_characters": statistics.mean(map(len, programs)),
        "lexical_programs_per_second": len(programs) / _seconds(lexical, programs),
        "syntactic_programs_per_second": len(programs) / _seconds(syntactic, programs),
        "lexical_cost_exponent": _exponent(lexical, programs),
        "syntactic_cost_exponent": _exponent(syntactic, programs),
    }


def human_programs(data: Path, num_programs: int) -> list[str]:
    """Programs of code_contests, spread over its problems."""
    with gzip.open(data / "code_contests" / "problems.jsonl.gz", "rt", encoding="utf-8") as lines:
        codes = [code for line in lines for code in json.loads(line)["solutions"]]
    return sorted(set(codes), key=content_id)[:num_programs]


def _features(code: str, groups: Sequence[Sequence[Group]], rule: Rule) -> tuple[float, ...]:
    """For either side: the largest share kept of the program by one of its groups, and the largest
    likeness of its skeleton to one of that group's."""
    found: list[float] = []
    for side in groups:
        share = likeness = 0.0
        for group in side:
            text = rule(code, group.codes, group.other).text
            grams = _grams(text)
            share = max(share, kept_share(code, text))
            likeness = max(likeness, *(_overlap(grams, other) for other in group.grams))
        found += [share, likeness]
    return tuple(found)


def _held_out_scores(
    problems: Sequence[LabelledProblem], unseen: Sequence[Sequence[Unseen]], used: slice
) -> list[tuple[list[float], list[float]]]:
    folds = [int(content_id(p.problem_id), 16) % NUM_FOLDS for p in problems]
    scores: list[tuple[list[float], list[float]]] = []
    for fold, held_out in zip(folds, unseen, strict=True):
        known = [row for f, rows in zip(folds, unseen, strict=True) if f != fold for row in rows]
        weights, offset = fit_logistic(
            np.array([row.features[used] for row in known]),
            np.array([float(row.is_efficient) for row in known]),
        )
        found: tuple[list[float], list[float]] = ([], [])
        for row in held_out:
            found[not row.is_efficient].append(float(np.dot(weights, row.features[used]) + offset))
        scores.append(found)
    return scores


def _groups(
    sides: tuple[Sequence[str], Sequence[str]], rule: Rule, least: float
) -> list[list[Group]]:
    """Of each side the groups of at least two; all together where none are alike enough."""
    max_group = SkeletonConfig().max_group
    codes: list[list[tuple[str, ...]]] = []
    for side in sides:
        alike = alike_groups(side, least, python) if least else [tuple(side)]
        groups = [group[:max_group] for group in alike if len(group) > 1]
        codes.append(groups or [tuple(side[:max_group])])
    made: list[list[Group]] = []
    for own, across in (codes, codes[::-1]):
        other = max(across, key=len)
        made.append([])
        for group in own:
            skeletons = tuple(rule(code, group, other) for code in group)
            made[-1].append(
                Group(
                    codes=group,
                    other=other,
                    skeletons=skeletons,
                    grams=tuple(_grams(skeleton.text) for skeleton in skeletons),
                )
            )
    return made


def _grams(text: str) -> frozenset[tuple[str, ...]]:
    words = tokens(text)
    return frozenset(zip(words, words[1:], strict=False))


def _overlap(first: frozenset[tuple[str, ...]], second: frozenset[tuple[str, ...]]) -> float:
    union = len(first | second)
    return len(first & second) / union if union else 1.0


def _seconds(method: Callable[[str], None], programs: Sequence[str]) -> float:
    started_s = time.process_time()
    for code in programs:
        method(code)
    return time.process_time() - started_s


def _exponent(method: Callable[[str], None], programs: Sequence[str]) -> float:
    """x where cost grows with the x-th power of length: 1 is linear (least squares of logs)."""
    block = [code for code in programs if read_syntax(code) is not None and "\r" not in code][:20]
    sizes, costs_s = [], []
    for length in LENGTHS:
        text = "\n".join(block * length)
        read_syntax.cache_clear()
        best_s = min(_seconds(method, [text + "\n" * turn]) for turn in range(3))
        sizes.append(len(text))
        costs_s.append(best_s)
    return float(np.polyfit(np.log(sizes), np.log(costs_s), 1)[0])


def _options() -> argparse.Namespace:
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m studies.skeletons")
    parser.add_argument("--json", default="", help="file of the figures, flat keys")
    parser.add_argument("--quick", action="store_true", help="16 problems, in a minute")
    parser.add_argument("--data", default=os.environ.get("SKELDPO_DATA") or str(shared),
                        help="folder of the data sets ($SKELDPO_DATA)")  # fmt: skip
    parser.add_argument("--least", type=int, default=6,
                        help="programs a side of a problem that counts (4 or more)")  # fmt: skip
    parser.add_argument("--measured", default="",
                        help="take the programs of a folder of `skeldpo measure`")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
