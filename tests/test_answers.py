"""The program in an answer: one text for each rule of docs/ANSWERS.md, and the program meant."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from skeldpo.answers import Wanted, read_answer, read_program
from skeldpo.answers.reading import (
    BODY,
    CUT,
    CUT_REASONING,
    JOINED,
    NO_PROGRAM,
    SEVERAL,
    USAGE,
)
from skeldpo.languages.python import prompt_preamble

AREA = "def area(w, h):\n    return w * h\n"
"""The program that every answer about `area` means, unless it says another."""
LONG = (
    "def area(w, h):\n    total = 0\n    for _ in range(h):\n        total += w\n    return total\n"
)
WANTED = Wanted(language="python", entry_point="area")
RUN = Wanted(language="python")
"""Of a program that is run as a whole."""
TICKS = "```"
BLUE = "\x1b[34m*\x1b[0m"
STEPS = "2 * 3 = 6 and 3 * 4 = 12, so all is well, as it was before\n"


def fenced(code: str, label: str = "python", fence: str = TICKS) -> str:
    return f"{fence}{label}\n{code}{fence}\n"


ONE_PROGRAM = {
    "alone": AREA,
    "fenced": fenced(AREA),
    "in prose": f"Sure, here it is:\n\n{fenced(AREA)}\nIt multiplies.",
    "prose before without a fence": f"The answer is a product.\n\n{AREA}",
    "prose on both sides without a fence": f"I would write\n\n{AREA}\nThis runs in O(1).\n",
    "heading, list and rule": f"# Answer\n\n- fast\n- short\n\n---\n{AREA}---\nComplexity: O(1)\n",
    "unopened": f"{AREA}{TICKS}\nThat is all.\n",
    "unopened, then usage": f"{AREA}{TICKS}\nUse it:\n{fenced('print(area(2, 3))' + chr(10))}",
    "unclosed": f"Here:\n{TICKS}python\n{AREA}",
    "unclosed with prose after it": f"{TICKS}python\n{AREA}\nThis function multiplies w by h.\n",
    "four backticks": fenced(AREA, fence="````"),
    "tildes": fenced(AREA, fence="~~~"),
    "tildes without a label": fenced(AREA, label="", fence="~~~~"),
    "in a list item": "1. Multiply:\n\n   ```python\n"
    + "".join(f"   {line}\n" for line in AREA.splitlines())
    + "   ```\n2. Done.\n",
    "fence in the line of a list item": "- ```python\n"
    + "".join(f"  {line}\n" for line in AREA.splitlines())
    + "  ```\n",
    "indented, closed at the margin": "  ```py\n  def area(w, h):\n      return w * h\n```\n",
    "quoted": "> ```python\n> def area(w, h):\n>     return w * h\n> ```\n",
    "quoted twice": ">> ```\n>> def area(w, h):\n>>     return w * h\n>> ```\n",
    "tab behind the mark of a list": "1.\t```py\n\tdef area(w, h):\n\t    return w * h\n\t```\n",
    "indented as Markdown": "As follows:\n\n    def area(w, h):\n        return w * h\n\nDone.\n",
    "fence after prose": f"Answer: {fenced(AREA)}",
    "closing fence after the code": f"{TICKS}python\n{AREA.rstrip()}{TICKS}\nDone.",
    "in a Markdown block": f"````markdown\n# Solution\n{fenced(AREA)}````\n",
    "in a bare block around blocks": f"````\nText\n{fenced(AREA)}````\n",
    "inline code before": f"Do not ```import numpy``` here, `w * h` is enough.\n{fenced(AREA)}",
    "other languages": f"{fenced('pip install area' + chr(10), 'bash')}"
    f"{fenced('int area(int w, int h) { return w * h; }' + chr(10) * 9, 'cpp')}{fenced(AREA)}",
    "unclosed block of another language": f"{TICKS}bash\npip install x\n{fenced(AREA)}",
    "trace": f"{fenced(AREA)}\nTrace:\n{fenced('w = 2, h = 3 -> 6' + chr(10) * 3 + 'done', '')}",
    "longer unlabelled block that parses": fenced(AREA) + fenced("6\n12\n" * 20, ""),
    "labelled block and an unlabelled sketch": fenced(AREA) + fenced(LONG, ""),
    "two unlabelled blocks": fenced(AREA, "") + fenced(STEPS, ""),
    "empty block first": fenced("\n") + fenced(AREA),
    "usage block": fenced(AREA) + fenced("for w in range(9):\n    print('area', area(w, w))\n"),
    "test block": fenced(AREA)
    + fenced("from solution import area\nimport unittest\n\n\nclass TestArea(unittest.TestCase):\n"
             "    def test_one(self):\n        self.assertEqual(area(1, 1), 1)\n"),
    "timed in a later block": fenced(AREA)
    + fenced("def timed(f):\n    return f\n\n\narea = timed(area)\nprint(area(1, 2))\n"),
    "stub behind it": fenced(AREA + "\n\ndef area(w, h):\n    ...\n"),
    "begun once more": AREA + '\n\ndef area(w, h):\n    """The area."""\n',
    "imported for a test": fenced(AREA + "\n\nfrom solution import area\n\nprint(area(1, 2))\n"),
    "stub shown again": fenced(AREA) + fenced("def area(w, h):\n    ...\n"),
    "template shown again": fenced(AREA)
    + fenced("def area(w, h):\n    # your code\n    return None\n"),
    "stub shown first": fenced('def area(w, h):\n    """Area."""\n    pass\n') + fenced(AREA),
    "fragment shown again": fenced(AREA) + "The line\n" + fenced("    return w * h\n") + "does it.",
    "corrected": fenced(LONG) + "Negative h fails. Corrected:\n" + fenced(AREA),
    "transcript after": fenced(AREA) + fenced(">>> area(2, 3)\n6\n", "pycon"),
    "transcript labelled python": fenced(AREA) + fenced(">>> area(2, 3)\n6\n"),
    "transcript alone": fenced(
        ">>> def area(w, h):\n...     return w * h\n...\n>>> area(2, 3)\n6\n", "pycon"),
    "think": f"<think>\nDraft:\n{fenced(LONG)}No.\n</think>\n\n{fenced(AREA)}",
    "think opened by the template": f"Draft:\n{fenced(LONG)}no\n</think>\n{fenced(AREA)}",
    "think, answer without a fence": f"Hm.\n{fenced(LONG)}\n</think>\n\n{AREA}",
    "think with an unclosed draft": f"<think>\n{TICKS}python\n{LONG}\n</think>\n{fenced(AREA)}",
    "thinking": f"<thinking>{fenced(LONG)}</thinking>{fenced(AREA)}",
    "reasoning, upper case": f"<REASONING>\n{fenced(LONG)}</REASONING>\n{fenced(AREA)}",
    "begin of thought": f"<|begin_of_thought|>\n{fenced(LONG)}<|end_of_thought|>\n"
    f"<|begin_of_solution|>\n{fenced(AREA)}<|end_of_solution|>",
    "final response": f"Here are my reasoning steps:\n{fenced(LONG)}[BEGIN FINAL RESPONSE]\n"
    f"{fenced(AREA, '')}[END FINAL RESPONSE]\n{fenced(LONG)}",
    "a name before think": f"<longcat_think>\n{fenced(LONG)}</longcat_think>\n{fenced(AREA, '')}",
    "bracketed": f"[THINK]{fenced(LONG)}[/THINK]\n{fenced(AREA)}",
    "channels": f"<|channel|>analysis<|message|>Draft {fenced(LONG)}<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{fenced(AREA)}<|return|>",
    "channels without special tokens": "analysisWe need\n"
    f"{fenced(LONG)}assistantfinal{fenced(AREA)}",
    "several thoughts": f"<think>a\n{fenced(LONG)}</think>\nso\n"
    f"<think>{fenced(LONG)}</think>{fenced(AREA)}",
    "thought after the program": f"{fenced(AREA)}<think>\nWas it right?\n{fenced(LONG)}",
    "closing mark named in prose": f"I ended `</think>` early.\n{fenced(AREA)}",
    "byte-order mark": "\ufeff" + AREA,
    "byte-order mark before a fence": "\ufeff" + fenced(AREA),
    "line ends of Windows": fenced(AREA).replace("\n", "\r\n"),
    "line ends of old Macs": AREA.replace("\n", "\r"),
    "marks that nobody sees": fenced(AREA.replace("* h", "*\u200e h\u00ad")),
    "token before code": f"<|python_tag|>{AREA}<|eom_id|>",
    "token before code, none behind": f"<s>{AREA}",
    "signs of a page": fenced(AREA).replace("*", "&#42;"),
    "numbered lines": fenced(" 9 | def area(w, h):\n10 |     return w * h\n11 |\n"),
    "numbered lines with dots": fenced("1. def area(w, h):\n2.     return w * h\n"),
    "no-break blanks": fenced(AREA.replace("    ", "\u00a0" * 4)),
    "wide blanks": fenced(AREA.replace("    ", "\u3000" * 4)),
    "end of turn": f"{AREA.rstrip()}<|im_end|>\n",
    "end of turn after a fence": f"{fenced(AREA).rstrip()}<|im_end|>\n<|im_start|>user\nThanks\n",
    "end of text": f"{AREA}</s>",
    "text of another document": f"{AREA}<|endoftext|># Area\ndef area(w, h):\n    return 0\n",
    "text begins as others end": f"</s>\n{AREA}",
    "ends twice": f"{fenced(AREA)}<|eot_id|><|end_of_text|>",
    "Code Llama's tags": f"[PYTHON]\n{AREA}[/PYTHON]\n[TESTS]\nassert area(1, 2) == 2\n[/TESTS]",
    "answer tags": f"<answer>\n{AREA}</answer>\n",
    "begins in the line of the fence": f"{TICKS}python {AREA}{TICKS}\n",
    "copied from a page": f"python\n{AREA}",
    "transcript of IPython": fenced("In [1]: def area(w, h):\n   ...:     return w * h\n"
                                    "   ...: \n\nIn [2]: area(2, 3)\nOut[2]: 6\n", "ipython"),
    "page of a manual": f"<pre><code>\n{AREA}</code></pre>\n",
    "prose in the block": f"{TICKS}python\n{AREA}\nThis is the product.\n{TICKS}\n",
    "two fences for one": f"{TICKS}python\n{fenced(AREA)}{TICKS}\n",
    "Python 2 usage": fenced(f"{AREA}\nprint area(1, 2)\n"),
    "colours of a terminal": f"\x1b[1m{fenced(AREA.replace('*', BLUE))}\x1b[0m",
    "one line": f"So: \n{TICKS}python area = lambda w, h: w * h{TICKS}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_PROGRAM)
def test_the_program_meant_is_found(name: str) -> None:
    wanted = "area = lambda w, h: w * h\n" if name == "one line" else AREA
    assert read_answer(ONE_PROGRAM[name], WANTED).code == wanted


def test_quotes_and_minus_of_a_page_are_those_of_programs() -> None:
    code = "def area(w, h):\n    return w * h - len('') - len(\"\")\n"
    shown = code.replace("-", "\u2212").replace("''", "\u2018\u2019").replace('""', "\u201c\u201d")
    assert read_answer(fenced(shown), WANTED).code == code
    named = code.replace("area", "area_of")
    asked = Wanted(language="python", entry_point="area_of")
    assert read_answer(fenced(named.replace("_", r"\_")), asked).code == named
    text = "def area(w, h):\n    return '\u201c\u2212\\_'\n"
    assert read_answer(fenced(text), WANTED).code == text


def test_a_quotation_without_blanks_behind_its_marks_is_read() -> None:
    read = read_answer(">```python\n>def area(w, h):\n>    return w * h\n>```\n", WANTED)
    assert run(read.code)["area"](2, 3) == 6


@pytest.mark.parametrize("start", ["1. ", "- ", "10.\t", "\t", "  \t"])
def test_tabs_of_a_block_in_a_list_stay_its_indentation(start: str) -> None:
    code = "def area(w, h):\n\tif w:\n\t\treturn w * h\n\treturn 0\n"
    body = "".join(f"\t{line}\n" for line in code.splitlines())
    assert read_answer(f"{start}{TICKS}python\n{body}\t{TICKS}\n", WANTED).code == code


@pytest.mark.parametrize(
    "label",
    ["python", "Python", "PYTHON3", "py", "py3", "python2", "python3.11", "ipython", "{.python}",
     "{python}", "python title=area.py", "python:area.py", "python {linenos=true}", "area.py",
     "language-python", "tool_code", "python,ignore", " python ", "python-3.11", "x-python",
     "python-code", "src/area.py", "/tmp/my-area.py", 'title="area.py"', "file=src/area.py"],
)  # fmt: skip
def test_labels_that_say_python(label: str) -> None:
    longer = fenced("w, h and their product, in words that are no program at all\n" * 3, "")
    assert read_answer(fenced(AREA, label) + longer, WANTED).code == AREA


@pytest.mark.parametrize("label", ["java", "c++", "c#", "js", "bash", "json", "output", "diff",
                                   "diff:area.py", "src/area.cpp", "bash area.py"])  # fmt: skip
def test_blocks_of_other_languages_never_count(label: str) -> None:
    read = read_answer("So:\n" + fenced(AREA, label), WANTED)
    assert (read.code, read.note) == ("", NO_PROGRAM)


@pytest.mark.parametrize(
    ("text", "code", "note"),
    [
        (fenced(LONG) + fenced(AREA), AREA, SEVERAL),
        (f"{TICKS}python\n{AREA}", AREA, CUT),
        (f"<think>\nI could\n{fenced(AREA)}but", "", CUT_REASONING),
        (f"I could\n{fenced(AREA)}</think>", "", NO_PROGRAM),
        ("", "", NO_PROGRAM),
        (fenced("ls\n", "sh"), "", NO_PROGRAM),
        ("I cannot do that.", "I cannot do that.\n", ""),
        (AREA + "\n\nprint(area(2, 3))\n", AREA, USAGE),
        (fenced(AREA), AREA, ""),
    ],
)
def test_what_was_unusual_is_said(text: str, code: str, note: str) -> None:
    read = read_answer(text, WANTED)
    assert (read.code, read.note) == (code, note)


def test_a_program_cut_within_the_function_is_not_completed() -> None:
    cut = AREA + "\n\ndef volume(w, h, d):\n    return area(w, h) * (d +"
    read = read_answer(f"{TICKS}python\n{cut}", Wanted(language="python", entry_point="volume"))
    assert read.code.startswith(AREA) and "(d +" in read.code
    assert read_answer(f"{TICKS}python\n{cut}", WANTED).code == AREA


HELPER = "import math\n\n\ndef root(n):\n    return math.isqrt(n)\n"
MAIN = "def both(n):\n    return root(n), n\n"


@pytest.mark.parametrize(
    "text",
    [
        f"Helper:\n{fenced(HELPER)}Main:\n{fenced(MAIN)}",
        f"Main:\n{fenced(MAIN)}where\n{fenced(HELPER)}",
        f"Imports:\n{fenced('import math' + chr(10))}Helper:\n"
        f"{fenced(HELPER.partition(chr(10))[2])}Main:\n{fenced(MAIN)}"
        + fenced("both(4)\n"),
        f"First try:\n{fenced(HELPER + 'def both(n):' + chr(10) + '    return 0, 0' + chr(10))}"
        f"Better:\n{fenced(MAIN)}",
        f"{fenced('from __future__ import annotations' + chr(10) + HELPER)}{fenced(MAIN)}",
    ],
)  # fmt: skip
def test_blocks_that_need_each_other_are_joined(text: str) -> None:
    read = read_answer(text, Wanted(language="python", entry_point="both"))
    assert JOINED in read.note
    assert run(read.code)["both"](17) == (4, 17)


@pytest.mark.parametrize(
    "parts",
    [
        ["sides = [0]\n", "for n in range(1, 9):\n    sides.append(n)\n",
         "def area(w, h):\n    return sides[w] * h\n"],
        ["sides = {}\n", "def fill():\n    for n in range(9):\n        sides[n] = n\n", "fill()\n",
         "def area(w, h):\n    return sides[w] * h\n"],
        ["two = 0\n", "for n in range(2):\n    two += 1\n",
         "def area(w, h):\n    return two * h\n"],
        ["two = 1\n", "two = two + 1\n", "def area(w, h):\n    return two * h\n"],
        ["two = 1\n", "two += 1\n\n\ndef area(w, h):\n    return two * h\n"],
        ["def side(n):\n    return n\n",
         "from functools import lru_cache\n\nside = lru_cache(None)(side)\n",
         "def area(w, h):\n    return side(w) * h\n"],
        ["class Side:\n    size = 1\n", "Side.size = 2\n",
         "def area(w, h):\n    return Side.size * h\n"],
        ["import sys\n\n\ndef sum_to(n):\n    return n and 1 + sum_to(n - 1)\n",
         "sys.setrecursionlimit(sys.getrecursionlimit() + 9000)\n",
         "def area(w, h):\n    return sum_to(3000) * h // 1500\n"],
    ],
)  # fmt: skip
def test_what_blocks_between_do_to_what_is_needed_is_done(parts: list[str]) -> None:
    limit = sys.getrecursionlimit()
    text = "Then:\n".join(fenced(part) for part in [*parts, "print(area(1, 2))\n"])
    read = read_answer(text, WANTED)
    try:
        assert run(read.code)["area"](2, 3) == 6
    finally:
        sys.setrecursionlimit(limit)
    assert JOINED in read.note and "print" not in read.code


def test_tests_of_a_part_are_not_taken() -> None:
    side, area = "def side(n):\n    return n\n", "def area(w, h):\n    return side(w) * h\n"
    tests = "import pytest\n\n\ndef test_side():\n    assert side(1) == 1\n\n\ntest_side()\n"
    assert read_answer("".join(map(fenced, (side, tests, area))), WANTED).code == side + area


def test_a_draft_of_what_is_needed_is_not_taken() -> None:
    helper = "def side(n):\n    return n\n"
    last = fenced(helper.replace("n\n", "n + 0\n"))
    text = fenced(helper) + fenced("def area(w, h):\n    return side(w) * h\n") + f"Better:\n{last}"
    assert read_answer(text, WANTED).code.count("def side") == 1
    parts = ["SIDES = [1] * 10**4\n\n\ndef draft(w):\n    return SIDES[w]\n", "SIDES = [1, 2, 2]\n",
             "def area(w, h):\n    return SIDES[w] * h\n"]  # fmt: skip
    assert read_answer("".join(map(fenced, parts)), WANTED).code == parts[1] + parts[2]


@pytest.mark.parametrize(
    "parts",
    [
        ["def side(n):\n    return n + 1\n", "def area(w, h):\n    return side(w) * side(h)\n",
         "def side(n):\n    return n\n"],
        ["def side(n):\n    return n + 1\n\n\ndef area(w, h):\n    return side(w) * side(h)\n",
         "def side(n):\n    return n\n"],
        ["def side(n):\n    return n + 1\n", "def side(n):\n    return n\n",
         "def area(w, h):\n    return side(w) * side(h)\n"],
        ["def side(n):\n    return n + 1\n\n\ndef area(w, h):\n    return side(w) * side(h)\n",
         "def same(n):\n    return n\n\n\ndef side(n):\n    return same(n)\n\n\n"
         "def test():\n    assert area(1, 2) == 2\n"],
        ["def side(n):\n    return n + 1\n\n\ndef area(w, h):\n    return side(w) * side(h)\n",
         "def side(n):\n    return n\n\n\ndef test_side():\n    assert side(1) == 1\n\n\n"
         "if __name__ == '__main__':\n    test_side()\n"],
        ["def side(n):\n    return n + 1\n\n\ndef area(w, h):\n    return side(w) * side(h)\n",
         "def side(n):\n    return n\n\n\ndef main():\n    print(side(1))\n\n\nmain()\n"],
    ],
)  # fmt: skip
def test_a_later_version_of_a_helper_replaces_the_earlier(parts: list[str]) -> None:
    read = read_answer("Better:\n".join(fenced(part) for part in parts), WANTED)
    assert JOINED in read.note
    assert run(read.code)["area"](2, 3) == 6


@pytest.mark.parametrize("other", ["def volume(w, h, d):\n    return side(w, h) * d\n",
                                   "class Volume:\n    pass\n"])  # fmt: skip
def test_another_program_behind_it_mends_nothing(other: str) -> None:
    side, area = "def side(n):\n    return n\n", "def area(w, h):\n    return side(w) * side(h)\n"
    last = fenced("def side(w, h):\n    return w * h\n\n\n" + other)
    for text in (fenced(side + area), fenced(side) + fenced(area)):
        code = read_answer(f"{text}For bodies:\n{last}", WANTED).code
        assert run(code)["area"](2, 3) == 6


def test_star_imports_of_a_block_for_imports_are_joined() -> None:
    text = fenced("from math import *\n") + fenced("def area(w, h):\n    return ceil(w) * h\n")
    assert run(read_answer(text, WANTED).code)["area"](2, 3) == 6


def test_joining_moves_future_imports_of_several_lines_and_no_text_of_strings() -> None:
    future = "from __future__ import (\n    annotations,\n)\n"
    shown = 'NOTE = """\nfrom __future__ import annotations\n"""\n'
    main = "def area(w: Side, h):\n    return side(w) * side(h), NOTE\n"
    text = fenced("def side(n):\n    return n\n") + fenced(f"{future}{shown}{main}")
    read = read_answer(text, WANTED)
    assert read.note == JOINED
    assert run(read.code)["area"](2, 3) == (6, "\nfrom __future__ import annotations\n")


def test_joining_takes_no_usage_of_the_other_block() -> None:
    text = fenced(HELPER + "\nprint(root('x'))\nassert root(4) == 3\n") + fenced(MAIN)
    code = read_answer(text, Wanted(language="python", entry_point="both")).code
    assert "print" not in code and "assert" not in code
    assert run(code)["both"](9) == (3, 9)


def test_a_helper_that_does_nothing_is_lent() -> None:
    text = fenced("def log(n):\n    return\n") + fenced(
        "def both(n):\n    log(n)\n    return n, n\n"
    )
    code = read_answer(text, Wanted(language="python", entry_point="both")).code
    assert run(code)["both"](3) == (3, 3)


def test_a_later_block_gives_no_values() -> None:
    text = fenced("def both(n):\n    return n, k\n") + fenced("k = 3\nprint(both(1))\n")
    assert "k = 3" not in read_answer(text, Wanted(language="python", entry_point="both")).code


METHOD = Wanted(language="python", entry_point="Box.area")
BOX = "class Box:\n    def area(self, w, h):\n        return w * h\n"


@pytest.mark.parametrize(
    "text",
    [
        fenced(BOX) + fenced("box = Box()\nprint(box.area(2, 3))\n"),
        fenced(BOX.replace("w * h", "w + h")) + "Sorry:\n" + fenced(BOX),
        fenced("class Box:\n    def area(self, w, h):\n        pass\n") + fenced(BOX),
        fenced(BOX + "\n\nclass Box:\n    def area(self, w, h):\n        pass\n"),
        fenced(BOX + "\n\nfrom box import Box\n\n\nassert Box().area(1, 2) == 2\n"),
        fenced(BOX) + fenced("class Box:\n    def volume(self):\n        return 0\n"),
        BOX + "\n\nif __name__ == '__main__':\n    print(Box().area(2, 3))\n",
        BOX + "\nassert Box().area(2, 3) == 6\n",
    ],
)
def test_methods_are_found_like_functions(text: str) -> None:
    assert read_answer(text, METHOD).code == BOX


FENCES_INSIDE = [
    'def area(w, h):\n    """Area.\n\n    Example:\n    ```\n    area(1, 2)\n    ```\n    """\n'
    "    return w * h\n",
    "TEXT = '''```python\nx = 1\n```'''\n\n\ndef area(w, h):\n    return w * h if TEXT else 0\n",
    'def area(w, h):\n    """\n```python\n>>> area(1, 2)\n2\n```\n    """\n    return w * h\n',
    "import math  # ```\n\n\ndef area(w, h):\n    # ```python\n    return w * h  # ``` ends\n",
    'def area(w, h):\n    text = f"""\n~~~\n{w}\n~~~\n```\n"""\n    return w * h if text else 0\n',
    'def area(w, h):\n    tags = ["</think>", "<|im_end|>"]\n    return w * h if tags else 0\n',
    "def area(w, h):\n    text = '''\n</think>\n<think>\n'''\n    return w * h if text else 0\n",
]  # fmt: skip


@pytest.mark.parametrize("code", FENCES_INSIDE)
@pytest.mark.parametrize("fence", ["```", "````", "~~~"])
@pytest.mark.parametrize("label", ["python", ""])
def test_a_fence_in_a_string_ends_nothing(code: str, fence: str, label: str) -> None:
    for text in (
        code,
        fenced(code, label, fence),
        f"Here:\n{fenced(code, label, fence)}Trace:\n{fenced('1 2 -> 2', '')}",
        f"<think>\nHm\n{fenced(LONG)}</think>\n{fenced(code, label, fence)}",
        f"{fence}{label}\n{code}",
        f"Without a fence:\n\n{code}\nThat is it.\n",
    ):
        assert read_answer(text, WANTED).code == code


