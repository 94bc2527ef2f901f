"""The report of a run that was made by hand: page, terminal and status."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import platform
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from made_run import FAST, HOSTILE, NUM_ROUNDS, SLOW, MadeRun, make_check, make_config
from rich.console import Console

from skeldpo.cli import RUN_FAILED, main
from skeldpo.config.toml_file import parse_config
from skeldpo.console import Display
from skeldpo.problems.programs import known_candidates
from skeldpo.records import (
    Assignment,
    Candidate,
    Measurement,
    Outcome,
    PreferencePair,
)
from skeldpo.report.before_after import NUM_CHANGES, changes, problem_table
from skeldpo.report.charts import nice_ticks
from skeldpo.report.core_time import core_table
from skeldpo.report.marks import STYLES, styled_code
from skeldpo.report.page import report_run, show_report, show_status, write_report
from skeldpo.report.summary import (
    PolicyScores,
    RoundPairs,
    Verdicts,
    example_pairs,
    open_run_folder,
    summarize_run,
)
from skeldpo.report.tables import (
    count_between,
    speed_notes,
    speedup_table,
    training_table,
    verdict_table,
)
from skeldpo.rounds.alive import RunNote
from skeldpo.rounds.lease import driving
from skeldpo.rounds.stages import closing_place, round_place
from skeldpo.storage.store import Store, round_folder
from skeldpo.suites.compare import Difference
from skeldpo.suites.evaluation import Evaluation, Interval, ProblemResult, SampleResult


@pytest.fixture
def config(tmp_path):
    return make_config(str(tmp_path))


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory) -> Store:
    return MadeRun(make_config(str(tmp_path_factory.mktemp("runs")))).whole()


@pytest.fixture(scope="module")
def page(whole_run) -> str:
    write_report(whole_run)
    return whole_run.read_text("report.html")


def shown(call) -> str:
    """What a terminal without colours, 80 columns wide, would show."""
    text = io.StringIO()
    call(Display(Console(file=text, width=80, highlight=False, soft_wrap=True)))
    return text.getvalue()


def in_percent(score: Interval | Difference, sign: str) -> str:
    low, high = f"{score.low:{sign}.1%}"[:-1], f"{score.high:{sign}.1%}"[:-1]
    return f"{score.value:{sign}.1%}"[:-1] + f" [{low}, {high}]"


class _Reader(HTMLParser):
    """Collects tags and the texts of `pre` elements; fails on tags that are not balanced."""

    VOID = ("meta", "link", "img", "br", "hr", "input")

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.codes: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "pre":
            self.codes.append("")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data) -> None:
        if "pre" in self._open:
            self.codes[-1] += data

    def close(self) -> None:
        super().close()
        assert self._open == []


def read_page(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_page_is_well_formed_and_loads_nothing(page):
    reader = read_page(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "src"]
    assert not re.search(r"https?://|url\(|@import", page)
    assert "default-src 'none'" in page and "prefers-color-scheme: dark" in page


def test_page_shows_scores_of_every_policy_with_intervals(whole_run, page):
    policies = summarize_run(whole_run).policies
    assert [policy.round_index for policy in policies] == [0, 1, 2]
    assert policies[0].differences == {}
    for policy in policies:
        for score in policy.scores.values():
            assert in_percent(score, "") in page
        for score in policy.differences.values():
            assert in_percent(score, "+") in page
    for split in ("all held-out problems", "never trained on", "variants of trained families"):
        assert split in page


def test_page_accounts_for_every_row_of_every_stage(whole_run, page):
    summary = summarize_run(whole_run)
    assert len(summary.finished) == 1 + 4 * NUM_ROUNDS + 2 and not summary.missing
    for manifest in summary.finished:
        row = f"<tr><th>{manifest.round_index} {manifest.stage}</th>"
        found = page[page.index(row) :].partition("</tr>")[0]
        cells = re.findall(r"<td>(.*?)</td>", found)
        lost = manifest.num_in - manifest.num_out
        assert cells[1:4] == [str(manifest.num_in), str(manifest.num_out), str(lost)]
    assert "no speed difference beyond doubt" in page and "sandbox failed" in page


def test_page_says_what_the_sandbox_cores_did(page):
    """Of 10 s that a core was held for, programs had 6 and inputs 1."""
    cores = page[page.index("What the sandbox cores did") :]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", cells_of_first_row(cores))
    assert [cell.strip() for cell in cells[:4]] == ["1", "10", "60", "10"]


def cells_of_first_row(text):
    body = text[text.index("<tbody") :] if "<tbody" in text else text
    rows = re.findall(r"<tr>.*?</tr>", body, flags=re.DOTALL)
    return next(row for row in rows if "<td" in row)


def test_verdicts_are_counted_by_group(whole_run):
    rows = [v for v in summarize_run(whole_run).verdicts if v.place == round_place(1)]
    totals = {row.group: sum(row.outcomes.values()) for row in rows}
    assert totals == {
        "training": 12 * 4, "training data": 12, "held-out": 20 * 4, "known": 20 * 2,
    }  # fmt: skip
    training = next(row for row in rows if row.group == "training")
    assert training.outcomes[Outcome.ACCEPTED] == 12 * 3


def test_verdicts_of_a_round_under_way_are_counted_by_group(config):
    """Nothing was evaluated yet, and training problems bring known programs too."""
    run = MadeRun(config)
    for problem, purpose in ((run.train[0], "train"), (run.heldout[0], "evaluate")):
        known = known_candidates(problem)
        asked = Assignment(
            problem=problem, purpose=purpose, round_index=1, num_samples=0, temperature=0.0,
            seed=0, candidates=known,
        )  # fmt: skip
        rows = [make_check(candidate, Outcome.ACCEPTED) for candidate in known]
        folder = round_folder(1)
        run.store.write_part(f"{folder}/assignments", problem.problem_id, Assignment, [asked])
        run.store.write_part(f"{folder}/candidates", problem.problem_id, Candidate, known)
        run.store.write_part(f"{folder}/measurements", problem.problem_id, Measurement, rows)
    totals = {row.group: sum(row.outcomes.values()) for row in summarize_run(run.store).verdicts}
    assert totals == {"training data": 2, "known": 2}


def test_page_says_who_wrote_the_programs_of_the_pairs(whole_run, page):
    for row in summarize_run(whole_run).pairs:
        rejected = [pair.rejected.origin for pair in row.efficiency]
        assert {pair.chosen.origin for pair in row.efficiency} == {"sampled"}
        cells = page[page.index(f"<tr><th>{row.round_index} efficiency</th>") :].split("</td>")[:4]
        assert [cell.rpartition("<td>")[2] for cell in cells] == [
            str(rejected.count("sampled")), str(rejected.count("dataset")), "0", "0",
        ]  # fmt: skip
        assert rejected.count("dataset")


def test_page_has_a_chart_for_each_kind_of_figure(page):
    labels = re.findall(r'aria-label="([^"]*)"', page)
    titles = ("Pass@1", "Beyond@1", "percentile", "fast share", "fast@1", "fast@1.2", "fast@2")
    assert {f"{title} by policy" for title in titles} <= set(labels)
    assert {"loss", "reward accuracy", "reward margin, chosen - rejected"} <= set(labels)
    for index in range(1, NUM_ROUNDS + 1):
        assert f"speedup of the efficiency pairs of round {index}" in labels
        assert f"length difference of the efficiency pairs of round {index}" in labels
    assert "wall time per stage" in labels
    assert "nan" not in "".join(re.findall(r'(?:points|[xyc][xy12]?)="([^"]*)"', page))


def test_speedup_bars_add_up_to_the_pairs(whole_run, page):
    for row in summarize_run(whole_run).pairs:
        start = page.index(
            f'aria-label="speedup of the efficiency pairs of round {row.round_index}"'
        )
        chart = page[start:].partition("</svg>")[0]
        counts = [int(n) for n in re.findall(r"times: (\d+)</title>", chart)]
        assert sum(counts) == len(row.efficiency) > 0


def test_three_examples_show_code_and_skeleton_as_text(whole_run, page):
    examples = example_pairs(summarize_run(whole_run))
    assert len({pair.problem_id for pair in examples}) == 3
    assert examples[0].speedup > examples[1].speedup > examples[2].speedup
    expected = [
        text.rstrip()
        for pair in examples
        for text in (
            pair.chosen.code,
            pair.chosen.skeleton.text,
            pair.rejected.code,
            pair.rejected.skeleton.text,
            pair.statement,
        )
    ]
    assert read_page(page).codes[-len(expected) :] == expected


def test_examples_mark_what_only_one_side_shares(whole_run, page):
    (pair, *_) = example_pairs(summarize_run(whole_run))
    for name, side in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        marked = [side.code[start:end] for start, end in side.prone_spans]
        assert marked
        for word in marked:
            assert re.search(f'<mark( class="[a-z]")?>{re.escape(word)}</mark>', page), word
        styled = styled_code(side, name)
        assert [styled.plain[span.start : span.end] for span in styled.spans] == marked
        assert {str(span.style) for span in styled.spans} == {STYLES[name]}


def test_marks_of_a_terminal_stand_behind_a_form_feed_where_they_belong(whole_run):
    """Which a terminal does not show."""
    pair = example_pairs(summarize_run(whole_run))[0]
    code = "x = 1\n\x0c\ndef f(a):\n    return set(a)\n"
    spans = tuple((code.index(word), code.index(word) + 3) for word in ("def", "set"))
    styled = styled_code(dataclasses.replace(pair.chosen, code=code, prone_spans=spans), "chosen")
    assert [styled.plain[span.start : span.end] for span in styled.spans] == ["def", "set"]
    assert styled.plain == code.rstrip().replace("\x0c", "")


def test_share_of_right_programs_is_of_those_with_a_verdict(whole_run):
    lost = Counter({Outcome.SANDBOX_FAILED: 8})
    verdicts = [
        Verdicts(place=round_place(1), group="training", num_distinct=3, outcomes=outcomes)
        for outcomes in (lost + Counter([Outcome.ACCEPTED, Outcome.WRONG_ANSWER]), lost)
    ]
    summary = dataclasses.replace(summarize_run(whole_run), verdicts=tuple(verdicts))
    table = verdict_table(summary)
    assert table.columns[1:4] == ("all", "distinct", "right")
    assert [row[1:4] for row in table.rows] == [("10", "3", "50%"), ("8", "3", "-")]


def test_speedup_of_two_is_in_the_bin_from_two_on(whole_run):
    summary = summarize_run(whole_run)
    pair = dataclasses.replace(summary.pairs[0].efficiency[0], speedup=2.0, speedup_low=1.5)
    summary = dataclasses.replace(summary, pairs=(RoundPairs(round_index=1, pairs=(pair,)),))
    assert dict(speedup_table(summary).rows)["2.00 to 2.83"] == "1"


def test_problems_that_were_timed_on_other_inputs_are_counted(whole_run):
    summary = summarize_run(whole_run)
    policies = []
    for policy in summary.policies:
        problems = [
            dataclasses.replace(each, relative_to={**each.relative_to, "input_digest": digest})
            for each, digest in zip(
                policy.report.problems, ["a", f"b{policy.round_index}", *"c" * 18], strict=True
            )
        ]
        report = dataclasses.replace(policy.report, problems=tuple(problems))
        policies.append(dataclasses.replace(policy, report=report))
    notes = speed_notes(dataclasses.replace(summary, policies=tuple(policies)))
    assert notes == [
        "Policies 1, 2: beside policy 0, 1 of the 20 problems of both were timed on other inputs: "
        "their speed is compared on unequal terms."
    ]
    assert speed_notes(summary) == []


def test_run_that_learns_from_rewards_is_not_said_to_lack_pairs(config, tmp_path):
    held = config.model_dump(exclude_unset=True)
    held["train"] = {"learner": "rewards", "learning_rate": 1e-4}
    held["run"]["storage"] = str(tmp_path / "rewards")
    run = MadeRun(parse_config(held, "test"))
    run.finish("start", round_place(0), 1, ())
    run.sample_and_evaluate(round_place(1))
    write_report(run.store)
    page = run.store.read_text("report.html")
    assert "No pairs" not in page and "Preference pairs" not in page
    assert "1 reward</th>" in page


def test_page_shows_what_was_written_before_and_now(whole_run, page):
    """The middling sample of each policy, from the most gained problem to the most lost."""
    policies = summarize_run(whole_run).policies
    shown = changes(policies)
    assert len(shown) == NUM_CHANGES
    scores = [
        {result.problem_id: result.scores["beyond@1"] for result in policy.report.problems}
        for policy in (policies[0], policies[-1])
    ]
    gains = [scores[1][each.problem_id] - scores[0][each.problem_id] for each in shown]
    every = [scores[1][key] - scores[0][key] for key in scores[0]]
    assert gains == sorted(gains, reverse=True)
    assert (gains[0], gains[-1]) == (max(every), min(every))
    codes = read_page(page).codes
    for each in shown:
        assert each.before.code.rstrip() in codes and each.after.code.rstrip() in codes
        assert each.before.code in SLOW and each.after.code in FAST
        assert each.figures in page
    timed = [side for each in shown for side in (each.before, each.after) if side.time]
    assert timed and max(side.share for side in timed) == 1.0
    assert re.search(r"<td>\d of 4</td><td>(\d+\.\d\d|-)</td>", page)
    assert changes(policies[:1]) == ()


def written(scores: dict[str, float], times_ms: list[int]) -> PolicyScores:
    """A policy on a problem whose fastest known program takes 1 ms; 0 ms: a wrong sample."""
    samples = tuple(
        SampleResult(
            sample_index=index,
            code=f"x = {index}, {scores}\n",
            outcome=Outcome.ACCEPTED if time_ms else Outcome.WRONG_ANSWER,
            is_correct=bool(time_ms),
            failure="",
            values={},
            times_ns=(((time_ms * 10**6,),),) if time_ms > 0 else (),
        )
        for index, time_ms in enumerate(times_ms)
    )
    result = ProblemResult(
        problem_id="p",
        difficulty="easy",
        samples=samples,
        relative_to={"reference_times_ns": [[10**6]]},
        scores=scores,
    )
    report = Evaluation(suite="", protocol="cpu", provenance={}, problems=(result,), left_out=())
    return PolicyScores(report=report, round_index=0, scores={}, differences={})


@pytest.mark.parametrize(
    ("times_ms", "cells"),
    [([0, 0, 0, 7], ("1 of 4", "7.00")), ([9, 3, 5, 0, 0, 0], ("3 of 6", "5.00")),
     ([0, 0], ("0 of 2", "-")), ([2, 3, 4], ("3 of 3", "3.00")), ([-1], ("1 of 1", "-"))],
)  # fmt: skip
def test_time_of_a_problem_is_that_of_its_middling_right_sample(times_ms, cells):
    assert problem_table([written({"pass@1": 0.5}, times_ms)]).rows == (("p", *cells),)


def test_gain_is_not_of_two_scores():
    """The first policy's right sample could not be timed, so that only pass@1 is of both."""
    before = [written({"pass@1": 1.0}, [-1]), written({"pass@1": 1.0, "beyond@1": 0.5}, [9])]
    after = [
        written({"pass@1": 1.0, "beyond@1": 0.1}, [9]),
        written({"pass@1": 0.0, "beyond@1": 0.0}, [0]),
    ]
    policies = []
    for each in (before, after):
        problems = tuple(
            dataclasses.replace(policy.report.problems[0], problem_id=key)
            for key, policy in zip(("same", "worse"), each, strict=True)
        )
        report = dataclasses.replace(each[0].report, problems=problems)
        policies.append(dataclasses.replace(each[0], report=report))
    assert [each.problem_id for each in changes(policies)] == ["same", "worse"]


