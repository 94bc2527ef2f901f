"""Python values as JSON text and back: the one form in which arguments, answers and expected
answers of function problems cross a wall.

Standard library only; copied into the sandbox's image, where a child writes its answers with it.
What JSON has is written as JSON, in one way. Other types of plain data are objects of one key:
`{"$tuple": [...]}`, `$set` and `$frozenset` (sorted), `$dict` (pairs: keys that are no text, or one
that begins with "$"), `$bytes` (hex), `$complex`, `$fraction`, `$decimal`, `$deque`, `$range`, and
`$int` (hex) for an int that is too long for JSON. `encode` never calls a method that a program has
overridden, and `decode` trusts nothing: a text is a claim of one definite value, whatever wrote it.
"""

from __future__ import annotations

import collections
import json
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would cost every run a millisecond
    from collections.abc import Callable
    from typing import Any

MAX_ANSWER_DEPTH = 64
MAX_DEPTH = 250
MAX_INT_BITS = 1 << 19
MAX_DECIMAL_CHARS = 10_000
OBJECT = "$object"
"""Stands for a whole answer that is no plain data, with the name of the type that is not."""

_MAX_STR_DIGITS = sys.int_info.default_max_str_digits
_LONG_INT_BITS = 14_000  # of 4300 digits, which Python's json takes at most: 14,284 bits
_SCALARS = frozenset({type(None), bool, int, float, str})
_ENCODER = json.JSONEncoder()
_SHORT_ENCODER = json.JSONEncoder(separators=(",", ":"))
_BASES: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    dict: lambda value: dict(dict.items(value)),
    list: lambda value: [*list.__iter__(value)],
    tuple: lambda value: (*tuple.__iter__(value),),
    set: lambda value: {*set.__iter__(value)},
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    complex: complex.__complex__,
}
"""Exact value of a subclass, by methods of the base."""
_EQUALITIES = frozenset({
    *(base.__eq__ for base in _BASES), collections.OrderedDict.__eq__, collections.Counter.__eq__,
})  # fmt: skip
"""A subclass that compares otherwise is no longer the plain value."""
_EQUAL_TO: dict[type, Callable[[Any], Any]] = {
    type({}.keys()): set,
    type({}.items()): set,
    bytearray: bytes,
    memoryview: bytes,
    types.MappingProxyType: dict,
    collections.ChainMap: dict,
    collections.UserDict: lambda value: value.data,
    collections.UserList: lambda value: value.data,
    collections.UserString: lambda value: value.data,
}
"""Types whose values are equal, as Python has it, to those of a plainer one."""


class NotPlainError(TypeError):
    """A value that is not made of plain data."""


def encode(value: object) -> str:
    """ASCII text of a value; NotPlainError names the type that is no plain data.

    None, bool, int, float, str, list, dict, tuple, set, frozenset, bytes, complex, Fraction,
    Decimal, deque and range; subclasses that compare like their base (Counter, OrderedDict, named
    tuples, IntEnum), and views, as the plain value that they are equal to; NumPy's scalars and
    arrays as what their `tolist` gives. Dicts keep their order. Nested at most MAX_DEPTH deep, ints
    of at most MAX_INT_BITS.
    """
    return _text(value, _ENCODER, MAX_DEPTH)


def encode_answer(value: object) -> str:
    """`encode` without blanks, nested at most MAX_ANSWER_DEPTH deep; for what is no plain data an
    object that no expected answer is equal to."""
    try:
        return _text(value, _SHORT_ENCODER, MAX_ANSWER_DEPTH)
    except NotPlainError as error:
        return _SHORT_ENCODER.encode({OBJECT: str(error)})