@pytest.mark.parametrize(
    "piece",
    ["```python\ndef area(w\n```\n", "```\n", "```python\n", "def area(w, h:\n", "(((\n", "@area\n",
     "    x = (\n", '"""\n', "`" * 40, "<think>\n", "</think>\n", "> ", "text ```python\n",
     "```python\nx += 1\n```\n", "```python\nfrom a import *\nprint(b)\n```\n"],
)  # fmt: skip
def test_an_answer_that_repeats_itself_is_read_in_time(piece: str) -> None:
    started_s = time.process_time()
    read_answer(
        piece * 1000, Wanted(language="python", entry_point="area", prompt="def area(w, h):\n")
    )
    read_answer(piece * 1000, RUN)
    assert time.process_time() - started_s < 10


def test_a_file_of_a_program_is_taken_as_it_is() -> None:
    for code in (*FENCES_INSIDE, AREA + "\nprint(area(1, 2))\n", "x = 1\n", "def area(:\n", ""):
        assert read_program(code, WANTED).code == code
    assert read_program("\ufeff" + AREA.replace("\n", "\r\n"), WANTED).code == AREA
    python2 = AREA + "print 'area'\n"
    assert read_program(python2, WANTED).code == python2
    assert read_program(fenced(FENCES_INSIDE[0]), WANTED).code == FENCES_INSIDE[0]
    assert read_program(f"So:\n\n{AREA}", WANTED).code == AREA
    assert read_program(f"<think>{fenced(LONG)}</think>\n{AREA}", WANTED).code == AREA


