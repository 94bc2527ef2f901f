"""Which of two programs is faster? `python examples/measure_two_programs.py`; needs Docker."""

from skeldpo.api import compare, read_problem

GENERATOR = """
import random

def generate_input(size, seed):
    return [random.Random(seed).choices(range(size), k=size)]
"""
problem = read_problem(
    {
        "problem_id": "distinct",
        "statement": "How many different numbers are in the list?",
        "entry_point": "count",
        "tests": [{"input": [[1, 2, 1]], "expected": 2}],
        "generators": [GENERATOR],
    }
)
quick = "def count(numbers):\n    return len(set(numbers))\n"
slow = "def count(numbers):\n    return len(set(sorted(numbers)))\n"
found = compare(problem, slow, quick, min_speedup=1.2)
print(f"faster: {found.faster}, {found.speedup:.2f} times, at least {found.speedup_low:.2f}")
