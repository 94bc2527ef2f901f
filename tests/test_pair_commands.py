"""`skeldpo skeleton`, `pair`, `inspect` and `export` on files: what a person sees."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from datasets import load_from_disk
from pair_rows import FAST, SLOW, timed, write_measured

from skeldpo.cli import RUN_FAILED, USER_ERROR, main
from skeldpo.commands.export import preference_rows
from skeldpo.config import PolicyConfig
from skeldpo.prompts import Prompts
from skeldpo.records import Measurement, PreferencePair
from skeldpo.storage.store import Store


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    return write_measured(tmp_path / "measured")


@pytest.fixture
def pairs(measured: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    out = measured.parent / "pairs.parquet"
    assert main(["pair", str(measured), "--out", str(out)]) == 0
    capsys.readouterr()
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == USER_ERROR
    return capsys.readouterr().err


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two fast and two slow programs."""
    paths = [tmp_path / name for name in ("a.py", "b.py", "c.py", "d.py")]
    for path, code in zip(paths, (*FAST, *SLOW), strict=True):
        path.write_text(code)
    return [str(path) for path in paths]


def test_skeleton_prints_one_after_the_other_under_its_file(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["skeleton", *files[:2]]) == 0
    shown = capsys.readouterr()
    assert shown.out == (
        f"# {files[0]}\ndef f(a):\n    return len(set(a))\n"
        f"# {files[1]}\ndef f(a):\n    _ = set(a)\n    return len(_)\n"
    )
    assert shown.err == ""