READER = "n = int(input())\nprint(n * 2)\n"


@pytest.mark.parametrize(
    "text",
    [
        READER,
        fenced(READER),
        f"Read and print:\n\n{READER}\nIt doubles the number.\n",
        fenced(READER) + "Input:\n" + fenced("21\n" * 9, "") + "Output:\n" + fenced("42\n" * 9, ""),
        fenced(READER) + fenced("$ echo 21 | python a.py\n42\n", "console"),
        fenced("n = 3\nprint(n * 2)\n") + "but read n:\n" + fenced(READER),
        fenced(READER) + "For example\n" + fenced("print(21 * 2)\n"),
        fenced(READER, "") + fenced("21 -> 42\n", ""),
        f"<think>\n{fenced('print(input())' + chr(10))}</think>\n{fenced(READER)}",
        fenced(READER)
        + "Test it:\n"
        + fenced("import io, sys\nsys.stdin = io.StringIO('4')\nprint(int(input()) * 2)\n"),
        fenced(READER)
        + fenced("import subprocess\nprint(subprocess.run(['python', 'a.py'], input=b'4'))\n"),
        fenced(READER)
        + fenced(
            "from unittest.mock import patch\nwith patch('builtins.input', return_value='4'):\n"
            "    print(input())\n"
        ),
        fenced(READER) + fenced("input = lambda: '4'\nprint(int(input()) * 2)\n"),
        fenced(READER) + "or\n" + fenced("# n = int(input())\n# print(n << 1)\nn = 1\n"),
        fenced(READER)
        + "On your machine:\n"
        + fenced(f"import sys\nsys.stdin = open('input.txt')\n{READER}"),
        f"<answer>\n{READER}</answer>\n",
        fenced(READER) + "".join(f"The line\n{fenced(line)}" for line in READER.splitlines(True)),
        fenced(READER, "") + "where\n" + fenced("n * 2\n") + "doubles it.\n",
        fenced(READER, "")
        + fenced("import io, sys\nsys.stdin = io.StringIO('4')\nprint(int(input()) * 2)\n"),
        fenced(READER) + "To see the number:\n" + fenced("print('n is', n)\n"),
        fenced(READER) + "As a function:\n" + fenced("def main():\n    print(int(input()) * 2)\n"),
        fenced(READER) + fenced("with open('in.txt') as file:\n    print(int(file.read()) * 2)\n"),
        f"{TICKS}python\n{READER}",
        f"{READER}{TICKS}\nDone.\n",
        fenced(READER, "") + "Make input:\n" + fenced("print(9)\n"),
        f"{READER}{TICKS}\nMake input:\n" + fenced("print(9)\n"),
        f"{READER}{TICKS}\nTest:\n" + fenced("def test():\n    print(9)\n\n\ntest()\n"),
        f"{READER}{TICKS}\nIn short:\n" + fenced("print(n * 2)\n"),
        f" {READER}",
        f"Solution\n\n{READER}\nThanks",
        f"Solution\n{READER}",
        f"So:\n\n {READER}",
    ],
)
def test_programs_that_read_and_print(text: str) -> None:
    assert read_answer(text, RUN).code == READER


