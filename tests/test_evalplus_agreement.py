"""The agreement with EvalPlus: mutants, and how verdicts are counted."""

from __future__ import annotations

import ast
import gzip
import json
from pathlib import Path

import pytest
from scripted_runs import PROBLEM, linear, make_script

from benchmarks.evalplus_agreement import (
    JudgedProgram,
    Passes,
    agreement,
    all_programs,
    evalplus_python,
    our_verdicts,
    passes_of,
)
from benchmarks.mutants import mutants

CODE = '''def pick(items, n):
    """The first."""
    found = []
    for i in range(n):
        if items[i] > 2:
            found.append(items[i] * 2)
    return found
'''


def test_mutants_are_distinct_programs_of_many_kinds_and_the_same_each_time() -> None:
    found = mutants(CODE, 40)
    texts = [text for _, text in found]
    assert len(set(texts)) == len(texts) > 15
    assert ast.unparse(ast.parse(CODE)) not in texts
    kinds = {kind.partition(" ")[0] for kind, _ in found}
    assert kinds >= {"constant", "comparison", "operator", "range", "condition", "return"}
    assert mutants(CODE, 40) == found
    few = mutants(CODE, 3)
    assert few == found[:3] and len({kind.partition(" ")[0] for kind, _ in few}) == 3


def test_mutants_change_one_thing() -> None:
    by_kind = dict(mutants(CODE, 40))
    assert "items[i] >= 2" in by_kind["comparison"]
    assert "items[i] + 2" in by_kind["operator"]
    assert "range(n + 1)" in by_kind["range"]
    assert "not items[i] > 2" in by_kind["condition"]
    assert "return set(found)" in by_kind["return set"]
    assert mutants("def f():\n    pass\n", 5) == []


def program(kind: str) -> JudgedProgram:
    return JudgedProgram(task_id="Mbpp/1", kind=kind, solution="pass")


def test_agreement_counts_by_tests_and_kind_and_tells_each_difference() -> None:
    programs = [
        program("canonical"),
        program("mutant: text"),
        program("m.jsonl"),
        program("m.jsonl"),
    ]
    ours = [
        Passes(base=True, plus=True, reason="ACCEPTED"),
        Passes(base=True, plus=False, reason="WRONG_ANSWER test 3"),
        Passes(base=False, plus=False, reason="TIME_LIMIT"),
        None,
    ]
    theirs = [
        {"base": "pass", "plus": "pass"},
        {"base": "pass", "plus": "pass"},
        {"base": "timeout", "plus": "timeout"},
        {"base": "pass", "plus": "fail"},
    ]
    figures, found = agreement(programs, ours, theirs)
    assert figures["agreement/all/base"] == 3 / 4 and figures["agreement/all/plus"] == 3 / 4
    assert figures["agreement/mutant/plus"] == 0 and figures["agreement/canonical/plus"] == 1
    assert figures["agreement/m.jsonl/base"] == 1 / 2
    told = [(each.kind, each.tests, each.ours, each.theirs, each.reason) for each in found]
    assert told == [
        ("mutant: text", "plus", False, "pass", "WRONG_ANSWER test 3"),
        ("m.jsonl", "base", False, "pass", "the task is left out"),
    ]


def test_programs_are_those_of_the_rows_and_files(tmp_path: Path) -> None:
    row = {"task_id": "Mbpp/7", "entry_point": "pick", "prompt": "", "canonical_solution": CODE}
    file = tmp_path / "model.jsonl"
    answer = "So:\n```python\ndef pick(items, n):\n    return items\n```\n"
    file.write_text(json.dumps({"task_id": "Mbpp/7", "solution": answer}) + "\n")
    found = all_programs({"Mbpp/7": row}, [str(file)], 2)
    assert found[-1].solution.strip() == "def pick(items, n):\n    return items"
    kinds = [each.kind for each in found]
    assert kinds[0] == "canonical" and kinds[-1] == "model.jsonl" and len(kinds) == 4
    file.write_text(json.dumps({"task_id": "Mbpp/8", "solution": ""}) + "\n")
    with pytest.raises(ValueError, match="model.jsonl:1: expected a known task_id"):
        all_programs({"Mbpp/7": row}, [str(file)], 2)
    assert evalplus_python("some/python") == "some/python"


def test_program_passes_the_base_tests_alone_or_all() -> None:
    script = make_script(half=linear(10, lambda n: 2 * n if n < 4 else 0))
    assert passes_of(script.run, PROBLEM, 7, "base").plus
    assert passes_of(script.run, PROBLEM, 3, "base").plus
    passes = passes_of(script.run, PROBLEM, 3, "half")
    assert (passes.base, passes.plus) == (True, False)
    assert passes.reason == "WRONG_ANSWER test 0: expected '8', got '0'"
    assert not passes_of(script.run, PROBLEM, 4, "half").base


@pytest.mark.docker
@pytest.mark.slow
def test_our_verdicts_on_tasks_with_oracles_of_their_own(real_data: Path) -> None:
    """Canonical solutions pass, other right answers too, and wrong ones do not."""
    given = {
        "Mbpp/140": ("def extract_singly(t):\n    return sorted({y for x in t for y in x})", True),
        "Mbpp/558": (
            "def digit_distance_nums(a, b):\n"
            "    a, b = (str(n).zfill(max(len(str(a)), len(str(b)))) for n in (a, b))\n"
            "    return sum(abs(int(x) - int(y)) for x, y in zip(a, b))",
            True,
        ),
        "Mbpp/737": ("import re\ndef check_str(s):\n    return re.match('[aeiouAEIOU]', s)", True),
        "Mbpp/88": ("def freq_count(l):\n    return {x: l.count(x) for x in l}", True),
        "Mbpp/722": ("def filter_data(*given):\n    return {}", False),
        "Mbpp/252": ("def convert(n):\n    return [abs(n), 0.0]", False),
    }
    with gzip.open(real_data / "mbpp_plus" / "MbppPlus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = {row["task_id"]: row for row in map(json.loads, lines) if row["task_id"] in given}
    programs = []
    for task_id, (code, _) in given.items():
        canonical = rows[task_id]["canonical_solution"]
        for kind, solution in (("canonical", canonical), ("given", code)):
            programs.append(JudgedProgram(task_id=task_id, kind=kind, solution=solution))
    ours, left_out = our_verdicts(rows, programs)
    assert not left_out
    found = [(p.task_id, p.kind, o.plus) for p, o in zip(programs, ours, strict=True) if o]
    assert found == [
        (p.task_id, p.kind, p.kind == "canonical" or given[p.task_id][1]) for p in programs
    ]
