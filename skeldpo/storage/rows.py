"""Records as rows: Arrow schemas and plain Python values. The only conversions of records.

Tuples become lists, enums their text and nested records structs; reading a row back makes the
record anew, so its checks run again.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

import pyarrow as pa

from skeldpo.records import Float32

Record = TypeVar("Record")


def arrow_schema(record: type) -> pa.Schema:
    """The Parquet schema of a record class, one column a field, in order."""
    hints = _field_types(record)
    return pa.schema(
        [pa.field(f.name, _arrow_type(hints[f.name]), nullable=False)
         for f in dataclasses.fields(record)]
    )  # fmt: skip


def arrow_table(record: type, rows: Iterable[Any]) -> pa.Table:
    """Records as a table: column by column, fifty times as fast as `Table.from_pylist`."""
    schema = arrow_schema(record)
    plain = [to_row(row) for row in rows]
    columns = [pa.array([row[field.name] for row in plain], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def to_row(record: Any) -> dict[str, Any]:
    """The record as plain Python values (tuples become lists, enums their text)."""
    return {f.name: _plain(getattr(record, f.name)) for f in dataclasses.fields(record)}


def from_row(record: type[Record], row: dict[str, Any]) -> Record:
    """The record that `to_row` gave; ValueError names a missing or unknown column.

    Only a field with a default, which tables of before it lack, may be missing.
    """
    hints = _field_types(typing.cast(type, record))
    missing = set(hints) - set(row) - _fields_with_defaults(typing.cast(type, record))
    if missing or set(row) - set(hints):
        raise ValueError(
            f"{record.__name__}: expected columns {sorted(hints)}, "
            f"missing {sorted(missing)}, unknown {sorted(set(row) - set(hints))}"
        )
    return record(**{name: _typed(hints[name], value) for name, value in row.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        # Token ids are most of all values: a look at the first spares one at each.
        are_plain = bool(value) and type(value[0]) in _ARROW_TYPES
        return list(value) if are_plain else [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return to_row(value)
    return value


@functools.cache
def _field_types(record: type) -> dict[str, Any]:
    """Resolving the annotations anew takes a millisecond, which every row would pay."""
    return typing.get_type_hints(record)


@functools.cache
def _fields_with_defaults(record: type) -> frozenset[str]:
    return frozenset(
        f.name for f in dataclasses.fields(record) if f.default is not dataclasses.MISSING
    )


def _typed(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple:
        args = typing.get_args(hint)
        if len(args) == 2 and args[1] is Ellipsis:
            are_plain = args[0] in _ARROW_TYPES
            return tuple(value if are_plain else (_typed(args[0], item) for item in value))
        return tuple(_typed(arg, item) for arg, item in zip(args, value, strict=True))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if dataclasses.is_dataclass(hint):
        return from_row(typing.cast(type, hint), value)
    return value


_ARROW_TYPES = {
    str: pa.large_string(),
    int: pa.int64(),
    float: pa.float64(),
    Float32: pa.float32(),
    bool: pa.bool_(),
}


def _arrow_type(hint: Any) -> pa.DataType:
    origin = typing.get_origin(hint)
    if origin is tuple:
        return pa.list_(_arrow_type(typing.get_args(hint)[0]))
    if origin in (Literal, types.UnionType) or (
        isinstance(hint, type) and issubclass(hint, enum.Enum)
    ):
        return pa.large_string()
    if dataclasses.is_dataclass(hint):
        return pa.struct(list(arrow_schema(typing.cast(type, hint))))
    return _ARROW_TYPES[hint]