def test_parts_of_a_script_that_explain_it_are_no_script() -> None:
    script = "n = int(input())\nsides = list(map(int, input().split()))\nprint(sum(sides))\n"
    parts = [fenced(line) for line in script.splitlines(keepends=True)]
    assert read_answer(fenced(script) + "First\n".join(parts), RUN).code == script
    assert read_answer(fenced(script) + parts[-1], RUN).code == script
    calls = "def f(n):\n    return n\nk = input()\nn = input()\nprint(f(n))\n"
    end = "n = input()  # the second line\nprint(f(n))\n"
    assert read_answer(fenced(calls) + fenced(end), RUN).code == calls
    two = "k = input()\nprint(input())\n"
    assert read_answer(fenced(two) + fenced("print(input())\n"), RUN).code == two
    run_at_once = "def run(f):\n    f()\n\n\n@run\ndef main():\n    print(input())\n"
    assert read_answer(fenced(run_at_once) + fenced("print(9)\n"), RUN).code == run_at_once
    main = "def main():\n    print(input())\n"
    assert read_answer(fenced(f"{main}\n\nmain()\n") + fenced(main), RUN).code.endswith("main()\n")


@pytest.mark.parametrize(
    "shown",
    ["def area(w, h):\n    total = 0  # so far\n    for _ in range(h):\n        total += w\n",
     "def area(w, h):\n    total = 0\n    ...\n",
     "def area(w, h):\n    total = 0\n    # ... add up\n    return total\n",
     "def area(w, h):\n    # ... as before\n    return total + 0\n",
     "def area(w, h):\n    \"\"\"Sum.\"\"\"\n    ...\n    return total + 0\n"],
)  # fmt: skip
def test_a_part_of_a_function_that_explains_it_is_not_the_function(shown: str) -> None:
    assert read_answer(fenced(LONG) + "Here\n" + fenced(shown), WANTED).code == LONG
    assert read_answer(fenced(shown), WANTED).code == shown


