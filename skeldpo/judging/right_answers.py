"""Which answers to a problem are right, as its statement and its known programs tell.

Test data has one answer an input. A statement may allow others: in any case of letters, within a
tolerance, in any order, or any answer with a property. The first two have a checker that accepts no
wrong program for it (`stated_checker`). Of the others a fixed answer cannot tell right from wrong
(`several_answers`): an equal answer is right, an unequal one says nothing. Known programs that fail
the tests of their own problem say the same without words (`known_programs_fault`). Statements are
read by phrases, in English; a phrase that is not known here is not found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence

from skeldpo.judging.checkers import is_named
from skeldpo.languages import language
from skeldpo.records import Example, Outcome, Problem

MAX_KNOWN_PROGRAMS = 12
"""Known programs of a problem that are run for `known_programs_fault`."""
MAX_REFUSED_SHARE = 0.2
"""Of the known programs that answered; collections have a few wrong ones (CodeContests)."""
MIN_REFUSED = 2
MAX_QUOTED_CHARS = 160
MAX_SENTENCE_CHARS = 600
"""Of a longer sentence each such part is read for itself: the patterns take the square of it."""

_ASKING = (
    r"(?:prints?|outputs?|returns?|find|report|give|provide|construct|restore|recover|reconstruct"
    r"|build|show|write|display|produce|submit)"
)
_ANSWER = r"(?:answer|solution|output|result)s?"
_NOT_AN_ANSWER = (
    r"(?:number of|case|register|extra|additional|other|more|further|debug\w*|text|explanation"
    r"|spaces?|whitespaces?|letters?|characters?)\b"
)
_ANY = r"(?:any|either|arbitrary|an arbitrary)\b"
_SEVERAL = r"(?:multiple|several|many|more than one|two or more|not unique|isn't unique)\b"
_ANY_ANSWER = tuple(map(re.compile, (
    # print any of them; return any valid string
    rf"\b{_ASKING}(?: out)?(?: only| just)? {_ANY}(?! {_NOT_AN_ANSWER})",
    # return the size of any such subarray; return the index to any of the peaks
    rf"\b{_ASKING} the (?:size|length|index|indices|positions?|value) (?:of|to) {_ANY}",
    # if there are several solutions, choose any of them
    rf"\b{_SEVERAL}.{{0,40}}\b{_ANSWER}\b.{{0,80}}\b{_ANY}(?! {_NOT_AN_ANSWER})",
    # any of them will be accepted; any valid answer is fine
    rf"\b{_ANY}(?: [\w-]+){{0,12}} (?:will|is|are|can|may|would|should) (?:also )?(?:be )?"
    r"(?:accepted|acceptable|printed|output|returned|reported"
    r"|(?:considered|judged) (?:as )?correct)\b",
    rf"\b{_ANY} (?:[\w-]+ )?{_ANSWER} (?:will|is|are|would) (?:be )?"
    r"(?:correct|right|valid|fine|ok)\b",
    rf"\b(?:choose|pick|select) {_ANY}(?: one)?(?: of the)?(?: [\w-]+)? {_ANSWER}\b",
    # ties may be broken arbitrarily
    r"\bties?\b.{0,40}\barbitrarily\b|\barbitrarily\b.{0,40}\bties?\b",
    # if there are several plans, output one of them
    rf"\b{_SEVERAL}.{{0,80}}\b{_ASKING} (?:only |just )?one(?: of (?:them|these|those))?"
    r"(?=[.;!)]|$)",
    # print one of the possible answers; all correct answers are accepted
    rf"\b{_ASKING} (?:only |just )?one (?:of the )?(?:possible|valid|correct) {_ANSWER}\b",
    rf"\ball (?:of them|(?:[\w-]+ ){{0,2}}{_ANSWER}) (?:will|are|would) (?:be )?"
    r"(?:accepted|acceptable|considered (?:as )?correct)\b",
    r"\bspecial (?:judge|checker)\b",
)))  # fmt: skip
_OUTPUT = r"\b(?:print|output|return|report|display)(?:s|ed|ted|ing)?\b|\banswers?\b"
_ANY_ORDER = tuple(map(re.compile, (
    rf"(?:{_OUTPUT}).*\b(?:in|by) (?:any|arbitrary|any arbitrary|an arbitrary|whatever) order\b"
    r"(?!,? (?:is|are|was|were|equals?|forms?|makes?|gives?)\b)",
    rf"(?=.*(?:{_OUTPUT})).*\border\b.*\b(?:does not|doesn't|do not|don't|is not|isn't) "
    r"(?:matter|important|relevant)",
)))  # fmt: skip
_HINT = re.compile(r"\b(?:any|either|arbitrary|arbitrarily|order|special|one|all)\b")
"""Without one of these words a sentence says nothing of several answers."""
_REFUSED_BEFORE = re.compile(r"\b(?:not|never|cannot|can't|don't|without|unable to)(?: \w+)? $")
_ABOUT_FORM = re.compile(r"(?<!test )\bcase\b|\b(?:register|uppercase|lowercase|error|precision)\b")
_ANY_CASE = re.compile(
    r"^(?=.*\b(?:print|output|answer|letter|character|string|word)).*"
    r"(?:(?<=\S )in (?:any|either|arbitrary|whatever) (?:letter )?(?:case|register)\b"
    r"|\bcase[- ]insensitive|\b(?:case|register)\b.*\b(?:does not|doesn't|is not) "
    r"(?:matter|important)|\bregardless of (?:the )?case\b|\bignor\w+ (?:the )?case\b)"
)
_OF_ANSWERS = (
    r"\b(?:your|answers?|outputs?|results?|jury|judges?|(?:actual|correct|exact|real|right|true)"
    r" (?:one|number|solution|value))\b"
)
_DIFFERS = r"\b(?:differ(?:s|ence)?|within)\b"
_ERROR = re.compile(
    r"\b(?:errors?|precisions?|precise|accuracy|accurate(?:ly)?|tolerances?)\b"
    rf"|{_OF_ANSWERS}.*{_DIFFERS}|{_DIFFERS}.*{_OF_ANSWERS}"
)
_POWER_OF_TEN = re.compile(
    r"\b10\s*(?:\^|\*\*|<sup>)?\s*[{(]*\s*[-\u2212\u2013]\s*(\d{1,2})\b"
    r"|\b1(?:\.0+)?e[-\u2212\u2013](\d{1,2})\b"
)
_RAISED = str.maketrans(
    "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "-0123456789"
)
_SMALL_NUMBER = re.compile(r"\b0\.(0{1,11})1\b")
_NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
_AT_LEAST_DIGITS = re.compile(
    rf"\b(?:at least|not? (?:less|fewer) than) (\d{{1,2}}|{'|'.join(_NUMBER_WORDS[1:])})"
    r" (?:(?:digits?|places?) (?:after|behind|past|to the right of) the (?:decimal )?(?:point|dot)"
    r"|decimal (?:digits?|places?)|decimals|digits of precision)\b"
)
"""Whoever may print more digits may print others than the expected ones."""
_MAX_ASKED_DIGITS = 9
"""Programs that print 15 digits do not agree on the last."""
_INT = re.compile(r"-?\d+")
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?|-?\d+e[+-]?\d+", re.IGNORECASE)
_MAX_FIXED_WORDS = 8
"""Different words, but for their case, of answers that are chosen from a list (YES, NO, Alice)."""
_MAX_DECISION_WORDS = 2
_NAMED_DIGITS = 6
"""Checker "float" has a tolerance of 1e-6."""
_FLOAT_CHECKER = """\
def check(input, answer, expected):
    given, wanted = answer.split(), expected.split()
    return len(given) == len(wanted) and all(map(_is_near, given, wanted))


