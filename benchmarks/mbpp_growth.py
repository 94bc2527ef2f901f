"""MBPP+ tasks as problems whose inputs can be grown until programs take long enough to time.

MBPP+'s own inputs take microseconds. A generator grows the largest of them by type and shape:
lists, strings and dictionaries get longer, square matrices stay square, a number that counts or
points into a list (it is no larger) keeps its proportion to it, and numbers grow where they are all
there is, first to primes: where divisors are looked for, other numbers end the search early. It
stops where the task's contract refuses the result. There is one generator for each way to grow,
since cost may depend on duplicates, order and the lengths of rows or words; measuring takes the
first that makes programs work long enough. Where none is allowed or long enough, the task cannot be
timed, which is reported.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from skeldpo.languages.python.data import parameters_of, tuple_depths
from skeldpo.suites.evalplus import canonical_program

WAYS = ("cycle", "distinct", "sorted", "square", "fixed", "scalars", "stretch")
MAX_BASE_CHARS = 4000

_GROWTH = """
import json
import math
import random

BASE = json.loads({base!r})
WAY = {way!r}
TUPLES = {tuples!r}


def contract({parameters}):
{contract}
    return None


def grown_list(items, size, rng, nested):
    if not items:
        items = [1, 2, 3]
    if all(isinstance(item, list) for item in items):
        if WAY == "square" or len(items) > 1 and all(len(item) == len(items) for item in items):
            side = max(1, int(size ** 0.5))
            return [grown_list(items[i % len(items)], side, rng, True) for i in range(side)]
        if WAY == "scalars":
            return [grown_list(item, size, rng, True) for item in items]
        return [list(items[rng.randrange(len(items))]) for _ in range(size)]
    if all(type(item) is int for item in items) and WAY in ("distinct", "sorted", "square"):
        low = min(items)
        made = [low + step for step in range(size)]
        if WAY == "distinct":
            rng.shuffle(made)
        return made
    if all(type(item) is str for item in items) and WAY in ("distinct", "sorted"):
        made = [items[i % len(items)] + str(i) for i in range(size)]
        if WAY == "distinct":
            rng.shuffle(made)
        return made
    return [items[rng.randrange(len(items))] for _ in range(size)]


def grown_text(text, size, rng):
    if not text:
        text = "ab c"
    if WAY == "stretch":  # longer words, as many of them; quotes and separators as they are
        times = size // len(text) + 1
        return "".join(letter * times if letter.isalpha() else letter for letter in text)
    if WAY == "cycle":
        return (text * (size // len(text) + 1))[:size]
    if WAY == "distinct":
        return "".join(rng.choice(text) for _ in range(size))
    if WAY == "sorted":
        return "".join(sorted(rng.choice(text) for _ in range(size)))
    return text + text[-1] * size


def grown(value, size, rng, longest):
    if isinstance(value, list):
        return grown_list(value, size, rng, False)
    if isinstance(value, dict):
        return {{key + str(i): item for i in range(max(1, size // max(1, len(value))))
                for key, item in value.items()}}
    if isinstance(value, str):
        return grown_text(value, size, rng) if len(value) > 1 else value
    if type(value) is int and not longest:
        number = max(1, value) * max(1, size // 64)
        return next_prime(number) if WAY in ("stretch", "cycle", "distinct") else number
    if type(value) is int and WAY == "scalars":
        return size // 2
    if type(value) is int and WAY != "fixed" and 0 < value <= longest:
        return max(1, value * size // longest)
    return value


def next_prime(number):
    while any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


def as_called(arguments):
    return [deep(value, TUPLES[i]) for i, value in enumerate(arguments)]


def deep(value, depth):
    if depth == 0 or not isinstance(value, list):
        return value
    inner = [tuple(item) if depth > 1 and isinstance(item, list) else item for item in value]
    return tuple(inner) if depth != 2 else inner


def generate_input(size, seed):
    rng = random.Random(f"{{seed}} {{size}}")
    for base in BASE:
        longest = max(
            (len(value) for value in base
             if isinstance(value, (list, dict)) or isinstance(value, str) and len(value) > 1),
            default=0,
        )
        made = [grown(value, size, rng, longest) for value in base]
        try:
            contract(*as_called(made))
        except Exception:
            continue
        return made
    raise ValueError("the contract allows no grown input")
"""


_WRAPPER = """

_called_with_lists = {entry}


def {entry}(*arguments):
    return _called_with_lists(*[_as_called(v, d) for v, d in zip(arguments, {tuples!r})])


def _as_called(value, depth):
    if depth == 0 or not isinstance(value, list):
        return value
    inner = [tuple(item) if depth > 1 and isinstance(item, list) else item for item in value]
    return tuple(inner) if depth != 2 else inner
"""


def callable_with_lists(code: str, entry_point: str, tuples: Sequence[int]) -> str:
    """The program, made to take lists where the task has tuples (`tuple_depths`): a problem file
    and what its generators make are JSON."""
    if not any(tuples):
        return code
    return code.rstrip() + _WRAPPER.format(entry=entry_point, tuples=list(tuples))


def task_tuples(task: Mapping[str, Any]) -> list[int]:
    """`tuple_depths` of a row of EvalPlus."""
    return tuple_depths(str(task.get("contract") or ""), _parameters(task))


def _parameters(task: Mapping[str, Any]) -> list[str]:
    return parameters_of(canonical_program(task), str(task["entry_point"]))


def growing_problem(task: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a task in our problem format; the canonical solution gives expected answers."""
    parameters, tuples = _parameters(task), task_tuples(task)
    base = sorted(task["base_input"], key=lambda row: -len(json.dumps(row)))
    base = [row for row in base if len(json.dumps(row)) <= MAX_BASE_CHARS][:3]
    contract = textwrap.indent(textwrap.dedent(task["contract"]), "    ")
    generators = [
        _GROWTH.format(
            base=json.dumps(base),
            way=way,
            tuples=tuples,
            parameters=", ".join(parameters),
            contract=contract,
        )
        for way in WAYS
    ]
    return {
        "problem_id": task["task_id"],
        "statement": task["prompt"],
        "entry_point": task["entry_point"],
        "generators": generators,
        "reference": callable_with_lists(task["canonical_solution"], task["entry_point"], tuples),
        "checker": "float",
    }