def test_markup_in_programs_stays_text(config):
    run = MadeRun(config)
    store = run.whole()
    for index in (1, 2):
        path = f"{round_folder(index)}/pairs.parquet"
        pairs = [
            dataclasses.replace(pair, rejected=dataclasses.replace(pair.rejected, code=HOSTILE))
            for pair in store.read_records(path, PreferencePair)
        ]
        store.write_records(path, PreferencePair, pairs)
    write_report(store)
    reader = read_page(store.read_text("report.html"))
    assert "script" not in reader.tags
    assert HOSTILE.rstrip() in reader.codes
    assert "</pre><script>" in shown(lambda display: show_report(store, display))


def test_terminal_shows_the_same_figures(whole_run, page):
    text = shown(lambda display: report_run(whole_run, display))
    policy = summarize_run(whole_run).policies[-1]
    for score in policy.scores.values():
        assert in_percent(score, "") in text
    for word in ("Verdicts", "Preference pairs", "Speedup of", "Length of", "Training", "Dropped"):
        assert word in text
    assert whole_run.location("report.html") in text


def test_run_whose_folder_takes_no_page_is_shown_all_the_same(config, capsys):
    store = MadeRun(config).whole()
    store.write_text("report.html/left", "a folder of that name")
    assert main(["report", store.root]) == RUN_FAILED
    said = capsys.readouterr()
    assert "finished, 2 rounds" in said.out and "Scores" in said.out and "report:" not in said.out
    assert "cannot write" in said.err
    store.remove("report.html")
    assert main(["report", store.root]) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"report: {store.location('report.html')}")


