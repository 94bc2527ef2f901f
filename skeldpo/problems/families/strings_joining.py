"""Families about joining words when some of them go to the front."""

from skeldpo.problems.family import Family, Variation

_DEQUE = """\
from collections import deque

def $fn($a, $b):
    result = deque()
    for LOOP:
        if CONDITION:
            result.appendleft(word)
        else:
            result.append(word)
    return $b.join(result)
"""

_TWO_LISTS = """\
def $fn($a, $b):
    front = []
    back = []
    for LOOP:
        if CONDITION:
            front.append(word)
        else:
            back.append(word)
    return $b.join(front[::-1] + back)
"""

_INSERT = """\
def $fn($a, $b):
    result = []
    for LOOP:
        if CONDITION:
            result.insert(0, word)
        else:
            result.append(word)
    return $b.join(result)
"""

_COPY = """\
def $fn($a, $b):
    result = []
    for LOOP:
        if CONDITION:
            result = [word] + result
        else:
            result = result + [word]
    return $b.join(result)
"""


def _fill(code: str, loop: str, condition: str) -> str:
    return code.replace("LOOP", loop).replace("CONDITION", condition)


_JOIN = Family(
    name="join_front_back",
    topic="strings",
    difficulty="easy",
    entry_points=("join_words", "build_line", "arrange_words", "build_text"),
    parameters=(
        ("words", "parts", "tokens", "names"),
        ("sep", "glue", "delimiter", "separator"),
    ),
    variations=(
        Variation(
            name="all_front",
            wordings=(
                "Put each word of the list `$a`, one after the other, in front of the words before "
                "it, and return them all joined by the string `$b`.",
                "Return the words of `$a` in reverse order as one string, with `$b` between "
                "neighbouring words. An empty list gives an empty string.",
                "Build a line by pushing every word of `$a` in turn to its front; consecutive "
                "words are separated by `$b`. Return the line.",
                "Join the words in `$a` from the last to the first, using `$b` as separator, and "
                "return the resulting string.",
                "Given words `$a` and a separator `$b`, return the string that lists the words "
                "backwards, the words themselves unchanged.",
            ),
            fast=(
                """\
def $fn($a, $b):
    return $b.join($a[::-1])
""",
                """\
def $fn($a, $b):
    result = []
    for word in $a:
        result.append(word)
    result.reverse()
    return $b.join(result)
""",
                """\
from collections import deque

def $fn($a, $b):
    result = deque()
    for word in $a:
        result.appendleft(word)
    return $b.join(result)
""",
            ),
            slow=(
                """\
def $fn($a, $b):
    result = []
    for word in $a:
        result.insert(0, word)
    return $b.join(result)
""",
                """\
def $fn($a, $b):
    result = []
    for word in $a:
        result = [word] + result
    return $b.join(result)
""",
            ),
            tests=(
                ([[], "-"], ""),
                ([["one"], ", "], "one"),
                ([["a", "bc", "a"], "-"], "a-bc-a"),
                ([["x", "yy", "zzz"], ""], "zzzyyx"),
                ([["to", "be", "or"], " "], "or be to"),
            ),
        ),
        Variation(
            name="even_length_front",
            wordings=(
                "Start with an empty row. Each word of `$a` in turn goes to the front of the row "
                "if its length is even, else to the back. Return the row joined by `$b`.",
                "Build a list from the words of `$a` in order: words of even length are put before "
                "everything so far, the others after it. Return it joined with `$b`.",
                "Process the words in `$a` from first to last, placing even-length words at the "
                "left end and odd-length words at the right end; join the outcome with `$b`.",
                "Return one string, separated by `$b`: first the words of `$a` with an even number "
                "of characters in reverse order, then the other words in order.",
                "Given words `$a`, list those of even length backwards, then those of odd length "
                "in their order, and return all of them joined by the string `$b`.",
            ),
            fast=(
                _fill(_DEQUE, "word in $a", "len(word) % 2 == 0"),
                _fill(_TWO_LISTS, "word in $a", "len(word) % 2 == 0"),
            ),
            slow=(
                _fill(_INSERT, "word in $a", "len(word) % 2 == 0"),
                _fill(_COPY, "word in $a", "len(word) % 2 == 0"),
            ),
            tests=(
                ([[], "-"], ""),
                ([["one"], ", "], "one"),
                ([["a", "bc", "a", "de"], "-"], "de-bc-a-a"),
                ([["x", "yy", "zzz", "word"], ""], "wordyyxzzz"),
                ([["to", "be", "or", "not"], " "], "or be to not"),
            ),
        ),
        Variation(
            name="alternate",
            wordings=(
                "Place the words of `$a` in a row, alternately at its back and at its front, the "
                "first word at the back. Return the row joined by `$b`.",
                "Build a list from the words of `$a`: words at odd indices (0-based) are put "
                "before everything so far, the others after it. Return it joined with `$b`.",
                "Process `$a` from index 0 on, adding words at even indices to the right end and "
                "words at odd indices to the left end; join the outcome with `$b`.",
                "Return one string, separated by `$b`: first the words at odd 0-based indices of "
                "`$a` in reverse order, then the words at even indices in order.",
                "The second, fourth, sixth, ... word of `$a` goes to the front of a line, every "
                "other word to its end. Return the final line with `$b` between words.",
            ),
            fast=(
                _fill(_DEQUE, "i, word in enumerate($a)", "i % 2 == 1"),
                _fill(_TWO_LISTS, "i, word in enumerate($a)", "i % 2 == 1"),
            ),
            slow=(
                _fill(_INSERT, "i, word in enumerate($a)", "i % 2 == 1"),
                _fill(_COPY, "i, word in enumerate($a)", "i % 2 == 1"),
            ),
            tests=(
                ([[], "-"], ""),
                ([["one"], ", "], "one"),
                ([["a", "bc", "a", "de"], "-"], "de-bc-a-a"),
                ([["x", "yy", "zzz"], ""], "yyxzzz"),
                ([["to", "be", "or", "not", "now"], " "], "not be to or now"),
            ),
        ),
        Variation(
            name="smaller_front",
            wordings=(
                "Each word of `$a` in turn goes to the front of a row if it is alphabetically "
                "smaller than the first word of `$a`, else to the back. Return the row joined "
                "by `$b`.",
                "Build a list from the words of `$a` in order: words less than the first word of "
                "`$a` are put before everything so far, the others after it. Return it joined "
                "with `$b`.",
                "Process the words in `$a` one by one: those that compare below the first word go "
                "to the left end, all others to the right end; join the outcome with `$b`.",
                "Return one string, separated by `$b`: first the words smaller than the first word "
                "of `$a`, in reverse order, then the remaining words in order.",
                "Split `$a` into words below its first word and all others; list the former "
                "backwards, then the latter in order, and return everything joined by `$b`.",
            ),
            fast=(
                _fill(_DEQUE, "word in $a", "word < $a[0]"),
                _fill(_TWO_LISTS, "word in $a", "word < $a[0]"),
            ),
            slow=(
                _fill(_INSERT, "word in $a", "word < $a[0]"),
                _fill(_COPY, "word in $a", "word < $a[0]"),
            ),
            tests=(
                ([[], "-"], ""),
                ([["one"], ", "], "one"),
                ([["b", "c", "a", "b"], "-"], "a-b-c-b"),
                ([["m", "l", "n", "k"], ""], "klmn"),
                ([["to", "be", "or", "not", "us"], " "], "not or be to us"),
            ),
        ),
    ),
    generator="""\
import random

def generate_input(size, seed):
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    pool = ["".join(rng.choices(letters, k=rng.randint(1, 6))) for _ in range(50)]
    words = [rng.choice(pool) for _ in range(size)]
    words[0] = rng.choice("ijklmnopqr") + words[0]
    return [words, rng.choice(["", " ", "-", ", "])]
""",
    checker="exact",
    held_out=False,
)

FAMILIES: tuple[Family, ...] = (_JOIN,)
