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

_SLICE = """\
def $fn($a, $b):
    queue = list(enumerate($a))
    START
    while queue:
        i, left = queue[0]
        queue = queue[1:]
        STEP
    return RESULT
"""


def _programs(
    codes: tuple[str, ...], start: str, step: tuple[str, ...], result: str
) -> tuple[str, ...]:
    body = "\n        ".join(step)
    return tuple(
        code.replace("START", start).replace("STEP", body).replace("RESULT", result)
        for code in codes
    )


_FAST = (_DEQUE, _INDEX)
_SLOW = (_POP, _SLICE)

_ORDER = (
    "if left > $b:",
    "    queue.append((i, left - $b))",
    "else:",
    "    result.append(i)",
)
_TIMES = (
    "now += min(left, $b)",
    "if left > $b:",
    "    queue.append((i, left - $b))",
    "else:",
    "    result[i] = now",
)
_TOTAL = (
    "now += min(left, $b)",
    "if left > $b:",
    "    queue.append((i, left - $b))",
    "else:",
    "    total += now",
)
_TURNS = (
    "turns += 1",
    "if left > $b:",
    "    queue.append((i, left - $b))",
    "else:",
    "    result.append(turns)",
)

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
                "Tasks with the positive durations `$a` wait in a queue. The front task runs for at "
                "most `$b` and, if not done, goes to the back with the rest. Return the task "
                "indices in finishing order.",
                "A processor serves the jobs `$a` (positive run times) round robin: `$b` time units "
                "per turn, unfinished jobs line up again. Return the order of completion as "
                "0-based indices.",
                "Person i needs `$a`[i] >= 1 tickets and may buy up to `$b` per visit to the "
                "counter, then lines up again if some are missing. Return the indices in the order "
                "in which people are done.",
                "In a line, the first entry of `$a` loses `$b`; entries that are still positive go "
                "to the end, others leave. Return the original indices in the order of leaving.",
                "Repeatedly take the front of the queue `$a`, reduce its need by `$b`, and put it "
                "back at the end while need remains. List the indices as their needs are met.",
            ),
            fast=_programs(_FAST, "result = []", _ORDER, "result"),
            slow=_programs(_SLOW, "result = []", _ORDER, "result"),
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
                "Tasks with the positive durations `$a` wait in a queue. The front task runs for at "
                "most `$b` and, if not done, goes to the back with the rest. Return each task's "
                "finishing time.",
                "A processor serves the jobs `$a` (positive run times) round robin: `$b` time units "
                "per turn or less if the job ends, unfinished jobs line up again. Return when each "
                "job ends.",
                "Person i needs `$a`[i] >= 1 tickets and may buy up to `$b` per visit to the "
                "counter, one per second, then lines up again if some are missing. Return at which "
                "second each is done.",
                "The machine works on the front entry of `$a` for `$b` seconds or until it is done, "
                "then moves it to the end if work remains. Return for each index the time of its "
                "completion.",
                "Starting at time 0, serve the queue `$a` in turns of length `$b`, shorter if less "
                "is needed; who needs more rejoins at the end. Return the list of end times by "
                "index.",
            ),
            fast=_programs(_FAST, "result = [0] * len($a)\n    now = 0", _TIMES, "result"),
            slow=_programs(_SLOW, "result = [0] * len($a)\n    now = 0", _TIMES, "result"),
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
                "Tasks with the positive durations `$a` wait in a queue. The front task runs for at "
                "most `$b` and, if not done, goes to the back with the rest. Return the sum of all "
                "finishing times.",
                "A processor serves the jobs `$a` (positive run times) round robin: `$b` time units "
                "per turn or less if the job ends, unfinished jobs line up again. Return the sum "
                "of the end times.",
                "Person i needs `$a`[i] >= 1 tickets and may buy up to `$b` per visit to the "
                "counter, one per second, then lines up again if some are missing. How many seconds "
                "do all people spend in total?",
                "The machine works on the front entry of `$a` for `$b` seconds or until it is done, "
                "then moves it to the end if work remains. Add up the completion times and return "
                "the total.",
                "Starting at time 0, serve the queue `$a` in turns of length `$b`, shorter if less "
                "is needed; who needs more rejoins at the end. Return the sum of all end times.",
            ),
            fast=_programs(_FAST, "now = total = 0", _TOTAL, "total"),
            slow=_programs(_SLOW, "now = total = 0", _TOTAL, "total"),
            tests=(
                ([[], 3], 0),
                ([[5], 2], 5),
                ([[3, 1, 2], 1], 13),
                ([[3, 1, 2], 3], 13),
                ([[4, 4, 2, 6], 2], 44),
            ),
        ),
        Variation(
            name="finish_turns",
            wordings=(
                "Tasks with the positive durations `$a` wait in a queue. The front task runs for at "
                "most `$b` and, if not done, goes to the back with the rest. Return the numbers of "
                "the turns, counted from 1, in which a task finishes.",
                "A processor serves the jobs `$a` (positive run times) round robin: `$b` time units "
                "per turn, unfinished jobs line up again. Number the turns from 1; return those "
                "that complete a job, in ascending order.",
                "Person i needs `$a`[i] >= 1 tickets and may buy up to `$b` per visit to the "
                "counter, then lines up again if some are missing. Visits are numbered from 1; "
                "return the numbers of all last visits in order.",
                "In a line, the first entry of `$a` loses `$b`; entries that are still positive go "
                "to the end, others leave. Return, in order, after how many such steps each entry "
                "leaves.",
                "Repeatedly take the front of the queue `$a`, reduce its need by `$b`, and put it "
                "back at the end while need remains. Return the 1-based step numbers at which a "
                "need is met.",
            ),
            fast=_programs(_FAST, "result = []\n    turns = 0", _TURNS, "result"),
            slow=_programs(_SLOW, "result = []\n    turns = 0", _TURNS, "result"),
            tests=(
                ([[], 3], []),
                ([[5], 2], [3]),
                ([[3, 1, 2], 1], [2, 5, 6]),
                ([[3, 1, 2], 3], [1, 2, 3]),
                ([[4, 4, 2, 6], 2], [3, 5, 6, 8]),
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
