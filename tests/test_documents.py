"""What code and documents cite is there: documents, headings, links, paths and commands."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
HISTORY = ("docs/LOG.md", "CHANGELOG.md")
"""They name files and commands as they were."""
ROOMS = "skeldpo|jobs|cluster|benchmarks|studies|examples|tests|docs"


def _tracked() -> list[Path]:
    """The files of this tree that are text, those that are new included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    files = [REPOSITORY / line for line in listed.splitlines()]
    suffixes = {".py", ".md", ".toml", ".sh", ".yaml", ".yml", ".j2", ".in"}
    return [file for file in files if file.suffix in suffixes and file.is_file()]


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


TEXTS = {
    _name(path): path.read_text(encoding="utf-8")
    for path in _tracked()
    if path != Path(__file__).resolve()
}
DOCUMENTS = sorted(name for name in TEXTS if name.endswith(".md"))
PRESENT = [name for name in DOCUMENTS if name not in HISTORY]


@cache
def _headings(document: str) -> tuple[str, ...]:
    text = re.sub(r"^```.*?^```", "", TEXTS[document], flags=re.MULTILINE | re.DOTALL)
    return tuple(re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE))


def _anchor(heading: str) -> str:
    """What a forge makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _flat(text: str) -> str:
    """The text without its line ends, and what stands before a comment's continuation."""
    return re.sub(r"\s*\n\s*(?:#:? )?", " ", text)


def _citations() -> Iterator[tuple[str, str, str]]:
    """(where, document, what of it) of every "docs/X.md", "docs/X.md, section 2",
    "(docs/X.md, heading)" and "docs/X.md#anchor"."""
    pattern = r"docs/(\w+\.md)(?:#([\w-]+)|, (section \d+)|, ([^(),]{1,60})(?=\)))?"
    for where, text in TEXTS.items():
        for found in re.finditer(pattern, _flat(text)):
            document, *parts = found.groups()
            yield where, f"docs/{document}", next(filter(None, parts), "")


def _is_in(document: str, part: str) -> bool:
    if part.startswith("section "):
        number = part.removeprefix("section ")
        return any(heading.startswith(f"{number}. ") for heading in _headings(document))
    if "`" in part:
        return part in TEXTS[document]
    anchors = {_anchor(heading) for heading in _headings(document)}
    return not part or _anchor(part) in anchors


def test_cited_documents_and_their_headings_are_there() -> None:
    cited = sorted(set(_citations()))
    assert len(cited) > 30
    missing = [
        f"{where}: {document} {part}"
        for where, document, part in cited
        if document not in TEXTS or not _is_in(document, part)
    ]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize(
    ("part", "expected"),
    [("section 2", True), ("section 99", False), ("timing", True), ("no such", False),
     ("what-is-believed", True), ("`measure.numpy`", True), ("`measure.nothing`", False)],
)  # fmt: skip
def test_parts_of_documents_are_told_from_others(part: str, expected: bool) -> None:
    document = "docs/METHOD.md" if part.startswith("section") else "docs/SANDBOX.md"
    assert _is_in(document, part) is expected


def test_no_document_is_named_that_is_not_here() -> None:
    here = {Path(name).name for name in DOCUMENTS}
    unknown = {
        f"{where}: {name}"
        for where, text in TEXTS.items()
        for name in re.findall(r"\b([A-Z]{3,}\.md)\b", text)
        if name not in here
    }
    bare = {
        f"{where}: {found}"
        for where, text in TEXTS.items()
        if where not in HISTORY
        for found in re.findall(r"\b(?:METHOD|DESIGN|SANDBOX)(?:'s |,? section|,? \d).{0,20}", text)
    }
    assert not unknown | bare, "\n".join(sorted(unknown | bare))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    folder = (REPOSITORY / document).parent
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[document]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (folder / path).resolve() if path else REPOSITORY / document
        is_there = file.is_relative_to(REPOSITORY) and file.exists()
        if not is_there or (
            anchor and anchor not in {_anchor(heading) for heading in _headings(_name(file))}
        ):
            broken.append(target)
    assert not broken, f"{document}: {broken}"


@pytest.mark.parametrize("document", PRESENT)
def test_paths_and_commands_named_in_documents_exist(document: str) -> None:
    text = TEXTS[document]
    paths = re.findall(rf"(?<![\w./])((?:{ROOMS})/[\w./-]*\w/?)(?![\w*<{{=])", text)
    modules = re.findall(r"\b((?:jobs|benchmarks|studies)\.[a-z]\w*)", text)
    lost = [path for path in paths if not (REPOSITORY / path).exists()]
    lost += [name for name in modules if not (REPOSITORY / f"{name.replace('.', '/')}.py").exists()]
    assert not lost, f"{document} names what is not there: {sorted(set(lost))}"


def _entries() -> dict[str, str]:
    """The text of each entry of the log, by anchor."""
    parts = re.split(r"^## (.+)$", TEXTS["docs/LOG.md"], flags=re.MULTILINE)
    return dict(zip(map(_anchor, parts[1::2]), parts[2::2], strict=True))


def _findings() -> list[list[str]]:
    """The cells of each row of the tables of figures."""
    text = TEXTS["docs/FINDINGS.md"].partition("## Kinds of faults")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [row for row in rows if row and row[0] not in ("claim", "---")]


@pytest.mark.parametrize("row", _findings(), ids=lambda row: row[0])
def test_each_claim_rests_on_an_entry_of_the_log_that_nothing_supersedes(row: list[str]) -> None:
    claim, figure, command, machine, date, entry = row
    assert claim and figure and command and machine
    anchor = re.fullmatch(r"\[.+\]\(LOG\.md#([\w-]+)\)", entry)
    assert anchor and anchor[1] in _entries(), f"{claim}: no entry {entry}"
    assert anchor[1].startswith(date), f"{claim}: {date} is not the date of {entry}"
    assert not _entries()[anchor[1]].lstrip().startswith("Superseded by"), f"{claim}: {entry}"


def test_entries_of_the_log_are_named_apart_and_superseded_by_later_ones() -> None:
    anchors = [_anchor(heading) for heading in _headings("docs/LOG.md")[1:]]
    assert len(anchors) == len(set(anchors)) == len(_entries())
    marks = [
        (anchor, later)
        for anchor, text in _entries().items()
        for later in re.findall(r"^Superseded .*\(#([\w-]+)\)\.$", text, re.MULTILINE)
    ]
    assert len(marks) > 40
    assert len(marks) == len(re.findall(r"^Superseded", TEXTS["docs/LOG.md"], re.MULTILINE))
    wrong = [mark for mark in marks if anchors.index(mark[0]) >= anchors.index(mark[1])]
    assert not wrong
