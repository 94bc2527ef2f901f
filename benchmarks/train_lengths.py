"""Lengths of real statements and answers: `python -m benchmarks.train_lengths FOLDER`.

Prints the deciles that `benchmarks.train_workload` holds, over code_contests and LeetCode problems
of the real data, each source with equal weight. A token is a word, a digit, a mark or the blanks at
the start of a line, which stands in for the tokenizers of code models.
"""

from __future__ import annotations

import gzip
import json
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TOKEN = re.compile(r"[A-Za-z_]+|\d|\n\s*|[^\sA-Za-z_\d]")
_NUM_PROGRAMS = 3
"""Programs of a code_contests problem that count: some have over a hundred."""


def main() -> None:
    """Prints the deciles of both."""
    texts = {name: list(read(Path(sys.argv[1]))) for name, read in _SOURCES.items()}
    for index, kind in enumerate(("statement", "answer")):
        counts: list[int] = []
        weight = max(len(rows) for rows in texts.values())
        for rows in texts.values():
            found = [len(_TOKEN.findall(row[index])) for row in rows]
            counts += [count for count in found for _ in range(max(1, weight // len(rows)))]
        print(kind, [round(value) for value in statistics.quantiles(counts, n=10)])


def _code_contests(folder: Path) -> Iterator[tuple[str, str]]:
    for row in _rows(folder / "code_contests" / "problems.jsonl.gz"):
        for program in row["solutions"][:_NUM_PROGRAMS]:
            yield row["statement"], program


def _leetcode(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted((folder / "leetcode").glob("*train.jsonl.gz")):
        for row in _rows(file):
            yield row["query"], row["completion"]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


_SOURCES = {"code_contests": _code_contests, "leetcode": _leetcode}

if __name__ == "__main__":
    main()
