"""Families about the characters of one string: how often they occur, and where."""

from skeldpo.problems.family import Family, Variation

_CHARACTERS = Family(
    name="character_counts",
    topic="strings",
    difficulty="easy",
    entry_points=("find_char", "analyze_text", "char_statistics", "inspect_string"),
    parameters=(("s", "text", "word", "string"),),
    variations=(
        Variation(
            name="first_unique",
            wordings=(
                "Return the first character of the string `$a` that occurs exactly once in it, or "
                "the empty string if there is no such character.",
                "Given `$a`, find the leftmost character without a duplicate anywhere in the "
                "string and return it. Return an empty string if every character repeats.",
                "Which character of `$a` is the earliest one that appears only a single time? "
                "Return it as a string of length one, or '' if none does.",
                "Find the first non-repeating character in `$a`. The result is that character, or "
                "an empty string when all characters occur at least twice.",
                "Reading `$a` from left to right, return the first character whose number of "
                "occurrences in the whole string is one; return '' if none qualifies.",
            ),
            fast=(
                """\
from collections import Counter

def $fn($a):
    counts = Counter($a)
    for ch in $a:
        if counts[ch] == 1:
            return ch
    return ""
""",
                """\
def $fn($a):
    counts = {}
    for ch in $a:
        counts[ch] = counts.get(ch, 0) + 1
    for ch in counts:
        if counts[ch] == 1:
            return ch
    return ""
""",
            ),
            slow=(
                """\
def $fn($a):
    for ch in $a:
        if $a.count(ch) == 1:
            return ch
    return ""
""",
                """\
def $fn($a):
    for x in $a:
        total = 0
        for y in $a:
            if x == y:
                total += 1
        if total == 1:
            return x
    return ""
""",
            ),
            tests=(
                ([""], ""),
                (["z"], "z"),
                (["aabb"], ""),
                (["abacbd"], "c"),
                (["level"], "v"),
            ),
        ),
        Variation(
            name="most_frequent",
            wordings=(
                "Return the character that occurs most often in the string `$a`. On a tie return "
                "the one that appears first; for an empty string return ''.",
                "Given `$a`, find its most frequent character; among equally frequent characters "
                "the one with the earliest first occurrence wins. An empty string gives ''.",
                "Which character has the largest number of occurrences in `$a`? Break ties in "
                "favour of the character seen first, and return '' if `$a` is empty.",
                "Find the most common character of `$a`. If several are equally common, return the "
                "one that comes first in the string, or '' if there is none.",
                "Count the characters of `$a` and return the one with the highest count, the "
                "leftmost such character on ties, and the empty string for empty input.",
            ),
            fast=(
                """\
from collections import Counter

def $fn($a):
    counts = Counter($a)
    return max(counts, key=counts.get, default="")
""",
                """\
def $fn($a):
    counts = {}
    for ch in $a:
        counts[ch] = counts.get(ch, 0) + 1
    best = ""
    for ch in counts:
        if best == "" or counts[ch] > counts[best]:
            best = ch
    return best
""",
            ),
            slow=(
                """\
def $fn($a):
    return max($a, key=$a.count, default="")
""",
                """\
def $fn($a):
    best = ""
    most = 0
    for ch in $a:
        total = $a.count(ch)
        if total > most:
            best = ch
            most = total
    return best
""",
                """\
def $fn($a):
    best = ""
    most = 0
    for x in $a:
        total = 0
        for y in $a:
            if x == y:
                total += 1
        if total > most:
            best = x
            most = total
    return best
""",
            ),
            tests=(
                ([""], ""),
                (["z"], "z"),
                (["abab"], "a"),
                (["abacbb"], "b"),
                (["xyyx z z z"], " "),
            ),
        ),
        Variation(
            name="least_frequent",
            wordings=(
                "Return the character that occurs least often in the string `$a`. On a tie return "
                "the one that appears first; for an empty string return ''.",
                "Given `$a`, find its rarest character; among equally rare characters of `$a` the "
                "one with the earliest first occurrence wins. An empty string gives ''.",
                "Which of the characters in `$a` has the smallest number of occurrences? Break "
                "ties in favour of the character seen first, and return '' if `$a` is empty.",
                "Find the least common of the characters that `$a` contains. If several are "
                "equally rare, return the one that comes first, or '' if there is none.",
                "Count the characters of `$a` and return the one with the lowest count, the "
                "leftmost such character on ties, and the empty string for empty input.",
            ),
            fast=(
                """\
from collections import Counter

def $fn($a):
    counts = Counter($a)
    return min(counts, key=counts.get, default="")
""",
                """\
def $fn($a):
    counts = {}
    for ch in $a:
        counts[ch] = counts.get(ch, 0) + 1
    best = ""
    for ch in counts:
        if best == "" or counts[ch] < counts[best]:
            best = ch
    return best
""",
            ),
            slow=(
                """\
def $fn($a):
    return min($a, key=$a.count, default="")
""",
                """\
def $fn($a):
    best = ""
    least = len($a) + 1
    for ch in $a:
        total = $a.count(ch)
        if total < least:
            best = ch
            least = total
    return best
""",
                """\
def $fn($a):
    best = ""
    least = len($a) + 1
    for x in $a:
        total = 0
        for y in $a:
            if x == y:
                total += 1
        if total < least:
            best = x
            least = total
    return best
""",
            ),
            tests=(
                ([""], ""),
                (["z"], "z"),
                (["abab"], "a"),
                (["aabbccb"], "a"),
                (["abcab"], "c"),
            ),
        ),
        Variation(
            name="repeated_positions",
            wordings=(
                "Return how many positions of the string `$a` hold a character that also occurs at "
                "another position.",
                "Given `$a`, count all characters, every occurrence separately, that appear at "
                "least twice in the string. Return the count.",
                "How long is what remains of `$a` after deleting each character that occurs only "
                "once in it? Return that length.",
                "Count the characters of `$a` that have a duplicate: an index counts if the same "
                "character stands at some different index.",
                "Return the number of indices i such that the character of `$a` at i is contained "
                "in `$a` more than once. An empty string gives 0.",
            ),
            fast=(
                """\
from collections import Counter

def $fn($a):
    counts = Counter($a)
    return sum(1 for ch in $a if counts[ch] > 1)
""",
                """\
def $fn($a):
    counts = {}
    for ch in $a:
        counts[ch] = counts.get(ch, 0) + 1
    total = 0
    for ch in counts:
        if counts[ch] > 1:
            total += counts[ch]
    return total
""",
            ),
            slow=(
                """\
def $fn($a):
    return sum(1 for ch in $a if $a.count(ch) > 1)
""",
                """\
def $fn($a):
    result = 0
    for x in $a:
        total = 0
        for y in $a:
            if x == y:
                total += 1
        if total > 1:
            result += 1
    return result
""",
            ),
            tests=(
                ([""], 0),
                (["z"], 0),
                (["aabb"], 4),
                (["abacbd"], 4),
                (["level"], 4),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    letters = rng.sample("abcdefghijklmnopqrstuvwxyz", 12)
    text = [rng.choice(letters[:9]) for _ in range(size)]
    for ch in letters[9:9 + rng.randrange(4)]:
        for _ in range(rng.randint(1, 2)):
            text[rng.randrange(size * 4 // 5, size)] = ch
    return ["".join(text)]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_CHARACTERS,)
