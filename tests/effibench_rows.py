"""A row of EffiBench and programs for it."""

from __future__ import annotations

from typing import Any

SLOW = "class Solution:\n    def total(self, n: int, step: int = 1) -> int:\n        t = 0\n"
SLOW += "        for i in range(0, n, step):\n            t += i\n        return t\n"
FAST = "class Solution:\n    def total(self, n, step):\n        return sum(range(0, n, step))\n"
LISTED = (
    "class Solution:\n    def total(self, n, step):\n        return sum([*range(0, n, step)])\n"
)


def effibench_row(**changes: Any) -> dict[str, Any]:
    """A row as it is published, with changes."""
    return {
        "problem_idx": 7,
        "task_name": "Total",
        "markdown_description": "Sum of every step-th number below n.",
        "canonical_solution": SLOW,
        "test_case": "solution = Solution()\n"
        "assert solution.total(5, 1) == 10\n"
        "assert solution.total(step=2, n=300000) == 22499850000\n",
        **changes,
    }
