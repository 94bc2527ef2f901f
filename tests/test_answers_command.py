"""`skeldpo answers`: what a round's policy wrote, beside what was made of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from pair_rows import PROBLEM, SLOW, WRONG, candidate, measurement, timed, write_measured

from skeldpo.cli import USER_ERROR, main
from skeldpo.commands.answers import show_answers
from skeldpo.console import Display
from skeldpo.records import Candidate, Example, Measurement, Outcome, Problem, StageManifest
from skeldpo.storage.store import Store

PROSE = "Count them, a < b:\n```python\n{}```\n"


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    """A round of a run: of "p" one of three answers is right, of "q" the only one."""
    from tiny_policy import byte_tokenizer

    tokenizer = byte_tokenizer()
    run = Store(str(tmp_path / "run"))
    tokenizer.save_pretrained(run.location("round-002/policy"))
    problems = [
        dataclasses.replace(
            PROBLEM,
            problem_id=key,
            tests=(
                Example(input_text="[[1]]", expected_text="1"),
                Example(input_text=f"[{[7] * 300}]", expected_text="1"),
            ),
        )
        for key in ("p", "q")
    ]
    run.write_records("problems.parquet", Problem, problems)
    rows = []
    for index, (key, text, problem_id) in enumerate(
        [("right", SLOW[0], "p"), ("wrong", WRONG, "p"), ("lost", "", "p"), ("easy", SLOW[1], "q")]
    ):
        written = PROSE.format(text) if text else "I cannot."
        token_ids = tuple(tokenizer(written)["input_ids"])
        row = candidate(key, text, finish_reason="stop" if text else "length")
        changes = {"sample_index": index, "completion_token_ids": token_ids}
        rows.append(dataclasses.replace(row, problem_id=problem_id, **changes))
    rows.append(dataclasses.replace(candidate("given", SLOW[0]), origin="dataset"))
    run.write_records("round-003/candidates.parquet", Candidate, rows)
    failed = {"outcome": Outcome.WRONG_ANSWER, "failure": "test 1: expected '1', got '300'"}
    measured = [
        measurement("right"),
        timed("right", 0.5, phase="screen"),
        measurement("wrong", **failed),
        measurement("lost", outcome=Outcome.COMPILE_ERROR, failure="SyntaxError"),
        measurement("easy", problem_id="q"),
        measurement("given"),
    ]
    run.write_records("round-003/measurements.parquet", Measurement, measured)
    return Path(run.location("round-003"))


def test_counts_then_answers_beside_their_programs(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["answers", str(answered), "--problem", "p"]) == 0
    shown = capsys.readouterr().out
    flat = " ".join(shown.split())
    assert "4 answers verdict answers share cut without a program" in flat
    for row in ("ACCEPTED 2 50.0% 0 0", "WRONG_ANSWER 1 25.0% 0 0", "COMPILE_ERROR 1 25.0% 1 1"):
        assert row in flat
    assert f"--- as it was written\n{PROSE.format(WRONG)}--- its program\n{WRONG}" in shown
    wrong, lost, right = (shown.index(f"p, sample {index}, ") for index in (1, 2, 0))
    assert wrong < lost < right
    assert "cut, no program was found in it: COMPILE_ERROR" in flat
    assert "50.00 ms: ACCEPTED" in flat
    assert f"got '300' input: [[7{', 7' * 132}" in flat.replace("\n", "")
    assert "q, sample" not in shown


def test_some_are_shown_from_the_hardest_problem_to_the_easiest(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["answers", str(answered), "--num", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("p, sample 1, ") < shown.index("q, sample 3, ")
    assert "sample 0" not in shown and "sample 2" not in shown
    assert main(["answers", str(answered), "--verdict", "ACCEPTED", "--num", "9"]) == 0
    assert "sample 1, " not in capsys.readouterr().out


def test_page_escapes_answers_and_filters_them(answered: Path, tmp_path: Path) -> None:
    page = tmp_path / "answers.html"
    assert main(["answers", str(answered), "--html", str(page)]) == 0
    text = page.read_text()
    assert "Count them, a &lt; b:" in text and "a < b" not in text
    assert text.index("<b>p</b>") < text.index("<b>q</b>")
    assert "wrong answer 1</label>" in text


def test_answer_that_equals_a_known_program_has_its_time(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of held-out problems the known program is run for both."""
    store = Store(str(answered))
    rows = store.read_records("candidates.parquet", Candidate)
    rows.append(dataclasses.replace(rows[0], candidate_id="same", sample_index=7))
    store.write_records("candidates.parquet", Candidate, rows)
    measured = store.read_records("measurements.parquet", Measurement)
    measured += [measurement("same", equal_to="given"), timed("given", 0.25, phase="screen")]
    store.write_records("measurements.parquet", Measurement, measured)
    assert main(["answers", str(answered), "--problem", "p"]) == 0
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("p, sample 7"))
    assert line.endswith("tokens, 25.00 ms: ACCEPTED")


