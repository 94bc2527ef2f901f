"""Where a skeleton keeps words, and the study of pairs that prints it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pair_rows import FAST, SLOW, write_measured

from skeldpo.languages import language
from skeldpo.records import Measurement
from skeldpo.skeleton.placement import KeptWords, kept_words, total_words
from skeldpo.storage.store import Store
from studies import skeleton_pairs

PYTHON = language("python")
CODE = "n = 0\nfor x in a:\n    n += x\n"


def test_words_are_counted_by_line() -> None:
    """Kept are n of line 1, for and x of line 2, and all of line 3 but its n."""
    spans = [(0, 1), (6, 9), (10, 11), (CODE.index("+="), len(CODE))]
    found = kept_words(CODE, spans, (3,), PYTHON)
    assert found == KeptWords(num_hot=2, num_hot_kept=1, num_other=6, num_other_kept=3)
    assert (found.hot_share, found.other_share) == (0.5, 0.5)
    assert kept_words(CODE.replace("\n", "\r"), spans, (3,), PYTHON) == found  # as Python counts
    whole = total_words([found, kept_words(CODE, [(0, len(CODE))], (1, 3), PYTHON)])
    assert whole == KeptWords(num_hot=6, num_hot_kept=5, num_other=10, num_other_kept=7)
    assert kept_words("", (), (1,), PYTHON).hot_share == 0


def test_study_shows_pairs_of_every_method(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_measured(tmp_path / "measured")
    page = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["skeleton_pairs", str(folder), "--page", str(page)])
    with pytest.raises(ValueError, match="profile_lines=true"):
        skeleton_pairs.main()
    store = Store(str(folder))
    rows = [
        dataclasses.replace(row, hot_lines=(2,)) if row.phase == "screen" else row
        for row in store.read_records("measurements.parquet", Measurement)
    ]
    store.write_records("measurements.parquet", Measurement, rows)
    skeleton_pairs.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| lexical | 1 | 1 (100%) | 0 | ")
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        f"| {name}" for name in skeleton_pairs.METHODS
    ]
    text = page.read_text()
    assert text.startswith("# Skeletons of ten pairs") and "\n## 1. p: 3.0 times faster\n" in text
    for code in (FAST[0], SLOW[1]):
        assert f"<td><pre>{code.rstrip()}</pre></td>" in text
