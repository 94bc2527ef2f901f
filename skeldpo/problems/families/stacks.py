"""Families about the nearest greater or smaller element on one side of each position."""

from skeldpo.problems.family import Family, Variation

_INDEX_STACK = """\
def $fn($a):
    result = [NONE] * len($a)
    stack = []
    for i, x in enumerate($a):
        while stack and $a[stack[-1]] OP x:
            j = stack.pop()
            result[j] = FOUND
        stack.append(i)
    return result
"""

_VALUE_STACK = """\
def $fn($a):
    result = []
    stack = []
    for x in ITEMS:
        while stack and not stack[-1] OP x:
            stack.pop()
        if stack:
            result.append(stack[-1])
        else:
            result.append(-1)
        stack.append(x)
    return ANSWER
"""

_SCAN = """\
def $fn($a):
    result = [NONE] * len($a)
    for i in range(len($a)):
        for j in RANGE:
            if $a[j] OP $a[i]:
                result[i] = FOUND
                break
    return result
"""

_NEXT = """\
def $fn($a):
    result = []
    for i, x in enumerate($a):
        result.append(next((y for y in PART if y OP x), -1))
    return result
"""


def _fill(code: str, **parts: str) -> str:
    for key, text in parts.items():
        code = code.replace(key, text)
    return code


