"""Python values as plain JSON and back: tuples, sets, dicts and long ints keep their types.

Standard library only. Its source runs in the sandbox, behind a suite's programs, generators and
checkers, so that "a list where a tuple was asked for" is still seen after the way through JSON.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would cost every run a millisecond
    from typing import Any

_SCALARS = frozenset({type(None), bool, int, float, str})
_LONG_INT_BITS = 14_000  # json refuses ints of more than 4300 digits, 14,284 bits


def pack(value: Any) -> Any:
    """JSON of exact builtin types; {"tuple": [...]} and the like for what JSON does not know."""
    kind = type(value)
    if kind is int:
        return value if value.bit_length() < _LONG_INT_BITS else {"int": hex(value)}
    if kind in _SCALARS:
        return value
    if kind is list:
        kinds = set(map(type, value))
        if kinds <= _SCALARS and not (int in kinds and _has_long(value, kinds)):
            return value
        return [pack(entry) for entry in value]
    if kind is tuple:
        return {"tuple": pack(list(value))}
    if kind is set or kind is frozenset:
        entries = list(value)
        try:
            entries.sort()
        except TypeError:
            entries.sort(key=repr)
        return {kind.__name__: pack(entries)}
    if kind is dict:
        return {"dict": [[pack(key), pack(entry)] for key, entry in value.items()]}
    raise TypeError(f"not plain data: {kind.__name__}")


def unpack(value: Any) -> Any:
    """The value that `pack` was given."""
    kind = type(value)
    if kind is list:
        if set(map(type, value)) <= _SCALARS:
            return value
        return [unpack(entry) for entry in value]
    if kind is not dict:
        return value
    ((name, packed),) = value.items()
    if name == "int":
        return int(packed, 16)
    if name == "dict":
        return {unpack(key): unpack(entry) for key, entry in packed}
    return {"tuple": tuple, "set": set, "frozenset": frozenset}[name](unpack(packed))


def is_plain(packed: Any) -> bool:
    """Whether `unpack` would change nothing."""
    if type(packed) is list:
        return set(map(type, packed)) <= _SCALARS or all(map(is_plain, packed))
    return type(packed) is not dict


def _has_long(values: list[Any], kinds: set[type]) -> bool:
    if kinds == {int}:
        return max(map(int.bit_length, values)) >= _LONG_INT_BITS
    return any(type(v) is int and v.bit_length() >= _LONG_INT_BITS for v in values)
