"""Values as text and back: types are kept, and nothing a program overrides is called."""

from __future__ import annotations

import enum
import json
import sys
import time
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections import namedtuple as named
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldpo.sandbox.protocol import answer_texts, encode_calls
from skeldpo.values import (
    MAX_ANSWER_DEPTH,
    MAX_INT_BITS,
    NotPlainError,
    Opaque,
    as_json,
    decode,
    encode,
    encode_answer,
)

KEYS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.just("$set"),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner),
    max_leaves=4,
)
PLAIN = st.recursive(
    KEYS | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | st.fractions(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.lists(inner).map(deque)
    ),
    max_leaves=10,
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types all through."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple | deque):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(map(type, left)) == list(map(type, right)) and all(
            same(*pair) for pair in zip(left.items(), right.items(), strict=True)
        )
    return bool(left == right)


@given(PLAIN)
def test_decode_gives_back_what_was_encoded(value: object) -> None:
    text = encode(value)
    assert text.isascii() and "\n" not in text
    assert same(decode(text), value)
    assert encode(decode(text)) == text


@given(PLAIN, PLAIN)
def test_decoded_values_are_equal_as_the_values_are(left: object, right: object) -> None:
    assert (decode(encode(left)) == decode(encode(right))) is (left == right)


@given(st.recursive(st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.text(), inner)))  # fmt: skip
def test_plain_json_is_written_as_json_has_it(value: Any) -> None:
    if "$" not in json.dumps(value):
        assert encode(value) == json.dumps(value)
        assert encode_answer(value) == json.dumps(value, separators=(",", ":"))
        assert decode(json.dumps(value)) == value


Spot = named("Spot", "row column")


class Level(enum.IntEnum):
    HIGH = 3


class Word(enum.StrEnum):
    YES = "yes"


class Hours(float):
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Counter("abb"), '{"a":1,"b":2}'),
        (defaultdict(list, {"k": [1]}), '{"k":[1]}'),
        (OrderedDict([(2, "x"), (1, "y")]), '{"$dict":[[2,"x"],[1,"y"]]}'),
        (ChainMap({"a": 1}), '{"a":1}'),
        (UserDict({"a": 1}), '{"a":1}'),
        (types.MappingProxyType({"a": 1}), '{"a":1}'),
        (UserList([1]), "[1]"),
        (Spot(1, Spot(2, 3)), '{"$tuple":[1,{"$tuple":[2,3]}]}'),
        (time.gmtime(0)[:2], '{"$tuple":[1970,1]}'),
        ([Level.HIGH, Word.YES, Hours(1.5)], '[3,"yes",1.5]'),
        ({Level.HIGH: 1}, '{"$dict":[[3,1]]}'),
        ({5: 1}.keys(), '{"$set":[5]}'),
        ({5: 1}.items(), '{"$set":[{"$tuple":[5,1]}]}'),
        (bytearray(b"\x00a"), '{"$bytes":"0061"}'),
        ({"$tuple": [1]}, '{"$dict":[["$tuple",[1]]]}'),
        ({"$a": 1, "b": 2}, '{"$dict":[["$a",1],["b",2]]}'),
        ({3, 1, "a"}, '{"$set":["a",1,3]}'),
        (frozenset({(2,), (1,)}), '{"$frozenset":[{"$tuple":[1]},{"$tuple":[2]}]}'),
        (np.arange(3)[::2], "[0,2]"),
        (np.float64(0.5), "0.5"),
        (Decimal("1.50"), '{"$decimal":"1.50"}'),
        (Fraction(6, 4), '{"$fraction":[3,2]}'),
        (range(4, 0, -1), '{"$range":[4,0,-1]}'),
        (2 - 1j, '{"$complex":[2.0,-1.0]}'),
        ([True, 1, -0.0, 1e22, "a\n\u00e9\ud800"], r'[true,1,-0.0,1e+22,"a\n\u00e9\ud800"]'),
        ([float("inf"), float("nan")], "[Infinity,NaN]"),
    ],
)  # fmt: skip
def test_encode_writes_what_python_holds_equal(value: object, text: str) -> None:
    assert encode_answer(value) == text
    assert decode(encode(value)) == decode(text) or "NaN" in text
    plain = isinstance(value, np.ndarray) or "NaN" in text
    assert plain or decode(text) == value


class Sly(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class SlyList(list):  # type: ignore[type-arg]
    def __eq__(self, other: object) -> bool:
        return True


class Misleading(list):  # type: ignore[type-arg]
    """Lies to all that ask, but compares as a list does."""

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter([1, 2, 3])

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return 1


class MisleadingDict(dict):  # type: ignore[type-arg]
    def items(self):  # type: ignore[no-untyped-def]
        return {"right": 1}.items()

    __iter__ = None  # type: ignore[assignment]


class MisleadingText(str):
    def __str__(self) -> str:
        return "right"

    __repr__ = __str__


class MisleadingInt(int):
    def __int__(self) -> int:
        return 7

    __index__ = __int__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Misleading([9]), "[9]"),
        (MisleadingDict(wrong=1), '{"wrong":1}'),
        (MisleadingText("wrong"), '"wrong"'),
        ([MisleadingInt(5)], "[5]"),
    ],
)
def test_encode_calls_no_method_that_was_overridden(value: object, text: str) -> None:
    assert encode_answer(value) == text