_NEAREST = Family(
    name="nearest_extremes",
    topic="stacks",
    difficulty="medium",
    entry_points=("nearest_element", "scan_neighbors", "next_values", "look_around"),
    parameters=(("nums", "values", "heights", "temps"),),
    variations=(
        Variation(
            name="next_greater",
            wordings=(
                "For each element of the list `$a`, find the first strictly greater element to its "
                "right. Return the list of these values, with -1 where there is none.",
                "Given non-negative integers `$a`, return a list whose entry i is the value at the "
                "smallest j > i that exceeds the value at i, or -1.",
                "Which is the next larger value after each position of `$a`? Return one value per "
                "position; -1 means that no later value is larger.",
                "Replace each number in `$a` by the nearest number after it that is bigger, and by "
                "-1 if all later numbers are at most as big. Return the new list.",
                "Looking to the right from every element of `$a`, what is the first higher value "
                "in sight? Return the list of answers, -1 for no such value.",
            ),
            fast=(
                _fill(_INDEX_STACK, NONE="-1", OP="<", FOUND="x"),
                _fill(_VALUE_STACK, ITEMS="$a[::-1]", OP=">", ANSWER="result[::-1]"),
            ),
            slow=(
                _fill(_SCAN, NONE="-1", RANGE="range(i + 1, len($a))", OP=">", FOUND="$a[j]"),
                _fill(_NEXT, PART="$a[i + 1:]", OP=">"),
            ),
            tests=(
                ([[]], []),
                ([[5]], [-1]),
                ([[2, 1, 2, 4, 3]], [4, 2, 4, -1, -1]),
                ([[3, 3, 3]], [-1, -1, -1]),
                ([[9, 0, 5, 7]], [-1, 5, 7, -1]),
            ),
        ),
        Variation(
            name="next_smaller",
            wordings=(
                "For each element of the list `$a`, find the first strictly smaller element to its "
                "right. Return the list of these values, with -1 where there is none.",
                "Given non-negative integers `$a`, return a list whose entry i is the value at the "
                "smallest j > i that is below the value at i, or -1.",
                "Which is the next smaller value after each position of `$a`? Return one value per "
                "position; -1 means that no later value is smaller.",
                "Replace each number in `$a` by the nearest number after it that is lower, and by "
                "-1 if all later numbers are at least as big. Return the new list.",
                "Looking to the right from every element of `$a`, what is the first lower value "
                "in sight? Return the list of answers, -1 for no such value.",
            ),
            fast=(
                _fill(_INDEX_STACK, NONE="-1", OP=">", FOUND="x"),
                _fill(_VALUE_STACK, ITEMS="$a[::-1]", OP="<", ANSWER="result[::-1]"),
            ),
            slow=(
                _fill(_SCAN, NONE="-1", RANGE="range(i + 1, len($a))", OP="<", FOUND="$a[j]"),
                _fill(_NEXT, PART="$a[i + 1:]", OP="<"),
            ),
            tests=(
                ([[]], []),
                ([[5]], [-1]),
                ([[2, 1, 2, 4, 3]], [1, -1, -1, 3, -1]),
                ([[3, 3, 3]], [-1, -1, -1]),
                ([[9, 0, 5, 7]], [0, -1, -1, -1]),
            ),
        ),
        Variation(
            name="distance_to_greater",
            wordings=(
                "For each element of the list `$a`, find how many positions to its right the first "
                "strictly greater element stands. Return the list of distances, 0 for none.",
                "Given non-negative integers `$a`, return a list whose entry i is j - i for the "
                "smallest j > i with a value above the one at i, or 0 without such j.",
                "How many steps to the right is it from each position of `$a` to the next larger "
                "value? Return one number per position, 0 if no later value is larger.",
                "Daily temperatures are `$a`. For every day, return the number of days until it is "
                "strictly warmer for the first time, or 0 if it never gets warmer.",
                "Replace each number in `$a` by the distance to the nearest bigger number after "
                "it, and by 0 if there is none. Return the new list.",
            ),
            fast=(
                _fill(_INDEX_STACK, NONE="0", OP="<", FOUND="i - j"),
                """\
def $fn($a):
    result = [0] * len($a)
    stack = []
    for i in range(len($a) - 1, -1, -1):
        while stack and $a[stack[-1]] <= $a[i]:
            stack.pop()
        if stack:
            result[i] = stack[-1] - i
        stack.append(i)
    return result
""",
            ),
            slow=(
                _fill(_SCAN, NONE="0", RANGE="range(i + 1, len($a))", OP=">", FOUND="j - i"),
                """\
def $fn($a):
    result = []
    for i, x in enumerate($a):
        part = $a[i + 1:]
        result.append(next((j + 1 for j, y in enumerate(part) if y > x), 0))
    return result
""",
            ),
            tests=(
                ([[]], []),
                ([[5]], [0]),
                ([[2, 1, 2, 4, 3]], [3, 1, 1, 0, 0]),
                ([[3, 3, 3]], [0, 0, 0]),
                ([[7, 0, 5, 9]], [3, 1, 1, 0]),
            ),
        ),
        Variation(
            name="previous_greater",
            wordings=(
                "For each element of the list `$a`, find the nearest strictly greater element to "
                "its left. Return the list of these values, with -1 where there is none.",
                "Given non-negative integers `$a`, return a list whose entry i is the value at the "
                "largest j < i that exceeds the value at i, or -1.",
                "Which is the last larger value before each position of `$a`? Return one value per "
                "position; -1 means that no earlier value is larger.",
                "Replace each number in `$a` by the nearest number before it that is bigger, and "
                "by -1 if all earlier numbers are at most as big. Return the new list.",
                "Looking to the left from every element of `$a`, what is the first higher value "
                "in sight? Return the list of answers, -1 for no such value.",
            ),
            fast=(
                _fill(_VALUE_STACK, ITEMS="$a", OP=">", ANSWER="result"),
                """\
def $fn($a):
    result = [-1] * len($a)
    stack = []
    for i in range(len($a) - 1, -1, -1):
        while stack and $a[stack[-1]] < $a[i]:
            result[stack.pop()] = $a[i]
        stack.append(i)
    return result
""",
            ),
            slow=(
                _fill(_SCAN, NONE="-1", RANGE="range(i - 1, -1, -1)", OP=">", FOUND="$a[j]"),
                _fill(_NEXT, PART="$a[:i][::-1]", OP=">"),
            ),
            tests=(
                ([[]], []),
                ([[5]], [-1]),
                ([[2, 1, 2, 4, 3]], [-1, 2, -1, -1, 4]),
                ([[3, 3, 3]], [-1, -1, -1]),
                ([[9, 0, 5, 7]], [-1, 9, 9, 9]),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    down = [4 * size - 2 * i + rng.randrange(5) for i in range(size // 2)]
    up = [i + rng.randrange(5) for i in range(size - size // 2)]
    return [down + up]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_NEAREST,)