@pytest.mark.parametrize("num_stages", [0, 1, 2, 3])
def test_unfinished_run_is_reported_as_far_as_it_got(config, num_stages):
    run = MadeRun(config)
    if num_stages > 0:
        run.finish("start", round_place(0), 1, ())
    if num_stages > 1:
        sampled = run.sample_and_evaluate(round_place(1))
    if num_stages > 2:
        run.pair_and_train(1, *sampled)
    write_report(run.store)
    page = run.store.read_text("report.html")
    read_page(page)
    num_done = (0, 1, 3, 5)[num_stages]
    assert f"not finished: {num_done} of 11 stages done" in page
    assert ("No policy has been evaluated yet" in page) == (num_stages < 2)
    assert ("No pairs have been built yet" in page) == (num_stages < 3)
    assert f"{num_done} of 11" in shown(lambda display: show_report(run.store, display))


def test_status_counts_the_problems_of_a_running_sample_stage(config):
    run = MadeRun(config)
    run.finish("start", round_place(0), 1, ())
    candidates, measurements = run.sampled(1, is_training=True)
    table = round_folder(1)
    for place, problem in enumerate(run.train[:5]):
        key = problem.problem_id
        mine = [row for row in candidates if row.problem_id == key]
        run.store.write_part(f"{table}/candidates", key, Candidate, mine)
        if place < 3:
            rows = [row for row in measurements if row.problem_id == key]
            run.store.write_part(f"{table}/measurements", key, Measurement, rows)
    text = shown(lambda display: show_status(run.store.root, display))
    assert "round 1 sample: 3 problems measured so far, 5 generated" in text
    assert "1 of 11 stages done, next is round 1 sample" in text
    totals = {row.group: sum(row.outcomes.values()) for row in summarize_run(run.store).verdicts}
    assert totals == {"training": 3 * 4, "training data": 3}