def test_a_part_of_a_helper_shown_again_does_not_replace_it() -> None:
    helper = "def side(n):\n    if n < 0:\n        return 0\n    return n\n"
    code = f"{helper}\n\ndef area(w, h):\n    return side(w) * side(h)\n"
    shown = "def side(n):\n    # never less\n    if n < 0:\n        return 0\n"
    assert read_answer(fenced(code) + fenced(shown), WANTED).code == code


def test_fast_reading_is_reading() -> None:
    for line in ("import os\nn = int(os.read(0, 99))\n", "import sys\ninput = sys.stdin.readline\n",
                 "import sys\nlines = iter(sys.stdin)\ninput = lambda: next(lines)\n"):  # fmt: skip
        code = f"{line}print(2)\n"
        assert read_answer(fenced(READER) + "Faster:\n" + fenced(code), RUN).code == code


@pytest.mark.parametrize(
    "line",
    ["# sys.stdin = StringIO('4')", "if 'LOCAL' in os.environ:\n    sys.stdin = open('input.txt')",
     "try:\n    sys.stdin = open('a')\nexcept OSError:\n    pass",
     "sys.stdin = open('/dev/stdin')"],
)  # fmt: skip
def test_what_feeds_on_another_machine_or_in_a_comment_feeds_nothing(line: str) -> None:
    code = f"import os, sys\n{line}\n{READER}"
    assert read_answer(fenced("n = input()\nprint(n + n)\n") + fenced(code), RUN).code == code


def test_a_whole_program_in_parts_is_joined_and_keeps_its_lines() -> None:
    parts = ["import sys\n", "def twice(n):\n    return n * 2\n",
             "for line in sys.stdin:\n    print(twice(int(line)))\n"]  # fmt: skip
    read = read_answer("".join(f"Part:\n{fenced(part)}" for part in parts), RUN)
    assert read.code == "".join(parts)
    guarded = "def main():\n    print(input())\n\n\nif __name__ == '__main__':\n    main()\n"
    assert read_answer(fenced(guarded), RUN).code == guarded


def test_a_part_that_reads_is_joined_with_all_that_it_reads() -> None:
    reads = "n = int(input())  # not to print\nsides = list(map(int, input().split()))\n"
    shows = "print(max(sides))\n"
    assert read_answer(fenced(reads) + fenced(shows), RUN).code == reads + shows
    first, *more = reads.splitlines(keepends=True)
    for between in ("", "sides.sort()\n", "import math\n"):
        parts = [first, *more, between, shows]
        text = "Now:\n".join(fenced(part) for part in parts if part)
        assert read_answer(text, RUN).code == "".join(parts)


def test_a_part_that_lends_nothing_is_not_joined() -> None:
    code = f"{READER}print(inf)\n"
    assert read_answer(fenced("k = input()\n") + fenced(code), RUN).code == code
    imports = "from math import inf\n"
    text = fenced("n = int(input())\n") + fenced(imports) + "Whole:\n" + fenced(code)
    assert read_answer(text, RUN).code == imports + code


def test_a_broken_whole_program_stays_broken() -> None:
    for code in ("n = int(input())\nprint n\n", "print(1))\n", "print(1)\nprint 2\n"):
        assert read_answer(code, RUN).code == code
        assert read_answer(fenced(code), RUN).code == code


PROMPT = (
    "from typing import List\n\n\ndef half(n: int) -> int:\n    return n // 2\n\n\n"
    'def halves(xs: List[int]) -> List[int]:\n    """Half of each.\n    >>> halves([4])\n    [2]\n'
    '    """\n'
)


