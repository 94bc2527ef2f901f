"""Rows in Mercury's format: three by hand, and a file of them from LeetCodeDataset's problems."""

from __future__ import annotations

import ast
import gzip
import json
from pathlib import Path
from typing import Any

PLAIN_CONVERT = (
    "def convert_offline(case):\n    inputs, expected = case\n    return inputs, expected"
)
PLAIN_EVALUATE = (
    "def evaluate_offline(inputs, outputs, expected):\n"
    "    if outputs == expected:\n        return True\n    return False"
)
TOTAL_FAST = "class Solution(object):\n    def total(self, n):\n        return n * (n - 1) // 2\n"
TOTAL_SLOW = "class Solution(object):\n    def total(self, n):\n        return sum(range(n))\n"
TOTAL_SLOWEST = (
    "class Solution(object):\n    def total(self, n):\n        made = 0\n"
    "        for i in range(n):\n            made += i\n        return made\n"
)
TOTAL_WRONG = "class Solution(object):\n    def total(self, n):\n        return n\n"


def row(**changes: Any) -> dict[str, Any]:
    """Sum below n: a plain row, changed."""
    return {
        "slug_name": "total",
        "difficulty": "Easy",
        "pretty_content": ["Add up the numbers below n."],
        "solutions": [
            {"hash": 1, "runtime": "9ms", "solution": code}
            for code in (TOTAL_SLOW, TOTAL_SLOWEST, TOTAL_WRONG)
        ],
        "prompt": "class Solution(object):\n    def total(self, n):\n",
        "convert_offline": PLAIN_CONVERT,
        "evaluate_offline": PLAIN_EVALUATE,
        "entry_point": "total",
        "test_cases": json.dumps(
            [{"input": [n], "expected": n * (n - 1) // 2} for n in (0, 5, 200_000, 300_000)]
        ),
        **changes,
    }


LINKED = row(
    slug_name="reverse-list",
    solutions=[{"solution": "class Solution(object):\n    def rev(self, head):\n"
                            "        last = None\n        while head:\n"
                            "            head.next, last, head = last, head, head.next\n"
                            "        return last\n"}],
    convert_offline=(
        "def convert_offline(case):\n    inputs, expected = case\n"
        "    inputs[0] = lctk.arr2LinkedList(inputs[0])\n    return inputs, expected"
    ),
    evaluate_offline=(
        "def evaluate_offline(inputs, outputs, expected):\n"
        "    return lctk.linkedList2Arr(outputs) == expected"
    ),
    entry_point="rev",
    test_cases=[{"input": [[1, 2, 3]], "expected": [3, 2, 1]}, {"input": [[]], "expected": []}],
)  # fmt: skip
ANY_ORDER = row(
    slug_name="evens",
    solutions=[{"solution": "class Solution(object):\n    def evens(self, n):\n"
                            "        return list(range(0, n, 2))\n"}],
    evaluate_offline=(
        "def evaluate_offline(inputs, outputs, expected):\n"
        "    outputs.sort()\n    expected.sort()\n    return outputs == expected"
    ),
    entry_point="evens",
    test_cases=[{"input": [5], "expected": [4, 0, 2]}],
)  # fmt: skip


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    """The rows as JSONL."""
    path.write_text("".join(json.dumps(held) + "\n" for held in rows), encoding="utf-8")
    return path


def leetcode_rows(real_data: Path, count: int) -> list[dict[str, Any]]:
    """Rows from LeetCodeDataset: its program and two that do its work twice and five times."""
    made: list[dict[str, Any]] = []
    source = real_data / "leetcode" / "LeetCodeDataset-v0.3.1-test.jsonl.gz"
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line)
            cases = _cases(found["input_output"])
            if len(cases) >= 5 and "Node" not in found["starter_code"]:
                made.append(_leetcode_row(found, cases[:10]))
            if len(made) == count:
                break
    return made


def _leetcode_row(found: dict[str, Any], cases: list[dict[str, Any]]) -> dict[str, Any]:
    method = found["entry_point"].rpartition(".")[2]
    program = (
        f"from typing import *\nfrom math import *\nfrom itertools import *\n"
        f"from operator import *\n{found['completion']}"
    )
    wasteful = (
        "{program}\n_Once = Solution\nclass Solution(_Once):\n"
        "    def {method}(self, *given):\n        import copy\n        for _ in range({times}):\n"
        "            made = _Once().{method}(*copy.deepcopy(given))\n        return made\n"
    )
    programs = [program] + [
        wasteful.format(program=program, method=method, times=times) for times in (2, 5)
    ]
    return row(
        slug_name=found["task_id"],
        difficulty=found["difficulty"],
        pretty_content=[found["problem_description"]],
        solutions=[{"solution": code} for code in programs],
        prompt=found["starter_code"],
        entry_point=method,
        test_cases=json.dumps(cases),
    )


def _cases(pairs: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Cases whose arguments and answer are plain literals."""
    made = []
    for pair in pairs:
        try:
            call = ast.parse(
                f"f({pair['input']})".replace("true", "True").replace("false", "False"), mode="eval"
            ).body
            assert isinstance(call, ast.Call)
            arguments = [ast.literal_eval(keyword.value) for keyword in call.keywords]
            expected = ast.literal_eval(pair["output"])
            made.append({"input": arguments, "expected": json.loads(json.dumps(expected))})
        except (SyntaxError, ValueError, TypeError):
            continue
    return made
