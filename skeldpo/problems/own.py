"""Rows of problem files of our own format, which docs/PROBLEMS.md documents.

A mistake is a ValueError that names the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skeldpo.answers import plain_text
from skeldpo.judging.checkers import CHECKERS, is_named
from skeldpo.judging.stdio import expected_text, input_text
from skeldpo.languages import DEFAULT, language, python
from skeldpo.languages.contract import Language
from skeldpo.problems.asserts import UnsupportedProblemError, require_answers
from skeldpo.problems.reader import read_json
from skeldpo.records import Example, KnownProgram, Problem
from skeldpo.values import NotPlainError, encode

KEYS = {
    "problem_id", "language", "statement", "kind", "entry_point", "starter_code", "tests",
    "generators", "checker", "reference", "solutions", "split", "difficulty", "source", "preamble",
    "max_size", "wrong_programs",
}  # fmt: skip
_TEXT_KEYS = (
    "language", "kind", "entry_point", "starter_code", "checker", "reference", "split",
    "difficulty", "source", "preamble",
)  # fmt: skip
_LIST_KEYS = ("tests", "generators", "solutions", "wrong_programs")
_SPLITS = ("train", "heldout_variant", "heldout_family")
_SPEEDS = ("fast", "slow", "unknown")


def matches(row: Mapping[str, Any]) -> bool:
    """Any row: what is no one else's is held to be ours, so that its mistakes are named."""
    return True


def problem(row: Mapping[str, Any]) -> Problem:
    """The problem of a row that has a `source`."""
    unknown = set(row) - KEYS
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}; known: {sorted(KEYS)}")
    _check_types(row)
    entry_point = _entry_point(row.get("entry_point") or "")
    default_kind = "function" if entry_point else "stdio"
    kind = _one_of("kind", row.get("kind") or default_kind, ("function", "stdio"))
    tests = tuple(_example(test, kind) for test in row.get("tests") or ())
    if kind == "function" and not row.get("generators"):
        require_answers(tests)
    written_in = language(row.get("language") or DEFAULT)
    return Problem(
        problem_id=row["problem_id"],
        language=written_in.NAME,
        source=row["source"],
        split=_one_of("split", row.get("split") or "train", _SPLITS),
        difficulty=row.get("difficulty") or "unknown",
        kind=kind,
        statement=row["statement"],
        entry_point=entry_point,
        starter_code=row.get("starter_code") or "",
        tests=tests,
        generators=tuple(_generator(code) for code in row.get("generators") or ()),
        checker=_checker(row.get("checker") or "exact"),
        reference=plain_text(row.get("reference") or ""),
        solutions=tuple(_known_program(code) for code in row.get("solutions") or ()),
        max_size=_max_size(row),
        wrong_programs=tuple(_known_program(c).code for c in row.get("wrong_programs") or ()),
        preamble=_preamble(row, entry_point, written_in),
    )


def require_kept_types(row: Mapping[str, Any]) -> None:
    """ValueError where the one type of a table's column may have changed a test: beside 1.5 an int
    is a float (the checker "float" takes either as an answer), an object has the keys of all
    others, and text or a number may be bytes, a Decimal or a date."""
    tests = row.get("tests")
    for test in tests if isinstance(tests, list) else ():
        for key, value in test.items() if isinstance(test, Mapping) else ():
            may_be_float = key == "expected" and row.get("checker") == "float"
            changed = next(_changeable(value, may_be_float), None)
            if changed is not None:
                raise ValueError(
                    f"a test holds {changed!r:.60}, which the type of its column may have made of "
                    "another value (an int, an object of fewer keys): give input and expected as "
                    "JSON text"
                )


def _changeable(value: Any, may_be_float: bool) -> Iterator[Any]:
    if isinstance(value, list):
        for inner in value:
            yield from _changeable(inner, may_be_float)
    elif isinstance(value, float):
        yield from [value] if value.is_integer() and not may_be_float else []
    elif not isinstance(value, str | int | None):
        yield value


