"""Every table of every command at 80 columns: no line is longer, no word of a header is broken."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_run import MadeRun, make_config
from pair_rows import write_measured
from rich.console import Console

from skeldpo.commands.doctor import Finding, show_findings
from skeldpo.commands.inspect import inspect_pairs
from skeldpo.commands.measure import _show, _Verdicts
from skeldpo.commands.pair import pair_given
from skeldpo.console import Display
from skeldpo.records import Candidate, Measurement, Outcome, Problem
from skeldpo.report.page import show_report, show_status
from skeldpo.storage.store import Store
from skeldpo.suites.enamel_tests import efficiency_scores
from skeldpo.suites.evaluation import Evaluation, ProblemResult, SampleResult, save_evaluation
from skeldpo.suites.shown import compare_reports, show_evaluation

WIDTH = 80
LONG_ID = "code_contests/1575_A. Another Sorting Problem (the second of its round)/variant-0123"


class Tables(Display):
    """A display of 80 columns that keeps the headers it is given, and shows nothing but tables."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.headers: list[str] = []
        self.num_rows = 0
        super().__init__(
            Console(file=self.text, width=WIDTH, highlight=False, soft_wrap=True), self.text
        )

    def tell(self, line: str) -> None:
        """Prose is as long as it is: a terminal wraps it."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Keeps a paragraph's headers, that of its first cell aside."""
        before = self.text.tell()
        super().table(title, columns, rows)
        shown = self.text.getvalue()[before:].split()
        for header in columns[1:]:
            for word in header.split():
                assert {word, f"{word}:"} & set(shown), (word, self.text.getvalue()[before:])
        self.headers += columns
        self.num_rows += len(rows)

    def check(self, *headers: str) -> None:
        """Nothing is too wide, and these columns were there."""
        assert set(headers) <= set(self.headers), self.headers
        too_long = [line for line in self.text.getvalue().splitlines() if len(line) > WIDTH]
        assert not too_long, too_long
        assert self.num_rows


@pytest.fixture
def display() -> Tables:
    return Tables()


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A folder as `skeldpo measure` writes it, whose first problem has a long name."""
    folder = write_measured(tmp_path / "measured")
    store = Store(str(folder))
    for name, record in (("problems", Problem), ("candidates", Candidate),
                         ("measurements", Measurement)):  # fmt: skip
        rows: list[Any] = store.read_records(f"{name}.parquet", record)
        changed = [
            replace(row, problem_id=LONG_ID) if row.problem_id == "p" else row for row in rows
        ]
        store.write_records(f"{name}.parquet", record, changed)
    return folder


def test_pair_and_inspect(measured: Path, tmp_path: Path, display: Tables) -> None:
    out = str(tmp_path / "pairs.parquet")
    pair_given(folder=str(measured), output=out, overrides=(), explain=True, display=display)
    display.check("candidates", "inefficient", "not in a pair", "chosen longer", "reason", "tier")
    inspect_pairs(out, problem_id=LONG_ID, html="", display=display)
    display.check("skeletons", "at least")
    shown = display.text.getvalue()
    assert "chosen" in shown and "rejected" in shown
    assert re.search(r"return len\(set\(a\)\) +", shown)


def test_inspect_puts_programs_with_long_lines_below_each_other(
    measured: Path, tmp_path: Path, display: Tables
) -> None:
    store = Store(str(measured))
    rows = store.read_records("candidates.parquet", Candidate)
    long = "    # " + " ".join(["a remark of a model"] * 3) + "\n"
    store.write_records(
        "candidates.parquet", Candidate,
        [replace(row, code=row.code.replace("\n", f"\n{long}", 1)) for row in rows],
    )  # fmt: skip
    out = str(tmp_path / "pairs.parquet")
    pair_given(folder=str(measured), output=out, overrides=(), explain=False, display=display)
    inspect_pairs(out, problem_id=LONG_ID, html="", display=display)
    display.check("at least")
    assert long.rstrip() in display.text.getvalue()


def test_run_and_status(tmp_path: Path, display: Tables) -> None:
    whole = MadeRun(make_config(str(tmp_path))).whole()
    show_report(whole, display)
    display.check("round, stage", "wrong answer", "chosen longer", "skeleton accuracy", "speedup")
    show_status(whole.root, display)
    display.check("finished (UTC)", "dropped")


def test_measure(display: Tables) -> None:
    reason = "ValueError: invalid literal for int() with base 10: " + "9" * 100
    verdicts = _Verdicts(
        by_problem=Counter(f"p{number}" for number in range(1000)),
        outcomes=Counter({outcome: 12345 for outcome in Outcome}),
        reasons=Counter({(outcome.value, reason): 3 for outcome in Outcome}),
    )
    _show(verdicts, 3.0, display)
    display.check("verdict", "reason", "programs")


def test_doctor(display: Tables) -> None:
    found = "/a/rather/long/path/of/an/interpreter/in/an/environment of 64 GiB, 12 of them free"
    told = Display(display.console)
    show_findings(
        [
            Finding(name="transformers", state="ok", found="5.19.0", remedy=""),
            Finding(name="Docker engine", state="missing", found=found,
                    remedy="sudo usermod -aG docker $USER && newgrp docker"),
            Finding(name="clock", state="warn", found=found, remedy="tune it"),
        ],
        told,
    )  # fmt: skip
    lines = display.text.getvalue().splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "  -> sudo usermod -aG docker $USER && newgrp docker" in "\n".join(lines)
    assert lines[0] == "ok       transformers   5.19.0"


def evaluation(eff: float) -> Evaluation:
    """Many samples of two families, with scores of every name."""

    def samples(shift: int) -> tuple[SampleResult, ...]:
        return tuple(
            SampleResult(
                sample_index=index, code="pass", outcome=Outcome.ACCEPTED, is_correct=index > shift,
                failure="", values={"eff": eff, "beyond_released": eff / 2}, times_ns=(),
            )
            for index in range(12)
        )  # fmt: skip

    return Evaluation(
        suite="code_contests",
        protocol="released",
        provenance={},
        problems=tuple(
            ProblemResult(
                problem_id=f"{LONG_ID}{index}", difficulty="Hard", samples=samples(index % 4),
                relative_to={}, scores=efficiency_scores(samples(index % 4), (1, 5, 10)),
            )
            for index in range(30)
        ),
        left_out=(),
    )  # fmt: skip


def test_evaluate_and_compare(tmp_path: Path, display: Tables) -> None:
    names = [str(tmp_path / "a rather long name of a report" / f"{i}.json") for i in "12"]
    for name, eff in zip(names, (0.123, 0.987), strict=True):
        Path(name).parent.mkdir(exist_ok=True)
        save_evaluation(evaluation(eff), name)
    show_evaluation(evaluation(0.5), display)
    display.check("95 % interval", "problems")
    compare_reports(*names, "", display)
    display.check("difference", "apart", "plot")
