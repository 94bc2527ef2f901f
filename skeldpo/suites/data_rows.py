"""Rows of a suite as published: JSON lines, a JSON array, Parquet, or a Hugging Face dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from skeldpo.problems.formats import read_rows
from skeldpo.problems.program_files import JsonLine, json_lines


def suite_rows(source: str, hub_split: str) -> Sequence[JsonLine]:
    """All rows, each with its place; ValueError if there is no such file or dataset."""
    file = Path(source)
    if file.is_file() and file.suffix == ".json":
        return _numbered(source, _array(file))
    if file.is_file() and file.suffix != ".parquet":
        return list(json_lines(file))
    if file.is_file() or source.count("/") != 1 or source.startswith((".", "/", "~")):
        return [JsonLine(place=place, row=row, reason="") for place, row in read_rows(source)]
    return _numbered(source, _downloaded(source, hub_split))


def _numbered(source: str, rows: Iterable[Any]) -> list[JsonLine]:
    return [
        JsonLine(
            place=f"{source}: row {number}",
            row=row if isinstance(row, dict) else None,
            reason="" if isinstance(row, dict) else f"expected an object, got {type(row).__name__}",
        )
        for number, row in enumerate(rows, start=1)
    ]


def _array(file: Path) -> list[Any]:
    try:
        held = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(held, list):
        raise ValueError(f"{file}: expected an array of rows, got {type(held).__name__}")
    return held


def _downloaded(name: str, split: str) -> list[dict[str, Any]]:
    import datasets

    try:
        return [dict(row) for row in datasets.load_dataset(name, split=split)]
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name!r} is neither a file here nor a dataset that could be downloaded "
            f"({type(error).__name__}: {error}); give a file of its rows with --data"
        ) from error
