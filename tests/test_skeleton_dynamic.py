"""The dynamic method: which lines take the time, and what of them a skeleton keeps."""

from __future__ import annotations

import json

import pytest

from skeldpo.config import SkeletonConfig
from skeldpo.languages import language
from skeldpo.languages.python.guest_lines import line_times
from skeldpo.measure.lines import CPU_LIMIT_S, MIN_SHARE, hot_lines
from skeldpo.records import ProblemKind
from skeldpo.sandbox.container import RunRequest, Sandbox
from skeldpo.skeleton.extract import group_skeleton

PYTHON = language("python")
DYNAMIC = SkeletonConfig(method="dynamic")
SUMS = (
    "def f(n):\n    total = 0\n    for i in range(n):\n        total += i * i - 3\n"
    "    return str(total)\n"
)
POWERS = (
    "def f(m):\n    found = 0\n    for k in range(m):\n        found += k * k - 7\n"
    "    return repr(found)\n"
)
TEN_S = 10**10


def shares(code: str, entry_point: str, inputs: list) -> dict[int, float]:
    times = dict(line_times(code, entry_point, inputs, TEN_S))
    return {line: ns / sum(times.values()) for line, ns in times.items()}


def test_time_is_that_of_the_lines_that_take_it() -> None:
    found = shares(SUMS, "f", [[3000]])
    assert found[3] + found[4] > 0.8
    assert max(found[1], found[2], found[5]) < MIN_SHARE


def test_time_of_built_in_functions_is_the_callers_and_of_own_functions_theirs() -> None:
    code = (
        "def f(n):\n    a = list(range(n))\n    b = sorted(a, key=lambda x: -x)\n    return g(b)\n"
        "def g(b):\n    return sum(x * x for x in b)\n"
    )
    found = shares(code, "f", [[2000]])
    assert found[3] + found[6] > 0.8
    assert found[4] < MIN_SHARE, "the call of g is not g"


def test_scripts_read_their_input_and_may_exit() -> None:
    code = (
        "import sys\nn = int(sys.stdin.readline())\nfor i in range(n): pass\nsys.exit(n)\nx = 1\n"
    )
    found = shares(code, "", ["5000\n", "1\n"])
    assert max(found, key=lambda line: found[line]) == 3
    assert 4 in found and 5 not in found


@pytest.mark.parametrize(
    "body", ["raise ValueError", "raise KeyboardInterrupt", "return undefined", "return f(n)"]
)
def test_what_ran_before_an_error_counts(body: str) -> None:
    found = shares(f"def f(n):\n    x = [i for i in range(n)]\n    {body}\n", "f", [[500]])
    assert 2 in found and 3 in found


def test_a_program_may_begin_with_a_mark_of_byte_order() -> None:
    assert {1, 2, 3, 4, 5} == {line for line, _ in line_times(f"\ufeff{SUMS}", "f", [[9]], TEN_S)}


def test_a_run_ends_at_its_limit() -> None:
    times = dict(line_times("def f():\n    while True:\n        pass\n", "f", [[]], 10**7))
    assert 10**7 <= sum(times.values()) < 10**9


def test_methods_of_a_class_are_called_on_an_object() -> None:
    code = "class S:\n    def f(self, n):\n        return [n] * n\n"
    assert 3 in dict(line_times(code, "S.f", [[5]], TEN_S))


def test_skeleton_keeps_hot_lines_that_the_group_shares() -> None:
    hot = {SUMS: (3, 4), POWERS: (3, 4)}
    skeleton = group_skeleton(SUMS, [POWERS], DYNAMIC, PYTHON, hot_lines=hot)
    assert skeleton.text == (
        "def f(_):\n    _ = 0\n    for i in range(n):\n        total += i * i - 3\n"
        "    return _(_)\n"
    )
    assert (skeleton.method, skeleton.note) == ("dynamic", "")
    cold = group_skeleton(SUMS, [POWERS], DYNAMIC, PYTHON, hot_lines={SUMS: (2,), POWERS: (3, 4)})
    assert cold.text == group_skeleton(SUMS, [POWERS], SkeletonConfig(), PYTHON).text
    assert cold.method == "dynamic"


def test_hot_lines_of_the_other_side_do_not_count_in_contrast() -> None:
    hot = {SUMS: (3, 4), POWERS: (3, 4)}
    others = [SUMS.replace("total", "t"), POWERS.replace("found", "f0")]
    both = hot | {code: (3, 4) for code in others}
    contrast = SkeletonConfig(method="dynamic", contrast=True)
    masked = group_skeleton(SUMS, [POWERS], contrast, PYTHON, against=others, hot_lines=both)
    assert "i * i" not in masked.text
    kept = group_skeleton(
        SUMS,
        [POWERS],
        contrast,
        PYTHON,
        against=others,
        hot_lines=hot | {code: (2,) for code in others},
    )
    assert "total += i * i - 3" in kept.text


@pytest.mark.parametrize(
    ("hot", "note"),
    [({}, "was not profiled"), ({SUMS: (3,)}, "too few of the group were profiled")],
)
def test_without_profiles_the_skeleton_is_lexical_and_says_so(hot: dict, note: str) -> None:
    skeleton = group_skeleton(SUMS, [POWERS], DYNAMIC, PYTHON, hot_lines=hot)
    assert skeleton.method == "lexical"
    assert note in skeleton.note


def test_line_numbers_beyond_the_program_are_ignored() -> None:
    hot = {SUMS: (0, 99), POWERS: (3, 4)}
    assert "total" not in group_skeleton(SUMS, [POWERS], DYNAMIC, PYTHON, hot_lines=hot).text


def request_of(code: str, text: str, kind: ProblemKind = "function") -> RunRequest:
    entry_point = "f" if kind == "function" else ""
    return RunRequest(language="python", kind=kind, code=code, entry_point=entry_point,
                      input_texts=(text,), cpu_limit_s=CPU_LIMIT_S)  # fmt: skip


@pytest.mark.docker
def test_hot_lines_are_found_in_the_sandbox(sandbox: Sandbox) -> None:
    found = hot_lines(sandbox.run, request_of(SUMS, json.dumps([20_000])))
    assert set(found) & {3, 4} and not set(found) & {1, 2, 5}
    script = "n = int(input())\nfor i in range(n):\n    i * i\nprint(n)\n"
    found = hot_lines(sandbox.run, request_of(script, "20000\n", kind="stdio"))
    assert set(found) & {2, 3} and not set(found) & {1, 4}


@pytest.mark.docker
@pytest.mark.parametrize("code", ["def f(:\n", "import os\nos._exit(3)\n", "x = 1\n"])
def test_a_program_that_does_not_run_has_no_hot_lines(sandbox: Sandbox, code: str) -> None:
    kinds = hot_lines(sandbox.run, request_of(code, "[1]"))
    assert set(kinds) <= {1}
