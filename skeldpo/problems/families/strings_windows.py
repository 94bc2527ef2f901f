"""Families about windows of a string that are anagrams of a pattern."""

from skeldpo.problems.family import Family, Variation

_COUNTERS = """\
from collections import Counter

def $fn($a, $b):
    n = len($b)
    need = Counter($b)
    have = Counter()
    START
    for i, ch in enumerate($a):
        have[ch] += 1
        if i >= n:
            have[$a[i - n]] -= 1
        if have == need:
            FOUND
    return RESULT
"""

_MISSING = """\
from collections import Counter

def $fn($a, $b):
    n = len($b)
    need = Counter($b)
    missing = n
    START
    for i, ch in enumerate($a):
        missing -= need[ch] > 0
        need[ch] -= 1
        if i >= n:
            need[$a[i - n]] += 1
            missing += need[$a[i - n]] > 0
        if missing == 0:
            FOUND
    return RESULT
"""


def _fill(code: str, start: str, found: str, result: str) -> str:
    lines = code.replace("FOUND", found).replace("RESULT", result)
    return lines.replace("START", start) if start else lines.replace("    START\n", "")


_ANAGRAMS = Family(
    name="anagram_windows",
    topic="strings",
    difficulty="medium",
    entry_points=("find_anagrams", "anagram_windows", "search_permutation", "match_anagrams"),
    parameters=(
        ("s", "text", "haystack", "source"),
        ("p", "pattern", "needle", "target"),
    ),
    variations=(
        Variation(
            name="count",
            wordings=(
                "Count the substrings of `$a` that are anagrams of the non-empty string `$b`. "
                "Substrings at different positions count separately and may overlap.",
                "Return at how many positions of `$a` a substring starts that is a rearrangement "
                "of all the characters of `$b` (`$b` is not empty).",
                "How many windows of `$a` with the length of `$b` contain exactly the same "
                "characters, equally often, as `$b`, which is non-empty?",
                "Given strings `$a` and `$b` (not empty), return the number of contiguous parts of "
                "`$a` that become `$b` when their letters are permuted.",
                "Slide a window as long as the non-empty `$b` over `$a` and return how often its "
                "characters, in any order, are those of `$b`.",
            ),
            fast=(
                _fill(_COUNTERS, "total = 0", "total += 1", "total"),
                _fill(_MISSING, "total = 0", "total += 1", "total"),
            ),
            slow=(
                """\
def $fn($a, $b):
    n = len($b)
    need = sorted($b)
    total = 0
    for i in range(len($a) - n + 1):
        if sorted($a[i:i + n]) == need:
            total += 1
    return total
""",
                """\
from collections import Counter

def $fn($a, $b):
    n = len($b)
    need = Counter($b)
    return sum(1 for i in range(len($a) - n + 1) if Counter($a[i:i + n]) == need)
""",
            ),
            tests=(
                (["", "a"], 0),
                (["ab", "abc"], 0),
                (["aaaa", "aa"], 3),
                (["cbaebabacd", "abc"], 2),
                (["abab", "ab"], 3),
            ),
        ),
        Variation(
            name="starts",
            wordings=(
                "Return the start indices of all substrings of `$a` that are anagrams of the "
                "non-empty string `$b`, in ascending order.",
                "At which positions of `$a` does a substring start that is a rearrangement of all "
                "the characters of `$b` (not empty)? Return the indices in increasing order.",
                "List, from left to right, the start indices of the windows of `$a` that contain "
                "exactly the same characters, equally often, as the non-empty `$b`.",
                "Given strings `$a` and `$b` (not empty), return the sorted list of indices where "
                "a permutation of `$b` begins in `$a`; it is empty if there are none.",
                "Slide a window as long as the non-empty `$b` over `$a` and return the list of its "
                "start positions where its characters, in any order, are those of `$b`.",
            ),
            fast=(
                _fill(_COUNTERS, "result = []", "result.append(i - n + 1)", "result"),
                _fill(_MISSING, "result = []", "result.append(i - n + 1)", "result"),
            ),
            slow=(
                """\
def $fn($a, $b):
    n = len($b)
    need = sorted($b)
    result = []
    for i in range(len($a) - n + 1):
        if sorted($a[i:i + n]) == need:
            result.append(i)
    return result
""",
                """\
from collections import Counter

def $fn($a, $b):
    n = len($b)
    need = Counter($b)
    return [i for i in range(len($a) - n + 1) if Counter($a[i:i + n]) == need]
""",
            ),
            tests=(
                (["", "a"], []),
                (["ab", "abc"], []),
                (["aaaa", "aa"], [0, 1, 2]),
                (["cbaebabacd", "abc"], [0, 6]),
                (["abab", "ab"], [0, 1, 2]),
            ),
        ),
        Variation(
            name="first",
            wordings=(
                "Return the smallest index of `$a` at which a substring starts that is an anagram "
                "of the non-empty string `$b`, or -1 if there is none.",
                "Find the leftmost rearrangement of all the characters of `$b` (not empty) that "
                "is a substring of `$a`; return its start index, or -1 without one.",
                "Where is the first window of `$a` that contains exactly the same characters, "
                "equally often, as the non-empty `$b`? Return its start index or -1.",
                "Given strings `$a` and `$b` (not empty), return the lowest index where a "
                "permutation of `$b` begins in `$a`; return -1 if `$a` contains none.",
                "Slide a window as long as the non-empty `$b` over `$a` from the left; return its "
                "start once its characters, in any order, are those of `$b`, else -1.",
            ),
            fast=(
                _fill(_COUNTERS, "", "return i - n + 1", "-1"),
                _fill(_MISSING, "", "return i - n + 1", "-1"),
            ),
            slow=(
                """\
def $fn($a, $b):
    n = len($b)
    need = sorted($b)
    for i in range(len($a) - n + 1):
        if sorted($a[i:i + n]) == need:
            return i
    return -1
""",
                """\
from collections import Counter

def $fn($a, $b):
    n = len($b)
    need = Counter($b)
    for i in range(len($a) - n + 1):
        if Counter($a[i:i + n]) == need:
            return i
    return -1
""",
            ),
            tests=(
                (["", "a"], -1),
                (["ab", "abc"], -1),
                (["aaaa", "aa"], 0),
                (["xcbaebabacd", "abc"], 1),
                (["ccccab", "ba"], 4),
            ),
        ),
        Variation(
            name="last",
            wordings=(
                "Return the largest index of `$a` at which a substring starts that is an anagram "
                "of the non-empty string `$b`, or -1 if there is none.",
                "Find the rightmost rearrangement of all the characters of `$b` (not empty) that "
                "is a substring of `$a`; return its start index, or -1 without one.",
                "Where does the last window of `$a` start that contains exactly the same "
                "characters, equally often, as the non-empty `$b`? Return this index or -1.",
                "Given strings `$a` and `$b` (not empty), return the highest index where a "
                "permutation of `$b` begins in `$a`; return -1 if `$a` contains none.",
                "Among all windows of `$a` as long as the non-empty `$b` whose characters, in any "
                "order, are those of `$b`, return the start of the last one, or -1.",
            ),
            fast=(
                _fill(_COUNTERS, "last = -1", "last = i - n + 1", "last"),
                _fill(_MISSING, "last = -1", "last = i - n + 1", "last"),
            ),
            slow=(
                """\
def $fn($a, $b):
    n = len($b)
    need = sorted($b)
    last = -1
    for i in range(len($a) - n + 1):
        if sorted($a[i:i + n]) == need:
            last = i
    return last
""",
                """\
from collections import Counter

def $fn($a, $b):
    n = len($b)
    need = Counter($b)
    last = -1
    for i in range(len($a) - n + 1):
        if Counter($a[i:i + n]) == need:
            last = i
    return last
""",
            ),
            tests=(
                (["", "a"], -1),
                (["ab", "abc"], -1),
                (["aaaa", "aa"], 2),
                (["xcbaebabacd", "abc"], 7),
                (["abcccc", "ba"], 0),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    n = max(1, size // rng.randint(6, 10))
    p = [rng.choice("abc") for _ in range(n)]
    text = [rng.choice("ab") for _ in range(size // 3)]
    while len(text) < size * 3 // 4:
        if rng.random() < 0.6:
            text += rng.sample(p, n)
        else:
            text += [rng.choice("abc") for _ in range(rng.randint(1, n))]
    text += [rng.choice("ab") for _ in range(size)]
    return ["".join(text[:size]), "".join(p)]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_ANAGRAMS,)