def _preamble(row: Mapping[str, Any], entry_point: str, written_in: Language) -> str:
    """The row's own, or the imports and helpers of its starter code."""
    given = row.get("preamble")
    if given is None:
        starter_code = row.get("starter_code") or ""
        return written_in.prompt_preamble(starter_code, entry_point) if entry_point else ""
    text = plain_text(given)
    if written_in.parsed(text) is None:
        reason = written_in.syntax_error(text) or "it does not compile"
        raise ValueError(f"preamble must be {written_in.TITLE} source: {reason}")
    return text


def _check_types(row: Mapping[str, Any]) -> None:
    for key in ("problem_id", "statement"):
        if not isinstance(row.get(key), str):
            raise ValueError(f"{key} must be a string, got {row.get(key)!r}")
    for key in _TEXT_KEYS:
        if not isinstance(row.get(key), str | None):
            raise ValueError(f"{key} must be a string, got {row[key]!r}")
    for key in _LIST_KEYS:
        if not isinstance(row.get(key), list | None):
            raise ValueError(f"{key} must be a list, got {row[key]!r}")


def _entry_point(name: str) -> str:
    parts = name.split(".")
    if name and (len(parts) > 2 or not all(map(str.isidentifier, parts))):
        raise ValueError(f"entry_point must be such as f, or Solution.f for a method, got {name!r}")
    return name


def _one_of(key: str, value: Any, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise ValueError(f"{key} must be one of {', '.join(known)}, got {value!r}")
    return value


def _generator(code: Any) -> str:
    if not isinstance(code, str) or not _defines(code, "generate_input"):
        raise ValueError(f"a generator is Python that defines generate_input, got {code!r}")
    return plain_text(code)


def _defines(code: str, name: str) -> bool:
    """Whether a text is Python that gives the name to what follows it."""
    program = python.parsed(plain_text(code))
    return program is not None and name in program.bound


def _max_size(row: Mapping[str, Any]) -> int:
    size = row.get("max_size")
    if size is None:
        return 0
    if type(size) is not int or size < 1:
        raise ValueError(f"max_size must be a whole number from 1, got {size!r}")
    if not row.get("generators"):
        raise ValueError(f"max_size is a size of generators, got {size} without generators")
    return size


def _checker(checker: str) -> str:
    if not is_named(checker) and not _defines(checker, "check"):
        raise ValueError(
            f"checker must be one of {', '.join(sorted(CHECKERS))}, or Python that defines "
            f"check(input, answer, expected), got {checker!r}"
        )
    return plain_text(checker)


def _example(test: Mapping[str, Any], kind: str) -> Example:
    if not isinstance(test, Mapping) or set(test) != {"input", "expected"}:
        raise ValueError(f"a test has the keys input and expected, got {test!r}")
    arguments, expected = test["input"], test["expected"]
    if kind == "stdio":
        if not (isinstance(arguments, str) and isinstance(expected, str)):
            raise ValueError(f"input and expected of a stdio test are strings, got {test!r}")
        return Example(input_text=input_text(arguments), expected_text=expected_text(expected))
    if isinstance(arguments, str) and isinstance(expected, str):
        try:
            arguments, expected = read_json(arguments), read_json(expected)
        except ValueError as error:
            raise ValueError(
                f"a function test given as two strings is JSON ({error}); got {test!r}"
            ) from error
    if not isinstance(arguments, list):
        raise ValueError(f"the input of a function test is a list of arguments, got {arguments!r}")
    try:
        return Example(input_text=encode(arguments), expected_text=encode(expected))
    except NotPlainError as error:
        raise UnsupportedProblemError(f"a test that cannot be handed over: {error}") from error


def _known_program(entry: Any) -> KnownProgram:
    if isinstance(entry, str):
        return KnownProgram(code=plain_text(entry), speed="unknown")
    if not (isinstance(entry, Mapping) and isinstance(entry.get("code"), str)):
        raise ValueError(f"a solution is a program or an object with code and speed, got {entry!r}")
    unknown = set(entry) - {"code", "speed"}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)} of a solution; known: code, speed")
    speed = _one_of("speed of a solution", entry.get("speed") or "unknown", _SPEEDS)
    return KnownProgram(code=plain_text(entry["code"]), speed=speed)