def test_skeleton_against_another_group_prints_both(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["skeleton", *files[:2], "--against", *files[2:]]
    assert main(arguments) == 0
    plain = capsys.readouterr().out
    assert [line for line in plain.splitlines() if line[0] == "#"] == [f"# {f}" for f in files]
    assert main([*arguments, "--contrast"]) == 0
    contrast = capsys.readouterr().out
    assert f"# {files[0]}\n_ _(_):\n    _ _(set(_))\n" in contrast
    assert main([*arguments, "--method", "syntactic"]) == 0
    assert f"# {files[0]}\ndef f(a):\n    return len(set(a))\n" in capsys.readouterr().out


@pytest.mark.docker
def test_skeleton_command_profiles_scripts_in_a_sandbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, variable in (("a.py", "total"), ("b.py", "found")):
        (tmp_path / name).write_text(
            f"n = int(input())\n{variable} = 0\nfor i in range(n):\n    {variable} += i * i - n\n"
            f"print({variable})\n"
        )
    (tmp_path / "in.txt").write_text("20000\n")
    files = [str(tmp_path / name) for name in ("a.py", "b.py")]
    with_input = ["--method", "dynamic", "--stdin", str(tmp_path / "in.txt")]
    assert main(["skeleton", *files, *with_input]) == 0
    printed = capsys.readouterr().out
    assert "    total += i * i - n\n" in printed and "    found += i * i - n\n" in printed
    assert "_ = 0\n" in printed


def test_skeleton_says_where_another_method_took_over(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "old.py"
    old.write_text("print 'x'\n")
    assert main(["skeleton", str(old), files[0], "--method", "syntactic"]) == 0
    shown = capsys.readouterr()
    assert shown.err == (
        f"{old}: lexical instead of syntactic: the program does not parse as Python 3.11\n"
        f"{files[0]}: lexical instead of syntactic: too few of the group parse as Python 3.11\n"
    )
    assert shown.out.startswith(f"# {old}\n_ _\n# {files[0]}\n")


def test_skeleton_bad_input_is_named(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "a.py: group of 1 program; needs 2" in refused(capsys, "skeleton", files[0])
    assert "--against FILES" in refused(capsys, "skeleton", *files, "--contrast")
    assert "no file at none.py" in refused(capsys, "skeleton", files[0], "none.py")
    latin = tmp_path / "latin.py"
    latin.write_bytes(b"x = '\xe9'")
    assert "latin.py: a program must be UTF-8" in refused(capsys, "skeleton", files[0], str(latin))
    init = tmp_path / "__init__.py"
    init.write_text("# one of fast/*.py\n")
    assert "__init__.py: no program in it" in refused(capsys, "skeleton", *files, str(init))


def test_pair_shows_tiers_lengths_and_why_there_are_no_more(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = measured.parent / "pairs.parquet"
    assert main(["pair", str(measured), "--out", str(out), "--explain"]) == 0
    shown = capsys.readouterr().out
    for text in (
        "1 efficiency pairs (1 with skeletons) from 1 of 2 problems",
        "speedup tiers (by lower bound)",
        "tokens of chosen less those of rejected",
        "problems; groups are numbers of programs alike in structure",
    ):
        assert text in shown
    flat = " ".join(shown.split())
    assert "no accepted candidate" in flat
    assert "1 of 1" in flat


def test_median_of_two_speedups_is_between_them(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(str(measured))
    rows = [*store.iter_records("measurements.parquet", Measurement), timed("slow0", 2.0)]
    store.write_records("measurements.parquet", Measurement, rows)
    assert main(["pair", str(measured), "--out", str(measured.parent / "two.parquet")]) == 0
    assert "speedup: median 2.50, least 2.00, largest 3.0" in capsys.readouterr().out


def test_pair_writes_where_its_pairs_come_from(measured: Path, pairs: Path) -> None:
    origin = json.loads((measured.parent / "pairs.parquet.origin.json").read_text())
    assert origin["measured"] == str(measured)
    assert origin["pair"]["choice"] == "largest"
    assert origin["skeleton"]["method"] == "lexical"
    assert pairs.is_file()


def test_pair_keeps_evaluation_problems_out(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = measured.parent / "names.txt"
    names.write_text("Q\n")
    arguments = ["pair", str(measured), "--out", str(measured.parent / "kept.parquet")]
    assert main([*arguments, "--set", f'keep_out.files=["{names}"]', "--explain"]) == 0
    shown = capsys.readouterr().out
    assert "1 problems kept out of training: 1 by id (names.txt)" in shown
    assert "from 1 of 1 problems" in shown
    names.write_text("P\nQ\n")
    assert main([*arguments, "--set", f'keep_out.files=["{names}"]', "--explain"]) == RUN_FAILED
    assert "no pair from 0 problems" in capsys.readouterr().err


def test_inspect_shows_both_sides_and_their_raw_times(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(pairs), "--problem", "p"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in (
        "p, efficiency: 3.00 times faster, at least 3.00",
        "p, correctness: chosen is accepted, rejected is wrong",
        "candidate: fast0", "written by: m", "image d", "host h, core 1", "session confirm",
        "on other inputs 1.25",
        "100.000 101.000", "300.000", "set(a)", "origin: sampled", "efficiency-prone: set",
        "inefficiency-prone: for in not",
    ):  # fmt: skip
        assert text in shown


def test_inspect_breaks_no_line_of_tabs_or_wide_letters(
    pairs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    store = Store(str(pairs.parent))
    (first, *_) = store.read_records("pairs.parquet", PreferencePair)
    for line in ("\t\t\treturn len(set(a))", f"    return '{'两' * 9}'"):
        code = f"def f(a):\n{line}\n"
        chosen = dataclasses.replace(first.chosen, code=code, prone_spans=())
        store.write_records(
            "odd.parquet", PreferencePair, [dataclasses.replace(first, chosen=chosen)]
        )
        assert main(["inspect", str(pairs.parent / "odd.parquet")]) == 0
        assert line.expandtabs() in capsys.readouterr().out


def test_inspect_page_escapes_what_programs_say(
    measured: Path, pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(str(measured.parent))
    (first, *_) = store.read_records("pairs.parquet", PreferencePair)
    evil = dataclasses.replace(first, statement="<script>alert(1)</script> & co")
    store.write_records("evil.parquet", PreferencePair, [evil])
    page = measured.parent / "page.html"
    assert main(["inspect", str(measured.parent / "evil.parquet"), "--html", str(page)]) == 0
    text = page.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in text
    assert "<script" not in text
    mark = '<mark class="{}">{}</mark>'.format
    assert f"{mark('b', 'set')}(a))</pre>" in text
    assert f"    {mark('k', 'for')} <u>x</u> {mark('k', 'in')} a:\n" in text
    assert text.index("</pre>") < text.index("<summary>provenance")
    assert "default-src 'none'" in text
    assert "times are not traced" in capsys.readouterr().out


def test_inspect_unknown_problem_names_some(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(capsys, "inspect", str(pairs), "--problem", "P")
    assert "has no pair of problem 'P'" in message and "such as p" in message
    assert "no file at none.parquet" in refused(capsys, "inspect", "none.parquet")


def test_pair_that_fails_leaves_nothing_behind(measured: Path) -> None:
    taken = measured.parent / "taken"
    taken.mkdir()
    assert main(["pair", str(measured), "--out", str(taken)]) == RUN_FAILED
    assert sorted(path.name for path in measured.parent.iterdir()) == ["measured", "taken"]


def test_export_overwrites_no_data_set_in_the_home_folder(
    pairs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell leaves the tilde of --out=~/trl as it is."""
    monkeypatch.setenv("HOME", str(pairs.parent))
    export = ["export", str(pairs), "--format", "trl", "--out=~/trl"]
    assert main(export) == 0 and (pairs.parent / "trl").is_dir()
    assert "~/trl exists already" in refused(capsys, *export)


def test_inspect_takes_pairs_that_lie_in_a_folder_of_a_model(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    (model / "pairs").mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "qwen2"}')
    shutil.copy(pairs, model / "pairs" / "mine.parquet")
    assert main(["inspect", str(model / "pairs" / "mine.parquet")]) == 0
    assert "times are not traced" in capsys.readouterr().out
    Path(f"{model}/pairs/mine.parquet.origin.json").write_text("{}")
    assert "expected a JSON object with measured" in refused(
        capsys, "inspect", f"{model}/pairs/mine.parquet"
    )


def test_export_is_a_data_set_with_the_columns_of_trl(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pairs.parent / "trl"
    assert main(["export", str(pairs), "--format", "trl", "--out", str(folder), "--skeletons"]) == 0
    assert "2 preferences" in capsys.readouterr().out
    rows = load_from_disk(str(folder))
    assert rows.column_names == ["prompt", "chosen", "rejected"]
    assert rows[0]["chosen"] == FAST[0]
    assert rows[0]["prompt"].startswith("Count the distinct items.\ndef f(a):\n[GEN_CODE]")
    assert "[GEN_CODESKELETON]" in rows[1]["prompt"]
    assert "exists already" in refused(
        capsys, "export", str(pairs), "--format", "trl", "--out", str(folder)
    )


def test_export_of_messages_is_fenced_for_a_chat_model(pairs: Path) -> None:
    (pair, *_) = Store(str(pairs.parent)).read_records(pairs.name, PreferencePair)
    (row,) = preference_rows(pair, PolicyConfig(model=""), "messages", with_skeletons=False)
    assert row["prompt"][0]["role"] == "user"
    assert row["chosen"] == [
        {"role": "assistant", "content": f"```python\n{FAST[0].rstrip()}\n```"}
    ]


@pytest.mark.parametrize("starter_code", ["", "def f(a):", "class S:\n    def f(self, a):\n"])
def test_exported_messages_ask_as_our_own_training_does(pairs: Path, starter_code: str) -> None:
    from tiny_policy import byte_tokenizer

    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    (pair, *_) = Store(str(pairs.parent)).read_records(pairs.name, PreferencePair)
    asked = dataclasses.replace(pair, starter_code=starter_code)
    policy = PolicyConfig(model="", prefill="off")
    (row,) = preference_rows(asked, policy, "messages", with_skeletons=False)
    ids = Prompts(tokenizer, policy).code_prompt_ids(pair.statement, starter_code)
    assert tokenizer.decode(ids) == f"<user>{row['prompt'][0]['content']}"


def test_settings_that_give_no_pair_leave_the_earlier_ones(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = pairs.read_bytes()
    measured = json.loads(Path(f"{pairs}.origin.json").read_text())["measured"]
    strict = ["--set", "pair.min_speedup=1000", "--set", "pair.max_correctness_pairs=0"]
    assert main(["pair", measured, "--out", str(pairs), *strict]) == RUN_FAILED
    assert "no pair from" in capsys.readouterr().err
    assert pairs.read_bytes() == before
    table = Path(measured) / "measurements.parquet"
    rows = table.read_bytes()
    assert "give another name" in refused(capsys, "pair", measured, "--out", str(table))
    assert table.read_bytes() == rows
