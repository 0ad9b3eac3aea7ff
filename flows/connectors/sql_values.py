"""Values of columns as JSON."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import types

INT64: Final = 2**63
Type = types.TypeEngine[Any]


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "a text"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DATETIME = "a time like 2026-01-31T12:00:00Z"
    DATE = "a day like 2026-01-31"
    TIME = "a time of day like 12:00:00"
    BINARY = "bytes in base64"
    UUID = "a UUID"
    JSON = "any JSON"
    ARRAY = "a list"
    ANY = "a text or a number"


_KINDS: Final[tuple[tuple[type[Type], Kind], ...]] = (
    (types.Boolean, Kind.BOOLEAN),
    (types.Integer, Kind.INTEGER),
    (types.Numeric, Kind.NUMBER),
    (types.DateTime, Kind.DATETIME),
    (types.Date, Kind.DATE),
    (types.Time, Kind.TIME),
    (types.JSON, Kind.JSON),
    (types.Uuid, Kind.UUID),
    (types.ARRAY, Kind.ARRAY),
    (types.LargeBinary, Kind.BINARY),
    (types.Enum, Kind.ANY),
    (types.String, Kind.TEXT),
)


class Damaged(ValueError):
    """A value is not of its column's kind, which SQLite lets happen."""


class NotText(bytes):
    """A text of SQLite that is not UTF-8."""


def kind_of_type(type_: Type) -> Kind:
    return next((kind for known, kind in _KINDS if isinstance(type_, known)), Kind.ANY)


def reader(kind: Kind, type_: Type, declared: str, *, is_loose: bool) -> Callable[[Any], Any] | None:
    """A function that makes JSON of a value that is not null; None when it is JSON already.

    `declared` is the type that a provisioner file gives the member, empty when it does not say. A loose database keeps
    any value in any column.
    """
    plain = _LOOSE.get(kind, to_json) if is_loose else _strict(kind, type_)
    cast = _CASTS.get(declared)
    if cast is None or (declared == "string" and kind is Kind.TEXT):
        return plain
    if plain is None:
        return cast
    first, then = plain, cast
    return lambda value: then(first(value))


def _strict(kind: Kind, type_: Type) -> Callable[[Any], Any] | None:
    if kind is Kind.TEXT:
        return _trimmed if isinstance(type_, types.CHAR) else None
    return None if kind in (Kind.INTEGER, Kind.BOOLEAN) else to_json


def _trimmed(value: str) -> str:
    """A text of fixed length is filled up with spaces that mean nothing."""
    return value.rstrip(" ")


def to_json(value: Any) -> Any:
    """Any value that a driver gives."""
    match value:
        case str() | bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case decimal.Decimal():
            return _number(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case list() | tuple():
            return [to_json(element) for element in value]
        case dict():
            return {str(name): to_json(member) for name, member in value.items()}
        case _:
            return str(value)


def _number(value: decimal.Decimal) -> int | float | str:
    """A number as long as nothing of it is lost, else its digits."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        whole = int(value)
        return whole if abs(whole) < INT64 else str(value)
    close = float(value)
    return close if decimal.Decimal(repr(close)) == value else str(value)


def _loose_text(value: Any) -> str:
    if isinstance(value, bytes):
        raise Damaged("not UTF-8" if isinstance(value, NotText) else "bytes instead of a text")
    return value if isinstance(value, str) else str(value)


def _loose_number(value: Any) -> Any:
    if not isinstance(value, int | float):
        raise Damaged(f"{shown(value)} is no number")
    return to_json(value)


def _loose_truth(value: Any) -> bool:
    if value in (0, 1) and not isinstance(value, str):
        return bool(value)
    raise Damaged(f"{shown(value)} is neither true nor false")


def _loose_json(value: Any) -> Any:
    try:
        return orjson.loads(value)
    except (orjson.JSONDecodeError, TypeError):
        raise Damaged(f"{shown(value)} is no JSON") from None


def _loose_any(value: Any) -> Any:
    return _loose_text(value) if isinstance(value, NotText) else to_json(value)


_LOOSE: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.TEXT: _loose_text,
    Kind.INTEGER: _loose_number,
    Kind.NUMBER: _loose_number,
    Kind.BOOLEAN: _loose_truth,
    Kind.JSON: _loose_json,
    Kind.DATETIME: _loose_text,
    Kind.DATE: _loose_text,
    Kind.TIME: _loose_text,
    Kind.UUID: _loose_text,
    Kind.ANY: _loose_any,
}


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def as_integer(value: Any) -> int:
    try:
        if float(value) == int(value):
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise Damaged(f"{shown(value)} is no whole number")


def as_number(value: Any) -> int | float:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Damaged(f"{shown(value)} is no number") from None
    return value if isinstance(value, int) else found


def as_truth(value: Any) -> bool:
    found = _TRUTH.get(str(value).strip().lower())
    if found is None:
        raise Damaged(f"{shown(value)} is neither true nor false")
    return found


_TRUTH: Final = {
    "true": True,
    "1": True,
    "t": True,
    "y": True,
    "false": False,
    "0": False,
    "f": False,
    "n": False,
}
_CASTS: Final[dict[str, Callable[[Any], Any]]] = {
    "string": as_text,
    "integer": as_integer,
    "number": as_number,
    "boolean": as_truth,
}


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