@pytest.mark.parametrize(
    "text",
    [
        "    return [half(x) for x in xs]\n",
        "return [half(x) for x in xs]",
        "\n\n    made = []\n    for x in xs:\n        made.append(half(x))\n    return made\n",
        "   made = []\n    for x in xs:\n        made.append(half(x))\n    return made\n",
        fenced("return [half(x) for x in xs]\n") + "Use it:\n" + fenced("print(halves([1]))\n"),
        "made = []\n    for x in xs:\n        made.append(half(x))\n    return made\n",
        fenced("    return [half(x) for x in xs]\n"),
        fenced("return [half(x) for x in xs]\n"),
        "    return [half(x) for x in xs]\n\n\nprint(halves([1, 2]))\n",
        "    return [half(x) for x in xs]\n\n\ndef next_one(",
        "    return [half(x) for x in xs]\n\n\nif __name__ == '__main__':\n    import doctest\n",
        "    return [half(x) for x in xs]<|endoftext|>",
        "    return [half(x) for x in xs]<|fim_pad|>",
        "    return [half(x) for x in xs]\n```\n",
        "    return [half(x) for x in xs]\n```\n\nThis halves each of them.\n",
        "return [half(x) for x in xs]\n```\nDone.",
        "    return [half(x) for x in xs]\n    ```\n",
        "    return [half(x) for x in xs]\n```\nOutput\n```\n[2]\n```\n",
        "    return [half(x) for x in xs]\n\n" + fenced("print(halves([4]))\n"),
        '    """Halves.\n\n    ```\n    halves([4])\n    ```\n    """\n'
        "    return [half(x) for x in xs]\n",
        "made = []\nfor x in xs:\n    made.append(half(x))\nreturn made\n",
        "made = []\nfor x in xs:\n    made.append(half(x))\nreturn made\n\nThat is all.\n",
        "    return [half(x) for x in xs]\n\n\ndef halves(xs: List[int]) -> List[int]:\n"
        '    """Half of each."""\n',
        "<think>easy</think>\n    return [half(x) for x in xs]\n",
    ],
)
def test_a_body_goes_on_where_the_prompt_ends(text: str) -> None:
    read = read_answer(text, Wanted(language="python", entry_point="halves", prompt=PROMPT))
    assert BODY in read.note
    assert "print" not in read.code
    assert run(read.code)["halves"]([4, 7]) == [2, 3]


def test_what_stands_before_a_fence_is_a_body_only_if_it_goes_on() -> None:
    asked = Wanted(language="python", entry_point="halves", prompt=PROMPT)
    for words in ("Sure", "Sure\nIn Java:", "Java\n\n", "  Sure"):
        assert "    Sure" not in read_answer(f"{words}\n{fenced(AREA)}", asked).code
    assert read_answer("Sure\n" + fenced("int x;\n", "java"), asked).note == NO_PROGRAM
    whole = "def halves(xs):\n    return [x // 2 for x in xs]\n"
    assert read_answer("    return xs\n```\nBetter:\n" + fenced(whole), asked).code == whole


def test_a_body_needs_a_prompt() -> None:
    body = "    return [half(x) for x in xs]\n"
    assert read_answer(body, Wanted(language="python", entry_point="halves")).code == body
    asked = Wanted(language="python", entry_point="halves", prompt=PROMPT)
    assert read_program(body, asked).code == body
    assert read_program(body, asked, goes_on=True).code == PROMPT + body


def test_preamble_is_what_the_prompt_promises() -> None:
    preamble = prompt_preamble(PROMPT, "halves")
    assert run(preamble)["half"](9) == 4
    assert "halves" not in preamble and "import List" in preamble
    assert prompt_preamble("def f(x):\n", "f") == ""
    assert prompt_preamble("def f(x: List[int]) -> Odd:\n", "f") == "from typing import List\n"
    assert (
        prompt_preamble("import math\nclass Box:\n    def area(self, w):\n", "Box.area")
        == "import math\n"
    )
    assert prompt_preamble('"""\nWrite a function f.\nassert f(1) == 2\n"""\n', "f") == ""
    assert prompt_preamble("Write a function that doubles.", "f") == ""


def run(code: str, **given: Any) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "program", **given}
    exec(compile(code, "<program>", "exec"), scope)
    return scope


SETUP = """\
import sys, random
import heapq
from functools import lru_cache
from collections import defaultdict
try:
    import numpy as np
except ImportError:
    np = None
sys.setrecursionlimit(10**6)
random.seed(7)
LIMIT = 50
sieve = [True] * (LIMIT + 1)
for i in range(2, LIMIT + 1):
    for j in range(2 * i, LIMIT + 1, i):
        sieve[j] = False
primes = []
def fill():
    for n in range(2, LIMIT):
        if sieve[n]:
            primes.append(n)
fill()
heap = [5, 3, 4]
heapq.heapify(heap)
table = defaultdict(int)
table["a"] += 1
count = 0
count += 2
handlers = {}
def handles(name):
    def keep(f):
        handlers[name] = f
        return f
    return keep
@handles("double")
def _double(x):
    return 2 * x
class Base:
    known = {}
    def get(self, k):
        return self.known.get(k, 0)
Base.known["k"] = 11
class Child(Base):
    pass
@lru_cache(maxsize=None)
def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)
def entry(n):
    global count
    count += 1
    entry.calls += 1
    extra = np is not None
    return (primes[n], heap[0], table["a"], count, handlers["double"](n), Child().get("k"),
            depth(n), entry.calls, sys.getrecursionlimit(), extra is not None)
entry.calls = 0
"""
USAGE_LINES = """\
import unittest
from pprint import pprint as show
cases = [(1, 2), (3, 4)]
result = entry(1)
print(result)
show(entry(2))
assert entry(3)[0] == 7, "wrong"
for i in range(3):
    print(entry(i))
def test_entry():
    assert entry(0)
class TestEntry(unittest.TestCase):
    def test_it(self):
        self.assertTrue(entry(0))
test_entry()
n = int(input())
with open("/nowhere") as lines:
    print(lines.read())
while n:
    n -= 1
raise SystemExit(entry(0))
if __name__ == "__main__":
    unittest.main()
"""


def test_usage_goes_and_what_sets_the_function_up_stays() -> None:
    read = read_answer(SETUP + USAGE_LINES, Wanted(language="python", entry_point="entry"))
    assert read.note == USAGE
    assert read.code == SETUP


@pytest.mark.parametrize(
    "line",
    ["print(area(2, 3))", "area(2, 3)", "assert area(2, 3) == 7", "raise ValueError",
     "x = area(2, 3)", "w, h = map(int, input().split())\nprint(area(w, h))", "exit()",
     "import sys\nsys.exit(area(1, 1))", "import missing_module\nmissing_module.plot(area)",
     "import doctest\ndoctest.testmod()", "def main():\n    print(area(1, 2))\n\n\nmain()",
     "print(area(1, 2)); print(area(2, 3))", "check(area)", "area",
     "if __name__ == '__main__':\n    main()", "if '__main__' == __name__:\n    main()",
     "try:\n    print(area(1, 0))\nexcept Exception as e:\n    print(e)",
     "import random\nsides = [random.random() for _ in range(10**9)]\nprint(area(*sides))",
     "import sys\nsys.stdout.write(str(area(1, 2)))",
     "async def go():\n    pass\n\n\nawaited = go()"],
)  # fmt: skip
def test_lines_of_usage_go(line: str) -> None:
    assert read_answer(f"{AREA}\n\n{line}\n", WANTED).code == AREA
    assert read_answer(fenced(f"{line}\n\n\n{AREA}"), WANTED).code.lstrip() == AREA


OF_MODULES = (
    "import asyncio, datetime, random, string, sys\nimport numbers\nimport numpy as np\n\n\n"
    "def area(w, h):\n    random.shuffle(w)\n    sides = np.array(w), numbers.Number, asyncio.run\n"
    "    return sides, datetime.date(w, h, 1), string.digits\n"
)