def test_status_shows_every_stage_and_why_rows_were_dropped(whole_run):
    text = shown(lambda display: show_status(whole_run.root, display))
    for stage in ("0 start", "1 sample", "1 evaluate", "1 pair", "1 train", "2 closing-evaluate"):
        assert re.search(rf"^{stage} +2026-01-02 03:04:05 +\d", text, re.MULTILINE), stage
    assert "no speed difference beyond doubt" in text
    assert "finished, 2 rounds" in text


def test_run_that_was_extended_is_reported_with_what_had_closed_it(config):
    run = MadeRun(config)
    store = run.whole()
    closed = summarize_run(store)
    assert [v.place for v in closed.verdicts][-1] == closing_place(2)
    longer = config.model_copy(update={"run": config.run.model_copy(update={"num_rounds": 3})})
    store.write_text("config.json", longer.model_dump_json())
    text = shown(lambda display: show_status(store.root, display))
    assert "11 of 17 stages done, next is round 3 sample" in text
    assert re.search(r"^2 closing-evaluate +2026", text, re.MULTILINE)
    assert re.search(r"^3 closing-sample +not finished", text, re.MULTILINE)
    run.pair_and_train(3, *run.sample_and_evaluate(round_place(3)))
    run.sample_and_evaluate(closing_place(3))
    summary = summarize_run(store)
    assert not summary.missing and len(summary.finished) == 1 + 4 * 3 + 2 * 2
    assert [policy.round_index for policy in summary.policies] == [0, 1, 2, 3]
    write_report(store)
    assert "finished, 3 rounds" in store.read_text("report.html")
    assert "closing-3 held-out" in store.read_text("report.html")
    places = ["round 1", "round 2", "closing 2", "round 3", "closing 3"]
    assert [row[0] for row in core_table(store, longer).rows] == places
    store.write_text("config.json", config.model_dump_json())
    assert not summarize_run(store).missing  # of the shorter run, again