def test_page_is_written_also_if_nobody_reads_the_rest(answered: Path, tmp_path: Path) -> None:
    """As with `skeldpo answers FOLDER --html FILE | head`."""

    class Closed(Display):
        def write(self, text: str) -> None:
            raise BrokenPipeError

    page = tmp_path / "page.html"
    with pytest.raises(BrokenPipeError):
        show_answers(
            str(answered), problem_id="", verdict="", num_shown=1, html=str(page), display=Closed()
        )
    assert "4 answers" in page.read_text()


def test_without_the_policy_programs_are_shown(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Store(str(answered.parent)).remove("round-002/policy")
    assert main(["answers", str(answered), "--problem", "q"]) == 0
    shown = capsys.readouterr().out
    assert "the policy that wrote them is not there" in " ".join(shown.split())
    assert SLOW[1] in shown and "as it was written" not in shown


def test_first_round_reads_the_starting_policy(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Store(str(answered.parent))
    rows = run.read_records("round-003/candidates.parquet", Candidate)
    first = [dataclasses.replace(row, round_index=1) for row in rows]
    run.write_records("round-003/candidates.parquet", Candidate, first)
    started = {"folder": run.location("round-002/policy"), "model_id": "m"}
    run.write_text("policy-0.json", json.dumps(started))
    assert main(["answers", str(answered), "--problem", "q"]) == 0
    assert PROSE.format(SLOW[1]) in capsys.readouterr().out


def test_given_programs_and_what_is_not_there(
    answered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = write_measured(tmp_path / "measured")
    assert main(["answers", str(measured)]) == 0
    assert "ACCEPTED" in capsys.readouterr().out
    for arguments, said in (
        ([str(tmp_path)], "expected a round of a run"),
        ([str(answered), "--problem", "r"], "no answer of problem r (2 problems, such as p, q)"),
        ([str(answered), "--verdict", "VIOLATION"], "no answer VIOLATION"),
    ):
        assert main(["answers", *arguments]) == USER_ERROR
        assert said in " ".join(capsys.readouterr().err.split())


def test_pair_on_a_round_says_where_its_pairs_are(
    answered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = StageManifest(
        stage="sample", round_index=3, config_digest="", num_in=0, num_out=0, dropped=(),
        outputs=(), versions=(), seconds=0.0, finished_at="",
    )  # fmt: skip
    Store(str(answered)).write_manifest(".", manifest)
    assert main(["pair", str(answered), "--out", str(tmp_path / "pairs.parquet")]) == USER_ERROR
    assert "whose pairs are its pairs.parquet" in " ".join(capsys.readouterr().err.split())


def test_unknown_verdict_and_a_place_without_answers_are_said(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["answers", str(answered), "--verdict", "wrong"]) == USER_ERROR
    assert "no verdict 'wrong'; there are ACCEPTED, WRONG_ANSWER" in capsys.readouterr().err
    Store(str(answered)).write_records("candidates.parquet", Candidate, [])
    assert main(["answers", str(answered)]) == USER_ERROR
    assert "has no answers: nothing was asked for there" in capsys.readouterr().err