@pytest.mark.parametrize(
    "line",
    ["print(area(np.random.rand(10), 2))", "w = np.random.randint(0, 9, 5)\nprint(area(w, 2))",
     "print(area(datetime.datetime.now(), 2))", "print(area(np.array([1], dtype=np.int64), 2))",
     "print(area(random.choices(string.ascii_lowercase, k=5), 2))", "print(np.linalg.norm([1]))",
     "assert np.allclose(area([1], 2), np.linalg.norm([1]))",
     "np.testing.assert_equal(area([1], 2), 1)",
     "found = area([1], 2)\nnp.testing.assert_equal(found, 1)",
     "async def main():\n    print(area([1], 2))\n\n\nasyncio.run(main())"],
)  # fmt: skip
def test_usage_goes_though_it_asks_a_module_that_the_function_needs(line: str) -> None:
    assert read_answer(f"{OF_MODULES}\n\n{line}\n", WANTED).code == OF_MODULES


@pytest.mark.parametrize(
    "line",
    ["numbers.Number.register(str)", "sys.path.append('x')", "np.random.seed(1)",
     "np.set_printoptions(precision=2)", "setattr(string, 'digits', '1')",
     "string.digits = '1'"],
)  # fmt: skip
def test_what_changes_a_module_that_the_function_needs_stays(line: str) -> None:
    code = f"{OF_MODULES}\n\n{line}\n"
    assert read_answer(code, WANTED).code == code


@pytest.mark.parametrize(
    "line",
    ["import sys\nsys.setrecursionlimit(10**6)", "from sys import setrecursionlimit as s\ns(9999)",
     "import threading\nthreading.stack_size(1 << 27)",
     "import decimal\ndecimal.getcontext().prec = 50",
     "import decimal\ncontext = decimal.getcontext()\ncontext.prec = 50",
     "from decimal import getcontext\ncontext = getcontext()\ncontext.prec = 50",
     "from __future__ import annotations", "from math import *", "import random\nrandom.seed(1)",
     "import os\nos.environ['A'] = 'b'", "import sys\nif True:\n    sys.setrecursionlimit(9999)",
     "from decimal import *\ngetcontext().prec = 50", "from sys import *\nsetrecursionlimit(9999)",
     "from decimal import *\ncontext = getcontext()\ncontext.prec = 50",
     "from random import *\nfrom math import *\nseed(1)",
     "import sys\n_ = sys.setrecursionlimit(9)",
     "import sys\nhasattr(sys, 'settrace') and sys.set_int_max_str_digits(0)",
     "import sys\nsys.set_int_max_str_digits(0) if hasattr(sys, 'settrace') else None",
     "import sys, gc\nsys.setrecursionlimit(9999), gc.disable()",
     "import sys\n\n\ndef start():\n    sys.setrecursionlimit(9999)\n\n\nstart()",
     "import math", '"""A docstring."""', "import warnings\nwarnings.filterwarnings('ignore')"],
)  # fmt: skip
def test_settings_of_the_process_stay(line: str) -> None:
    code = f"{line}\n\n\n{AREA}"
    assert read_answer(f"{code}\n\nprint(area(1, 2))\n", WANTED).code == code


@pytest.mark.parametrize(
    "line",
    ["from sys import *\n\n\ndef main():\n    setrecursionlimit(9999)\n    print(area(1, 2))\n\n\n"
     "main()", "from numpy import *\nw = array([1])\nw.sort()\nprint(area(w, 2))",
     "from random import *\nshuffle([area(1, 2)])"],
)  # fmt: skip
def test_usage_with_settings_in_it_goes(line: str) -> None:
    first = line.partition("\n")[0]
    code = read_answer(f"{AREA}\n\n{line}\n", WANTED).code
    assert code == f"{AREA}\n\n{first}\n"


@pytest.mark.parametrize(
    "code",
    [
        "from functools import singledispatch\n\n\n"
        "@singledispatch\ndef area(w, h):\n    return w * h\n"
        "\n\n@area.register\ndef _(w: str, h):\n    return len(w) * h\n\n\n"
        "@area.register(list)\ndef of_list(w, h):\n    return len(w) * h\n",
        "class Shapes(dict):\n    def add(self, f):\n        self[f.__name__] = f\n"
        "        return f\n\n\n"
        "shapes = Shapes()\n\n\n@shapes.add\ndef square(w, h):\n    return w * h\n\n\n"
        "def area(w, h):\n    return shapes['square'](w, h)\n",
        "class Shape:\n    known = []\n\n    def __init_subclass__(cls):\n"
        "        Shape.known.append(cls)\n"
        "\n\nclass Square(Shape):\n    def area(self, w, h):\n        return w * h\n\n\n"
        "def area(w, h):\n    return Shape.known[0]().area(w, h)\n",
        "globals()['FACTOR'] = 1\n\n\ndef area(w, h):\n    return w * h * FACTOR\n",
        "exec('FACTOR = 1')\n\n\ndef area(w, h):\n    return w * h * FACTOR\n",
        "def area(w, h):\n    return area.table[w] * h\n\n\narea.table = list(range(99))\n",
        "def area(w, h):\n    return w * h\n\n\nsetattr(area, 'calls', 0)\n",
        "def area(w, h):\n    return w * h * area.table[0]\n\n\narea.table = table = []\n"
        "table.append(1)\n",
        "class Held:\n    table = []\n\n\nput = Held.table.append\nput(1)\n\n\n"
        "def area(w, h):\n    return w * h * Held.table[0]\n",
        "cache = {}\nfor w in range(9):\n    for h in range(9):\n        cache[w, h] = w * h\n\n\n"
        "def area(w, h):\n    return cache[w, h]\n",
        "cache = []\n\n\ndef fill(n):\n    cache.extend(range(n))\n\n\n"
        "def start():\n    fill(9)\n\n\n"
        "start()\n\n\ndef area(w, h):\n    return cache[w] * h\n",
        "class Tables:\n    sides = []\n\n\nTables.sides.append(1)\n\n\ndef area(w, h):\n"
        "    return w * h * Tables.sides[0]\n",
        "try:\n    from missing_module import one\nexcept ImportError:\n    one = 1\n"
        "while one < 1:\n    one += 1\n\n\ndef area(w, h):\n    return w * h * one\n",
        "cache = {}\nput = lambda w: cache.setdefault(w, w)\nput(2)\n\n\ndef area(w, h):\n"
        "    return cache[w] * h\n",
        "cache = {}\n\n\nclass Filler:\n    def fill(self):\n        cache[2] = 2\n\n\n"
        "filler = Filler()\nfiller.fill()\n\n\ndef area(w, h):\n    return cache[w] * h\n",
        "a = b = 1\nb, c = 1, 1\nif c:\n    b *= 1\nwith open('/dev/null') as held:\n"
        "    b = b + len(held.read())\n\n\ndef area(w, h):\n    return w * h * b\n",
    ],
)  # fmt: skip
def test_what_a_function_needs_stays(code: str) -> None:
    read = read_answer(f"{code}\n\nprint(area(1, 2))\nassert area(1, 1)\n", WANTED)
    assert read.code == code
    assert run(read.code)["area"](2, 3) == 6