def test_status_on_a_terminal_says_how_far_a_run_is_and_what_it_said_last(config):
    run, text = MadeRun(config), io.StringIO()
    note = RunNote(run.store, lambda line: None)
    note.tell("round 1: measured 3 of 9 problems, 41 s left")
    known = dataclasses.replace(note.running(), stage="sample", left_s=40.0)
    run.store.write_text("running.json", json.dumps(dataclasses.asdict(known)))
    show_status(run.store.root, Display(Console(file=text, width=80, force_terminal=True)))
    assert "round 0 sample for 0 s; 40 s left\nit said last: round 1: measured" in text.getvalue()


def test_status_says_who_drives_a_run(config):
    run = MadeRun(config)
    with driving(run.store, print):
        text = shown(lambda display: show_status(run.store.root, display))
    assert f"driven by: process {os.getpid()} on host {platform.node()}, since" in text
    assert "goes on from there" not in text
    assert "process" not in shown(lambda display: show_status(run.store.root, display))


def test_training_without_figures_of_a_whole_round_has_no_empty_cells(whole_run):
    summary = summarize_run(whole_run)
    steps = tuple(dataclasses.replace(row, whole={}) for row in summary.training)
    table = training_table(dataclasses.replace(summary, training=steps))
    assert [row[-3:] for row in table.rows] == [("-", "-", "-")] * NUM_ROUNDS