def decode(text: str) -> Any:
    """The value of a text; ValueError for one that `encode` does not write.

    JSON that was written by other means is itself, unless an object in it looks like one of ours.
    """
    try:
        return json.loads(text, object_hook=_unpacked)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except (TypeError, ArithmeticError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


class Opaque:
    """What `decode` gives for an answer that is no plain data; equal to nothing but itself."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def as_json(value: object) -> Any:
    """The value in JSON's types, for code that came with a problem in JSON: a tuple as a list, a
    set as a sorted list. Bytes, complex numbers and keys of dicts stay; ValueError for others."""
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return _sorted([as_json(entry) for entry in value])
    if isinstance(value, dict):
        return {_key(key): as_json(entry) for key, entry in value.items()}
    if type(value) in _SCALARS or isinstance(value, bytes | complex):
        return value
    raise ValueError(f"a {type(value).__name__} has no form in JSON")


def _key(key: object) -> Any:
    if isinstance(key, tuple | frozenset):
        return type(key)(map(_key, key))
    return as_json(key)


def _text(value: object, encoder: json.JSONEncoder, max_depth: int) -> str:
    try:
        if sys.get_int_max_str_digits() == _MAX_STR_DIGITS:
            try:
                return encoder.encode(_packed(value, max_depth, False))
            except ValueError:  # an int that is too long
                pass
        return encoder.encode(_packed(value, max_depth, True))
    except RecursionError as error:
        raise NotPlainError("nested too deep") from error


def _packed(value: Any, depth: int, has_long: bool) -> object:
    kind = type(value)
    if kind in _SCALARS:
        return _packed_int(value) if has_long and kind is int else value
    if depth <= 0:
        raise NotPlainError("nested too deep")
    if kind is list:
        if not has_long and _SCALARS.issuperset(map(type, value)):
            return value
        return [_packed(entry, depth - 1, has_long) for entry in value]
    if kind is tuple:
        if not has_long and _SCALARS.issuperset(map(type, value)):
            return {"$tuple": value}
        return {"$tuple": [_packed(entry, depth - 1, has_long) for entry in value]}
    if kind is dict:
        if all(type(key) is str and key[:1] != "$" for key in value):
            if not has_long and _SCALARS.issuperset(map(type, value.values())):
                return value
            return {key: _packed(value[key], depth - 1, has_long) for key in value}
        return {"$dict": [_entries(pair, depth, has_long) for pair in value.items()]}
    if kind is set or kind is frozenset:
        return {f"${kind.__name__}": _sorted(_entries(value, depth, has_long))}
    return _packed_other(value, kind, depth, has_long)


def _packed_other(value: Any, kind: type, depth: int, has_long: bool) -> object:
    """Of the types that are seldom answered with."""
    home, name = kind.__module__, kind.__name__
    if kind is bytes:
        return {"$bytes": value.hex()}
    if kind is complex:
        return {"$complex": [value.real, value.imag]}
    if kind is range:
        return {"$range": _entries((value.start, value.stop, value.step), depth, has_long)}
    if kind is collections.deque:
        return {"$deque": _entries(value, depth, has_long)}
    if (home, name) == ("fractions", "Fraction"):
        return {"$fraction": _entries((value.numerator, value.denominator), depth, has_long)}
    if (home, name) == ("decimal", "Decimal"):
        return {"$decimal": str(value)}
    if home == "numpy" and hasattr(value, "tolist"):
        return _packed(value.tolist(), depth - 1, has_long)
    if kind in _EQUAL_TO:
        try:
            plain = _EQUAL_TO[kind](value)
        except (TypeError, ValueError) as error:  # unhashable entries, an odd memoryview
            raise NotPlainError(name) from error
        return _packed(plain, depth - 1, has_long)
    for base, exact in _BASES.items():
        if issubclass(kind, base) and kind.__eq__ in _EQUALITIES:
            return _packed(exact(value), depth, has_long)
    raise NotPlainError(name)


def _entries(values: Any, depth: int, has_long: bool) -> list[object]:
    if not has_long and _SCALARS.issuperset(map(type, values)):
        return [*values]
    return [_packed(entry, depth - 1, has_long) for entry in values]


def _packed_int(value: int) -> object:
    num_bits = value.bit_length()
    if num_bits > MAX_INT_BITS:
        raise NotPlainError(f"int of {num_bits} bits")
    return {"$int": hex(value)} if num_bits > _LONG_INT_BITS else value


def _sorted(entries: list[Any]) -> list[Any]:
    try:
        return sorted(entries)
    except TypeError:
        return sorted(entries, key=encode)


def _unpacked(found: dict[str, Any]) -> Any:
    """The value of an object of JSON whose entries are unpacked."""
    if len(found) != 1:
        return found
    ((name, value),) = found.items()
    make = _UNPACK.get(name)
    return found if make is None else make(value)


def _long_int(text: str) -> int:
    if len(text) > MAX_INT_BITS // 4 + 8:
        raise ValueError(f"an int of more than {MAX_INT_BITS} bits")
    return int(text, 16)


def _fraction(parts: list[int]) -> object:
    from fractions import Fraction  # seldom, and never in a child

    numerator, denominator = parts
    return Fraction(numerator, denominator)


def _decimal(text: str) -> object:
    from decimal import Decimal

    if len(text) > MAX_DECIMAL_CHARS:
        raise ValueError(f"a Decimal of more than {MAX_DECIMAL_CHARS} characters")
    return Decimal(text)


_UNPACK: dict[str, Callable[[Any], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": dict,
    "$bytes": bytes.fromhex,
    "$complex": lambda parts: complex(*parts),
    "$int": _long_int,
    "$fraction": _fraction,
    "$decimal": _decimal,
    "$deque": collections.deque,
    "$range": lambda parts: range(*parts),
    OBJECT: Opaque,
}