def endless() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def nested(depth: int) -> Any:
    return [] if depth == 1 else [nested(depth - 1)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Sly(1), "Sly"),
        ([1, {"a": SlyList()}], "SlyList"),
        ({Sly(1): 1}, "Sly"),
        (object(), "object"),
        (map(str, [1]), "map"),
        ((x for x in "ab"), "generator"),
        ([zip("a", "b", strict=True)], "zip"),
        ({1: 2}.values(), "dict_values"),
        ({1: [2]}.items(), "dict_items"),
        (len, "builtin_function_or_method"),
        (sys, "module"),
        (int, "type"),
        (endless(), "nested too deep"),
        (nested(MAX_ANSWER_DEPTH + 2), "nested too deep"),
        (1 << MAX_INT_BITS, f"int of {MAX_INT_BITS + 1} bits"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_encode_answer_names_what_is_no_plain_data(value: object, kind: str) -> None:
    if isinstance(value, int) or kind != "nested too deep":
        with pytest.raises(NotPlainError) as refused:
            encode(value)
        assert str(refused.value) == kind
    found = decode(encode_answer(value))
    assert isinstance(found, Opaque) and found.kind == kind
    assert found != decode(encode_answer(value))


def test_arguments_nest_deeper_than_answers_may() -> None:
    assert decode(encode(nested(200))) == nested(200)
    for value in (nested(300), endless()):
        with pytest.raises(NotPlainError, match="nested too deep"):
            encode(value)


def test_encode_takes_long_ints_wherever_they_are() -> None:
    long = 7**9000
    for value in (long, -long, [1, long], (long, "a"), {long: {long}}, [[long]], Fraction(long, 2)):
        assert decode(encode(value)) == value
    assert encode([10**4200]) == f"[1{'0' * 4200}]"
    usual = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # as a program may do
    try:
        text = encode([long])
    finally:
        sys.set_int_max_str_digits(usual)
    assert decode(text) == [long]


@pytest.mark.parametrize(
    "text",
    [
        "", "[1", "1 2", "[" * 10**6, "1" * 5000, '{"$set":[[1]]}', '{"$tuple":3}', '{"$int":"x"}',
        '{"$int":"' + "f" * MAX_INT_BITS + '"}', '{"$decimal":"x"}', '{"$fraction":[1,0]}',
        '{"$decimal":"' + "1" * 20_000 + '"}', '{"$range":[1,2,0]}', '{"$dict":[[[1],2]]}',
        '{"$bytes":"0"}', '{"$complex":["a"]}',
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_decode_refuses_with_value_error_only(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


def test_decode_takes_other_json_as_it_is() -> None:
    assert decode('{"$unknown": [1], "b": {"$set": [1], "c": 2}}') == {
        "$unknown": [1], "b": {"$set": [1], "c": 2},
    }  # fmt: skip
    assert decode('{"$ref": 1}') == {"$ref": 1}


def test_as_json_has_lists_for_tuples_and_sets() -> None:
    assert as_json(({3, 1}, {(1, 2): (3,)}, "a")) == [[1, 3], {(1, 2): [3]}, "a"]
    for odd in ([deque()], {Fraction(1, 2): 1}, {(1, Decimal(1)): 2}, {Opaque("map"), 1}):
        with pytest.raises(ValueError, match="has no form in JSON"):
            as_json(odd)


def test_answer_texts_go_on_after_what_is_no_plain_data() -> None:
    texts, num_plain, failure = answer_texts(b'1\n{"$object":"map"}\n[2]\n{"$object":"E"}\n')
    assert texts == ("1", '{"$object":"map"}', "[2]", '{"$object":"E"}')
    assert num_plain == 1
    assert failure == "answer 1 is not plain data: map"
    texts, num_plain, failure = answer_texts(b"1\n\xff\n2\n")
    assert (texts, num_plain) == (("1",), 1) and failure.startswith("answer 1 is not plain data")
    assert answer_texts(b"1\n2") == (("1",), 1, "")


def test_calls_have_the_types_that_were_given() -> None:
    import marshal

    given = [[(1, 2), {3}, {4: b"x"}, 1j], []]
    assert marshal.loads(encode_calls([encode(each) for each in given], "python")) == given
    with pytest.raises(ValueError, match="cannot be handed to a program"):
        encode_calls([encode([Fraction(1, 2)])], "python")
    with pytest.raises(ValueError, match="input 1: expected a JSON array"):
        encode_calls(["[]", '{"a": 1}'], "python")