def test_status_of_a_folder_that_is_no_run_says_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"expected config\.json in it, there is no such folder"):
        show_status(str(tmp_path / "nothing"), Display())
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"expected config\.json in it, found notes\.txt"):
        open_run_folder(str(tmp_path))
    (tmp_path / "config.json").write_text('{"architectures": ["Qwen2ForCausalLM"]}')
    with pytest.raises(ValueError, match=r"config\.json in it, that of a model or something else"):
        open_run_folder(str(tmp_path))


def test_status_names_the_damaged_file(config):
    run = MadeRun(config)
    for name in ("running.json", "config.json"):
        run.store.write_text(name, '{"host_id": ')
        with pytest.raises(ValueError, match=rf"{name}.*cut short"):
            show_status(run.store.root, Display())


def test_metrics_that_are_not_finite_leave_the_report_its_charts(config):
    run = MadeRun(config)
    run.whole()
    rows = [{"step": float(step), "loss": loss} for step, loss in
            enumerate([math.nan, 0.5, math.inf, 0.4, -math.inf])]  # fmt: skip
    run.tracker.log(NUM_ROUNDS + 1, rows)
    write_report(run.store)
    assert "nan" not in re.findall(r'points="([^"]*)"', run.store.read_text("report.html"))


def test_run_folder_may_be_relative(whole_run, monkeypatch):
    monkeypatch.chdir(whole_run.root)
    assert open_run_folder(".").exists("report.html") == whole_run.exists("report.html")
    assert open_run_folder(".").exists("config.json")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.5, 1]), (0.41, 0.63, [0.4, 0.5, 0.6, 0.7]), (-3, 9, [-5, 0, 5, 10])],
)
def test_axis_ticks_are_round_numbers_that_enclose_the_values(low, high, expected):
    assert nice_ticks(low, high, (-100, 100)) == expected


def test_values_on_an_edge_count_in_the_upper_bin():
    assert count_between([1.0, 1.5, 2.0, 2.0], [1.0, 2.0, 4.0]) == (2, 2)
