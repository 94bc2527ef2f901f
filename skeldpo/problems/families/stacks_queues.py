"""Families about a queue whose front element may have to line up again."""

from skeldpo.problems.family import Family, Variation

_DEQUE = """\
from collections import deque

def $fn($a, $b):
    queue = deque(enumerate($a))
    START
    while queue:
        i, left = queue.popleft()
        STEP
    return RESULT
"""

_INDEX = """\
def $fn($a, $b):
    queue = list(enumerate($a))
    START
    for i, left in queue:
        STEP
    return RESULT
"""

_POP = """\
def $fn($a, $b):
    queue = list(enumerate($a))
    START
    while queue:
        i, left = queue.pop(0)
        STEP
    return RESULT
"""

_REST = """\
def $fn($a, $b):
    rest = list($a)
    queue = list(range(len($a)))
    START
    while queue:
        i = queue.pop(0)
        STEP
    return RESULT
"""


def _fill(code: str, start: str, step: str, result: str) -> str:
    return code.replace("START", start).replace("STEP", step).replace("RESULT", result)


def _pair_step(again: str, done: str) -> str:
    lines = ["if left > $b:", f"    {again}", "    queue.append((i, left - $b))", "else:"]
    lines += [f"    {line}" for line in done.split("; ")]
    return "\n        ".join(line for line in lines if line.strip())


def _rest_step(again: str, done: str) -> str:
    lines = [
        "if rest[i] > $b:",
        f"    {again}",
        "    rest[i] -= $b",
        "    queue.append(i)",
        "else:",
    ]
    lines += [f"    {line.replace('left', 'rest[i]')}" for line in done.split("; ")]
    return "\n        ".join(line for line in lines if line.strip())


def _fast(start: str, again: str, done: str, result: str) -> tuple[str, ...]:
    step = _pair_step(again, done)
    return (_fill(_DEQUE, start, step, result), _fill(_INDEX, start, step, result))


def _slow(start: str, again: str, done: str, result: str) -> tuple[str, ...]:
    return (
        _fill(_POP, start, _pair_step(again, done), result),
        _fill(_REST, start, _rest_step(again, done), result),
    )


_ORDER = ("result = []", "", "result.append(i)", "result")
_TIMES = (
    "result = [0] * len($a)\n    now = 0",
    "now += $b",
    "now += left; result[i] = now",
    "result",
)
_TOTAL = ("total = now = 0", "now += $b", "now += left; total += now", "total")
_LAST = ("last = -1", "", "last = i", "last")