def _is_near(given, wanted):
    if given == wanted:
        return True
    if not set(given + wanted) & set(".eE"):
        return False
    try:
        left, right = float(given), float(wanted)
    except ValueError:
        return False
    return abs(left - right) <= TOLERANCE
"""
_RELATIVE = "1e-{} * max(1.0, abs(right))"
_ABSOLUTE = "max(1e-{}, 1e-12 * abs(right))"
"""Of large numbers what programs that add up in another order may differ by."""


def stated_checker(statement: str, tests: Sequence[Example]) -> str:
    """The checker of a stdio problem that came without one.

    A float checker of the stated tolerance where decimals, or nothing but ints (a decimal is as
    right), are expected; "ignore_case" where the statement lets letters be of any case, unless two
    of many expected words differ in nothing else; else "exact".
    """
    words = {word for test in tests for word in test.expected_text.split()}
    digits, is_relative = _stated_tolerance(statement)
    has_numbers = any(map(_DECIMAL.fullmatch, words)) or all(map(_INT.fullmatch, words))
    if digits and words and has_numbers:
        if digits == _NAMED_DIGITS and is_relative:
            return "float"
        limit = (_RELATIVE if is_relative else _ABSOLUTE).format(digits)
        return _FLOAT_CHECKER.replace("TOLERANCE", limit)
    in_lower = {word.lower() for word in words}
    is_caseless = len(in_lower) == len(words) or len(_words_only(in_lower)) <= _MAX_FIXED_WORDS
    if is_caseless and any(map(_ANY_CASE.search, _sentences(statement))):
        return "ignore_case"
    return "exact"


def several_answers(problem: Problem) -> str:
    """Where the statement says that other answers than the expected ones are right, in a way that
    the problem's checker does not know of; empty if it does not.

    Who gives a checker in Python is taken to know. A problem of decisions has one answer, whatever
    it says, and the order of answers of one member is no matter.
    """
    if _is_given(problem.checker):
        return ""
    for sentence in filter(_HINT.search, _sentences(problem.statement)):
        if _says_any(sentence) and not _are_decisions(problem):
            return sentence[:MAX_QUOTED_CHARS]
        in_any_order = any(pattern.search(sentence) for pattern in _ANY_ORDER)
        if in_any_order and problem.checker != "unordered" and _have_members(problem):
            return sentence[:MAX_QUOTED_CHARS]
    return ""


def known_programs_fault(problem: Problem, outcome_of: Callable[[str], Outcome]) -> str:
    """Says that the known programs of a problem refute its tests; empty if they do not.

    `outcome_of` gives the outcome of a program on the tests. At most MAX_KNOWN_PROGRAMS different
    ones are run, spread over all. Those that gave no answer (programs for another Python, too slow
    ones) say nothing; the others are right by their source, so that more than MAX_REFUSED_SHARE of
    them refused are not that many wrong programs but answers that are right and not expected. Who
    gives a checker in Python is taken to know.
    """
    key_of = language(problem.language).normalize_program
    distinct = {key_of(known.code): known.code for known in problem.solutions}
    if len(distinct) < MIN_REFUSED or _is_given(problem.checker):
        return ""
    codes = list(distinct.values())
    step = max(1.0, len(codes) / MAX_KNOWN_PROGRAMS)
    chosen = [codes[int(place * step)] for place in range(min(len(codes), MAX_KNOWN_PROGRAMS))]
    outcomes = [outcome_of(code) for code in chosen]
    num_refused = outcomes.count(Outcome.WRONG_ANSWER)
    num_answered = num_refused + outcomes.count(Outcome.ACCEPTED)
    if num_refused < MIN_REFUSED or num_refused <= MAX_REFUSED_SHARE * num_answered:
        return ""
    return (
        f"{num_refused} of {num_answered} known programs do not give the expected answers: "
        "several right answers, or wrong tests; give it a checker"
    )


def _is_given(checker: str) -> bool:
    """Whether someone wrote the checker for the problem."""
    return not (is_named(checker) or checker.startswith(_FLOAT_CHECKER.partition("TOLERANCE")[0]))


def _says_any(sentence: str) -> bool:
    for pattern in _ANY_ANSWER:
        found = pattern.search(sentence)
        if found and not _REFUSED_BEFORE.search(sentence[: found.start()]):
            return not _ABOUT_FORM.search(found[0])
    return False


def _sentences(statement: str) -> Iterator[str]:
    """In lower case, with single blanks. A line may end inside a sentence, a paragraph may not."""
    for paragraph in re.split(r"\n\s*\n", statement.replace("\u2019", "'")):
        for sentence in re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split()).lower()):
            for start in range(0, len(sentence), MAX_SENTENCE_CHARS):
                yield sentence[start : start + MAX_SENTENCE_CHARS]


def _stated_tolerance(statement: str) -> tuple[int, bool]:
    """k where an error of up to 10^-k is right, or k decimals are the least that is, and whether
    that is relative to a large answer, as decimals are not; 0 if the statement names neither."""
    for sentence in _sentences(statement):
        if _ERROR.search(sentence):
            sentence = sentence.translate(_RAISED)
            power, small = _POWER_OF_TEN.search(sentence), _SMALL_NUMBER.search(sentence)
            if power:
                return int(power[1] or power[2]), True
            if small:
                return len(small[1]) + 1, True
    for sentence in _sentences(statement):
        asked = _AT_LEAST_DIGITS.search(sentence)
        if asked and re.search(_OUTPUT, sentence):
            number = asked[1]
            count = int(number) if number.isdecimal() else _NUMBER_WORDS.index(number)
            return min(count, _MAX_ASKED_DIGITS), False
    return 0, False


def _words_only(words: Collection[str]) -> list[str]:
    return [word for word in words if any(map(str.isalpha, word))]


def _are_decisions(problem: Problem) -> bool:
    """Whether all answers are one of two words, or booleans."""
    if problem.kind == "function":
        return bool(problem.tests) and all(
            test.expected_text in ("true", "false") for test in problem.tests
        )
    words = {word.lower() for test in problem.tests for word in test.expected_text.split()}
    return 0 < len(words) <= _MAX_DECISION_WORDS and len(_words_only(words)) == len(words)


def _have_members(problem: Problem) -> bool:
    """Whether some answer has two members that could change places; true if none is known."""
    if not problem.tests:
        return True
    if problem.kind == "stdio":
        return any(len(test.expected_text.split()) > 1 for test in problem.tests)
    texts = [test.expected_text for test in problem.tests]
    return not all(texts) or any(_is_long(json.loads(text)) for text in texts)


def _is_long(value: object) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (len(value) > 1 or any(map(_is_long, value)))