@pytest.mark.parametrize(
    "line",
    [
        "for row in made:\n    row[0] = 1",
        "for _, row in enumerate(made):\n    row[0] = 1",
        "row = made[0]\nrow[0] = 1",
        "rows = [made]\nrows[0][0][0] = 1",
        "put = made[0].__setitem__\nfor _ in range(2):\n    put(0, 1)",
        "put = made[0].append\nmade[0].clear()\nput(1)",
        "made[0].clear()\nlist(map(made[0].append, [1]))",
        "def fill():\n    row = made[0]\n    for _ in range(2):\n        row[0] = 1\n\n\nfill()",
        "def fill():\n    made[0][0] = 1\n\n\nfilled = fill\nfilled()",
        "[row.__setitem__(0, 1) for row in made]",
        "made = node = [[0]]\nfor _ in range(2):\n    node[0] = [1]",
        "for row in made:\n    row += [1]\n    row.pop(0)",
        "[made := [[k]] for k in range(2)]",
        "row = made[0]\nrow += [1]\nrow.pop(0)",
        "row = made[0]\nfor k in range(1, 2):\n    row += [k]\nrow.pop(0)",
        "def rows():\n    return made\n\n\nrows()[0][0] = 1",
        "def rows(k):\n    held = made\n    return held[k:]\n\n\n"
        "rows(0)[0].append(1)\nrows(0)[0].pop(0)",
        "def rows():\n    return made\n\n\nheld = rows\nheld()[0][0] = 1",
        "rows = lambda: made\nrows()[0][0] = 1",
        "sorted(made)[0].append(1)\nmade[0].pop(0)",
        "(None or made)[0][0] = 1",
        "(made if made else []).append([0])\nmax(made)[0] = 1\nmade[0][0] = 1",
        "(rows := made)[0][0] = 1",
        "def rows():\n    yield from made\n\n\nfor row in rows():\n    row[0] = 1",
        "def rows():\n    return made\n\n\ndef fill():\n    rows()[0][0] = 1\n\n\nfill()",
        "class Rows:\n    def all(self):\n        return made\n\n\n"
        "held = Rows()\nheld.all()[0][0] = 1",
    ],
)
def test_what_is_changed_by_another_name_is_changed(line: str) -> None:
    code = f"made = [[0]]\n{line}\n\n\ndef area(w, h):\n    return w * h * made[0][0]\n"
    read = read_answer(f"{code}\n\nprint(area(1, 2))\n", WANTED)
    assert (read.code, read.note) == (code, USAGE)
    assert run(read.code)["area"](2, 3) == 6


@pytest.mark.parametrize(
    "code",
    [
        "class Box:\n    sides = []\n\n    @classmethod\n    def fill(cls):\n"
        "        cls.sides.append(1)\n\n    def area(self, w, h):\n"
        "        return w * h * self.sides[0]\n\n\nBox.fill()\n",
        "class Box:\n    sides = []\n\n    @classmethod\n    def all(cls):\n"
        "        return cls.sides\n\n    def area(self, w, h):\n"
        "        return w * h * self.sides[0]\n\n\nBox.all().append(1)\n",
        "def sides(held=[]):\n    return held\n\n\nsides().append(1)\n\n\nclass Box:\n"
        "    def area(self, w, h):\n        return w * h * sides()[0]\n",
        "class Side:\n    pass\n\n\nclass One(Side):\n    size = 1\n\n\nclass Box:\n"
        "    def area(self, w, h):\n        return w * h * Side.__subclasses__()[0].size\n",
    ],
)
def test_what_changes_a_class_stays(code: str) -> None:
    assert read_answer(f"{code}\n\nprint(Box().area(1, 2))\n", METHOD).code == code
    assert run(code)["Box"]().area(2, 3) == 6


@pytest.mark.parametrize(
    "line",
    [
        "for fn in (area, brute):\n    print(fn(1, 2))",
        "made = [area(side, 1) for side in SIDES]\nmade.sort()\nprint(made)",
        "total = 0\nfor side in SIDES:\n    total += area(side, 1)\nprint(total)",
    ],
)
def test_usage_of_what_the_function_reads_goes(line: str) -> None:
    code = "SIDES = [1, 2]\n\n\ndef area(w, h):\n    return w * h * SIDES[0]\n"
    brute = "\n\ndef brute(w, h):\n    return sum([w] * h) * SIDES[0]\n"
    assert read_answer(f"{code}{brute}\n\n{line}\n", WANTED).code == code


def test_names_inside_a_function_called_top_are_its_own() -> None:
    code = (
        "class Pile:\n    def top(self):\n        last = self.made[-1]\n        return last\n\n\n"
        "def area(w, h):\n    return w * h if Pile else last\n"
    )
    usage = "pile = Pile()\npile.made = [1]\nprint(pile.top())\n"
    assert read_answer(f"{code}\n\n{usage}", WANTED).code == code
    assert read_answer(fenced("last = 7\n") + fenced(code), WANTED).code == f"last = 7\n{code}"


def test_names_of_python_are_not_changed() -> None:
    code = "def area(w: int, h: int) -> int:\n    return max(w, 0) * h\n"
    for line in (
        "n, m = map(int, input().split())\nn += reduce(max, [n])\nprint(area(n, m))",
        "parser = ArgumentParser()\nparser.add_argument('w', type=int)\nw = parser.parse_args().w",
        "made = defaultdict(int)\nmade[input()] += 1\nprint(area(*made.values()))",
    ):
        assert read_answer(f"{code}\n\n{line}\n", WANTED).code == code


@pytest.mark.parametrize(
    "line",
    [
        "n = int(input())\ndist = [INF] * n\ndist[0] = 0\nprint(area(*dist))",
        "cases = [(1, 1 % MOD)]\ncases.append(input())\nprint(area(*cases[0]))",
        "dp = [MOD for _ in input()]\ndp.append(INF)\nprint(area(*dp))",
        "words = UNITS.split()\nwords.append(input())\nprint(area(*words))",
    ],
)
def test_what_is_made_of_numbers_and_texts_does_not_change_them(line: str) -> None:
    code = (
        'INF = float("inf")\nMOD, UNITS = 10**9 + 7, "m s"\nGRID = [[1], [2]]\n\n\n'
        "def area(w, h):\n    return min(w * h % MOD, INF, len(UNITS), len(GRID))\n"
    )
    assert read_answer(f"{code}\n\n{line}\n", WANTED).code == code
    copied = "grid = copy.deepcopy(GRID)\ngrid[0].append(input())\nprint(area(*grid))"
    assert "input" not in read_answer(f"{code}\n\n{copied}\n", WANTED).code


def test_what_is_a_number_only_at_first_may_change() -> None:
    made = "def make():\n    global MEMO\n    MEMO = {}\n\n\n"
    for first in ("MEMO = None\n" + made + "make()\n", "MEMO = 0\nMEMO = {}\n"):
        code = first + "MEMO[1] = 2\n\n\ndef area(w, h):\n    return MEMO[1] * 3\n"
        assert run(read_answer(f"{code}\n\nprint(area(1, 2))\n", WANTED).code)["area"](2, 3) == 6


def test_a_program_that_looks_names_up_by_text_keeps_them() -> None:
    code = (
        "def double(x):\n    return 2 * x\n\n\ndef area(w, h):\n    return globals()['double'](w)\n"
    )
    assert read_answer(code + "\nprint(area(1, 2))\n", WANTED).code == code