_QUEUE = Family(
    name="round_robin_queue",
    topic="stacks",
    difficulty="medium",
    entry_points=("run_queue", "round_robin", "serve_tasks", "simulate_queue"),
    parameters=(
        ("tasks", "jobs", "durations", "needs"),
        ("quantum", "slot", "step", "share"),
    ),
    variations=(
        Variation(
            name="finish_order",
            wordings=(
                "Tasks with positive durations `$a` queue up. The front task runs for at most "
                "`$b`; if work remains, it goes to the back. Return the task indices in finishing "
                "order.",
                "A processor serves jobs of positive lengths `$a` round robin, `$b` units per "
                "turn; unfinished jobs line up again. Return the 0-based indices in the order of "
                "completion.",
                "Person i needs `$a`[i] >= 1 tickets, buys up to `$b` per turn and rejoins the "
                "line if more are needed. Return the indices in the order in which people finish.",
                "The first entry of the line `$a` of positive numbers loses `$b`; it goes to the "
                "end if still positive and leaves otherwise. Return the original indices in "
                "leaving order.",
                "Repeatedly take the front of the queue `$a`, reduce its positive need by `$b`, "
                "and put it back at the end while need remains. List the indices as needs are met.",
            ),
            fast=_fast(*_ORDER),
            slow=_slow(*_ORDER),
            tests=(
                ([[], 3], []),
                ([[5], 2], [0]),
                ([[3, 1, 2], 1], [1, 2, 0]),
                ([[3, 1, 2], 3], [0, 1, 2]),
                ([[4, 4, 2, 6], 2], [2, 0, 1, 3]),
            ),
        ),
        Variation(
            name="finish_times",
            wordings=(
                "Tasks with positive durations `$a` queue up. The front task runs for at most "
                "`$b`; if work remains, it goes to the back. Return each task's finishing time, by "
                "index.",
                "A processor serves jobs of positive lengths `$a` round robin, at most `$b` units "
                "per turn, without pauses; unfinished jobs line up again. Return when each job "
                "ends.",
                "Person i needs `$a`[i] >= 1 tickets, buys up to `$b` per turn, one a second, and "
                "rejoins the line if more are needed. Return at which second each is done.",
                "A machine works on the front entry of `$a` for `$b` seconds or until done, then "
                "moves it to the end if work remains. Return every entry's completion time.",
                "From time 0 on, serve the queue `$a` in turns of `$b`, shorter if less is needed; "
                "who needs more rejoins at the end. Return the list of end times by index.",
            ),
            fast=_fast(*_TIMES),
            slow=_slow(*_TIMES),
            tests=(
                ([[], 3], []),
                ([[5], 2], [5]),
                ([[3, 1, 2], 1], [6, 2, 5]),
                ([[3, 1, 2], 3], [3, 4, 6]),
                ([[4, 4, 2, 6], 2], [10, 12, 6, 16]),
            ),
        ),
        Variation(
            name="total_time",
            wordings=(
                "Tasks with positive durations `$a` queue up. The front task runs for at most "
                "`$b`; if work remains, it goes to the back. Return the sum of all finishing "
                "times.",
                "A processor serves jobs of positive lengths `$a` round robin, at most `$b` units "
                "per turn, without pauses; unfinished jobs line up again. Return the sum of the "
                "end times.",
                "Person i needs `$a`[i] >= 1 tickets, buys up to `$b` per turn, one a second, and "
                "rejoins the line if more are needed. Return the sum of everyone's finishing "
                "times.",
                "A machine works on the front entry of `$a` for `$b` seconds or until done, then "
                "moves it to the end if work remains. Return the total of all completion times.",
                "From time 0 on, serve the queue `$a` in turns of `$b`, shorter if less is needed; "
                "who needs more rejoins at the end. Return the sum of all end times.",
            ),
            fast=_fast(*_TOTAL),
            slow=_slow(*_TOTAL),
            tests=(
                ([[], 3], 0),
                ([[5], 2], 5),
                ([[3, 1, 2], 1], 13),
                ([[3, 1, 2], 3], 13),
                ([[4, 4, 2, 6], 2], 44),
            ),
        ),
        Variation(
            name="last_to_finish",
            wordings=(
                "Tasks with positive durations `$a` queue up. The front task runs for at most "
                "`$b`; if work remains, it goes to the back. Return the index of the task that "
                "finishes last, or -1.",
                "A processor serves jobs of positive lengths `$a` round robin, `$b` units per "
                "turn; unfinished jobs line up again. Return the index of the final job to end, -1 "
                "for no jobs.",
                "Person i needs `$a`[i] >= 1 tickets, buys up to `$b` per turn and rejoins the "
                "line if more are needed. Who is done last? Return the index, or -1 for nobody.",
                "The first entry of the line `$a` of positive numbers loses `$b`; it goes to the "
                "end if still positive and leaves otherwise. Return the index of the last to "
                "leave, or -1.",
                "Repeatedly take the front of the queue `$a`, reduce its positive need by `$b`, "
                "and put it back at the end while need remains. Return the last index served, or "
                "-1.",
            ),
            fast=_fast(*_LAST),
            slow=_slow(*_LAST),
            tests=(
                ([[], 3], -1),
                ([[5], 2], 0),
                ([[3, 1, 2], 1], 0),
                ([[3, 1, 2], 3], 2),
                ([[4, 4, 2, 4, 1], 2], 3),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    quantum = rng.randint(1, 9)
    tasks = [rng.randint(1, 3 * quantum) for _ in range(size)]
    return [tasks, quantum]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_QUEUE,)
